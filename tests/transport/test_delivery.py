from __future__ import annotations

from collections.abc import Mapping
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transport.ether import PEER, WINDOW, Ether
from transport.delivery import (
    Acked,
    Action,
    Delete,
    Peer,
    Receiver,
    Renumber,
    Restart,
    Room,
    Sender,
    Standing,
    Verdict,
    Watermark,
    Window,
    judge,
)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
def test_nothing_is_lost_doubled_or_reordered(seed: int) -> None:
    ether = Ether(seed)
    ether.run()
    assert not ether.restarts  # no epoch ends without a lost or restored store


# --- mutants: each of these mistakes is caught by the property above -------------------------


class AckBeforeCommit(Ether):
    ack_before_commit = True


class DeletesOneTooMany(Sender):
    def ack(self, ack: Acked, now_ms: int, *, token: int | None = None) -> tuple[Action, ...]:
        actions = super().ack(ack, now_ms, token=token)
        return tuple(
            Delete(min(a.up_to + 1, self.highest)) if isinstance(a, Delete) else a for a in actions
        )


class NeverGoesBack(Sender):
    def due(self, now_ms: int) -> bool:  # noqa: ARG002
        return False

    def _again(self) -> None:
        return


class GoesOnAfterReconnection(Sender):
    def connect(self) -> None:
        self.connected = True

    def disconnect(self) -> None:
        self.connected = False

    def due(self, now_ms: int) -> bool:  # noqa: ARG002
        return False

    def _again(self) -> None:
        return


class BelievesOldAcks(Sender):
    def standing(self, ack: Acked, token: int | None) -> Standing:
        found = super().standing(ack, token)
        return Standing.BEHIND if found is Standing.STALE and ack.again else found


class TakesGaps(Receiver):
    def judge(self, peer: Peer, epoch: int, seq: int, check: int = 0, after: int = 0) -> Verdict:
        verdict = super().judge(peer, epoch, seq, check, after)
        if verdict is Verdict.GAP:
            self._moved[peer] = Watermark(epoch, seq, check)
            return Verdict.ACCEPT
        return verdict


class TakesDuplicates(Receiver):
    def judge(self, peer: Peer, epoch: int, seq: int, check: int = 0, after: int = 0) -> Verdict:
        verdict = super().judge(peer, epoch, seq, check, after)
        return Verdict.ACCEPT if verdict is Verdict.DUPLICATE else verdict


class ForgetsItsMarks(Receiver):
    def changed(self) -> Mapping[Peer, Watermark]:
        return {}


class AnswersWhatIsNotCommitted(Receiver):
    def judge(self, peer: Peer, epoch: int, seq: int, check: int = 0, after: int = 0) -> Verdict:
        verdict = super().judge(peer, epoch, seq, check, after)
        self._marks.update(self._moved)
        self._moved.clear()  # so that changed() misses it
        return verdict


class OffByOne(Receiver):
    def answer(self, peer: Peer, *, refused: bool = False, again: bool = False) -> Acked:
        acked = super().answer(peer, refused=refused, again=again)
        return acked._replace(seq=acked.seq + 1, check=0)


SENDERS = (DeletesOneTooMany, NeverGoesBack, GoesOnAfterReconnection, BelievesOldAcks)
RECEIVERS = (TakesGaps, TakesDuplicates, ForgetsItsMarks, AnswersWhatIsNotCommitted, OffByOne)
MUTANTS = [
    pytest.param(AckBeforeCommit, Sender, Receiver, id="AckBeforeCommit"),
    *(pytest.param(Ether, sender, Receiver, id=sender.__name__) for sender in SENDERS),
    *(pytest.param(Ether, Sender, receiver, id=receiver.__name__) for receiver in RECEIVERS),
]


@pytest.mark.parametrize(("ether", "sender", "receiver"), MUTANTS)
def test_a_mutant_is_caught(
    ether: type[Ether], sender: type[Sender], receiver: type[Receiver]
) -> None:
    for seed in range(60):
        world = ether(seed, sender, receiver)
        try:
            world.run()
        except (AssertionError, KeyError, ValueError):
            return
        if world.restarts:
            return
    pytest.fail("no seed of 60 noticed it")


# --- lost and restored stores ----------------------------------------------------------------


def busy(seed: int) -> Ether:
    ether = Ether(seed)
    for _ in range(5):
        ether.append()
        ether.drain()
    return ether


def test_an_outbox_restored_from_an_old_copy_takes_a_new_epoch_and_loses_nothing_new() -> None:
    ether = busy(1)
    copy = ether.disk.copy()
    for _ in range(4):
        ether.append()
        ether.drain()
    ether.disk = copy
    ether.start_sender()
    before = len(ether.written)
    ether.check = lambda: None  # type: ignore[method-assign]
    for _ in range(6):  # more than was lost, so that their numbers exist at the receiver
        ether.append()
    new = ether.written[before:]
    for _ in range(50):
        ether.pump()
        for frame in ether.frames:
            ether.receive(*frame)
        ether.frames.clear()
        ether.commit()
        for acked in ether.acks:
            ether.take_ack(acked)
        ether.acks.clear()
        ether.tick()
    assert ether.store.applied[-len(new) :] == new
    assert [restart.reason for restart in ether.restarts] == [Restart.DIFFERENT]


def test_a_store_restored_from_before_an_epoch_gets_the_rows_in_a_newer_one() -> None:
    """The restored store waits for row 1 of an epoch whose first rows it had acknowledged."""
    sender = Sender(epoch=200, acked=8, highest=9, store=5)
    sender.connect()
    waits = Acked(100, 7, again=True, store=5)
    now_ms = 0
    for _ in range(10):
        actions = sender.ack(waits, now_ms)
        if actions:
            break
        assert sender.room() is not None
        sender.sent(9, 10, now_ms)
        sender.handed_over(200, 9, now_ms)
        now_ms = sender.deadline() or now_ms
        assert sender.due(now_ms)
    assert actions == (Renumber(200, Restart.BEHIND),)


def test_one_late_word_of_a_former_epoch_changes_nothing() -> None:
    sender = Sender(epoch=200, acked=8, highest=9, store=5)
    sender.connect()
    for _ in range(9):
        assert sender.ack(Acked(100, 7, again=True, store=5), 0) == ()
    assert sender.ack(Acked(200, 9, store=5), 0) == (Delete(9),)


def test_an_outbox_restored_shorter_than_the_watermark_takes_a_new_epoch() -> None:
    sender = Sender(epoch=100, acked=3, highest=5)
    assert sender.ack(Acked(100, 9, check=7), 0) == (Renumber(100, Restart.BEYOND),)


def test_an_old_copy_is_found_though_what_it_wrote_anew_was_lost_on_the_way() -> None:
    """It has rows 8 to 10 of its own where the receiver holds others up to 9; 8 and 9 are lost.

    Taken, row 10 would acknowledge them.
    """
    receiver = Receiver(store=1, marks={PEER: Watermark(100, 9, 77)})
    assert receiver.judge(PEER, 100, 10, 30, after=29) is Verdict.GAP
    ((_, acked),) = receiver.committed()
    sender = Sender(epoch=100, acked=7, highest=10)
    assert sender.ack(acked, 0, token=29) == (Renumber(100, Restart.DIFFERENT),)
    sender.renumbered(101, 3)
    for seq, token, after in ((1, 28, 0), (2, 29, 28), (3, 30, 29)):
        assert receiver.judge(PEER, 101, seq, token, after).applied


def test_a_lost_outbox_whose_clock_is_wrong_is_told_the_newer_epoch() -> None:
    receiver = Receiver(store=1, marks={PEER: Watermark(100, 9)})
    assert receiver.judge(PEER, 50, 1) is Verdict.OLD_EPOCH
    ((_, acked),) = receiver.committed()
    assert acked.refused
    sender = Sender(epoch=50, highest=2)
    assert sender.ack(acked, 0) == (Renumber(100, Restart.REFUSED),)
    sender.renumbered(101, 2)
    assert receiver.judge(PEER, 101, 1) is Verdict.NEW_EPOCH


def test_a_receiver_that_lost_its_store_gets_the_pending_rows_in_a_new_epoch() -> None:
    ether = busy(2)
    delivered = len(ether.written)
    ether.store.store, ether.store.marks = 2, {}
    ether.start_receiver()
    ether.append()
    ether.drain()
    assert [restart.reason for restart in ether.restarts] == [Restart.BEHIND]
    assert ether.store.applied[delivered:] == ether.written[delivered:]


def test_a_receiver_copied_back_under_the_same_store_epoch_is_believed_in_the_end() -> None:
    ether = busy(3)
    old = ether.store.copy()
    ether.append()
    ether.drain()
    old.applied = list(ether.store.applied)
    ether.store = old
    ether.start_receiver()
    ether.append()
    ether.drain()
    assert [restart.reason for restart in ether.restarts] == [Restart.BEHIND]


def test_an_older_store_is_not_believed() -> None:
    sender = Sender(epoch=100, acked=3, highest=9, store=5)
    assert sender.standing(Acked(100, 9, store=4), None) is Standing.STALE
    assert sender.standing(Acked(999, 1, refused=True, store=4), None) is Standing.STALE


# --- tables ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("epoch", "seq", "verdict"),
    [
        (7, 5, Verdict.ACCEPT),
        (7, 4, Verdict.DUPLICATE),
        (7, 1, Verdict.DUPLICATE),
        (7, 6, Verdict.GAP),
        (6, 5, Verdict.OLD_EPOCH),
        (8, 1, Verdict.NEW_EPOCH),
        (8, 5, Verdict.GAP),
    ],
)
def test_judge(epoch: int, seq: int, verdict: Verdict) -> None:
    assert judge(Watermark(7, 4), epoch, seq) is verdict
    assert judge(Watermark(7, 4, 9), epoch, seq, 9) is verdict


def test_of_a_row_before_that_nobody_names_nothing_is_asked() -> None:
    assert judge(Watermark(7, 4, 9), 7, 5, 0) is Verdict.ACCEPT
    assert judge(Watermark(7, 4, 0), 7, 5, 8) is Verdict.ACCEPT
    assert judge(Watermark(7, 4, 9), 7, 5, 8) is Verdict.GAP


@pytest.mark.parametrize(
    ("acked", "token", "standing"),
    [
        (Acked(7, 5, check=55), 55, Standing.ADVANCE),
        (Acked(7, 5), 55, Standing.ADVANCE),
        (Acked(7, 5, check=55), 66, Standing.DIFFERENT),
        (Acked(7, 10), None, Standing.BEYOND),
        (Acked(7, 4), None, Standing.STALE),
        (Acked(7, 4, again=True), None, Standing.AGAIN),
        (Acked(7, 3), None, Standing.STALE),
        (Acked(7, 3, again=True), None, Standing.STALE),
        (Acked(7, 3, store=9), None, Standing.BEHIND),
        (Acked(6, 99), None, Standing.STALE),
        (Acked(6, 99, again=True, store=9), None, Standing.BEHIND),
        (Acked(8, 1), None, Standing.REFUSED),
        (Acked(8, 1, refused=True), None, Standing.REFUSED),
        (Acked(6, 1, refused=True), None, Standing.STALE),
    ],
)
def test_standing(acked: Acked, token: int | None, standing: Standing) -> None:
    assert Sender(epoch=7, acked=4, highest=9).standing(acked, token) is standing


def test_the_window_holds_and_the_timer_probes_with_one_row() -> None:
    sender = Sender(epoch=1, highest=100, window=WINDOW)
    assert sender.room() is None
    sender.connect()
    assert sender.room() == Room(1, 5, 50)
    for seq in range(1, 6):
        sender.sent(seq, 10, 0)
    assert sender.room() is None
    assert sender.deadline() is None  # the link itself is still busy
    sender.handed_over(1, 5, 0)
    assert sender.deadline() == 100
    assert not sender.due(99)
    assert sender.due(100)
    assert sender.room() == Room(1, 1, 50)
    sender.sent(1, 10, 100)
    sender.handed_over(1, 1, 100)
    assert sender.deadline() == 300
    assert sender.ack(Acked(1, 1), 120) == (Delete(1),)
    assert sender.room() == Room(2, 5, 50)


def test_an_illegal_call_raises_and_changes_nothing() -> None:
    sender = Sender(epoch=1, highest=3)
    sender.connect()
    with pytest.raises(ValueError, match="out of turn"):
        sender.sent(2, 1, 0)
    with pytest.raises(ValueError, match="does not shrink"):
        sender.append(2)
    with pytest.raises(ValueError, match="not newer"):
        sender.renumbered(1, 3)
    assert (sender.room(), sender.pending) == (Room(1, 3, 512 * 1024), 3)


def test_going_back_happens_once_per_watermark() -> None:
    sender = Sender(epoch=1, highest=10)
    sender.connect()
    for seq in range(1, 11):
        sender.sent(seq, 1, 0)
    sender.ack(Acked(1, 4, again=True), 0)
    assert sender.room() == Room(5, 6, 512 * 1024)
    for seq in range(5, 11):
        sender.sent(seq, 1, 0)
    sender.ack(Acked(1, 4, again=True), 0)
    assert sender.room() is None


def test_a_rolled_back_turn_is_judged_again() -> None:
    receiver = Receiver(store=1)
    assert receiver.judge(PEER, 7, 1) is Verdict.NEW_EPOCH
    assert receiver.judge(PEER, 7, 2) is Verdict.ACCEPT
    assert receiver.changed() == {PEER: Watermark(7, 2)}
    receiver.rolled_back()
    assert receiver.committed() == ()
    assert receiver.judge(PEER, 7, 1) is Verdict.NEW_EPOCH


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
def test_a_second_sender_under_one_identity_is_refused_by_epoch(seed: int) -> None:
    """The clone's epoch is older: none of its rows is ever applied under ours."""
    random = Random(seed)
    receiver = Receiver(store=1, marks={PEER: Watermark(100, 3)})
    expected = 4
    for _ in range(50):
        if random.random() < 0.5:
            assert receiver.judge(PEER, 99, random.randint(1, 9)) is Verdict.OLD_EPOCH
        else:
            assert receiver.judge(PEER, 100, expected) is Verdict.ACCEPT
            expected += 1


def test_reasons_agree_with_standings() -> None:
    assert {reason.value for reason in Restart} <= {standing.value for standing in Standing}


def test_a_lost_store_whose_clock_is_behind_is_believed_in_the_end() -> None:
    ether = busy(4)
    ether.store.store, ether.store.marks = 9, {}
    ether.start_receiver()
    ether.append()
    ether.drain()
    lost_at = len(ether.written)
    ether.store.store, ether.store.marks = 3, {}  # lost again, begun by a clock that is behind
    ether.start_receiver()
    ether.append()
    ether.drain()
    assert ether.store.applied[lost_at:] == ether.written[lost_at:]
    assert ether.sender.store == 3
    assert ether.restarts[-1].reason is Restart.BEHIND


def test_late_words_of_an_older_store_alone_change_nothing() -> None:
    sender = Sender(epoch=100, acked=3, highest=9, store=5, window=WINDOW)
    sender.connect()
    for _ in range(20):
        assert sender.ack(Acked(100, 1, again=True, store=4), 0) == ()
    assert (sender.store, sender.acked) == (5, 3)


def test_a_lane_that_yields_widens_on_a_quick_link_and_narrows_on_a_slow_one() -> None:
    sender = Sender(epoch=1, highest=100, window=Window(rows=50, size=800, least=100, quick_ms=50))
    sender.connect()
    sizes = []
    now = 0
    for took in (10, 10, 10, 10, 90, 90):
        room = sender.room()
        assert room is not None
        sizes.append(room.size)
        sender.sent(room.first, 10, now)
        sender.handed_over(1, room.first, now + took)
        sender.ack(Acked(1, room.first), now + took)
        now += took
    assert sizes == [100, 200, 400, 800, 800, 400]
    sender.connect()
    room = sender.room()
    assert room is not None
    assert room.size == 100
