from __future__ import annotations

import pytest

from collector.hold import TABLE, Delays, Event, Hold, Phase, begun, move, resume, suspend

DELAYS = Delays(180_000, 60_000)


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("event", Event)
def test_every_pair_moves_as_the_table_says_or_changes_nothing(phase: Phase, event: Event) -> None:
    hold = Hold(phase, since_ms=1, moved_ms=1, due_ms=5 if event is Event.DUE else None)
    moved = move(hold, 10, event, DELAYS)
    target = TABLE.get((phase, event))
    assert moved is (target is not None)
    assert hold.phase is (target or phase)
    assert hold.moved_ms == (10 if moved else 1)


def test_raise_and_clear_delay() -> None:
    hold = Hold()
    move(hold, 0, Event.BAD, DELAYS)
    assert not move(hold, 179_999, Event.DUE, DELAYS)
    assert move(hold, 180_000, Event.DUE, DELAYS)
    assert hold.active
    assert hold.since_ms == 0
    move(hold, 200_000, Event.GOOD, DELAYS)
    assert hold.active
    move(hold, 210_000, Event.BAD, DELAYS)
    assert (hold.phase, hold.due_ms) == (Phase.RAISED, None)
    move(hold, 220_000, Event.GOOD, DELAYS)
    move(hold, 280_000, Event.DUE, DELAYS)
    assert hold.phase is Phase.CLEAR


def test_no_delay_is_over_at_once() -> None:
    hold = Hold()
    move(hold, 7, Event.BAD, Delays(0, 0))
    assert (hold.phase, hold.due_ms, hold.since_ms) == (Phase.RAISED, None, 7)
    move(hold, 8, Event.GOOD, Delays(0, 0))
    assert hold.phase is Phase.CLEAR


def test_a_suspended_delay_begins_anew() -> None:
    hold = Hold()
    move(hold, 0, Event.BAD, DELAYS)
    suspend(hold)
    assert not move(hold, 999_999, Event.DUE, DELAYS)
    assert resume(hold, 1_000_000, DELAYS)
    assert hold.due_ms == 1_180_000
    assert not resume(hold, 1_000_001, DELAYS)


@pytest.mark.parametrize(
    ("since", "due", "phase"),
    [(40_000, 220_000, Phase.PENDING), (0, 180_000, Phase.PENDING), (-90_000, None, Phase.RAISED)],
)
def test_a_pending_delay_runs_from_where_the_trouble_began(
    since: int, due: int | None, phase: Phase
) -> None:
    hold = Hold()
    move(hold, 90_000, Event.BAD, DELAYS)
    assert begun(hold, 90_000, since, DELAYS)
    assert (hold.phase, hold.due_ms, hold.since_ms) == (phase, due, since)
    assert not begun(hold, 90_000, since, DELAYS)


def test_what_is_not_pending_has_begun_when_it_did() -> None:
    hold = Hold(Phase.RAISED, since_ms=5)
    assert not begun(hold, 90_000, 1, DELAYS)
    assert hold.since_ms == 5
