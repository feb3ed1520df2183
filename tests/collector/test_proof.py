"""The decision function is its specification: some states here, every one in `make chaos`.

Also registers of up to fifty systems with unknowns, overdue ones too, whose completions are
counted, not listed.
"""

from __future__ import annotations

from math import gcd

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.decide import Decider
from config.io.plan import load_plan
from tests.collector import exhaust
from tests.collector.oracle import Facts

DECIDER = Decider(load_plan())
STEP = 41
"""One state in so many: coprime to how many there are, so that every place meets every word."""
REGISTER_STEP = 401


def test_there_are_as_many_states_as_the_specification_has() -> None:
    assert exhaust.STATES == 6**4 * (1 + 6 + 6**2 + 6**3) * 4 == 1_342_656


def test_states_equal_the_specification() -> None:
    assert gcd(STEP, exhaust.STATES) == 1
    assert exhaust.check(step=STEP) == 2 * -(-exhaust.STATES // STEP)


def test_registers_of_fifty_systems_equal_the_specification() -> None:
    """Overdue ones, and whether the plan's own words carry it, included."""
    assert exhaust.REGISTERS == 653_184
    assert gcd(REGISTER_STEP, exhaust.REGISTERS) == 1
    found = exhaust.check_registers(step=REGISTER_STEP)
    assert found == 2 * -(-exhaust.REGISTERS // REGISTER_STEP)


places = st.sampled_from(exhaust.PLACES)


@settings(max_examples=100, deadline=None)
@given(
    operators=st.tuples(places, places, places, places),
    settled=st.lists(st.sampled_from(exhaust.PLACES[:4]), max_size=44),
    unknown=st.integers(0, 3),
    overdue=st.integers(0, 3),
    spread=st.sampled_from(exhaust.SPREADS),
    merged=st.booleans(),
    facts=st.sampled_from(exhaust.FACTS),
)
def test_random_registers_of_up_to_fifty_systems_equal_the_specification(
    operators: tuple[str, ...],
    settled: list[str],
    unknown: int,
    overdue: int,
    spread: str,
    *,
    merged: bool,
    facts: Facts,
) -> None:
    systems = [*settled, *["unknown"] * unknown, *["overdue"] * overdue]
    counts = tuple(systems.count(place) for place in exhaust.PLACES)
    one = exhaust.Register(operators, counts, spread)
    assert exhaust.got(DECIDER, one.state, merged, facts) == exhaust.wanted_of(one, merged, facts)
