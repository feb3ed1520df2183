"""What the collector's store says, in a terminal: a person's view of ``collector.board``."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

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


def page(shown: Json, now_ms: int) -> RenderableType:
    """One screen of the board ``shown`` at ``now_ms`` (domain time)."""
    parts: list[RenderableType] = [_head(shown, now_ms), _operators(shown), _sources(shown, now_ms)]
    if shown["systems"]:
        parts.insert(2, _systems(shown))
    sites = [
        (site["name"], site["state"], site["since_ms"], site["cause"] + _left(site, now_ms))
        for site in shown["sites"]
    ]
    parts += _list("站点 Sites", sites)
    bad = [
        (one["name"], one["state"], one["since_ms"], one["cause"])
        for one in shown["devices"].values()
        if one["state"] in WORST
    ]
    bad.sort(key=lambda row: (WORST.index(row[1]), row[2]))
    parts += _list("设备 Devices", bad)
    parts.append(_foot(shown))
    return Group(*parts)


def _head(shown: Json, now_ms: int) -> Text:
    text = Text("望楼 Wanglou ", style="bold")
    text.append(f"{shown['county']} ")
    if shown["tree"] != "live":
        text.append(f"演练 DRILL {shown['tree']} ", style="bold magenta")
    text.append(f"数据 as of {at(shown['at_ms'])} ({age(now_ms - shown['at_ms'])})\n", style="dim")
    held = shown["standing"]
    if held is None:
        text.append("● 无未结预警 no open warning", style="green")
    else:
        text.append(f"■ 预警 WARNING {shown['warning']} ", style="bold red")
        text.append(f"{held['state']['zh']} {held['state']['en']}\n", style="bold red")
        names = (held["scenario"], held["level"])
        text.append("  " + " · ".join(f"{name['zh']} {name['en']}" for name in names))
        if held.get("rules"):
            text.append(f"\n  按规则版本 {held['rules']} 研判 judged by these rules", style="dim")
        if held.get("rules") != held.get("rules_in_force"):
            text.append(f"，现行 in force {held['rules_in_force']}：", style="yellow")
            text.append("office adopt", style="yellow")
    verdict = shown["verdict"]
    if verdict is not None:
        spread = SPREAD.get(verdict["spread"], verdict["spread"])
        text.append(f"\n  扩散 spread: {spread}")
        if verdict["pending"]:
            text.append("  尚有未知项 pending", style="magenta")
        for line in shown["evidence"][:EVIDENCE]:
            text.append(f"\n    {line}", style="dim")
        _ahead(text, shown, now_ms)
    return text


def _ahead(text: Text, shown: Json, now_ms: int) -> None:
    """What is likely to come, and from which threats; never mixed with what is observed."""
    ahead = shown["verdict"].get("projected")
    if ahead is not None:
        when = ""
        if ahead["low_ms"] is not None:
            low, mid, high = (
                age(max(0, ahead[end] - now_ms)) for end in ("low_ms", "at_ms", "high_ms")
            )
            when = f"约 {mid} 后 ({low} – {high}) "
        hit = "、".join(
            f"{name} {WORDS[state][1]}"
            for name, state in (*ahead["operators"].items(), *ahead["systems"].items())
        )
        text.append(f"\n  预计 EXPECTED {when}", style="bold yellow")
        text.append(f"{ahead['warning']} {ahead['level']}：{hit}", style="yellow")
        text.append(f"  断电 dark {ahead['sites']} + {ahead['behind']}", style="dim")
    for one in shown["threats"]:
        kind = "外部威胁 threat" if one["entered"] else "待研判 proposed by a feed"
        text.append(f"\n  {kind}: {one['what']}", style="yellow")
        text.append(f" {one['source']}，至 until {at(one['until_ms'])}", style="dim")


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
        return Text("试运行 trial", style="cyan") if one.get("trial") else mark(one["impact"])
    text = mark(said["state"])
    text.append("\n电话核实 attested", style="italic")
    text.append(f" {said['source']}\n至 until {at(said['until_ms'])}", style="dim")
    return text


def _table(*columns: str) -> Table:
    table = Table(padding=(0, 1), expand=False, header_style="bold")
    for column in columns:
        name, _, right = column.partition(">")
        table.add_column(name, justify="right" if right else "left")
    return table


def _operators(shown: Json) -> Table:
    table = _table(
        "企业 Operator",
        "状态 State",
        "中断 out>r",
        "风险 risk>r",
        "不明 unkn.>r",
        "站点 sites>r",
        "自 since",
    )
    for one in shown["operators"].values():
        figures = (Text(str(one[key])) for key in ("out", "at_risk", "unknown", "sites"))
        table.add_row(Text(one["name"]), network(one), *figures, Text(at(one["since_ms"])))
    return table


def _systems(shown: Json) -> Table:
    table = _table("系统 System", "状态 State", "自 since")
    for one in shown["systems"].values():
        table.add_row(Text(one["name"]), network(one), Text(at(one["since_ms"])))
    return table


def _sources(shown: Json, now_ms: int) -> Table:
    table = _table(
        "采集代理 Agent",
        "状态 State",
        "最近 heard",
        "设备 devices>r",
        "未注册 unregistered>r",
        "须知 note",
    )
    for name, one in shown["sources"].items():
        heard = "–" if one["heard_ms"] is None else f"{age(now_ms - one['heard_ms'])} 前 ago"
        table.add_row(
            Text(name),
            mark(one["state"]),
            Text(heard),
            Text(str(one["devices"])),
            Text(str(len(one["unregistered"]) or "")),
            Text(_note(one), style="yellow"),
        )
    return table


def _note(source: Json) -> str:
    """What else has to be known of an agent: its clock, a second process with its identity."""
    notes = []
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


def _list(title: str, rows: list[tuple[str, str, int, str]]) -> Iterable[RenderableType]:
    """What is not in order: who, how, since when, why; the first of them."""
    if not rows:
        return
    table = _table(title, "状态 State", "自 since", "原因 why")
    for name, state, since_ms, cause in rows[:MOST_ROWS]:
        table.add_row(Text(name), mark(state), Text(at(since_ms)), Text(cause))
    yield table
    if len(rows) > MOST_ROWS:
        yield Text(f"  … 另有 {len(rows) - MOST_ROWS} 个 more: wanglou status --json", style="dim")


def _foot(shown: Json) -> Text:
    text = Text("设备 Devices: ")
    for state, count in shown["devices_by_state"].items():
        if count:
            text.append(f"{count} ", style="bold").append_text(mark(state)).append("  ")
    if counts := shown.get("counts"):
        text.append(f"\n{counted(counts)}")
    if apart := shown.get("disagreeing"):
        names = "、".join(apart[:MOST_ROWS])
        text.append(f"\n观察点说法不一 vantage points disagree: {names}", style="yellow")
    for name, said in shown["facts"].items():
        text.append(f"\n人工登记 entered: {name} = {said['state']}", style="italic")
        text.append(f" {said['source']}，至 until {at(said['until_ms'])}", style="dim")
    text.append("\n").append_text(_offices(shown.get("offices", {})))
    text.append(f"\n通知 Notices: {shown['last_notice']}")
    if told := shown.get("load"):
        text.append(f"  10分钟 10 min: {told['now']}  24小时 24 h: {told['day']}", style="dim")
        if told["flood"]:
            text.append("  洪泛 FLOOD", style="bold yellow")
    for office, one in shown["receipts"].items():
        text.append(f"  {office}: 已签收 receipted {one['seq']} ({at(one['at_ms'])})")
    if not shown["receipts"]:
        text.append("  尚无签收 none receipted", style="dim")
    return text


def _offices(offices: Json) -> Text:
    """Whether anybody there hears us; that nobody has connected yet is no loss."""
    text = Text("办公室 Offices: ")
    if offices and all(one["state"] == "never" for one in offices.values()):
        return text.append("尚无办公室客户端接入 no office has connected yet", style="dim")
    for name, one in offices.items():
        text.append(f"{name} ").append_text(mark(one["state"]))
        if one["state"] not in {"ok", "never"}:
            text.append(f" 自 since {at(one['since_ms'])}", style="dim")
        text.append("  ")
    return text


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


def age(ms: int) -> str:
    """A span in one unit: 12 s, 3 min, 5 h, 2 d."""
    seconds = max(0, ms) // 1000
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
