"""The outbox's tables, and what may be done to a lane inside somebody else's transaction.

A row's id is lane number * 2**48 + base + seq: one B-tree, ranges of one lane stay together. The
base lets a lane be numbered anew without touching its rows.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from wire.codec import MAX_INFLATED, MAX_PAYLOAD, pack

SCHEMA: Final = """
CREATE TABLE outbox_lane (
    no INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    epoch INTEGER NOT NULL,
    acked INTEGER NOT NULL DEFAULT 0,
    highest INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    store INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE outbox_row (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    token INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE outbox_counter (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
);
"""

RETIRED: Final = """
ALTER TABLE outbox_lane ADD COLUMN base INTEGER NOT NULL DEFAULT 0;
CREATE TABLE outbox_origin (
    id INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL
);
"""
"""The second step: rows from ``id`` on were written as row ``seq`` and later of ``epoch``."""

LANE: Final = 1 << 48
ROW_COST: Final = 64
"""Bytes of quota that a row costs beside its body."""

_HEADER_ROOM: Final = 1024


class TooLarge(ValueError):  # noqa: N818  it says what the body is
    """A body that fits no payload. Nothing was written."""


class Row(NamedTuple):
    """A row to append. ``body`` is the JSON of the lane's body model.

    ``rows`` counts the samples in it: what a gap record reports when it is given up.
    """

    kind: str
    created_ms: int
    body: bytes
    rows: int = 1


class Stored(NamedTuple):
    """A row of a lane as ``rows`` returns it.

    ``was``: the epoch and number under which it was written before its lane was retired.
    ``packed`` is the body as it stands on disk.
    """

    seq: int
    token: int
    body: bytes
    was: tuple[int, int] | None = None
    packed: bytes = b""


class LaneInfo(NamedTuple):
    """Where a lane stands. ``bytes`` count against its quota."""

    name: str
    epoch: int
    acked: int
    highest: int
    bytes: int
    store: int


class Place(NamedTuple):
    """Where a lane's rows lie: row ``seq`` has id ``base + seq``, all are in (low, high)."""

    base: int
    low: int
    high: int


def append_in(
    db: sqlite3.Connection, lane: str, rows: Iterable[Row], *, epoch_floor: int
) -> tuple[int, int]:
    """Append ``rows`` to ``lane`` inside the caller's transaction; (epoch, highest) after it.

    A lane that does not exist yet begins in epoch ``epoch_floor`` (unix seconds). Raises
    ValueError for a body that would not fit a payload.
    """
    info = ensure_lane(db, lane, epoch_floor=epoch_floor)
    return info.epoch, insert(db, info, [packed(row) for row in rows])


def ensure_lane(db: sqlite3.Connection, lane: str, *, epoch_floor: int) -> LaneInfo:
    """The lane, created in epoch ``epoch_floor`` when it is new. Inside a transaction."""
    db.execute(
        "INSERT INTO outbox_lane (name, epoch) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
        (lane, max(1, epoch_floor)),
    )
    return lane_info(db, lane)


def lane_info(db: sqlite3.Connection, lane: str) -> LaneInfo:
    """Where ``lane`` stands. Raises KeyError."""
    found = db.execute(
        "SELECT name, epoch, acked, highest, bytes, store FROM outbox_lane WHERE name = ?", (lane,)
    ).fetchone()
    if found is None:
        raise KeyError(lane)
    return LaneInfo(*found)


def raise_counter(db: sqlite3.Connection, name: str, *, floor: int) -> int:
    """The next value of a counter on disk: max(``floor``, previous + 1). Inside a transaction.

    With unix seconds as the floor it rises even when the file was lost.
    """
    db.execute(
        "INSERT INTO outbox_counter (name, value) VALUES (:name, :floor) "
        "ON CONFLICT (name) DO UPDATE SET value = max(:floor, value + 1)",
        {"name": name, "floor": max(1, floor)},
    )
    found = db.execute("SELECT value FROM outbox_counter WHERE name = ?", (name,)).fetchone()
    return int(found[0])


def place(db: sqlite3.Connection, lane: str) -> Place:
    """Where the rows of ``lane`` lie. Raises KeyError."""
    found = db.execute("SELECT no, base FROM outbox_lane WHERE name = ?", (lane,)).fetchone()
    if found is None:
        raise KeyError(lane)
    low = int(found[0]) * LANE
    return Place(low + int(found[1]), low, low + LANE)


def insert(db: sqlite3.Connection, info: LaneInfo, rows: Sequence[Row]) -> int:
    """Append packed rows inside a transaction; the lane's last number after it."""
    base = place(db, info.name).base + info.highest
    db.executemany(
        "INSERT INTO outbox_row (id, kind, created_ms, rows, token, body) VALUES (?,?,?,?,?,?)",
        [
            (base + at, row.kind, row.created_ms, row.rows, zlib.crc32(row.body) or 1, row.body)
            for at, row in enumerate(rows, start=1)
        ],
    )
    highest = info.highest + len(rows)
    db.execute(
        "UPDATE outbox_lane SET highest = ?, bytes = bytes + ? WHERE name = ?",
        (highest, sum(cost(row.body) for row in rows), info.name),
    )
    return highest


def retire(db: sqlite3.Connection, lane: str, to: str, *, floor: int) -> None:
    """All rows of ``lane`` go to the end of ``to``; ``lane`` is empty in a newer epoch.

    Inside a transaction; what is acknowledged was deleted before. An empty ``to`` takes the rows
    over where they are, whatever their number: it gets the lane's place, and an epoch of its own.
    """
    info, there = lane_info(db, lane), lane_info(db, to)
    pending, here, target = info.highest - info.acked, place(db, lane), place(db, to)
    _forget_origins(db, here)
    if there.highest == there.acked:
        _forget_origins(db, target)
        first = here.base + info.acked + 1
        _swap(db, (lane, here), (to, target))
        db.execute("DELETE FROM outbox_origin WHERE id > ? AND id < ?", (target.low, target.high))
        db.execute(
            "UPDATE outbox_lane SET base = ?, epoch = ?, acked = 0, highest = ?, bytes = ?"
            " WHERE name = ?",
            (first - 1 - here.low, max(floor, there.epoch + 1), pending, info.bytes, to),
        )
    else:
        first = target.base + there.highest + 1
        db.execute(
            "UPDATE outbox_row SET id = id + ? WHERE id > ? AND id < ?",
            (first - 1 - here.base - info.acked, here.base + info.acked, here.high),
        )
        db.execute(
            "UPDATE outbox_lane SET highest = highest + ?, bytes = bytes + ? WHERE name = ?",
            (pending, info.bytes, to),
        )
    db.execute(
        "UPDATE outbox_lane SET epoch = ?, acked = 0, highest = 0, bytes = 0, base = 0"
        " WHERE name = ?",
        (max(floor, info.epoch + 1), lane),
    )
    db.execute(
        "INSERT OR REPLACE INTO outbox_origin (id, epoch, seq) VALUES (?, ?, ?)",
        (first, info.epoch, info.acked + 1),
    )


def origins(db: sqlite3.Connection, at: Place) -> list[tuple[int, int, int]]:
    """Of the lane at ``at``: id, epoch and number from which rows have another origin."""
    return db.execute(
        "SELECT id, epoch, seq FROM outbox_origin WHERE id > ? AND id < ? ORDER BY id",
        (at.low, at.high),
    ).fetchall()


def _forget_origins(db: sqlite3.Connection, at: Place) -> None:
    """Nothing that lies there now came from elsewhere, and its ids will be given again."""
    db.execute("DELETE FROM outbox_origin WHERE id > ? AND id < ?", (at.low, at.high))


def _swap(db: sqlite3.Connection, one: tuple[str, Place], two: tuple[str, Place]) -> None:
    for name, number in (
        (one[0], -1),
        (two[0], one[1].low // LANE),
        (one[0], two[1].low // LANE),
    ):
        db.execute("UPDATE outbox_lane SET no = ? WHERE name = ?", (number, name))


def packed(row: Row) -> Row:
    """The row with its body as it is stored. Raises TooLarge."""
    body = pack(row.body)
    if len(body) > MAX_PAYLOAD - _HEADER_ROOM or len(row.body) > MAX_INFLATED - _HEADER_ROOM:
        raise TooLarge(f"a body of {len(row.body)} bytes does not fit a payload: split it")
    return row._replace(body=body)


def fits(body: bytes) -> bool:
    """Whether ``body`` (JSON) fits a payload when it is packed."""
    try:
        packed(Row("", 0, body))
    except TooLarge:
        return False
    return True


def cost(body: bytes) -> int:
    return len(body) + ROW_COST
