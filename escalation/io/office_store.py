"""``office.db``: what the office client holds: notices, commands, holes.

One owner at a time receives (``escalation.io.bell.Lock``); other processes may read, and append
commands. A notice is stored together with the watermark of its row, in one transaction.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from escalation.inbox import Held
from transport.delivery import Peer, Watermark
from transport.io.outbox import RETIRED, Row, append_in
from transport.io.outbox import SCHEMA as OUTBOX
from transport.io.sqlite import open_db, transaction
from wire.notice import Command, Decision, Notice, Signed

LANE: Final = "command"
_MOST_LOOKED_AT: Final = 500

SCHEMA: Final = """
CREATE TABLE notice (
    no INTEGER PRIMARY KEY,
    number INTEGER NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    late_ms INTEGER NOT NULL,
    reused INTEGER NOT NULL,
    shown INTEGER NOT NULL DEFAULT 0,
    digest BLOB NOT NULL UNIQUE,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    signed BLOB NOT NULL
);
CREATE INDEX notice_number ON notice (number);
CREATE INDEX notice_id ON notice (id);
CREATE INDEX notice_shown ON notice (no) WHERE shown = 0;
CREATE TABLE hole (number INTEGER PRIMARY KEY, noted_ms INTEGER NOT NULL, filled_ms INTEGER);
CREATE TABLE command (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    verb TEXT NOT NULL,
    target TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    outcome TEXT,
    accepted INTEGER,
    notice TEXT
);
CREATE TABLE mark (
    sender TEXT NOT NULL,
    lane TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    token INTEGER NOT NULL,
    PRIMARY KEY (sender, lane)
);
CREATE TABLE setting (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class StoredNotice:
    """A notice as it is kept: what it says, when it came, and its signed form as evidence."""

    no: int
    notice: Notice
    received_ms: int
    late_ms: int
    reused: bool
    signed: Signed


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a command: None while the county has not answered."""

    command: str
    outcome: str | None
    accepted: bool
    notice: str | None


@dataclass(frozen=True, slots=True)
class Came:
    """How and when a notice came."""

    epoch: int
    seq: int
    received_ms: int
    late_ms: int
    reused: bool


class OfficeStore:
    """Reads and writes of ``office.db``; writes happen inside ``with store.writing():``."""

    def __init__(self, path: Path, *, now_s: int) -> None:
        """Open or create. A damaged file is set aside (``set_aside``) and a new one begun."""
        opened = open_db(path, [OUTBOX, SCHEMA, RETIRED], set_damaged_aside=True)
        self.db = opened.db
        self.set_aside = opened.set_aside
        with self.writing():
            self.db.execute(
                "INSERT INTO setting (name, value) VALUES ('epoch', ?) ON CONFLICT DO NOTHING",
                (now_s,),
            )

    def close(self) -> None:
        self.db.close()

    def writing(self) -> AbstractContextManager[sqlite3.Connection]:
        """One transaction, committed at the end of the block."""
        return transaction(self.db)

    @property
    def epoch(self) -> int:
        """The epoch of this store: rises when the file was lost (``wire.frame.Ack.store``)."""
        return int(self._one("SELECT value FROM setting WHERE name = 'epoch'")[0])

    # ── Notices ──────────────────────────────────────────────────────────────────────────────────

    def marks(self) -> dict[Peer, Watermark]:
        rows = self.db.execute("SELECT sender, lane, epoch, seq, token FROM mark").fetchall()
        return {Peer(sender, lane): Watermark(*rest) for sender, lane, *rest in rows}

    def write_mark(self, peer: Peer, mark: Watermark) -> None:
        self.db.execute(
            "INSERT INTO mark VALUES (?, ?, ?, ?, ?) ON CONFLICT (sender, lane) DO UPDATE"
            " SET epoch = excluded.epoch, seq = excluded.seq, token = excluded.token",
            (*peer, *mark),
        )

    def held(self, payload: str) -> Held | None:
        """Where the notice with exactly this payload came from, if it is stored."""
        found = self.db.execute(
            "SELECT epoch, seq FROM notice WHERE digest = ?", (_digest(payload),)
        ).fetchone()
        return Held(*found) if found else None

    def last_number(self) -> int:
        return int(self._one("SELECT coalesce(max(number), 0) FROM notice")[0])

    def last_warning(self) -> str | None:
        """The newest warning of which the last notices speak, by its id."""
        rows = self.db.execute(
            "SELECT signed FROM notice ORDER BY no DESC LIMIT ?", (_MOST_LOOKED_AT,)
        )
        signed = (Signed.model_validate_json(raw) for (raw,) in rows)
        ids = (Notice.model_validate_json(one.payload).warning_id for one in signed)
        return max((ident for ident in ids if ident), default=None)

    def taken(self, number: int) -> bool:
        """Whether some notice has this number."""
        return bool(self._one("SELECT count(*) FROM notice WHERE number = ?", number)[0])

    def holes(self) -> set[int]:
        """Numbers that were skipped and have not come since."""
        rows = self.db.execute("SELECT number FROM hole WHERE filled_ms IS NULL").fetchall()
        return {number for (number,) in rows}

    def add_notice(self, notice: Notice, signed: Signed, came: Came) -> int:
        """Store a verified notice; its row number here."""
        cursor = self.db.execute(
            "INSERT INTO notice (number, id, kind, at_ms, received_ms, late_ms, reused, digest,"
            " epoch, seq, signed) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
            (
                notice.number,
                notice.id,
                notice.notice_kind.value,
                notice.at_ms,
                came.received_ms,
                came.late_ms,
                came.reused,
                _digest(signed.payload),
                came.epoch,
                came.seq,
                signed.model_dump_json().encode(),
            ),
        )
        return int(cursor.lastrowid or 0)

    def add_holes(self, numbers: tuple[int, ...], now_ms: int) -> None:
        self.db.executemany(
            "INSERT INTO hole (number, noted_ms) VALUES (?, ?) ON CONFLICT DO NOTHING",
            [(number, now_ms) for number in numbers],
        )

    def fill_hole(self, number: int, now_ms: int) -> None:
        self.db.execute(
            "UPDATE hole SET filled_ms = ? WHERE number = ? AND filled_ms IS NULL",
            (now_ms, number),
        )

    def mark_shown(self, no: int) -> None:
        with self.writing():
            self.db.execute("UPDATE notice SET shown = 1 WHERE no = ?", (no,))

    def unshown(self) -> list[StoredNotice]:
        """Notices that no watch has shown yet, oldest first."""
        return list(self._notices("shown = 0 ORDER BY no"))

    def latest(self, most: int) -> list[StoredNotice]:
        """The last ``most`` notices, oldest first."""
        return list(self._notices("1 ORDER BY no DESC LIMIT ?", most))[::-1]

    def by_id(self, ident: str) -> list[StoredNotice]:
        """The notices with this id: one, or several when the county reused numbers."""
        return list(self._notices("id = ? ORDER BY no", ident))

    def _notices(self, where: str, *args: object) -> Iterator[StoredNotice]:
        query = f"SELECT no, received_ms, late_ms, reused, signed FROM notice WHERE {where}"  # noqa: S608  no text of others
        for no, received_ms, late_ms, reused, raw in self.db.execute(query, args).fetchall():
            signed = Signed.model_validate_json(raw)
            notice = Notice.model_validate_json(signed.payload)
            yield StoredNotice(no, notice, received_ms, late_ms, bool(reused), signed)

    # ── Commands ─────────────────────────────────────────────────────────────────────────────────

    def add_command(self, command: Command, signed: Signed, *, now_s: int) -> None:
        """Keep a signed command and put it in the outbox, in one transaction."""
        body = signed.model_dump_json().encode()
        with self.writing():
            self.db.execute(
                "INSERT INTO command (id, account, verb, target, at_ms) VALUES (?,?,?,?,?)",
                (command.id, command.account, command.verb, command.target, command.at_ms),
            )
            row = Row(LANE, command.at_ms, body)
            append_in(self.db, LANE, [row], epoch_floor=now_s)

    def decide(self, decision: Decision, notice: str) -> bool:
        """Note the county's answer; True when the command was given here."""
        cursor = self.db.execute(
            "UPDATE command SET outcome = ?, accepted = ?, notice = ? WHERE id = ?",
            (decision.outcome, decision.accepted, notice, decision.command),
        )
        return cursor.rowcount > 0

    def answer(self, command: str) -> Answer | None:
        """What became of a command; None when it is not known here."""
        found = self.db.execute(
            "SELECT outcome, accepted, notice FROM command WHERE id = ?", (command,)
        ).fetchone()
        if found is None:
            return None
        outcome, accepted, notice = found
        return Answer(command, outcome, bool(accepted), notice)

    def _one(self, query: str, *args: object) -> tuple[int, ...]:
        with closing(self.db.execute(query, args)) as cursor:
            found: tuple[int, ...] = cursor.fetchone()
        return found


def _digest(payload: str) -> bytes:
    return hashlib.sha256(payload.encode()).digest()
