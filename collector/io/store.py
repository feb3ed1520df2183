"""``county.db``: inputs, decision journal, outbox, snapshots and every configuration in force.

One transaction per turn holds the turn's inputs, the journal rows and the notices that follow
from them; only after it is committed is anything acknowledged or sent. What the disk refuses is
raised, and the process ends (FAULTS F11). A restart loads the latest snapshot and folds the later
inputs again (``collector.io.restore``), without effects: those are in the journal and the outbox.

Journal rows are chained by SHA-256 (FAULTS S7), and each snapshot's row anchors the inputs before
it.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import orjson
from pydantic import TypeAdapter

from collector import world as worlds
from collector.base import World
from collector.county import Bundle, County
from collector.fitting import fitting
from collector.io.journal import (
    GENESIS,
    Entry,
    anchored,
    chained,
    journal,
    last_notice,
    open_readonly,
    verify,
)
from collector.io.pictures import Draft, Picture, develop
from collector.io.restore import Restored, restore
from collector.io.version import software
from collector.mend import mended
from collector.model import Input, encode_input
from escalation.effects import Effect, EmitNotice, Record
from transport.io import outbox
from transport.io.outbox import LaneInfo, Outbox, Row, Stored, append_in, raise_counter
from transport.io.sqlite import open_db, transaction
from wire.notice import Notice, Signed

INPUTS: Final = """
CREATE TABLE input (
    n INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    blob BLOB NOT NULL
);
"""

SNAPSHOTS: Final = """
CREATE TABLE snapshot (
    n INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    state_hash TEXT NOT NULL,
    blob BLOB NOT NULL
);
"""

SCHEMA: Final = f"""
CREATE TABLE config (
    hash TEXT PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    json BLOB NOT NULL
);
{INPUTS}CREATE TABLE journal (
    n INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    json TEXT NOT NULL,
    prev TEXT NOT NULL,
    hash TEXT NOT NULL
);
{SNAPSHOTS}CREATE TABLE sample_mark (
    agent TEXT PRIMARY KEY,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    token INTEGER NOT NULL
);
"""

SOUND: Final = """
ALTER TABLE snapshot ADD COLUMN version TEXT NOT NULL DEFAULT '';
ALTER TABLE snapshot ADD COLUMN digest TEXT NOT NULL DEFAULT '';
"""
"""What wrote a snapshot, and the SHA-256 of its blob."""

MILESTONES: Final = """
CREATE TABLE milestone (
    n INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    state_hash TEXT NOT NULL,
    blob BLOB NOT NULL,
    version TEXT NOT NULL,
    digest TEXT NOT NULL
);
"""
"""A snapshot a day, a week later on, from which the past is folded; no restart needs one."""

NOTICE_LANE: Final = "notice"
KEPT_SNAPSHOTS: Final = 3
DAY_MS: Final = 86_400_000
DAILY_DAYS: Final = 14
"""So long there is a milestone for every day."""

__all__ = ["Entry", "OfficeOutbox", "Store", "journal", "lane_of", "open_readonly", "verify"]

_BUNDLE: Final = TypeAdapter(Bundle)


Sign = Callable[[Notice], Signed]


class Store:
    """One process writes it. All methods are synchronous."""

    def __init__(
        self,
        db: sqlite3.Connection,
        *,
        now_s: Callable[[], int],
        set_aside: Path | None = None,
    ) -> None:
        self.db = db
        self.now_s = now_s
        self.set_aside = set_aside
        self._counties: dict[str, County] = {}
        self.last_snapshot = _greatest(db, "snapshot")
        self.last_input = max(_greatest(db, "input"), self.last_snapshot, anchored(db))
        found = db.execute("SELECT at_ms FROM input ORDER BY n DESC LIMIT 1").fetchone()
        self.last_ms: int = found[0] if found else 0
        head = db.execute("SELECT n, hash FROM journal ORDER BY n DESC LIMIT 1").fetchone()
        self.journal_n: int = head[0] if head else 0
        self.journal_head: str = head[1] if head else GENESIS

    @classmethod
    def open(cls, path: Path, *, now_s: Callable[[], int]) -> Store:
        """Open ``county.db``. A file that is no sound database is ``set_aside``, a new one begun.

        Migrations only add, so that an older program goes on with a newer file (FAULTS F23).
        """
        steps = [outbox.SCHEMA, SCHEMA, SOUND, outbox.RETIRED, MILESTONES]
        opened = open_db(path, steps, set_damaged_aside=True, additive=True)
        return cls(opened.db, now_s=now_s, set_aside=opened.set_aside)

    def close(self) -> None:
        self.db.close()

    @property
    def empty(self) -> bool:
        return not (self.last_input or _rows(self.db, "snapshot"))

    @property
    def last_notice(self) -> int:
        """The number of the last notice, by the journal."""
        return last_notice(self.db)

    def counter(self, name: str) -> int:
        """The next value of a counter on disk: ``session``, and ``store`` at the creation."""
        with transaction(self.db):
            return raise_counter(self.db, name, floor=self.now_s())

    def keep(self, county: County, now_ms: int) -> None:
        """Keep a configuration under its hash, for replays (FAULTS F23)."""
        self._counties[county.hash] = county
        with transaction(self.db):
            self.db.execute(
                "INSERT INTO config (hash, at_ms, json) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (county.hash, now_ms, zlib.compress(county.raw)),
            )

    def resolve(self, config_hash: str) -> County:
        """The configuration of that hash; where nobody can read it, the newest that one can.

        Raises KeyError when there is none. Its hash is the one under which it was kept, though
        another version might give it another one.
        """
        known = self._counties.get(config_hash) or self._kept(config_hash)
        if known is not None:
            return known
        hashes = [row[0] for row in self.db.execute("SELECT hash FROM config ORDER BY rowid DESC")]
        for other in (*reversed(self._counties), *hashes):
            stand_in = self._counties.get(other) or self._kept(other)
            if stand_in is not None:
                return stand_in
        raise KeyError(config_hash)

    def _kept(self, config_hash: str) -> County | None:
        row = self.db.execute("SELECT json FROM config WHERE hash = ?", (config_hash,)).fetchone()
        if row is None:
            return None
        try:
            bundle, _ = mended(_BUNDLE, zlib.decompress(row[0]))
            found = County(bundle)
        except (ValueError, LookupError, zlib.error):
            return None
        found.hash = config_hash
        self._counties[config_hash] = found
        return found

    def commit(
        self, now_ms: int, inputs: Sequence[Input], effects: Iterable[Effect], sign: Sign
    ) -> int:
        """Write one turn; how many notices it has. Raises sqlite3.Error, then nothing is on disk.

        ``inputs`` in the order in which they were applied, the Tick last.
        """
        rows = [encode_input(given) for given in inputs]
        notices: dict[str, list[Row]] = {}
        records: list[Record] = []
        for effect in effects:
            match effect:
                case EmitNotice(notice):
                    body = sign(fitting(notice)).model_dump_json().encode()
                    row = Row(NOTICE_LANE, now_ms, body)
                    notices.setdefault(notice.recipient, []).append(row)
                case Record():
                    records.append(effect)
        first = self.last_input + 1
        with transaction(self.db):
            self.db.executemany(
                "INSERT INTO input (n, at_ms, kind, blob) VALUES (?, ?, ?, ?)",
                [(n, now_ms, kind.value, blob) for n, (kind, blob) in enumerate(rows, first)],
            )
            journal = self._journal(now_ms, records)
            for office, waiting in notices.items():
                append_in(self.db, lane_of(office), waiting, epoch_floor=self.now_s())
        self.last_input += len(rows)
        self.last_ms = now_ms
        self.journal_n, self.journal_head = journal
        return sum(map(len, notices.values()))

    def note(self, now_ms: int, records: Iterable[Record]) -> None:
        """Append rows to the journal, inside the caller's transaction."""
        self.journal_n, self.journal_head = self._journal(now_ms, records)

    def _journal(self, now_ms: int, records: Iterable[Record]) -> tuple[int, str]:
        """Append to the chain inside a transaction; its new end."""
        n, head = self.journal_n, self.journal_head
        rows = []
        for record in records:
            text = orjson.dumps(record.data, option=orjson.OPT_SORT_KEYS).decode()
            entry = chained(n + 1, now_ms, record.kind, text, head)
            rows.append(entry)
            n, head = entry.n, entry.hash
        self.db.executemany(
            "INSERT INTO journal (n, at_ms, kind, json, prev, hash) VALUES (?, ?, ?, ?, ?, ?)", rows
        )
        return n, head

    def snapshot(self, world: World, now_ms: int) -> None:
        """Keep the World as it is after the last input; the journal anchors the inputs before."""
        draft = self.draft(world)
        self.keep_picture(draft, develop(self.db, draft), now_ms)

    def draft(self, world: World) -> Draft:
        """The World as it is after the last input, for a picture that is made ready elsewhere."""
        return self.mark()._replace(raw=worlds.dump(world))

    def mark(self) -> Draft:
        """Where a picture of the World as it is now stands, without its octets."""
        return Draft(b"", self.last_snapshot, self.last_input)

    def keep_picture(self, draft: Draft, picture: Picture, now_ms: int) -> None:
        """Write a picture; later inputs may have been committed since it was taken."""
        anchor = Record(
            "snapshot",
            {
                "after": draft.after,
                "upto": draft.upto,
                "inputs": picture.inputs,
                "state": picture.state_hash,
                "version": software(),
            },
        )
        with transaction(self.db):
            self.db.execute(
                "INSERT OR REPLACE INTO snapshot (n, at_ms, state_hash, blob, version, digest)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (draft.upto, now_ms, picture.state_hash, picture.blob, software(), picture.digest),
            )
            self.db.execute(
                "DELETE FROM snapshot WHERE n NOT IN"
                " (SELECT n FROM snapshot ORDER BY n DESC LIMIT ?)",
                (KEPT_SNAPSHOTS,),
            )
            self._milestone(draft.upto, now_ms)
            journal = self._journal(now_ms, [anchor])
        self.journal_n, self.journal_head = journal
        self.last_snapshot = draft.upto

    def _milestone(self, upto: int, now_ms: int) -> None:
        """Keep the first snapshot of a day; of days that are long over the first of a week."""
        last = self.db.execute("SELECT coalesce(max(at_ms), 0) FROM milestone").fetchone()[0]
        if now_ms - last < DAY_MS:
            return
        self.db.execute(
            "INSERT INTO milestone (n, at_ms, state_hash, blob, version, digest)"
            " SELECT n, at_ms, state_hash, blob, version, digest FROM snapshot WHERE n = ?",
            (upto,),
        )
        self.db.execute(
            "DELETE FROM milestone WHERE at_ms < ? AND n NOT IN"
            " (SELECT min(n) FROM milestone GROUP BY at_ms / ?)",
            (now_ms - DAILY_DAYS * DAY_MS, 7 * DAY_MS),
        )

    def restore(self) -> Restored:
        """The World as it was at the last committed turn. Raises Unusable."""
        return restore(self.db, self.resolve)

    def begin_anew(self) -> str:
        """Put aside what no World can be made from; the name under which it is kept.

        Journal, outbox and configurations stay and go on: they are sound. Inputs are numbered on,
        so that the journal's anchors stay clear; those up to here are not checked any more.
        """
        name = f"aside_{self.last_input}_{self.now_s()}"
        with transaction(self.db):
            for table in ("input", "snapshot"):
                self.db.execute(f"ALTER TABLE {table} RENAME TO {table}_{name}")
            for statement in f"{INPUTS}{SNAPSHOTS}{SOUND}".split(";")[:-1]:
                self.db.execute(statement)
            self.db.execute("DELETE FROM milestone")
        self.last_snapshot = self.last_input
        return name

    def sample_marks(self) -> dict[str, tuple[int, int, int]]:
        """How far each agent's samples are in the history: (epoch, seq, token)."""
        rows = self.db.execute("SELECT agent, epoch, seq, token FROM sample_mark")
        return {agent: (epoch, seq, token) for agent, epoch, seq, token in rows}

    def mark_samples(self, marks: dict[str, tuple[int, int, int]]) -> None:
        """The samples up to these rows are committed in the history."""
        with transaction(self.db):
            self.db.executemany(
                "INSERT OR REPLACE INTO sample_mark (agent, epoch, seq, token) VALUES (?, ?, ?, ?)",
                [(agent, *mark) for agent, mark in marks.items()],
            )


def lane_of(office: str) -> str:
    """The outbox lane of an office; on the wire every one of them is ``notice``."""
    return f"{NOTICE_LANE}.{office}"


class OfficeOutbox(Outbox):
    """The store's outbox as one office's courier sees it: one lane, ``notice``."""

    def __init__(self, store: Store, office: str) -> None:
        super().__init__(store.db, now_s=store.now_s)
        self._inside = lane_of(office)

    def lane(self, name: str, *, above: int = 0) -> LaneInfo:  # noqa: ARG002  there is only one
        return super().lane(self._inside, above=above)

    def rows(self, lane: str, first: int, *, most: int, size: int) -> list[Stored]:  # noqa: ARG002
        return super().rows(self._inside, first, most=most, size=size)

    def token(self, lane: str, seq: int) -> int | None:  # noqa: ARG002  there is only one
        return super().token(self._inside, seq)

    def acknowledge(self, lane: str, up_to: int, *, store: int) -> None:  # noqa: ARG002
        super().acknowledge(self._inside, up_to, store=store)

    def renumber(self, lane: str, *, above: int, store: int) -> LaneInfo:  # noqa: ARG002
        return super().renumber(self._inside, above=above, store=store)


def _greatest(db: sqlite3.Connection, table: str) -> int:
    statement = f"SELECT coalesce(max(n), 0) FROM {table}"  # noqa: S608  our own two names
    return int(db.execute(statement).fetchone()[0])


def _rows(db: sqlite3.Connection, table: str) -> bool:
    statement = f"SELECT 1 FROM {table} LIMIT 1"  # noqa: S608  our own two names
    return db.execute(statement).fetchone() is not None
