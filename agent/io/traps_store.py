"""Traps on disk: written by the receiver, taken by the agent, listed by people.

One SQLite file (``traps.db``). Equal traps of one sender within FOLD_S count in one row, and so
does a storm: of what one sender says under one OID only the first STORM rows of a window are kept
apart. A row is pending while it counts more than was taken; taken ones are pruned, oldest first.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from agent import traps
from agent.traps import Trap
from transport.io.sqlite import is_full, open_db, transaction

SCHEMA: Final = """
CREATE TABLE trap (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    from_ms INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    count INTEGER NOT NULL,
    taken INTEGER NOT NULL DEFAULT 0,
    source TEXT NOT NULL,
    port INTEGER NOT NULL,
    agent TEXT NOT NULL,
    version TEXT NOT NULL,
    confirmed INTEGER NOT NULL,
    refused TEXT NOT NULL,
    oid TEXT NOT NULL,
    uptime INTEGER,
    binds TEXT NOT NULL,
    device TEXT NOT NULL DEFAULT ''
);
CREATE INDEX trap_pending ON trap (id) WHERE count > taken;
CREATE TABLE trap_inform (
    key BLOB PRIMARY KEY,
    at_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE trap_tally (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE trap_engine (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    engine_id BLOB NOT NULL,
    boots INTEGER NOT NULL
);
"""
NAME: Final = "traps.db"
FOLD_MS: Final = 10_000
"""How long equal traps, and those of a storm, count in one row."""
STORM: Final = 20
"""Different traps of one sender and OID in that time that get a row each."""
INFORM_MS: Final = 600_000
"""How long a repeated inform is known again."""

_WINDOWS: Final = 5_000
_PEN: Final = bytes.fromhex("80004fb805")
"""RFC 3411 section 5, SnmpEngineID: octets of our own under pysnmp's enterprise number."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A trap as it came: from whom, when (domain ms), and why it is not believed, if so."""

    trap: Trap
    source: str
    port: int
    at_ms: int
    refused: str = ""


@dataclass(frozen=True, slots=True)
class TrapRow:
    """A row of the store; ``count`` traps between ``from_ms`` and ``at_ms``."""

    id: int
    from_ms: int
    at_ms: int
    count: int
    taken: int
    source: str
    port: int
    agent: str
    version: str
    confirmed: int
    refused: str
    oid: str
    uptime: int | None
    binds: str
    device: str


_COLUMNS: Final = (
    "id, from_ms, at_ms, count, taken, source, port, agent, version, confirmed, refused, oid,"
    " uptime, binds, device"
)


@dataclass(slots=True)
class _Window:
    """The rows into which further traps of a sender and OID fold; ``rows`` by content."""

    from_ms: int
    rows: dict[bytes, int] = field(default_factory=dict)
    last: int = 0


class TrapStore:
    """Used by one thread at a time; each method is one transaction."""

    def __init__(self, db: sqlite3.Connection, *, rows_most: int = 100_000) -> None:
        self.db = db
        self._rows_most = rows_most
        self._windows: OrderedDict[tuple[str, str, str], _Window] = OrderedDict()
        self._since_pruned = 0

    @classmethod
    def open(cls, folder: Path, *, quota_bytes: int = 64 * 1024 * 1024) -> TrapStore:
        """The store in ``folder``; a damaged one is set aside and a new one begun."""
        most = quota_bytes + quota_bytes // 4
        opened = open_db(folder / NAME, [SCHEMA], max_bytes=most, set_damaged_aside=True)
        return cls(opened.db, rows_most=max(1000, quota_bytes // 700))

    @classmethod
    def read_only(cls, folder: Path) -> TrapStore:
        """The store for looking at it while the agent runs. Raises sqlite3.OperationalError."""
        path = (folder / NAME).resolve().as_uri()
        return cls(sqlite3.connect(f"{path}?mode=ro", uri=True))

    def close(self) -> None:
        self.db.close()

    # -- the receiver -----------------------------------------------------------------------------

    def engine(self) -> tuple[bytes, int]:
        """Our engine id, the same for ever, and how often it was started (RFC 3414 2.2.2)."""
        with transaction(self.db):
            self.db.execute(
                "INSERT INTO trap_engine (one, engine_id, boots) VALUES (1, ?, 1)"
                " ON CONFLICT (one) DO UPDATE SET boots = boots + 1",
                (_PEN + secrets.token_bytes(12),),
            )
            found = self.db.execute("SELECT engine_id, boots FROM trap_engine").fetchone()
        return bytes(found[0]), int(found[1])

    def append(self, arrived: Sequence[Arrived], tally: Mapping[str, int]) -> None:
        """Keep them; everything is on disk when this returns, or nothing is (it raises then)."""
        told: Counter[str] = Counter(tally)
        windows = {key: _Window(one.from_ms, dict(one.rows), one.last)
                   for key, one in self._windows.items()
                   if key in {_key(each) for each in arrived}}  # fmt: skip
        with transaction(self.db):
            for one in arrived:
                told[self._keep(one, windows)] += 1
            self._count(told)
            self._since_pruned += len(arrived)
            if self._since_pruned >= 1000:
                self._prune(arrived[-1].at_ms)
        for key, window in windows.items():
            self._windows[key] = window
            self._windows.move_to_end(key)
        while len(self._windows) > _WINDOWS:
            self._windows.popitem(last=False)

    def make_room(self, now_ms: int) -> None:
        """The file is full: give up the older half of what was taken."""
        with transaction(self.db):
            self._prune(now_ms, half=True)

    def _keep(self, one: Arrived, windows: dict[tuple[str, str, str], _Window]) -> str:
        """Keep one trap; whether it was ``stored``, ``folded`` or ``repeated``."""
        trap = one.trap
        if trap.confirmed and not one.refused:
            known = self.db.execute(
                "INSERT INTO trap_inform (key, at_ms) VALUES (?, ?) ON CONFLICT (key) DO NOTHING",
                (traps.inform_key(trap, one.source, one.port), one.at_ms),
            )
            if not known.rowcount:
                return "repeated"
        key = _key(one)
        window = windows.get(key)
        if window is None or not 0 <= one.at_ms - window.from_ms < FOLD_MS:
            window = windows[key] = _Window(one.at_ms)
        said = traps.same(trap)
        row = window.rows.get(said)
        if row is None and len(window.rows) >= STORM and not trap.confirmed:
            row = window.last
        if row is not None and self._fold(row, one):
            return "folded"
        window.last = self._insert(one)
        if len(window.rows) < STORM:
            window.rows[said] = window.last
        return "stored"

    def _fold(self, row: int, one: Arrived) -> bool:
        """Whether the row was still there to be counted in."""
        done = self.db.execute(
            "UPDATE trap SET count = count + 1, at_ms = max(at_ms, ?) WHERE id = ?",
            (one.at_ms, row),
        )
        return done.rowcount > 0

    def _insert(self, one: Arrived) -> int:
        trap = one.trap
        done = self.db.execute(
            "INSERT INTO trap (from_ms, at_ms, count, source, port, agent, version, confirmed,"
            " refused, oid, uptime, binds) VALUES (?,?,1,?,?,?,?,?,?,?,?,?)",
            (
                one.at_ms, one.at_ms, one.source, one.port, trap.agent, trap.version,
                int(trap.confirmed), one.refused, trap.oid, trap.uptime, traps.packed(trap.binds),
            ),
        )  # fmt: skip
        assert done.lastrowid is not None
        return done.lastrowid

    def _count(self, tally: Mapping[str, int]) -> None:
        self.db.executemany(
            "INSERT INTO trap_tally (name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
            [(name, value) for name, value in tally.items() if value],
        )

    def _prune(self, now_ms: int, *, half: bool = False) -> None:
        self._since_pruned = 0
        self.db.execute("DELETE FROM trap_inform WHERE at_ms < ?", (now_ms - INFORM_MS,))
        (rows,) = self.db.execute("SELECT count(*) FROM trap").fetchone()
        over = max(rows - self._rows_most, rows // 2 if half else 0)
        if over > 0:
            gone = self.db.execute(
                "DELETE FROM trap WHERE id IN"
                " (SELECT id FROM trap WHERE taken >= count ORDER BY id LIMIT ?)",
                (over,),
            )
            self._count({"pruned": gone.rowcount})

    # -- the agent --------------------------------------------------------------------------------

    def pending(self, most: int) -> list[TrapRow]:
        """The oldest rows that count more than was taken."""
        return self._rows("WHERE count > taken ORDER BY id LIMIT ?", (most,))

    def take(self, taken: Iterable[tuple[int, int, str]]) -> None:
        """Rows (id) were followed up to this count, as told by this device ('': unknown)."""
        with transaction(self.db):
            self.db.executemany(
                "UPDATE trap SET taken = max(taken, ?2), device = ?3 WHERE id = ?1", list(taken)
            )

    # -- people -----------------------------------------------------------------------------------

    def newest(self, most: int, *, unknown: bool = False) -> list[TrapRow]:
        """The newest rows; ``unknown``: those alone from which nothing followed."""
        where = "WHERE device = '' AND taken > 0 " if unknown else ""
        return self._rows(f"{where}ORDER BY at_ms DESC, id DESC LIMIT ?", (most,))

    def row(self, ident: int) -> TrapRow | None:
        found = self._rows("WHERE id = ?", (ident,))
        return found[0] if found else None

    def tally(self) -> dict[str, int]:
        """How many were stored, folded, repeated, refused, dropped by the kernel, given up."""
        return dict(self.db.execute("SELECT name, value FROM trap_tally ORDER BY name"))

    def _rows(self, where: str, given: tuple[object, ...]) -> list[TrapRow]:
        query = f"SELECT {_COLUMNS} FROM trap {where}"  # noqa: S608  parts of our own
        return [TrapRow(*row) for row in self.db.execute(query, given)]


def _key(one: Arrived) -> tuple[str, str, str]:
    return one.source, one.trap.oid, one.refused


__all__ = ["NAME", "Arrived", "TrapRow", "TrapStore", "is_full"]
