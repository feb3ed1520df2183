"""What the desk remembers: plain values that go to JSON and back without loss.

Ids of scenarios and levels are kept as words, not ranks, so that a snapshot survives a plan that
was edited in between (FAULTS F23).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from pydantic import PlainSerializer, TypeAdapter

from escalation.charter import NONE
from escalation.situation import Situation, Threat
from escalation.warning import State
from wire.notice import NoticeKind

Names = Annotated[set[str], PlainSerializer(sorted, return_type=list[str])]
"""A set whose JSON does not depend on the process that wrote it: a replay compares by hash."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A scenario and a level, by id."""

    warning: str = NONE
    level: str = NONE

    @property
    def nothing(self) -> bool:
        return self.warning == NONE and self.level == NONE


@dataclass(frozen=True, slots=True)
class Picture:
    """An incident in the words that were told: only what is not in order, by id.

    Operators and systems: partial, full, unknown; sites: out, at_risk, unknown; devices: down,
    snmp_fault, unknown. ``worst`` is the end of the range that cannot be excluded.
    """

    operators: dict[str, str] = field(default_factory=dict)
    systems: dict[str, str] = field(default_factory=dict)
    sites: dict[str, str] = field(default_factory=dict)
    devices: dict[str, str] = field(default_factory=dict)
    worst: Standing = Standing()

    @property
    def clear(self) -> bool:
        return not (self.operators or self.systems or self.sites or self.devices)


@dataclass(slots=True)
class Case:
    """The open warning. ``draft`` is what the machine last drafted that is not nothing.

    ``rules`` is the version of plan and policy that it is judged by, until it is closed or a person
    has it judged by newer ones (FAULTS F23); empty in snapshots of before.

    ``ahead``: what is ``proposed`` is the projected level, not the observed one.
    """

    id: str
    state: State
    opened_ms: int
    draft: Standing
    proposed: Standing | None = None
    proposed_by: str | None = None
    ahead: bool = False
    issued: Standing | None = None
    issued_by: str | None = None
    expires_ms: int | None = None
    expiry_told: int = 0
    rules: str = ""


@dataclass(slots=True)
class Incident:
    """What happens now. ``told`` is None until its first notice could leave (flood limit).

    ``followups`` counts notices of device news in a row (they come ever more slowly), ``lines``
    the numbered follow-ups (续报) of the whole incident. ``rules``: the version that it is judged
    by until it is over or a person has it judged by newer ones; empty while these are in force.
    """

    id: str
    opened_ms: int
    told: Picture | None = None
    told_ms: int = 0
    followups: int = 0
    lines: int = 0
    rules: str = ""
    clear_since_ms: int | None = None
    sites: Names = field(default_factory=set)
    devices: Names = field(default_factory=set)


@dataclass(slots=True)
class Awaiting:
    """A notice that waits for a person's acknowledgement (``escalation.reminders``).

    ``topic``: level, warning or incident; ``of``: the level or scenario that was drafted.
    """

    topic: str
    notice: str
    number: int
    since_ms: int
    limit_s: int
    of: str = NONE


@dataclass(slots=True)
class Attestation:
    """A state, or a fact of the plan, that a person stated, kept until ``until_ms``.

    ``since_ms``: when it was first said that this is affected, or is not; saying so again does
    not move it. Once measured it is ``superseded_by`` that state and never stands in again: a
    loss of sight after that is a new one (``escalation.attest``).
    """

    state: str
    source: str
    account: str
    at_ms: int
    until_ms: int
    since_ms: int = 0
    superseded_ms: int | None = None
    superseded_by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RulesAct:
    """The last change of the configuration: ``rules`` since ``at_ms``, of which ``parts`` differ.

    ``by`` empty: nobody signed for it.
    """

    rules: str
    at_ms: int
    parts: tuple[str, ...] = ()
    by: str = ""
    approved: str = ""
    reason: str = ""


@dataclass(slots=True)
class DeskState:
    """All of it. ``below`` maps a scenario (level) to since when no worse one is possible.

    ``expected``: the scenario that was drafted last is not observed, but projected.
    ``threats_over``: messages of feeds that were taken back or replaced, or that a person
    dismissed, by when: a feed that says them again says nothing.

    ``reminders`` counts those since ``remind_from_ms`` was begun anew; ``later`` has the kinds of
    the notices that came after what waits. ``turned_away`` are orders that nobody signed whom we
    know, by when they came; their ids are not those of real ones. ``attested`` is keyed by
    operator, system or ``fact:`` and a fact's id. ``orders_from_ms``: what was ordered before may
    have been carried out, and nobody knows (``escalation.damage``). ``offered`` are rules in force
    by which the open warning or incident is not judged yet (``whole`` false: only a warning keeps
    others, as in journals of before), ``act`` is who brought them there; None
    where they are those of the store's beginning. ``sent``: when a day's notices left.
    """

    number: int = 0
    day: str = ""
    serial: int = 0
    incident_day: str = ""
    incident_serial: int = 0
    situation: Situation | None = None
    known: Standing = Standing()
    known_literal: bool = True
    expected: bool = False
    scenario_below: dict[str, int] = field(default_factory=dict)
    level_below: dict[str, int] = field(default_factory=dict)
    case: Case | None = None
    closed: list[str] = field(default_factory=list)
    incident: Incident | None = None
    blind: dict[str, int] = field(default_factory=dict)
    blind_ms: int | None = None
    awaiting: list[Awaiting] = field(default_factory=list)
    remind_from_ms: int = 0
    reminders: int = 0
    later: dict[int, NoticeKind] = field(default_factory=dict)
    recent: list[int] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    commands: dict[str, str] = field(default_factory=dict)
    turned_away: dict[str, int] = field(default_factory=dict)
    attested: dict[str, Attestation] = field(default_factory=dict)
    threats: dict[str, Threat] = field(default_factory=dict)
    threats_over: dict[str, int] = field(default_factory=dict)
    orders_from_ms: int = 0
    offered: str = ""
    whole: bool = False
    act: RulesAct | None = None


STATE: TypeAdapter[DeskState] = TypeAdapter(DeskState)
