"""The retained inputs, read beside the running collector: the World of any moment, and what came.

Read only: nothing here is written anywhere, and no lock is held. A moment is folded from the
snapshot or milestone before it; while the inputs go back to the store's beginning, from there.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from collector.county import County
from collector.io.journal import open_readonly
from collector.io.restore import Restored, Unusable, inputs_after, milestones, restore
from collector.io.store import Store
from collector.model import Input


class Span(NamedTuple):
    """From the first moment that can be had to the last input; domain ms."""

    first_ms: int
    last_ms: int


class TooEarlyError(Exception):
    """There is no World of that moment any more, or not yet; ``span`` is what there is."""

    def __init__(self, span: Span) -> None:
        super().__init__("no World of that moment is retained")
        self.span = span


class Segments:
    """One county's store. Raises FileNotFoundError and sqlite3.Error."""

    def __init__(self, path: Path) -> None:
        self.db: sqlite3.Connection = open_readonly(path)
        self._store = Store(self.db, now_s=lambda: 0)

    def close(self) -> None:
        self.db.close()

    def resolve(self, config_hash: str) -> County:
        """The configuration of that hash, or the newest that can be read. Raises KeyError."""
        return self._store.resolve(config_hash)

    def newest(self) -> County:
        """The configuration that was in force last. Raises KeyError when there is none."""
        row = self.db.execute("SELECT hash FROM config ORDER BY rowid DESC LIMIT 1").fetchone()
        return self.resolve(row[0] if row else "")

    def span(self) -> Span:
        """What is retained."""
        whole = self.db.execute("SELECT n, at_ms FROM input ORDER BY n LIMIT 1").fetchone()
        begun = self.db.execute("SELECT min(at_ms) FROM snapshot").fetchone()[0]
        last = self.db.execute("SELECT at_ms FROM input ORDER BY n DESC LIMIT 1").fetchone()
        moments = [whole[1]] if whole and whole[0] == 1 else []
        moments += [begun] if begun is not None else []
        moments += [at_ms for _, at_ms in milestones(self.db)]
        return Span(min(moments, default=0), last[0] if last else begun or 0)

    def world_at(self, at_ms: int) -> Restored:
        """The World as it was at ``at_ms``. Raises TooEarlyError, and Unusable for a damaged one.

        Between two turns nothing changes, so that it is the one after the last turn by then.
        """
        span = self.span()
        if at_ms < span.first_ms:
            raise TooEarlyError(span)
        try:
            return restore(self.db, self.resolve, until_ms=at_ms)
        except Unusable as fault:
            if at_ms >= span.last_ms:
                raise
            raise TooEarlyError(span) from fault

    def judged_ms(self, at_ms: int) -> int:
        """When the World of that moment was stepped last; the moment itself where nothing was."""
        row = self.db.execute("SELECT max(at_ms) FROM input WHERE at_ms <= ?", (at_ms,)).fetchone()
        return at_ms if row[0] is None else int(row[0])

    def count(self, after: int, until_ms: int) -> int:
        """How many inputs come after the ``after``-th, up to ``until_ms``."""
        statement = "SELECT count(*) FROM input WHERE n > ? AND at_ms <= ?"
        return int(self.db.execute(statement, (after, until_ms)).fetchone()[0])

    def inputs(self, after: int, until_ms: int) -> Iterator[tuple[int, Input]]:
        """Those inputs with their stamps, in order; what nobody can read is left out."""
        for _, at_ms, given in inputs_after(self.db, after):
            if at_ms > until_ms:
                return
            yield at_ms, given

    def notices(self, from_ms: int, until_ms: int) -> list[str]:
        """The ids of the notices that the journal has of that time, in order."""
        rows = self.db.execute(
            "SELECT json_extract(json, '$.id') FROM journal"
            " WHERE kind = 'notice' AND at_ms > ? AND at_ms <= ? ORDER BY n",
            (from_ms, until_ms),
        )
        return [str(row[0]) for row in rows]

    def drafted(self, warning: str) -> int | None:
        """When a warning was last drafted, by the journal; None: there is no such warning."""
        row = self.db.execute(
            "SELECT max(at_ms) FROM journal WHERE kind = 'warning'"
            " AND json_extract(json, '$.id') = ?"
            " AND json_extract(json, '$.event') IN ('draft', 'redraft')",
            (warning,),
        ).fetchone()
        return None if row[0] is None else int(row[0])
