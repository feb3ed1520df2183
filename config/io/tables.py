"""CSV and .xlsx files as sheets of text."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final

from config.faults import ConfigError, Place, error
from config.io.read import read_bytes
from config.sheet import MAX_COLUMNS, Row, Sheet, csv_sheet, limits
from config.words import TABLES, known_heads

CSV: Final = frozenset({".csv", ".tsv", ".txt"})
BOOKS: Final = frozenset({".xlsx", ".xlsm"})
OLD_BOOK: Final = b"\xd0\xcf\x11\xe0"
ZIP: Final = b"PK\x03\x04"
MAX_UNPACKED: Final = 512 * 1024 * 1024


def read_sheets(path: Path) -> list[Sheet]:
    """All sheets of a file; a CSV file is one sheet named by its stem. Raises ConfigError."""
    raw = read_bytes(path)
    name = str(path)
    if raw.startswith(OLD_BOOK):
        zh, en = "是旧的 .xls 或加密的 Excel 文件", "is an old .xls or an encrypted workbook"
        raise ConfigError([error(Place(name), zh, en, "另存为 save as .xlsx")])
    if raw.startswith(ZIP) or path.suffix.lower() in BOOKS:
        return _book(raw, name)
    return [csv_sheet(raw, name, path.stem, _score)]


def _score(cells: Sequence[str]) -> int:
    return max(known_heads(table, cells) for table in TABLES)


def _book(raw: bytes, name: str) -> list[Sheet]:
    import openpyxl  # noqa: PLC0415  megabytes that nobody needs who reads no workbook

    try:
        _bounded(raw, name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns of decoration that it leaves out
            book = openpyxl.load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
            return [
                Sheet(f"{name}[{sheet.title}]", sheet.title, _rows(sheet, f"{name}[{sheet.title}]"))
                for sheet in book.worksheets
            ]
    except ConfigError:
        raise
    except Exception as problem:  # noqa: BLE001  a damaged workbook raises anything from openpyxl
        zh, en = "不是完好的 .xlsx 文件", f"is no sound .xlsx workbook: {str(problem)[:80]}"
        raise ConfigError([error(Place(name), zh, en, "另存为 save as .xlsx")]) from None


def _bounded(raw: bytes, name: str) -> None:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
    if unpacked > MAX_UNPACKED:
        zh = f"解压后太大：{unpacked} 字节"
        raise ConfigError([error(Place(name), zh, f"unpacks to {unpacked} bytes")])


def _rows(sheet: Any, file: str) -> tuple[Row, ...]:
    rows: list[Row] = []
    values: Iterable[tuple[object, ...]] = sheet.iter_rows(
        max_col=MAX_COLUMNS + 1, values_only=True
    )
    for number, cells in enumerate(values, start=1):
        texts = tuple(map(_text, cells))
        if any(texts):
            rows.append(Row(number, texts))
            limits(Place(file, number), len(rows), texts)
    return tuple(rows)


def _text(value: object) -> str:
    """A cell as an office worker reads it: whole numbers without ``.0``, days without a time."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, datetime):
        midnight = value.time() == time()
        return value.date().isoformat() if midnight else value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    return str(value).strip()
