"""Why, why not, and what next: one question about the warning or a thing, answered from the World.

Pure: reads the World as it is, changes nothing, asks the decision function again where "what if"
is to be answered. ``wanglou explain`` and the pages show the same (``collector.explanation``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from collector import otherwise, why, why_network
from collector.assess import overdue_at
from collector.base import World
from collector.decide import SPREAD, Decision, DecisionInput
from collector.explanation import Explanation, Kind, Why
from collector.inforce import named
from collector.otherwise import item_name
from collector.why import text
from config.faults import did_you_mean
from config.plan import NOTHING
from escalation import facts
from escalation.situation import AttestedFact, Situation
from escalation.words import Both, moment
from wire.notice import Bilingual

WARNING: Final = "warning"

LATE_MS: Final = 60_000
"""A deadline that is over for so long and not judged says that no collector ran then."""


class NoSuchThingError(ValueError):
    """Nothing has this name; the text may say what is near."""


def explain(
    world: World, now_ms: int, target: str = WARNING, *, judged_ms: int | None = None
) -> Explanation:
    """Answer for the warning, or for an operator, system, town, site or device by id or name.

    ``judged_ms``: when the World was stepped last, where that may be long before ``now_ms``.
    Raises NoSuchThingError.
    """
    case = world.desk.case
    if target in {WARNING, case.id if case else WARNING}:
        found = _warning(world, now_ms, now_ms if judged_ms is None else judged_ms)
    else:
        found = _answer(world, now_ms, target, _thing(world, now_ms, target))
    due_ms = world.next_deadline()
    if judged_ms is None or due_ms is None or due_ms > now_ms - LATE_MS:
        return found
    return found.model_copy(update={"notes": (_unjudged(judged_ms),)})


def _unjudged(judged_ms: int) -> Bilingual:
    at = moment(judged_ms)
    return text(
        f"汇聚端自{at.zh}起没有运行，以下是它停下时的判定",
        f"the collector did not run from {at.en} on: this is what it had judged until then",
    )


def _thing(world: World, now_ms: int, target: str) -> Why:
    county = world.county
    given = _states(world)
    for name in _meant(county.devices, target):
        return why.device(world, name, now_ms)
    for name in _meant(county.sites, target):
        return why.site(world, name, now_ms)
    operators = [*county.plan_operators, *county.operators]
    for name in operators:
        if target in {name, county.operator_names[name], why.english(world, name)}:
            state = given.get(name) or world.state.operators[name].impact
            return why_network.operator(world, name, state, now_ms)
    for name in _meant(county.systems, target):
        state = given.get(name) or world.state.systems[name].impact
        return why_network.system(world, name, state, now_ms)
    for code, name in county.town_names.items():
        if target in {code, name}:
            return why_network.town(world, code, now_ms)
    towns = (*county.town_names, *county.town_names.values())
    known = [WARNING, *operators, *county.systems, *towns, *county.sites]
    hint = did_you_mean(target, known)
    raise NoSuchThingError(
        f"没有“{target}” / nothing is called {target!r}" + (f" ({hint})" if hint else "")
    )


def _meant(known: Mapping[str, object], target: str) -> Iterator[str]:
    """The thing of that id, else those of that name."""
    if target in known:
        yield target
        return
    yield from (name for name, row in known.items() if getattr(row, "name", "") == target)


def _states(world: World) -> dict[str, str]:
    """The states that the verdict was made from, people's words among them."""
    verdict = world.situation.verdict if world.situation else None
    return {**verdict.operators, **verdict.systems} if verdict else {}


def _answer(world: World, now_ms: int, target: str, node: Why, **more: Any) -> Explanation:
    made = Explanation(
        county=world.county.register.county,
        tree=world.county.bundle.tree,
        target=target,
        at_ms=now_ms,
        config_hash=world.county.hash,
        rules=named(world.county),
        why=node,
    )
    return made.model_copy(update=more)


# ── The warning ──────────────────────────────────────────────────────────────────────────────────


def _warning(world: World, now_ms: int, judged_ms: int) -> Explanation:
    situation = world.situation
    if situation is None:
        node = Why(kind=Kind.WARNING, text=text("尚未研判", "not judged yet"), holds=False)
        return _answer(world, now_ms, WARNING, node)
    given = asked(world, situation, judged_ms)
    decision = world.county.decider.decide(given)
    case = world.desk.case
    return _answer(
        world,
        now_ms,
        case.id if case else WARNING,
        _root(world, situation, decision, now_ms),
        nearer=tuple(otherwise.nearer(world, given, decision)),
        possible=tuple(otherwise.possible(world, given, decision)),
        why_not=tuple(otherwise.why_not(world, given, decision)),
    )


def asked(world: World, situation: Situation, now_ms: int) -> DecisionInput:
    """What the decision function was asked, from the situation that it was asked in."""
    verdict = situation.verdict
    levels = {fact.id for fact in world.county.plan.facts if fact.kind == "level"}
    known = levels | {fact.id for fact in world.county.plan.facts}
    entered = {
        row.target.removeprefix(facts.FACT): row.state
        for row in situation.attested
        if row.target.startswith(facts.FACT) and row.target.removeprefix(facts.FACT) in known
    }
    return DecisionInput(
        operators=verdict.operators,
        systems=verdict.systems,
        spread=verdict.spread,
        overdue=frozenset(name for name, at_ms in overdue_at(world) if at_ms <= now_ms),
        facts=frozenset(name for name, said in entered.items() if said == "yes"),
        levels={name: said for name, said in entered.items() if name in levels},
    )


def _root(world: World, situation: Situation, decision: Decision, now_ms: int) -> Why:
    warning, level = item_name(world, decision.warning), item_name(world, decision.level)
    best, worst = decision.warning_range
    spans = text("", "")
    if best != worst:
        low, high = item_name(world, best), item_name(world, worst)
        spans = text(
            f"；不能排除的范围：{low.zh}至{high.zh}",
            f"; cannot be excluded: {low.en} to {high.en}",
        )
    return Why(
        kind=Kind.WARNING,
        id=decision.warning,
        text=text(
            f"判定：{_reached_zh(world, decision.warning, decision.level)}{spans.zh}",
            f"judged: warning {warning.en}, response {level.en}{spans.en}",
        ),
        state=decision.level,
        holds=decision.warning != NOTHING or decision.level != NOTHING,
        since_ms=situation.since_ms,
        parts=(
            *(_rule(world, one) for one in decision.rules),
            *_networks(world, situation, now_ms),
            _spread(world, situation),
            *(_said(world, row) for row in situation.attested),
            *_ahead(world, situation, now_ms),
        ),
    )


def _reached_zh(world: World, warning: str, level: str) -> str:
    """``情形3，无响应``: the plan's own names, which say which of the two they are."""
    reached = "无预警" if warning == NOTHING else item_name(world, warning).zh
    return f"{reached}，{'无响应' if level == NOTHING else item_name(world, level).zh}"


def _rule(world: World, rule_id: str) -> Why:
    plan = world.county.plan
    quotes = {one.id: one.quote for one in plan.clauses}
    rule = next(
        r for item in (*plan.scenarios, *plan.levels) for r in item.rules if r.id == rule_id
    )
    grounds = {
        "words": text("预案原文", "the plan's words"),
        "gap": text("原文未写，就高", "no clause says so; rounded up"),
        "fact": text("人工登记", "entered by a person"),
    }
    ground = grounds[rule.ground.value]
    clauses = (*rule.clauses, *((rule.judgement,) if rule.judgement else ()))
    return Why(
        kind=Kind.RULE,
        id=rule.id,
        text=text(
            f"规则 {rule.id}（{ground.zh}）：{rule.says.zh}",
            f"rule {rule.id} ({ground.en}): {rule.says.en}",
        ),
        state=rule.ground.value,
        parts=tuple(_clause(number, quotes.get(number, "")) for number in clauses),
    )


def _clause(number: str, quote: str) -> Why:
    said = text(f"预案 {number}：{quote}", f"plan {number}: {quote}")
    return Why(kind=Kind.CLAUSE, id=number, text=said)


def _networks(world: World, situation: Situation, now_ms: int) -> Iterator[Why]:
    """Operators and systems that are affected or not known, worst first."""
    rank = {"full": 0, "partial": 1, "unknown": 2}
    verdict = situation.verdict
    rows = [
        *(("operator", name, state) for name, state in verdict.operators.items() if state in rank),
        *(("system", name, state) for name, state in verdict.systems.items() if state in rank),
    ]
    rows.sort(key=lambda row: rank[row[2]])
    yield from why.some(
        rows,
        lambda row: (
            why_network.operator(world, row[1], row[2], now_ms, brief=True)
            if row[0] == "operator"
            else why_network.system(world, row[1], row[2], now_ms, brief=True)
        ),
    )


def _spread(world: World, situation: Situation) -> Why:
    said = facts.SPREAD[situation.verdict.spread]
    lines = situation.evidence
    return Why(
        kind=Kind.SPREAD,
        id=SPREAD,
        text=text(f"扩散性：{said.zh}", f"spread: {said.en}"),
        state=situation.verdict.spread,
        holds=situation.verdict.spread == "yes",
        since_ms=world.state.spread_since_ms or None,
        parts=tuple(Why(kind=Kind.STEP, text=text(line, line)) for line in lines),
    )


def _ahead(world: World, situation: Situation, now_ms: int) -> Iterator[Why]:
    """What is likely to come, where it is more than what is observed."""
    coming = situation.verdict.projected
    if coming is None:
        return
    warning, level = item_name(world, coming.warning), item_name(world, coming.level)
    when_ms = coming.at_ms if coming.at_ms is None or coming.at_ms > now_ms else None
    at = moment(when_ms) if when_ms is not None else Both("", "")
    zh = f"，约{at.zh}" if at else "，随时" if coming.at_ms is not None else ""
    en = f", about {at.en}" if at else ", at any moment" if coming.at_ms is not None else ""
    names = {**world.county.operator_names} | {s.id: s.name for s in world.county.systems.values()}
    worse = {**coming.operators, **coming.systems}
    said = "、".join(f"{names.get(n, n)}{facts.STATES[state].zh}" for n, state in worse.items())
    yield Why(
        kind=Kind.OUTLOOK,
        id=coming.warning,
        text=text(
            f"预计{zh}：{_reached_zh(world, coming.warning, coming.level)}"
            f"（将断电站点{coming.sites}个；{said}）",
            f"likely{en}: warning {warning.en}, response {level.en} ({coming.sites} sites "
            f"go dark; {', '.join(f'{n} {state}' for n, state in worse.items())})",
        ),
        state=coming.level,
        until_ms=when_ms,
        parts=tuple(_rule(world, one) for one in coming.rules),
    )


def _said(world: World, row: AttestedFact) -> Why:
    until, names = moment(row.until_ms), world.county.operator_names
    name = row.target.removeprefix(facts.FACT)
    known = {fact.id: fact.name.zh for fact in world.county.plan.facts}
    kind = Kind.FACT if row.target.startswith(facts.FACT) else Kind.ATTESTED
    zh = names.get(name) or known.get(name) or name
    return Why(
        kind=kind,
        id=name,
        text=text(
            f"人工登记：{zh} = {row.state}（据{row.source}，{row.account}），至{until.zh}",
            f"said by a person: {name} = {row.state} (by {row.source}, {row.account}), "
            f"until {until.en}",
        ),
        state=row.state,
        since_ms=row.at_ms,
        until_ms=row.until_ms,
    )
