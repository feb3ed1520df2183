from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from itertools import combinations_with_replacement, permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.decide import Decider, Decision, DecisionInput, decide
from config.io.plan import load_plan
from config.plan import Ground
from tests.collector.oracle import LEVELS, OPERATORS, WARNINGS, Facts, expected, known

PLAN = load_plan()
DECIDER = Decider(PLAN)
KNOWN = ("none", "partial", "full")
STATES = (*KNOWN, "unknown", "absent")


def asked(
    operators: Sequence[str],
    systems: Sequence[str] = (),
    spread: str = "no",
    *,
    overdue: bool | frozenset[str] = False,
    merged: bool = False,
    facts: Facts = Facts(),  # noqa: B008  frozen
    decider: Decider = DECIDER,
) -> Decision:
    words = ("major_risk", "beyond_operator", "beyond_county")
    return decider.decide(
        DecisionInput(
            operators=dict(zip(OPERATORS, operators, strict=True)),
            systems={f"systems[{i}]": state for i, state in enumerate(systems)},
            spread=spread,
            overdue=overdue,
            counting="merged" if merged else "literal",
            facts=frozenset(word for word in words if getattr(facts, word)),
            levels={"hq_level": facts.hq_level},
        )
    )


def core(decision: Decision) -> tuple[object, ...]:
    return (
        decision.warning,
        decision.level,
        decision.warning_range,
        decision.level_range,
        decision.pending,
        decision.literal_warning,
        decision.literal_level,
    )


def every_fact() -> list[Facts]:
    flags = (False, True)
    return [Facts(*values) for values in product(flags, flags, flags, LEVELS)]


def test_every_known_state_equals_the_specification() -> None:
    systems = [s for n in range(4) for s in combinations_with_replacement(sorted(KNOWN), n)]
    for operators, chosen, spread, merged in product(
        product(KNOWN, repeat=4), systems, ("no", "yes"), (False, True)
    ):
        for facts in every_fact():
            said = asked(operators, chosen, spread, merged=merged, facts=facts)
            want = known(operators, chosen, spread == "yes", merged, facts)
            got = (said.warning, said.level, said.literal_warning, said.literal_level)
            assert got == (want.warning, want.level, want.literal_warning, want.literal_level), (
                operators, chosen, spread, merged, facts,
            )  # fmt: skip
            assert said.warning_range == (said.warning,) * 2
            assert said.level_range == (said.level,) * 2
            assert not said.pending


OVERDUE: tuple[bool | frozenset[str], ...] = (
    False,
    True,
    frozenset({"cmcc", "systems[1]"}),
    frozenset({"spread", "tower"}),
)
SAMPLED = ((), ("unknown",), ("partial", "unknown"), ("full", "absent"), ("unknown", "unknown"))


@pytest.mark.parametrize("merged", [False, True])
@pytest.mark.parametrize("systems", SAMPLED)
def test_unknown_absent_and_overdue_equal_the_specification(
    systems: tuple[str, ...], *, merged: bool
) -> None:
    facts = (Facts(), Facts(major_risk=True), Facts(beyond_operator=True), Facts(hq_level="II"))
    rows = product(product(STATES, repeat=4), ("no", "yes", "unknown"), OVERDUE)
    for number, (operators, spread, overdue) in enumerate(rows):
        fact = facts[number % len(facts)]
        said = asked(operators, systems, spread, overdue=overdue, merged=merged, facts=fact)
        want = expected(
            dict(zip(OPERATORS, operators, strict=True)),
            systems,
            spread,
            overdue=overdue,
            merged=merged,
            facts=fact,
        )
        assert core(said) == tuple(vars(want).values()), (operators, systems, spread, overdue)


def test_unknown_and_absent_are_named() -> None:
    said = asked(("full", "unknown", "absent", "none"), ("unknown", "absent"), "unknown")
    assert said.unknown == ("cucc", "systems[0]", "spread")
    assert said.absent == ("ctcc", "systems[1]")
    assert said.assumed == ()


def test_an_overdue_unknown_is_put_at_its_worst() -> None:
    said = asked(("full", "unknown", "none", "none"), (), "unknown", overdue=frozenset({"spread"}))
    assert (said.warning, said.level) == ("scenario2", "I")
    assert said.assumed == ("spread",)
    assert said.warning_range == ("scenario2", "scenario2")


def test_blindness_alone_proposes_nothing() -> None:
    said = asked(("unknown",) * 4, ("unknown",), "unknown", overdue=True)
    assert (said.warning, said.level, said.pending) == ("none", "none", True)
    assert said.warning_range == ("none", "scenario1")
    assert said.level_range == ("none", "I")
    assert said.literal_warning
    assert said.literal_level


def test_nothing_more_is_pending_when_all_is_overdue() -> None:
    said = asked(("partial", "unknown", "none", "none"), (), "no", overdue=True)
    assert (said.warning, said.pending) == ("scenario2", False)


@pytest.mark.parametrize(
    ("operators", "systems", "spread", "facts", "rules", "clauses"),
    [
        (("partial",) + ("none",) * 3, (), "no", Facts(), ("W3",), ("3.3(3)",)),
        (
            ("full",) + ("none",) * 3, (), "no", Facts(),
            ("G2-operator-full", "L2"), ("3.3(2)", "4.4.2(3)", "4.4.2(1)"),
        ),
        (("full",) + ("none",) * 3, (), "yes", Facts(), ("W2", "L1"), ("3.3(2)", "4.4.1(1)")),
        (("partial",) * 4, (), "yes", Facts(), ("W1", "L1"), ("3.3(1)", "4.4.1(1)")),
        (
            ("full",) * 4, ("none",), "no", Facts(),
            ("G1-dark", "GL1-scenario", "GL1-operators"), ("3.3(1)", "4.4.1(3)"),
        ),
        (("none",) * 4, (), "no", Facts(beyond_county=True), ("L1-county",), ("4.4.1(2)",)),
        (("none",) * 4, (), "no", Facts(hq_level="II"), ("L2-hq",), ("4.4.2(3)",)),
        (
            ("partial",) + ("none",) * 3, (), "no", Facts(beyond_operator=True, hq_level="I"),
            ("W3", "L1-hq"), ("3.3(3)", "4.4.1(3)"),
        ),
        (("none",) * 4, (), "unknown", Facts(), (), ()),
    ],
)  # fmt: skip
def test_rules_and_clauses(
    operators: tuple[str, ...],
    systems: tuple[str, ...],
    spread: str,
    facts: Facts,
    rules: tuple[str, ...],
    clauses: tuple[str, ...],
) -> None:
    said = asked(operators, systems, spread, facts=facts)
    assert (said.rules, said.clauses) == (rules, clauses)
    assert said.warning_rules + said.level_rules == said.rules


def test_gap_rules_stand_only_where_the_words_do_not_and_name_their_judgement() -> None:
    grounds = {r.id: r for item in (*PLAN.scenarios, *PLAN.levels) for r in item.rules}
    for operators, systems, spread in product(
        combinations_with_replacement(KNOWN, 4), ((), KNOWN), ("no", "yes")
    ):
        said = asked(operators, systems, spread)
        for literal, rules in (
            (said.literal_warning, said.warning_rules),
            (said.literal_level, said.level_rules),
        ):
            gaps = [grounds[rule] for rule in rules if grounds[rule].ground is Ground.GAP]
            assert bool(gaps) == (not literal)
            assert all(rule.judgement in said.clauses for rule in gaps)


# ── What must hold for all states ────────────────────────────────────────────────────────────────

OPERATOR_STATES = st.tuples(*[st.sampled_from(STATES)] * 4)
SYSTEM_STATES = st.lists(st.sampled_from(STATES), max_size=50)
SPREADS = st.sampled_from(("no", "yes", "unknown"))
FACTS = st.sampled_from(every_fact())
WORSE: Mapping[str, tuple[str, ...]] = {
    "none": ("partial", "full"), "absent": ("partial", "full"), "partial": ("full",),
    "full": (), "unknown": ("full",),
}  # fmt: skip


def severity(decision: Decision) -> tuple[int, int, int, int]:
    return (
        WARNINGS.index(decision.warning_range[0]),
        WARNINGS.index(decision.warning_range[1]),
        LEVELS.index(decision.level_range[0]),
        LEVELS.index(decision.level_range[1]),
    )


@given(
    operators=OPERATOR_STATES,
    systems=SYSTEM_STATES,
    spread=SPREADS,
    merged=st.booleans(),
    facts=FACTS,
    data=st.data(),
)
def test_monotone_in_every_operator_system_and_spread(
    operators: tuple[str, ...],
    systems: list[str],
    spread: str,
    *,
    merged: bool,
    facts: Facts,
    data: st.DataObject,
) -> None:
    before = asked(operators, systems, spread, merged=merged, facts=facts)
    states = [*operators, *systems, spread]
    place = data.draw(st.integers(0, len(states) - 1))
    worse = WORSE[states[place]] if place < len(states) - 1 else ("yes",)
    if not worse:
        return
    states[place] = data.draw(st.sampled_from(worse))
    after = asked(states[:4], states[4:-1], states[-1], merged=merged, facts=facts)
    assert all(b <= a for b, a in zip(severity(before), severity(after), strict=True))


@given(operators=OPERATOR_STATES, systems=SYSTEM_STATES, spread=SPREADS, facts=FACTS)
def test_symmetric_in_the_operators(
    operators: tuple[str, ...], systems: list[str], spread: str, facts: Facts
) -> None:
    said = {
        core(asked(order, systems[::-1] if order != operators else systems, spread, facts=facts))
        for order in permutations(operators)
    }
    assert len(said) == 1


@given(
    operators=OPERATOR_STATES,
    systems=SYSTEM_STATES,
    spread=SPREADS,
    overdue=st.sampled_from(OVERDUE),
    merged=st.booleans(),
    facts=FACTS,
    data=st.data(),
)
def test_every_completion_lies_in_the_range(
    operators: tuple[str, ...],
    systems: list[str],
    spread: str,
    *,
    overdue: bool | frozenset[str],
    merged: bool,
    facts: Facts,
    data: st.DataObject,
) -> None:
    said = asked(operators, systems, spread, overdue=overdue, merged=merged, facts=facts)
    best_w, worst_w, best_l, worst_l = severity(said)
    assert best_w <= WARNINGS.index(said.warning) <= worst_w
    assert best_l <= LEVELS.index(said.level) <= worst_l
    complete = [
        data.draw(st.sampled_from(KNOWN)) if state == "unknown" else state
        for state in (*operators, *systems)
    ]
    ended = data.draw(st.sampled_from(("no", "yes"))) if spread == "unknown" else spread
    true = asked(complete[:4], complete[4:], ended, merged=merged, facts=facts)
    assert best_w <= WARNINGS.index(true.warning) <= worst_w
    assert best_l <= LEVELS.index(true.level) <= worst_l


@given(
    operators=st.tuples(*[st.sampled_from(KNOWN)] * 4),
    systems=st.lists(st.sampled_from(KNOWN), max_size=50),
    spread=st.sampled_from(("no", "yes")),
    merged=st.booleans(),
    facts=FACTS,
)
def test_large_registers_equal_the_specification(
    operators: tuple[str, ...], systems: list[str], spread: str, *, merged: bool, facts: Facts
) -> None:
    said = asked(operators, systems, spread, merged=merged, facts=facts)
    want = known(operators, tuple(sorted(systems)), spread == "yes", merged, facts)
    assert (said.warning, said.level) == (want.warning, want.level)
    impact = any(state != "none" for state in (*operators, *systems))
    assert (said.warning != "none") == impact
    entered = facts.beyond_operator or facts.beyond_county or facts.hq_level != "none"
    if not entered:
        assert (said.level != "none") == (said.warning in ("scenario2", "scenario1"))
    if said.warning == "scenario1":
        assert said.level == "I"


# ── Input that is not ours ───────────────────────────────────────────────────────────────────────

CALM = dict.fromkeys(OPERATORS, "none")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"operators": {"cmcc": "none"}}, r"operators missing: \['cucc', 'ctcc', 'tower'\]"),
        ({"operators": {**CALM, "cbn": "none"}}, r"not in the plan: \['cbn'\]"),
        ({"operators": {**CALM, "cmcc": "down"}}, "cmcc is 'down'"),
        ({"systems": {"a": "broken"}}, "a is 'broken'"),
        ({"spread": "maybe"}, "spread is 'maybe'"),
        ({"counting": "double"}, "no counting 'double'"),
        ({"facts": frozenset({"flood"})}, "no such fact: flood"),
        ({"facts": frozenset({"hq_level"})}, "no such fact: hq_level"),
        ({"levels": {"major_risk": "I"}}, "no such fact: major_risk"),
        ({"levels": {"hq_level": "III"}}, "no such level: III"),
    ],
)
def test_words_that_are_none_of_ours_are_refused(change: dict[str, object], sentence: str) -> None:
    rows: dict[str, object] = {"operators": CALM, "systems": {}, "spread": "no", **change}
    with pytest.raises(ValueError, match=sentence):
        decide(PLAN, DecisionInput(**rows))  # type: ignore[arg-type]


def test_a_system_may_bear_an_operators_name() -> None:
    said = DECIDER.decide(
        DecisionInput(
            operators={**CALM, "cmcc": "unknown"},
            systems={"cmcc": "unknown", "spread": "partial"},
            spread="unknown",
            overdue=True,
        )
    )
    assert said.unknown == ("cmcc", "cmcc", "spread")
    assert not said.pending
    assert (said.warning, said.level) == ("scenario2", "I")


def test_the_plans_own_counting_is_the_default() -> None:
    given_input = DecisionInput(
        operators={**CALM, "cmcc": "partial", "tower": "partial"}, systems={}, spread="no"
    )
    assert decide(PLAN, given_input).warning == "scenario2"
    counting = PLAN.counting
    assert counting is not None
    merged = PLAN.model_copy(update={"counting": counting.model_copy(update={"default": "merged"})})
    assert decide(merged, given_input).warning == "scenario3"


def test_a_decider_survives_pickling_and_remembers_within_bounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("collector.decide._REMEMBERED", 4)
    decider = Decider(PLAN)
    for operators in product(KNOWN, repeat=4):
        asked(operators, decider=decider)
        assert len(decider._remembered) <= 4
    again = pickle.loads(pickle.dumps(decider))
    assert asked(("full",) * 4, decider=again) == asked(("full",) * 4)
