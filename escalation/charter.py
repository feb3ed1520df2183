"""What the desk must know of plan, policy and register: words, numbers, people.

The desk knows no name of a scenario, level, role or operator (PLAN section 2): all of them come
through this one value, which is built once per configuration and swapped as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from wire.notice import Bilingual, Verb

NONE: Final = "none"
"""The id that stands for no scenario and no level in a verdict."""


@dataclass(frozen=True, slots=True)
class Term:
    """A scenario or a level: its id and names; ``ack_s`` is the time to acknowledge its draft."""

    id: str
    name: Bilingual
    ack_s: int


@dataclass(frozen=True, slots=True)
class Member:
    """A person with an account and a key. Validity dates are county days, both inclusive."""

    account: str
    name: str
    organ: str
    roles: tuple[str, ...]
    key: str
    valid_from: date | None = None
    valid_to: date | None = None


@dataclass(frozen=True, slots=True)
class Charter:
    """Plan, policy and register as the desk reads them.

    ``scenarios`` and ``levels`` stand from mild to worst. ``verbs`` names the roles that may give
    each order; ``judgement`` the clause that grounds a level which the plan's words do not cover.
    Durations are seconds: ``hold_s`` before a lowering is suggested, ``fold_s`` between two
    notices of device news, ``incident_ack_s`` to acknowledge an incident notice, at most
    ``flood_most`` notices (drafts and decisions apart) in ``flood_window_s``.
    """

    county: str
    tree: str
    recipients: tuple[str, ...]
    scenarios: tuple[Term, ...]
    levels: tuple[Term, ...]
    verbs: Mapping[Verb, frozenset[str]]
    roles: Mapping[str, Bilingual]
    people: tuple[Member, ...]
    operators: Mapping[str, Bilingual] = field(default_factory=dict)
    judgement: Mapping[str, str] = field(default_factory=dict)
    hold_s: int = 1800
    fold_s: int = 120
    incident_ack_s: int = 1800
    flood_most: int = 10
    flood_window_s: int = 600
    config_hash: str = ""
