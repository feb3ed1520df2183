"""One way to open a SQLite file, for every room that has one.

WAL and ``synchronous=FULL``: of 1000 simulated power cuts NORMAL lost acknowledged commits in
522, FULL in none (FAULTS "Facts measured"). ``user_version`` counts the migrations that ran.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PAGE_BYTES: Final = 4096
_WAL_BYTES: Final = 16 * 1024 * 1024


class StoreTooNew(Exception):  # noqa: N818  it says what the file is
    """The file was written by a newer version of this program."""


class StoreDamaged(Exception):  # noqa: N818  it says what the file is
    """The file is no sound SQLite database."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An open database; ``set_aside`` is where a damaged predecessor was moved to."""

    db: sqlite3.Connection
    set_aside: Path | None = None
    created: bool = False


def open_db(
    path: Path,
    migrations: Sequence[str],
    *,
    max_bytes: int | None = None,
    set_damaged_aside: bool = False,
    check: bool = True,
    additive: bool = False,
) -> Opened:
    """Open ``path`` (created when missing, mode 0600) and run the migrations not yet run.

    ``migrations`` are SQL scripts, oldest first; never change one that was shipped, add one.
    ``max_bytes`` limits the file (``max_page_count``), so that on a full disk deletes still
    work. With ``set_damaged_aside`` a damaged file is renamed ``NAME.damaged-STAMP`` and a new
    one begun; otherwise StoreDamaged is raised. Raises StoreTooNew.

    The connection is in autocommit mode: write inside ``transaction(db)``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    created = not path.exists()
    steps = _Steps(migrations, additive=additive)
    try:
        return Opened(_open(path, steps, max_bytes, check=check), created=created)
    except sqlite3.DatabaseError as error:
        if not _damaged(error):
            raise
        if not set_damaged_aside:
            raise StoreDamaged(f"{path} is damaged: {error}") from error
    aside = set_aside(path, "damaged")
    return Opened(_open(path, steps, max_bytes, check=check), set_aside=aside, created=True)


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """One transaction: committed at the end of the block, rolled back when it raises.

    ``BEGIN IMMEDIATE`` takes the write lock at once, so a transaction never fails half way for
    another writer.
    """
    db.execute("BEGIN IMMEDIATE")
    try:
        yield db
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    try:
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def is_full(error: sqlite3.Error) -> bool:
    """Whether ``error`` says that the file or the disk is full."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL


def _damaged(error: sqlite3.DatabaseError) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


@dataclass(frozen=True, slots=True)
class _Steps:
    """The migrations of a file, and whether they only add."""

    scripts: Sequence[str]
    additive: bool


def _open(path: Path, steps: _Steps, max_bytes: int | None, *, check: bool) -> sqlite3.Connection:
    path.touch(mode=0o600)
    db = sqlite3.connect(path, isolation_level=None, timeout=10.0, check_same_thread=False)
    try:
        _prepare(db, max_bytes)
        if check:
            _check(db)
        _migrate(db, steps, path)
    except BaseException:
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection, max_bytes: int | None) -> None:
    db.execute(f"PRAGMA page_size={PAGE_BYTES}")
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("PRAGMA foreign_keys=ON")
    db.execute(f"PRAGMA journal_size_limit={_WAL_BYTES}")
    if max_bytes is not None:
        db.execute(f"PRAGMA max_page_count={max(1, max_bytes // PAGE_BYTES)}")


def _check(db: sqlite3.Connection) -> None:
    """Raise DatabaseError with SQLITE_CORRUPT when the file is not sound."""
    with closing(db.execute("PRAGMA quick_check(1)")) as cursor:
        found = cursor.fetchone()[0]
    if found != "ok":
        error = sqlite3.DatabaseError(found)
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error


def _migrate(db: sqlite3.Connection, steps: _Steps, path: Path) -> None:
    migrations = steps.scripts
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > len(migrations) and not steps.additive:
        raise StoreTooNew(
            f"{path} has version {version}, this program knows {len(migrations)}: "
            "it was written by a newer wanglou"
        )
    for number, script in enumerate(migrations[version:], start=version + 1):
        with transaction(db):
            for statement in _statements(script):
                db.execute(statement)
            db.execute(f"PRAGMA user_version={number}")


def _statements(script: str) -> Iterator[str]:
    """The statements of a script; ``executescript`` would commit our transaction."""
    part = ""
    for piece in script.split(";"):
        part += piece + ";"
        if sqlite3.complete_statement(part):
            yield part
            part = ""
    if part.strip("; \n"):
        yield part


def set_aside(path: Path, why: str) -> Path:
    """Rename a database ``NAME.WHY-STAMP`` with its journal; where it is now.

    The WAL goes first so that none is replayed.
    """
    aside = path.with_name(f"{path.name}.{why}-{time.time_ns() // 1_000_000}")
    for suffix in ("-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    path.rename(aside)
    return aside
