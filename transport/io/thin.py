"""Quotas of an outbox: the oldest samples become gap records (FAULTS F10).

All of it inside the outbox's transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from transport.io.outbox_rows import LaneInfo, Row, cost, insert, packed, place
from wire.codec import unpack
from wire.observation import GapBody

GAP: Final = "gap"
_MAY_FLY: Final = 256
"""Rows after the last acknowledged one that may be on their way: they stay as they are."""

_STEP_MS: Final = 3_600_000


class Quota(NamedTuple):
    """A lane's quota in bytes, and for ``thin`` lanes in seconds of age as well.

    ``thin``: its oldest rows may become gap records.
    """

    bytes: int
    thin: bool = False
    age_s: int | None = None


class Thinned(NamedTuple):
    """Samples given up in one append: rows of the lane, samples in them, and why."""

    lane: str
    rows: int
    samples: int
    reason: str


class Done(NamedTuple):
    """What ``thin`` did: the last id it looked at, the bytes it freed."""

    cursor: int
    freed: int
    thinned: list[Thinned]


class Ages:
    """The age of rows by a clock that a wrong one cannot set off (FAULTS F15).

    It follows the stamps of what is appended, never back and at most an hour at a time: a clock
    that jumps by a year expires nothing.
    """

    def __init__(self, db: sqlite3.Connection, quotas: dict[str, Quota]) -> None:
        self._limits = {
            lane: quota.age_s * 1000
            for lane, quota in quotas.items()
            if quota.thin and quota.age_s is not None
        }
        found = None
        if self._limits:
            found = db.execute("SELECT created_ms FROM outbox_row ORDER BY id DESC").fetchone()
        self._now_ms = found[0] if found else None
        self._last_ms = self._now_ms

    def passed(self, stamps: Iterable[int]) -> None:
        """Rows with these stamps were appended."""
        for stamp in stamps:
            if self._now_ms is None or self._last_ms is None:
                self._now_ms = self._last_ms = stamp
            self._now_ms += min(max(0, stamp - self._last_ms), _STEP_MS)
            self._last_ms = stamp

    def limit_ms(self, lane: str) -> int | None:
        """Rows of ``lane`` that were created before are too old; None: there is no limit."""
        limit = self._limits.get(lane)
        return None if limit is None or self._now_ms is None else self._now_ms - limit


def thin(
    db: sqlite3.Connection,
    lane: str,
    *,
    after: int,
    quota: Quota,
    excess: int,
    before_ms: int | None,
) -> Done:
    """Turn the oldest rows of ``lane`` into gap records: ``excess`` bytes, and what is too old.

    A hundredth of the quota is freed at a time, so that not every append has to thin. ``after``
    is the cursor of the last time: what lies before it are gap records already.
    """
    at = place(db, lane)
    goal = max(excess, quota.bytes // 100) if excess > 0 else 0
    freed, cursor = 0, after
    counts: dict[str, list[int]] = {}
    gaps = []
    found = db.execute(
        "SELECT id, created_ms, rows, length(body) FROM outbox_row"
        " WHERE id > ? AND id < ? AND kind <> ? ORDER BY id",
        (max(at.low, after) if after < at.high else at.low, at.high, GAP),
    )
    for ident, created_ms, count, length in found:
        if freed >= goal and (before_ms is None or created_ms >= before_ms):
            break
        reason = "quota" if freed < goal else "age"
        body = gap_body(created_ms, created_ms, count, reason)
        gaps.append((GAP, body, ident))
        freed += max(0, length - len(body))
        cursor = ident
        counts.setdefault(reason, []).append(count)
    found.close()
    db.executemany("UPDATE outbox_row SET kind = ?, body = ? WHERE id = ?", gaps)
    db.execute("UPDATE outbox_lane SET bytes = bytes - ? WHERE name = ?", (freed, lane))
    thinned = [Thinned(lane, len(one), sum(one), reason) for reason, one in counts.items()]
    return Done(cursor, freed, thinned)


def extend(db: sqlite3.Connection, info: LaneInfo, rows: Sequence[Row]) -> Thinned:
    """Give up ``rows`` before they are written: the lane's last gap record counts them too.

    Its number and token stay. A record that may be on its way is left alone: a new one follows.
    """
    samples = sum(row.rows for row in rows)
    given_up = Thinned(info.name, len(rows), samples, "quota")
    from_ms = min(row.created_ms for row in rows)
    to_ms = max(row.created_ms for row in rows)
    ident = place(db, info.name).base + info.highest
    last = db.execute("SELECT kind, body FROM outbox_row WHERE id = ?", (ident,)).fetchone()
    if last is None or last[0] != GAP or info.highest - info.acked <= _MAY_FLY:
        gap = Row(GAP, from_ms, gap_body(from_ms, to_ms, samples, "quota"), samples)
        insert(db, info, [packed(gap)])
        return given_up
    before = GapBody.model_validate_json(unpack(last[1]))
    body = gap_body(
        min(before.from_ms, from_ms), max(before.to_ms, to_ms), before.rows + samples, "quota"
    )
    db.execute(
        "UPDATE outbox_row SET body = ?, rows = rows + ? WHERE id = ?", (body, samples, ident)
    )
    db.execute(
        "UPDATE outbox_lane SET bytes = bytes + ? WHERE name = ?",
        (cost(body) - cost(last[1]), info.name),
    )
    return given_up


def gap_body(from_ms: int, to_ms: int, count: int, reason: str) -> bytes:
    gap = GapBody(from_ms=from_ms, to_ms=to_ms, rows=max(1, count), reason=reason)
    return gap.model_dump_json().encode()
