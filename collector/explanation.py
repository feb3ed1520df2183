"""Why something is judged as it is, as a small tree; and what would make it otherwise.

Made by ``wanglou explain`` and by the pages' interface. ``format`` rises when a reader of the
present one could misunderstand another; new fields alone do not raise it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field

from wire.base import Id, Ms, Wire
from wire.notice import Bilingual

FORMAT: Final = 1


class Kind(StrEnum):
    """What a node speaks of. ``more`` counts what is left out."""

    WARNING = "warning"
    RULE = "rule"
    BOUND = "bound"
    CLAUSE = "clause"
    FACT = "fact"
    ATTESTED = "attested"
    SPREAD = "spread"
    STEP = "step"
    OUTLOOK = "outlook"
    OPERATOR = "operator"
    SYSTEM = "system"
    SHARE = "share"
    TOWN = "town"
    SITE = "site"
    DEVICE = "device"
    ALARM = "alarm"
    LOOK = "look"
    SOURCE = "source"
    MORE = "more"


class Why(Wire):
    """One node. ``holds``: whether it speaks for the judgement; false: it is shown as not met.

    ``value`` stands against ``limit`` (a share is 0..1); ``since_ms`` is when it began to be so,
    ``until_ms`` when that will change what is judged if it stays so.
    """

    kind: Kind
    id: Annotated[str, Field(max_length=200)] = ""
    text: Bilingual
    state: Annotated[str, Field(max_length=64)] = ""
    holds: bool = True
    value: float | None = None
    limit: float | None = None
    since_ms: Ms | None = None
    until_ms: Ms | None = None
    parts: tuple[Why, ...] = ()


class Change(Wire):
    """A smallest set of changes, none of which can be left out, and what it would lead to."""

    warning: Id
    level: Id
    changes: tuple[Bilingual, ...]


class Next(Wire):
    """The next higher scenario or level, and every smallest way there; empty: none was found."""

    of: Literal["warning", "level"]
    id: Id
    name: Bilingual
    any_of: tuple[Change, ...] = ()


class Possible(Wire):
    """What one unknown would lead to: at its best and at its worst, all else as it is."""

    id: Annotated[str, Field(max_length=200)]
    name: Bilingual
    overdue: bool
    best: tuple[Id, Id]
    worst: tuple[Id, Id]
    text: Bilingual


class Explanation(Wire):
    """The answer to one question, as of ``at_ms``, under ``config_hash`` and by ``rules``.

    ``why`` leads from the judgement down to readings and clauses. Only an explanation of the
    warning has the others: ``nearer`` what is missing for more, ``possible`` what the unknowns
    would change, ``why_not`` each worse scenario and level with the bounds that are not met.
    ``notes`` say what else has to be known of the answer: that nobody judged at that moment.
    """

    kind: Literal["explanation"] = "explanation"
    format: Literal[1] = FORMAT
    county: Id
    tree: Id
    target: Annotated[str, Field(max_length=200)]
    at_ms: Ms
    config_hash: Annotated[str, Field(max_length=64)]
    rules: Annotated[str, Field(max_length=64)] = ""
    why: Why
    nearer: tuple[Next, ...] = ()
    possible: tuple[Possible, ...] = ()
    why_not: tuple[Why, ...] = ()
    notes: tuple[Bilingual, ...] = ()
