"""Rows on disk until the receiver has committed them.

One SQLite file holds any number of lanes; a lane has an epoch and rows numbered without holes.
The tables may live in a file of their own (``agent.db``) or, by ``STEPS`` among the migrations,
inside a room's store, where ``append_in`` writes rows in the room's transaction.

At a lane's quota the oldest samples are thinned: each row keeps its number, its body becomes a
gap record (range, count, reason), so that nothing has to be numbered again and whatever is
already on its way stays valid. Where nothing but gap records is left, what comes next only makes
the last of them longer. Lanes without ``thin`` are never thinned: while the sample lane has
anything to give, their rows go in.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from transport.io.beside import HighWater, Reserve
from transport.io.outbox_rows import (
    RETIRED,
    ROW_COST,
    SCHEMA,
    LaneInfo,
    Row,
    Stored,
    TooLarge,
    append_in,
    cost,
    ensure_lane,
    fits,
    insert,
    lane_info,
    origins,
    packed,
    place,
    raise_counter,
    retire,
)
from transport.io.sqlite import is_full, open_db, transaction
from transport.io.thin import Ages, Quota, Thinned, extend, thin
from wire.codec import unpack

__all__ = [
    "RETIRED",
    "SCHEMA",
    "LaneInfo",
    "Outbox",
    "OutboxFull",
    "Quota",
    "Row",
    "Stored",
    "Thinned",
    "TooLarge",
    "append_in",
    "ensure_lane",
    "fits",
    "lane_info",
    "raise_counter",
]

_RESERVE_BYTES: Final = 16 * 1024 * 1024
_MARK_EVERY_S: Final = 5


class OutboxFull(Exception):  # noqa: N818  it says what the outbox is
    """Nothing more fits: quota, file limit or disk. Nothing was written."""


class Past(NamedTuple):
    """What was wrong with the file when it was opened (FAULTS F13); all empty: nothing.

    ``set_aside``: it was damaged and lies there now. ``lost``: it was gone. ``old``: lanes that
    are behind their high-water mark, so that the file is an old copy.
    """

    set_aside: Path | None = None
    lost: bool = False
    old: tuple[str, ...] = ()


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
        path: Path | None = None,
    ) -> None:
        self.db = db
        self.past = Past()
        self._now_s = now_s
        self._quotas = quotas or {}
        self._thinned: dict[str, int] = {}
        self._ages = Ages(db, self._quotas)
        self._water = HighWater(path) if path else None
        size = min(_RESERVE_BYTES, sum(quota.bytes for quota in self._quotas.values()) // 64)
        self._reserve = Reserve(path, size) if path else None
        self._marked_s = 0

    @classmethod
    def open(cls, path: Path, *, now_s: Callable[[], int], quotas: dict[str, Quota]) -> Outbox:
        """Open the outbox file; a damaged one is set aside and a new one begun (``past``).

        New lanes begin in epoch ``now_s()`` (unix seconds), which is newer than what was lost,
        and in any case above their high-water mark.
        """
        most = sum(quota.bytes for quota in quotas.values()) * 5 // 4 + _RESERVE_BYTES
        opened = open_db(path, [SCHEMA, RETIRED], max_bytes=most, set_damaged_aside=True)
        box = cls(opened.db, now_s=now_s, quotas=quotas, path=path)
        assert box._water is not None
        assert box._reserve is not None
        marks = box._water.read()
        for lane in quotas:
            box.lane(lane, above=marks.get(lane, (0, 0))[0])
        lost = bool(opened.created and marks and opened.set_aside is None)
        box.past = Past(opened.set_aside, lost, () if opened.created else box._catch_up(marks))
        box._mark(force=True)
        box._reserve.hold()
        return box

    @property
    def set_aside(self) -> Path | None:
        """Where a damaged predecessor of the file was moved to."""
        return self.past.set_aside

    def close(self) -> None:
        self._mark(force=True)
        self.db.close()

    def lane(self, name: str, *, above: int = 0) -> LaneInfo:
        """Where lane ``name`` stands; created, in an epoch above ``above``, when it is new."""
        try:
            return lane_info(self.db, name)
        except KeyError:
            with transaction(self.db):
                return ensure_lane(self.db, name, epoch_floor=max(self._now_s(), above + 1))

    def append(self, batches: dict[str, Sequence[Row]]) -> tuple[Thinned, ...]:
        """Append rows to lanes in one transaction; what had to be thinned for it.

        Raises OutboxFull or TooLarge; nothing was written then.
        """
        rows = {lane: [packed(row) for row in given] for lane, given in batches.items() if given}
        vital = not any(lane in self._quotas and self._quotas[lane].thin for lane in rows)
        for more in (1, 64, 64):
            try:
                return self._append(rows, more)
            except sqlite3.OperationalError as error:
                if not is_full(error):
                    raise
                full = error
            if more > 1 and not (vital and self._reserve and self._reserve.release()):
                break
        raise OutboxFull(str(full)) from full

    def rows(self, lane: str, first: int, *, most: int, size: int) -> list[Stored]:
        """At most ``most`` rows from ``first`` on, about ``size`` bytes, but at least one."""
        at = place(self.db, lane)
        found: list[Stored] = []
        total = 0
        from_ids = origins(self.db, at)
        cursor = self.db.execute(
            "SELECT id, token, body FROM outbox_row WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
            (at.base + first, at.high, most),
        )
        for ident, token, body in cursor:
            was = _was(from_ids, ident)
            found.append(Stored(ident - at.base, token, unpack(body), was, body))
            total += len(body)
            if total >= size:
                break
        cursor.close()
        return found

    def token(self, lane: str, seq: int) -> int | None:
        """The token of a row, None when it is not (or no longer) there."""
        ident = place(self.db, lane).base + seq
        found = self.db.execute("SELECT token FROM outbox_row WHERE id = ?", (ident,)).fetchone()
        return None if found is None else int(found[0])

    def oldest_ms(self, lane: str) -> int | None:
        """When the first pending row was created, None when none is pending."""
        at, info = place(self.db, lane), self.lane(lane)
        found = self.db.execute(
            "SELECT created_ms FROM outbox_row WHERE id > ? AND id < ? ORDER BY id LIMIT 1",
            (at.base + info.acked, at.high),
        ).fetchone()
        return None if found is None else int(found[0])

    def acknowledge(self, lane: str, up_to: int, *, store: int) -> None:
        """The receiver has committed rows up to ``up_to``: delete them."""
        at = place(self.db, lane)
        last = at.base + up_to
        with transaction(self.db):
            gone = self.db.execute(
                "SELECT coalesce(sum(length(body) + ?), 0) FROM outbox_row"
                " WHERE id > ? AND id <= ?",
                (ROW_COST, at.low, last),
            ).fetchone()[0]
            self.db.execute("DELETE FROM outbox_row WHERE id > ? AND id <= ?", (at.low, last))
            self.db.execute(
                "UPDATE outbox_lane SET acked = max(acked, ?), bytes = bytes - ?, store = ?"
                " WHERE name = ?",
                (up_to, gone, store, lane),
            )
        self._mark()

    def renumber(self, lane: str, *, above: int, store: int) -> LaneInfo:
        """Begin an epoch above ``above`` and number the pending rows again from 1."""
        with transaction(self.db):
            info = lane_info(self.db, lane)
            epoch = max(self._now_s(), above + 1, info.epoch + 1)
            self.db.execute(
                "UPDATE outbox_lane SET epoch = ?, base = base + acked, highest = highest - acked,"
                " acked = 0, store = ? WHERE name = ?",
                (epoch, store, lane),
            )
        self._mark(force=True)
        return lane_info(self.db, lane)

    def retire(self, lane: str, to: str) -> None:
        """What waits in ``lane`` goes behind what waits in ``to``; ``lane`` begins a new epoch.

        The rows remember what they were (``Stored.was``), so that none is applied twice.
        """
        with transaction(self.db):
            retire(self.db, lane, to, floor=self._now_s())
        self._mark(force=True)

    def next_counter(self, name: str) -> int:
        """The next value of a counter on disk, above all earlier ones."""
        with transaction(self.db):
            return raise_counter(self.db, name, floor=self._now_s())

    def _append(self, rows: dict[str, list[Row]], more: int) -> tuple[Thinned, ...]:
        """One attempt; ``more`` than 1: the file is full in spite of the quotas."""
        wanted = {lane: sum(cost(row.body) for row in given) for lane, given in rows.items()}
        cursors: dict[str, int] = {}
        thinned: list[Thinned] = []
        with transaction(self.db):
            short = self._make_room(wanted, more, (cursors, thinned))
            for lane, given in rows.items():
                info = ensure_lane(self.db, lane, epoch_floor=self._now_s())
                if lane in short:
                    thinned.append(extend(self.db, info, given))
                else:
                    insert(self.db, info, given)
        self._thinned |= cursors
        self._ages.passed(row.created_ms for given in rows.values() for row in given)
        return tuple(thinned)

    def _make_room(
        self, wanted: dict[str, int], more: int, found: tuple[dict[str, int], list[Thinned]]
    ) -> set[str]:
        """Thin the thinnable lanes until everything fits its quota; inside the transaction.

        What another lane needs beyond its own quota is taken from the thinnable lanes too.
        Returns the lanes that have nothing left to thin and are still over their quota.
        """
        vital = [lane for lane, quota in self._quotas.items() if not quota.thin]
        over = sum(self._bytes(lane) + wanted.get(lane, 0) for lane in vital)
        over = max(0, over - sum(self._quotas[lane].bytes for lane in vital))
        short = set()
        for lane, quota in self._quotas.items():
            if not quota.thin:
                continue
            used = self._bytes(lane) + wanted.get(lane, 0)
            excess = used + over - quota.bytes
            if more > 1:
                excess = max(excess, used // 8)
            before = self._ages.limit_ms(lane)
            if excess <= 0 and before is None:
                continue
            after = self._thinned.get(lane, 0)
            done = thin(self.db, lane, after=after, quota=quota, excess=excess, before_ms=before)
            found[0][lane] = done.cursor
            found[1].extend(done.thinned)
            if more == 1 and wanted.get(lane) and done.freed < used - quota.bytes:
                short.add(lane)
        return short

    def _bytes(self, lane: str) -> int:
        found = self.db.execute("SELECT bytes FROM outbox_lane WHERE name = ?", (lane,)).fetchone()
        return 0 if found is None else int(found[0])

    def _catch_up(self, marks: dict[str, tuple[int, int]]) -> tuple[str, ...]:
        """Lanes behind their mark begin a new epoch, without what is known to be acknowledged."""
        old = []
        for lane, (epoch, acked) in marks.items():
            info = self.lane(lane)
            if (epoch, acked) <= (info.epoch, info.acked):
                continue
            old.append(lane)
            if epoch == info.epoch:
                self.acknowledge(lane, min(acked, info.highest), store=info.store)
            self.renumber(lane, above=epoch, store=info.store)
        return tuple(old)

    def _mark(self, *, force: bool = False) -> None:
        """Write the high-water mark now and then; take the reserve again where it was given."""
        if self._water is None or self._reserve is None:
            return
        now_s = self._now_s()
        if not force and abs(now_s - self._marked_s) < _MARK_EVERY_S:
            return
        self._marked_s = now_s
        rows = self.db.execute("SELECT name, epoch, acked FROM outbox_lane")
        self._water.write({name: (epoch, acked) for name, epoch, acked in rows})
        self._reserve.hold()


def _was(from_ids: list[tuple[int, int, int]], ident: int) -> tuple[int, int] | None:
    """Which row ``ident`` was before its lane was retired."""
    for first, epoch, seq in reversed(from_ids):
        if first <= ident:
            return epoch, seq + ident - first
    return None
