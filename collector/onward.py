"""Where an outage goes next: which town or operator more would raise the warning or the level.

The decision function is asked again with one step more: a town of nobody affected yet, or an
operator more, partly. A step that brings new ground may make it a spread (PLAN section 3). Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from collector.base import World
from collector.decide import Decision, DecisionInput, Impact, Spread
from collector.otherwise import item_name
from collector.spread import Ground, SpreadResult
from config.plan import NOTHING

MOST = 3
"""Towns that are named."""


def sentence(world: World, given: DecisionInput, decision: Decision, judged: SpreadResult) -> str:
    """``下一步：再波及任一新乡镇，升至情形2、Ⅱ级响应``; empty: nothing is hit, or that is all."""
    steps = list(_steps(world, given, judged)) if decision.warning != NOTHING else []
    if not steps:
        return ""
    decider = world.county.decider
    here = decider.severities(decision)
    raising: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for kind, name, coming in steps:
        found = decider.decide(coming)
        there = decider.severities(found)
        if there[0] > here[0] or there[1] > here[1]:
            raising.setdefault((found.warning, found.level), []).append((kind, name))
    if raising:
        said = (
            f"再波及{_either(names)}，升至{_named(world, *to)}" for to, names in raising.items()
        )
        return f"下一步：{'；'.join(said)}"
    if here == (len(decider.scenarios), len(decider.levels)):
        return ""
    return "下一步：再波及一个乡镇或一家企业，预警和响应级别不变"


def _either(names: list[tuple[str, str]]) -> str:
    towns = [name for kind, name in names if kind == "town"]
    operators = [name for kind, name in names if kind == "operator"]
    if len(operators) > 1:
        operators = [f"{'、'.join(operators)}中任一家"]
    return "，或".join((*towns, *operators))


def _named(world: World, warning: str, level: str) -> str:
    reached = [item_name(world, warning).zh]
    if level != NOTHING:
        reached.append(item_name(world, level).zh)
    return "、".join(reached)


def _steps(
    world: World, given: DecisionInput, judged: SpreadResult
) -> Iterator[tuple[str, str, DecisionInput]]:
    """Each next step by kind and name, and what the decision function would be asked then."""
    grown = judged.why.growth_steps + 1 >= world.county.policy.spread.min_growth_steps
    by_person = judged.why.ground is Ground.PERSON
    spread = Spread.YES.value if grown and not by_person and judged.why.steps else given.spread
    towns = new_towns(world)
    if towns:
        risky = sorted(
            {t for (_, t), word in world.tally.cell_words.items() if word.at_risk} & towns
        )
        names = "、".join(world.county.town_names.get(town, town) for town in risky[:MOST])
        named = f"任一新乡镇（已停电：{names}）" if names else "任一新乡镇"
        yield "town", named, replace(given, spread=spread)
    for operator, state in given.operators.items():
        if state == Impact.NONE:
            more = {**given.operators, operator: Impact.PARTIAL.value}
            yield (
                "operator",
                world.county.operator_names[operator],
                replace(given, operators=more, spread=spread),
            )


def new_towns(world: World) -> set[str]:
    """Towns in use in which nobody is affected."""
    words = world.tally.cell_words
    hit = {town for (_, town), word in words.items() if word.affected}
    return {town for (_, town), word in words.items() if word.counted and town} - hit
