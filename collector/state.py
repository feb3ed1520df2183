"""What the World remembers. Plain rows, keyed by id; one JSON document and back exactly.

Only what cannot be computed again stands here; counts live in ``collector.tally`` and are built
from these rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field, TypeAdapter

from collector.hold import Hold
from collector.hushed import Hush
from wire.observation import EventSource, Method, Outcome


class Stamp(StrEnum):
    """How far a source's own stamp is to be believed (FAULTS F16); rules use arrival anyway."""

    GOOD = "good"
    PAST = "past"
    FUTURE = "future"


_FUTURE_MS: Final = 300_000
_PAST_MS: Final = 400 * 86_400_000


def judge_stamp(at_ms: int, now_ms: int) -> Stamp:
    """Up to 5 min ahead is skew; older than any outbox (400 days) is a clock that was never set."""
    if at_ms > now_ms + _FUTURE_MS:
        return Stamp.FUTURE
    return Stamp.PAST if at_ms < now_ms - _PAST_MS else Stamp.GOOD


@dataclass(slots=True)
class LookState:
    """One method's last word. ``blind``: why it could not look since, else empty.

    ``told_ms``: the beginning that the agent gave, where its history knew of an earlier one (0
    where it did not); ``past`` is the last outcome and reason in that history.
    """

    outcome: Outcome
    since_ms: int
    at_ms: int
    reason: str = ""
    detail: str = ""
    rtt_us: int | None = None
    blind: str = ""
    stamp: Stamp = Stamp.GOOD
    told_ms: int = 0
    past: tuple[Outcome, str] | None = None

    @property
    def said_ms(self) -> int:
        """When it began by the agent's present word; rules know no other."""
        return self.told_ms or self.since_ms


@dataclass(slots=True)
class View:
    """What one agent saw of one device. ``word_ms`` is the arrival of its last own word.

    ``stale``: it was missed for longer than the limit, so its agent does not see it any more.
    """

    word_ms: int
    looks: dict[Method, LookState] = field(default_factory=dict)
    stale: bool = False


@dataclass(slots=True)
class ReadingState:
    value: float | int | None
    at_ms: int
    arrived_ms: int
    stamp: Stamp = Stamp.GOOD


@dataclass(slots=True)
class StatusChange:
    """One row of an alarm's status-change list (RFC 8632 section 4.5).

    ``word`` is raised, cleared, flapping or settled (flapping is over); ``said`` the value then.
    """

    at_ms: int
    word: str
    severity: str
    said: str = ""


@dataclass(slots=True)
class Alarm(Hold):
    """One alarm of a device (RFC 8632: resource, type, qualifier).

    ``bad`` is the last judgement; ``penalty`` what ``collector.flapping`` makes of its changes, as
    of ``changed_ms``; ``flapping_ms`` since when it flaps, ``behind`` the devices above with which
    it does (empty: it is its own flapping); ``said`` the value, for people;
    ``began_ms`` when its trouble began by an agent's history, where that is before ``since_ms``;
    ``changes`` its last ones, oldest first.
    """

    bad: bool = False
    penalty: int = 0
    changed_ms: int = 0
    changes: list[StatusChange] = field(default_factory=list)
    flapping_ms: int | None = None
    behind: list[str] = field(default_factory=list)
    said: str = ""
    began_ms: int = 0

    @property
    def speaks(self) -> bool:
        """Raised, or flapping of its own."""
        return self.active or (self.flapping_ms is not None and not self.behind)


@dataclass(slots=True)
class EventState:
    """What was said of a device beside the looks (``wire.observation.Event``)."""

    source: EventSource
    kind: str
    text: str
    count: int
    from_ms: int
    at_ms: int
    look: Outcome | None
    changed: int


class Status(StrEnum):
    """A device in one word, worst first; NEW has never answered and counts nowhere (F33)."""

    DOWN = "down"
    HIDDEN = "hidden"
    UNKNOWN = "unknown"
    SNMP_FAULT = "snmp_fault"
    ALARM = "alarm"
    OK = "ok"
    NEW = "new"


@dataclass(slots=True)
class DeviceState:
    """``alarms`` is keyed ``type|qualifier``, ``readings`` ``metric|instance``.

    ``known`` is false while no agent sees it; ``hidden_by`` names the devices that cut it off;
    ``events`` are the last few, oldest first: shown, and nothing follows from them.
    """

    views: dict[str, View] = field(default_factory=dict)
    readings: dict[str, ReadingState] = field(default_factory=dict)
    alarms: dict[str, Alarm] = field(default_factory=dict)
    commissioned_ms: int | None = None
    known: bool = False
    hidden_by: list[str] = field(default_factory=list)
    status: Status = Status.NEW
    since_ms: int = 0
    events: list[EventState] = field(default_factory=list)


class Blind(StrEnum):
    """Why an agent is not to be counted on; SEES when it is."""

    SEES = ""
    NEVER = "never"
    SILENT = "silent"
    OFFLINE = "offline"
    STALLED = "stalled"


@dataclass(slots=True)
class LaneMark:
    """Where an agent's lane stood by its last word; ``since_ms``: since when ``acked`` stays so.

    ``session`` is that of the word: in a new one the wait begins anew. ``stuck``: it waited for
    longer than makes a source silent.
    """

    session: int
    epoch: int
    last: int
    acked: int
    since_ms: int
    stuck: bool = False

    @property
    def waiting(self) -> int:
        return max(0, self.last - self.acked)


@dataclass(slots=True)
class OfficeState:
    """An office client by its own presence (``collector.offices``).

    ``told``: the other offices were told of its absence, last at ``told_ms``.
    """

    blind: Blind = Blind.NEVER
    blind_ms: int = 0
    session: int = 0
    beat: int = 0
    heard_ms: int = 0
    every_ms: int = 0
    told: bool = False
    told_ms: int = 0


@dataclass(slots=True)
class Lost:
    """What is known of numbers that a lost store gave (``collector.past``).

    While offices are asked: the most that one holds (``office``, ``number``, ``warning``). After a
    jump: up to ``known`` they are accounted for, from ``to`` on they are this store's.
    """

    office: str = ""
    number: int = 0
    warning: str = ""
    known: int = 0
    to: int = 0


@dataclass(slots=True)
class Life:
    """One process of an agent: its last word, and whether it is refused as a second one.

    ``words``: how often it spoke after another one had taken over.
    """

    session: int
    at_ms: int
    refused_ms: int | None = None
    words: int = 0


@dataclass(slots=True)
class AgentState:
    """An enrolled agent.

    ``back_ms`` is when it was last heard anew, ``round_ms`` the arrival of its last round since
    then, ``round_started_ms`` its beginning by the agent's own clock; ``missed`` the devices that
    this round did not reach, ``doubted`` those whose no answer waits for the next round's word.
    ``unregistered`` and ``foreign``
    count what it said of devices that nobody has, or another operator. ``born`` is the session of
    its last birth and ``alive_ms`` the stamp of its last presence, by which a retained copy of
    either is known; ``ended`` how far former epochs of its state lane were applied; ``parts``
    an inventory on its way; ``life`` the process that holds the identity among all ``lives``
    (``collector.identity``); ``clock_off``: its clock is named as wrong; ``given_up`` samples by
    its last word, ``thinning``: more than by the one before; ``told``: it stands before the
    office as blind; ``crowded`` counts readings that were more than a device can have; ``spoke``
    is life, session and beat of its last presence; ``lanes`` its watermarks by that.
    """

    blind: Blind = Blind.NEVER
    blind_ms: int = 0
    session: int = 0
    born: int = 0
    alive_ms: int = 0
    told: bool = False
    heard_ms: int = 0
    every_ms: int = 0
    interval_ms: int = 0
    back_ms: int = 0
    round_ms: int | None = None
    round_number: int = 0
    round_started_ms: int = 0
    missed: dict[str, int] = field(default_factory=dict)
    doubted: dict[str, int] = field(default_factory=dict)
    inventory: list[str] = field(default_factory=list)
    inventory_hash: str = ""
    version: str = ""
    skew_ms: int = 0
    unregistered: dict[str, int] = field(default_factory=dict)
    foreign: dict[str, int] = field(default_factory=dict)
    poisoned: int = 0
    crowded: int = 0
    stamps: int = 0
    ended: dict[int, int] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)
    life: int = 0
    lives: dict[int, Life] = field(default_factory=dict)
    clock_off: bool = False
    given_up: int = 0
    thinning: bool = False
    no_space: bool = False
    spoke: tuple[int, int, int] = (0, 0, 0)
    lanes: dict[str, LaneMark] = field(default_factory=dict)


class SiteWord(StrEnum):
    """A site in one word, worst first; NEW has no device that ever answered."""

    OUT = "out"
    AT_RISK = "at_risk"
    UNKNOWN = "unknown"
    OK = "ok"
    NEW = "new"


@dataclass(slots=True)
class SiteState:
    word: SiteWord
    since_ms: int


@dataclass(slots=True)
class NetworkState:
    """An operator or a system: its rules' holds, its state in a word of PLAN section 2."""

    rules: dict[str, Hold] = field(default_factory=dict)
    impact: str = "unknown"
    since_ms: int = 0


@dataclass(slots=True)
class Onset:
    """When a cell, ``[operator, town]`` or ``["sys", system]``, became affected."""

    at_ms: int
    cell: Annotated[list[str], Field(min_length=2, max_length=2)]
    over_ms: int | None = None


@dataclass(slots=True)
class CareNote:
    """A technician's word on an alarm: ``verb`` is one of ``wire.alarm.AlarmVerb``."""

    at_ms: int
    account: str
    verb: str
    text: str = ""


@dataclass(slots=True)
class Care:
    """Who cares for one raise of an alarm, told by when its trouble began.

    Of ``acked`` and ``closed`` (RFC 8632 operator states) one stands at most.
    """

    since_ms: int
    acked: CareNote | None = None
    closed: CareNote | None = None
    assignee: str | None = None
    notes: list[CareNote] = field(default_factory=list)


@dataclass(slots=True)
class PowerState:
    """What is remembered of a device's battery (``collector.power``).

    ``volts``: its last readings, (arrival, V), thinned; ``capacity_min``: how long it lasted when
    it last ran out, at ``load`` percent, learnt at ``learnt_ms``.
    """

    volts: list[tuple[int, float]] = field(default_factory=list)
    capacity_min: float | None = None
    load: float | None = None
    learnt_ms: int = 0


@dataclass(slots=True)
class State:
    """All of it.

    ``hush`` has shelves and maintenance windows;
    ``marks`` are the receiving watermarks: ``sender lane`` to (epoch, seq, check); ``receipts``
    how far each office has its notices: (epoch, seq, when); ``cares`` what technicians said,
    by ``device|type|qualifier``; ``affected_ms`` since when something is affected without a break;
    ``words`` what became of technicians' words, by their id; ``damage`` what of the store was lost
    (``losses`` or ``anew``) and is told once the offices in ``asking``, of what they hold of
    a store before (``lost``), have said it; ``offices`` who there hears us; ``asked`` which
    devices agents are asked to look at again, and whose word waits for that: child to since when.
    """

    store: int
    session: int = 0
    started_ms: int = 0
    settle_until_ms: int = 0
    agents: dict[str, AgentState] = field(default_factory=dict)
    devices: dict[str, DeviceState] = field(default_factory=dict)
    sites: dict[str, SiteState] = field(default_factory=dict)
    operators: dict[str, NetworkState] = field(default_factory=dict)
    systems: dict[str, NetworkState] = field(default_factory=dict)
    onsets: list[Onset] = field(default_factory=list)
    spread: str = "no"
    spread_since_ms: int = 0
    affected_ms: int | None = None
    power: dict[str, PowerState] = field(default_factory=dict)
    marks: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    receipts: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    offices_poisoned: int = 0
    hush: Hush = field(default_factory=Hush)
    cares: dict[str, Care] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    damage: str = ""
    offices: dict[str, OfficeState] = field(default_factory=dict)
    asking: list[str] = field(default_factory=list)
    lost: Lost = field(default_factory=Lost)
    asked: dict[str, dict[str, int]] = field(default_factory=dict)


CODEC: Final = TypeAdapter(State)
