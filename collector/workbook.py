"""Cells of an .xlsx that never are formulas, and an analysis as a workbook."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font

from collector.analysis_sheets import Report


def cell(sheet: Any, value: Any, font: Font | None = None) -> Any:
    """A cell that never is a formula: names come from equipment and may be hostile."""
    text = ILLEGAL_CHARACTERS_RE.sub("�", value) if isinstance(value, str) else value
    made = WriteOnlyCell(sheet, value=text)
    if isinstance(value, str):
        made.data_type = "s"
    if font is not None:
        made.font = font
    return made


def table(book: Any, name: str, heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A sheet with a bold head that stays in sight."""
    sheet = book.create_sheet(name)
    sheet.freeze_panes = "A2"
    sheet.append([cell(sheet, head, Font(bold=True)) for head in heads])
    for row in rows:
        sheet.append([cell(sheet, value) for value in row])


def workbook(report: Report) -> bytes:
    """The analysis: a sheet for each of its own, what it is in front."""
    book = Workbook(write_only=True)
    front = book.create_sheet("分析 analysis")
    for said in (report.title, *report.remarks):
        front.append([cell(front, said.zh), cell(front, said.en)])
    for one in report.sheets:
        rows = one.rows or ((f"{one.none.zh} / {one.none.en}",),)
        table(book, f"{one.title.zh.partition('（')[0]} {one.id}"[:31], one.heads, rows)
    held = io.BytesIO()
    book.save(held)
    return held.getvalue()
