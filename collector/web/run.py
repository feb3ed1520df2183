"""The pages as a task of the collector: begun from the journal's tail, served until cancelled."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Any, Final

from collector.web.server import serving
from collector.web.source import Source
from config.settings import WebSettings

AGAIN_S: Final = 30.0
"""Real seconds after which an address that could not be bound is tried again."""

TAIL: Final = 5000
"""Rows of the journal that the pages begin with."""


async def pages(source: Source, settings: WebSettings, log: Any) -> None:
    """Serve until cancelled."""
    said = ""
    while True:
        try:
            async with serving(source, settings) as url:
                log.info("pages", url=url)
                await asyncio.Event().wait()
        except OSError as error:
            if str(error) != said:
                said = str(error)
                log.warning("pages cannot be served", error=said)
            await asyncio.sleep(AGAIN_S)


def tail(journal: sqlite3.Connection) -> list[tuple[int, str, str]]:
    """The newest rows that the pages show something of, in order."""
    rows = journal.execute(
        "SELECT at_ms, kind, json FROM journal"
        " WHERE kind IN ('notice', 'warning', 'command', 'alarm') ORDER BY n DESC LIMIT ?",
        (TAIL,),
    ).fetchall()
    return rows[::-1]
