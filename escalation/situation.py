"""What the collector hands to the office's desk: the county's situation at one moment.

Plain values, so that the desk (notices, warning machine) can be tested without a collector.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, NamedTuple

from pydantic import Field

from wire.notice import DeviceFact, PolicyLine, SiteFact, Verdict


class DevicesNow(NamedTuple):
    """The devices of a situation for who only looks at some of them.

    ``news``: down, flapping or without SNMP; ``rest``: how many are in each other state;
    ``by_id``: all, but for those ``quiet``.
    """

    news: tuple[DeviceFact, ...]
    rest: Mapping[str, int]
    by_id: Mapping[str, DeviceFact]
    quiet: frozenset[str]


@dataclass(frozen=True, slots=True)
class BlindSource:
    """A source that fell silent: its devices are unknown, never out (PLAN section 4)."""

    agent: str
    operator: str
    operator_name: str
    since_ms: int
    noc_phone: str | None
    devices: int


@dataclass(frozen=True, slots=True)
class AttestedFact:
    """What a person stated and nobody measures now: of operator or system ``target``.

    Or of a fact of the plan (``fact:`` and its id). ``source`` said so, ``account`` entered it;
    it holds until ``until_ms``; ``since_ms`` is when it was first said.
    """

    target: str
    state: str
    source: str
    account: str
    at_ms: int
    until_ms: int
    since_ms: int = 0


@dataclass(frozen=True, slots=True)
class Threat:
    """What may hit the county from outside (storm, flood, works): entered, or proposed by a feed.

    ``degree`` (partial, full) of what it may do to the ``operators``, ``systems`` and ``towns``;
    towns of all operators where none is named, of those named alone otherwise. ``source`` reported
    it, ``account`` entered it (empty: a rule of the policy did, or nobody yet). ``entered`` false:
    a feed says so and it waits for a person; it counts nowhere. ``areas``: what the message calls
    them, where it is one.
    """

    id: str
    what: str
    source: str
    account: str
    degree: str
    at_ms: int
    until_ms: int
    from_ms: int = 0
    operators: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()
    towns: tuple[str, ...] = ()
    spread: bool = False
    entered: bool = True
    areas: str = ""

    def counts(self, now_ms: int, ahead_s: int) -> bool:
        """Whether it is in force, or begins within ``ahead_s``."""
        return self.entered and now_ms < self.until_ms and self.from_ms <= now_ms + ahead_s * 1000


@dataclass(frozen=True, slots=True)
class Quiet:
    """What is out of order and nobody is told of: by id, shelved or in a maintenance window.

    ``shelved`` alarms and ``maintained`` devices are so many in all, in order or not.
    """

    sites: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    shelved: int = 0
    maintained: int = 0


@dataclass(frozen=True, slots=True)
class OperatorFact:
    """One operator's network in figures: sites out of all, by effect and by cause."""

    operator: str
    name: str
    state: str
    sites: int
    sites_out: int
    sites_unknown: int
    towns_affected: tuple[str, ...]
    since_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """The county at ``at_ms``.

    ``verdict`` is the decision on the observed state; ``sites`` lists every site that is not ok
    (key units first, then out before at risk before unknown), ``devices`` likewise; ``policy``
    the lines of the policy that took part; ``evidence`` the spread's steps and similar, one
    sentence each, in Chinese; ``attested`` what people stated and the verdict rests on;
    ``threats`` what may come from outside, in force; ``trial`` the operators in trial;
    ``devices_now`` says nothing that ``devices`` does not, and is not kept.
    """

    at_ms: int
    verdict: Verdict
    operators: tuple[OperatorFact, ...] = ()
    system_names: dict[str, str] = field(default_factory=dict)
    town_names: dict[str, str] = field(default_factory=dict)
    sites: tuple[SiteFact, ...] = ()
    devices: tuple[DeviceFact, ...] = ()
    blind: tuple[BlindSource, ...] = ()
    policy: tuple[PolicyLine, ...] = ()
    evidence: tuple[str, ...] = ()
    attested: tuple[AttestedFact, ...] = ()
    threats: tuple[Threat, ...] = ()
    quiet: Quiet = Quiet()
    trial: tuple[str, ...] = ()
    since_ms: int | None = None
    config_hash: str = ""
    devices_now: Annotated[DevicesNow | None, Field(exclude=True)] = field(
        default=None, repr=False, compare=False
    )
