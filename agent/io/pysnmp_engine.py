"""Looks through pysnmp, for devices that the fast path does not get along with.

pysnmp works in a process of its own (``agent.io.pysnmp_worker``), because each of its requests
takes milliseconds. What is asked, read, repeated and remembered is the same Conversation as the
fast path's, with pysnmp for a messenger: so both have the same outcomes and the same readings.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final

from agent import ber
from agent.ber import BerError
from agent.bucket import Bucket, Budget
from agent.conversation import Conversation
from agent.io.engine import Stats
from agent.io.pysnmp_child import Child
from agent.learnt import Words
from agent.memory import Shared, Sizes
from agent.query import Access, SnmpLook, SnmpResult
from agent.session import SILENT, WRONG_PRIVACY
from agent.snmp import FIRST_ID, GET, V2C, Stray, template
from config.inventory import SnmpVersion
from wire.observation import Outcome

REQUESTS_PER_S: Final = 300.0
AT_ONCE: Final = 64
"""Looks under way; the others wait."""

_PLAIN: Final = Access(SnmpVersion.V2C)
_PROBE: Final = template(V2C, b"", GET, (ber.oid_content("1.3.6.1.2.1.1.3.0"),))
_OPEN, _AUTH, _PRIV = _LEVELS = ("noAuthNoPriv", "authNoPriv", "authPriv")
_ID_MASK: Final = 2**30 - 1

REFUSALS: Final = {
    "UnknownUserName": "unknownUserNames",
    "UnknownSecurityName": "unknownUserNames",
    "WrongDigest": "wrongDigests",
    "AuthenticationFailure": "wrongDigests",
    "UnsupportedSecurityLevel": "unsupportedSecLevels",
    "NotInTimeWindow": "notInTimeWindows",
    "UnknownEngineID": "unknownEngineIDs",
    "DecryptionError": "decryptionErrors",
    "ReportPduReceived": "unknownReport",
}
"""pysnmp's error indications as the fast path names them."""

Done = Callable[[SnmpResult], None]


class _Ended(Exception):  # noqa: N818  the end of a look, not a fault
    """How a look ended before its last reply."""

    def __init__(self, outcome: Outcome, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.outcome, self.reason, self.detail = outcome, reason, detail


class PysnmpEngine:
    """Used as an SnmpEngine is: ``submit`` never blocks, ``done`` is called once per look.

    ``budget``: what all engines may send and receive; beside it REQUESTS_PER_S hold.
    """

    def __init__(self, sizes: Sizes | None = None, budget: Budget | None = None) -> None:
        self.stats = Stats()
        self._shared_budget = budget
        self._shared = Shared(sizes)
        self._tasks: set[asyncio.Task[SnmpResult]] = set()
        self._turns: dict[tuple[str, int], asyncio.Lock] = {}
        self._silent: set[tuple[str, int]] = set()
        self._serial = 0
        self._child = Child()

    async def start(self) -> None:
        """The process itself starts with the first request."""
        self._bucket = Bucket(REQUESTS_PER_S, time.monotonic_ns())
        self._room = asyncio.Semaphore(AT_ONCE)

    def close(self) -> None:
        """End the process; looks under way end as ``could_not_look`` (``closed``). Idempotent."""
        for task in list(self._tasks):
            task.cancel()
        self._child.close()

    def teach(self, words: dict[str, Words]) -> None:
        """What devices taught before a restart (``Shared.taught``)."""
        self._shared.taught = words

    def submit(self, look: SnmpLook, done: Done) -> None:
        """Look once; ``done`` gets the result."""
        self.stats.looks += 1
        task = asyncio.create_task(self._look(look))
        self._tasks.add(task)
        task.add_done_callback(partial(self._over, look, done))

    async def look(self, look: SnmpLook) -> SnmpResult:
        """Look once and wait for the result."""
        future: asyncio.Future[SnmpResult] = asyncio.get_running_loop().create_future()
        self.submit(look, lambda result: None if future.done() else future.set_result(result))
        return await future

    def _over(self, look: SnmpLook, done: Done, task: asyncio.Task[SnmpResult]) -> None:
        """Hand the result over."""
        self._tasks.discard(task)
        if task.cancelled():
            result = SnmpResult(look, Outcome.COULD_NOT_LOOK, "closed", complete=False)
        else:
            error = task.exception()
            if error is not None:  # a fault of ours is told, and is not the device's
                loop = asyncio.get_running_loop()
                loop.call_exception_handler({"message": "a look failed", "exception": error})
                said = type(error).__name__
                result = SnmpResult(look, Outcome.COULD_NOT_LOOK, "fault", said, complete=False)
            else:
                result = task.result()
        result.at_ns = time.monotonic_ns()
        self.stats.count(result.outcome)
        done(result)

    async def _look(self, look: SnmpLook) -> SnmpResult:
        place = look.address, look.port
        turn = self._turns.setdefault(place, asyncio.Lock())
        async with turn, self._room:
            talk = Conversation(_plain(look), self._shared)
            begun, asked = time.monotonic_ns(), self.stats.sent
            try:
                await self._meet(look)
                await self._talk(look, talk)
                refused = talk.refused and not talk.has_values
                end = _Ended(Outcome.REFUSED if refused else Outcome.MEASURED, "")
            except _Ended as known:
                end = known
            if end.outcome is Outcome.NO_ANSWER:
                self._silent.add(place)
            else:
                self._silent.discard(place)
            result = talk.result(end.outcome)
            if end.outcome is Outcome.COULD_NOT_LOOK:
                result = SnmpResult(look, end.outcome, complete=False)
            result.look = look
            result.reason = end.reason or result.reason
            result.detail = end.detail
            result.requests = self.stats.sent - asked
            if result.requests == 1:
                result.rtt_ns = time.monotonic_ns() - begun
            return result

    async def _talk(self, look: SnmpLook, talk: Conversation) -> None:
        """Ask until the conversation is over. Raises _Ended when it ends otherwise."""
        tries = 0
        while talk.template is not None:
            self._serial = self._serial + 1 & _ID_MASK
            request_id = FIRST_ID + self._serial
            message = talk.template.message(request_id.to_bytes(4, "big"))
            fresh = tries == 1 and look.access.user is not None and not talk.answered
            reply = await self._ask(look, message, _level(look), fresh=fresh, bare=False)
            tries += 1
            if "got" in reply:
                try:
                    talk.take(bytes.fromhex(reply["got"]), request_id)
                except (BerError, Stray) as error:
                    raise _Ended(Outcome.COULD_NOT_LOOK, "malformed", str(error)) from error
                tries = 0
                continue
            if reply["error"]:
                self._failed(reply, talk)
            elif not talk.again(allowed=tries <= look.retries):
                verdict = "" if talk.answered else await self._verdict(look)
                talk.stop(verdict or "timeout")
                if verdict:
                    raise _Ended(Outcome.REFUSED, verdict)
                raise _Ended(Outcome.MEASURED if talk.answered else Outcome.NO_ANSWER, "timeout")

    def _failed(self, reply: dict[str, Any], talk: Conversation) -> None:
        """Raise _Ended for an error that pysnmp indicates."""
        name = reply["error"]
        reason = REFUSALS.get(name)
        if reason is None:
            talk.stop("pysnmp")
            raise _Ended(Outcome.COULD_NOT_LOOK, "pysnmp", f"{name} {reply.get('detail', '')}")
        talk.stop(reason)
        raise _Ended(Outcome.MEASURED if talk.has_values else Outcome.REFUSED, reason)

    async def _meet(self, look: SnmpLook) -> None:
        """A version 3 device that was silent last time is first asked who it is."""
        if look.access.user is None or (look.address, look.port) not in self._silent:
            return
        message = _PROBE.message(FIRST_ID.to_bytes(4, "big"))
        reply = await self._ask(look, message, _OPEN, fresh=True)
        if reply.get("error") == "":
            raise _Ended(Outcome.NO_ANSWER, "timeout")

    async def _verdict(self, look: SnmpLook) -> str:
        """Why a version 3 device may be silent; empty: it does not answer at all."""
        user = look.access.user
        if user is None:
            return ""
        message = _PROBE.message(FIRST_ID.to_bytes(4, "big"))
        if user.priv is not None:
            reply = await self._ask(look, message, _AUTH, bare=False)
            if "got" in reply:
                return WRONG_PRIVACY
            if reply["error"] in REFUSALS:
                reason = REFUSALS[reply["error"]]
                return WRONG_PRIVACY if reason == "unsupportedSecLevels" else reason
        reply = await self._ask(look, message, _OPEN)
        return SILENT if "got" in reply or reply["error"] in REFUSALS else ""

    async def _ask(
        self, look: SnmpLook, message: bytes, level: str, *, fresh: bool = False, bare: bool = True
    ) -> dict[str, Any]:
        """One request within the budget; its reply as the process tells it."""
        await asyncio.sleep(self._pause_s(len(message)))
        self.stats.sent += 1
        self.stats.in_flight += 1
        try:
            reply = await self._child.ask(look, message, level, fresh=fresh, bare=bare)
        finally:
            self.stats.in_flight -= 1
        if "got" in reply:
            self.stats.received += 1
            if self._shared_budget is not None:
                self._shared_budget.passed(len(reply["got"]) // 2)
        return reply

    def _pause_s(self, octets: int) -> float:
        """How long a request has to wait; what it owes is waited for by those after it."""
        now = time.monotonic_ns()
        self._bucket.available(now)
        wait_s = self._bucket.wait_s(1)
        self._bucket.take(1)
        shared = self._shared_budget
        if shared is not None:
            shared.available(now)
            wait_s = max(wait_s, shared.wait_s(1))
            shared.take(1)
            shared.passed(octets)
        return wait_s


def _plain(look: SnmpLook) -> SnmpLook:
    """The look as the conversation sees it: pysnmp translates to the device's version.

    It is kept in the look's own memory, with what it remembers.
    """
    kept = look.memory
    if isinstance(kept, SnmpLook) and kept.query is look.query:
        return kept
    plain = replace(look, access=_PLAIN, memory=None)
    look.memory = plain
    return plain


def _level(look: SnmpLook) -> str:
    user = look.access.user
    if user is None or user.auth is None:
        return _OPEN
    return _AUTH if user.priv is None else _PRIV
