"""Rounds by hand: every target once per round, results as they come, Ctrl-C keeps what there is."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, NoReturn, Protocol, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from agent.io.targets import Target, expand
from agent.targets import TargetError
from wire.observation import Outcome

L = TypeVar("L")
R = TypeVar("R", bound="Answer")
Look_contra = TypeVar("Look_contra", contravariant=True)
Result_co = TypeVar("Result_co", bound="Answer", covariant=True)

WORDS: Final = {
    Outcome.MEASURED: ("正常", "measured", "green"),
    Outcome.NO_ANSWER: ("无应答", "no answer", "red"),
    Outcome.REFUSED: ("被拒绝", "refused", "yellow"),
    Outcome.COULD_NOT_LOOK: ("未能测量", "could not look", "magenta"),
}
PAPER: Final = 140
"""Columns of a table that goes to no terminal."""
BAR_OVER: Final = 200
"""Targets in a round from which on a progress bar is worth showing."""
INTERRUPTED: Final = 130
"""What a shell shows of a program that Ctrl-C ended: 128 + SIGINT."""


class Answer(Protocol):
    """What an engine's result has."""

    outcome: Outcome
    look: Any


class Engine(Protocol[Look_contra, Result_co]):
    """What both engines have."""

    stats: Any

    async def start(self) -> None: ...
    def close(self) -> None: ...
    def submit(self, look: Look_contra, done: Callable[[Result_co], None]) -> None: ...


@dataclass
class Tally:
    """Figures over all rounds. ``cpu_s`` is this process's CPU time while looks were under way."""

    looks: int = 0
    answers: int = 0
    rounds: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    interrupted: bool = False

    @property
    def all_measured(self) -> bool:
        return self.looks == self.answers and not self.interrupted

    def figures(self, stats: object) -> dict[str, Any]:
        """For ``--stats``: with the engine's counts under ``engine``."""
        from dataclasses import asdict

        from agent.metrics import Histogram

        counts = asdict(stats)  # type: ignore[call-overload]  # both are dataclasses
        per_look = self.cpu_s / self.looks * 1e6 if self.looks else None
        return {
            "rounds": self.rounds,
            "looks": self.looks,
            "answers": self.answers,
            "wall_s": round(self.wall_s, 4),
            "cpu_s": round(self.cpu_s, 4),
            "cpu_us_per_device": None if per_look is None else round(per_look, 2),
            "interrupted": self.interrupted,
            "engine": {
                name: value for name, value in counts.items() if not isinstance(value, Histogram)
            },
        }


@dataclass
class Rounds(Generic[L, R]):
    """``repeat`` rounds, ``interval_s`` from start to start; ``show`` gets each round's results."""

    engine: Engine[L, R]
    looks: Sequence[L]
    show: Callable[[int, list[R]], None]
    repeat: int = 1
    interval_s: float = 0.0
    tally: Tally = field(default_factory=Tally)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _order: dict[Any, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._order = {look: number for number, look in enumerate(self.looks)}

    async def run(self) -> None:
        """Until all rounds are done or SIGINT or SIGTERM comes."""
        loop = asyncio.get_running_loop()
        for sig in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(sig, self._stop.set)
        await self.engine.start()
        try:
            for number in range(1, self.repeat + 1):
                began = time.monotonic()
                self.show(number, await self._round())
                if self._stop.is_set():
                    self.tally.interrupted = True
                    return
                if number < self.repeat:
                    await self._wait(began + self.interval_s - time.monotonic())
        finally:
            self.engine.close()
            for sig in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(sig)

    async def _wait(self, seconds: float) -> None:
        if seconds > 0:
            try:
                await asyncio.wait_for(self._stop.wait(), seconds)
            except TimeoutError:
                return

    async def _round(self) -> list[R]:
        """One round: the results in the order of the looks, those that came when interrupted."""
        results: list[R] = []
        finished = asyncio.get_running_loop().create_future()
        wanted = len(self.looks)

        def done(result: R) -> None:
            results.append(result)
            if len(results) == wanted and not finished.done():
                finished.set_result(None)

        wall, cpu = time.monotonic(), time.process_time()
        for look in self.looks:
            self.engine.submit(look, done)
        with _bar(wanted) as tell:
            stop = asyncio.ensure_future(self._stop.wait())
            try:
                while not finished.done() and not stop.done():
                    await asyncio.wait((finished, stop), timeout=0.2 if tell else None,
                                       return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
                    if tell:
                        tell(len(results))
            finally:
                stop.cancel()
        tally = self.tally
        tally.wall_s += time.monotonic() - wall
        tally.cpu_s += time.process_time() - cpu
        tally.rounds += 1
        tally.looks += len(results)
        tally.answers += sum(one.outcome is Outcome.MEASURED for one in results)
        done_looks = results[:]  # a late callback of the closing engine may still append
        return sorted(done_looks, key=lambda result: self._order[result.look])


class _bar:  # noqa: N801  a context manager, used as a verb
    """A progress bar on standard error, if there is a terminal and much to do."""

    def __init__(self, total: int) -> None:
        shown = total > BAR_OVER and sys.stderr.isatty()
        self._progress = (
            Progress(
                TextColumn("测量 looking"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            if shown
            else None
        )
        self._total = total

    def __enter__(self) -> Callable[[int], None] | None:
        if self._progress is None:
            return None
        self._progress.start()
        task = self._progress.add_task("", total=self._total)
        progress = self._progress
        return lambda count: progress.update(task, completed=count)

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()


def targets_of(words: Sequence[str]) -> list[Target]:
    """The targets; ends the program with one sentence per fault."""
    try:
        found = expand(words)
    except TargetError as error:
        fail(str(error))
    if not found:
        fail("没有目标 / there are no targets")
    return found


def fail(text: str) -> NoReturn:
    """Say what is wrong and end with status 2."""
    typer.echo(text, err=True)
    raise typer.Exit(2)


def run(rounds: Rounds[L, R], *, as_json: bool, stats: bool) -> NoReturn:
    """Do the rounds, print the figures if wanted, and end with the status that fits."""
    asyncio.run(rounds.run())
    tally = rounds.tally
    if stats:
        figures = tally.figures(rounds.engine.stats)
        if as_json:
            print(json.dumps({"stats": figures}, ensure_ascii=False), flush=True)
        else:
            print(_footer(figures), flush=True)
    if tally.interrupted:
        raise typer.Exit(INTERRUPTED)
    raise typer.Exit(0 if tally.all_measured else 1)


def _footer(figures: dict[str, Any]) -> str:
    engine = figures["engine"]
    cpu = figures["cpu_us_per_device"]
    return (
        f"{figures['rounds']} 轮 rounds, {figures['looks']} 次测量 looks, "
        f"{figures['answers']} 次应答 answers, 用时 wall {figures['wall_s']:.3f} s, "
        f"CPU {'-' if cpu is None else format(cpu, '.1f')} µs/设备 device, "
        f"发送 sent {engine['sent']}, 接收 received {engine['received']}, "
        f"内核丢弃 kernel drops {engine['kernel_drops']}"
    )


def outcome_cell(outcome: Outcome) -> str:
    """The outcome in words, coloured."""
    zh, en, colour = WORDS[outcome]
    return f"[{colour}]{zh}[/{colour}] {en}"


def console() -> Console:
    """Standard output; wide when it is no terminal."""
    return Console(width=None if sys.stdout.isatty() else PAPER)
