"""``wanglou story run``: rule stories told to the rules, and a table of what became of them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from config.faults import ConfigError, Fault
from config.io.load import load_policy, load_profiles
from config.io.plan import load_plan
from drill import rule_story
from drill.rule_run import Miss, Run
from drill.rule_story import Told
from drill.story import clock


class Outcome(NamedTuple):
    """What became of one file. Without ``told`` it could not be read: ``faults`` say why."""

    file: str
    told: Told | None
    misses: tuple[Miss, ...]
    faults: tuple[Fault, ...]
    took_ms: float

    @property
    def good(self) -> bool:
        return not (self.misses or self.faults)


class Rules:
    """Plan, policy and profiles that stories are told to. Raises ConfigError."""

    def __init__(self, plan: Path | None, policy: Path | None) -> None:
        self.plan = load_plan(plan)
        self.policy = load_policy(policy)
        self.profiles = tuple(load_profiles().values())

    def tell(self, path: Path) -> Outcome:
        """Read one story and tell it."""
        begun = time.perf_counter()
        try:
            told = rule_story.load(path, self.plan, self.policy, self.profiles)
        except ConfigError as problem:
            return Outcome(str(path), None, (), problem.faults, 0.0)
        misses = Run(told).tell()
        return Outcome(str(path), told, tuple(misses), (), (time.perf_counter() - begun) * 1000)


def files(words: Iterable[str]) -> list[Path]:
    """The files that were named; all shipped ones when none was. Raises ConfigError."""
    found = [rule_story.find(word) for word in words]
    return found or rule_story.shipped()


def as_json(outcome: Outcome) -> dict[str, Any]:
    """One story's outcome for machines."""
    story = outcome.told.story if outcome.told else None
    return {
        "file": outcome.file,
        "title": story.title.model_dump() if story else None,
        "proves": list(story.proves) if story else [],
        "good": outcome.good,
        "faults": [str(fault) for fault in outcome.faults],
        "misses": [
            {
                "step": miss.step + 1,
                "at": clock(story.steps[miss.step].at) if story else "",
                "line": miss.line,
                "field": miss.field,
                "expected": miss.wanted,
                "got": miss.got,
            }
            for miss in outcome.misses
        ],
        "ms": round(outcome.took_ms, 1),
    }


def show(outcomes: list[Outcome], console: Console) -> None:
    """The table, then every difference with its file and line."""
    table = Table(box=None, padding=(0, 1), header_style="bold")
    for head in ("", "规则故事 story", "证明 proves"):
        table.add_column(head, overflow="fold")
    for one in outcomes:
        mark = Text("✓", style="green") if one.good else Text("✗", style="bold red")
        if one.told is None:
            table.add_row(mark, Text(one.file), "")
            continue
        title = Text(one.told.story.title.zh)
        title.append(f"\n{one.told.name}: {one.told.story.title.en}", style="dim")
        table.add_row(mark, title, Text(" ".join(one.told.story.proves)))
    console.print(table)
    for one in outcomes:
        _faults(one, console)
    good = sum(one.good for one in outcomes)
    style = "green" if good == len(outcomes) else "bold red"
    console.print(
        Text(f"{len(outcomes)} 个故事，{good} 个符合 / {good} of {len(outcomes)} as told", style)
    )


def _faults(one: Outcome, console: Console) -> None:
    for fault in one.faults:
        console.print(Text(str(fault), style="red"), soft_wrap=True)
    if one.told is None:
        return
    for miss in one.misses:
        at = clock(one.told.story.steps[miss.step].at)
        line = f":{miss.line}" if miss.line else ""
        console.print(
            Text(f"{one.file}{line}: {at} {miss.field}：", style="red"),
            Text(f"应为 expected {miss.wanted}，实为 got {miss.got}"),
            soft_wrap=True,
        )
