"""What ``wanglou plan check`` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from collector.plan_space import Cell, Finding, Survey, describe
from config.faults import Fault
from config.plan import Plan

_HOW: Final = {
    "uncovered": "原文未覆盖 / no words cover",
    "double": "原文重复覆盖 / covered twice",
    "exception": "从重例外 / raised beyond the words",
}
_KIND: Final = {"warning": "预警 / warning", "level": "响应 / level"}
_PROVED: Final = {
    "total": "有影响必有预警 / impact always has a warning",
    "calm": "无影响必无预警 / no warning without impact",
    "level_due": "响应级别与预警情形相符 / a level exactly where one is due",
    "worst": "最重情形必为最高级别 / the worst scenario brings the worst level",
    "monotone": "影响扩大结果不减轻 / more damage is never milder",
    "symmetric": "各企业同等对待 / every operator counts the same",
    "words": "标为原文的规则与原文一致 / rules marked as words agree with the words",
}


def as_json(plan: Plan, survey: Survey, notes: Sequence[Fault]) -> dict[str, Any]:
    """Everything, with every cell."""
    return {
        "plan": plan.id,
        "hash": plan.hash,
        "sound": not survey.faults,
        "cells": survey.cells,
        "covered_by_words": survey.covered,
        "proved": survey.proved,
        "findings": [
            {
                "kind": finding.kind,
                "how": finding.how,
                "counting": finding.counting,
                "covered_by": finding.covered_by,
                "item": finding.item,
                "owner": finding.owner,
                "count": len(cells),
                "cells": [_cell(plan, cell) for cell in cells],
            }
            for finding, cells in survey.findings.items()
        ],
        "faults": [
            {"property": name, "zh": fault.zh, "en": fault.en}
            for name, fault in survey.faults.items()
        ],
        "notes": [str(note) for note in notes],
    }


def _cell(plan: Plan, cell: Cell) -> dict[str, Any]:
    said = cell._asdict()
    facts = zip(plan.facts, cell.facts, strict=True)
    said["facts"] = {fact.id: value for fact, value in facts if value}
    return {key: value for key, value in said.items() if value != ""}


def show(plan: Plan, survey: Survey, notes: Sequence[Fault], console: Console) -> None:
    """The tables: what the words leave open and who owns it, proofs, notes, faults."""
    document = plan.document
    console.print(f"{document.title} {document.number} ({plan.id})", markup=False)
    for kind, label in _KIND.items():
        console.print(_findings(plan, survey, kind, label))
    legend = "● 全部 full  ◐ 部分 partial  ○ 无 none"
    console.print(f"{legend}；共 {survey.cells} 种情况 / {survey.cells} states in all")
    _show_proofs(survey, console)
    for note in notes:
        console.print(f"注 note: {note}", markup=False, highlight=False)
    for fault in survey.faults.values():
        console.print(f"错 error: {fault.zh} / {fault.en}", markup=False, highlight=False)


def _findings(plan: Plan, survey: Survey, kind: str, label: str) -> Table:
    """A row for each group of cells; the counting options stand side by side."""
    countings = ("literal", "merged") if plan.counting is not None else ("literal",)
    rows: dict[tuple[str, ...], dict[str, Sequence[Cell]]] = {}
    for finding, cells in survey.findings.items():
        if finding.kind == kind:
            rows.setdefault(_row(finding), {})[finding.counting] = cells
    table = Table(title=f"{label}: 原文空缺与负责的规则 / gaps of the words and their owners")
    for head in ("情况 states", "原文 words", "结果 result", "规则 rule"):
        table.add_column(head, overflow="fold")
    for counting in countings:
        table.add_column(counting, justify="right")
    table.add_column("例 example", overflow="fold")
    for row, groups in rows.items():
        numbers = [str(len(groups.get(counting, ()))) for counting in countings]
        example = next(iter(groups.values()))[0]
        table.add_row(*row, *numbers, describe(example, plan))
    covered = survey.covered[kind]
    table.caption = f"原文覆盖 {covered} 种 / the words cover {covered}"
    return table


def _row(finding: Finding) -> tuple[str, ...]:
    words = ", ".join(finding.covered_by) or "-"
    return _HOW[finding.how], words, finding.item, finding.owner


def _show_proofs(survey: Survey, console: Console) -> None:
    for name, text in _PROVED.items():
        times = survey.proved.get(name, 0)
        mark = "✗" if name in survey.faults else "✓" if times else "-"
        console.print(f"{mark} {text} ({times})", markup=False, highlight=False)
