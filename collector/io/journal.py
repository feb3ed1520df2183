"""Reading the decision journal: its chain, and what it anchors (FAULTS S7)."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from collector import analysis
from collector.period import Period
from escalation.report import ALARM, KINDS, Line, span

GENESIS: Final = "0" * 64
_EVER: Final = 2**62

FORGOTTEN: Final = "inputs_forgotten"
"""The kind of the row that gives inputs up for their age; ``upto`` is the last of them."""


class Entry(NamedTuple):
    """A row of the decision journal."""

    n: int
    at_ms: int
    kind: str
    json: str
    prev: str
    hash: str


def inputs_hash(db: sqlite3.Connection, after: int, upto: int) -> str:
    """SHA-256 over the inputs with numbers in (after, upto]."""
    digest = hashlib.sha256()
    for n, at_ms, kind, blob in db.execute(
        "SELECT n, at_ms, kind, blob FROM input WHERE n > ? AND n <= ? ORDER BY n", (after, upto)
    ):
        digest.update(f"{n} {at_ms} {kind} {len(blob)}\n".encode())
        digest.update(blob)
    return digest.hexdigest()


def chained(n: int, at_ms: int, kind: str, text: str, prev: str) -> Entry:
    """The journal row with its hash over everything before it."""
    digest = hashlib.sha256(f"{prev}\n{n} {at_ms} {kind}\n{text}".encode()).hexdigest()
    return Entry(n, at_ms, kind, text, prev, digest)


def journal(db: sqlite3.Connection, *, after: int = 0) -> Iterator[Entry]:
    """The journal's rows after the ``after``-th, in order."""
    for row in db.execute(
        "SELECT n, at_ms, kind, json, prev, hash FROM journal WHERE n > ? ORDER BY n", (after,)
    ):
        yield Entry(*row)


def verify(db: sqlite3.Connection) -> tuple[int, str, list[str]]:
    """Check the chain and the inputs that it anchors: (rows, head, faults in words).

    A cut tail is seen by comparing the head with the one in the last signed heartbeat.
    """
    faults: list[str] = []
    prev, n = GENESIS, 0
    unchecked = max(int(newest(db, kind).get("upto", 0)) for kind in ("store_anew", FORGOTTEN))
    for entry in journal(db):
        n += 1
        if entry.n != n:
            faults.append(f"row {n} is missing: the next one is {entry.n}")
            n = entry.n
        if entry.prev != prev or chained(*entry[:4], entry.prev) != entry:
            faults.append(f"row {entry.n} ({entry.kind}) was changed, or one before it removed")
        elif entry.kind == "snapshot":
            faults += _anchor_faults(db, entry, unchecked)
        prev = entry.hash
    return n, prev, faults


def _anchor_faults(db: sqlite3.Connection, entry: Entry, unchecked: int) -> list[str]:
    """Inputs up to ``unchecked`` were put aside or given up, which is in the journal itself."""
    data: dict[str, Any] = orjson.loads(entry.json)
    after, upto = data.get("after", 0), data.get("upto", 0)
    if upto <= unchecked or inputs_hash(db, after, upto) == data.get("inputs"):
        return []
    return [f"inputs {after + 1} to {upto} are not those of row {entry.n}"]


def open_readonly(path: Path) -> sqlite3.Connection:
    """A reader beside the running collector. Raises FileNotFoundError."""
    if not path.exists():
        raise FileNotFoundError(path)
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None, timeout=10)


def closing_lines(db: sqlite3.Connection, warning: str) -> list[Line]:
    """What the closing report of a warning is made from, in order. KeyError: no such warning."""
    marks = ", ".join("?" for _ in KINDS)
    few = _lines(db, f"kind IN ({marks})", KINDS)
    begun = [line for _, line in few]
    from_ms, to_ms = span(begun, warning)
    end = to_ms if to_ms is not None else _EVER
    alarms = _lines(db, "kind = ? AND at_ms BETWEEN ? AND ?", (ALARM, from_ms, end))
    return [line for _, line in sorted([*few, *alarms], key=lambda row: row[0])]


def analysis_lines(db: sqlite3.Connection, period: Period) -> tuple[list[Line], int]:
    """What the analysis of a period is made from, in order, and when the journal begins."""
    marks = ", ".join("?" for _ in analysis.KINDS)
    within = (*analysis.KINDS, period.from_ms - analysis.LOOKBACK_MS, period.to_ms)
    rows = _lines(db, f"kind IN ({marks}) AND at_ms >= ? AND at_ms < ? ORDER BY n", within)
    return [line for _, line in rows], min(begun_ms(db), period.to_ms)


def begun_ms(db: sqlite3.Connection) -> int:
    """When the journal begins; after every moment where it has no row."""
    first = db.execute("SELECT at_ms FROM journal ORDER BY n LIMIT 1").fetchone()
    return int(first[0]) if first else _EVER


def _lines(db: sqlite3.Connection, where: str, values: tuple[Any, ...]) -> list[tuple[int, Line]]:
    rows = db.execute(f"SELECT n, at_ms, kind, json FROM journal WHERE {where}", values)  # noqa: S608  our own words
    return [(n, Line(at_ms, kind, orjson.loads(text))) for n, at_ms, kind, text in rows]


def last_warning(db: sqlite3.Connection) -> str:
    """The id of the newest warning, empty when there never was one."""
    return str(newest(db, "warning").get("id", ""))


def last_notice(db: sqlite3.Connection) -> int:
    """The number of the last notice in a journal, 0 when there is none."""
    return int(newest(db, "notice").get("number", 0))


def last_notice_of(path: Path) -> int:
    """``last_notice`` of a damaged file, as far as it can be read."""
    try:
        with closing(open_readonly(path)) as db:
            return last_notice(db)
    except (OSError, sqlite3.Error):
        return 0


def anchored(db: sqlite3.Connection) -> int:
    """The last input that the journal anchors: numbers up to it are taken."""
    return int(newest(db, "snapshot").get("upto", 0))


def newest(db: sqlite3.Connection, kind: str) -> dict[str, Any]:
    """The newest journal row of a kind, as data; empty when there is none that can be read."""
    row = db.execute(
        "SELECT json FROM journal WHERE kind = ? ORDER BY n DESC LIMIT 1", (kind,)
    ).fetchone()
    try:
        found: dict[str, Any] = orjson.loads(row[0]) if row else {}
    except ValueError:
        return {}
    return found
