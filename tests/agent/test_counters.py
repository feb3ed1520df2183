"""Counters to rates: wrap, reset, discontinuity, gap, first sample, restart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.counters import SLACK_TICKS, Rates, growth, restarted
from agent.decode import Number, Rows
from config.profile import Metric, MetricType

S = 1_000_000_000
WRAP = 2**32


def rows(
    values: list[Number],
    *,
    kind: MetricType = MetricType.COUNTER64,
    scale: float = 1.0,
    names: tuple[str, ...] | None = None,
    epochs: list[Number] | None = None,
) -> Rows:
    metric = Metric(name="c", oid="1.3.6.1", type=kind, scale=scale)
    gauge = Metric(name="g", oid="1.3.6.2")
    names = names or tuple(f"r{number}" for number in range(len(values)))
    return Rows("p", "t", (metric, gauge), names, [values, [7] * len(values)], epochs=epochs)


def turns(*looks: tuple[int, Rows]) -> list[list[Number]]:
    rates = Rates()
    for at, one in looks:
        rates.apply([one], at * S)
        assert one.columns[1] == [7] * len(one.instances)
    return [one.columns[0] for _, one in looks]


def test_the_first_sample_has_no_rate_and_the_next_ones_have() -> None:
    assert turns((0, rows([100])), (10, rows([300])), (20, rows([300]))) == [[None], [20.0], [0.0]]


def test_a_rate_is_scaled() -> None:
    assert turns((0, rows([0], scale=8.0)), (2, rows([10], scale=8.0)))[1] == [40.0]


def test_after_a_gap_there_is_no_rate() -> None:
    assert turns((0, rows([0])), (400, rows([10])), (410, rows([20]))) == [[None], [None], [1.0]]


def test_a_64_bit_counter_that_goes_back_was_reset() -> None:
    assert turns((0, rows([100])), (10, rows([50])), (20, rows([60])))[1:] == [[None], [1.0]]


def test_a_32_bit_counter_wraps_but_not_by_more_than_half_its_range() -> None:
    narrow = MetricType.COUNTER32
    looks = turns((0, rows([WRAP - 50], kind=narrow)), (10, rows([50], kind=narrow)))
    assert looks[1] == [10.0]
    looks = turns((0, rows([1000], kind=narrow)), (10, rows([50], kind=narrow)))
    assert looks[1] == [None]


def test_missing_values_give_no_rate() -> None:
    assert turns((0, rows([None, 5])), (10, rows([5, None])), (20, rows([15, 5])))[1:] == [
        [None, None],
        [1.0, None],
    ]


def test_rows_are_followed_by_name_when_they_move_come_and_go() -> None:
    before = rows([100, 200, 300], names=("a", "b", "c"))
    after = rows([320, 110, 1], names=("c", "a", "d"))
    assert turns((0, before), (10, after))[1] == [2.0, 1.0, None]


def test_a_row_that_was_discontinued_starts_anew() -> None:
    before = rows([100, 100], epochs=[0, 5])
    after = rows([200, 200], epochs=[0, 9])
    assert turns((0, before), (10, after))[1] == [10.0, None]


def test_a_restart_gives_no_rate_and_is_told_once() -> None:
    rates = Rates()
    assert not rates.apply([rows([100])], 0, 1_000_000)
    one = rows([500])
    assert rates.apply([one], 60 * S, 300)
    assert one.columns[0] == [None]
    one = rows([600])
    assert not rates.apply([one], 70 * S, 1300)
    assert one.columns[0] == [10.0]


@pytest.mark.parametrize(
    ("before", "now", "elapsed_s", "again"),
    [
        (1_000_000, 1_003_000, 30, False),
        (1_000_000, 1_002_500, 30, False),
        (1_000_000, 3000, 60, True),
        (1_000_000, 999_000, 30, True),
        (500, 2000, 600, True),
        (WRAP - 1000, 2000, 30, False),
        (WRAP - 1000, 2000, 600, True),
        (WRAP - 100, 200_000, 30, True),
        (WRAP // 2, 100, 30, True),
    ],
)
def test_a_restart_is_told_from_the_wrap_of_sysuptime(
    before: int,
    now: int,
    elapsed_s: int,
    again: bool,  # noqa: FBT001  a row's last column
) -> None:
    assert restarted(before, now, elapsed_s * S) is again


@given(st.integers(0, WRAP - 1), st.integers(0, WRAP // 2 - 1))
def test_growth_across_a_wrap_is_found(before: int, grown: int) -> None:
    assert growth(before, (before + grown) % WRAP, wraps=True) == grown


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_growth_is_never_negative(before: int, now: int) -> None:
    grown = growth(before, now, wraps=False)
    assert grown is None if now < before else grown == now - before


BIT = "bit/s"


def line(count: int, speed: Number, *, kind: MetricType = MetricType.COUNTER64) -> Rows:
    one = rows([count], kind=kind, scale=8.0)
    metric = one.metrics[0].model_copy(update={"unit": BIT})
    one.metrics = (metric, one.metrics[1])
    one.speeds = [speed]
    return one


@pytest.mark.parametrize(
    ("octets", "speed", "expected"),
    [
        (12_500_000, 10, 10e6),
        (18_000_000, 10, 14.4e6),  # refreshed late by the device, still believed
        (25_000_000, 10, None),
        (25_000_000, 0, 20e6),  # ifHighSpeed 0: unknown, or below half a Mbit/s
        (25_000_000, None, 20e6),
    ],
)
def test_a_rate_far_above_the_speed_of_its_row_is_none(
    octets: int, speed: Number, expected: Number
) -> None:
    assert turns((0, line(0, speed)), (10, line(octets, speed)))[1] == [expected]


def test_a_32_bit_counter_that_was_reset_is_no_wrap_where_the_speed_forbids_it() -> None:
    narrow = MetricType.COUNTER32
    before, after = line(WRAP - 1000, 10, kind=narrow), line(10**9, 10, kind=narrow)
    assert turns((0, before), (10, after))[1] == [None]
    before, after = line(WRAP - 1000, 10_000, kind=narrow), line(10**9, 10_000, kind=narrow)
    assert turns((0, before), (10, after))[1] == [pytest.approx(8e8, rel=1e-3)]


def test_what_has_no_octets_is_not_measured_by_the_speed() -> None:
    one, two = rows([0]), rows([10**12])
    one.speeds = two.speeds = [1]
    assert turns((0, one), (10, two))[1] == [1e11]


def test_looks_soon_after_one_another_have_no_rate_and_cost_the_next_one_nothing() -> None:
    rates = Rates(least_s=5.0)
    found = []
    for at, count in ((0, 0), (10, 100), (11, 1000), (20, 200), (24, 200), (25, 250)):
        one = rows([count])
        rates.apply([one], at * S)
        found.append(one.columns[0][0])
    assert found == [None, 10.0, None, 10.0, None, 10.0]


def test_rows_renumbered_by_a_restart_keep_their_names_and_show_no_spike() -> None:
    rates = Rates()
    rates.apply([rows([10**9, 5, 7], names=("a", "b", "c"))], 0, 1_000_000)
    after = rows([3, 10**9 + 5, 1], names=("c", "a", "b"))
    assert rates.apply([after], 30 * S, 500)
    assert after.columns[0] == [None, None, None]
    later = rows([13, 10**9 + 15, 1], names=("c", "a", "b"))
    assert not rates.apply([later], 40 * S, 1500)
    assert later.columns[0] == [1.0, 1.0, 0.0]


def test_a_restart_is_known_from_the_boots_even_when_sysuptime_cannot_tell() -> None:
    rates = Rates()
    rates.apply([rows([100])], 0, None, (b"one", 7))
    one = rows([200])
    assert not rates.apply([one], 10 * S, None, (b"one", 7))
    assert one.columns[0] == [10.0]
    one = rows([300])
    assert rates.apply([one], 20 * S, None, (b"one", 8))
    assert one.columns[0] == [None]
    one = rows([400])
    assert rates.apply([one], 25 * S, None, (b"another", 8))  # the unit was swapped
    assert one.columns[0] == [None]
    assert not rates.apply([rows([400])], 30 * S, None, None)  # not told this time


@pytest.mark.parametrize(
    ("uptime", "expected"),
    [(1_003_000, 10.0), (1_030_000, 10.0), (1_300_000, 10.0), (90_000_000, None)],
)
def test_a_unit_that_has_been_up_for_longer_counts_for_itself(
    uptime: int, expected: Number
) -> None:
    """Clocks that run ten times too fast exist; a leap of days is another unit's, no restart."""
    rates = Rates()
    rates.apply([rows([100])], 0, 1_000_000)
    one = rows([400])
    assert not rates.apply([one], 30 * S, uptime)
    assert one.columns[0] == [expected]
    one = rows([700])
    assert not rates.apply([one], 60 * S, uptime + 3000)
    assert one.columns[0] == [10.0]


@given(st.integers(0, WRAP - 1), st.integers(1, 3_000_000), st.integers(-SLACK_TICKS, SLACK_TICKS))
def test_no_device_that_only_goes_on_counting_was_restarted(
    before: int, elapsed_ticks: int, skew: int
) -> None:
    """FAULTS F31, across the wrap after 497 days too."""
    now = (before + elapsed_ticks + skew) % WRAP
    if skew < 0 and elapsed_ticks + skew < 0:
        return  # time does not run backwards
    assert not restarted(before, now, elapsed_ticks * S // 100)
