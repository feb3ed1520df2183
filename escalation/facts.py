"""Paragraphs about the situation, each from plain values to the same words in two languages.

Names of operators, scenarios and levels come from the plan; no address, community or serial
number of a device is ever written (DESIGN "Disclosure").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from escalation import dark
from escalation.charter import NONE, Charter, rank
from escalation.devices import DEVICE_COUNTS, DEVICE_STATES, counted, mute, news, told
from escalation.picture import AFFECTED
from escalation.situation import AttestedFact, BlindSource, OperatorFact, Situation, Threat
from escalation.state import Case, Standing
from escalation.words import EMPTY, Both, join, lasting, listed, moment, plural, same, since
from wire.notice import Bilingual, DeviceFact, SiteFact

MOST_ROWS: Final = 10
"""Sites and devices in the text; the machine fields beside it hold all of them."""

MOST_TOWNS: Final = 6
JUST_MS: Final = 60_000

STATES: Final = {
    "partial": Both("部分业务受影响", "partly affected"),
    "full": Both("全部业务中断", "wholly out"),
    "unknown": Both("状态不明", "state unknown"),
    "absent": Both("未接入", "not connected"),
    NONE: Both("未受影响", "not affected"),
}
SITE_STATES: Final = {
    "out": Both("中断", "out"),
    "at_risk": Both("有中断风险", "at risk"),
    "unknown": Both("状态不明", "unknown"),
}
SPREAD: Final = {
    "yes": Both("有继续扩散的可能", "yes, or likely to"),
    "no": Both("无", "no"),
    "unknown": Both("尚未查明", "not established"),
}
VALUES: Final = {"yes": Both("是", "yes"), "no": Both("否", "no")}
FACT: Final = "fact:"
"""Before a fact's id among what is attested, so that it is no operator's and no system's."""


SITE_COUNTS: Final = {
    "out": Both("站点中断{}个", "out"),
    "at_risk": Both("站点有中断风险{}个", "at risk"),
    "unknown": Both("站点状态不明{}个", "unknown"),
}


@dataclass(frozen=True, slots=True)
class View:
    """What a notice is written from: the county at one moment, and the open warning."""

    charter: Charter
    now_ms: int
    situation: Situation
    case: Case | None = None
    known: Standing = field(default_factory=Standing)
    threats: Mapping[str, Threat] = field(default_factory=dict)


def both(name: Bilingual) -> Both:
    return Both(name.zh, name.en)


def scenario_name(charter: Charter, scenario: str) -> Both:
    term = charter.scenario(scenario)
    if term:
        return both(term.name)
    return Both("无预警情形", "no scenario") if scenario == NONE else same(scenario)


def level_name(charter: Charter, level: str) -> Both:
    term = charter.level(level)
    if term:
        return both(term.name)
    return Both("无需响应", "no response") if level == NONE else same(level)


def operator_name(view: View, operator: str) -> Both:
    named = view.charter.operators.get(operator)
    if named:
        return both(named)
    facts = (fact.name for fact in view.situation.operators if fact.operator == operator)
    return same(next(facts, operator))


def system_name(view: View, system: str) -> Both:
    return same(view.situation.system_names.get(system, system))


def network_name(view: View, target: str) -> Both:
    """The name of an operator or a system."""
    if target in view.charter.operators:
        return operator_name(view, target)
    return same(view.charter.systems.get(target) or system_name(view, target).zh)


def town_names(view: View, towns: Sequence[str]) -> Both:
    names = [same(view.situation.town_names.get(town, town)) for town in towns]
    return listed(names, MOST_TOWNS)


def operator_effect(view: View, fact: OperatorFact) -> Both:
    """移动公司部分业务受影响（共23个站点，中断6个，涉及凤城镇）."""
    name, state = operator_name(view, fact.operator), STATES[fact.state]
    zh = [f"共{fact.sites}个站点"]
    en = [f"of {plural(fact.sites, 'site')}"]
    if fact.sites_out:
        zh.append(f"中断{fact.sites_out}个")
        en.append(f"{fact.sites_out} out")
    if fact.sites_unknown:
        zh.append(f"状态不明{fact.sites_unknown}个")
        en.append(f"{fact.sites_unknown} unknown")
    if fact.towns_affected:
        towns = town_names(view, fact.towns_affected)
        zh.append(f"涉及{towns.zh}")
        en.append(f"in {towns.en}")
    return Both(
        f"{name.zh}{state.zh}（{'，'.join(zh)}）", f"{name.en} {state.en} ({', '.join(en)})"
    )


def effects(view: View) -> Both:
    """Every operator and information system that is affected, worst first."""
    verdict = view.situation.verdict
    facts = {fact.operator: fact for fact in view.situation.operators}
    told = []
    for name, state in sorted(verdict.operators.items(), key=lambda item: item[1] != "full"):
        if state not in AFFECTED:
            continue
        fact = facts.get(name)
        if fact is not None and fact.state == state:
            told.append(operator_effect(view, fact))
        else:
            told.append(_plain(operator_name(view, name), STATES[state]))
    told.extend(
        _plain(system_name(view, name), STATES[state])
        for name, state in sorted(verdict.systems.items(), key=lambda item: item[1] != "full")
        if state in AFFECTED
    )
    return join(told)


def _plain(name: Both, state: Both) -> Both:
    return Both(f"{name.zh}{state.zh}", f"{name.en} {state.en}")


def counts(view: View) -> Both:
    """How many sites and devices are out of order, in one phrase."""
    sites = Counter(site.state for site in view.situation.sites)
    devices = counted(view.situation)
    said = [
        *_counted(sites, _but(SITE_COUNTS, "unknown"), "site"),
        *_counted(devices, _but(DEVICE_COUNTS, "unknown", "alarm"), "device"),
    ]
    return join([*said, *(_apart(view) if said else ())], "，", ", ")


def _apart(view: View) -> list[Both]:
    """What is told to nobody, by number: it is no news, and it is there."""
    quiet = view.situation.quiet
    said = []
    if quiet.maintained:
        said.append(
            Both(
                f"另有{quiet.maintained}台设备维护中（不计入）",
                f"{plural(quiet.maintained, 'device')} under maintenance, not counted",
            )
        )
    if quiet.shelved:
        said.append(
            Both(f"{quiet.shelved}条告警已搁置", f"{plural(quiet.shelved, 'alarm')} shelved")
        )
    return said


def _but(words: Mapping[str, Both], *states: str) -> dict[str, Both]:
    return {state: word for state, word in words.items() if state not in states}


def _counted(states: Counter[str], words: Mapping[str, Both], noun: str) -> list[Both]:
    return [
        Both(word.zh.format(states[state]), f"{plural(states[state], noun)} {word.en}")
        for state, word in words.items()
        if states[state]
    ]


def duration(view: View) -> Both:
    began_ms = view.situation.since_ms
    if began_ms is None:
        return EMPTY
    at, lasted = moment(began_ms), view.now_ms - began_ms
    if lasted < JUST_MS:
        return Both(f"刚刚发生（{at.zh}）", f"just now ({at.en})")
    span = lasting(lasted)
    return Both(f"自{at.zh}起，已持续{span.zh}", f"since {at.en}, for {span.en}")


def key_units(view: View) -> Both:
    """Key units stand in front everywhere (6.3)."""
    lost = [same(site.name) for site in view.situation.sites if site.key_unit and _out(site)]
    names = listed(lost, MOST_TOWNS)
    return Both(f"其中重点单位：{names.zh}", f"key units among them: {names.en}") if lost else EMPTY


def _out(site: SiteFact) -> bool:
    return site.state in ("out", "at_risk")


def not_excluded(view: View) -> Both:
    """What the unknowns leave possible, when that is worse than what is shown."""
    charter, verdict = view.charter, view.situation.verdict
    said = []
    worst_warning, worst_level = verdict.warning_range[1], verdict.level_range[1]
    order, levels = charter.scenario_order, charter.level_order
    if rank(order, worst_warning) > rank(order, verdict.warning):
        said.append(scenario_name(charter, worst_warning))
    if rank(levels, worst_level) > rank(levels, verdict.level):
        said.append(level_name(charter, worst_level))
    if not said:
        return EMPTY
    what = join(said, "、", " and ")
    return Both(f"尚不能排除{what.zh}", f"{what.en} cannot be excluded")


def counted_worst(view: View) -> Both:
    """The unknowns are overdue and count as the worst: say what the best would be."""
    charter, verdict = view.charter, view.situation.verdict
    best = verdict.warning_range[0]
    if verdict.pending or rank(charter.scenario_order, best) >= rank(
        charter.scenario_order, verdict.warning
    ):
        return EMPTY
    name = scenario_name(charter, best)
    return Both(
        f"未知项逾期未查明，已按最坏情况计；查明后最轻可为{name.zh}",
        f"the unknowns are overdue and counted as the worst; once known it may be as mild as "
        f"{name.en}",
    )


def blind(view: View, source: BlindSource) -> Both:
    """A silent source: its operator, since when, and how many devices it looks at.

    One never heard of has not said, and 0 would be an answer.
    """
    name, at = operator_name(view, source.operator), moment(source.since_ms)
    what = (
        Both(f"涉及设备{source.devices}台", plural(source.devices, "device"))
        if source.devices
        else Both("所辖设备尚未报送", "its devices not yet reported")
    )
    zh = f"{name.zh}监测中断（采集代理 {source.agent}，自{at.zh}起，{what.zh}）"
    en = f"{name.en}: monitoring interrupted (agent {source.agent}, since {at.en}, {what.en})"
    return Both(zh, en)


def noc(view: View, source: BlindSource) -> Both:
    """Whom to ring; an operator without a number in the register is said to have none."""
    name = operator_name(view, source.operator)
    if source.noc_phone is None:
        return Both(f"{name.zh}值班电话：登记册中没有", f"{name.en} NOC: no number in the register")
    return Both(f"{name.zh}值班电话 {source.noc_phone}", f"{name.en} NOC {source.noc_phone}")


def attested(view: View, fact: AttestedFact) -> Both:
    """联通公司无监测，据王工电话核实为部分业务受影响（张三登记），至11月23日 16:05有效."""
    at, person = moment(fact.until_ms), view.charter.member(fact.account)
    entered = person.name if person else fact.account
    if fact.target.startswith(FACT):
        said = entered_fact(view, fact.target.removeprefix(FACT), fact.state)
        return Both(
            f"人工登记：{said.zh}（据{fact.source}，{entered}登记），至{at.zh}有效",
            f"entered by hand: {said.en} (by {fact.source}, entered by {entered}), until {at.en}",
        )
    name, state = network_name(view, fact.target), STATES[fact.state]
    return Both(
        f"{name.zh}无监测，据{fact.source}电话核实为{state.zh}（{entered}登记），至{at.zh}有效",
        f"{name.en} is not measured: {state.en}, attested by telephone by {fact.source} "
        f"(entered by {entered}), until {at.en}",
    )


def entered_fact(view: View, fact: str, value: str) -> Both:
    """有重大风险：是."""
    known = view.charter.facts.get(fact)
    name = both(known.name) if known else same(fact)
    word = VALUES.get(value) or level_name(view.charter, value)
    return Both(f"{name.zh}：{word.zh}", f"{name.en}: {word.en}")


def unknowns(view: View, *, told: Collection[str] = ()) -> list[Both]:
    """Everything that is not known, as phrases; silent agents in ``told`` were named above."""
    verdict = view.situation.verdict
    said = [blind(view, source) for source in view.situation.blind if source.agent not in told]
    blind_operators = {source.operator for source in view.situation.blind}
    said.extend(
        _plain(operator_name(view, name), STATES[state])
        for name, state in verdict.operators.items()
        if state == "unknown" and name not in blind_operators
    )
    said.extend(
        _plain(system_name(view, name), STATES[state])
        for name, state in verdict.systems.items()
        if state == "unknown"
    )
    said.extend(attested(view, fact) for fact in view.situation.attested)
    if verdict.spread == "unknown":
        said.append(Both("扩散性尚未查明", "whether it spreads is not established"))
    said.extend(mute(news(view.situation)))
    return [part for part in (*said, not_excluded(view), counted_worst(view), absent(view)) if part]


def absent(view: View) -> Both:
    verdict, trial = view.situation.verdict, view.situation.trial
    gone = [name for name, state in verdict.operators.items() if state == "absent"]
    apart = [operator_name(view, name) for name in gone if name not in trial]
    tried = [operator_name(view, name) for name in gone if name in trial]
    said, on_trial = listed(apart, MOST_TOWNS), listed(tried, MOST_TOWNS)
    parts = [Both(f"未接入：{said.zh}", f"not connected: {said.en}")] if apart else []
    if tried:
        zh, en = f"试运行，不计入：{on_trial.zh}", f"in trial, not counted: {on_trial.en}"
        parts.append(Both(zh, en))
    return Both("；".join(one.zh for one in parts), "; ".join(one.en for one in parts))


def clause(number: str) -> str:
    """The clause as the paper prints it: what follows a hyphen is the file's own suffix."""
    return number.partition("-")[0]


def judgement(view: View, item: str) -> str | None:
    """The clause that leaves scenario or level ``item`` to judgement, if a gap rule made it."""
    gaps = (view.charter.gaps.get(rule) for rule in view.situation.verdict.rules)
    return next((gap.judgement for gap in gaps if gap and gap.of == item and gap.judgement), None)


def site_rows(view: View) -> Iterator[Both]:
    sites = [site for site in view.situation.sites if site.state != "ok"]
    if not sites:
        return
    said = join(_counted(Counter(site.state for site in sites), SITE_COUNTS, "site"), "，", ", ")
    keys = any(site.key_unit for site in sites)
    first = Both("（重点单位在前）", " (key units first)") if keys else EMPTY
    yield Both(f"{said.zh}{first.zh}：", f"{said.en}{first.en}:")
    for number, site in enumerate(sites[:MOST_ROWS], 1):
        yield _site_row(view, number, site)
    if len(sites) > MOST_ROWS:
        more = len(sites) - MOST_ROWS
        yield Both(f"  另有{more}个站点，见所附数据", f"  and {more} more in the attached data")


def _site_row(view: View, number: int, site: SiteFact) -> Both:
    name, state = operator_name(view, site.operator), SITE_STATES.get(site.state, same(site.state))
    town = view.situation.town_names.get(site.town, site.town)
    at = since(site.since_ms, view.now_ms)
    key = Both("【重点单位】", "[key unit] ") if site.key_unit else EMPTY
    cause = f"（{site.cause}）" if site.cause else ""
    left, many = EMPTY, EMPTY
    if site.power is not None and site.state != "out":
        said, many = dark.words(site.power, view.now_ms), dark.behind(site)
        left = Both(f"，{said.zh}", f", {said.en}")
    return Both(
        f"  {number}. {key.zh}{site.name}（{name.zh}，{town}）：{state.zh}{cause}，{at.zh}"
        f"{left.zh}{many.zh}",
        f"  {number}. {key.en}{site.name} ({name.en}, {town}): {state.en} {at.en}"
        f"{left.en}{many.en}",
    )


def device_rows(view: View) -> Iterator[Both]:
    states = counted(view.situation)
    number_of = sum(states[word] for word in DEVICE_STATES)
    named = (device for device in view.situation.devices if device.state in DEVICE_STATES)
    devices = list(islice(named, MOST_ROWS))
    said = join(_counted(states, DEVICE_COUNTS, "device"), "，", ", ")
    if said:
        yield Both(f"{said.zh}{'：' if devices else ''}", f"{said.en}{':' if devices else ''}")
    for number, device in enumerate(devices, 1):
        yield _device_row(view, number, device)
    if number_of > MOST_ROWS:
        more = number_of - MOST_ROWS
        yield Both(f"  另有{more}台设备，见所附数据", f"  and {more} more in the attached data")


def _device_row(view: View, number: int, device: DeviceFact) -> Both:
    state, at = told(device), since(device.since_ms, view.now_ms)
    name = operator_name(view, device.operator)
    return Both(
        f"  {number}. {device.name}（{name.zh}）：{state.zh}，{at.zh}",
        f"  {number}. {device.name} ({name.en}): {state.en}, {at.en}",
    )
