"""A sheet of text as models with the place of each row (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from config.cells import CellError, Names, convert
from config.explain import faults_of
from config.faults import Fault, Place, Saying, did_you_mean, error
from config.positions import Loc
from config.sheet import HEAD_WITHIN, Row, Sheet
from config.words import BY_WORD, TABLES, As, Column, TableWords, folded, is_ignored, known_heads

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Read(Generic[M]):
    """What was read of one table.

    ``places`` has one entry per item, ``heads`` the head as written of each field. ``ghosts`` are
    the cells of rows with faults: what refers to such a row is no fault of its own. ``whole`` is
    false when the columns could not be told, so nothing is known of the rows.
    """

    items: tuple[M, ...] = ()
    places: tuple[Place, ...] = ()
    heads: Mapping[str, str] = field(default_factory=dict)
    ghosts: frozenset[str] = frozenset()
    faults: tuple[Fault, ...] = ()
    whole: bool = True

    def place(self, index: int, name: str) -> Place:
        """Where the field ``name`` of the item at ``index`` stands."""
        return self.places[index].at(self.heads.get(name, name))


@dataclass(frozen=True)
class Heads:
    """The row of heads: its line, each known column's index, the heads as written."""

    line: int
    index: Mapping[str, int]
    written: Mapping[str, str]
    width: int
    ignored: frozenset[int]
    faults: tuple[Fault, ...]


def read_table(sheet: Sheet, name: str, model: type[M], names: Names) -> Read[M]:
    """The rows of ``sheet`` as models of the table ``name``; faults instead of exceptions."""
    table = TABLES[name]
    heads, rows = find_heads(sheet, table)
    if heads is None or any(c.required and c.field not in heads.index for c in table.columns):
        faults = heads.faults if heads else (_no_heads(sheet, table),)
        return Read(faults=tuple(faults), whole=False)
    items: list[M] = []
    places: list[Place] = []
    ghosts: set[str] = set()
    faults_found = list(heads.faults)
    columns = [column for column in table.columns if column.field in heads.index]
    for row in rows:
        built, wrong = _build(row, columns, heads, sheet.file, model, names)
        faults_found += wrong
        if built is None:
            ghosts.update(cell.strip() for cell in row.cells)
        else:
            items.append(built)
            places.append(Place(sheet.file, row.line))
    written = dict(heads.written)
    return Read(tuple(items), tuple(places), written, frozenset(ghosts), tuple(faults_found))


def find_heads(sheet: Sheet, table: TableWords) -> tuple[Heads | None, tuple[Row, ...]]:
    """The row of heads (with its faults) and the rows under it."""
    top = sheet.rows[:HEAD_WITHIN]
    if not top:
        return None, ()
    scores = [known_heads(table.name, row.cells) for row in top]
    best = scores.index(max(scores))
    if scores[best] < 1:
        return None, ()
    return _heads(top[best], sheet, table), sheet.rows[best + 1 :]


def _heads(row: Row, sheet: Sheet, table: TableWords) -> Heads:
    index: dict[str, int] = {}
    written: dict[str, str] = {}
    faults = []
    ignored = set()
    words = BY_WORD[table.name]
    for number, head in enumerate(row.cells):
        place = Place(sheet.file, row.line, head.strip())
        column = words.get(folded(head))
        if not head.strip() or is_ignored(head):
            if head.strip():
                ignored.add(number)
        elif column is None:
            known = [word for c in table.columns for word in (c.field, *c.words)]
            hint = did_you_mean(head.strip(), known) or "不需要的列请在列名前加 # begin it with #"
            faults.append(error(place, "不认识这一列", "unknown column", hint))
            ignored.add(number)
        elif column.field in index:
            zh = f"与列“{written[column.field]}”重复"
            faults.append(error(place, zh, f'says the same as column "{written[column.field]}"'))
            ignored.add(number)
        else:
            index[column.field] = number
            written[column.field] = head.strip()
    for column in table.columns:
        if column.required and column.field not in index:
            place = Place(sheet.file, row.line, column.shown)
            faults.append(error(place, "缺少这一列", "the column is missing"))
    return Heads(row.line, index, written, len(row.cells), frozenset(ignored), tuple(faults))


def _no_heads(sheet: Sheet, table: TableWords) -> Fault:
    wanted = "、".join(column.shown for column in table.columns if column.required)
    line = sheet.rows[0].line if sheet.rows else 1
    if not sheet.rows:
        return error(
            Place(sheet.file, line), "表是空的", "the table is empty", f"列名 heads: {wanted}"
        )
    return error(Place(sheet.file, line), f"没有列名，应有 {wanted}", "has no row of column heads")


def _cell(row: Row, index: int) -> str:
    return row.cells[index] if index < len(row.cells) else ""


def _build(
    row: Row, columns: Sequence[Column], heads: Heads, file: str, model: type[M], names: Names
) -> tuple[M | None, list[Fault]]:
    place = Place(file, row.line)
    faults = _beyond(row, heads, place)
    if faults:  # the cells are not where they belong, so more would only be noise
        return None, faults
    values: dict[str, Any] = {}
    for column in columns:
        text = _cell(row, heads.index[column.field])
        try:
            value = convert(column.kind, text, names)
        except CellError as problem:
            faults.append(Fault(place.at(heads.written[column.field]), problem.saying))
            continue
        if value is not None or column.kind is As.PHONE:
            values[column.field] = value
        elif column.required:
            spot = place.at(heads.written[column.field])
            faults.append(Fault(spot, Saying("不能为空", "must not be empty")))
    if faults:
        return None, faults
    try:
        return model.model_validate(values), faults
    except ValidationError as problem:

        def spot_of(loc: Loc) -> Place:
            return place.at(heads.written.get(str(loc[0]), str(loc[0])) if loc else "")

        return None, faults_of(problem, model, values, spot_of)


def _beyond(row: Row, heads: Heads, place: Place) -> list[Fault]:
    """Cells under no head: a separator inside a text has shifted the row."""
    headed = set(heads.index.values()) | heads.ignored
    for number, cell in enumerate(row.cells):
        if cell.strip() and number not in headed:
            zh = f"第 {number + 1} 列有内容“{cell.strip()[:30]}”但没有列名"
            en = f'"{cell.strip()[:30]}" stands in column {number + 1}, which has no head'
            return [error(place, zh, en, "文字中有逗号时要加引号 quote a text with commas")]
    return []
