"""Two plans side by side: what stands otherwise in them, and which states they judge otherwise.

Pure. States are those of ``collector.plan_space``: every cell of either plan in which only facts
that both know are entered. Scenarios and levels are compared by id; where a plan orders its own
words, ``severity`` says how far from calm each result is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from collector.decide import Decider
from collector.plan_space import Cell, as_input, cells
from config.plan import NOTHING, Plan


class Part(NamedTuple):
    """A row of a plan that the other has not, or has otherwise. None: it is not there.

    ``field`` is empty where the whole row came or went.
    """

    section: str
    id: str
    field: str
    was: Any
    now: Any


class Turn(NamedTuple):
    """Results that change: (scenario, level) by the first plan and by the second."""

    was: tuple[str, str]
    now: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Comparison:
    """``states`` compared one by one, 0 where the plans do not judge the same things.

    ``turns`` are those that come out otherwise, as cells of the first plan; ``apart`` says in
    zh and en why nothing, or not everything, could be compared.
    """

    parts: tuple[Part, ...]
    states: int
    turns: Mapping[Turn, tuple[Cell, ...]]
    apart: tuple[tuple[str, str], ...] = ()

    @property
    def same(self) -> bool:
        return not self.parts and not self.turns


_KEYS: Final = {"authority": "verb", "remarks": "where"}
_RULED: Final = ("scenarios", "levels")


def compare(was: Plan, now: Plan) -> Comparison:
    """Everything that differs between two sound plans (``config.plancheck``)."""
    parts = tuple(_parts(was, now))
    if len(was.operators) != len(now.operators):
        a, b = len(was.operators), len(now.operators)
        said = (
            f"企业数不同（{a} 家、{b} 家），结果无法逐一比较",
            f"{a} and {b} operators: results cannot be compared state by state",
        )
        return Comparison(parts, 0, {}, (said,))
    apart = tuple(_apart(was, now))
    first, second = Decider(was), Decider(now)
    turns: dict[Turn, list[Cell]] = {}
    states = dict.fromkeys((*_common(was, now), *_common(now, was)))
    for key in states:
        mine, other = _cell(was, key), _cell(now, key)
        before, after = first.decide(as_input(was, mine)), second.decide(as_input(now, other))
        turn = Turn((before.warning, before.level), (after.warning, after.level))
        if turn.was != turn.now:
            turns.setdefault(turn, []).append(mine)
    ordered = sorted(turns.items(), key=lambda item: severity(was, item[0].was), reverse=True)
    return Comparison(parts, len(states), {turn: tuple(found) for turn, found in ordered}, apart)


def severity(plan: Plan, result: tuple[str, str]) -> tuple[float, float]:
    """How bad a scenario and a level are in their plan: 0 nothing, 1 the worst."""
    warnings = (NOTHING, *(item.id for item in reversed(plan.scenarios)))
    levels = (NOTHING, *(item.id for item in reversed(plan.levels)))
    return (
        warnings.index(result[0]) / (len(warnings) - 1),
        levels.index(result[1]) / (len(levels) - 1),
    )


def _apart(was: Plan, now: Plan) -> Iterator[tuple[str, str]]:
    """What only one of the plans knows, so that it was left out of the comparison."""
    mine, other = ({fact.id for fact in plan.facts} for plan in (was, now))
    if alone := sorted(mine ^ other):
        names = ", ".join(alone)
        yield (
            f"只有一方有的事实未参与比较：{names}",
            f"facts that only one plan knows were left out: {names}",
        )
    if (was.counting is None) != (now.counting is None):
        yield (
            "只有一方有合并计数，按逐家计数比较",
            "only one plan can count an operator into the others: compared counted literally",
        )


Key = tuple[str, int, int, int, int, int, bool, frozenset[tuple[str, str]]]
"""A cell in words of both plans: facts by id, with ``yes`` or a level's id."""


def _common(plan: Plan, other: Plan) -> Iterator[Key]:
    """The cells of ``plan`` that mean something in ``other`` too."""
    kinds = {fact.id: fact.kind for fact in other.facts}
    theirs = {level.id for level in other.levels}
    levels = (NOTHING, *(level.id for level in reversed(plan.levels)))
    for cell in cells(plan):
        if cell.merged and other.counting is None:
            continue
        entered = [
            (fact.id, levels[value] if fact.kind == "level" else "yes", fact.kind)
            for fact, value in zip(plan.facts, cell.facts, strict=True)
            if value
        ]
        if all(
            kinds.get(name) == kind and (kind == "bool" or said in theirs)
            for name, said, kind in entered
        ):
            yield *cell[:7], frozenset((name, said) for name, said, _ in entered)


def _cell(plan: Plan, key: Key) -> Cell:
    levels = (NOTHING, *(level.id for level in reversed(plan.levels)))
    said = dict(key[7])
    facts = tuple(
        levels.index(said.get(fact.id, NOTHING)) if fact.kind == "level" else int(fact.id in said)
        for fact in plan.facts
    )
    return Cell(*key[:7], facts)


def _parts(was: Plan, now: Plan) -> Iterator[Part]:
    mine, other = was.model_dump(mode="json"), now.model_dump(mode="json")
    for section in Plan.model_fields:
        if section in ("id", "hash"):
            continue
        a, b = mine[section], other[section]
        if isinstance(a, list) and isinstance(b, list):
            yield from _rows(section, a, b)
        elif isinstance(a, dict) and isinstance(b, dict):
            yield from _fields(section, "", a, b)
        elif a != b:
            yield Part(section, "", "", a, b)


def _rows(section: str, was: list[Any], now: list[Any]) -> Iterator[Part]:
    """Rows by id: gone, come, changed; the order where it decides."""
    mine, other = _by_id(section, was), _by_id(section, now)
    for name in {**mine, **other}:
        a, b = mine.get(name), other.get(name)
        if a is None or b is None:
            yield Part(section, name, "", a, b)
            continue
        if section in _RULED:
            yield from _rows(f"{section}.{name}", a.pop("rules"), b.pop("rules"))
        yield from _fields(section, name, a, b)
    if section in _RULED and [*mine] != [*other] and mine.keys() == other.keys():
        yield Part(section, "", "order", [*mine], [*other])


def _by_id(section: str, rows: list[Any]) -> dict[str, Any]:
    key = _KEYS.get(section, "id")
    found: dict[str, Any] = {}
    for row in rows:
        name = str(row[key])
        while name in found:  # several remarks of one place
            name += "'"
        found[name] = row
    return found


def _fields(section: str, name: str, was: dict[str, Any], now: dict[str, Any]) -> Iterator[Part]:
    for field in {**was, **now}:
        if was.get(field) != now.get(field):
            yield Part(section, name, field, was.get(field), now.get(field))
