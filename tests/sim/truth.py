"""The true state of every device, scripted from the seed, and engines that look at it."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from agent.io.icmp import IcmpEngine
from agent.io.snmp import SnmpEngine
from agent.query import IcmpLook, IcmpResult, SnmpLook, SnmpResult
from config.profile import Hint, Metric, Profile
from wire.observation import Outcome

MAINS_GOOD: Final = 1
MAINS_BAD: Final = 2

PROFILE: Final = Profile(
    id="power",
    title="rectifier",
    scalars=(
        Metric(
            name="mains",
            oid="1.3.6.1.4.1.9.1.0",
            watched=True,
            alarm=Hint(alarm="mains-failure", values=(MAINS_BAD,)),
        ),
    ),
)


@dataclass
class Timeline:
    """What a device is from which virtual second on: up or not, mains good or bad."""

    at: list[float] = field(default_factory=lambda: [0.0])
    up: list[bool] = field(default_factory=lambda: [True])
    mains: list[int] = field(default_factory=lambda: [MAINS_GOOD])

    def now(self, seconds: float) -> tuple[bool, int]:
        place = bisect_right(self.at, seconds) - 1
        return self.up[place], self.mains[place]

    def then(self, seconds: float, *, up: bool | None = None, mains: int | None = None) -> None:
        """From ``seconds`` on something is different; in order."""
        self.at.append(seconds)
        self.up.append(self.up[-1] if up is None else up)
        self.mains.append(self.mains[-1] if mains is None else mains)


class Truth:
    """All devices until ``quiet_s``; from there on nothing changes any more."""

    def __init__(self, random: Random, devices: tuple[str, ...], *, quiet_s: float) -> None:
        self.lines = {device: Timeline() for device in devices}
        for line in self.lines.values():
            now = random.uniform(60, 1800)
            while now < quiet_s:
                if random.random() < 0.7:
                    line.then(now, up=not line.up[-1])
                else:
                    line.then(now, mains=MAINS_GOOD + MAINS_BAD - line.mains[-1])
                now += random.choice((40.0, 300.0, 900.0, 2400.0)) * random.uniform(0.5, 1.5)

    def now(self, device: str, seconds: float) -> tuple[bool, int]:
        return self.lines[device].now(seconds)


@dataclass
class Sight:
    """An agent's own eyes: with ``blind`` its machine has no network (could not look)."""

    truth: Truth
    random: Random
    blind: bool = False


SIGHT: Final[ContextVar[Sight]] = ContextVar("sight")
"""What the agent that is being made looks through."""


class _Eyes:
    """In place of an engine's sockets: one word a look, after a while."""

    _sight: Sight
    _blindfold = False

    async def start(self) -> None:
        return None

    def close(self) -> None:
        self._blindfold = True

    def push(self) -> None:
        """What was submitted is on its way already."""

    def submit(self, look: Any, done: Callable[[Any], None]) -> None:
        loop = asyncio.get_running_loop()
        up, _ = self._sight.truth.now(look.device, loop.time())
        took = self._sight.random.uniform(0.005, 0.05) if up else 2.0
        loop.call_later(took, self._seen, look, done, loop.time())

    def _seen(self, look: Any, done: Callable[[Any], None], at_s: float) -> None:
        if self._blindfold:
            return
        up, mains = self._sight.truth.now(look.device, at_s)
        at_ns = round(at_s * 1e9)
        if isinstance(look, IcmpLook):
            done(self._echo(look, at_ns, up=up))
        else:
            done(self._answer(look, at_ns, up=up, mains=mains))

    def _echo(self, look: IcmpLook, at_ns: int, *, up: bool) -> IcmpResult:
        if self._sight.blind:
            return IcmpResult(look, Outcome.COULD_NOT_LOOK, "network_unreachable", at_ns=at_ns)
        if not up:
            return IcmpResult(look, Outcome.NO_ANSWER, "timeout", at_ns=at_ns, sent=3)
        rtts = (1_000_000, 1_100_000, 1_200_000)
        return IcmpResult(look, Outcome.MEASURED, at_ns=at_ns, sent=3, rtts_ns=rtts)

    def _answer(self, look: SnmpLook, at_ns: int, *, up: bool, mains: int) -> SnmpResult:
        if self._sight.blind:
            return SnmpResult(look, Outcome.COULD_NOT_LOOK, "network_unreachable", at_ns=at_ns)
        if not up:
            return SnmpResult(look, Outcome.NO_ANSWER, "timeout", at_ns=at_ns)
        return SnmpResult(
            look, Outcome.MEASURED, at_ns=at_ns, rtt_ns=1_000_000, scalars=(mains,), tags=b"\x02"
        )


class SnmpEyes(_Eyes, SnmpEngine):
    """``SnmpEngine`` without a network."""

    def __init__(self, *given: Any, **named: Any) -> None:
        SnmpEngine.__init__(self, *given, **named)
        self._sight = SIGHT.get()


class IcmpEyes(_Eyes, IcmpEngine):
    """``IcmpEngine`` without a network."""

    def __init__(self, *given: Any, **named: Any) -> None:
        IcmpEngine.__init__(self, *given, **named)
        self._sight = SIGHT.get()
