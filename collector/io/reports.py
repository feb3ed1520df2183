"""Reports written by the clock (plan 3.1 定时分析): each day's, week's and month's analysis.

And of each week at whose end an operator is in trial (试运行): what would have rung had it counted.
Every report is a file of its own, made once, by a process of its own: reading a month's journal
and folding a week's inputs hold the interpreter for long, which a thread of the collector would
take from its turns. A report that is missing after a pause is made then, the last of each kind.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Final, NamedTuple

from collector import replayed
from collector.analysis import analyse
from collector.analysis_sheets import reported
from collector.county import County
from collector.io.journal import analysis_lines, open_readonly
from collector.io.refold import refold
from collector.io.restore import Unusable
from collector.io.segments import Segments, TooEarlyError
from collector.io.store import Store
from collector.period import CST, Period, Word, last, period
from collector.replay import Edit
from collector.trial import text
from collector.workbook import workbook
from config.settings import ReportSettings
from transport.io import log as logs

TRIAL: Final = "trial"
PATIENCE_S: Final = 3600.0
START_S: Final = 60.0
"""Real seconds after a start before anything is looked for: what waits for us comes first."""

LOOK_S: Final = 600.0
"""Real seconds after which it is looked again what is missing, at most."""

WRITTEN: Final = 0
NOTHING: Final = 3
"""Exit codes of the process: it is there now; the journal has nothing of that time."""


_WORDS: Final[Mapping[str, Word]] = {
    "day": "day",
    "week": "week",
    "month": "month",
    TRIAL: "week",
}


class Due(NamedTuple):
    """A report that should be there: an analysis (day, week, month), or the trial's of a week."""

    kind: str
    day: date

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return f"{TRIAL}-{self.day}" if self.kind == TRIAL else f"analysis-{self.kind}-{self.day}"

    @property
    def period(self) -> Period:
        """The stretch of time that it is about. Raises KeyError for a kind that is none of ours."""
        return period(_WORDS[self.kind], self.day)


def due(settings: ReportSettings, now_ms: int, *, trial: bool) -> Iterator[Due]:
    """The last report of each kind whose period is over for ``after_min``, by its first day."""
    ready_ms = now_ms - settings.after_min * 60_000
    for kind in (*settings.periods, *((TRIAL,) if trial and settings.trial else ())):
        over = period(_WORDS[kind], last(_WORDS[kind], ready_ms))
        yield Due(kind, datetime.fromtimestamp(over.from_ms / 1000, CST).date())


class Writer:
    """Has reports written that are due and not there; each is tried once per start."""

    def __init__(self, settings: ReportSettings, database: Path, name: str) -> None:
        """``name`` is the county's on its reports; empty: the plan's title."""
        self.folder = Path(settings.dir) if settings.dir else database.parent / "reports"
        self._settings, self._database, self._name = settings, database, name
        self._tried: set[Due] = set()
        self._log = logs.get("reports")

    async def keep(
        self, now_ms: Callable[[], int], begun_ms: Callable[[], int], trial: Callable[[], bool]
    ) -> None:
        """Write whenever a period is over, until cancelled; ``begun_ms``: when the journal does."""
        await asyncio.sleep(START_S)
        while True:
            await self.write(now_ms(), begun_ms(), trial=trial())
            await asyncio.sleep(LOOK_S)

    async def write(self, now_ms: int, begun_ms: int, *, trial: bool) -> None:
        """All that is due and not there, of periods in which there was a journal."""
        for one in due(self._settings, now_ms, trial=trial):
            if begun_ms >= one.period.to_ms or one in self._tried:
                continue
            if (self.folder / f"{one.name}.json").exists():
                continue
            self._tried.add(one)
            code = await self._made(one, now_ms)
            if code == WRITTEN:
                self._log.info("report written", report=one.name)
            elif code != NOTHING:
                self._log.warning("report not written", report=one.name, code=code)

    async def _made(self, one: Due, now_ms: int) -> int | None:
        words = (str(self._database), str(self.folder), one.kind, str(one.day), str(now_ms))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", __name__, *words, self._name),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
        )
        try:
            return await asyncio.wait_for(process.wait(), PATIENCE_S)
        except TimeoutError:
            return None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


# ── The process ──────────────────────────────────────────────────────────────────────────────────


def main(words: Sequence[str]) -> int:
    """``python -m collector.io.reports DATABASE FOLDER KIND DAY NOW_MS NAME``: an exit code."""
    with contextlib.suppress(OSError):  # a service may be forbidden to
        os.nice(10)
    database, folder, kind, day, now_ms, name = words
    made = Due(kind, date.fromisoformat(day))
    try:
        if kind == TRIAL:
            files = _trial(Path(database), made)
        else:
            files = _analysis(Path(database), made, int(now_ms), name)
        if files is None:
            return NOTHING
        Path(folder).mkdir(parents=True, exist_ok=True)
        for ending, raw in files.items():  # the JSON comes last: it says that all are there
            _put(Path(folder) / f"{made.name}.{ending}", raw)
    except (OSError, sqlite3.Error, Unusable, KeyError) as fault:
        sys.stderr.write(f"{made.name}: {fault}\n")
        return 1
    return WRITTEN


def _put(path: Path, raw: bytes) -> None:
    """The whole file or none."""
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(raw)
    part.replace(path)


def _analysis(database: Path, made: Due, now_ms: int, name: str) -> dict[str, bytes] | None:
    asked = made.period
    with contextlib.closing(open_readonly(database)) as db:
        lines, begun_ms = analysis_lines(db, asked)
        county = Store(db, now_s=lambda: 0).resolve("")
    if begun_ms >= asked.to_ms:
        return None
    report = reported(county, analyse(county, lines, asked, begun_ms, now_ms), name)
    said = json.dumps(report.to_json(), ensure_ascii=False)
    return {"xlsx": workbook(report), "json": said.encode()}


def _trial(database: Path, made: Due) -> dict[str, bytes] | None:
    """The week's inputs as though operators in trial had counted."""
    with contextlib.closing(Segments(database)) as segments:
        span = _retained(segments, made.period)
        if span is None:
            return None
        try:
            restored = segments.world_at(span[0])
        except TooEarlyError:
            return None
        run, equal = refold(segments, Edit(counted=True), restored, span)
    found = replayed.found(run, *span, equal=equal)
    operators = _in_trial(found.counties[0])
    said = {"operators": sorted(operators)} | found.as_json()
    page = text(found, list(operators.values()))
    return {"md": page.encode(), "json": json.dumps(said, ensure_ascii=False).encode()}


def _retained(segments: Segments, asked: Period) -> tuple[int, int] | None:
    known = segments.span()
    begin, end = max(asked.from_ms, known.first_ms), min(asked.to_ms, known.last_ms)
    return (begin, end) if begin < end else None


def _in_trial(county: County) -> dict[str, str]:
    return {one: county.operator_names.get(one, one) for one in sorted(county.trial)}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
