"""The decision journal as a file for others: JSON lines, CSV, or a sheet."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

import orjson

from collector.io.journal import Entry, journal
from escalation.authority import CHINA

HEADS: Final = ("n", "time", "at_ms", "kind", "data", "prev", "hash")
_CELL_MOST: Final = 32_767
"""Characters in a cell of a sheet (ECMA-376)."""


class CannotExport(Exception):  # noqa: N818  it says why not
    """The text says what is wrong with the file that was asked for."""


def write(db: sqlite3.Connection, target: Path) -> None:
    """Write all rows to the new file ``target``; its suffix says how. Raises CannotExport."""
    writer = _WRITERS.get(target.suffix.lower())
    if writer is None:
        raise CannotExport(f"{target}: the name must end in {', '.join(_WRITERS)}")
    if target.exists():
        raise CannotExport(f"{target} is there already: name a new file")
    try:
        writer(journal(db), target)
    except OSError as error:
        raise CannotExport(f"{target} could not be written: {error.strerror}") from error


def _cells(entry: Entry) -> tuple[int, str, int, str, str, str, str]:
    """The row with its moment in China Standard Time."""
    at = datetime.fromtimestamp(entry.at_ms / 1000, CHINA)
    return (
        entry.n, f"{at:%Y-%m-%d %H:%M:%S}", entry.at_ms, entry.kind, entry.json, entry.prev,
        entry.hash,
    )  # fmt: skip


def _jsonl(rows: Iterator[Entry], target: Path) -> None:
    """``data`` stands as a text, exactly as it was hashed."""
    with target.open("xb") as file:
        for entry in rows:
            file.write(orjson.dumps(dict(zip(HEADS, _cells(entry), strict=True))) + b"\n")


def _csv(rows: Iterator[Entry], target: Path) -> None:
    with target.open("x", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADS)
        writer.writerows(map(_cells, rows))


def _xlsx(rows: Iterator[Entry], target: Path) -> None:
    from openpyxl import Workbook  # noqa: PLC0415  a quarter of a second that others need not wait

    book = Workbook(write_only=True)
    sheet = book.create_sheet("journal")
    sheet.append(HEADS)
    for entry in rows:
        sheet.append([one[:_CELL_MOST] if isinstance(one, str) else one for one in _cells(entry)])
    book.save(target)


_WRITERS: Final[dict[str, Callable[[Iterator[Entry], Path], None]]] = {
    ".jsonl": _jsonl,
    ".csv": _csv,
    ".xlsx": _xlsx,
}
