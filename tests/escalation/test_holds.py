from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from escalation.holds import lowered, ripe_at, suggestion_due, track

ORDER = ("none", "scenario3", "scenario2", "scenario1")
HOLD = 1800
steps = st.lists(st.tuples(st.integers(1, 900), st.sampled_from(ORDER)), min_size=1, max_size=30)


def test_a_recovery_in_steps_is_suggested_once() -> None:
    below: dict[str, int] = {}
    track(below, ORDER, "scenario1", 0)
    track(below, ORDER, "scenario2", 1000)
    track(below, ORDER, "none", 1200)
    due = suggestion_due(ripe_at(below, ORDER, "scenario1", HOLD), HOLD)
    assert due == 1200 + HOLD
    assert lowered(below, ORDER, "scenario1", HOLD, due) == "none"


def test_a_later_step_is_suggested_apart() -> None:
    below: dict[str, int] = {}
    track(below, ORDER, "scenario2", 1000)
    track(below, ORDER, "none", 2000)
    due = suggestion_due(ripe_at(below, ORDER, "scenario1", HOLD), HOLD)
    assert due == 1000 + HOLD
    assert lowered(below, ORDER, "scenario1", HOLD, due) == "scenario2"


@given(steps)
def test_nothing_is_suggested_that_was_worse_within_the_hold(seen: list[tuple[int, str]]) -> None:
    below: dict[str, int] = {}
    now, history = 0, []
    for pause, bound in seen:
        now += pause
        track(below, ORDER, bound, now)
        history.append((now, bound))
    offered = ORDER.index(lowered(below, ORDER, "scenario1", HOLD, now))
    # The bound in force at the beginning of the window counts too.
    began = [ORDER.index(bound) for at, bound in history if at <= now - HOLD][-1:]
    within = [ORDER.index(bound) for at, bound in history if at > now - HOLD]
    assert offered >= max([*began, *within])
