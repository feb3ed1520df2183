"""The delivery protocol: numbers in, decisions out.

No sockets, files, clocks or payloads live here: a ``Sender`` works over the row numbers of an
outbox that it does not own, a ``Receiver`` over watermarks that its caller commits. Rows of a
lane are numbered 1, 2, 3 … within an epoch, sent in a window, acknowledged cumulatively and only
after the receiver's commit; what is not acknowledged in time is sent again from the first
unacknowledged row on (go-back-N). The broker in between may lose, double and reorder anything.

An epoch ends, and the pending rows are numbered again from 1 in a newer one, when

====================  ===================================================================
``Restart.REFUSED``   the receiver knows a newer epoch of ours (our outbox was lost or cloned)
``Restart.BEYOND``    it has committed rows that we never wrote (restored from an old copy)
``Restart.DIFFERENT`` it has committed another row under this number (likewise)
``Restart.BEHIND``    it has lost rows that it had acknowledged (its store was lost)
====================  ===================================================================

Times are integer milliseconds of a monotonic clock and always arguments.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Acked(NamedTuple):
    """One acknowledgement as a value; the fields are those of ``wire.frame.Ack``."""

    epoch: int
    seq: int
    refused: bool = False
    again: bool = False
    check: int = 0
    store: int = 0


class Standing(StrEnum):
    """What an acknowledgement means to the sender in its present state."""

    STALE = "stale"
    ADVANCE = "advance"
    AGAIN = "again"
    REFUSED = "refused"
    BEYOND = "beyond"
    DIFFERENT = "different"
    BEHIND = "behind"


class Restart(StrEnum):
    """Why a new epoch has to begin."""

    REFUSED = "refused"
    BEYOND = "beyond"
    DIFFERENT = "different"
    BEHIND = "behind"


class Delete(NamedTuple):
    """Rows up to and including ``up_to`` are the receiver's now."""

    up_to: int


class Renumber(NamedTuple):
    """Take an epoch above ``above`` and number the pending rows again from 1."""

    above: int
    reason: Restart


Action = Delete | Renumber


class Room(NamedTuple):
    """What may be sent now: at most ``rows`` rows and about ``size`` bytes from ``first`` on."""

    first: int
    rows: int
    size: int


@dataclass(frozen=True, slots=True)
class Window:
    """How much may be on its way, and when it counts as lost.

    ``first_ms`` is the retransmission time at the start, ``most_ms`` its limit; in between it
    follows the measured answers and doubles with each retransmission.

    With ``least`` the bytes on their way begin there at each connection, double with each row
    that the broker takes within ``quick_ms`` and halve with a slower one: such a lane never fills
    a slow link for much longer than that, whatever waits behind it (FAULTS F8).
    """

    rows: int = 64
    size: int = 512 * 1024
    first_ms: int = 1000
    most_ms: int = 15_000
    least: int | None = None
    quick_ms: int = 500


class _Sent(NamedTuple):
    seq: int
    size: int
    at_ms: int
    again: bool


_STRIKES: Final = 3
"""Retransmissions after which a receiver that stays behind its own word is believed.

So is one whose store is older than one that we know of: a lost store whose clock is behind begins
in an older epoch than the one before it, and nobody else answers any more. Late words of a former
store end by themselves, much sooner.
"""


class Sender:
    """One lane's sending end. Call ``room`` until it is None, then sleep until ``deadline``."""

    def __init__(
        self,
        *,
        epoch: int,
        acked: int = 0,
        highest: int = 0,
        store: int = 0,
        window: Window | None = None,
    ) -> None:
        self.epoch = epoch
        self.acked = acked
        self.highest = highest
        self.store = store
        self.connected = False
        self._window = window or Window()
        self._size = self._window.least or self._window.size
        self._next = acked + 1
        self._reached = acked  # highest number sent in this life: what comes below it is a repeat
        self._flying: deque[_Sent] = deque()
        self._flying_size = 0
        self._rto = self._window.first_ms
        self._srtt: int | None = None
        self._deadline: int | None = None
        self._probing = False
        self._gone_back_at = -1
        self._strikes = 0
        self._behind_seen = False

    @property
    def pending(self) -> int:
        """Rows written and not acknowledged."""
        return self.highest - self.acked

    @property
    def in_flight(self) -> int:
        return len(self._flying)

    def connect(self) -> None:
        """The link is up: whatever was on its way is lost, begin after the last acknowledged."""
        self.connected = True
        self._size = self._window.least or self._window.size
        self._go_back()

    def disconnect(self) -> None:
        """The link is down: nothing is sent and no timer runs."""
        self.connected = False
        self._go_back()

    def append(self, highest: int) -> None:
        """The outbox now ends at ``highest``."""
        if highest < self.highest:
            raise ValueError(f"an outbox does not shrink: {self.highest} to {highest}")
        self.highest = highest

    def room(self) -> Room | None:
        """What may be sent now, or None."""
        rows = 1 if self._probing else self._window.rows
        rows = min(rows - len(self._flying), self.highest - self._next + 1)
        size = self._size - self._flying_size
        if not self.connected or rows <= 0 or size <= 0:
            return None
        return Room(self._next, rows, size)

    def sent(self, seq: int, size: int, now_ms: int) -> None:
        """Row ``seq`` was handed to the link; they go in order."""
        if seq != self._next or not self.connected:
            raise ValueError(f"row {seq} is out of turn, {self._next} is next")
        self._flying.append(_Sent(seq, size, now_ms, seq <= self._reached))
        self._flying_size += size
        self._next = seq + 1
        self._reached = max(self._reached, seq)

    def handed_over(self, epoch: int, seq: int, now_ms: int) -> None:
        """The broker has taken row ``seq``: from now on its acknowledgement is awaited.

        While the link itself is still busy with a row, repeating it would only make it busier.
        """
        if self.connected and epoch == self.epoch and self._flying and seq >= self._flying[0].seq:
            self._deadline = now_ms + self._rto
            at = seq - self._flying[0].seq
            if at < len(self._flying):
                self._widen(now_ms - self._flying[at].at_ms)

    def deadline(self) -> int | None:
        """The monotonic ms at which ``due`` has to be called, or None."""
        return self._deadline

    def due(self, now_ms: int) -> bool:
        """Go back when the retransmission time is over; True when it was."""
        if self._deadline is None or now_ms < self._deadline:
            return False
        self._strikes += self._behind_seen
        self._behind_seen = False
        self._rto = min(self._rto * 2, self._window.most_ms)
        self._go_back()
        self._probing = True
        return True

    def standing(self, ack: Acked, token: int | None) -> Standing:
        """What ``ack`` means now; ``token`` is our own of row ``ack.seq``, None when gone."""
        if ack.store < self.store and self._strikes < _STRIKES:
            return Standing.STALE
        if ack.epoch != self.epoch:
            return Standing.REFUSED if ack.epoch > self.epoch else self._older(ack)
        if ack.seq > self.acked:
            return self._beyond(ack, token)
        if ack.seq == self.acked:
            return Standing.AGAIN if ack.again else Standing.STALE
        return self._lost(ack)

    def ack(self, ack: Acked, now_ms: int, *, token: int | None = None) -> tuple[Action, ...]:
        """Take an acknowledgement; the caller carries the actions out, then calls ``room``."""
        standing = self.standing(ack, token)
        if standing is Standing.STALE:
            older = ack.store < self.store and self._strikes < _STRIKES
            behind = ack.again and (ack.epoch, ack.seq) < (self.epoch, self.acked)
            self._behind_seen |= older or behind
            self.store = self.store if older else ack.store
            return ()
        self.store = ack.store
        if standing is Standing.ADVANCE:
            return (self._advance(ack, now_ms),)
        if standing is Standing.AGAIN:
            self._again()
            return ()
        return (Renumber(max(self.epoch, ack.epoch), Restart(standing.value)),)

    def renumbered(self, epoch: int, highest: int) -> None:
        """The outbox has numbered its pending rows 1 … ``highest`` in the new ``epoch``."""
        if epoch <= self.epoch:
            raise ValueError(f"epoch {epoch} is not newer than {self.epoch}")
        self.epoch, self.acked, self.highest = epoch, 0, highest
        self._reached = 0
        self._strikes = 0
        self._behind_seen = False
        self._gone_back_at = -1
        self._go_back()

    def _beyond(self, ack: Acked, token: int | None) -> Standing:
        """Judge an acknowledgement above what was acknowledged before."""
        if ack.seq > self.highest:
            return Standing.BEYOND
        same = token is None or ack.check in {0, token}
        return Standing.ADVANCE if same else Standing.DIFFERENT

    def _older(self, ack: Acked) -> Standing:
        """Judge an acknowledgement of an older epoch: the receiver still waits for our row 1."""
        if not ack.again:
            return Standing.STALE
        return Standing.AGAIN if self.acked == 0 else self._lost(ack)

    def _lost(self, ack: Acked) -> Standing:
        """Judge an acknowledgement below what was acknowledged before."""
        believed = ack.store > self.store or (
            self._strikes >= _STRIKES and (ack.again or ack.store < self.store)
        )
        return Standing.BEHIND if believed else Standing.STALE

    def _advance(self, ack: Acked, now_ms: int) -> Delete:
        clean: _Sent | None = None
        while self._flying and self._flying[0].seq <= ack.seq:
            gone = self._flying.popleft()
            self._flying_size -= gone.size
            clean = None if gone.again else gone
        if clean is not None:
            self._measure(now_ms - clean.at_ms)
        self.acked = ack.seq
        self._next = max(self._next, ack.seq + 1)
        self._reached = max(self._reached, ack.seq)
        self._probing = False
        self._strikes = 0
        self._behind_seen = False
        self._deadline = now_ms + self._rto if self._flying else None
        if ack.again:
            self._again()
        return Delete(ack.seq)

    def _measure(self, took_ms: int) -> None:
        """Follow the time that answers take; repeats say nothing about it (RFC 6298, Karn)."""
        self._srtt = took_ms if self._srtt is None else (7 * self._srtt + took_ms) // 8
        self._rto = min(max(self._window.first_ms, 3 * self._srtt), self._window.most_ms)

    def _widen(self, took_ms: int) -> None:
        """Let more on its way where the link is quick, less where it is not."""
        window = self._window
        if window.least is None:
            return
        size = self._size * 2 if took_ms <= window.quick_ms else self._size // 2
        self._size = min(max(size, window.least), window.size)

    def _again(self) -> None:
        """Go back at once, but only once per watermark: the timer does the rest."""
        if self._gone_back_at != self.acked:
            self._gone_back_at = self.acked
            self._go_back()

    def _go_back(self) -> None:
        self._next = self.acked + 1
        self._flying.clear()
        self._flying_size = 0
        self._deadline = None
        self._probing = False


class Verdict(StrEnum):
    """What a frame is to the receiver. ACCEPT and NEW_EPOCH are applied, the rest is not."""

    ACCEPT = "accept"
    NEW_EPOCH = "new_epoch"
    DUPLICATE = "duplicate"
    GAP = "gap"
    OLD_EPOCH = "old_epoch"

    @property
    def applied(self) -> bool:
        return self in {Verdict.ACCEPT, Verdict.NEW_EPOCH}


class Peer(NamedTuple):
    """Whose rows, and of which lane."""

    sender: str
    lane: str


class Watermark(NamedTuple):
    """The last committed row of a peer: its number and its token."""

    epoch: int
    seq: int
    check: int = 0


NOTHING: Final = Watermark(0, 0)
"""Nothing has come from this peer yet."""


def judge(mark: Watermark, epoch: int, seq: int, after: int = 0) -> Verdict:
    """Judge row (``epoch``, ``seq``) against the last one; a new epoch has to begin at 1.

    ``after``: the token of the row before, 0 where the sender says nothing of it. Where another
    row was committed under that number, the sender goes on from an old copy and has written anew
    under numbers that we hold: rows are missing, and by our answer it sees that (``DIFFERENT``).
    """
    if epoch < mark.epoch:
        return Verdict.OLD_EPOCH
    if epoch > mark.epoch:
        return Verdict.NEW_EPOCH if seq == 1 else Verdict.GAP
    if seq <= mark.seq:
        return Verdict.DUPLICATE
    follows = not (after and mark.check) or after == mark.check
    return Verdict.ACCEPT if seq == mark.seq + 1 and follows else Verdict.GAP


class Receiver:
    """The receiving end of all lanes of one store.

    One turn: ``judge`` each frame (apply it when the verdict says so), write ``changed()`` in
    the same transaction as what was applied, then after the commit send what ``committed()``
    returns; after a rollback call ``rolled_back()`` and send nothing.

    ``store`` is the epoch of the caller's store, ``marks`` are the watermarks in it.
    """

    def __init__(self, *, store: int, marks: Mapping[Peer, Watermark] | None = None) -> None:
        self.store = store
        self._marks: dict[Peer, Watermark] = dict(marks or {})
        self._moved: dict[Peer, Watermark] = {}
        self._answers: dict[Peer, tuple[bool, bool]] = {}

    def mark(self, peer: Peer) -> Watermark:
        """The watermark of ``peer``, with what this turn has applied so far."""
        return self._moved.get(peer) or self._marks.get(peer, NOTHING)

    def peers(self) -> tuple[Peer, ...]:
        """All peers that have a watermark."""
        return tuple(self._marks)

    def judge(self, peer: Peer, epoch: int, seq: int, check: int = 0, after: int = 0) -> Verdict:
        """Judge one frame, and move the watermark of this turn when it is to be applied."""
        verdict = judge(self.mark(peer), epoch, seq, after)
        if verdict.applied:
            self._moved[peer] = Watermark(epoch, seq, check)
        refused, again = self._answers.get(peer, (False, False))
        if verdict.applied:  # what was missing before has come
            refused = again = False
        self._answers[peer] = (
            refused or verdict is Verdict.OLD_EPOCH,
            again or verdict is Verdict.GAP,
        )
        return verdict

    def changed(self) -> Mapping[Peer, Watermark]:
        """The watermarks to write in this turn's transaction."""
        return dict(self._moved)

    def committed(self) -> tuple[tuple[Peer, Acked], ...]:
        """The transaction is on disk: the acknowledgements that may be sent now."""
        self._marks.update(self._moved)
        self._moved.clear()
        answers = tuple(
            (peer, self.answer(peer, refused=refused, again=again and not refused))
            for peer, (refused, again) in self._answers.items()
        )
        self._answers.clear()
        return answers

    def rolled_back(self) -> None:
        """The transaction is gone, and with it what the turn had applied."""
        self._moved.clear()
        self._answers.clear()

    def answer(self, peer: Peer, *, refused: bool = False, again: bool = False) -> Acked:
        """The acknowledgement of what is committed.

        ``again=True`` to every known peer at one's own (re)connection makes the senders go on
        at once instead of at their next retransmission.
        """
        mark = self._marks.get(peer, NOTHING)
        return Acked(
            mark.epoch, mark.seq, refused=refused, again=again, check=mark.check, store=self.store
        )
