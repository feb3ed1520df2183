"""One assessment per turn at most: states and spread to the plan's words, and to the desk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from operator import itemgetter
from typing import Final

from collector import causes, impact, networks, onward, quiet
from collector.base import World
from collector.county import WEIGHT_UNIT
from collector.decide import SPREAD, Decision, DecisionInput, Impact, Spread
from collector.intake import limits
from collector.project import Projection, at_risk_cells, behind, known_at, project
from collector.spread import SYSTEM, Cell, Onset, SpreadResult, Step, spread
from collector.state import AgentState, Blind
from collector.tally import CellWord, Count, Lost
from escalation import facts, stated, threat
from escalation.attest import Review
from escalation.situation import (
    AttestedFact,
    BlindSource,
    DevicesNow,
    OperatorFact,
    Situation,
)
from escalation.state import Attestation
from escalation.words import moment
from wire.notice import DeviceFact, PolicyLine, PowerFact, Projected, SiteFact, Verdict

CST: Final = timezone(timedelta(hours=8))
"""China Standard Time: everything shown to people is in it (PLAN section 5)."""

AFFECTED: Final = frozenset({Impact.PARTIAL, Impact.FULL})


def assess(world: World, now_ms: int) -> None:
    """Judge the county and tell the desk; set the moment at which time alone changes something."""
    world.stale_verdict = False
    said = world.desk.stand_in(now_ms, measured(world))
    world.effects.extend(said.records)
    threats = world.desk.threatened(now_ms)
    world.effects.extend(threats.records)
    judged = judge_spread(world, now_ms, said)
    follow_affected(world, said)
    given = decision_input(world, now_ms, judged, said)
    decision = world.county.decider.decide(given)
    coming = project(world, now_ms, given, threats.live)
    situation = Situation(
        at_ms=now_ms,
        verdict=verdict(given, decision, coming),
        operators=tuple(
            operator_fact(world, name, said.facts.get(name)) for name in world.county.plan_operators
        ),
        system_names={s.id: s.name for s in world.county.systems.values()},
        town_names=world.county.town_names,
        sites=site_facts(world),
        devices=device_facts(world, world.tally.ranked.rows),
        devices_now=devices_now(world),
        quiet=quiet.summary(world),
        trial=tuple(sorted(world.county.trial)),
        blind=blind_sources(world, now_ms),
        policy=policy_lines(world, judged),
        evidence=evidence(world, now_ms, judged, onward.sentence(world, given, decision, judged)),
        attested=tuple(said.facts.values()),
        threats=tuple(one for one in threats.live if one.entered),
        since_ms=since(world, said),
        config_hash=world.county.hash,
    )
    world.situation = situation
    blind = {source.agent for source in situation.blind}
    for agent, row in world.state.agents.items():
        row.told = agent in blind
    world.effects.extend(world.desk.assess(now_ms, situation))
    if said.expired:
        told = world.desk.health(now_ms, lambda view: stated.lapsed(view, said.expired))
        world.effects.extend(told)
    if threats.expired:
        over = world.desk.health(now_ms, lambda view: threat.lapsed(view, threats.expired))
        world.effects.extend(over)
    world.arm(next_moment(world, now_ms, judged), "assess")


def measured(world: World) -> dict[str, str]:
    """The states of the plan's operators and of all systems, without anybody's word."""
    state = world.state
    found = {system: state.systems[system].impact for system in world.county.systems}
    return found | {name: state.operators[name].impact for name in world.county.plan_operators}


def judge_spread(world: World, now_ms: int, said: Review) -> SpreadResult:
    """The spread from the onsets of cells that are affected, or were within the window.

    What is attested as affected is a cell too: a system, or an operator in no known town.
    """
    state, kept = world.state, kept_ms(world)
    state.onsets = [o for o in state.onsets if o.over_ms is None or now_ms - o.over_ms <= kept]
    result = spread(
        world.county.policy.spread,
        now_ms,
        onsets=[Onset(o.at_ms, Cell(*o.cell)) for o in state.onsets] + said_onsets(world, said),
        at_risk=[Cell(*cell) for cell in at_risk_cells(world, now_ms)],
        sight=sight(world, said),
        manual=None if (word := said.entered(SPREAD)) is None else Spread(word),
        name=lambda cell: cell_name(world, cell),
    )
    if state.spread != result.spread:
        world.record(
            "spread", was=state.spread, word=result.spread.value, why=result.why.zh, at_ms=now_ms
        )
        state.spread, state.spread_since_ms = result.spread.value, now_ms
    return result


def said_onsets(world: World, said: Review) -> list[Onset]:
    """When people first said of an operator or a system that it is affected."""
    return [
        Onset(row.since_ms, Cell(SYSTEM, name) if name in world.county.systems else Cell(name, ""))
        for name, row in said.facts.items()
        if row.state in AFFECTED
    ]


def kept_ms(world: World) -> int:
    """How long a cell that is not affected any more stands among the steps."""
    policy = world.county.policy.spread
    return max(policy.window_s, policy.quiet_s) * 1000


def _words(world: World) -> Iterable[tuple[tuple[str, str], CellWord]]:
    return sorted(world.tally.cell_words.items())


def sight(world: World, said: Review) -> float:
    """The share of expected cells of which it is settled whether they are affected.

    An operator attested as not affected, or wholly out, is settled in all of its towns.
    Expected: every town cell with a site that ever answered, and all cells of operators one of
    whose agents was never seen.
    """
    never = {
        world.county.sources[agent].operator
        for agent, row in world.state.agents.items()
        if row.blind is Blind.NEVER
    }
    whole = {name for name, row in said.facts.items() if row.state != Impact.PARTIAL}
    expected = settled = 0
    for cell in world.county.cells:
        word = world.tally.cell_words.get(cell, CellWord())
        if word.counted or cell[0] in never:
            expected += 1
            settled += (word.counted and word.settled) or cell[0] in whole
    return settled / expected if expected else 0.0


def decision_input(world: World, now_ms: int, judged: SpreadResult, said: Review) -> DecisionInput:
    """The plan's operators and all systems in words, and which unknowns are overdue.

    What people said stands in for what is not measured (``escalation.attest``); so it is no
    unknown, and never overdue.
    """
    plan = world.county.plan
    words = measured(world) | {
        name: row.state for name, row in said.facts.items() if not name.startswith(facts.FACT)
    }
    operators = {name: words[name] for name in world.county.plan_operators}
    systems = {name: words[name] for name in world.county.systems}
    entered = {fact.id: said.entered(fact.id) for fact in plan.facts}
    levels = {fact.id for fact in plan.facts if fact.kind == "level"}
    overdue = {name for name, at_ms in overdue_at(world) if at_ms <= now_ms}
    return DecisionInput(
        operators=operators,
        systems=systems,
        spread=judged.spread.value,
        overdue=frozenset(overdue),
        facts=frozenset(name for name, v in entered.items() if v and name not in levels),
        levels={name: v for name, v in entered.items() if v and name in levels},
    )


def follow_affected(world: World, said: Review) -> None:
    """Note since when something is affected."""
    begun = begun_ms(world, said)
    if not begun:
        world.state.affected_ms = None
    elif world.state.affected_ms is None:
        world.state.affected_ms = min(begun)


def begun_ms(world: World, said: Review) -> list[int]:
    """Since when each operator and system that is affected, or said to be, is so."""
    rows = (*world.state.operators.values(), *world.state.systems.values())
    return [
        *(row.since_ms for row in rows if row.impact in AFFECTED),
        *(row.since_ms for row in said.facts.values() if row.state in AFFECTED),
    ]


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


def verdict(given: DecisionInput, decision: Decision, coming: Projection | None = None) -> Verdict:
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
        projected=projected(given, coming) if coming else None,
    )


def projected(given: DecisionInput, coming: Projection) -> Projected:
    """The projection on the wire: what would be worse than now."""
    ahead, found = coming.given, coming.decision
    return Projected(
        warning=found.warning,
        level=found.level,
        spread=ahead.spread,
        operators={n: s for n, s in ahead.operators.items() if s != given.operators[n]},
        systems={n: s for n, s in ahead.systems.items() if s != given.systems[n]},
        by_then=tuple(
            name
            for then, now in (
                (coming.first.operators, given.operators),
                (coming.first.systems, given.systems),
            )
            for name, state in then.items()
            if state != now[name]
        ),
        at_ms=coming.at_ms or None,
        low_ms=coming.low_ms or None,
        high_ms=coming.high_ms or None,
        sites=len(coming.sites),
        behind=coming.behind,
        threats=coming.threats,
        rules=found.rules,
        clauses=found.clauses,
    )


def operator_fact(world: World, operator: str, said: AttestedFact | None) -> OperatorFact:
    count = world.tally.operators.get(operator, Count())
    row = world.state.operators[operator]
    towns = tuple(
        town for (owner, town), word in _words(world) if owner == operator and word.affected
    )
    return OperatorFact(
        operator=operator,
        name=world.county.operator_names[operator],
        state=said.state if said else row.impact,
        sites=count.sites,
        sites_out=count.out,
        sites_unknown=count.unknown,
        towns_affected=towns,
        since_ms=said.since_ms if said else row.since_ms,
    )


def site_facts(world: World) -> tuple[SiteFact, ...]:
    """Every site that is not ok: key units first, then out before at risk before unknown.

    Sites without mains by the key units and the people behind them, then by what they have left.
    """
    tally = world.tally
    apart, ranked = tally.lost.keys() | tally.quiet_sites.keys(), tally.ranked_sites
    if not apart:
        return tuple(ranked.rows)
    plain = [one for one in zip(ranked.keys, ranked.rows, strict=True) if one[0][-1] not in apart]
    known = (tally.site_facts.get(name) for name in tally.lost if name not in tally.quiet_sites)
    lost = (with_power(world, fact) for fact in known if fact is not None)
    rows = sorted([*plain, *((impact.site_order(one), one) for one in lost)], key=itemgetter(0))
    return tuple(fact for _, fact in rows)


def with_power(world: World, fact: SiteFact) -> SiteFact:
    """The fact with how long the site lasts, where its mains are lost."""
    lost = world.tally.lost.get(fact.site)
    if lost is None:
        return fact
    known = world.tally.powered.get(fact.site)
    if known is None or known[0] is not fact or known[1] is not lost:
        made = fact.model_copy(update={"power": power_of(world, fact.site, lost)})
        known = world.tally.powered[fact.site] = (fact, lost, made)
    return known[2]


def power_of(world: World, site: str, lost: Lost) -> PowerFact:
    """A site without mains in figures."""
    keys, people = behind(world, site)
    dark = lost.dark
    return PowerFact(
        lost_ms=lost.since_ms,
        dark_ms=dark.at_ms if dark else None,
        low_ms=dark.low_ms if dark else None,
        high_ms=dark.high_ms if dark else None,
        ground=dark.ground if dark else None,
        over_s=dark.over_s if dark else 0,
        generator=lost.carried,
        keys=keys,
        people=round(people / WEIGHT_UNIT),
    )


def device_facts(world: World, rows: Sequence[DeviceFact]) -> tuple[DeviceFact, ...]:
    """Those of ``rows`` (in their order) that are not quiet."""
    held = world.tally.quiet_devices
    return tuple(fact for fact in rows if fact.device not in held) if held else tuple(rows)


def devices_now(world: World) -> DevicesNow:
    """The same devices for who only looks at news (``escalation.picture``)."""
    tally = world.tally
    ranks = impact.DEVICE_RANK
    news = device_facts(world, tally.ranked.below((ranks["alarm"],)))
    rest = {one: tally.ranked.count(ranks[one]) for one in ("alarm", "hidden", "unknown")}
    for name in tally.quiet_devices:
        fact = tally.device_facts.get(name)
        if fact is not None and fact.state in rest:
            rest[fact.state] -= 1
    return DevicesNow(news, rest, dict(tally.device_facts), frozenset(tally.quiet_devices))


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
        if row.blind is not Blind.SEES
        and world.county.sources[agent].operator not in world.county.trial
        and (row.told or now_ms >= told_from(world, agent, row))
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


def evidence(world: World, now_ms: int, judged: SpreadResult, ahead: str) -> tuple[str, ...]:
    """The spread's ground and pace, common causes, people's words, its steps: a sentence each.

    ``ahead`` says what a step more would do.
    """
    said = [_said_sentence(world, name, row) for name, row in sorted(world.desk.attested.items())]
    steps = (_step_sentence(world, step) for step in judged.why.steps[-20:])
    pace = causes.pace(now_ms, judged.why.steps)
    why = [f"扩散性：{judged.why.zh}", *filter(None, (pace, ahead)), *causes.shared(world)]
    return (*why, *said, *steps)


def _said_sentence(world: World, key: str, row: Attestation) -> str:
    known = world.county.operator_names | {s.id: s.name for s in world.county.systems.values()}
    known |= {facts.FACT + fact.id: fact.name.zh for fact in world.county.plan.facts}
    word = facts.STATES.get(row.state) or facts.VALUES.get(row.state)
    said = f"{known.get(key, key)} {word.zh if word else row.state}"
    term = f"至{moment(row.until_ms).zh}有效"
    if key.startswith(facts.FACT):
        why = f"，理由：{row.reason}" if row.reason else ""
        return f"人工登记：{said}（据{row.source}{why}），{term}"
    if row.superseded_ms is None:
        return f"电话核实：{said}（据{row.source}），{term}"
    return (
        f"电话核实已由监测取代：{said}（据{row.source}）；测得{facts.STATES[row.superseded_by].zh}"
    )


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


def since(world: World, said: Review) -> int | None:
    """When the first of what is affected now became so; what is attested, when first said."""
    held = world.tally.quiet_sites
    sites = [
        fact.since_ms
        for name, fact in world.tally.site_facts.items()
        if fact.state == "out" and name not in held
    ]
    return min((*begun_ms(world, said), *sites), default=None)


def next_moment(world: World, now_ms: int, judged: SpreadResult) -> int | None:
    """The next moment at which time alone changes the verdict."""
    policy = world.county.policy.spread
    moments = [
        step.at_ms + after_s * 1000 + 1
        for step in judged.why.steps
        for after_s in (policy.window_s, policy.quiet_s)
    ]
    moments.extend(at_ms for _, at_ms in overdue_at(world))
    moments.extend(row.until_ms for row in world.desk.attested.values())
    moments.extend(known_at(world))
    moments.extend(
        o.over_ms + kept_ms(world) + 1 for o in world.state.onsets if o.over_ms is not None
    )
    moments.extend(
        told_from(world, agent, row)
        for agent, row in world.state.agents.items()
        if row.blind is not Blind.SEES
    )
    return min((moment for moment in moments if moment > now_ms), default=None)
