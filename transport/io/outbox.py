"""Rows on disk until the receiver has committed them.

One SQLite file holds any number of lanes; a lane has an epoch and rows numbered without holes.
The tables may live in a file of their own (``agent.db``) or, by ``SCHEMA`` among the
migrations, inside a room's store, where ``append_in`` writes rows in the room's transaction.

At a lane's quota the oldest samples are thinned: each row keeps its number, its body becomes a
gap record (range, count, reason), so that nothing has to be numbered again and whatever is
already on its way stays valid. Lanes without ``thin`` are never thinned: while the sample lane
has anything to give, their rows go in.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from transport.io.sqlite import is_full, open_db, transaction
from wire.codec import MAX_INFLATED, MAX_PAYLOAD, pack, unpack
from wire.observation import GapBody

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
"""A row's id is lane number * 2**48 + seq: one B-tree, ranges of one lane stay together."""

_LANE: Final = 1 << 48
_ROW_COST: Final = 64
"""Bytes of quota that a row costs beside its body."""

_HEADER_ROOM: Final = 1024
_RESERVE_BYTES: Final = 16 * 1024 * 1024
_GAP: Final = "gap"


class OutboxFull(Exception):  # noqa: N818  it says what the outbox is
    """Nothing more fits: quota, file limit or disk. Nothing was written."""


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
    """A row of a lane as ``rows`` returns it."""

    seq: int
    token: int
    body: bytes


class LaneInfo(NamedTuple):
    """Where a lane stands. ``bytes`` count against its quota."""

    name: str
    epoch: int
    acked: int
    highest: int
    bytes: int
    store: int


class Quota(NamedTuple):
    """A lane's quota in bytes; ``thin``: its oldest rows may become gap records."""

    bytes: int
    thin: bool = False


class Thinned(NamedTuple):
    """Samples given up in one append: rows of the lane, samples in them, and why."""

    lane: str
    rows: int
    samples: int
    reason: str


def append_in(
    db: sqlite3.Connection, lane: str, rows: Iterable[Row], *, epoch_floor: int
) -> tuple[int, int]:
    """Append ``rows`` to ``lane`` inside the caller's transaction; (epoch, highest) after it.

    A lane that does not exist yet begins in epoch ``epoch_floor`` (unix seconds). Raises
    ValueError for a body that would not fit a payload.
    """
    info = ensure_lane(db, lane, epoch_floor=epoch_floor)
    return info.epoch, _insert(db, _number(db, lane), info, [_packed(row) for row in rows])


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


class Outbox:
    """The lanes of one file, or of another room's store.

    All methods are synchronous and each writing one is one transaction; one thread uses it.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        *,
        now_s: Callable[[], int],
        quotas: dict[str, Quota] | None = None,
        set_aside: Path | None = None,
    ) -> None:
        self.db = db
        self.set_aside = set_aside
        self._now_s = now_s
        self._quotas = quotas or {}

    @classmethod
    def open(cls, path: Path, *, now_s: Callable[[], int], quotas: dict[str, Quota]) -> Outbox:
        """Open the outbox file; a damaged one is set aside (``set_aside``) and a new one begun.

        New lanes begin in epoch ``now_s()`` (unix seconds), which is newer than what was lost.
        """
        most = sum(quota.bytes for quota in quotas.values()) * 5 // 4 + _RESERVE_BYTES
        opened = open_db(path, [SCHEMA], max_bytes=most, set_damaged_aside=True)
        box = cls(opened.db, now_s=now_s, quotas=quotas, set_aside=opened.set_aside)
        for lane in quotas:
            box.lane(lane)
        return box

    def close(self) -> None:
        self.db.close()

    def lane(self, name: str) -> LaneInfo:
        """Where lane ``name`` stands; created when it is new."""
        try:
            return lane_info(self.db, name)
        except KeyError:
            with transaction(self.db):
                return ensure_lane(self.db, name, epoch_floor=self._now_s())

    def append(self, batches: dict[str, Sequence[Row]]) -> tuple[Thinned, ...]:
        """Append rows to lanes in one transaction; what had to be thinned for it.

        Raises OutboxFull or TooLarge; nothing was written then.
        """
        packed = {lane: [_packed(row) for row in rows] for lane, rows in batches.items() if rows}
        wanted = {lane: sum(_cost(row.body) for row in rows) for lane, rows in packed.items()}
        for more in (1, 64):
            try:
                with transaction(self.db):
                    thinned = self._make_room(wanted, more)
                    for lane, rows in packed.items():
                        info = ensure_lane(self.db, lane, epoch_floor=self._now_s())
                        _insert(self.db, _number(self.db, lane), info, rows)
                    return thinned
            except sqlite3.OperationalError as error:
                if not is_full(error):
                    raise
                full = error
        raise OutboxFull(str(full)) from full

    def rows(self, lane: str, first: int, *, most: int, size: int) -> list[Stored]:
        """At most ``most`` rows from ``first`` on, about ``size`` bytes, but at least one."""
        base = _number(self.db, lane) * _LANE
        found: list[Stored] = []
        total = 0
        cursor = self.db.execute(
            "SELECT id, token, body FROM outbox_row WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
            (base + first, base + _LANE, most),
        )
        for ident, token, body in cursor:
            found.append(Stored(ident - base, token, unpack(body)))
            total += len(body)
            if total >= size:
                break
        cursor.close()
        return found

    def token(self, lane: str, seq: int) -> int | None:
        """The token of a row, None when it is not (or no longer) there."""
        ident = _number(self.db, lane) * _LANE + seq
        found = self.db.execute("SELECT token FROM outbox_row WHERE id = ?", (ident,)).fetchone()
        return None if found is None else int(found[0])

    def acknowledge(self, lane: str, up_to: int, *, store: int) -> None:
        """The receiver has committed rows up to ``up_to``: delete them."""
        base = _number(self.db, lane) * _LANE
        with transaction(self.db):
            gone = self.db.execute(
                "SELECT coalesce(sum(length(body) + ?), 0) FROM outbox_row"
                " WHERE id > ? AND id <= ?",
                (_ROW_COST, base, base + up_to),
            ).fetchone()[0]
            self.db.execute("DELETE FROM outbox_row WHERE id > ? AND id <= ?", (base, base + up_to))
            self.db.execute(
                "UPDATE outbox_lane SET acked = max(acked, ?), bytes = bytes - ?, store = ?"
                " WHERE name = ?",
                (up_to, gone, store, lane),
            )

    def renumber(self, lane: str, *, above: int, store: int) -> LaneInfo:
        """Begin an epoch above ``above`` and number the pending rows again from 1."""
        number = _number(self.db, lane)
        base = number * _LANE
        with transaction(self.db):
            info = lane_info(self.db, lane)
            epoch = max(self._now_s(), above + 1, info.epoch + 1)
            self.db.execute(
                "UPDATE outbox_row SET id = id - ? WHERE id > ? AND id < ?",
                (info.acked, base, base + _LANE),
            )
            self.db.execute(
                "UPDATE outbox_lane SET epoch = ?, acked = 0, highest = highest - acked, store = ?"
                " WHERE name = ?",
                (epoch, store, lane),
            )
        return lane_info(self.db, lane)

    def next_counter(self, name: str) -> int:
        """The next value of a counter on disk, above all earlier ones."""
        with transaction(self.db):
            return raise_counter(self.db, name, floor=self._now_s())

    def _make_room(self, wanted: dict[str, int], more: int) -> tuple[Thinned, ...]:
        """Thin the thinnable lanes until everything fits its quota; inside the transaction.

        What another lane needs beyond its own quota is taken from the thinnable lanes too.
        """
        over = sum(
            max(0, self._bytes(lane) + size - self._quotas[lane].bytes)
            for lane, size in wanted.items()
            if lane in self._quotas and not self._quotas[lane].thin
        )
        thinned = []
        for lane, quota in self._quotas.items():
            if not quota.thin:
                continue
            used = self._bytes(lane) + wanted.get(lane, 0)
            excess = used + over - quota.bytes
            if more > 1:  # the file is full in spite of the quotas: give up a good part
                excess = max(excess, used // 8)
            if excess > 0:
                thinned += self._thin(lane, excess)
        return tuple(thinned)

    def _bytes(self, lane: str) -> int:
        found = self.db.execute("SELECT bytes FROM outbox_lane WHERE name = ?", (lane,)).fetchone()
        return 0 if found is None else int(found[0])

    def _thin(self, lane: str, excess: int) -> list[Thinned]:
        """Turn the oldest rows of ``lane`` into gap records until ``excess`` bytes are free.

        A tenth of a quota's worth is freed at a time, so that not every append has to thin.
        """
        base = _number(self.db, lane) * _LANE
        goal = max(excess, self._quotas[lane].bytes // 100)
        freed = rows = samples = 0
        cursor = self.db.execute(
            "SELECT id, created_ms, rows, length(body) FROM outbox_row"
            " WHERE id > ? AND id < ? AND kind <> ? ORDER BY id",
            (base, base + _LANE, _GAP),
        )
        gaps = []
        for ident, created_ms, count, length in cursor:
            gap = _gap_body(created_ms, count)
            gaps.append((_GAP, gap, ident))
            freed += max(0, length - len(gap))
            rows += 1
            samples += count
            if freed >= goal:
                break
        cursor.close()
        self.db.executemany("UPDATE outbox_row SET kind = ?, body = ? WHERE id = ?", gaps)
        self.db.execute("UPDATE outbox_lane SET bytes = bytes - ? WHERE name = ?", (freed, lane))
        return [Thinned(lane, rows, samples, "quota")] if rows else []


def fits(body: bytes) -> bool:
    """Whether ``body`` (JSON) fits a payload when it is packed."""
    try:
        _packed(Row("", 0, body))
    except TooLarge:
        return False
    return True


def _gap_body(created_ms: int, count: int) -> bytes:
    gap = GapBody(from_ms=created_ms, to_ms=created_ms, rows=max(1, count), reason="quota")
    return gap.model_dump_json().encode()


def _packed(row: Row) -> Row:
    body = pack(row.body)
    if len(body) > MAX_PAYLOAD - _HEADER_ROOM or len(row.body) > MAX_INFLATED - _HEADER_ROOM:
        raise TooLarge(f"a body of {len(row.body)} bytes does not fit a payload: split it")
    return row._replace(body=body)


def _cost(body: bytes) -> int:
    return len(body) + _ROW_COST


def _number(db: sqlite3.Connection, lane: str) -> int:
    found = db.execute("SELECT no FROM outbox_lane WHERE name = ?", (lane,)).fetchone()
    if found is None:
        raise KeyError(lane)
    return int(found[0])


def _insert(db: sqlite3.Connection, number: int, info: LaneInfo, rows: Sequence[Row]) -> int:
    base = number * _LANE + info.highest
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
        (highest, sum(_cost(row.body) for row in rows), info.name),
    )
    return highest
