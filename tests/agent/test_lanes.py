from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from agent.decode import Number, Rows
from agent.lanes import REFRESH_MS, Said, StateLane, state_bodies
from agent.present import STEP, by_steps
from agent.samples import VALUES_MOST, SampleLane
from config.profile import Metric, MetricType
from wire.observation import Look, Method, Outcome, SampleBody, StateBody

OID = "1.3.6.1.4.1"
LEVEL = Metric(name="level", oid=OID, watched=True, report_delta=5.0)
STATUS = Metric(name="status", oid=OID, type=MetricType.ENUM, watched=True)
PLAIN = Metric(name="plain", oid=OID)
RATE = Metric(name="rate", oid=OID, type=MetricType.COUNTER64, watched=True)
METRICS = (LEVEL, STATUS, PLAIN, RATE)


def rows(
    level: Number, status: Number = 1, *, instance: tuple[str, ...] = ("",), **more: Any
) -> list[Rows]:
    columns: list[list[Number]] = [
        [value] * len(instance) for value in (level, status, 9, more.pop("rate", None))
    ]
    return [Rows("ups", "", METRICS, instance, columns, **more)]


def said(outcome: Outcome = Outcome.MEASURED, reason: str = "") -> Said:
    return Said("d1", Method.ICMP, outcome, reason)


def test_a_look_that_our_own_end_broke_off_is_no_news() -> None:
    lane = StateLane()
    assert lane.look(said(Outcome.COULD_NOT_LOOK, "closed"), 1, 1) is None
    assert lane.look(said(), 2, 2) is not None
    assert lane.look(said(Outcome.COULD_NOT_LOOK, "closed"), 3, 3) is None
    assert lane.look(said(), 4, 4) is None
    assert lane.look(said(Outcome.COULD_NOT_LOOK, "no_socket"), 5, 5) is not None


def test_a_look_is_sent_when_outcome_or_reason_changes() -> None:
    lane = StateLane()
    down = Outcome.NO_ANSWER
    story = [
        (said(), 0, True),
        (said(), 30, False),
        (said(down, "timeout"), 60, True),
        (said(down, "timeout"), 90, False),
        (said(down, "host_unreachable"), 120, True),
        (said(), 150, True),
    ]
    for one, at, new in story:
        assert (lane.look(one, at, at) is not None) is new


def test_since_is_when_this_outcome_was_first_seen() -> None:
    lane = StateLane()
    lane.look(said(), 100, 0)
    again = lane.look(said(), 700_100, REFRESH_MS)
    assert again is not None
    assert (again.since_ms, again.at_ms) == (100, 700_100)


def test_a_look_is_refreshed_slowly_and_long_words_are_cut() -> None:
    lane = StateLane()
    look = lane.look(Said("d1", Method.SNMP, Outcome.REFUSED, "r" * 99, "d" * 999), 1, 0)
    assert look is not None
    assert (len(look.reason), len(look.detail)) == (64, 512)
    assert lane.look(Said("d1", Method.SNMP, Outcome.REFUSED, "r" * 99), 1, 1) is None


@pytest.mark.parametrize(
    ("level", "status", "told"),
    [
        (50, 1, []),
        (55, 1, []),
        (55.5, 1, ["level"]),
        (44, 2, ["level", "status"]),
        (50, 2, ["status"]),
        (None, 1, ["level"]),
        (float("nan"), 1, ["level"]),
    ],
)
def test_a_watched_reading_is_sent_when_it_changes_enough(
    level: Number, status: Number, told: list[str]
) -> None:
    lane = StateLane()
    first = lane.readings("d1", rows(50), 0, 0)
    assert [(one.metric, one.value) for one in first] == [("level", 50), ("status", 1)]
    assert [one.metric for one in lane.readings("d1", rows(level, status), 1, 1)] == told


def test_small_steps_add_up_against_the_value_that_was_sent() -> None:
    lane = StateLane()
    sent = [one.value for step in range(20) for one in lane.readings("d1", rows(50 + step), 0, 0)]
    assert [value for value in sent if value != 1] == [50, 56, 62, 68]


def test_readings_are_refreshed_slowly() -> None:
    lane = StateLane()
    lane.readings("d1", rows(50), 0, 0)
    assert lane.readings("d1", rows(50), 0, REFRESH_MS - 1) == []
    assert len(lane.readings("d1", rows(50), 0, REFRESH_MS)) == 2


def test_what_was_not_read_or_has_no_rate_yet_is_no_news() -> None:
    lane = StateLane()
    lane.readings("d1", rows(50, rate=7.0), 0, 0)
    assert lane.readings("d1", rows(None, None, complete=False), 0, 0) == []
    assert lane.readings("d1", rows(50, rate=None), 0, 0) == []
    assert lane.readings("d2", rows(None, None), 0, 0) == []  # it never had them


def test_a_row_that_is_gone_is_told_once() -> None:
    lane = StateLane()
    lane.readings("d1", rows(50, instance=("a", "b")), 0, 0)
    partly = lane.readings("d1", rows(50, instance=("a",), complete=False), 0, 0)
    assert partly == []
    gone = lane.readings("d1", rows(50, instance=("a",)), 0, 0)
    assert {(one.metric, one.instance, one.value) for one in gone} == {
        ("level", "b", None),
        ("status", "b", None),
    }
    assert lane.readings("d1", rows(50, instance=("a",)), 0, 0) == []


def test_after_forgetting_everything_is_news() -> None:
    lane = StateLane()
    lane.readings("d1", rows(50), 0, 0)
    lane.look(said(), 0, 0)
    lane.forget()
    assert len(lane.readings("d1", rows(50), 0, 0)) == 2
    assert lane.look(said(), 0, 0) is not None


def test_state_bodies_are_rows_of_bounded_length() -> None:
    look = Look(device="d", method=Method.ICMP, outcome=Outcome.MEASURED, since_ms=0, at_ms=0)
    bodies = state_bodies([look] * 4500)
    assert [count for _, count in bodies] == [2000, 2000, 500]
    adapter = TypeAdapter(StateBody)
    assert sum(len(adapter.validate_json(body).items) for body, _ in bodies) == 4500
    assert state_bodies([]) == []


NUMBERS = st.none() | st.integers(-(2**80), 2**80) | st.floats()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=30))
def test_samples_are_rows_of_the_wire_whatever_the_numbers(values: list[tuple[Any, Any]]) -> None:
    lane = SampleLane()
    for number, (level, status) in enumerate(values):
        lane.add(f"d{number}", rows(level, status), number)
        lane.add_echo(f"d{number}", None if number % 2 else 1.5, 0.0, number)
    ((body, count),) = lane.take()
    assert count == len(values) * 6
    blocks = TypeAdapter(SampleBody).validate_json(body).blocks
    assert [block.profile for block in blocks] == ["ups", "icmp"]
    assert blocks[0].metrics == ("level", "status", "plain", "rate")
    assert blocks[0].columns[2] == (9,) * len(values)
    assert lane.take() == []


def test_wide_samples_are_split() -> None:
    lane = SampleLane()
    names = tuple(f"row{number}" for number in range(VALUES_MOST // 2))
    lane.add("d1", rows(50, instance=names), 0)
    bodies = lane.take()
    assert sum(count for _, count in bodies) == 4 * len(names)
    assert all(count <= VALUES_MOST for _, count in bodies)
    instances = [
        name
        for body, _ in bodies
        for block in json.loads(body)["blocks"]
        for name in block["instance"]
    ]
    assert instances == list(names)


def test_what_is_unchanged_is_not_said_again_while_nobody_hears_it() -> None:
    lane = StateLane(refresh_ms=1000)
    said = Said("d1", Method.ICMP, Outcome.MEASURED)
    assert lane.look(said, 0, 0) is not None
    lane.refreshes(on=False)
    assert lane.look(said, 10_000, 10_000) is None
    assert lane.same("d1", Method.ICMP, Outcome.MEASURED, "", 10_000)
    lane.refreshes(on=True)
    assert lane.look(said, 20_000, 20_000) is not None
    looks, readings = lane.looks_now(lane.devices), lane.readings_now(lane.devices)
    assert [(one.device, one.outcome, one.since_ms) for one in looks] == [
        ("d1", Outcome.MEASURED, 0)
    ]
    assert readings == []


def test_very_many_devices_are_told_in_steps_the_abnormal_ones_first() -> None:
    """A step tells how its devices stand when it is made: it undoes no change before it."""
    lane = StateLane()
    count = 2 * STEP + 10
    names = [f"d{number}" for number in range(count)]
    for number, name in enumerate(names):
        outcome = Outcome.NO_ANSWER if number % 1000 == 0 else Outcome.MEASURED
        lane.look(Said(name, Method.ICMP, outcome), 0, 0)
    told: dict[str, Outcome] = {}
    first_good = last_bad = -1
    steps = by_steps(lane.devices, lane.looks_now, lane.readings_now, lambda: 9)
    for step, bodies in enumerate(steps):
        for body, _ in bodies:
            for item in json.loads(body)["items"]:
                outcome = Outcome(item["outcome"])
                told |= dict.fromkeys(item["devices"], outcome)
                if outcome is Outcome.MEASURED:
                    first_good = step if first_good < 0 else first_good
                else:
                    last_bad = step
        if step == 2:  # all abnormal ones are told; one more falls silent, and one has left
            assert sorted(told) == sorted(names[::1000])
            lane.look(Said(names[-1], Method.ICMP, Outcome.NO_ANSWER), 5, 5)
            lane.forget_of([names[-2]])
    assert (first_good, last_bad) == (3, 5)
    assert told.keys() == set(names) - {names[-2]}
    assert told[names[-1]] is Outcome.NO_ANSWER
    assert list(by_steps([], lane.looks_now, lane.readings_now, lambda: 9)) == []
