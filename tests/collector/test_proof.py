"""The decision function is its specification: some states here, every one in `make chaos`.

Also registers of up to fifty systems with unknowns, whose completions are counted, not listed.
"""

from __future__ import annotations

from itertools import product
from math import gcd

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.decide import Decider, DecisionInput
from config.io.plan import load_plan
from tests.collector import exhaust
from tests.collector.oracle import LEVELS, OPERATORS, WARNINGS, Facts, known

DECIDER = Decider(load_plan())
STEP = 41
"""One state in so many: coprime to how many there are, so that every place meets every word."""


def test_there_are_as_many_states_as_the_specification_has() -> None:
    assert exhaust.STATES == 6**4 * (1 + 6 + 6**2 + 6**3) * 4 == 1_342_656


def test_states_equal_the_specification() -> None:
    assert gcd(STEP, exhaust.STATES) == 1
    assert exhaust.check(step=STEP) == 2 * -(-exhaust.STATES // STEP)


KNOWN = ("none", "partial", "full")


@settings(max_examples=60)
@given(
    operators=st.tuples(*[st.sampled_from((*KNOWN, "unknown", "absent"))] * 4),
    settled=st.lists(st.sampled_from((*KNOWN, "absent")), max_size=44),
    unknown=st.integers(0, 6),
    spread=st.sampled_from(("no", "yes", "unknown")),
    merged=st.booleans(),
    facts=st.sampled_from(exhaust.FACTS),
)
def test_registers_of_up_to_fifty_systems_equal_the_specification(
    operators: tuple[str, ...],
    settled: list[str],
    unknown: int,
    spread: str,
    *,
    merged: bool,
    facts: Facts,
) -> None:
    systems = [*settled, *["unknown"] * unknown]
    words = ("major_risk", "beyond_operator", "beyond_county")
    said = DECIDER.decide(
        DecisionInput(
            operators=dict(zip(OPERATORS, operators, strict=True)),
            systems={f"s{n}": state for n, state in enumerate(systems)},
            spread=spread,
            counting="merged" if merged else "literal",
            facts=frozenset(word for word in words if getattr(facts, word)),
            levels={"hq_level": facts.hq_level},
        )
    )
    partial, full, size = settled.count("partial"), settled.count("full"), len(systems)
    turned = [(p, f) for p in range(unknown + 1) for f in range(unknown + 1 - p)]
    choices = [KNOWN if one == "unknown" else (one,) for one in operators]
    ends = ("no", "yes") if spread == "unknown" else (spread,)
    found = [
        known(chosen, counted(partial + p, full + f, size), end == "yes", merged, facts)
        for chosen in product(*choices)
        for p, f in turned
        for end in ends
    ]
    warnings = sorted(WARNINGS.index(one.warning) for one in found)
    levels = sorted(LEVELS.index(one.level) for one in found)
    assert said.warning_range == (WARNINGS[warnings[0]], WARNINGS[warnings[-1]])
    assert said.level_range == (LEVELS[levels[0]], LEVELS[levels[-1]])
    assert (said.warning, said.level) == (said.warning_range[0], said.level_range[0])


def counted(partial: int, full: int, size: int) -> tuple[str, ...]:
    """So many systems in these states; their order says nothing."""
    return ("full",) * full + ("partial",) * partial + ("none",) * (size - partial - full)
