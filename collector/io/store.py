"""``county.db``: inputs, decision journal, outbox, snapshots and every configuration in force.

One transaction per turn holds the turn's inputs, the journal rows and the notices that follow
from them; only after it is committed is anything acknowledged or sent. What the disk refuses is
raised, and the process ends (FAULTS F11). A restart loads the latest snapshot and folds the later
inputs again, without effects: those are already in the journal and the outbox.

Journal rows are chained by SHA-256 (FAULTS S7), and each snapshot's row anchors the inputs before
it.
"""

from __future__ import annotations

import hashlib
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from collector import world as worlds
from collector.base import World
from collector.county import Bundle, County
from collector.fitting import fitting
from collector.model import Input, decode_input, encode_input
from escalation.effects import Effect, EmitNotice, Record
from transport.io import outbox
from transport.io.outbox import LaneInfo, Outbox, Row, Stored, append_in, raise_counter
from transport.io.sqlite import open_db, transaction
from wire.notice import Notice, Signed

SCHEMA: Final = """
CREATE TABLE config (
    hash TEXT PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    json BLOB NOT NULL
);
CREATE TABLE input (
    n INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    blob BLOB NOT NULL
);
CREATE TABLE journal (
    n INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    json TEXT NOT NULL,
    prev TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE TABLE snapshot (
    n INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    state_hash TEXT NOT NULL,
    blob BLOB NOT NULL
);
CREATE TABLE sample_mark (
    agent TEXT PRIMARY KEY,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    token INTEGER NOT NULL
);
"""

GENESIS: Final = "0" * 64
NOTICE_LANE: Final = "notice"
KEPT_SNAPSHOTS: Final = 3


class Entry(NamedTuple):
    """A row of the decision journal."""

    n: int
    at_ms: int
    kind: str
    json: str
    prev: str
    hash: str


@dataclass(frozen=True, slots=True)
class Restored:
    """A World from the store, the last input in it, and how many were folded after the snapshot."""

    world: World
    last_input: int
    replayed: int


Sign = Callable[[Notice], Signed]


class Store:
    """One process writes it. All methods are synchronous."""

    def __init__(self, db: sqlite3.Connection, *, now_s: Callable[[], int]) -> None:
        self.db = db
        self.now_s = now_s
        self._counties: dict[str, County] = {}
        self.last_input = _greatest(db, "input")
        self.last_snapshot = _greatest(db, "snapshot")
        found = db.execute("SELECT at_ms FROM input ORDER BY n DESC LIMIT 1").fetchone()
        self.last_ms: int = found[0] if found else 0
        head = db.execute("SELECT n, hash FROM journal ORDER BY n DESC LIMIT 1").fetchone()
        self.journal_n: int = head[0] if head else 0
        self.journal_head: str = head[1] if head else GENESIS

    @classmethod
    def open(cls, path: Path, *, now_s: Callable[[], int]) -> Store:
        """Open ``county.db``. Raises StoreDamaged, StoreTooNew (``transport.io.sqlite``)."""
        return cls(open_db(path, [outbox.SCHEMA, SCHEMA]).db, now_s=now_s)

    def close(self) -> None:
        self.db.close()

    @property
    def empty(self) -> bool:
        return self.db.execute("SELECT 1 FROM snapshot LIMIT 1").fetchone() is None

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
        """The configuration of that hash. Raises KeyError when it was never kept."""
        known = self._counties.get(config_hash)
        if known is None:
            row = self.db.execute(
                "SELECT json FROM config WHERE hash = ?", (config_hash,)
            ).fetchone()
            if row is None:
                raise KeyError(config_hash)
            known = County(Bundle.model_validate_json(zlib.decompress(row[0])))
            self._counties[config_hash] = known
        return known

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

    def _journal(self, now_ms: int, records: Iterable[Record]) -> tuple[int, str]:
        """Append to the chain inside a transaction; its new end."""
        n, head = self.journal_n, self.journal_head
        rows = []
        for record in records:
            text = orjson.dumps(record.data, option=orjson.OPT_SORT_KEYS).decode()
            entry = chained(n + 1, now_ms, record.kind, text, head)
            rows.append(entry)
            n, head = entry.n, entry.hash
        self.db.executemany("INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?)", rows)
        return n, head

    def snapshot(self, world: World, now_ms: int) -> None:
        """Keep the World as it is after the last input; the journal anchors the inputs before."""
        state_hash = worlds.state_hash(world)
        blob = zlib.compress(worlds.dump(world), 1)
        anchor = Record(
            "snapshot",
            {
                "after": self.last_snapshot,
                "upto": self.last_input,
                "inputs": inputs_hash(self.db, self.last_snapshot, self.last_input),
                "state": state_hash,
            },
        )
        with transaction(self.db):
            self.db.execute(
                "INSERT OR REPLACE INTO snapshot VALUES (?, ?, ?, ?)",
                (self.last_input, now_ms, state_hash, blob),
            )
            self.db.execute(
                "DELETE FROM snapshot WHERE n NOT IN"
                " (SELECT n FROM snapshot ORDER BY n DESC LIMIT ?)",
                (KEPT_SNAPSHOTS,),
            )
            journal = self._journal(now_ms, [anchor])
        self.journal_n, self.journal_head = journal
        self.last_snapshot = self.last_input

    def restore(self) -> Restored:
        """The World as it was at the last committed turn. Raises ValueError without a snapshot."""
        return restore(self.db, self.resolve)

    def sample_marks(self) -> dict[str, tuple[int, int, int]]:
        """How far each agent's samples are in the history: (epoch, seq, token)."""
        rows = self.db.execute("SELECT agent, epoch, seq, token FROM sample_mark")
        return {agent: (epoch, seq, token) for agent, epoch, seq, token in rows}

    def mark_samples(self, marks: dict[str, tuple[int, int, int]]) -> None:
        """The samples up to these rows are committed in the history."""
        with transaction(self.db):
            self.db.executemany(
                "INSERT OR REPLACE INTO sample_mark VALUES (?, ?, ?, ?)",
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

    def lane(self, name: str) -> LaneInfo:  # noqa: ARG002  there is only one
        return super().lane(self._inside)

    def rows(self, lane: str, first: int, *, most: int, size: int) -> list[Stored]:  # noqa: ARG002
        return super().rows(self._inside, first, most=most, size=size)

    def token(self, lane: str, seq: int) -> int | None:  # noqa: ARG002  there is only one
        return super().token(self._inside, seq)

    def acknowledge(self, lane: str, up_to: int, *, store: int) -> None:  # noqa: ARG002
        super().acknowledge(self._inside, up_to, store=store)

    def renumber(self, lane: str, *, above: int, store: int) -> LaneInfo:  # noqa: ARG002
        return super().renumber(self._inside, above=above, store=store)


def restore(db: sqlite3.Connection, resolve: Callable[[str], County]) -> Restored:
    """Latest sound snapshot and the fold of what came after it."""
    rows = db.execute("SELECT n, state_hash, blob FROM snapshot ORDER BY n DESC").fetchall()
    for n, state_hash, blob in rows:
        world = worlds.load(zlib.decompress(blob), resolve)
        if worlds.state_hash(world) != state_hash:
            continue  # an older one and a longer fold give the same World
        replayed = 0
        for at_ms, given in inputs_after(db, n):
            worlds.step(world, at_ms, given, resolve)
            replayed += 1
        world.receiver.committed()
        return Restored(world, n + replayed, replayed)
    raise ValueError("the store has no sound snapshot")


def inputs_after(db: sqlite3.Connection, n: int) -> Iterator[tuple[int, Input]]:
    """The inputs after the ``n``-th with their stamps, in order."""
    for at_ms, kind, blob in db.execute(
        "SELECT at_ms, kind, blob FROM input WHERE n > ? ORDER BY n", (n,)
    ):
        yield at_ms, decode_input(kind, blob)


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
    for entry in journal(db):
        n += 1
        if entry.n != n:
            faults.append(f"row {n} is missing: the next one is {entry.n}")
            n = entry.n
        if entry.prev != prev or chained(*entry[:4], entry.prev) != entry:
            faults.append(f"row {entry.n} ({entry.kind}) was changed, or one before it removed")
        prev = entry.hash
        if entry.kind == "snapshot":
            faults += _anchor_faults(db, entry)
    return n, prev, faults


def _anchor_faults(db: sqlite3.Connection, entry: Entry) -> list[str]:
    data: dict[str, Any] = orjson.loads(entry.json)
    if inputs_hash(db, data["after"], data["upto"]) == data["inputs"]:
        return []
    return [f"inputs {data['after'] + 1} to {data['upto']} are not those of row {entry.n}"]


def open_readonly(path: Path) -> sqlite3.Connection:
    """A reader beside the running collector. Raises FileNotFoundError."""
    if not path.exists():
        raise FileNotFoundError(path)
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None, timeout=10)


def _greatest(db: sqlite3.Connection, table: str) -> int:
    statement = f"SELECT coalesce(max(n), 0) FROM {table}"  # noqa: S608  our own two names
    return int(db.execute(statement).fetchone()[0])
