"""One assessment per turn at most: states and spread to the plan's words, and to the desk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Final

from collector import networks
from collector.base import World
from collector.decide import SPREAD, Decision, DecisionInput, Impact, Spread
from collector.intake import limits
from collector.spread import Cell, Onset, SpreadResult, Step, spread
from collector.state import AgentState, Blind
from collector.tally import CellWord, Count
from escalation.situation import BlindSource, OperatorFact, Situation
from wire.notice import DeviceFact, PolicyLine, SiteFact, Verdict

CST: Final = timezone(timedelta(hours=8))
"""China Standard Time: everything shown to people is in it (PLAN section 5)."""

AFFECTED: Final = frozenset({Impact.PARTIAL, Impact.FULL})

_SITE_RANK: Final = {"out": 0, "at_risk": 1, "unknown": 2}
_DEVICE_RANK: Final = {"down": 0, "snmp_fault": 1, "alarm": 2, "hidden": 3, "unknown": 4}


def assess(world: World, now_ms: int) -> None:
    """Judge the county and tell the desk; set the moment at which time alone changes something."""
    world.stale_verdict = False
    judged = judge_spread(world, now_ms)
    follow_affected(world)
    given = decision_input(world, now_ms, judged)
    decision = world.county.decider.decide(given)
    situation = Situation(
        at_ms=now_ms,
        verdict=verdict(given, decision),
        operators=tuple(operator_fact(world, name) for name in world.county.plan_operators),
        system_names={s.id: s.name for s in world.county.systems.values()},
        town_names=world.county.town_names,
        sites=site_facts(world),
        devices=device_facts(world),
        blind=blind_sources(world, now_ms),
        policy=policy_lines(world, judged),
        evidence=evidence(world, judged),
        since_ms=since(world),
        config_hash=world.county.hash,
    )
    world.situation = situation
    blind = {source.agent for source in situation.blind}
    for agent, row in world.state.agents.items():
        row.told = agent in blind
    world.effects.extend(world.desk.assess(now_ms, situation))
    world.arm(next_moment(world, now_ms, judged), "assess")


def judge_spread(world: World, now_ms: int) -> SpreadResult:
    """The spread from the onsets of cells that are affected, or were within the window."""
    state, kept = world.state, kept_ms(world)
    state.onsets = [o for o in state.onsets if o.over_ms is None or now_ms - o.over_ms <= kept]
    result = spread(
        world.county.policy.spread,
        now_ms,
        onsets=[Onset(o.at_ms, Cell(*o.cell)) for o in state.onsets],
        at_risk=[Cell(*cell) for cell, word in _words(world) if word.at_risk],
        sight=sight(world),
        name=lambda cell: cell_name(world, cell),
    )
    if state.spread != result.spread:
        world.record(
            "spread", was=state.spread, word=result.spread.value, why=result.why.zh, at_ms=now_ms
        )
        state.spread, state.spread_since_ms = result.spread.value, now_ms
    return result


def kept_ms(world: World) -> int:
    """How long a cell that is not affected any more stands among the steps."""
    policy = world.county.policy.spread
    return max(policy.window_s, policy.quiet_s) * 1000


def _words(world: World) -> Iterable[tuple[tuple[str, str], CellWord]]:
    return sorted(world.tally.cell_words.items())


def sight(world: World) -> float:
    """The share of expected cells of which it is settled whether they are affected.

    Expected: every town cell with a site that ever answered, and all cells of operators one of
    whose agents was never seen.
    """
    never = {
        world.county.sources[agent].operator
        for agent, row in world.state.agents.items()
        if row.blind is Blind.NEVER
    }
    expected = settled = 0
    for cell in world.county.cells:
        word = world.tally.cell_words.get(cell, CellWord())
        if word.counted or cell[0] in never:
            expected += 1
            settled += word.counted and word.settled
    return settled / expected if expected else 0.0


def decision_input(world: World, now_ms: int, judged: SpreadResult) -> DecisionInput:
    """The plan's operators and all systems in words, and which unknowns are overdue."""
    operators = {o: world.state.operators[o].impact for o in world.county.plan_operators}
    systems = {s: world.state.systems[s].impact for s in world.county.systems}
    overdue = {name for name, at_ms in overdue_at(world) if at_ms <= now_ms}
    return DecisionInput(
        operators=operators,
        systems=systems,
        spread=judged.spread.value,
        overdue=frozenset(overdue),
    )


def follow_affected(world: World) -> None:
    """Note since when something is affected."""
    rows = (*world.state.operators.values(), *world.state.systems.values())
    begun = [row.since_ms for row in rows if row.impact in AFFECTED]
    if not begun:
        world.state.affected_ms = None
    elif world.state.affected_ms is None:
        world.state.affected_ms = min(begun)


def overdue_at(world: World) -> Iterator[tuple[str, int]]:
    """Every unknown and from when it is overdue; none while nothing is affected.

    What was unknown before has waited for nobody: its limit runs from the outage (PLAN 2).
    """
    state, time = world.state, world.county.policy.time
    if state.affected_ms is None:
        return
    if state.spread == Spread.UNKNOWN:
        since_ms = max(state.spread_since_ms, state.affected_ms)
        yield SPREAD, since_ms + world.county.policy.spread.overdue_s * 1000
    for rows, limit_s in (
        (state.operators, time.unknown_overdue_operator_s),
        (state.systems, time.unknown_overdue_system_s),
    ):
        for name, row in rows.items():
            if row.impact == Impact.UNKNOWN:
                yield name, max(row.since_ms, state.affected_ms) + limit_s * 1000


def verdict(given: DecisionInput, decision: Decision) -> Verdict:
    return Verdict(
        operators=dict(given.operators),
        systems=dict(given.systems),
        spread=given.spread,
        warning=decision.warning,
        level=decision.level,
        warning_range=decision.warning_range,
        level_range=decision.level_range,
        pending=decision.pending,
        literal_warning=decision.literal_warning,
        literal_level=decision.literal_level,
        rules=decision.rules,
        clauses=decision.clauses,
    )


def operator_fact(world: World, operator: str) -> OperatorFact:
    count = world.tally.operators.get(operator, Count())
    row = world.state.operators[operator]
    towns = tuple(
        town for (owner, town), word in _words(world) if owner == operator and word.affected
    )
    return OperatorFact(
        operator=operator,
        name=world.county.operator_names[operator],
        state=row.impact,
        sites=count.sites,
        sites_out=count.out,
        sites_unknown=count.unknown,
        towns_affected=towns,
        since_ms=row.since_ms,
    )


def site_facts(world: World) -> tuple[SiteFact, ...]:
    """Every site that is not ok: key units first, then out before at risk before unknown."""
    facts = world.tally.site_facts.values()
    return tuple(
        sorted(facts, key=lambda f: (not f.key_unit, _SITE_RANK[f.state], f.since_ms, f.site))
    )


def device_facts(world: World) -> tuple[DeviceFact, ...]:
    facts = world.tally.device_facts.values()
    return tuple(sorted(facts, key=lambda f: (_DEVICE_RANK[f.state], f.since_ms, f.device)))


def blind_sources(world: World, now_ms: int) -> tuple[BlindSource, ...]:
    """Sources blind for longer than the policy's limit (PLAN 2: the office's own notice).

    One that was told stays told until it sees again, though limits begin anew with our process.
    """
    return tuple(
        BlindSource(
            agent=agent,
            operator=world.county.sources[agent].operator,
            operator_name=world.county.operator_names[world.county.sources[agent].operator],
            since_ms=row.blind_ms,
            noc_phone=world.county.noc_phones.get(world.county.sources[agent].operator),
            devices=len(world.tally.watched.get(agent, {})),
        )
        for agent, row in sorted(world.state.agents.items())
        if row.blind is not Blind.SEES and (row.told or now_ms >= told_from(world, agent, row))
    )


def told_from(world: World, agent: str, row: AgentState) -> int:
    """From when a blind source is told: a restart of an agent is no interruption."""
    if row.blind in {Blind.NEVER, Blind.SILENT}:
        return limits(world, agent)[0]
    return row.blind_ms + world.county.silent_after(0)


def policy_lines(world: World, judged: SpreadResult) -> tuple[PolicyLine, ...]:
    lines = networks.policy_lines(world)
    cell, rule = world.county.policy.cell, world.county.policy.spread
    if any(word.affected for word in world.tally.cell_words.values()):
        lines += (PolicyLine(path="cell.share_out", value=f"{cell.share_out:g}", src=cell.src),)
    if judged.why.steps:
        value = f"window_s={rule.window_s} min_growth_steps={rule.min_growth_steps}"
        lines += (PolicyLine(path="spread", value=value, src=rule.src),)
    return lines


def evidence(world: World, judged: SpreadResult) -> tuple[str, ...]:
    """The spread's ground and steps, one sentence each."""
    steps = judged.why.steps[-20:]
    return (f"扩散性：{judged.why.zh}", *(_step_sentence(world, step) for step in steps))


def _step_sentence(world: World, step: Step) -> str:
    at = datetime.fromtimestamp(step.at_ms / 1000, CST).strftime("%m-%d %H:%M:%S")
    names = "、".join(cell_name(world, cell) for cell in step.cells[:5])
    more = f"等{len(step.cells)}处" if len(step.cells) > 5 else ""
    return f"{at} {names}{more}受影响{'（扩散）' if step.growth else ''}"


def cell_name(world: World, cell: Cell) -> str:
    operator, town = cell
    if operator in world.county.operator_names:
        return world.county.operator_names[operator] + world.county.town_names.get(town, town)
    system = world.county.systems.get(town)
    return system.name if system else town


def since(world: World) -> int | None:
    """When the first of what is affected now became so."""
    rows = (*world.state.operators.values(), *world.state.systems.values())
    begun = [row.since_ms for row in rows if row.impact in AFFECTED]
    facts = [fact.since_ms for fact in world.tally.site_facts.values() if fact.state == "out"]
    return min((*begun, *facts), default=None)


def next_moment(world: World, now_ms: int, judged: SpreadResult) -> int | None:
    """The next moment at which time alone changes the verdict."""
    policy = world.county.policy.spread
    moments = [
        step.at_ms + after_s * 1000 + 1
        for step in judged.why.steps
        for after_s in (policy.window_s, policy.quiet_s)
    ]
    moments.extend(at_ms for _, at_ms in overdue_at(world))
    moments.extend(
        o.over_ms + kept_ms(world) + 1 for o in world.state.onsets if o.over_ms is not None
    )
    moments.extend(
        told_from(world, agent, row)
        for agent, row in world.state.agents.items()
        if row.blind is not Blind.SEES
    )
    return min((moment for moment in moments if moment > now_ms), default=None)
