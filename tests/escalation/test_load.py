"""How much people are told, beside ISA-18.2 / IEC 62682."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from escalation.load import DAY_MS, MOST, WINDOW_MS, Load, load, sent

MINUTE = 60_000
DAY = 10 * DAY_MS


def test_a_flood_begins_over_ten_and_ends_under_five() -> None:
    burst = [DAY + n * 20_000 for n in range(12)]
    assert load(burst, burst[-1]) == Load(now=12, day=12, worst=12, floods=1, flood=True)
    assert load(burst[:10], burst[9]).flood is False
    slower = [*burst, *(burst[-1] + n * 90_000 for n in range(1, 9))]
    assert load(slower, slower[-1]).flood is True, "six in ten minutes go on with it"
    assert load(slower, slower[-1] + 5 * MINUTE).flood is False
    rare = [*burst, *(burst[-1] + n * 3 * MINUTE for n in range(1, 9))]
    assert load(rare, rare[-1]).flood is False
    assert load(burst, burst[-1] + DAY_MS) == Load()


@given(st.lists(st.integers(0, 2 * DAY_MS), max_size=60))
def test_it_is_what_counting_gives(raw: list[int]) -> None:
    stamps: list[int] = []
    now_ms = 0
    for at_ms in sorted(raw):
        now_ms = DAY + at_ms
        stamps = sent(stamps, now_ms)
    found = load(stamps, now_ms)
    inside = [DAY + at for at in raw if now_ms - (DAY + at) < DAY_MS]
    assert found.day == len(inside)
    assert found.now == sum(now_ms - at < WINDOW_MS for at in inside)
    assert found.worst == max(
        (sum(0 <= end - at < WINDOW_MS for at in inside) for end in inside), default=0
    )


def test_what_is_kept_is_bounded() -> None:
    stamps: list[int] = []
    for n in range(MOST + 10):
        stamps = sent(stamps, DAY + n)
    assert len(stamps) == MOST
    assert stamps[-1] == DAY + MOST + 9
