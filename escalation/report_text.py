"""The closing report in words: Markdown, Chinese first with English beside, China Standard Time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from escalation import facts
from escalation.answers import ORDERS, REFUSALS
from escalation.authority import Outcome
from escalation.charter import Charter
from escalation.page import STATES
from escalation.report import MAINS, OUT, Outside, Report, Span, Statement
from escalation.warning import State
from escalation.words import Both, lasting, listed, moment, plural, same
from wire.notice import Verb

MOST_SITES: Final = 200
EVENTS: Final = {
    "draft": Both("起草", "drafted"),
    "redraft": Both("改拟", "redrafted"),
    "propose": Both("提请", "proposed"),
    "issue": Both("确认并发布", "confirmed and issued"),
    "withdraw": Both("撤回", "withdrawn"),
    "lift": Both("解除", "lifted"),
}
SAID: Final = {
    "said": Both("登记", "entered"),
    "withdrawn": Both("撤回", "withdrawn"),
    "superseded": Both("由监测取代", "superseded by measurement"),
    "expired": Both("到期", "expired"),
}
THREATS: Final = {
    "entered": Both("登记", "entered"),
    "proposed": Both("来自预警源，待确认", "proposed by a feed"),
    "withdrawn": Both("撤回", "withdrawn"),
    "cancelled": Both("预警源取消", "cancelled by its feed"),
    "expired": Both("到期", "expired"),
}
CAUSES: Final = {OUT: Both("无应答", "no answer"), MAINS: Both("停电", "mains lost")}
BLIND: Final = {
    "silent": Both("失联", "silent"),
    "offline": Both("离线", "offline"),
    "stalled": Both("停止巡检", "stalled"),
}
KINDS: Final = {
    "health": Both("监测状况", "health"),
    "incident": Both("事件", "incident"),
    "warning_draft": Both("预警草案", "warning draft"),
    "level_draft": Both("响应提示", "level draft"),
    "decision": Both("决定", "decision"),
    "reminder": Both("催办", "reminder"),
    "recovery": Both("恢复", "recovery"),
    "task": Both("任务", "task"),
}
OPEN_FIELDS: Final = (
    Both("原因", "cause"),
    Both("性质", "nature"),
    Both("后果", "consequences"),
    Both("责任", "responsibility"),
    Both("处置能力评价", "how it was handled"),
    Both("恢复重建", "restoration"),
    Both("改进事项", "improvements"),
)
"""What clause 5.2 asks of people; the program measures none of it."""


@dataclass(frozen=True, slots=True)
class Names:
    """What ids are called: (name, operator, town) of sites, operator of agents."""

    charter: Charter
    plan: str
    sites: Mapping[str, tuple[str, str, str]]
    towns: Mapping[str, str]
    agents: Mapping[str, str]
    drill: str = ""

    def network(self, key: str) -> Both:
        """An operator, a system, or (``fact:…``) a fact."""
        charter = self.charter
        if key.startswith(facts.FACT):
            known = charter.facts.get(key.removeprefix(facts.FACT))
            return facts.both(known.name) if known else same(key)
        named = charter.operators.get(key)
        return facts.both(named) if named else same(charter.systems.get(key, key))

    def person(self, account: str) -> Both:
        if account == "machine":
            return Both("程序", "the program")
        found = self.charter.member(account)
        return same(f"{found.name}（{found.organ}）") if found else same(account)


def markdown(report: Report, names: Names) -> str:
    """The whole report."""
    parts = [
        _head(report, names),
        _course(report, names),
        _touched(report, names),
        _judged(report, names),
        _orders(report, names),
        _stated(report, names),
        _threatened(report, names),
        _blind(report, names),
        _notices(report, names),
        _left(),
    ]
    return "\n\n".join(parts) + "\n"


def _head(report: Report, names: Names) -> str:
    state = STATES.get(State(report.state), same(report.state))
    title = f"# 预警 {report.warning} 结案报告 / Closing report"
    drill = f"**演练 DRILL {names.drill}**\n\n" if names.drill else ""
    until = "至今 / until now" if report.to_ms is None else _at(report.to_ms)
    whole = report.to_ms - report.first_seen_ms if report.to_ms is not None else None
    silent = sum(one.word == OUT for one in report.sites)
    mains = len(report.sites) - silent
    sites = Both(
        f"有设备无应答{silent}个，仅停电{mains}个",
        f"{silent} with silent devices, {mains} without mains alone",
    )
    networks = listed([names.network(one.id) for one in _once(report.networks)], 10)
    rows = [
        ("预案 / plan", names.plan),
        ("事件 / incident", report.incident or "—"),
        ("状态 / state", f"{state.zh} / {state.en}"),
        ("时间 / time", f"{_at(report.first_seen_ms)} – {until}"),
        ("历时 / lasted", _span(whole)),
        ("受影响 / affected", f"{networks.zh or '—'} / {networks.en or '—'}"),
        ("站点 / sites", _pair(sites)),
    ]
    return f"{title}\n\n{drill}" + _table(("项目 / item", "内容 / content"), rows)


def _once(spans: Iterable[Span]) -> list[Span]:
    return list({one.id: one for one in spans}.values())


def _course(report: Report, names: Names) -> str:
    """The steps of the warning machine, and how long after the one before."""
    rows = [
        (
            _at(report.first_seen_ms),
            "首次发现异常 / first seen",
            "监测 / monitoring",
            "",
            "",
            "",
        )
    ]
    before = report.first_seen_ms
    for step in report.steps:
        what = EVENTS.get(step.event, same(step.event))
        who = names.person(step.by)
        rows.append(
            (
                _at(step.at_ms),
                f"{what.zh} / {what.en}",
                _pair(who),
                _standing(names, step.scenario, step.level),
                _span(step.at_ms - before),
                step.reason,
            )
        )
        before = step.at_ms
    heads = ("时间", "步骤 / step", "何人 / by", "情形、级别 / grade", "相隔 / after", "理由 / why")
    return "## 一、经过 / Course\n\n" + _table(heads, rows)


def _standing(names: Names, scenario: str, level: str) -> str:
    return (
        f"{facts.scenario_name(names.charter, scenario).zh}、"
        f"{facts.level_name(names.charter, level).zh}"
    )


def _touched(report: Report, names: Names) -> str:
    networks = [
        (
            _pair(names.network(one.id)),
            _pair(facts.STATES[one.word]),
            _at(one.from_ms),
            _end(one),
            _lasted(one, report),
        )
        for one in report.networks
    ]
    sites = []
    for one in report.sites[:MOST_SITES]:
        name, operator, town = names.sites.get(one.id, (one.id, "", ""))
        causes = listed([CAUSES[cause] for cause in one.causes], 5)
        sites.append(
            (
                name,
                names.network(operator).zh,
                names.towns.get(town, town),
                _pair(causes),
                _at(one.from_ms),
                _end(one),
                _lasted(one, report),
            )
        )
    heads = ("状态 / state", "自 / from", "至 / to", "历时 / lasted")
    text = "## 二、影响范围 / Whom it touched\n\n" + _table(
        ("企业、系统 / network", *heads), networks
    )
    text += "\n\n" + _table(
        ("站点 / site", "企业 / operator", "乡镇 / town", "现象 / seen", *heads[1:]), sites
    )
    more = len(report.sites) - MOST_SITES
    return text + (
        f"\n\n另有{more}个站点，见 JSON / and {more} more in the JSON" if more > 0 else ""
    )


def _judged(report: Report, names: Names) -> str:
    """The worst that was drafted, and the course of the spread."""
    charter = names.charter
    scenarios, levels = charter.scenario_order, charter.level_order
    steps = report.steps
    scenario = max((one.scenario for one in steps), key=lambda one: _rank(scenarios, one))
    level = max((one.level for one in steps), key=lambda one: _rank(levels, one))
    worst = [facts.scenario_name(charter, scenario), facts.level_name(charter, level)]
    rows = [
        (_at(at_ms), _pair(facts.SPREAD.get(word, same(word))), why)
        for at_ms, word, why in report.spread
    ]
    said = listed(worst, 2)
    return (
        f"## 三、研判与扩散 / Judgement and spread\n\n最高：{said.zh} / worst: {said.en}\n\n"
        + _table(("时间", "扩散性 / spread", "依据 / why"), rows)
    )


def _rank(order: Sequence[str], word: str) -> int:
    return order.index(word) if word in order else -1


def _orders(report: Report, names: Names) -> str:
    rows = []
    for one in report.orders:
        verb = ORDERS.get(Verb(one.verb), same(one.verb))
        outcome = Outcome(one.outcome)
        done = Both("已执行", "done") if outcome is Outcome.ACCEPTED else REFUSALS[outcome]
        rows.append(
            (
                _at(one.at_ms),
                _pair(names.person(one.account)),
                f"{verb.zh} {one.target}",
                _pair(done),
                one.reason,
            )
        )
    heads = ("时间", "何人 / by", "指令 / order", "结果 / outcome", "理由 / why")
    return "## 四、指令 / Orders\n\n" + _table(heads, rows)


def _stated(report: Report, names: Names) -> str:
    rows = [
        (
            _at(one.at_ms),
            _pair(SAID.get(one.event, same(one.event))),
            names.network(one.id).zh,
            _value(one, names),
            one.source,
            _pair(names.person(one.by)),
            _at(one.until_ms),
        )
        for one in report.statements
    ]
    heads = ("时间", "", "对象 / of", "内容 / said", "据 / source", "登记 / by", "有效至 / until")
    return "## 五、电话核实与研判事项 / Attested and judged\n\n" + _table(heads, rows)


def _value(one: Statement, names: Names) -> str:
    word = facts.STATES.get(one.state) or facts.VALUES.get(one.state)
    return _pair(word or facts.level_name(names.charter, one.state))


def _threatened(report: Report, names: Names) -> str:
    rows = [
        (
            _at(one.at_ms),
            _pair(THREATS.get(one.event, same(one.event))),
            one.what,
            f"{_hit(one, names)}：{_pair(facts.STATES.get(one.degree, same(one.degree)))}",
            one.source,
            _pair(names.person(one.by)) if one.by else "—",
            f"{_at(max(one.from_ms, one.at_ms))} – {_at(one.until_ms)}",
            "—"
            if one.ended_ms is None
            else f"{_at(one.ended_ms)} {_pair(THREATS.get(one.ended, same(one.ended)))}",
        )
        for one in report.threats
    ]
    heads = (
        *("时间", "", "威胁 / threat", "可能影响 / may hit", "据 / source", "登记 / by"),
        *("有效 / in force", "结束 / ended"),
    )
    return "## 六、外部威胁 / Threats from outside\n\n" + _table(heads, rows)


def _hit(one: Outside, names: Names) -> str:
    """What of the county it may hit."""
    known = (*(names.network(key).zh for key in (*one.operators, *one.systems)),)
    towns = (names.towns.get(code, code) for code in one.towns)
    spread = ("有扩散性",) if one.spread else ()
    return "、".join((*known, *towns, *spread)) or "—"


def _blind(report: Report, names: Names) -> str:
    rows = [
        (
            one.id,
            names.network(names.agents.get(one.id, one.id)).zh,
            _pair(BLIND.get(one.word, same(one.word))),
            _at(one.from_ms),
            _end(one),
            _lasted(one, report),
        )
        for one in report.blind
    ]
    heads = ("采集代理 / agent", "企业 / operator", "", "自 / from", "至 / to", "历时 / lasted")
    return "## 七、监测盲区 / Blind times\n\n" + _table(heads, rows)


def _notices(report: Report, names: Names) -> str:
    late = [one for one in report.notices if one.receipted_ms is None]
    acked = sum(one.acked_ms is not None for one in report.notices)
    rows = [
        (
            one.id,
            _at(one.at_ms),
            KINDS.get(one.kind, same(one.kind)).zh,
            one.subject,
            "—" if one.receipted_ms is None else _at(one.receipted_ms),
            "—" if one.acked_ms is None else f"{_at(one.acked_ms)} {names.person(one.acked_by).zh}",
        )
        for one in report.notices
    ]
    came = len(rows) - len(late)
    said = _pair(
        Both(
            f"共{len(rows)}件，回执{came}件，人员确认{acked}件，催办{report.reminders}次",
            f"{plural(len(rows), 'notice')}, {came} receipted, {acked} acknowledged, "
            f"{plural(report.reminders, 'reminder')}",
        )
    )
    heads = ("编号 / id", "时间", "种类 / kind", "标题 / subject", "回执 / receipt", "确认 / ack")
    return f"## 八、通知与回执 / Notices and receipts\n\n{said}\n\n" + _table(heads, rows)


def _left() -> str:
    rows = [(_pair(one), "待填 / to be filled in") for one in OPEN_FIELDS]
    return (
        "## 九、待人填写（5.2）/ Left to people (5.2)\n\n"
        + _table(("项目 / item", "内容 / content"), rows)
        + "\n\n（由决策日志自动生成；原因、责任等由人认定。/ Made from the decision journal; "
        "cause and responsibility are for people to find.）"
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(_cell(one) for one in row) + " |" for row in rows]
    if not lines:
        return "无 / none"
    rule = "| " + " | ".join("---" for _ in heads) + " |"
    return "\n".join(["| " + " | ".join(heads) + " |", rule, *lines])


def _cell(text: str) -> str:
    """Text of others stays inside its cell."""
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def _pair(words: Both) -> str:
    return words.zh if words.zh == words.en else f"{words.zh} / {words.en}"


def _at(at_ms: int) -> str:
    return moment(at_ms).zh


def _end(one: Span) -> str:
    return "未恢复 / not yet" if one.to_ms is None else _at(one.to_ms)


def _lasted(one: Span, report: Report) -> str:
    end = one.to_ms if one.to_ms is not None else report.to_ms
    return _span(None if end is None else end - one.from_ms)


def _span(span_ms: int | None) -> str:
    return "—" if span_ms is None else _pair(lasting(span_ms))
