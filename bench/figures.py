"""Figures of a benchmark, their targets, and how they are shown: table, JSON, Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure must reach: at most ``value``, or at least it. ``later``: not yet binding."""

    value: float
    at_least: bool = False
    later: bool = False

    def met_by(self, value: float) -> bool:
        return value >= self.value if self.at_least else value <= self.value

    def missed_by(self, value: float) -> float:
        """The share by which ``value`` is on the wrong side: 0.2 is a fifth too much, or short."""
        return 1 - value / self.value if self.at_least else value / self.value - 1

    def __str__(self) -> str:
        sign, when = "≥" if self.at_least else "≤", " later" if self.later else ""
        return f"{sign} {_number(self.value)}{when}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: the median of its rounds, and their range."""

    part: str
    name: str
    unit: str
    rounds: tuple[float, ...]
    target: Target | None = None
    note: str = ""

    @property
    def value(self) -> float:
        return median(self.rounds)

    @property
    def verdict(self) -> str:
        """``met``, ``missed by …``, or nothing where no target was set."""
        if self.target is None:
            return ""
        if self.target.met_by(self.value):
            return "met"
        return f"missed by {self.target.missed_by(self.value):.0%}"

    @property
    def aim(self) -> str:
        """The figure and its target in one phrase."""
        return f"{self.part}, {self.name}: {_number(self.value)} {self.unit}, aim {self.target}"

    def cells(self) -> tuple[str, ...]:
        low, high = _number(min(self.rounds)), _number(max(self.rounds))
        spread = f"{low} to {high}" if len(self.rounds) > 1 else ""
        target = "" if self.target is None else str(self.target)
        return (
            self.part, self.name, f"{_number(self.value)} {self.unit}", spread, target, self.verdict
        )  # fmt: skip

    def data(self) -> dict[str, Any]:
        return {
            "part": self.part,
            "name": self.name,
            "unit": self.unit,
            "value": self.value,
            "rounds": list(self.rounds),
            "target": None if self.target is None else str(self.target),
            "verdict": self.verdict,
            "note": self.note,
        }


HEADS = ("part", "figure", "median", "range", "target", "")


@dataclass
class Report:
    """All figures of a run and where they were taken. ``failed``: a part gave none."""

    machine: dict[str, str]
    figures: list[Figure] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    failed: bool = False

    def add(self, figures: Iterable[Figure]) -> None:
        self.figures.extend(figures)

    def data(self) -> dict[str, Any]:
        figures = [figure.data() for figure in self.figures]
        return {"machine": self.machine, "figures": figures, "left_out": self.left_out}

    def show(self, console: Console) -> None:
        """The table for people, with machine and notes under it."""
        table = Table(box=box.SIMPLE_HEAD, title="wanglou bench")
        for head in HEADS:
            table.add_column(head, justify="right" if head in {"median", "range"} else "left")
        part = ""
        for figure in self.figures:
            if figure.part != part and part:
                table.add_section()
            cells = figure.cells()
            colour = {"met": "green", "": ""}.get(figure.verdict, "red")
            table.add_row("" if figure.part == part else cells[0], *cells[1:], style=colour)
            part = figure.part
        console.print(table)
        for line in (*self._machine(), *self._notes()):
            console.print(line, highlight=False)

    def markdown(self) -> str:
        """Table and verdicts as they stand in docs/BENCH.md."""
        lines = [f"* {line}" for line in self._machine()]
        lines += ["", _row(HEADS), _row(["---"] * len(HEADS))]
        lines += [_row(figure.cells()) for figure in self.figures]
        aimed = [figure for figure in self.figures if figure.target is not None]
        lines += ["", *sorted(f"* **{figure.verdict}**: {figure.aim}" for figure in aimed)]
        lines += ["", *(f"* {line}" for line in self._notes())]
        return "\n".join(lines).rstrip() + "\n"

    def _machine(self) -> list[str]:
        return [f"{name}: {value}" for name, value in self.machine.items()]

    def _notes(self) -> list[str]:
        notes = [f"{figure.part}, {figure.name}: {figure.note}" for figure in self.figures
                 if figure.note]  # fmt: skip
        return [*notes, *(f"left out: {what}" for what in self.left_out)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _number(value: float) -> str:
    """Three digits are all that such figures are worth."""
    if abs(value) >= 100:
        return f"{round(value):,}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}"


def ratio(over: Figure, under: Figure, target: Target | None = None) -> Figure:
    """How many times ``over`` costs what ``under`` does, round by round."""
    rounds = tuple(a / b for a, b in zip(over.rounds, under.rounds, strict=True))
    return Figure(under.part, f"{over.name} / {under.name}", "x", rounds, target)
