"""What a trial (试运行) comes to, in words: what would have rung had it counted. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from collector.replayed import Found, headlines
from escalation.moments import shown


def text(found: Found, operators: Sequence[str]) -> str:
    """The report of a replay that counts ``operators`` (their names), as Markdown."""
    names = "、".join(operators) or "—"
    new = [row for row in found.difference.rows if row.was_ms is None and row.now_ms is not None]
    gone = sum(row.now_ms is None for row in found.difference.rows)
    lines = [
        "# 试运行报告 / Trial report",
        "",
        f"{shown(found.begin)} – {shown(found.end)} 北京时间 CST",
        f"试运行企业 in trial: {names}",
        "",
        "假如这些企业计入 Had they counted:",
        "",
        *(f"* {line}" for line in headlines(found)),
        f"* 会多发{len(new)}条，少发{gone}条 / {len(new)} would have rung, {gone} would not",
        "",
    ]
    if new:
        lines += ["| 时间 at | 种类 kind | 通知 notice |", "| --- | --- | --- |"]
        lines += [
            f"| {shown(row.now_ms)} | {row.key[0]} | {_cell(row.subject.zh)} |"
            for row in new
            if row.now_ms is not None
        ]
    return "\n".join(lines).rstrip() + "\n"


def _cell(said: str) -> str:
    """Text of others stays inside its cell."""
    return " ".join(said.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
