"""Which devices give trouble, by name and for as long as it matters."""

from __future__ import annotations

from hypothesis import given
from hypothesis import settings as bounds
from hypothesis import strategies as st

from agent.conduct import DEVICES_MOST, SLOWEST, WINDOW_MS, Conduct, Trouble

MS = 1_000_000


def by_name(conduct: Conduct, most: int = 100) -> dict[str, Trouble]:
    return {one.device: one for one in conduct.worst(most)}


def test_each_kind_is_counted_apart() -> None:
    conduct = Conduct(0)
    conduct.silent("a", "timeout", fell=True)
    conduct.silent("a", "timeout", fell=False)
    conduct.refused("b", "wrongDigests")
    conduct.partial("c", "tooBig")
    conduct.flooded("d", 700)
    conduct.slow("e", 1500 * MS)
    found = by_name(conduct)
    assert found["a"] == Trouble("a", timeouts=2, falls=1, reason="timeout")
    assert found["b"] == Trouble("b", refused=1, reason="wrongDigests")
    assert found["c"] == Trouble("c", partial=1, reason="tooBig")
    assert found["d"] == Trouble("d", floods=700, reason="flood")
    assert found["e"] == Trouble("e", longest_ms=1500)


def test_a_window_passes_after_another() -> None:
    conduct = Conduct(0)
    conduct.refused("a", "noAccess")
    conduct.turn(WINDOW_MS - 1)
    conduct.turn(WINDOW_MS)
    conduct.refused("a", "emptyView")
    assert by_name(conduct)["a"] == Trouble("a", refused=2, reason="emptyView")
    assert conduct.since_ms == 0
    conduct.turn(2 * WINDOW_MS)
    assert by_name(conduct)["a"].refused == 1
    assert conduct.since_ms == WINDOW_MS
    conduct.turn(3 * WINDOW_MS)
    assert not by_name(conduct)


@bounds(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 80), st.integers(1, 5000)), max_size=300))
def test_the_slowest_are_known_whoever_asks_first(looks: list[tuple[int, int]]) -> None:
    conduct = Conduct(0)
    longest: dict[str, int] = {}
    for number, took_ms in looks:
        device = f"d{number}"
        longest[device] = max(longest.get(device, 0), took_ms)
        if took_ms * MS > conduct.slow_ns:  # as the agent asks
            conduct.slow(device, took_ms * MS)
    wanted = sorted(longest.values(), reverse=True)[:SLOWEST]
    found = sorted((one.longest_ms for one in conduct.worst(1000)), reverse=True)
    assert found == wanted


def test_who_left_is_forgotten() -> None:
    conduct = Conduct(0)
    conduct.refused("a", "noAccess")
    conduct.slow("a", 5 * MS)
    conduct.turn(WINDOW_MS)
    conduct.silent("a", "timeout", fell=True)
    conduct.refused("b", "noAccess")
    conduct.forget(frozenset({"a", "unknown"}))
    assert set(by_name(conduct)) == {"b"}


def test_there_is_a_bound_and_it_is_told() -> None:
    conduct = Conduct(0)
    for number in range(DEVICES_MOST + 5):
        conduct.silent(f"d{number}", "timeout", fell=True)
    assert conduct.beyond == 5
    assert len(conduct.worst(3)) == 3


def test_the_worst_of_each_kind_are_told() -> None:
    conduct = Conduct(0)
    for number in range(20):
        for _ in range(number + 1):
            conduct.silent(f"t{number:02}", "timeout", fell=False)
        conduct.partial(f"p{number:02}", "tooBig")
    found = by_name(conduct, 2)
    assert set(found) == {"t19", "t18", "p00", "p01"}
