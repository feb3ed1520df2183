"""The World back from its store, whatever version wrote it and whatever became of it since.

Two questions, asked apart. *Integrity*: a snapshot's bytes are those that were written (SHA-256 of
them). *Determinism*: what is read from them has the hash that it had when it was written; a
difference is expected where another version of the software wrote it, and a fault of ours where
this one did. Whatever cannot be used is passed over for an older snapshot and a longer fold, then
for a fold from the first input; what was lost on the way is named in ``Restored.losses``.
"""

from __future__ import annotations

import hashlib
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from collector import world as worlds
from collector.base import World
from collector.county import County
from collector.io.journal import FORGOTTEN, newest
from collector.io.version import software
from collector.model import Input, Poison, Tick, decode_input, decode_row

MOST_BROKEN: Final = 100
"""Inputs that a fold steps over; more of them, or more than tell something, and it is no World."""

MOST_RETRIES: Final = 5
"""Folds begun again because an input could be read and not be applied."""

MOST_NAMED: Final = 5

EVER: Final = 2**62


class Unusable(Exception):  # noqa: N818  it says what the store is
    """No World can be made from what is in the store; the text says why, in a sentence each."""


Resolve = Callable[[str], County]


@dataclass(frozen=True, slots=True)
class Restored:
    """A World, the last input in it, how many were folded after the snapshot.

    ``notes`` are for the log. ``losses`` say what is not as it was: people must hear of it.
    ``version`` wrote the snapshot; empty where there was none to be used.
    """

    world: World
    last_input: int
    replayed: int
    version: str = ""
    notes: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()

    @property
    def as_written(self) -> bool:
        """Nothing of note: by this very version, from its newest snapshot, and sound."""
        return self.version == software() and not self.notes and not self.losses


class _Start(NamedTuple):
    """Where a fold begins: a fresh World for every try, after which input, and what it lacks."""

    tries: Iterator[World]
    after: int
    version: str
    losses: tuple[str, ...] = ()


def restore(db: sqlite3.Connection, resolve: Resolve, *, until_ms: int = EVER) -> Restored:
    """The World as it was at the last turn committed by ``until_ms``. Raises Unusable.

    ``resolve`` may give another configuration where it cannot read the one that is asked for.
    """
    notes: list[str] = []
    for start in _starts(db, resolve, notes, until_ms):
        try:
            return _fold(db, start, resolve, notes, until_ms)
        except Unusable as fault:
            notes.append(str(fault))
    raise Unusable("; ".join(notes) or "the store has no snapshot and no inputs")


def _starts(
    db: sqlite3.Connection, resolve: Resolve, notes: list[str], until_ms: int
) -> Iterator[_Start]:
    """Where a fold may begin, best first; what was passed over goes to ``notes``."""
    differing: list[_Start] = []
    for row in _snapshots(db, until_ms):
        try:
            world, start = _read(row, resolve)
        except Exception as fault:  # noqa: BLE001  whatever is wrong with it, there are others
            notes.append(f"snapshot {row.n} cannot be used: {_said(fault)}")
            continue
        if not start.losses and worlds.state_hash(world) != row.state_hash:
            by = row.version or "an older version"
            notes.append(f"snapshot {row.n}, written by {by}, does not read as it was written")
            if row.version == software():
                differing.append(start)
                continue
        yield start
    genesis = _genesis(db, resolve, until_ms)
    if genesis is not None:
        notes.append("folded from the first input")
        yield genesis
    yield from differing


class _Snapshot(NamedTuple):
    n: int
    at_ms: int
    state_hash: str
    blob: bytes
    version: str
    digest: str


def _snapshots(db: sqlite3.Connection, until_ms: int) -> Iterator[_Snapshot]:
    """Newest first, read one by one. A reader may meet a file from before the last two columns."""
    columns = {row[1] for row in db.execute("PRAGMA table_info(snapshot)")}
    more = "version, digest" if "digest" in columns else "'', ''"
    found = {n: "snapshot" for (n,) in db.execute("SELECT n FROM snapshot")}
    if until_ms < EVER:
        found = {n: "milestone" for n, _ in milestones(db)} | found
    for number, table in sorted(found.items(), reverse=True):
        statement = f"SELECT n, at_ms, state_hash, blob, {more} FROM {table} WHERE n = ?"  # noqa: S608  our own words
        row = _Snapshot(*db.execute(statement, (number,)).fetchone())
        if row.at_ms <= until_ms:
            yield row


def milestones(db: sqlite3.Connection) -> list[tuple[int, int]]:
    """(n, at_ms) of those from which the retained inputs can be folded."""
    if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'milestone'").fetchone() is None:
        return []
    return db.execute(
        "SELECT n, at_ms FROM milestone"
        " WHERE n >= (SELECT coalesce(min(n), 1) - 1 FROM input) ORDER BY n"
    ).fetchall()


def _read(row: _Snapshot, resolve: Resolve) -> tuple[World, _Start]:
    """The World in a snapshot and the start from it. Raises what is wrong with it."""
    if row.digest and hashlib.sha256(row.blob).hexdigest() != row.digest:
        raise ValueError("its bytes are not those that were written")
    raw = zlib.decompress(row.blob)
    first, dropped = worlds.read(raw, resolve, at_ms=row.at_ms)

    def tries() -> Iterator[World]:
        yield first
        while True:
            yield worlds.read(raw, resolve, at_ms=row.at_ms).world

    lost: tuple[str, ...] = ()
    if dropped:
        named = ", ".join(dropped[:MOST_NAMED])
        lost = (f"snapshot {row.n}: {len(dropped)} parts were not understood: {named}",)
    return first, _Start(tries(), row.n, row.version, lost)


def _genesis(db: sqlite3.Connection, resolve: Resolve, until_ms: int) -> _Start | None:
    """A World that has seen nothing, when all inputs since then are still there."""
    first = db.execute("SELECT hash, at_ms FROM config ORDER BY rowid LIMIT 1").fetchone()
    store = db.execute("SELECT value FROM outbox_counter WHERE name = 'store'").fetchone()
    begun = db.execute("SELECT n FROM input ORDER BY n LIMIT 1").fetchone()
    if first is None or store is None or (begun is not None and begun[0] != 1):
        return None
    if newest(db, FORGOTTEN) or first[1] > until_ms:
        return None

    def tries() -> Iterator[World]:
        while True:
            yield worlds.new(resolve(first[0]), store=store[0], now_ms=first[1])

    return _Start(tries(), 0, "")


def _fold(
    db: sqlite3.Connection, start: _Start, resolve: Resolve, notes: list[str], until_ms: int
) -> Restored:
    """Fold what came after ``start``. Raises Unusable when too much of it cannot be used.

    An input that can be read and not be applied may leave half of itself behind: the fold begins
    again without it.
    """
    broken: dict[int, str] = {}
    for _ in range(MOST_RETRIES):
        world, at = next(start.tries), start.after
        lost: list[str] = []
        count = said = 0
        try:
            for n, at_ms, given in inputs_after(db, start.after, lost):
                if at_ms > until_ms:
                    break
                if n in broken:
                    continue
                at = n
                worlds.step(world, at_ms, given, resolve)
                count += 1
                said += not isinstance(given, Tick | Poison)
        except Exception as fault:  # noqa: BLE001  it would end every start from now on
            broken[at] = _said(fault)
            continue
        lost += [f"input {n} cannot be applied: {why}" for n, why in broken.items()]
        last = max(start.after, at if until_ms < EVER else _greatest(db))
        from_nothing = start.after == 0
        if len(lost) > (min(MOST_BROKEN, said) if from_nothing else MOST_BROKEN):
            raise Unusable(f"{len(lost)} inputs after {start.after} cannot be used: {lost[0]}")
        world.receiver.committed()
        return Restored(world, last, count, start.version, tuple(notes), (*start.losses, *lost))
    raise Unusable(f"inputs after {start.after} cannot be applied: {broken}")


def inputs_after(
    db: sqlite3.Connection, after: int, lost: list[str] | None = None
) -> Iterator[tuple[int, int, Input]]:
    """Inputs after the ``after``-th: number, stamp, input. Those that nobody can read are lost.

    A row whose header can be read is stepped over as poison, so that its lane goes on.
    """
    lost = [] if lost is None else lost
    expected = after + 1
    for n, at_ms, kind, blob in db.execute(
        "SELECT n, at_ms, kind, blob FROM input WHERE n > ? ORDER BY n", (after,)
    ):
        if n != expected:
            lost.append(f"inputs {expected} to {n - 1} are missing")
        expected = n + 1
        try:
            given = decode_input(kind, blob)
        except (ValueError, RecursionError) as fault:
            lost.append(f"input {n} ({kind}) cannot be read: {_said(fault)}")
            row = decode_row(blob)
            if row is None:
                continue
            given = Poison(row, "unreadable")
        yield n, at_ms, given


def _greatest(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT coalesce(max(n), 0) FROM input").fetchone()[0])


def _said(fault: Exception) -> str:
    lines = str(fault).splitlines()
    return f"{type(fault).__name__}: {lines[0] if lines else ''}"[:200]
