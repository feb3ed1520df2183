"""What the pages' home shows, in a terminal: asked of the collector's own interface."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cli import columns
from cli.status_board import WORDS, at, counted, rules
from collector.web.export import cst
from escalation import dark
from wire.notice import PowerFact

EVERY_S: Final = 2.0
TIMEOUT_S: Final = 5.0
MOST_FAULTS: Final = 3
STATES: Final = {
    "down": ("■", "中断 down", "bold red"),
    "alarm": ("▲", "告警 alarm", "yellow"),
    "unknown": ("◇", "未知 unknown", "magenta"),
    "ok": ("●", "正常 ok", "green"),
    "not_commissioned": ("○", "待入网 not commissioned", "dim"),
    "not_connected": ("–", "未接入 not connected", "dim"),
}
"""A state is shape and word, never colour alone."""

IMPACTS: Final = {
    "none": "ok",
    "partial": "alarm",
    "full": "down",
    "unknown": "unknown",
    "absent": "not_connected",
}

Json = dict[str, Any]


class NoPages(Exception):  # noqa: N818  it says what did not answer
    """The interface could not be asked; the text says why."""


def ask(url: str) -> Json:
    """The summary at ``url``. Raises NoPages."""
    if not url.startswith(("http://", "https://")):
        raise NoPages(f"{url}: an address begins with http:// or https://")
    try:
        with urllib.request.urlopen(  # noqa: S310  the scheme was checked
            f"{url}/api/v1/summary", timeout=TIMEOUT_S
        ) as answer:
            found: Json = json.load(answer)
    except (OSError, ValueError, urllib.error.URLError) as error:
        raise NoPages(f"{url}: {error}") from error
    return found


def watch(url: str) -> None:
    """Show the county until interrupted; with the server gone the last state and its age stay."""
    shown: Json | None = None
    asked_at = time.monotonic()
    with Live(auto_refresh=False, screen=True) as live:
        while True:
            fault = ""
            try:
                shown, asked_at = ask(url), time.monotonic()
            except NoPages as gone:
                age = round(time.monotonic() - asked_at)
                fault = f"与汇聚端失去联系 {age} 秒 / no contact for {age} s: {gone}"
            live.update(page(shown, fault, live.console.width), refresh=True)
            time.sleep(EVERY_S)


def page(shown: Json | None, fault: str = "", width: int = 120) -> RenderableType:
    """One screen, ``width`` columns wide."""
    parts: list[RenderableType] = []
    if fault:
        parts.append(Text(fault, style="bold magenta reverse"))
    if shown is not None:
        parts += [
            _head(shown),
            rules(shown["rules"]),
            _counts(shown),
            *_causes(shown),
            _matrix(shown),
            _systems(shown, width),
        ]
    return Group(*parts)


def _head(shown: Json) -> Text:
    text = Text(f"望楼 {shown['name']['zh']} ", style="bold")
    if shown["drill"]:
        text.append(f"演练 DRILL {shown['tree']} ", style="bold magenta")
    text.append(f"数据 as of {cst(shown['as_of_ms']) or '–'}\n", style="dim")
    _ahead(text, shown)
    warning = shown["warning"]
    if warning is None:
        return text.append("● 当前没有预警 no warning is open", style="green")
    draft = warning["draft"]
    literal = draft["literal_warning"] and draft["literal_level"]
    grade = "原文依据 by the plan's words" if literal else "研判提示 for judgement"
    judged = [draft["warning_name"], draft["level_name"]]
    stands = [warning["scenario_name"], warning["level_name"]]
    said = " · ".join(name["zh"] for name in [warning["state_name"], *stands])
    text.append(f"■ 预警 WARNING {said} {warning['id']}", style="bold red")
    now = " · ".join(name["zh"] for name in judged)
    line = f"（{grade}）" if judged == stands else f"\n  目前研判 as judged now: {now}（{grade}）"
    return text.append(line)


def _ahead(text: Text, shown: Json) -> None:
    """What is likely to come, and the sites that go dark first."""
    ahead, now_ms = shown.get("outlook"), shown["at_ms"]
    if ahead is not None:
        names = " · ".join(ahead[name]["zh"] for name in ("warning_name", "level_name"))
        when = ""
        if ahead["low_ms"] is not None:
            low, mid, high = (
                max(0, ahead[end] - now_ms) // 60_000 for end in ("low_ms", "at_ms", "high_ms")
            )
            when = f"约 {mid} min 后 ({low}–{high}) "
        text.append(f"▲ 预计 EXPECTED {when}{names}\n", style="bold yellow")
    for one in shown.get("dark_next", ())[:3]:
        said = dark.words(PowerFact(**one["power"]), now_ms)
        text.append(f"  {one['name']} {said.zh}\n", style="yellow")


def _mark(state: str) -> Text:
    shape, word, style = STATES[state]
    return Text(f"{shape} {word}", style=style)


def _counts(shown: Json) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("")
    table.add_column("设备 devices", justify="right")
    table.add_column("站点 sites", justify="right")
    for state in STATES:
        devices, sites = shown["devices"][state], shown["sites"][state]
        if devices or sites or not state.startswith("not_"):
            table.add_row(_mark(state), str(devices), str(sites))
    return table


def _causes(shown: Json) -> Iterable[Text]:
    """By cause and by effect, and the faults behind which most is hidden."""
    causes = shown.get("causes")
    if not causes or not causes["faults"]:
        return
    yield Text(counted(causes), style="bold")
    for one in causes["first"][:MOST_FAULTS]:
        text = Text(f"  ■ {one['name']}", style="red")
        text.append(f" {one['town_name']} 自 since {at(one['since_ms'])}", style="dim")
        yield text.append(f" 遮蔽 hides {one['hides']}" if one["hides"] else "", style="dim")


def _matrix(shown: Json) -> Table:
    """Town by operator: sites that are not normal, of all."""
    cells = {(cell["town"], cell["operator"]): cell for cell in shown["cells"]}
    table = Table(padding=(0, 1))
    table.add_column("乡镇 town")
    for operator in shown["operators"]:
        shape, said, style = _network(operator)
        silent = " 无声 silent" if operator["silent_since_ms"] else ""
        head = Text(f"{operator['name']['zh']} {shape}{said}{silent}", style=style)
        table.add_column(head, overflow="fold")
    for town in shown["towns"]:
        row = (_cell(cells.get((town["code"], one["id"]))) for one in shown["operators"])
        table.add_row(Text(town["name"]), *row)
    return table


def _cell(cell: Json | None) -> Text:
    if cell is None:
        return Text("–", style="dim")
    shape, _, style = STATES[cell["state"]]
    bad = cell["down"] + cell["alarm"] + cell["unknown"]
    return Text(f"{shape} {bad}/{cell['sites']}", style=style)


def _systems(shown: Json, width: int) -> Text:
    marks = [(system["name"], *_network(system)) for system in shown["systems"]]
    items = (Text(f"{shape} {name}{said}", style=style) for name, shape, said, style in marks)
    return columns.flow(items, width)


def _network(one: Json) -> tuple[str, str, str]:
    """Shape, what a person's word adds, and style of an operator or a system."""
    told = one["attested"]
    shape, _, style = STATES[IMPACTS.get(told["state"] if told else one["impact"], "unknown")]
    mark = _trial(one.get("would")) if one.get("trial") else ""
    return shape, " 电话核实 attested" if told else mark, style


def _trial(would: Json | None) -> str:
    """In trial, and what it would be judged as had it counted."""
    said = f"，算得 {WORDS[would['state']][1]}" if would else ""
    return f" 试运行 trial{said}"
