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
    """A scenario or a level as the desk speaks of it.

    ``ack_s``: seconds to acknowledge its draft. ``starters``: who may start a level (names of
    roles). ``circle``: who is to be told when it is proposed onwards, in the plan's words.
    """

    id: str
    name: Bilingual
    clause: str
    ack_s: int
    starters: Bilingual | None = None
    circle: Bilingual | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """A gap rule of scenario or level ``of``: the plan's words are silent, people judge."""

    of: str
    judgement: str | None
    says: Bilingual


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
class Clocks:
    """The desk's own durations in seconds, and the flood limit (ISA-18.2: more than 10 in 10 min).

    ``hold_s`` before a lowering is suggested; ``fold_s`` between two notices of device news,
    doubling up to ``fold_most_s`` while nothing but devices changes; ``expires_s`` an issued
    warning's life, with a reminder ``renew_s`` before its end. Reminders of what nobody
    acknowledges come at intervals that grow by ``remind_factor`` up to ``remind_most_s``. What a
    person attests holds for ``attested_s``, a threat for ``threat_s``, unless they say otherwise.
    """

    hold_s: int = 1800
    fold_s: int = 60
    fold_most_s: int = 900
    incident_ack_s: int = 1800
    flood_most: int = 10
    flood_window_s: int = 600
    expires_s: int = 86_400
    renew_s: int = 3600
    remind_factor: int = 2
    remind_most_s: int = 3600
    attested_s: int = 7200
    threat_s: int = 43_200


@dataclass(frozen=True, slots=True)
class EnteredFact:
    """A fact of the plan that people enter, and the values that it can have."""

    name: Bilingual
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Charter:
    """Plan, policy and register as the desk reads them.

    ``scenarios`` and ``levels`` stand from mild to worst. ``verbs`` names the roles that may give
    each order, ``verb_clauses`` the clause that says so. ``gaps`` are the plan's gap rules by id.
    ``rules`` is the version of plan and policy together, by their hash.
    """

    county: str
    tree: str
    recipients: tuple[str, ...]
    scenarios: tuple[Term, ...]
    levels: tuple[Term, ...]
    verbs: Mapping[Verb, frozenset[str]]
    verb_clauses: Mapping[Verb, str] = field(default_factory=dict)
    headquarters: Bilingual = field(
        default_factory=lambda: Bilingual(zh="县指挥部", en="the county headquarters")
    )
    roles: Mapping[str, Bilingual] = field(default_factory=dict)
    people: tuple[Member, ...] = ()
    operators: Mapping[str, Bilingual] = field(default_factory=dict)
    systems: Mapping[str, str] = field(default_factory=dict)
    towns: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, EnteredFact] = field(default_factory=dict)
    gaps: Mapping[str, Gap] = field(default_factory=dict)
    clocks: Clocks = field(default_factory=Clocks)
    rules: str = ""

    @property
    def scenario_order(self) -> tuple[str, ...]:
        """``none`` and the scenarios' ids, from mild to worst."""
        return (NONE, *(term.id for term in self.scenarios))

    @property
    def level_order(self) -> tuple[str, ...]:
        """``none`` and the levels' ids, from mild to worst."""
        return (NONE, *(term.id for term in self.levels))

    def scenario(self, scenario: str) -> Term | None:
        return next((term for term in self.scenarios if term.id == scenario), None)

    def level(self, level: str) -> Term | None:
        return next((term for term in self.levels if term.id == level), None)

    def ack_s(self, term: Term | None) -> int:
        """Seconds to acknowledge a draft of this scenario or level."""
        return term.ack_s if term else self.clocks.incident_ack_s

    def member(self, account: str) -> Member | None:
        return next((person for person in self.people if person.account == account), None)


def rank(order: tuple[str, ...], word: str) -> int:
    """The place of ``word``; a word that is in force no more counts as worse than all (F23)."""
    return order.index(word) if word in order else len(order)
