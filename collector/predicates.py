"""The plan's predicates, compiled: bounds on a vector of counts, and what they say of a vector.

A vector holds the counts of ``Place``, then one number per fact of the plan (0 or 1; of a
level-valued fact the severity of its level), then the severity of the warning. Severity 0 is
nothing, 1 the mildest scenario or level.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from config.plan import NOTHING, Ground, Plan, Predicate, Scenario

Vector = tuple[int, ...]
Bounds = tuple[tuple[int, int, int], ...]
"""Place, least and most of each bound of one predicate."""


class Place(NamedTuple):
    """Where a count stands in a vector; the ``every``, ``all`` and ``spread`` places are 0 or 1."""

    operators_affected: int = 0
    operators_full: int = 1
    systems_affected: int = 2
    systems_full: int = 3
    affected: int = 4
    full: int = 5
    every_operator_affected: int = 6
    every_operator_full: int = 7
    every_system_affected: int = 8
    every_system_full: int = 9
    all_affected: int = 10
    spread: int = 11


AT: Final = Place()
_EVERY: Final = {
    "operators_affected": AT.every_operator_affected,
    "operators_full": AT.every_operator_full,
    "systems_affected": AT.every_system_affected,
    "systems_full": AT.every_system_full,
}
_TOP: Final = 1 << 31


@dataclass(frozen=True, slots=True)
class CompiledRule:
    id: str
    ground: Ground
    clauses: tuple[str, ...]
    when: tuple[Bounds, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """A scenario or a level."""

    id: str
    severity: int
    words: tuple[Bounds, ...]
    rules: tuple[CompiledRule, ...]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A plan's scenarios and levels, worst first. ``facts`` maps a fact to its place.

    ``warnings`` and ``responses`` are the ids by severity, ``none`` first; ``valued`` the facts
    whose value is a level.
    """

    scenarios: tuple[Item, ...]
    levels: tuple[Item, ...]
    warnings: tuple[str, ...]
    responses: tuple[str, ...]
    facts: Mapping[str, int]
    valued: frozenset[str]


def compile_plan(plan: Plan) -> Compiled:
    """Compile a plan whose references are sound (``config.plancheck``); else KeyError."""
    facts = {fact.id: place for place, fact in enumerate(plan.facts, start=len(AT))}
    valued = frozenset(fact.id for fact in plan.facts if fact.kind == "level")
    warnings, responses = _by_severity(plan.scenarios), _by_severity(plan.levels)
    names = _Names(facts, valued, {name: severity for severity, name in enumerate(warnings)})
    return Compiled(
        scenarios=tuple(_item(item, warnings.index(item.id), names) for item in plan.scenarios),
        levels=tuple(_item(item, responses.index(item.id), names) for item in plan.levels),
        warnings=warnings,
        responses=responses,
        facts=facts,
        valued=valued,
    )


@dataclass(frozen=True, slots=True)
class _Names:
    facts: Mapping[str, int]
    valued: frozenset[str]
    warnings: Mapping[str, int]

    def least(self, fact: str, severity: int) -> int:
        """The value from which on a fact speaks for an item of this severity."""
        return severity if fact in self.valued else 1


def _by_severity(items: Sequence[Scenario]) -> tuple[str, ...]:
    return (NOTHING, *(item.id for item in reversed(items)))


def _item(item: Scenario, severity: int, names: _Names) -> Item:
    rules = tuple(
        CompiledRule(
            id=rule.id,
            ground=rule.ground,
            clauses=rule.clauses + ((rule.judgement,) if rule.judgement else ()),
            when=tuple(_bounds(predicate, severity, names) for predicate in rule.when),
        )
        for rule in item.rules
    )
    words = tuple(_bounds(predicate, severity, names) for predicate in item.words)
    return Item(item.id, severity, words, rules)


def _bounds(predicate: Predicate, severity: int, names: _Names) -> Bounds:
    """The bounds of one predicate of an item of this severity."""
    bounds = [
        *_counts(predicate),
        *((names.facts[id_], names.least(id_, severity), _TOP) for id_ in predicate.facts),
        *((names.facts[id_], 0, names.least(id_, severity) - 1) for id_ in predicate.facts_not),
    ]
    if predicate.all_affected:
        bounds.append((AT.all_affected, 1, 1))
    if predicate.spread is not None:
        wanted = int(predicate.spread == "yes")
        bounds.append((AT.spread, wanted, wanted))
    if predicate.warning_min is not None:
        behind = len(AT) + len(names.facts)
        bounds.append((behind, names.warnings[predicate.warning_min], _TOP))
    return tuple(bounds)


def _counts(predicate: Predicate) -> Iterable[tuple[int, int, int]]:
    for name in (*_EVERY, "affected", "full"):
        least = getattr(predicate, f"{name}_min")
        most = getattr(predicate, f"{name}_max")
        if least == "all":
            yield _EVERY[name], 1, 1
            least = None
        if least is not None or most is not None:
            yield getattr(AT, name), least or 0, _TOP if most is None else most


def holds(alternatives: Iterable[Bounds], vector: Vector) -> bool:
    """Whether one of the predicates holds of the vector."""
    for bounds in alternatives:
        for place, least, most in bounds:
            if not least <= vector[place] <= most:
                break
        else:
            return True
    return False


def worst(items: Iterable[Item], vector: Vector) -> Item | None:
    """The worst item one of whose rules holds (就高); ``items`` stand worst first."""
    for item in items:
        if any(holds(rule.when, vector) for rule in item.rules):
            return item
    return None


def reasons(item: Item | None, vector: Vector) -> tuple[CompiledRule, ...]:
    """The item's rules that hold. Where the plan's words do, no gap is left for a gap rule."""
    if item is None:
        return ()
    holding = tuple(rule for rule in item.rules if holds(rule.when, vector))
    if any(rule.ground is Ground.WORDS for rule in holding):
        return tuple(rule for rule in holding if rule.ground is not Ground.GAP)
    return holding
