from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collector.timers import TimerKey, Timers

KEYS = [TimerKey("k", str(n)) for n in range(8)]
MOVES = st.lists(st.tuples(st.sampled_from(KEYS), st.none() | st.integers(0, 100)), max_size=300)


@given(MOVES, st.integers(0, 100))
def test_timers_are_a_table_of_deadlines(
    moves: list[tuple[TimerKey, int | None]], now: int
) -> None:
    timers = Timers()
    table: dict[TimerKey, int] = {}
    for key, due in moves:
        timers.set(key, due)
        table.pop(key, None)
        if due is not None:
            table[key] = due
    assert timers.next() == min(table.values(), default=None)
    assert timers.rows() == sorted((due, key) for key, due in table.items())
    again = Timers(timers.rows())
    due_now = [key for due, key in sorted((d, k) for k, d in table.items()) if due <= now]
    assert timers.pop_due(now) == due_now
    assert again.pop_due(now) == due_now
    assert len(timers) == len(table) - len(due_now)
