"""``python -m tests.sim.chaos``: many seeds on all cores, long runs, and every planted mutant."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from tests.sim.mutants import MUTANTS, caught
from tests.sim.run import HOURS_3, Result, simulate

DAY_S = 86_400.0


def _seed(seed: int, seconds: float) -> Result:
    return simulate(seed, seconds=seconds)


class Chaos:
    """One campaign: a pool, a bar, and what failed."""

    def __init__(self, console: Console, pool: ProcessPoolExecutor, until: float) -> None:
        self._console = console
        self._pool = pool
        self._until = until
        self.failed = 0
        self.ran: dict[str, int] = {}
        self.counts: Counter[str] = Counter()

    def seeds(self, title: str, seeds: range, seconds: float) -> None:
        """Run them all, or as many as there is time for; a failure is printed at once.

        With it the command that repeats it.
        """
        self.ran[title] = 0
        hours = seconds / 3600
        jobs = {self._pool.submit(_seed, seed, seconds): str(seed) for seed in seeds}

        def judge(_: str, result: Result) -> None:
            self.ran[title] += 1
            self.counts += result.counts
            if time.monotonic() > self._until:
                for job in jobs:
                    job.cancel()
            if result.violation:
                self.failed += 1
                self._console.print(
                    f"seed {result.seed} at {result.at_s:.0f} s: {result.violation}\n"
                    f"  again: .venv/bin/python -m tests.sim {result.seed} "
                    f"--hours {hours:g} --trace",
                    markup=False,
                )

        self._bar(title, jobs, judge)

    def mutants(self) -> None:
        """Each mutant until a seed catches it, then the table of who caught whom."""
        jobs = {self._pool.submit(caught, name): name for name in MUTANTS}
        table = Table("mutant", "seed", "virtual s", "caught by")

        def judge(name: str, result: Result | None) -> None:
            self.failed += result is None
            if result is None:
                table.add_row(name, "-", "-", "[bold red]not caught")
            else:
                said = result.violation.splitlines()[-1][:100]
                table.add_row(name, str(result.seed), f"{result.at_s:.0f}", said)

        self._bar("mutants", jobs, judge)
        self._console.print(table)

    def _bar(self, title: str, jobs: Mapping[Future[Any], str], judge: Callable[..., None]) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console) as progress:
            task = progress.add_task(title, total=len(jobs))
            for job in as_completed(jobs):
                if not job.cancelled():
                    judge(jobs[job], job.result())
                    progress.advance(task)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sim.chaos")
    parser.add_argument("--seeds", type=int, default=2000, help="runs of three hours")
    parser.add_argument("--days", type=int, default=4, help="runs of 24 hours")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--no-mutants", action="store_true")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes at once")
    parser.add_argument("--minutes", type=float, default=1e6, help="begin no run after so many")
    given = parser.parse_args()
    console = Console()
    until = time.monotonic() + 60 * given.minutes
    with ProcessPoolExecutor(given.jobs, mp_context=get_context("fork")) as pool:
        chaos = Chaos(console, pool, until)
        if not given.no_mutants:
            chaos.mutants()
        first = given.first
        chaos.seeds("3 h", range(first, first + given.seeds), HOURS_3)
        chaos.seeds("24 h", range(first, first + given.days), DAY_S)
    ran = ", ".join(f"{count} of {title}" for title, count in chaos.ran.items())
    console.print(f"{ran}: {f'{chaos.failed} failed' if chaos.failed else 'all held'}")
    console.print(", ".join(f"{name} {count}" for name, count in sorted(chaos.counts.items())))
    return 1 if chaos.failed else 0


if __name__ == "__main__":
    sys.exit(main())
