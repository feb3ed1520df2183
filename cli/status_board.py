"""What the collector's store says, in a terminal: a person's view of ``collector.board``."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli import columns
from escalation import dark
from escalation.authority import CHINA
from wire.notice import PowerFact

Json = dict[str, Any]

MOST_ROWS: Final = 15
"""Sites, and devices, that are listed; ``--json`` has all of them."""

EVIDENCE: Final = 6
"""Lines of the spread's evidence that are shown."""

WORDS: Final = {
    "full": ("■", "全部 full", "bold red"),
    "partial": ("▲", "部分 partial", "yellow"),
    "none": ("●", "正常 none", "green"),
    "absent": ("–", "未接入 absent", "dim"),
    "out": ("■", "中断 out", "bold red"),
    "at_risk": ("▲", "有风险 at risk", "yellow"),
    "down": ("■", "中断 down", "bold red"),
    "hidden": ("□", "随上级中断 hidden", "red"),
    "snmp_fault": ("▲", "SNMP故障 fault", "yellow"),
    "alarm": ("▲", "告警 alarm", "yellow"),
    "unknown": ("◇", "不明 unknown", "magenta"),
    "ok": ("●", "正常 ok", "green"),
    "new": ("○", "待入网 new", "dim"),
    "never": ("–", "从未接入 never", "magenta"),
    "silent": ("◇", "失联 silent", "magenta"),
    "offline": ("◇", "离线 offline", "magenta"),
    "stalled": ("◇", "停止巡检 stalled", "magenta"),
}
"""A state is shape and word, never colour alone."""

SPREAD: Final = {"yes": "有 yes", "no": "无 no", "unknown": "未查明 unknown"}
WORST: Final = ("down", "snmp_fault", "alarm", "hidden", "unknown")


def page(shown: Json, now_ms: int, width: int = 120) -> RenderableType:
    """One screen of the board ``shown`` at ``now_ms`` (domain time), ``width`` columns wide."""
    parts: list[RenderableType] = [*_head(shown, now_ms), Text()]
    parts += [_operators(shown, now_ms, width), _sources(shown, now_ms, width)]
    if shown["systems"]:
        parts.insert(-1, _systems(shown, now_ms, width))
    sites = [
        (site["name"], site["state"], site["since_ms"], site["cause"] + _left(site, now_ms))
        for site in shown["sites"]
    ]
    bad = [
        (one["name"], one["state"], one["since_ms"], one["cause"])
        for one in shown["devices"].values()
        if one["state"] in WORST
    ]
    bad.sort(key=lambda row: (WORST.index(row[1]), row[2]))
    lists = _stacked if columns.narrow(width) else _listed
    for title, rows in (("站点 Sites", sites), ("设备 Devices", bad)):
        if rows:
            parts += lists(title, rows[:MOST_ROWS], now_ms, width)
        if more := len(rows[MOST_ROWS:]):
            parts.append(Text(f"  … 另有 {more} 个 more: wanglou status --json", style="dim"))
    parts += [Text(), *_foot(shown, width)]
    return Group(*(_apart(part, width) for part in parts))


def _apart(part: RenderableType, width: int) -> RenderableType:
    """Tables without lines stand apart by a blank one."""
    tight = isinstance(part, Table) and columns.narrow(width)
    return Padding(part, (0, 0, 1, 0), expand=False) if tight else part


def _head(shown: Json, now_ms: int) -> Iterable[RenderableType]:
    yield _title(shown, now_ms)
    yield from _warning(shown)
    yield columns.inset(rules(shown["rules"]))
    verdict = shown["verdict"]
    if verdict is None:
        return
    spread = SPREAD.get(verdict["spread"], verdict["spread"])
    text = Text(f"扩散 spread: {spread}")
    if verdict["pending"]:
        text.append("  尚有未知项 pending", style="magenta")
    yield columns.inset(text)
    for line in shown["evidence"][:EVIDENCE]:
        yield columns.inset(Text(line, style="dim"), 4)
    if verdict.get("projected") is not None:
        yield columns.inset(_ahead(shown, now_ms))
    for one in shown["threats"]:
        kind = "外部威胁 threat" if one["entered"] else "待研判 proposed by a feed"
        said = Text(f"{kind}: {one['what']}", style="yellow")
        said.append(f" {one['source']}，至 until {at(one['until_ms'])}", style="dim")
        yield columns.inset(said)


def _title(shown: Json, now_ms: int) -> Text:
    text = Text("望楼 Wanglou ", style="bold")
    text.append(f"{shown['county']} ")
    if shown["tree"] != "live":
        text.append(f"演练 DRILL {shown['tree']} ", style="bold magenta")
    text.append(f"数据 as of {at(shown['at_ms'])} ({age(now_ms - shown['at_ms'])})", style="dim")
    return text


def _warning(shown: Json) -> Iterable[RenderableType]:
    held = shown["standing"]
    if held is None:
        yield Text("● 无未结预警 no open warning", style="green")
        return
    text = Text(f"■ 预警 WARNING {shown['warning']} ", style="bold red")
    yield text.append(f"{held['state']['zh']} {held['state']['en']}", style="bold red")
    names = (held["scenario"], held["level"])
    yield columns.inset(Text(" · ".join(f"{name['zh']} {name['en']}" for name in names)))


def rules(held: Json) -> Text:
    """By which rules it is judged, who signed for those in force, and what keeps older ones."""
    text = Text(f"规则 rules {held['judged']}", style="dim")
    if held["keeps"]:
        text.append(
            f"，现行 in force {held['in_force']}：office adopt {held['keeps']}", style="yellow"
        )
    said = held["said"]["zh"] + " / " + held["said"]["en"]
    return text.append(f"；{said}", style="bold yellow" if held["unsigned"] else "dim")


def _ahead(shown: Json, now_ms: int) -> Text:
    """What is likely to come, never mixed with what is observed."""
    ahead, named = shown["verdict"]["projected"], shown["expected"]
    when = ""
    if ahead["low_ms"] is not None:
        low, mid, high = (
            age(max(0, ahead[end] - now_ms)) for end in ("low_ms", "at_ms", "high_ms")
        )
        when = f"约 {mid} 后 ({low} – {high}) "
    known = shown["operators"] | shown["systems"]
    hit = "、".join(
        f"{known[name]['name'] if name in known else name} {WORDS[state][1]}"
        for name, state in (*ahead["operators"].items(), *ahead["systems"].items())
    )
    text = Text(f"预计 EXPECTED {when}", style="bold yellow")
    names = " · ".join(named[word]["zh"] for word in ("scenario", "level"))
    text.append(f"{names}：{hit}", style="yellow")
    return text.append(f"  断电 dark {ahead['sites']} + {ahead['behind']}", style="dim")


def _left(site: Json, now_ms: int) -> str:
    """；约40分钟后断电（…）, for a site without mains that is not out."""
    if site.get("power") is None or site["state"] == "out":
        return ""
    return f"；{dark.words(PowerFact(**site['power']), now_ms).zh}"


def mark(state: str) -> Text:
    shape, word, style = WORDS.get(state, ("?", state, ""))
    return Text(f"{shape} {word}", style=style)


def network(one: Json) -> Text:
    """The measured state; where nobody measures it, what a person's word says, named as such."""
    said = one["attested"]
    if said is None or said["superseded_ms"] is not None:
        return trial(one.get("would")) if one.get("trial") else mark(one["impact"])
    text = mark(said["state"])
    text.append("\n电话核实 attested", style="italic")
    text.append(f" {said['source']}\n至 until {at(said['until_ms'])}", style="dim")
    return text


def trial(would: Json | None) -> Text:
    """In trial, and what it would be judged as had it counted."""
    text = Text("试运行 trial", style="cyan")
    if would is None:
        return text
    text.append("\n算得 would be ").append(mark(would["state"]))
    text.append(f"\n中断 out {would['out']}/{would['sites']}", style="dim")
    if would["warning"]:
        warning, level = would["warning"], would["level"]
        text.append(f"\n若计入 if counted: {warning['zh']} {level['zh']}", style="dim")
    return text


def _operators(shown: Json, now_ms: int, width: int) -> Table:
    table = columns.table(
        "企业 Operator",
        "状态 State",
        "中断 out>r",
        "风险 risk>r",
        "不明 unkn.>r",
        "站点 sites>r",
        "自 since>k",
        width=width,
    )
    for one in shown["operators"].values():
        figures = (Text(str(one[key])) for key in ("out", "at_risk", "unknown", "sites"))
        since = Text(_when(one["since_ms"], now_ms, width))
        table.add_row(Text(one["name"]), network(one), *figures, since)
    return table


def _systems(shown: Json, now_ms: int, width: int) -> Table:
    table = columns.table("系统 System", "状态 State", "自 since>k", width=width)
    for one in shown["systems"].values():
        since = Text(_when(one["since_ms"], now_ms, width))
        table.add_row(Text(one["name"]), network(one), since)
    return table


def _sources(shown: Json, now_ms: int, width: int) -> Table:
    table = columns.table(
        "采集代理 Agent",
        "状态 State>k",
        "最近 heard>k",
        "设备 devices>r",
        "须知 note",
        width=width,
    )
    for name, one in shown["sources"].items():
        heard = "–" if one["heard_ms"] is None else f"{age(now_ms - one['heard_ms'])} 前"
        table.add_row(
            Text(name),
            mark(one["state"]),
            Text(heard),
            Text(str(one["devices"])),
            Text(_note(one), style="yellow"),
        )
    return table


def _note(source: Json) -> str:
    """What else has to be known of an agent: its clock, a second process with its identity."""
    notes = []
    if strangers := source.get("unregistered"):
        notes.append(f"未注册设备 unregistered {len(strangers)}")
    if source.get("clock_off"):
        notes.append(f"时钟偏差 clock {source['skew_ms'] / 1000:+.0f} s")
    if source.get("clones_refused"):
        notes.append("有第二个进程冒用身份，已拒绝 clone refused")
    if source.get("stuck"):
        rows = "、".join(f"{lane} {source['waiting'][lane]}" for lane in source["stuck"])
        notes.append(f"在线但积压未送达 heard, but stuck {rows}")
    if source.get("no_space"):
        notes.append("磁盘已满 no disk space")
    if source.get("samples_given_up"):
        notes.append(f"已舍弃采样 samples given up {source['samples_given_up']}")
    return "；".join(notes)


Rows = list[tuple[str, str, int, str]]
"""What is not in order: who, how, since when, why."""


def _listed(title: str, rows: Rows, now_ms: int, width: int) -> Iterable[RenderableType]:
    table = columns.table(title, "状态 State>k", "自 since>k", "原因 why", width=width)
    for name, state, since_ms, cause in rows:
        since = Text(_when(since_ms, now_ms, width))
        table.add_row(Text(name), mark(state), since, Text(cause))
    yield table


def _stacked(title: str, rows: Rows, now_ms: int, width: int) -> Iterable[RenderableType]:
    """Where there is little room: why stands below who."""
    yield Text(title, style="bold")
    marks = [mark(state) for _, state, _, _ in rows]
    wide = max(one.cell_len for one in marks)
    for one, (name, _, since_ms, cause) in zip(marks, rows, strict=True):
        one.append(" " * (wide - one.cell_len + 2))
        one.append(f"{_when(since_ms, now_ms, width)}  ", style="dim")
        yield one.append(name, style="default")
        if cause:
            yield columns.inset(Text(cause, style="dim"), 4)
    yield Text()


def _foot(shown: Json, width: int) -> Iterable[Text]:
    counts = [
        Text(f"{count} ", style="bold").append_text(mark(state))
        for state, count in shown["devices_by_state"].items()
        if count
    ]
    yield columns.flow([Text("设备 Devices:"), *counts], width)
    if counted_ := shown.get("counts"):
        yield Text(counted(counted_))
    if apart := shown.get("disagreeing"):
        names = "、".join(apart[:MOST_ROWS])
        yield Text(f"观察点说法不一 vantage points disagree: {names}", style="yellow")
    for name, said in shown["facts"].items():
        text = Text(f"人工登记 entered: {name} = {said['state']}", style="italic")
        yield text.append(f" {said['source']}，至 until {at(said['until_ms'])}", style="dim")
    yield columns.flow(_offices(shown.get("offices", {})), width)
    yield columns.flow(_notices(shown), width)


def _notices(shown: Json) -> Iterable[Text]:
    yield Text(f"通知 Notices: {shown['last_notice']}")
    if told := shown.get("load"):
        yield Text(f"10分钟 10 min: {told['now']}", style="dim")
        yield Text(f"24小时 24 h: {told['day']}", style="dim")
        if told["flood"]:
            yield Text("洪泛 FLOOD", style="bold yellow")
    for office, one in shown["receipts"].items():
        yield Text(f"{office}: 已签收 receipted {one['seq']} ({at(one['at_ms'])})")
    if not shown["receipts"]:
        yield Text("尚无签收 none receipted", style="dim")


def _offices(offices: Json) -> Iterable[Text]:
    """Whether anybody there hears us; that nobody has connected yet is no loss."""
    yield Text("办公室 Offices:")
    if offices and all(one["state"] == "never" for one in offices.values()):
        yield Text("尚无办公室客户端接入 no office has connected yet", style="dim")
        return
    for name, one in offices.items():
        text = Text(f"{name} ").append_text(mark(one["state"]))
        if one["state"] not in {"ok", "never"}:
            text.append(f" 自 since {at(one['since_ms'])}", style="dim")
        yield text


def counted(counts: Json) -> str:
    """By cause, and by effect."""
    words = (
        ("设备 devices", "devices"),
        ("站点 sites", "sites"),
        ("企业 operators", "operators"),
        ("系统 systems", "systems"),
    )
    effect = "、".join(f"{word} {counts[key]}" for word, key in words)
    return f"故障 faults {counts['faults']} → {effect}"


def at(ms: int) -> str:
    """Month, day and time of day in China Standard Time."""
    return datetime.fromtimestamp(ms / 1000, CHINA).strftime("%m-%d %H:%M:%S") if ms else "–"


def _when(ms: int, now_ms: int, width: int) -> str:
    """The same; where there is little room 14:05:12 of today, 11-24 14:05 of another day."""
    said = at(ms)
    if not columns.narrow(width) or not ms:
        return said
    today = at(now_ms)[:5] == said[:5]
    return said[6:] if today else said[:-3]


def age(ms: int) -> str:
    """A span in one unit: 12 s, 3 min, 5 h, 2 d."""
    seconds = max(0, ms) // 1000
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
