"""What ``wanglou plan diff`` prints."""

from __future__ import annotations

from typing import Any, Final

from rich.console import Console
from rich.table import Table

from collector.plan_diff import Comparison, Part, Turn, severity
from collector.plan_space import describe
from config.plan import NOTHING, Plan

MOST_ROWS: Final = 60
"""Rows of one table; ``--json`` has all."""

_MOST_TEXT: Final = 60
_SECTIONS: Final = {
    "document": "文件 document",
    "operators": "企业 operators",
    "counting": "计数 counting",
    "facts": "事实 facts",
    "scenarios": "预警情形 scenarios",
    "levels": "响应级别 levels",
    "promises": "承诺 promises",
    "organs": "机构 organs",
    "roles": "角色 roles",
    "authority": "权限 authority",
    "groups": "工作组 groups",
    "deadlines": "时限 deadlines",
    "remarks": "备注 remarks",
    "clauses": "条款 clauses",
}


def as_json(was: Plan, now: Plan, found: Comparison) -> dict[str, Any]:
    """Everything, with an example for each turn."""
    return {
        "was": {"plan": was.id, "hash": was.hash},
        "now": {"plan": now.id, "hash": now.hash},
        "same": found.same,
        "states": found.states,
        "turns": [
            {
                "was": dict(zip(("warning", "level"), turn.was, strict=True)),
                "now": dict(zip(("warning", "level"), turn.now, strict=True)),
                "count": len(cells),
                "example": describe(cells[0], was),
            }
            for turn, cells in found.turns.items()
        ],
        "parts": [part._asdict() for part in found.parts],
        "apart": [{"zh": zh, "en": en} for zh, en in found.apart],
    }


def show(was: Plan, now: Plan, found: Comparison, console: Console) -> None:
    """Results that come out otherwise, then the rows that differ."""
    for mark, plan in (("原 was", was), ("新 now", now)):
        document = plan.document
        console.print(f"{mark}: {document.title} {document.number} ({plan.id})", markup=False)
    if found.same:
        console.print("两份预案相同 / the plans are the same")
    if found.turns:
        console.print(_turns(was, now, found))
    elif found.states:
        console.print(
            f"{found.states} 种情况的判定全部相同 / all {found.states} states are judged the same"
        )
    for zh, en in found.apart:
        console.print(f"注 note: {zh} / {en}", markup=False, highlight=False)
    if found.parts:
        _parts(found.parts, console)


def _turns(was: Plan, now: Plan, found: Comparison) -> Table:
    table = Table(title="判定不同的情况 / states that are judged otherwise")
    for head in ("原 was", "新 now"):
        table.add_column(head, overflow="fold")
    alike = all(
        [item.id for item in a] == [item.id for item in b]
        for a, b in ((was.scenarios, now.scenarios), (was.levels, now.levels))
    )
    if alike:
        table.add_column("轻重 turn", justify="center")
    table.add_column("情况数 states", justify="right")
    table.add_column("例 example", overflow="fold")
    for turn, cells in found.turns.items():
        direction = [_direction(was, turn)] if alike else []
        names = (_names(was, turn.was), _names(now, turn.now))
        table.add_row(*names, *direction, str(len(cells)), describe(cells[0], was))
    changed = sum(map(len, found.turns.values()))
    table.caption = f"{found.states} 种中的 {changed} 种 / {changed} of {found.states} states"
    return table


def _names(plan: Plan, result: tuple[str, str]) -> str:
    scenario = {item.id: item.name.zh for item in plan.scenarios} | {NOTHING: "无预警"}
    level = {item.id: item.name.zh for item in plan.levels} | {NOTHING: "无响应"}
    return f"{scenario[result[0]]} · {level[result[1]]}"


def _direction(plan: Plan, turn: Turn) -> str:
    """↑ worse than before, ↓ milder, ↕ the one worse and the other milder."""
    before, after = severity(plan, turn.was), severity(plan, turn.now)
    worse = any(b > a for a, b in zip(before, after, strict=True))
    milder = any(b < a for a, b in zip(before, after, strict=True))
    return "↕" if worse and milder else "↑" if worse else "↓"


def _parts(parts: tuple[Part, ...], console: Console) -> None:
    table = Table(title="内容不同之处 / what stands otherwise")
    for head in ("部分 part", "名称 id", "字段 field", "原 was", "新 now"):
        table.add_column(head, overflow="fold")
    for part in parts[:MOST_ROWS]:
        section, _, inner = part.section.partition(".")
        where = _SECTIONS.get(section, section) + (f" {inner}" if inner else "")
        table.add_row(where, part.id, part.field, _said(part.was), _said(part.now))
    if len(parts) > MOST_ROWS:
        more = len(parts) - MOST_ROWS
        table.caption = f"另有 {more} 处，见 --json / {more} more: --json"
    console.print(table)


def _said(value: Any) -> str:
    """A value in a cell; what is not there is a dash, a row its first words."""
    if value is None:
        return "—"
    if isinstance(value, dict):
        shown = value.get("zh", value.get("name", value.get("says", value.get("quote"))))
        if shown is None:
            shown = ", ".join(f"{key}={one}" for key, one in value.items() if one not in (None, []))
        return _said(shown.get("zh", shown) if isinstance(shown, dict) else shown)
    if isinstance(value, list):
        return _cut("、".join(_said(one) for one in value))
    return _cut(str(value))


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_TEXT else f"{text[: _MOST_TEXT - 1]}…"
