"""The decision function: a county's state to warning scenario and response level (PLAN section 2).

Pure, total and monotone. Every name of a scenario, level, operator or fact comes from the plan
file; its predicates are compiled once, and the judgement of a vector of counts is remembered,
because the same few hundred vectors come again and again.

Unknown operators, systems and spread give an exact range: the best end takes them as unaffected
and not spreading, the worst end as wholly down and spreading. What is shown is the best end while
the unknowns are inside their time limit, the worst for those overdue. They become overdue only
while something is known to be affected: blindness alone proposes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from collector.predicates import AT, Item, Vector, compile_plan, holds, reasons, worst
from config.plan import NOTHING, Ground, Plan

SPREAD: Final = "spread"
"""The name of the spread in a list of overdue unknowns."""

_REMEMBERED: Final = 65_536


class Impact(StrEnum):
    """The state of an operator or a system. ABSENT: not connected, none at both ends."""

    NONE = "none"
    PARTIAL = "partial"
    FULL = "full"
    UNKNOWN = "unknown"
    ABSENT = "absent"


class Spread(StrEnum):
    NO = "no"
    YES = "yes"
    UNKNOWN = "unknown"


_IMPACTS: Final = frozenset(str(word) for word in Impact)
_SPREADS: Final = frozenset(str(word) for word in Spread)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionInput:
    """What is known of the county.

    ``operators`` holds every operator of the plan, ``systems`` every registered system by name;
    both map to words of Impact. ``overdue`` is true for all unknowns, or the names of those that
    are (operators, systems, ``"spread"``); other names mean nothing. ``counting`` None: the
    plan's default. ``facts`` are the boolean facts that people entered, ``levels`` the
    level-valued ones.
    """

    operators: Mapping[str, str]
    systems: Mapping[str, str]
    spread: str
    overdue: bool | frozenset[str] = False
    counting: str | None = None
    facts: frozenset[str] = frozenset()
    levels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the plan says. Ranges are (best, worst); ``rules`` those of warning, then of level.

    ``unknown`` and ``absent`` name the inputs that were; ``assumed`` the unknown ones that are
    overdue and were taken at their worst for what is shown.
    """

    warning: str
    level: str
    warning_range: tuple[str, str]
    level_range: tuple[str, str]
    pending: bool
    literal_warning: bool
    literal_level: bool
    rules: tuple[str, ...]
    clauses: tuple[str, ...]
    warning_rules: tuple[str, ...]
    level_rules: tuple[str, ...]
    unknown: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Judgement:
    """The decision on one fully known vector; severity 0 is nothing."""

    warning: int
    level: int
    literal_warning: bool
    literal_level: bool
    warning_rules: tuple[str, ...]
    level_rules: tuple[str, ...]
    rules: tuple[str, ...]
    clauses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _State:
    """The input, checked. ``merged`` is the place of the merged operator, or -1."""

    operators: Sequence[str]
    systems: Sequence[str]
    system_names: Iterable[str]
    spread: str
    merged: int
    facts: Vector
    unknown: tuple[str, ...]
    absent: tuple[str, ...]
    assumed: frozenset[str]


class Decider:
    """The decision function of one plan. Keeps nothing but remembered judgements."""

    def __init__(self, plan: Plan) -> None:
        """Compile ``plan``, whose references are sound (``config.plancheck``); else KeyError."""
        self.plan = plan
        self._compiled = compile_plan(plan)
        self._names = tuple(operator.id for operator in plan.operators)
        self._merged = self._names.index(plan.counting.merged) if plan.counting else -1
        self._default = plan.counting.default if plan.counting else "literal"
        self._bools = frozenset(self._compiled.facts) - self._compiled.valued
        self._no_facts = (0,) * len(plan.facts)
        self._remembered: dict[Vector, _Judgement] = {}

    def decide(self, given: DecisionInput) -> Decision:
        """Decide. Raises ValueError when an operator is missing or a word is none of ours."""
        state = self._read(given)
        best = self._judge(self._vector(state, frozenset()))
        if not state.unknown:
            return self._decision(state, best, best, best)
        worst_end = self._judge(self._vector(state, frozenset(state.unknown)))
        shown = self._judge(self._vector(state, state.assumed)) if state.assumed else best
        return self._decision(state, best, worst_end, shown)

    def covering(self, given: DecisionInput) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The scenarios and the levels whose own words hold at the best end, worst first."""
        vector = self._vector(self._read(given), frozenset())
        full = (*vector, self._judge(vector).warning)
        compiled = self._compiled
        return (
            tuple(item.id for item in compiled.scenarios if holds(item.words, full)),
            tuple(item.id for item in compiled.levels if holds(item.words, full)),
        )

    def severities(self, decision: Decision) -> tuple[int, int]:
        """Warning and level of a decision as numbers: 0 nothing, 1 the mildest."""
        compiled = self._compiled
        return compiled.warnings.index(decision.warning), compiled.responses.index(decision.level)

    @property
    def scenarios(self) -> tuple[Item, ...]:
        """The compiled scenarios, worst first."""
        return self._compiled.scenarios

    @property
    def levels(self) -> tuple[Item, ...]:
        """The compiled levels, worst first."""
        return self._compiled.levels

    def vector(self, given: DecisionInput) -> Vector:
        """The counts that the predicates look at, unknowns at their best."""
        return self._vector(self._read(given), frozenset())

    def _decision(
        self, state: _State, best: _Judgement, worst_end: _Judgement, shown: _Judgement
    ) -> Decision:
        warnings, levels = self._compiled.warnings, self._compiled.responses
        waiting = any(name not in state.assumed for name in state.unknown)
        differs = best.warning != worst_end.warning or best.level != worst_end.level
        return Decision(
            warning=warnings[shown.warning],
            level=levels[shown.level],
            warning_range=(warnings[best.warning], warnings[worst_end.warning]),
            level_range=(levels[best.level], levels[worst_end.level]),
            pending=waiting and differs,
            literal_warning=shown.literal_warning,
            literal_level=shown.literal_level,
            rules=shown.rules,
            clauses=shown.clauses,
            warning_rules=shown.warning_rules,
            level_rules=shown.level_rules,
            unknown=state.unknown,
            absent=state.absent,
            assumed=tuple(name for name in state.unknown if name in state.assumed),
        )

    def _read(self, given: DecisionInput) -> _State:
        operators = [given.operators.get(name, "missing") for name in self._names]
        systems = list(given.systems.values())
        words = {*operators, *systems}
        if not words <= _IMPACTS or len(given.operators) != len(operators):
            raise ValueError(_wrong_state(self._names, given))
        if given.spread not in _SPREADS:
            raise ValueError(f"spread is {given.spread!r}; it is one of no, yes, unknown")
        unknown = self._having("unknown", given) if "unknown" in words else ()
        if given.spread == "unknown":
            unknown += (SPREAD,)
        affected = "partial" in words or "full" in words
        return _State(
            operators=operators,
            systems=systems,
            system_names=given.systems,
            spread=given.spread,
            merged=self._counted(given.counting or self._default),
            facts=self._entered(given),
            unknown=unknown,
            absent=self._having("absent", given) if "absent" in words else (),
            assumed=_overdue(given.overdue, unknown) if affected else frozenset(),
        )

    def _having(self, word: str, given: DecisionInput) -> tuple[str, ...]:
        """The names of operators, then systems, in this state."""
        return (
            *(name for name in self._names if given.operators[name] == word),
            *(name for name, state in given.systems.items() if state == word),
        )

    def _counted(self, counting: str) -> int:
        if counting == "literal":
            return -1
        if counting != "merged" or self._merged < 0:
            raise ValueError(f"the plan has no counting {counting!r}")
        return self._merged

    def _entered(self, given: DecisionInput) -> Vector:
        if not given.facts and not given.levels:
            return self._no_facts
        compiled = self._compiled
        strange = sorted((given.facts - self._bools) | (set(given.levels) - compiled.valued))
        if strange:
            raise ValueError(f"the plan has no such fact: {', '.join(strange)}")
        if wrong := sorted(set(given.levels.values()) - set(compiled.responses)):
            raise ValueError(f"the plan has no such level: {', '.join(wrong)}")
        return tuple(
            compiled.responses.index(given.levels.get(name, NOTHING))
            if name in compiled.valued
            else int(name in given.facts)
            for name in compiled.facts
        )

    def _vector(self, state: _State, assumed: frozenset[str]) -> Vector:
        """The counts with the unknowns of ``assumed`` at their worst and the others at best."""
        operators, systems = state.operators, state.systems
        full = _full(operators, self._names, assumed)
        affected = operators.count("partial") + full
        systems_full = _full(systems, state.system_names, assumed)
        systems_affected = systems.count("partial") + systems_full
        every_operator = affected == len(operators)
        every_system = systems_affected == len(systems)
        wholly = full == len(operators)
        if state.merged >= 0:
            affected, full = self._merge(state, assumed, affected, full)
        return (
            affected,
            full,
            systems_affected,
            systems_full,
            affected + systems_affected,
            full + systems_full,
            every_operator,
            wholly,
            every_system and systems_affected > 0,
            systems_full == len(systems) and systems_full > 0,
            every_operator and every_system,
            state.spread == "yes" or (state.spread == "unknown" and SPREAD in assumed),
            *state.facts,
        )

    def _merge(
        self, state: _State, assumed: frozenset[str], affected: int, full: int
    ) -> tuple[int, int]:
        """Count the merged operator into the others: the others' count, or 1 for it alone."""
        its = state.operators[state.merged]
        its_full = its == "full" or (its == "unknown" and self._names[state.merged] in assumed)
        its_affected = its_full or its == "partial"
        return (
            max(affected - its_affected, int(its_affected)),
            max(full - its_full, int(its_full)),
        )

    def _judge(self, vector: Vector) -> _Judgement:
        known = self._remembered.get(vector)
        if known is None:
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            known = self._remembered[vector] = self._evaluate(vector)
        return known

    def _evaluate(self, vector: Vector) -> _Judgement:
        scenario = worst(self._compiled.scenarios, (*vector, 0))
        full = (*vector, scenario.severity if scenario else 0)
        level = worst(self._compiled.levels, full)
        by_warning, by_level = reasons(scenario, full), reasons(level, full)
        idle = vector[AT.affected] == 0
        entered = any(rule.ground is Ground.FACT for rule in by_level)
        together = (*by_warning, *by_level)
        return _Judgement(
            warning=scenario.severity if scenario else 0,
            level=level.severity if level else 0,
            literal_warning=idle or scenario is None or holds(scenario.words, full),
            literal_level=idle or level is None or entered or holds(level.words, full),
            warning_rules=tuple(rule.id for rule in by_warning),
            level_rules=tuple(rule.id for rule in by_level),
            rules=_once(rule.id for rule in together),
            clauses=_once(clause for rule in together for clause in rule.clauses),
        )


def decide(plan: Plan, given: DecisionInput) -> Decision:
    """Decide once; who decides often keeps a ``Decider``."""
    return Decider(plan).decide(given)


def _wrong_state(names: Sequence[str], given: DecisionInput) -> str:
    missing = [name for name in names if name not in given.operators]
    strange = [name for name in given.operators if name not in names]
    wrong = [
        f"{name} is {state!r}"
        for states in (given.operators, given.systems)
        for name, state in states.items()
        if state not in _IMPACTS
    ]
    return (
        f"operators missing: {missing}, not in the plan: {strange}, "
        f"states that are none of {', '.join(Impact)}: {wrong}"
    )


def _overdue(
    overdue: bool | frozenset[str],  # noqa: FBT001  the wire's own shape: true, or names
    unknown: tuple[str, ...],
) -> frozenset[str]:
    if not overdue:
        return frozenset()
    return frozenset(unknown) if overdue is True else overdue.intersection(unknown)


def _full(states: Sequence[str], names: Iterable[str], assumed: frozenset[str]) -> int:
    """How many are wholly down when the unknowns of ``assumed`` are."""
    full = states.count("full")
    if assumed and "unknown" in states:
        pairs = zip(names, states, strict=True)
        full += sum(1 for name, state in pairs if state == "unknown" and name in assumed)
    return full


def _once(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))
