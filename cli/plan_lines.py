"""The lines of ``wanglou plan decide`` and ``wanglou plan spread``: shapes and answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, create_model

from cli.jsonlines import BadLine, validated
from collector.decide import SPREAD, Decider, Decision, DecisionInput, Spread
from collector.spread import Cell, Onset, SpreadResult, Step, spread
from config.base import Config
from config.faults import did_you_mean
from config.plan import NOTHING, Plan
from config.policy import Share, SpreadPolicy

State = Literal["none", "partial", "full", "unknown", "absent"]
SYSTEMS = "systems"

Seconds = Annotated[float, Field(ge=-1e12, le=1e12)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
CellLine = Annotated[tuple[Name, Name], Field(strict=False)]
OnsetLine = Annotated[tuple[Seconds, CellLine], Field(strict=False)]


class DecideLine(Config):
    """The keys that every plan has; ``line_model`` adds facts and counting of one plan."""

    operators: BaseModel
    systems: list[State] | dict[Name, State]
    spread: Literal["no", "yes", "unknown"]
    overdue: bool | list[str] = False


class SpreadLine(Config):
    """Seconds; a cell is [operator, town] or ["sys", name]."""

    now: Seconds
    onsets: list[OnsetLine]
    at_risk: list[CellLine] = Field(default_factory=list)
    sight: Share
    manual: Literal["yes", "no"] | None = None


def line_model(plan: Plan) -> type[DecideLine]:
    """The strict model of a line under ``plan``."""
    operators: Any = {operator.id: (State, ...) for operator in plan.operators}
    fields: dict[str, Any] = {
        "operators": (create_model("Operators", __base__=Config, **operators), ...)
    }
    levels = Literal[(NOTHING, *(level.id for level in plan.levels))]  # type: ignore[valid-type]
    for fact in plan.facts:
        fields[fact.id] = (bool, False) if fact.kind == "bool" else (levels, NOTHING)
    if plan.counting is not None:
        fields[plan.counting.key] = (Literal["literal", "merged"], plan.counting.default)
    return create_model("DecideLine", __base__=DecideLine, **fields)


def decider_of(plan: Plan) -> Callable[[Any], dict[str, Any]]:
    """Answers lines of ``wanglou plan decide`` under ``plan``."""
    decider, model = Decider(plan), line_model(plan)
    bools = tuple(fact.id for fact in plan.facts if fact.kind == "bool")
    valued = tuple(fact.id for fact in plan.facts if fact.kind == "level")
    key = plan.counting.key if plan.counting else None

    def answer(value: Any) -> dict[str, Any]:
        given = validated(model, value).__dict__
        operators: dict[str, str] = given["operators"].__dict__
        systems = _named(given["systems"])
        decision = decider.decide(
            DecisionInput(
                operators=operators,
                systems=systems,
                spread=given["spread"],
                overdue=_overdue(given["overdue"], operators, systems),
                counting=given[key] if key else None,
                facts=frozenset([name for name in bools if given[name]]),
                levels={name: given[name] for name in valued if given[name] != NOTHING},
            )
        )
        return decision_line(decision)

    return answer


def _named(systems: list[str] | dict[str, str]) -> dict[str, str]:
    if isinstance(systems, dict):
        return systems
    return {f"{SYSTEMS}[{number}]": state for number, state in enumerate(systems)}


def _overdue(
    overdue: bool | list[str],
    operators: Mapping[str, str],
    systems: Mapping[str, str],
) -> bool | frozenset[str]:
    """The names in full. Raises BadLine for a name that is nowhere in the line."""
    if isinstance(overdue, bool):
        return overdue
    found: set[str] = set()
    for word in overdue:
        names = _meant(word, operators, systems)
        if not names and word != SYSTEMS:
            hint = did_you_mean(word, (*operators, *systems, SPREAD, SYSTEMS))
            text = f"overdue: 没有“{word}” / there is no {word!r} in this line"
            raise BadLine(f"{text} ({hint})" if hint else text)
        found.update(names)
    return frozenset(found)


def _meant(word: str, operators: Mapping[str, str], systems: Mapping[str, str]) -> Iterable[str]:
    """What an overdue word names; ``systems.0`` and ``systems.NAME`` also name a system."""
    if word in operators or word in systems or word == SPREAD:
        return (word,)
    if word == SYSTEMS:
        return systems
    tail = word.removeprefix(f"{SYSTEMS}.")
    if tail != word:
        return tuple(name for name in (tail, f"{SYSTEMS}[{tail}]") if name in systems)
    return ()


def decision_line(decision: Decision) -> dict[str, Any]:
    """A decision as a line; ``unknown`` and ``absent`` only when there are any."""
    line = {
        "warning": decision.warning,
        "level": decision.level,
        "warning_range": decision.warning_range,
        "level_range": decision.level_range,
        "pending": decision.pending,
        "literal_warning": decision.literal_warning,
        "literal_level": decision.literal_level,
        "rules": decision.rules,
        "clauses": decision.clauses,
    }
    if decision.unknown:
        line["unknown"] = decision.unknown
    if decision.absent:
        line["absent"] = decision.absent
    return line


def spreader_of(policy: SpreadPolicy) -> Callable[[Any], dict[str, Any]]:
    """Answers lines of ``wanglou plan spread`` with the numbers of ``policy``."""

    def answer(value: Any) -> dict[str, Any]:
        line = validated(SpreadLine, value)
        result = spread(
            policy,
            _ms(line.now),
            onsets=[Onset(_ms(at), Cell(*cell)) for at, cell in line.onsets],
            at_risk=[Cell(*cell) for cell in line.at_risk],
            sight=line.sight,
            manual=Spread(line.manual) if line.manual else None,
        )
        return spread_line(result)

    return answer


def spread_line(result: SpreadResult) -> dict[str, Any]:
    """An answer as a line, with its evidence; times in seconds."""
    why = result.why
    return {
        "spread": result.spread,
        "overdue": result.overdue,
        "why": {
            "ground": why.ground,
            "zh": why.zh,
            "en": why.en,
            "steps": [_step(step) for step in why.steps],
            "growth_steps": why.growth_steps,
            "at_risk": [tuple(cell) for cell in why.at_risk],
            "sight": why.sight,
        },
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "at": _seconds(step.at_ms),
        "cells": [tuple(cell) for cell in step.cells],
        "new": step.new,
        "growth": step.growth,
    }


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _seconds(ms: int) -> float:
    return ms // 1000 if ms % 1000 == 0 else ms / 1000
