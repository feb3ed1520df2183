"""The sending end of one hop: an outbox lane, the delivery protocol and a link.

One mechanism for the agent's lanes, the collector's notices and the office's commands. Nothing
here polls: the hop sleeps until rows are appended, something is acknowledged, the link changes
or the retransmission time is over.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Final

from transport import frames
from transport.delivery import Acked, Peer, Renumber, Sender, Window
from transport.io import log as logs
from transport.io.clock import Clock
from transport.io.link import Link
from transport.io.outbox import Outbox, Stored
from transport.io.sqlite import is_full

_BATCH: Final = 16
"""Rows fetched and handed over before others get their turn."""

_DELETE_ROWS: Final = 64
_DELETE_MS: Final = 200
"""Acknowledged rows are deleted when there are so many, or after so long, or when all are."""

_REST_MS: Final = 10_000
"""The longest rest of a hop that shares the link."""

_FULL_MS: Final = 5000
"""When it is tried again on a full disk."""


class SendingHop:
    """Carries lane ``lane`` of ``outbox`` to ``topic``; run it as a task.

    ``wake`` after rows were appended (by whomever), ``connected`` and ``disconnected`` from the
    link's hooks, ``acknowledged`` with each acknowledgement of this lane, already verified.
    ``on_restart`` hears why a new epoch was begun (FAULTS F13), for people to know. ``share``
    below 1 leaves the rest of the link to others: after a row that took so long to hand over, the
    hop rests in proportion (FAULTS F8).
    """

    def __init__(  # noqa: PLR0913  what a hop is between, by name
        self,
        *,
        sender: str,
        lane: str,
        topic: str,
        outbox: Outbox,
        link: Link,
        clock: Clock,
        window: Window | None = None,
        on_restart: Callable[[Renumber], None] | None = None,
        share: float = 1.0,
    ) -> None:
        self.lane = lane
        self.idle = asyncio.Event()
        """Set while every row is acknowledged."""
        self._peer = Peer(sender, lane)
        self._topic = topic
        self._outbox = outbox
        self._link = link
        self._clock = clock
        self._on_restart = on_restart
        self._rest = 1 / share - 1
        self._rests_until: int | None = None
        self._wake = asyncio.Event()
        info = outbox.lane(lane)
        self._sender = Sender(
            epoch=info.epoch,
            acked=info.acked,
            highest=info.highest,
            store=info.store,
            window=window,
        )
        self._deleted = info.acked
        self._delete_at: int | None = None
        self._last = (0, 0, 0)
        self._log = logs.get("hop", sender=sender, lane=lane)
        self._changes = logs.Changes(self._log)
        self._note_idle()

    @property
    def pending(self) -> int:
        """Rows not yet acknowledged."""
        return self._sender.pending

    @property
    def position(self) -> tuple[int, int]:
        """Epoch and last acknowledged number."""
        return self._sender.epoch, self._sender.acked

    @property
    def end(self) -> tuple[int, int]:
        """Epoch and last number that was written."""
        return self._sender.epoch, self._sender.highest

    def retire_to(self, other: SendingHop) -> None:
        """What waits here goes behind what waits in ``other``'s lane; here a new epoch begins.

        Raises sqlite3.OperationalError on a full disk; nothing has changed then.
        """
        for hop in (self, other):
            hop.settle()
        self._outbox.retire(self.lane, other.lane)
        for hop in (self, other):
            hop.follow()

    def settle(self) -> None:
        """Delete what is acknowledged, now. Raises sqlite3.OperationalError on a full disk."""
        self._outbox.acknowledge(self.lane, self._sender.acked, store=self._sender.store)
        self._delete_at, self._deleted = None, self._sender.acked

    def follow(self) -> None:
        """Go on where the outbox's lane stands, which was changed beside this hop."""
        info = self._outbox.lane(self.lane)
        if info.epoch == self._sender.epoch:
            self._sender.append(info.highest)
        else:
            self._sender.renumbered(info.epoch, info.highest)
            self._deleted = 0
        self._note_idle()
        self._wake.set()

    def wake(self) -> None:
        """Rows were appended and committed."""
        self._sender.append(self._outbox.lane(self.lane).highest)
        self._note_idle()
        self._wake.set()

    def connected(self) -> None:
        """The link is up and the receiver may listen."""
        self._sender.connect()
        self._wake.set()

    def disconnected(self) -> None:
        self._sender.disconnect()
        self._wake.set()

    def acknowledged(self, acked: Acked) -> None:
        """Take an acknowledgement of this lane; what is committed there is deleted here soon.

        Deleting late costs a repetition after a crash, never a row; so deletions are gathered.
        """
        store = self._sender.store
        token = self._outbox.token(self.lane, acked.seq)
        now = self._clock.monotonic_ms()
        for action in self._sender.ack(acked, now, token=token):
            if isinstance(action, Renumber):
                self._renumber(action)
                store = self._sender.store
        gone = self._sender.acked - self._deleted
        if store != self._sender.store or gone >= _DELETE_ROWS or (gone and not self.pending):
            self._delete()
        elif gone and self._delete_at is None:
            self._delete_at = now + _DELETE_MS
        self._note_idle()
        self._wake.set()

    def _delete(self) -> None:
        """Delete what is acknowledged, in one transaction; later when the disk is full."""
        self._delete_at = None
        try:
            self._outbox.acknowledge(self.lane, self._sender.acked, store=self._sender.store)
        except sqlite3.OperationalError as error:
            if not is_full(error):
                raise
            self._changes.note("disk", "full", "acknowledged rows stay: no disk space")
            self._delete_at = self._clock.monotonic_ms() + _FULL_MS
            return
        self._changes.forget("disk")
        self._deleted = self._sender.acked

    async def run(self) -> None:
        """Send and send again, until cancelled."""
        while True:
            self._wake.clear()
            now = self._clock.monotonic_ms()
            if self._delete_at is not None and now >= self._delete_at:
                self._delete()
            if self._sender.due(now):
                self._changes.note(
                    "answer", "missing", "no acknowledgement", level="info", pending=self.pending
                )
            if self._pump():
                await asyncio.sleep(0)
                continue
            await self._sleep()

    async def _sleep(self) -> None:
        ends = (self._sender.deadline(), self._delete_at, self._rests_until)
        deadlines = [at for at in ends if at is not None]
        if not deadlines:
            await self._wake.wait()
            return
        delay = max(0.0, (min(deadlines) - self._clock.monotonic_ms()) / 1000)
        try:
            async with asyncio.timeout(delay):
                await self._wake.wait()
        except TimeoutError:
            return

    def _pump(self) -> bool:
        """Hand over a few rows; whether it is worth trying again at once."""
        if self._rests_until is not None:
            if self._clock.monotonic_ms() < self._rests_until:
                return False
            self._rests_until = None
        room = self._sender.room()
        if room is None:
            return False
        rows = self._outbox.rows(self.lane, room.first, most=min(room.rows, _BATCH), size=room.size)
        return bool(rows) and all(self._send(row) for row in rows)

    def _send(self, row: Stored) -> bool:
        epoch = self._sender.epoch
        payload = frames.wrap(
            self._peer,
            epoch=epoch,
            seq=row.seq,
            sent_ms=self._clock.now_ms(),
            check=row.token,
            body=row.body,
            after=self._before(row.seq),
            was=row.was,
            packed=row.packed,
        )
        answer = self._link.post(self._topic, payload)
        if answer is None:
            return False
        sent_ms = self._clock.monotonic_ms()
        self._sender.sent(row.seq, len(payload), sent_ms)
        self._last = (epoch, row.seq, row.token)
        answer.add_done_callback(lambda done: self._handed_over(epoch, row.seq, sent_ms, done))
        return True

    def _before(self, seq: int) -> int:
        """The token of the row before, while that is not acknowledged; 0 else."""
        epoch, last, token = self._last
        known = (epoch, last) == (self._sender.epoch, seq - 1) and last > self._sender.acked
        return token if known else 0

    def _handed_over(self, epoch: int, seq: int, sent_ms: int, done: asyncio.Future[bool]) -> None:
        if done.cancelled() or not self._link.connected:
            return
        if not done.result():
            self._changes.note("publish", "refused", "publish refused", topic=self._topic)
        now = self._clock.monotonic_ms()
        self._sender.handed_over(epoch, seq, now)
        if self._rest:
            self._rests_until = now + min(_REST_MS, round((now - sent_ms) * self._rest))
        self._wake.set()

    def _renumber(self, action: Renumber) -> None:
        self.settle()  # not ``_delete``: what stayed for want of room would come again
        info = self._outbox.renumber(self.lane, above=action.above, store=self._sender.store)
        self._sender.renumbered(info.epoch, info.highest)
        self._deleted = 0
        self._log.warning("new epoch", epoch=info.epoch, reason=action.reason, rows=info.highest)
        if self._on_restart is not None:
            self._on_restart(action)

    def _note_idle(self) -> None:
        if self._sender.pending:
            self.idle.clear()
        else:
            self.idle.set()
            self._changes.forget("answer")
