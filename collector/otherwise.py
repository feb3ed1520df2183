"""What else it could be: what is missing for more, what the unknowns would change, and why not.

Pure; asks the decision function again, and knows no rule of any plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from collector import nearest, why
from collector.base import World
from collector.decide import SPREAD, Decision, DecisionInput
from collector.explanation import Change, Kind, Next, Possible, Why
from collector.predicates import AT, Bounds, CompiledRule, Item
from collector.why import text
from wire.notice import Bilingual


def item_name(world: World, item: str) -> Bilingual:
    plan = world.county.plan
    named = (one.name for one in (*plan.scenarios, *plan.levels) if one.id == item)
    return next(named, text("无", "none"))


def nearer(world: World, given: DecisionInput, decision: Decision) -> Iterator[Next]:
    """The next higher scenario and level, and every smallest way there."""
    decider, plan = world.county.decider, world.county.plan
    state = nearest.shown(given, decision)
    here = decider.severities(decision)
    for of, items, severity in (
        ("warning", plan.scenarios, here[0]),
        ("level", plan.levels, here[1]),
    ):
        if severity == len(items):
            continue
        item = items[len(items) - 1 - severity]
        found = nearest.ways(decider, state, of, severity + 1)
        yield Next(
            of="warning" if of == "warning" else "level",
            id=item.id,
            name=item.name,
            any_of=tuple(
                Change(
                    warning=way.decision.warning,
                    level=way.decision.level,
                    changes=tuple(nearest.told(decider, state, way.move)),
                )
                for way in found
            ),
        )


def possible(world: World, given: DecisionInput, decision: Decision) -> Iterator[Possible]:
    """Each unknown at its best and at its worst, the others as they are shown."""
    decider = world.county.decider
    state = nearest.shown(given, decision)
    for name in decision.unknown:
        at_best, at_worst = (
            decider.decide(_settled(given, state, name, end)) for end in ("best", "worst")
        )
        best, worst = (at_best.warning, at_best.level), (at_worst.warning, at_worst.level)
        said = [[item_name(world, one) for one in pair] for pair in (best, worst)]
        named = _thing_name(world, name)
        if best == worst:
            words = text(f"查明{named.zh}不改变判定", f"knowing {named.en} changes nothing")
        else:
            words = text(
                f"{named.zh}：若正常为{said[0][0].zh}、{said[0][1].zh}；"
                f"若最坏为{said[1][0].zh}、{said[1][1].zh}",
                f"{named.en}: at best {said[0][0].en}, {said[0][1].en}; "
                f"at worst {said[1][0].en}, {said[1][1].en}",
            )
        yield Possible(
            id=name,
            name=named,
            overdue=name in decision.assumed,
            best=best,
            worst=worst,
            text=words,
        )


def _settled(given: DecisionInput, state: DecisionInput, name: str, end: str) -> DecisionInput:
    """The shown state with one unknown turned out."""
    bad = end == "worst"
    operators, systems = dict(state.operators), dict(state.systems)
    spread = state.spread
    if given.operators.get(name) == "unknown":
        operators[name] = "full" if bad else "none"
    elif given.systems.get(name) == "unknown":
        systems[name] = "full" if bad else "none"
    else:
        spread = "yes" if bad else "no"
    return DecisionInput(
        operators=operators,
        systems=systems,
        spread=spread,
        facts=given.facts,
        levels=given.levels,
        counting=given.counting,
    )


def _thing_name(world: World, name: str) -> Bilingual:
    if name == SPREAD:
        return text("扩散性", "the spread")
    if name in world.county.operator_names:
        return text(world.county.operator_names[name], why.english(world, name))
    known = world.county.systems.get(name)
    return text(known.name, known.name) if known else text(name, name)


PLACES: Final = {
    AT.operators_affected: text("受影响企业数", "operators affected"),
    AT.operators_full: text("全部业务中断企业数", "operators wholly out"),
    AT.systems_affected: text("受影响系统数", "systems affected"),
    AT.systems_full: text("全部业务中断系统数", "systems wholly out"),
    AT.affected: text("受影响企业和系统数", "operators and systems affected"),
    AT.full: text("全部业务中断企业和系统数", "operators and systems wholly out"),
    AT.every_operator_affected: text("所有企业均受影响", "every operator affected"),
    AT.every_operator_full: text("所有企业均全部中断", "every operator wholly out"),
    AT.every_system_affected: text("所有系统均受影响", "every system affected"),
    AT.every_system_full: text("所有系统均全部中断", "every system wholly out"),
    AT.all_affected: text("所有企业和系统均受影响", "every operator and system affected"),
    AT.spread: text("有扩散性", "it spreads"),
}
"""What stands at each place of a vector."""


def why_not(world: World, given: DecisionInput, decision: Decision) -> Iterator[Why]:
    """Each worse scenario and level, with the bounds of its rules that are not met."""
    decider = world.county.decider
    vector = decider.vector(nearest.shown(given, decision))
    here = decider.severities(decision)
    for items, severity in ((decider.scenarios, here[0]), (decider.levels, here[1])):
        for item in reversed(items):
            if item.severity > severity:
                yield _not(world, item, (*vector, here[0]))


def _not(world: World, item: Item, vector: tuple[int, ...]) -> Why:
    name = item_name(world, item.id)
    return Why(
        kind=Kind.WARNING,
        id=item.id,
        text=text(f"为何不是{name.zh}", f"why not {name.en}"),
        holds=False,
        parts=tuple(_unmet(world, rule, vector) for rule in item.rules),
    )


def _unmet(world: World, rule: CompiledRule, vector: tuple[int, ...]) -> Why:
    says = next(
        r.says
        for item in (*world.county.plan.scenarios, *world.county.plan.levels)
        for r in item.rules
        if r.id == rule.id
    )
    best = min(rule.when, key=lambda bounds: len(_failing(bounds, vector)))
    return Why(
        kind=Kind.RULE,
        id=rule.id,
        text=text(f"规则 {rule.id}：{says.zh}", f"rule {rule.id}: {says.en}"),
        state=rule.ground.value,
        holds=False,
        parts=tuple(_bound(world, *one, vector) for one in _failing(best, vector)),
    )


def _failing(bounds: Bounds, vector: Iterable[int]) -> list[tuple[int, int]]:
    values = tuple(vector)
    return [(place, least) for place, least, _ in bounds if values[place] < least]


def _bound(world: World, place: int, least: int, vector: tuple[int, ...]) -> Why:
    plan = world.county.plan
    now = vector[place]
    fact = place - len(AT)
    if place in PLACES:
        name = PLACES[place]
    elif fact < len(plan.facts):
        name = plan.facts[fact].name
    else:
        worst = plan.scenarios[len(plan.scenarios) - least].name
        name = text(f"预警达到{worst.zh}", f"the warning is {worst.en}")
    flag = place >= AT.every_operator_affected
    zh = "未满足" if flag else f"现为{now}，需 ≥{least}"
    en = "not so" if flag else f"is {now}, needs ≥{least}"
    return Why(
        kind=Kind.BOUND,
        id=str(place),
        text=text(f"{name.zh}：{zh}", f"{name.en}: {en}"),
        holds=False,
        value=float(now),
        limit=float(least),
    )
