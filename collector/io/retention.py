"""What is old is given up: inputs in whole anchored segments, said in the journal before it goes.

Journal, notices and configurations stay for ever. The chain stays whole: the hash of a segment is
in its anchor, and a row of the journal says up to which input nothing is left to check.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import orjson

from collector.io.history import History, HistoryDown
from collector.io.journal import FORGOTTEN, journal, newest
from collector.io.store import Store
from config.settings import RetentionSettings
from escalation.effects import Record
from transport.io import log as logs
from transport.io.sqlite import transaction

DAY_MS: Final = 86_400_000
SLICE: Final = 5000
"""Inputs removed in one transaction: the turn behind it waits for that long."""


EVERY_S: Final = 3600.0
PAUSE_S: Final = 0.2
"""Between two slices, so that turns come first."""


async def keep(
    store: Store, history: History, settings: RetentionSettings, now_ms: Callable[[], int]
) -> None:
    """Give up what is older than the settings say, now and every hour, until cancelled."""
    changes = logs.Changes(logs.get("retention"))

    def a_slice() -> bool:
        return forget(store, now_ms() - settings.inputs_days * DAY_MS, now_ms())

    while True:
        for _ in iter(a_slice, False):  # noqa: FBT003  the sentinel of iter
            await asyncio.sleep(PAUSE_S)
        try:
            await history.forget(now_ms() - settings.samples_days * DAY_MS)
            changes.note("history", "up", "samples are looked through again", level="info")
        except HistoryDown as error:
            changes.note("history", "down", "old samples stay for now", error=str(error))
        await asyncio.sleep(EVERY_S)


def forget(store: Store, before_ms: int, now_ms: int) -> bool:
    """Give up a slice of the inputs older than ``before_ms``; whether there is more to do.

    A snapshot that a restoration may need, and everything after it, stays.
    """
    upto = int(newest(store.db, FORGOTTEN).get("upto", 0))
    if _remove(store, upto):
        return True
    older = _whole_segments(store, upto, before_ms)
    if older <= upto:
        return False
    said = Record(FORGOTTEN, {"upto": older, "before_ms": before_ms})
    with transaction(store.db):
        store.note(now_ms, [said])
    return True


def _remove(store: Store, upto: int) -> bool:
    """Remove a slice up to ``upto``, which the journal has given up; whether there was any."""
    first = store.db.execute("SELECT n FROM input ORDER BY n LIMIT 1").fetchone()
    if first is None or first[0] > upto:
        return False
    with transaction(store.db):
        store.db.execute("DELETE FROM milestone WHERE n < ?", (upto,))
        store.db.execute("DELETE FROM input WHERE n <= ?", (min(upto, first[0] + SLICE - 1),))
    return True


def _whole_segments(store: Store, after: int, before_ms: int) -> int:
    """The last input of the last anchored segment that is wholly older and needed by nobody."""
    (kept,) = store.db.execute("SELECT coalesce(min(n), 0) FROM snapshot").fetchone()
    found = after
    for entry in journal(store.db):
        if entry.at_ms >= before_ms:
            break
        if entry.kind == "snapshot":
            upto = int(orjson.loads(entry.json).get("upto", 0))
            found = max(found, upto) if upto <= kept else found
    return found
