from __future__ import annotations

from collections import Counter
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.schedule import Schedule, phase_ms, turns_of

DEVICES = {f"d{number}": 1000 for number in range(1000)}


def test_phases_are_spread_over_the_interval() -> None:
    tenths = Counter(phase_ms(device, 1000) // 100 for device in DEVICES)
    assert len(tenths) == 10
    assert max(tenths.values()) < 2 * min(tenths.values())


def test_a_phase_depends_on_the_device_alone() -> None:
    assert phase_ms("d1", 30_000) == phase_ms("d1", 30_000)
    alone = Schedule(turns_of({"d1": 1000}), round_ms=1000, now_ms=0)
    among = Schedule(turns_of(DEVICES), round_ms=1000, now_ms=0)
    when = phase_ms("d1", 1000)
    assert "d1" not in among.due(when - 1)
    assert alone.due(when) == ["d1"]
    assert "d1" in among.due(when)


def drive(schedule: Schedule, until: int) -> list[tuple[int, str]]:
    """All turns until then, with looks that end at once."""
    turns = []
    while schedule.deadline() <= until:
        now = schedule.deadline()
        for device in schedule.due(now):
            turns.append((now, device))
            schedule.finished(device, looked=True)
        schedule.round_over(now)
    return turns


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text("abcdef", min_size=1), st.integers(1000, 5000), min_size=1))
def test_every_device_has_its_turn_once_per_interval(intervals: dict[str, int]) -> None:
    turns = drive(Schedule(turns_of(intervals), round_ms=2000, now_ms=77), 77 + 20_000)
    for device, interval in intervals.items():
        times = [at for at, who in turns if who == device]
        assert times[0] - 77 < interval
        assert {later - earlier for earlier, later in pairwise(times)} <= {interval}


def test_a_slow_device_loses_its_own_turn_and_delays_nobody() -> None:
    schedule = Schedule(turns_of({"slow": 1000, "quick": 1000}), round_ms=1000, now_ms=0)
    quick = 0
    for now in range(0, 5000, 10):
        for device in schedule.due(now):
            if device == "quick":
                quick += 1
                schedule.finished("quick", looked=True)
        end = schedule.round_over(now)
        if end is not None and now >= 2000:
            assert end.missed == ("slow",)
            assert end.looked == 1
    assert quick == 5
    schedule.finished("slow", looked=True)
    end = schedule.round_over(6000)
    assert end is not None
    assert end.missed == ()


def test_what_could_not_be_looked_at_is_missed_until_it_can() -> None:
    schedule = Schedule(turns_of({"d": 1000}), round_ms=1000, now_ms=0)
    schedule.due(999)
    schedule.finished("d", looked=False)
    first = schedule.round_over(1000)
    second = schedule.round_over(2000)
    assert first is not None
    assert second is not None
    assert (first.missed, first.looked) == (("d",), 0)
    assert second.missed == ("d",)


def test_who_rests_every_second_turn_is_missed_in_every_second_round_only() -> None:
    """Also where a look goes on beyond the round's end: else the county never sees the device."""
    schedule = Schedule(turns_of({"d": 10_000}), round_ms=10_000, now_ms=0)
    turn = phase_ms("d", 10_000)
    told = []
    for number in range(6):
        begin = number * 10_000
        if number % 2:
            schedule.finished("d", looked=True)  # the look of the round before
        schedule.due(begin + turn)
        if number % 2:
            schedule.finished("d", looked=False)
        end = schedule.round_over(begin + 10_000)
        assert end is not None
        told.append(end.missed)
    assert told == [(), ("d",)] * 3


def test_rounds_are_numbered_and_a_long_sleep_makes_one_of_many() -> None:
    schedule = Schedule(turns_of({"d": 1000}), round_ms=1000, now_ms=500)
    assert schedule.round_over(1499) is None
    ends = [schedule.round_over(now) for now in (1500, 2500, 60_700, 61_500)]
    assert [end.number for end in ends if end is not None] == [0, 1, 59, 60]


def test_turns_slept_through_are_not_made_up_for() -> None:
    schedule = Schedule(turns_of({"d": 1000}), round_ms=1000, now_ms=0)
    assert schedule.due(3_600_000) == ["d"]
    schedule.finished("d", looked=True)
    assert schedule.due(3_600_000) == []


def test_a_look_out_of_turn_moves_no_turn() -> None:
    asked, left = (Schedule(turns_of({"d": 1000}), round_ms=1000, now_ms=0) for _ in range(2))
    assert asked.at_once("d")
    assert not asked.at_once("d")  # it is being looked at
    assert not asked.at_once("nobody")
    asked.finished("d", looked=True)
    assert asked.deadline() == left.deadline()
    assert asked.due(999) == ["d"]


def test_a_look_out_of_turn_under_way_is_its_turns_and_no_other_counts() -> None:
    schedule = Schedule(turns_of({"d": 1000}), round_ms=1000, now_ms=0)
    turn = phase_ms("d", 1000)
    assert schedule.at_once("d")
    assert schedule.due(turn) == []  # it is being looked at: that is its turn's look
    schedule.finished("d", looked=True)
    for _ in range(3):
        assert schedule.at_once("d")
        schedule.finished("d", looked=True)
    assert schedule.at_once("d")
    schedule.finished("d", looked=False)  # out of turn: it was looked at in its turn
    end = schedule.round_over(1000)
    assert end is not None
    assert (end.looked, end.missed) == (1, ())


def test_an_empty_inventory_still_has_rounds() -> None:
    schedule = Schedule(turns_of({}), round_ms=1000, now_ms=0)
    assert schedule.deadline() == 1000
    assert schedule.round_over(1000) is not None


def test_another_inventory_moves_nobody_who_stays() -> None:
    schedule = Schedule(turns_of({"a": 1000, "b": 1000}), round_ms=1000, now_ms=0)
    turn = phase_ms("a", 1000)
    schedule.replace(turns_of({"a": 1000, "c": 1000}), 0, round_ms=1000, gone={"b"})
    turns = drive(schedule, 999)
    assert (turn, "a") in turns
    assert {device for _, device in turns} == {"a", "c"}


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(st.text("abcdef", min_size=1), st.integers(100, 900), min_size=1, max_size=30),
    st.lists(st.integers(0, 2000), max_size=30),
)
def test_after_any_pause_everyone_overdue_is_due_once(
    intervals: dict[str, int], pauses: list[int]
) -> None:
    schedule = Schedule(turns_of(intervals), round_ms=10**9, now_ms=5)
    turns = {device: 5 + phase_ms(device, interval) for device, interval in intervals.items()}
    now = 5
    for pause in pauses:
        now += pause
        found = schedule.due(now)
        assert sorted(found) == sorted(device for device, turn in turns.items() if turn <= now)
        for device in found:
            schedule.finished(device, looked=True)
            interval = intervals[device]
            turns[device] += ((now - turns[device]) // interval + 1) * interval
        assert schedule.deadline() == min(turns.values())


def test_how_late_a_turn_was_is_counted() -> None:
    schedule = Schedule(turns_of({"d": 1000}), round_ms=1000, now_ms=0)
    schedule.due(phase_ms("d", 1000) + 70)
    assert schedule.lateness.count == 1
    assert schedule.lateness.below(0.99) == 100
