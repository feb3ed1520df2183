"""The whole space of a configured plan: what its words leave open, who owns it, what must hold.

Every state is enumerated by counts (of operators and systems that are unaffected, partly and
wholly affected), spread, entered facts and counting, and judged by the decision function itself.
Systems are taken up to one more than the largest number that the predicates name: beyond that
nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from math import prod
from typing import Final, NamedTuple

from collector.decide import Decider, Decision, DecisionInput
from config.faults import Saying
from config.plan import NOTHING, Ground, Plan

MARKS: Final = {"full": "●", "partial": "◐", "none": "○"}
_STATES: Final = ("none", "partial", "full")
_MOST_CELLS: Final = 200_000
_MOST_SYSTEMS: Final = 8
_MOST_ASSIGNMENTS: Final = 2187
_MOST_SAID: Final = 5


class Cell(NamedTuple):
    """One state by counts. ``merged`` is the merged operator's state, "" when counted literally.

    ``facts`` are numbers in the plan's order: 0 or 1; of a level-valued fact its level, 0 none.
    """

    merged: str
    operators_partial: int
    operators_full: int
    systems: int
    systems_partial: int
    systems_full: int
    spread: bool
    facts: tuple[int, ...]


class Judged(NamedTuple):
    """A cell's decision, and the scenarios and levels whose own words cover it."""

    decision: Decision
    warning: int
    level: int
    scenarios: tuple[str, ...]
    levels: tuple[str, ...]


class Finding(NamedTuple):
    """What a group of cells has in common: of ``kind`` warning or level, covered ``how``.

    ``how``: ``uncovered`` (no words), ``double`` (several words), ``exception`` (the words say
    ``covered_by``, the rules more). ``item`` is what is shown, ``owner`` the first rule for it.
    """

    kind: str
    how: str
    counting: str
    covered_by: tuple[str, ...]
    item: str
    owner: str


@dataclass(frozen=True, slots=True)
class Survey:
    """The result. ``faults``, by property, not empty: the plan is refused.

    ``covered`` counts the cells that the words cover, ``proved`` the checks of each property.
    """

    cells: int
    covered: Mapping[str, int]
    findings: Mapping[Finding, tuple[Cell, ...]]
    proved: Mapping[str, int]
    faults: Mapping[str, Saying]


@dataclass(slots=True)
class _Proof:
    """How often each property was checked, and the cells that broke it."""

    plan: Plan
    checked: dict[str, int] = field(default_factory=dict)
    broken: dict[str, list[str]] = field(default_factory=dict)

    def check(self, name: str, *, holds: bool, where: Cell, detail: str = "") -> None:
        self.checked[name] = self.checked.get(name, 0) + 1
        if not holds:
            self.broken.setdefault(name, []).append(f"{describe(where, self.plan)}{detail}")


PROPERTIES: Final[Mapping[str, tuple[str, str]]] = {
    "total": ("有影响的情况没有规则负责", "a state with impact is owned by no rule"),
    "calm": ("没有影响却有预警", "a warning without any impact"),
    "level_due": (
        "响应级别与 promises.level_from 不符",
        "a level is due from promises.level_from on, and only then",
    ),
    "worst": ("最重的情形没有带来最高的级别", "the worst scenario does not bring the worst level"),
    "monotone": ("影响扩大，结果反而减轻", "more damage gives a milder result"),
    "symmetric": ("结果取决于是哪一家", "the result depends on which operator it is"),
    "words": ("标为原文的规则与原文不符", 'a rule marked "words" and the words disagree'),
}


def survey(plan: Plan) -> Survey:
    """Judge every cell of the plan, whose references are sound (``config.plancheck``)."""
    decider = Decider(plan)
    judged = {cell: _judge(decider, plan, cell) for cell in cells(plan)}
    proof = _Proof(plan)
    _prove_cells(plan, judged, proof)
    _prove_monotone(plan, judged, proof)
    _prove_symmetric(decider, plan, proof)
    findings, covered = _coverage(plan, judged)
    faults = {name: _saying(name, where) for name, where in proof.broken.items()}
    return Survey(len(judged), covered, findings, proof.checked, faults)


def _saying(name: str, where: list[str]) -> Saying:
    zh, en = PROPERTIES[name]
    shown = "; ".join(where[:_MOST_SAID])
    more = f" … (+{len(where) - _MOST_SAID})" if len(where) > _MOST_SAID else ""
    return Saying(f"{zh}（{len(where)} 处）", f"{en} ({len(where)} states): {shown}{more}")


def cells(plan: Plan) -> Iterator[Cell]:
    """Every cell of the plan, literally counted ones first."""
    operators = len(plan.operators)
    kinds = [("", partial, full) for partial, full in _split(operators)]
    if plan.counting is not None:
        kinds += [(m, p, f) for m in _STATES for p, f in _split(operators - 1)]
    systems = list(_system_counts(plan))
    facts = _fact_values(plan, _MOST_CELLS // (2 * len(kinds) * len(systems)))
    for kind, system, spread, entered in product(kinds, systems, (False, True), facts):
        yield Cell(*kind, *system, spread, entered)


def _system_counts(plan: Plan) -> Iterator[tuple[int, int, int]]:
    """Systems, partly and wholly affected ones; with large numbers only those around a bound."""
    bounds = _system_bounds(plan)
    largest = max(3, *bounds) + 1
    wanted = set(range(largest + 1))
    if largest > _MOST_SYSTEMS:
        wanted = {0, 1, 2, largest}
        wanted |= {n for bound in bounds for n in (bound - 1, bound, bound + 1) if n >= 0}
    for number in sorted(wanted):
        for partial, full in _split(number):
            if full in wanted and partial + full in wanted:
                yield number, partial, full


def _system_bounds(plan: Plan) -> set[int]:
    """The numbers of systems at which a predicate may change its mind."""
    found = {0}
    for item in (*plan.scenarios, *plan.levels):
        for predicate in (*item.words, *(p for rule in item.rules for p in rule.when)):
            for key, bound in predicate.model_dump(exclude_none=True).items():
                if isinstance(bound, int) and key.startswith("systems_"):
                    found.add(bound)
                elif isinstance(bound, int) and key.startswith(("affected_", "full_")):
                    found |= {max(0, bound - n) for n in range(len(plan.operators) + 1)}
    return found


def _split(number: int) -> Iterator[tuple[int, int]]:
    """Partly and wholly affected ones of ``number``."""
    return ((p, f) for f in range(number + 1) for p in range(number + 1 - f))


def _fact_values(plan: Plan, most: int) -> list[tuple[int, ...]]:
    """Every combination of facts; when those are more than ``most``: none, each one, all."""
    ranges = [range(len(plan.levels) + 1 if f.kind == "level" else 2) for f in plan.facts]
    if prod(map(len, ranges)) <= most:
        return list(product(*ranges))
    worst = tuple(len(values) - 1 for values in ranges)
    each = (
        tuple(worst[i] if i == chosen else 0 for i in range(len(worst)))
        for chosen in range(len(worst))
    )
    return list(dict.fromkeys(((0,) * len(worst), *each, worst)))


def describe(cell: Cell, plan: Plan) -> str:
    """A cell for people: ``企业/operators ●◐○○ …``; the merged operator stands behind a plus."""
    counted = len(plan.operators) - (1 if cell.merged else 0)
    operators = _marks(counted, cell.operators_partial, cell.operators_full)
    if cell.merged:
        operators += f"+{MARKS[cell.merged]}"
    parts = [f"企业/operators {operators}"]
    if cell.systems:
        systems = _marks(cell.systems, cell.systems_partial, cell.systems_full)
        parts.append(f"系统/systems {systems}")
    parts.append("有扩散/spread" if cell.spread else "无扩散/no spread")
    for fact, value in zip(plan.facts, cell.facts, strict=True):
        if value:
            parts.append(f"{fact.id} {value}" if fact.kind == "level" else fact.id)
    return " ".join(parts)


def _marks(number: int, partial: int, full: int) -> str:
    return "".join(MARKS[state] for state in _fill(number, partial, full))


def as_input(plan: Plan, cell: Cell) -> DecisionInput:
    """The cell as an input: the first operators are the worst off."""
    names = [operator.id for operator in plan.operators]
    states: dict[str, str] = {}
    if cell.merged and plan.counting is not None:
        names.remove(plan.counting.merged)
        states[plan.counting.merged] = cell.merged
    states |= zip(
        names, _fill(len(names), cell.operators_partial, cell.operators_full), strict=True
    )
    systems = _fill(cell.systems, cell.systems_partial, cell.systems_full)
    levels = (NOTHING, *(level.id for level in reversed(plan.levels)))
    pairs = list(zip(plan.facts, cell.facts, strict=True))
    return DecisionInput(
        operators=states,
        systems={str(number): state for number, state in enumerate(systems)},
        spread="yes" if cell.spread else "no",
        counting="merged" if cell.merged else "literal",
        facts=frozenset(fact.id for fact, value in pairs if fact.kind == "bool" and value),
        levels={fact.id: levels[value] for fact, value in pairs if fact.kind == "level"},
    )


def _fill(number: int, partial: int, full: int) -> list[str]:
    return ["full"] * full + ["partial"] * partial + ["none"] * (number - partial - full)


def _judge(decider: Decider, plan: Plan, cell: Cell) -> Judged:
    given = as_input(plan, cell)
    decision = decider.decide(given)
    warning, level = decider.severities(decision)
    scenarios, levels = decider.covering(given)
    return Judged(decision, warning, level, scenarios, levels)


def _impact(cell: Cell) -> bool:
    counts = cell.operators_partial + cell.operators_full + cell.systems_partial
    return counts + cell.systems_full > 0 or cell.merged in ("partial", "full")


def _level_facts(plan: Plan) -> frozenset[int]:
    """The facts, by place, that ground a level by themselves."""
    grounds = {
        fact
        for level in plan.levels
        for rule in level.rules
        if rule.ground is Ground.FACT
        for predicate in rule.when
        for fact in predicate.facts
    }
    return frozenset(i for i, fact in enumerate(plan.facts) if fact.id in grounds)


def _prove_cells(plan: Plan, judged: Mapping[Cell, Judged], proof: _Proof) -> None:
    """What can be said of each cell alone."""
    entered = _level_facts(plan)
    due = _severity_due(plan)
    words = {
        rule.id
        for item in (*plan.scenarios, *plan.levels)
        for rule in item.rules
        if rule.ground is Ground.WORDS
    }
    worst = (len(plan.scenarios), len(plan.levels))
    for cell, said in judged.items():
        if _impact(cell):
            proof.check("total", holds=said.warning > 0, where=cell)
        else:
            proof.check("calm", holds=said.warning == 0, where=cell)
        if due and not any(cell.facts[i] for i in entered):
            proof.check("level_due", holds=(said.level > 0) == (said.warning >= due), where=cell)
        if plan.promises.worst_implies_worst and said.warning == worst[0]:
            proof.check("worst", holds=said.level == worst[1], where=cell)
        _prove_words(cell, said, words, proof)


def _severity_due(plan: Plan) -> int:
    ids = [scenario.id for scenario in reversed(plan.scenarios)]
    level_from = plan.promises.level_from
    return ids.index(level_from) + 1 if level_from is not None else 0


def _prove_words(cell: Cell, said: Judged, words: set[str], proof: _Proof) -> None:
    decision = said.decision
    for item, covering, rules in (
        (decision.warning, said.scenarios, decision.warning_rules),
        (decision.level, said.levels, decision.level_rules),
    ):
        if item != NOTHING:
            marked = any(rule in words for rule in rules)
            agree = marked == (item in covering)
            detail = "" if agree else f" → {item} ({', '.join(rules)})"
            proof.check("words", holds=agree, where=cell, detail=detail)


def _prove_monotone(plan: Plan, judged: Mapping[Cell, Judged], proof: _Proof) -> None:
    operators = len(plan.operators)
    for cell, said in judged.items():
        for worse in _worse(cell, operators - 1 if cell.merged else operators):
            other = judged.get(worse)
            if other is not None:
                milder = other.warning < said.warning or other.level < said.level
                proof.check("monotone", holds=not milder, where=worse)


def _worse(cell: Cell, operators: int) -> Iterator[Cell]:
    """The neighbours with one more thing amiss."""
    if cell.operators_partial + cell.operators_full < operators:
        yield cell._replace(operators_partial=cell.operators_partial + 1)
    if cell.operators_partial:
        partial, full = cell.operators_partial - 1, cell.operators_full + 1
        yield cell._replace(operators_partial=partial, operators_full=full)
    if cell.systems_partial + cell.systems_full < cell.systems:
        yield cell._replace(systems_partial=cell.systems_partial + 1)
    if cell.systems_partial:
        partial, full = cell.systems_partial - 1, cell.systems_full + 1
        yield cell._replace(systems_partial=partial, systems_full=full)
    if cell.merged in _STATES[:2]:
        yield cell._replace(merged=_STATES[_STATES.index(cell.merged) + 1])
    if not cell.spread:
        yield cell._replace(spread=True)
    for i, value in enumerate(cell.facts):
        yield cell._replace(facts=(*cell.facts[:i], value + 1, *cell.facts[i + 1 :]))


def _prove_symmetric(decider: Decider, plan: Plan, proof: _Proof) -> None:
    """Every assignment of states to operators gives what its counts give (not when merged)."""
    names = [operator.id for operator in plan.operators]
    if 3 ** len(names) > _MOST_ASSIGNMENTS:
        return
    for spread in (False, True):
        for states in product(_STATES, repeat=len(names)):
            partial, full = states.count("partial"), states.count("full")
            cell = Cell("", partial, full, 0, 0, 0, spread, (0,) * len(plan.facts))
            word = "yes" if spread else "no"
            given = DecisionInput(
                operators=dict(zip(names, states, strict=True)),
                systems={},
                spread=word,
                counting="literal",
            )
            same = decider.decide(given) == decider.decide(as_input(plan, cell))
            proof.check("symmetric", holds=same, where=cell, detail=f" {', '.join(states)}")


def _coverage(
    plan: Plan, judged: Mapping[Cell, Judged]
) -> tuple[dict[Finding, tuple[Cell, ...]], dict[str, int]]:
    """Cells that the plan's own words leave open, cover twice, or judge otherwise."""
    entered = _level_facts(plan)
    found: dict[Finding, list[Cell]] = {}
    covered = {"warning": 0, "level": 0}
    for cell, said in judged.items():
        if any(cell.facts[i] for i in entered) or not _impact(cell):
            continue
        decision = said.decision
        counting = "merged" if cell.merged else "literal"
        for kind, item, covering, rules in (
            ("warning", decision.warning, said.scenarios, decision.warning_rules),
            ("level", decision.level, said.levels, decision.level_rules),
        ):
            covered[kind] += bool(covering)
            for how in _ways(item, covering):
                owner = rules[0] if rules else NOTHING
                finding = Finding(kind, how, counting, covering, item, owner)
                found.setdefault(finding, []).append(cell)
    return {finding: tuple(group) for finding, group in sorted(found.items())}, covered


def _ways(item: str, covering: tuple[str, ...]) -> Iterable[str]:
    if not covering and item != NOTHING:
        yield "uncovered"
    if len(covering) > 1:
        yield "double"
    if covering and item != covering[0]:
        yield "exception"
