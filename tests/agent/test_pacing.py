"""The token bucket and the cohorts of deadlines."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from agent.bucket import Bucket
from agent.cohorts import Cohorts

S = 1_000_000_000


@given(st.floats(1, 100_000), st.lists(st.floats(0, 0.5), max_size=50))
def test_no_more_leaves_than_rate_and_burst_allow(rate: float, pauses: list[float]) -> None:
    now = 0
    bucket = Bucket(rate, now)
    sent = 0
    for pause in pauses:
        now += int(pause * S)
        count = bucket.available(now)
        bucket.take(count)
        sent += count
        assert sent <= bucket.burst + rate * now / S + 1e-6


def test_the_wait_is_as_long_as_it_takes() -> None:
    bucket = Bucket(100.0, 0)
    bucket.take(bucket.available(0))
    wait = bucket.wait_s(5)
    assert wait == 0.05
    assert bucket.available(int(wait * S)) >= 5
    assert bucket.wait_s(10_000) <= bucket.burst / 100.0


@dataclass
class Item:
    name: str
    due_ns: int = 0


def test_what_is_due_comes_out_and_what_was_settled_does_not() -> None:
    cohorts: Cohorts[Item] = Cohorts()
    one, two, three = Item("one"), Item("two"), Item("three")
    cohorts.add(one, 0, 10)
    cohorts.add(two, 1, 10)
    cohorts.add(three, 0, 5)
    assert cohorts.next_ns() == 5
    two.due_ns = 0
    assert cohorts.pop_due(4) == []
    assert cohorts.pop_due(20) == [one, three] or cohorts.next_ns() is None
    assert (one.due_ns, three.due_ns) == (0, 0)
    assert cohorts.next_ns() is None


def test_a_deadline_that_was_moved_counts_only_once() -> None:
    cohorts: Cohorts[Item] = Cohorts()
    item = Item("item")
    cohorts.add(item, 0, 10)
    cohorts.add(item, 5, 10)
    assert cohorts.pop_due(12) == []
    assert cohorts.next_ns() == 15
    assert cohorts.pop_due(15) == [item]
    assert cohorts.pop_due(100) == []


@given(st.lists(st.tuples(st.integers(0, 50), st.sampled_from((5, 20))), max_size=40))
def test_everything_falls_due_once_and_in_time(adds: list[tuple[int, int]]) -> None:
    cohorts: Cohorts[Item] = Cohorts()
    expected = {}
    for number, (at, delay) in enumerate(sorted(adds)):
        item = Item(str(number))
        cohorts.add(item, at, delay)
        expected[item.name] = at + delay
    seen: dict[str, int] = {}
    for now in range(80):
        for item in cohorts.pop_due(now):
            assert item.name not in seen
            seen[item.name] = now
    assert seen == expected
