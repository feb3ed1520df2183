"""The text page for thin lines: under 10 kB whatever happens, no script, no style sheet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Final

from collector.web.export import cst
from collector.web.index import Moment
from collector.web.lists import SiteQuery, sites
from collector.web.model import Operator, Summary, System, WarningBrief
from collector.web.source import SiteState, State
from collector.web.summary import summary
from escalation import dark

LIMIT: Final = 10_000
"""Bytes of the whole page."""

MOST_SITES: Final = 40
LINE: Final = 110
"""Characters of one line; longer names are cut."""

WORDS: Final = {
    "zh": {
        "ok": "正常", "alarm": "告警", "down": "中断", "unknown": "未知",
        "not_commissioned": "待入网", "not_connected": "未接入",
        "devices": "设备", "sites": "站点", "as_of": "数据截至", "never": "尚无数据",
        "warning": "预警", "no_warning": "无预警", "operators": "企业", "towns": "受影响单元",
        "not_ok": "不正常的站点", "more": "另有", "rows": "个", "full": "完整页面",
        "drill": "演练", "none": "无", "literal": "原文依据", "judge": "研判提示", "since": "自",
        "judged_now": "目前研判",
        "other": "English", "systems": "信息系统", "at_risk": "有风险",
        "is_none": "无影响", "is_partial": "部分业务", "is_full": "全部业务",
        "is_unknown": "未知", "is_absent": "未接入", "attested": "电话核实", "trial": "试运行",
        "faults": "故障",
        "projected": "预计",
    },
    "en": {
        "ok": "ok", "alarm": "alarm", "down": "down", "unknown": "unknown",
        "not_commissioned": "not commissioned", "not_connected": "not connected",
        "devices": "Devices", "sites": "Sites", "as_of": "As of", "never": "no data yet",
        "warning": "WARNING", "no_warning": "No warning", "operators": "Operators",
        "towns": "Affected cells", "not_ok": "Sites that are not ok", "more": "and",
        "rows": "more", "full": "full page", "drill": "DRILL", "none": "none",
        "literal": "by the plan's words", "judge": "for judgement", "since": "since",
        "judged_now": "as judged now",
        "other": "中文", "systems": "Information systems", "at_risk": "at risk",
        "is_none": "not affected", "is_partial": "partly affected",
        "is_full": "wholly affected", "is_unknown": "not known",
        "is_absent": "not connected", "attested": "attested", "projected": "expected",
        "trial": "in trial", "faults": "Faults",
    },
}  # fmt: skip


def text_page(moment: Moment, lang: str) -> bytes:
    """The page in ``lang`` (zh or en)."""
    said = WORDS[lang]
    head = _head(moment, lang)
    body = "\n".join(escape(line[:LINE]) + "<br>" for line in _lines(moment, lang))
    other = "en" if lang == "zh" else "zh"
    foot = (
        f'</p><p><a href="/text?lang={other}">{said["other"]}</a> '
        f'<a href="/">{said["full"]}</a></p></body></html>'
    )
    room = LIMIT - len((head + foot).encode()) - 8
    kept = body.encode()[:room].decode(errors="ignore")
    if kept != body:  # cut between lines, so that no half reference or letter is left
        kept = kept.rpartition("\n")[0] + "\n…"
    return (head + kept + foot).encode()


def _head(moment: Moment, lang: str) -> str:
    tag = "zh-CN" if lang == "zh" else "en"
    return (
        f'<!doctype html><html lang="{tag}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        '<meta http-equiv="refresh" content="60"><link rel="icon" href="/static/icon.svg">'
        f"<title>望楼 {escape(moment.board.static.name.zh[:40])}</title></head><body><p>"
    )


def _warning_lines(warning: WarningBrief, said: Mapping[str, str], lang: str) -> Iterator[str]:
    """What stands, and beside it what is judged now where that is something else."""
    draft = warning.draft
    grade = said["literal"] if draft.literal_level else said["judge"]
    stands = (warning.state_name, warning.scenario_name, warning.level_name)
    judged = (draft.warning_name, draft.level_name)
    words = " / ".join(getattr(one, lang) for one in stands)
    if stands[1:] == judged:
        yield f"!! {said['warning']} {words} ({grade}) {warning.id}"
        return
    yield f"!! {said['warning']} {words} {warning.id}"
    now = " / ".join(getattr(one, lang) for one in judged)
    yield f"   {said['judged_now']} {now} ({grade})"


def _lines(moment: Moment, lang: str) -> list[str]:
    home, said = summary(moment), WORDS[lang]
    name = home.name.zh if lang == "zh" else home.name.en
    lines = [f"望楼 {name}" + (f" [{said['drill']} {home.tree}]" if home.drill else "")]
    lines.append(f"{said['as_of']} {cst(home.as_of_ms) or said['never']}")
    if home.warning is None:
        lines.append(f"== {said['no_warning']} ==")
    else:
        lines += _warning_lines(home.warning, said, lang)
    lines += _ahead(home, moment.board.at_ms, lang)
    for kind, count in (("devices", home.devices), ("sites", home.sites)):
        parts = [f"{said[state]} {number}" for state, number in count if number or state == "ok"]
        lines.append(f"{said[kind]}: " + "  ".join(parts))
    if home.causes.faults:
        lines.append(_causes(home, said))
    lines += ["", f"-- {said['operators']} --"]
    for operator in home.operators:
        out, total = operator.sites.down, sum(number for _, number in operator.sites)
        lines.append(
            f"{getattr(operator.name, lang)}: {_impact(operator, lang)}  "
            f"{said['down']} {out}/{total}  "
            f"{said['unknown']} {operator.sites.unknown}  {cst(operator.seen_ms)[11:]}"
        )
    hurt = [
        system
        for system in home.systems
        if system.attested or system.impact not in {"none", "absent"}
    ]
    if hurt:
        lines += ["", f"-- {said['systems']} --"]
        lines += [f"{system.name}: {_impact(system, lang)}" for system in hurt]
    return lines + _matrix(moment, home, lang) + _not_ok(moment, lang)


def _causes(home: Summary, said: Mapping[str, str]) -> str:
    """故障 1 → 设备 24 站点 7 企业 1 信息系统 0: by cause, and by effect."""
    words = ("devices", "sites", "operators", "systems")
    effect = " ".join(f"{said[word]} {getattr(home.causes, word)}" for word in words)
    return f"{said['faults']} {home.causes.faults} → {effect}"


def _ahead(home: Summary, now_ms: int, lang: str) -> list[str]:
    """What is likely to come, and which site goes dark first."""
    said, found = WORDS[lang], []
    if home.outlook is not None:
        ahead = home.outlook
        when = ""
        if ahead.low_ms is not None and ahead.high_ms is not None and ahead.at_ms is not None:
            low, mid, high = (
                max(0, ms - now_ms) // 60_000 for ms in (ahead.low_ms, ahead.at_ms, ahead.high_ms)
            )
            when = f"~{mid} min ({low}-{high}) "
        names = (ahead.warning_name, ahead.level_name)
        words = " / ".join(getattr(one, lang) for one in names)
        hit = " ".join(
            f"{name} {said[f'is_{state}']}"
            for name, state in (*ahead.operators.items(), *ahead.systems.items())
        )
        found.append(f">> {said['projected']} {when}{words}: {hit} {' '.join(ahead.threats)}")
    for one in home.dark_next[:3]:
        left = dark.words(one.power, now_ms)
        found.append(f"   {one.town_name} {one.name} {left.zh if lang == 'zh' else left.en}")
    return found


def _impact(one: Operator | System, lang: str) -> str:
    """The measured state, or what a person's word has in its place, marked as such."""
    said = WORDS[lang]
    if one.attested is None and isinstance(one, Operator) and one.trial:
        would = f" ({said[f'is_{one.would.state}']})" if one.would else ""
        return said["trial"] + would
    if one.attested is None:
        return said[f"is_{one.impact}"]
    until = cst(one.attested.until_ms)[11:16]
    return f"{said[f'is_{one.attested.state}']} ({said['attested']} {one.attested.source} -{until})"


def _matrix(moment: Moment, home: Summary, lang: str) -> list[str]:
    said = WORDS[lang]
    bad = [cell for cell in home.cells if cell.state not in {State.OK, State.NOT_CONNECTED}]
    if not bad:
        return []
    lines = ["", f"-- {said['towns']} --"]
    for cell in bad[:60]:
        who = getattr(moment.index.operator_name(cell.operator), lang)
        lines.append(
            f"{moment.index.town_name(cell.town)} {who}: {said[cell.state]} "
            f"{cell.down + cell.alarm + cell.unknown}/{cell.sites}"
        )
    return lines


def _left(here: SiteState, now_ms: int, lang: str) -> str:
    if here.power is None or here.state is State.DOWN:
        return ""
    said = dark.words(here.power, now_ms)
    return f" {said.zh if lang == 'zh' else said.en}"


def _not_ok(moment: Moment, lang: str) -> list[str]:
    said = WORDS[lang]
    found = sites(moment, SiteQuery(state=(State.DOWN, State.ALARM, State.UNKNOWN)))
    lines = ["", f"-- {said['not_ok']}: {len(found)} --"]
    for site in found[:MOST_SITES]:
        here = moment.site(site.id)
        mark = "*" if site.key_unit else " "
        lines.append(
            f"{mark}{said[here.state]} {cst(here.since_ms)[5:16]} "
            f"{moment.index.town_name(site.town)} {site.name} {getattr(here.why, lang)}"
            f"{_left(here, moment.board.at_ms, lang)}"
        )
    if len(found) > MOST_SITES:
        lines.append(f"{said['more']} {len(found) - MOST_SITES} {said['rows']}")
    return lines
