"""The store copied while its collector runs, and put back (FAULTS F21).

A copy is one file, the store as it was at one moment: SQLite's online backup under one read
transaction, so that a busy writer neither waits nor makes it begin again. It is checked before it
gets its name: a file that has the name of a backup is one. Keys and settings are not in it.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collector.io.journal import Entry, journal, last_notice, open_readonly, verify
from transport.io.sqlite import set_aside

PAGES: Final = 1000
"""Pages copied between two words about how far it is."""

RESTORED: Final = "restored"
"""The counter that tells the next start from which copy it goes on: ms of its last turn."""

Progress = Callable[[int, int], None]
"""Pages left, pages in all."""


class BackupFault(Exception):  # noqa: N818  it says what is wrong
    """A copy that cannot be made or used; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Copy:
    """What is in a copy: bytes, journal rows and their head, last notice, when its last turn was.

    ``at_ms`` is domain time; 0 where there never was a turn.
    """

    size: int
    rows: int
    head: str
    notice: int
    at_ms: int


def back_up(database: Path, target: Path, progress: Progress = lambda *_: None) -> Copy:
    """Copy the store ``database`` to the new file ``target``. Raises BackupFault.

    FileNotFoundError when there is no store.
    """
    if target.exists():
        raise BackupFault(f"{target} is there already: name a new file")
    part = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        with closing(open_readonly(database)) as source, closing(sqlite3.connect(part)) as copy:
            os.chmod(part, 0o600)  # noqa: PTH101  before anything is in it
            source.execute("BEGIN")
            source.execute("SELECT 1 FROM journal LIMIT 1").fetchone()
            source.backup(copy, pages=PAGES, progress=lambda _, left, all_: progress(left, all_))
            copy.execute("PRAGMA journal_mode=DELETE")
        found = examine(part)
        _sync(part)
        part.rename(target)
        _sync(target.parent)
    except (OSError, sqlite3.Error) as error:
        if isinstance(error, FileNotFoundError) and error.filename is None:
            raise
        raise BackupFault(f"{target} could not be written: {error}") from error
    finally:
        part.unlink(missing_ok=True)
    return found


def examine(path: Path) -> Copy:
    """What is in a copy, every hash of it checked. Raises BackupFault."""
    try:
        with closing(open_readonly(path)) as db:
            (word,) = db.execute("PRAGMA quick_check(1)").fetchone()
            if word != "ok":
                raise BackupFault(f"{path} is damaged: {word}")
            rows, head, faults = verify(db)
            found = db.execute("SELECT at_ms FROM input ORDER BY n DESC LIMIT 1").fetchone()
            at_ms = found[0] if found else _last_row(db)
            number = last_notice(db)
    except FileNotFoundError as error:
        raise BackupFault(f"there is no file {path}") from error
    except sqlite3.Error as error:
        raise BackupFault(f"{path} is no store of a collector: {error}") from error
    if faults:
        raise BackupFault(f"{path}: {'; '.join(faults[:3])}")
    return Copy(path.stat().st_size, rows, head, number, at_ms)


def _last_row(db: sqlite3.Connection) -> int:
    newest: Entry | None = None
    for newest in journal(db):  # noqa: B007  the last one is wanted
        pass
    return newest.at_ms if newest is not None else 0


def put_back(copy: Path, database: Path) -> tuple[Copy, Path | None]:
    """Make ``copy`` the store; where the one before was moved to. Raises BackupFault.

    The caller holds the lock of the state folder. What is there is never deleted: it is renamed,
    with what belongs to it. The next start knows that it goes on from a copy.
    """
    found = examine(copy)
    part = database.with_name(f"{database.name}.part")
    try:
        database.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copyfile(copy, part)
        os.chmod(part, 0o600)  # noqa: PTH101  as the store itself
        with closing(sqlite3.connect(part, isolation_level=None)) as db:
            db.execute(
                "INSERT INTO outbox_counter (name, value) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (RESTORED, max(1, found.at_ms)),
            )
        _sync(part)
        aside = set_aside(database, "before") if database.exists() else None
        part.rename(database)
        _sync(database.parent)
    except (OSError, sqlite3.Error) as error:
        part.unlink(missing_ok=True)
        raise BackupFault(f"{database} could not be written: {error}") from error
    return found, aside


def origin(db: sqlite3.Connection) -> int:
    """When the copy's last turn was from which this store goes on, domain ms; 0: from none."""
    row = db.execute("SELECT value FROM outbox_counter WHERE name = ?", (RESTORED,)).fetchone()
    return int(row[0]) if row else 0


def settle(db: sqlite3.Connection) -> None:
    """The start after a restoration is committed: the next one is as any other."""
    db.execute("DELETE FROM outbox_counter WHERE name = ?", (RESTORED,))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
