"""Whether an outage spreads, judged from telemetry (PLAN section 3, numbers of the policy).

A *cell* is (operator, town) or a system. A *step* takes every onset within ``step_s`` of its
first: one cause seen over several polls; steps do not chain. A *growth step* is a later step that
brings a town, an operator or a system that no earlier step had.

Pure; stamps are integer milliseconds, the policy's durations seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from collector.decide import Spread
from config.policy import SpreadPolicy

SYSTEM: Final = "sys"
"""Stands in place of the operator in the cell of a system."""


class Cell(NamedTuple):
    """An operator's network in a town (empty: in no known one); or SYSTEM and a system's name."""

    operator: str
    town: str


class Onset(NamedTuple):
    """When a cell became affected, after its raise delay."""

    at_ms: int
    cell: Cell


class Ground(StrEnum):
    """What the answer rests on."""

    PERSON = "person"
    GROWTH = "growth"
    AT_RISK = "at_risk"
    QUIET = "quiet"
    UNSURE = "unsure"
    """Some growth, but not enough of it to say yes."""
    BLIND = "blind"
    """No growth seen, but too little is seen to say no."""


@dataclass(frozen=True, slots=True)
class Step:
    """Onsets of one cause. ``new`` are the towns, operators and systems that it brought."""

    at_ms: int
    cells: tuple[Cell, ...]
    new: tuple[str, ...]
    growth: bool


@dataclass(frozen=True, slots=True)
class Why:
    """The evidence of an answer. ``at_risk`` are the cells at risk that would bring new ground."""

    ground: Ground
    zh: str
    en: str
    steps: tuple[Step, ...]
    growth_steps: int
    at_risk: tuple[Cell, ...]
    sight: float


@dataclass(frozen=True, slots=True)
class SpreadResult:
    """The answer. ``overdue``: unknown for longer than the policy allows."""

    spread: Spread
    overdue: bool
    why: Why


def spread(
    policy: SpreadPolicy,
    now_ms: int,
    *,
    onsets: Iterable[Onset],
    at_risk: Iterable[Cell],
    sight: float,
    manual: Spread | None = None,
    name: Callable[[Cell], str] = "/".join,
) -> SpreadResult:
    """Judge the spread at ``now_ms``.

    ``onsets`` are those of the cells affected (later ones than now are left out), ``at_risk`` the
    cells that have lost mains, with too little battery and no generator; ``sight`` is the share
    of expected cells with fresh data, 0..1; ``manual`` a person's valid word, which wins;
    ``name`` says what people call a cell.
    """
    steps = steps_of(onsets, now_ms, policy.step_s * 1000)
    grown = [step for step in steps if step.growth]
    recent = [step for step in grown if now_ms - step.at_ms <= policy.window_s * 1000]
    quiet = all(now_ms - step.at_ms > policy.quiet_s * 1000 for step in grown)
    threats = _threats(at_risk, steps)
    answer = Spread.UNKNOWN
    if manual is not None and manual is not Spread.UNKNOWN:
        answer, ground = manual, Ground.PERSON
    elif len(recent) >= policy.min_growth_steps:
        answer, ground = Spread.YES, Ground.GROWTH
    elif threats:
        answer, ground = Spread.YES, Ground.AT_RISK
    elif quiet and sight >= policy.min_sight:
        answer, ground = Spread.NO, Ground.QUIET
    else:
        ground = Ground.BLIND if quiet else Ground.UNSURE
    overdue = (
        answer is Spread.UNKNOWN
        and bool(steps)
        and now_ms - steps[0].at_ms >= policy.overdue_s * 1000
    )
    named = [name(cell) for cell in threats[:3]]
    zh, en = _sentence(ground, policy, answer, len(recent), (len(threats), named), sight)
    return SpreadResult(answer, overdue, Why(ground, zh, en, steps, len(recent), threats, sight))


def steps_of(onsets: Iterable[Onset], now_ms: int, step_ms: int) -> tuple[Step, ...]:
    """The steps up to ``now_ms`` in order of time. The first is never growth."""
    past = sorted(onset for onset in onsets if onset.at_ms <= now_ms)
    steps: list[Step] = []
    known: set[tuple[str, str]] = set()
    first = 0
    while first < len(past):
        last = first
        while last < len(past) and past[last].at_ms - past[first].at_ms <= step_ms:
            last += 1
        cells = tuple(dict.fromkeys(onset.cell for onset in past[first:last]))
        brought = dict.fromkeys(ground for cell in cells for ground in _grounds(cell))
        new = tuple(ground for ground in brought if ground not in known)
        names = tuple(name for _, name in new)
        steps.append(Step(past[first].at_ms, cells, names, growth=bool(steps and new)))
        known.update(brought)
        first = last
    return tuple(steps)


def _grounds(cell: Cell) -> tuple[tuple[str, str], ...]:
    """What a cell can be new in: a system in itself, else its operator and its town."""
    if cell.operator == SYSTEM:
        return ((SYSTEM, cell.town),)
    town = (("town", cell.town),) if cell.town else ()
    return (("operator", cell.operator), *town)


def _threats(at_risk: Iterable[Cell], steps: Sequence[Step]) -> tuple[Cell, ...]:
    """The cells at risk that would bring a town or an operator not affected before."""
    known = {ground for step in steps for cell in step.cells for ground in _grounds(cell)}
    return tuple(
        dict.fromkeys(
            cell
            for cell in at_risk
            if cell.operator != SYSTEM and not known.issuperset(_grounds(cell))
        )
    )


def _sentence(
    ground: Ground,
    policy: SpreadPolicy,
    answer: Spread,
    growth: int,
    threats: tuple[int, Sequence[str]],
    sight: float,
) -> tuple[str, str]:
    window, quiet = policy.window_s // 60, policy.quiet_s // 60
    seen, least = f"{sight * 100:.4g}%", f"{policy.min_sight * 100:.4g}%"
    if ground is Ground.PERSON:
        zh = "人工判定：有扩散性" if answer is Spread.YES else "人工判定：无扩散性"
        return zh, f"a person said so: {answer}"
    if ground is Ground.GROWTH:
        return f"近{window}分钟内出现{growth}次扩散", f"growth steps in {window} min: {growth}"
    if ground is Ground.AT_RISK:
        number, names = threats[0], "、".join(threats[1])
        return (
            f"{number}处面临断电退服，将波及新的乡镇或企业：{names}",
            f"cells at risk that would bring a new town or operator: {number} ({names})",
        )
    if ground is Ground.QUIET:
        return f"{quiet}分钟内无扩散，可见度{seen}", f"no growth for {quiet} min, {seen} in sight"
    if ground is Ground.UNSURE:
        return (
            f"近{window}分钟内出现{growth}次扩散，不足以判定，也不能排除",
            f"growth steps in {window} min: {growth}, too few to say yes, too fresh to say no",
        )
    return (
        f"未见扩散，但可见度仅{seen}（应达{least}），不能排除",
        f"no growth seen, but only {seen} in sight of {least}: it cannot be excluded",
    )
