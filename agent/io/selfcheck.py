"""Check yourself first: no device is called silent while we have no uplink of our own.

Witnesses (the gateways of the routing table and configured addresses) are asked by ICMP, the
collector's broker by a TCP connection and only when no witness answers. One check serves all who
wait for one; who asks during a check waits for the next, which begins after what he saw.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from agent.io.icmp import IcmpEngine
from agent.query import IcmpLook, IcmpResult
from agent.witness import Witnesses, gateways4, gateways6
from wire.observation import Outcome

EVERY_MS: Final = 30_000
BLIND_EVERY_MS: Final = 2000
_TIMEOUT_S: Final = 1.0
_ECHOES: Final = 3
_TABLE: Final = 256 * 1024
_ROUTES: Final = ((Path("/proc/net/route"), gateways4), (Path("/proc/net/ipv6_route"), gateways6))


class SelfCheck:
    """``blind`` is the verdict of the last check; ``ask`` for a fresh one.

    ``light`` is another number after each change of the verdict.

    ``broker`` is the collector's host and port; on this very host it is no witness of an uplink.
    """

    def __init__(
        self,
        icmp: IcmpEngine,
        broker: tuple[str, int],
        *,
        addresses: Sequence[str] = (),
        gateways: bool = True,
        on_change: Callable[[bool], None] = lambda _blind: None,
    ) -> None:
        self._icmp = icmp
        self._broker = broker
        self._configured = tuple(addresses)
        self._gateways = gateways
        self._on_change = on_change
        self.witnesses = Witnesses(addresses)
        self.light = 0
        self._waiting: list[Callable[[], None]] = []
        self._serving: list[Callable[[], None]] | None = None
        self._answers: dict[str, bool] = {}
        self._left = 0
        self._next_ms: int | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def blind(self) -> bool:
        return self.witnesses.blind

    def turn(self, now_ms: int) -> None:
        """Check every now and then; more often while blind."""
        if self._next_ms is None or now_ms >= self._next_ms:
            self._next_ms = now_ms + (BLIND_EVERY_MS if self.blind else EVERY_MS)
            if self._serving is None:
                self._begin()

    def ask(self, then: Callable[[], None]) -> None:
        """Call ``then`` after a check that begins now or later; at once if none can tell."""
        if not self.witnesses.proven:
            then()
            return
        self._waiting.append(then)
        if self._serving is None:
            self._begin()

    def close(self) -> None:
        """Nobody is told any more. Idempotent."""
        self._waiting.clear()
        self._serving = []
        if self._task is not None:
            self._task.cancel()

    def _begin(self) -> None:
        self._serving, self._waiting = self._waiting, []
        if self._gateways:
            self.witnesses.replace((*self._configured, *_gateways()))
        self._answers = {}
        self._left = len(self.witnesses.addresses)
        for address in self.witnesses.addresses:
            look = IcmpLook("", address, count=_ECHOES, timeout_s=_TIMEOUT_S)
            self._icmp.submit(look, partial(self._heard, address))
        if not self._left:
            self._judge()

    def _heard(self, address: str, result: IcmpResult) -> None:
        if result.outcome is not Outcome.COULD_NOT_LOOK:
            self._answers[address] = result.outcome is Outcome.MEASURED
        self._left -= 1
        if not self._left:
            self._judge()

    def _judge(self) -> None:
        before = self.blind
        if self.witnesses.heard(self._answers):
            self._task = asyncio.get_running_loop().create_task(self._collector(before=before))
        else:
            self._end(before=before)

    async def _collector(self, *, before: bool) -> None:
        self.witnesses.decide(collector=await _reachable(*self._broker))
        self._end(before=before)

    def _end(self, *, before: bool) -> None:
        if self._serving is None:
            return
        serving, self._serving = self._serving, None
        if self.blind is not before:
            self._next_ms = None
            self.light += 1
            self._on_change(self.blind)
        loop = asyncio.get_running_loop()
        for then in serving:
            loop.call_soon(then)
        if self._waiting:
            self._begin()


def _gateways() -> list[str]:
    found: list[str] = []
    for path, read in _ROUTES:
        try:
            with path.open(encoding="ascii", errors="replace") as file:
                found += read(file.read(_TABLE))
        except OSError:
            continue
    return found


async def _reachable(host: str, port: int) -> bool | None:
    """Whether anything there takes or refuses a connection; None on this very host."""
    try:
        if host == "localhost" or ip_address(host).is_loopback:
            return None
    except ValueError:
        pass
    try:
        async with asyncio.timeout(_TIMEOUT_S * 2):
            _, writer = await asyncio.open_connection(host, port)
    except ConnectionRefusedError:
        return True
    except OSError:  # TimeoutError is one
        return False
    writer.close()
    return True
