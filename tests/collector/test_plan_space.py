from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from collector.decide import Decider, DecisionInput
from collector.plan_space import PROPERTIES, Cell, cells, describe, survey
from config.io.plan import load_plan
from config.plan import Ground, Level, Plan, Predicate, Promises, Rule, Scenario

SHIPPED = load_plan()
HARBOUR = load_plan(Path(__file__).parent / "plans" / "harbour.toml")


def without_facts(plan: Plan) -> Plan:
    """A smaller space: rules that need facts, and the facts, left out."""

    def kept(item: Any) -> Any:
        rules = tuple(r for r in item.rules if not any(p.facts for p in r.when))
        words = tuple(p.model_copy(update={"facts_not": ()}) for p in item.words)
        return item.model_copy(update={"rules": rules, "words": words})

    return plan.model_copy(
        update={
            "facts": (),
            "scenarios": tuple(map(kept, plan.scenarios)),
            "levels": tuple(map(kept, plan.levels)),
        }
    )


SMALL = without_facts(SHIPPED)


def changed(plan: Plan, *, rules: Callable[[str, tuple[Rule, ...]], tuple[Rule, ...]]) -> Plan:
    """``plan`` with ``rules(item id, its rules)``."""

    def redone(item: Any) -> Any:
        return item.model_copy(update={"rules": rules(item.id, item.rules)})

    return plan.model_copy(
        update={
            "scenarios": tuple(map(redone, plan.scenarios)),
            "levels": tuple(map(redone, plan.levels)),
        }
    )


def dropping(*ids: str) -> Callable[[str, tuple[Rule, ...]], tuple[Rule, ...]]:
    return lambda _, rules: tuple(rule for rule in rules if rule.id not in ids)


def test_the_shipped_plan_keeps_its_promises() -> None:
    found = survey(SHIPPED)
    assert not found.faults
    assert set(found.proved) == set(PROPERTIES)
    # 15 ways for four operators and 30 with one merged, 35 for up to four systems, spread, facts.
    assert found.cells == (15 + 30) * 35 * 2 * 24


def test_the_shipped_plans_gaps_have_their_owners() -> None:
    found = survey(SMALL).findings
    owners = {(f.how, f.item, f.owner) for f in found if f.kind == "warning"}
    assert owners == {
        ("uncovered", "scenario1", "G1-dark"),
        ("uncovered", "scenario2", "G2-operator-full"),
        ("uncovered", "scenario2", "G2-operators"),
        ("uncovered", "scenario2", "G2-spread"),
        ("uncovered", "scenario2", "G2-system-full"),
        ("uncovered", "scenario2", "G2-systems"),
        ("double", "scenario1", "W1"),
        ("exception", "scenario1", "G1-dark"),
    }
    levels = {(f.how, f.item, f.owner) for f in found if f.kind == "level"}
    assert levels == {
        ("uncovered", "I", "GL1-scenario"),
        ("uncovered", "I", "GL1-spread"),
        ("uncovered", "I", "GL1-operators"),
        ("uncovered", "I", "GL1-systems"),
        ("uncovered", "II", "GL2-scenario"),
    }


def test_the_one_deliberate_exception_is_dark() -> None:
    for finding, group in survey(SMALL).findings.items():
        if finding.how == "exception":
            assert {cell.operators_full + (cell.merged == "full") for cell in group} == {4}


@pytest.mark.parametrize(
    ("broken", "name", "cell"),
    [
        (
            changed(SMALL, rules=lambda id_, rules: (
                (rules[0].model_copy(update={"when": (Predicate(operators_affected_min=1),)}),)
                if id_ == "scenario3" else rules
            )),
            "total", "系统/systems ◐ 无扩散/no spread",
        ),
        (changed(SMALL, rules=dropping("GL2-scenario")), "level_due", "systems ◐ 有扩散/spread"),
        (changed(SMALL, rules=dropping("GL1-scenario", "GL1-operators")), "worst", "●●●●"),
        (
            changed(SMALL, rules=lambda id_, rules: (
                (*rules, rules[0].model_copy(update={"when": (Predicate(spread="yes"),)}))
                if id_ == "scenario2" else rules
            )),
            "calm", "企业/operators ○○○○ 有扩散/spread",
        ),
        (
            changed(SMALL, rules=lambda id_, rules: (
                (rules[0].model_copy(update={"when": (Predicate(operators_full_max=1),)}),)
                if id_ == "I" else rules
            )),
            "monotone", "企业/operators ●●",
        ),
        (
            changed(SMALL, rules=lambda _, rules: tuple(
                r.model_copy(update={"ground": Ground.WORDS}) if r.id == "G2-systems" else r
                for r in rules
            )),
            "words", "→ scenario2 (G2-systems)",
        ),
    ],
)  # fmt: skip
def test_a_broken_plan_is_refused(broken: Plan, name: str, cell: str) -> None:
    faults = survey(broken).faults
    assert name in faults
    zh, en = PROPERTIES[name]
    assert faults[name].zh.startswith(zh)
    assert faults[name].en.startswith(en)
    assert cell in faults[name].en


def test_another_countys_plan_goes_through_the_same_code() -> None:
    found = survey(HARBOUR)
    assert not found.faults
    assert {f.owner for f in found.findings if f.how == "uncovered"} == {"O-storm", "Y-spread"}


@pytest.mark.parametrize(
    ("operators", "systems", "spread", "storm", "watch", "said"),
    [
        ("none none", "", "no", False, "none", ("none", "none", True, True)),
        ("none partial", "", "no", False, "none", ("blue", "D", True, True)),
        ("partial partial", "partial", "yes", False, "none", ("yellow", "C", False, True)),
        ("full none", "", "no", False, "none", ("yellow", "C", True, True)),
        ("full none", "", "no", True, "none", ("orange", "B", False, True)),
        ("full none", "full", "no", False, "none", ("orange", "B", True, True)),
        ("full full", "", "no", False, "D", ("red", "A", True, True)),
        ("none none", "", "no", False, "C", ("none", "C", True, True)),
        ("partial none", "", "no", False, "B", ("blue", "B", True, True)),
    ],
)
def test_another_countys_decisions(
    operators: str,
    systems: str,
    spread: str,
    *,
    storm: bool,
    watch: str,
    said: tuple[str, str, bool, bool],
) -> None:
    decision = Decider(HARBOUR).decide(
        DecisionInput(
            operators=dict(zip(("north", "south"), operators.split(), strict=True)),
            systems=dict(enumerate(systems.split())),  # type: ignore[arg-type]
            spread=spread,
            facts=frozenset({"storm"} if storm else ()),
            levels={"watch_level": watch},
        )
    )
    got = (decision.warning, decision.level, decision.literal_warning, decision.literal_level)
    assert got == said


def test_large_bounds_and_many_facts_keep_the_space_small() -> None:
    def stretched(item: Scenario | Level) -> Any:
        big = Predicate(systems_full_min=500)
        rule = item.rules[0].model_copy(update={"when": (*item.rules[0].when, big)})
        return item.model_copy(update={"rules": (rule, *item.rules[1:])})

    facts = tuple(SHIPPED.facts[0].model_copy(update={"id": f"f{n}"}) for n in range(12))
    plan = SMALL.model_copy(update={"levels": tuple(map(stretched, SMALL.levels)), "facts": facts})
    every = list(cells(plan))
    assert len(every) < 300_000
    assert {cell.systems for cell in every} >= {0, 1, 499, 500, 501}
    assert {sum(cell.facts) for cell in every} <= {0, 1, 12}


def test_a_cell_is_described_by_marks() -> None:
    cell = Cell("full", 1, 1, 2, 1, 0, spread=True, facts=(1, 0, 0, 2))
    assert describe(cell, SHIPPED) == (
        "企业/operators ●◐○+● 系统/systems ◐○ 有扩散/spread major_risk hq_level 2"
    )


def test_promises_are_optional() -> None:
    silent = SMALL.model_copy(update={"promises": Promises()})
    found = survey(silent)
    assert "level_due" not in found.proved
    assert "worst" not in found.proved
