"""Bytes of a CSV file to rows of text: encodings, separators, quotes (pure)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from config.faults import ConfigError, Place, error

MAX_ROWS: Final = 200_000
MAX_COLUMNS: Final = 256
HEAD_WITHIN: Final = 5
"""A title may stand above the heads: they are looked for in so many rows."""

SEPARATORS: Final = (",", ";", "\t", "，")
_CJK: Final = re.compile("[\u3400-\u9fff]")
_CONTROL: Final = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f]")


@dataclass(frozen=True, slots=True)
class Row:
    """A row that is not blank. ``line`` counts from 1: a file's line, a sheet's row."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table as it stands in a file; ``file`` names the sheet too: ``book.xlsx[站点]``."""

    file: str
    name: str
    rows: tuple[Row, ...]


def decode(raw: bytes, file: str) -> str:
    """UTF-8 (with or without BOM), UTF-16 with BOM, or GB18030. Raises ConfigError."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _decoded(raw, "utf-16", file)
    if b"\x00" in raw:
        place = Place(file, raw.count(b"\n", 0, raw.index(b"\x00")) + 1)
        raise ConfigError([error(place, "不是文字文件", "is no text file")])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        damaged = raw.decode(errors="replace")
        if len(_CJK.findall(damaged)) > 2 * damaged.count("\ufffd"):
            place = Place(file, raw.count(b"\n", 0, problem.start) + 1)
            raise ConfigError(
                [error(place, "UTF-8 文字有损坏的字节", "has a byte that is not UTF-8")]
            ) from None
        text = _decoded(raw, "gb18030", file)
    control = _CONTROL.search(text)
    if control:
        place = Place(file, text.count("\n", 0, control.start()) + 1)
        raise ConfigError([error(place, "不是文字文件", "is no text file")])
    return text


def _decoded(raw: bytes, encoding: str, file: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as problem:
        place = Place(file, raw.count(b"\n", 0, problem.start) + 1)
        zh, en = "既不是 UTF-8 也不是 GB18030 文字", "is neither UTF-8 nor GB18030 text"
        raise ConfigError([error(place, zh, en, "另存为 save as CSV UTF-8")]) from None


def csv_sheet(raw: bytes, file: str, name: str, score: Callable[[Sequence[str]], int]) -> Sheet:
    """The rows of a CSV file. ``score`` says how many known heads a row has.

    The separator is the one with which a row near the top has the most known heads. Raises
    ConfigError.
    """
    text = decode(raw, file)
    separator = max(SEPARATORS, key=lambda sep: _best(text, sep, score))
    return Sheet(file, name, _rows(text, separator, file))


def _best(text: str, separator: str, score: Callable[[Sequence[str]], int]) -> tuple[int, int]:
    lines = text.splitlines()[: 4 * HEAD_WITHIN]
    top = [row for row in (line.split(separator) for line in lines) if any(map(str.strip, row))]
    cells = [[cell.strip().strip('"') for cell in row] for row in top[:HEAD_WITHIN]]
    return max(((score(row), len(row)) for row in cells), default=(0, 0))


def _rows(text: str, separator: str, file: str) -> tuple[Row, ...]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[Row] = []
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append(Row(line, tuple(cells)))
            limits(Place(file, line), len(rows), cells)
            line = reader.line_num + 1
    except csv.Error as problem:
        words = str(problem)
        if "unexpected end" in words:
            zh, en = "这一行有引号没有结束", "a quote in this row is never closed"
        elif "expected after" in words:
            zh, en = "引号后面多出了内容", "text follows a closing quote"
        else:
            zh, en = "CSV 写法有误", f"CSV: {words[:80]}"
        raise ConfigError([error(Place(file, line), zh, en, '引号内的 " 写成 ""')]) from None
    return tuple(rows)


def limits(place: Place, rows: int, cells: Sequence[object]) -> None:
    """Raise ConfigError over the limits of a table."""
    if rows > MAX_ROWS:
        raise ConfigError([error(place, f"超过 {MAX_ROWS} 行", f"over {MAX_ROWS} rows")])
    if len(cells) > MAX_COLUMNS and any(map(bool, cells[MAX_COLUMNS:])):
        raise ConfigError([error(place, f"超过 {MAX_COLUMNS} 列", f"over {MAX_COLUMNS} columns")])
