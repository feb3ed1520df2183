"""What the pages are made from: the county's state as plain values, and who provides it.

The collector implements ``Source`` over its board and history; the pages know nothing else of the
collector. A ``Board`` is one immutable moment: taking it copies nothing and blocks nobody. What
seldom changes (register, plan, positions) is shared between boards by reference.

All stamps are domain milliseconds UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol

from collector.analysis_sheets import Report
from collector.consequence import Counts
from collector.explanation import Explanation
from collector.inforce import NO_RULES, Rules
from collector.period import Period
from collector.would import Would
from config.register import Register
from escalation.charter import EnteredFact
from escalation.situation import Threat
from wire.notice import Bilingual, NoticeKind, PolicyLine, PowerFact, Signed, Verb, Verdict


class State(StrEnum):
    """How a device or a site stands, worst first (the order in which lists are sorted).

    ``down`` 中断, ``alarm`` 告警, ``unknown`` 未知 (no fresh word: not normal), ``ok`` 正常;
    ``not_commissioned`` 待入网 has never answered and counts nowhere, ``not_connected`` 未接入 has
    no source enrolled.
    """

    DOWN = "down"
    ALARM = "alarm"
    UNKNOWN = "unknown"
    OK = "ok"
    NOT_COMMISSIONED = "not_commissioned"
    NOT_CONNECTED = "not_connected"


ORDER: Final = {state: place for place, state in enumerate(State)}
"""Worst first."""

EMPTY: Final = Bilingual(zh="", en="")


def _never(_device: str) -> int | None:
    return None


def _no_counts() -> Counts:
    return Counts(0, 0, 0, 0, 0)


def _no_windows() -> tuple[WindowState, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class DeviceState:
    """A device's state, since when, why in words.

    ``cause`` is the device behind which it is hidden, if it is. ``word`` is the collector's own
    word (``snmp_fault``, ``hidden`` …) when it says more than the state. ``quiet``: nobody is told
    of it, because of maintenance, or as all of it is shelved.
    """

    state: State
    since_ms: int
    why: Bilingual = EMPTY
    cause: str | None = None
    word: str = ""
    quiet: str = ""


@dataclass(frozen=True, slots=True)
class SiteState:
    """A site's state; ``at_risk``: mains lost, battery running down (PLAN section 4).

    ``power``: when it goes dark, while its mains are lost.
    """

    state: State
    since_ms: int
    why: Bilingual = EMPTY
    at_risk: bool = False
    power: PowerFact | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What a person stated: the state (or a fact's value), who said so, who entered it."""

    state: str
    source: str
    account: str
    at_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class CellState:
    """What the collector judged of one (operator, town) or operator or system as a whole.

    ``impact`` is none, partial, full, unknown or absent; ``affected`` the cell's own judgement.
    ``attested`` stands in for an ``impact`` that nobody measures. ``would``: what an operator in
    trial would be judged as, had it counted.
    """

    impact: str
    since_ms: int | None = None
    affected: bool = False
    attested: Said | None = None
    would: Would | None = None


@dataclass(frozen=True, slots=True)
class SourceState:
    """One enrolled agent: when it was last heard, and since when it is silent (None: it speaks)."""

    agent: str
    operator: str
    seen_ms: int | None
    silent_since_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """A person's word on an alarm: acknowledgement, note or assignment."""

    at_ms: int
    account: str
    verb: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """A row of an alarm's status-change list: raised, cleared, flapping, settled."""

    at_ms: int
    word: str
    severity: str
    said: str = ""


@dataclass(frozen=True, slots=True)
class ShelfMark:
    """An alarm on the shelf: under which name, why, by whom, until when."""

    alarm: str
    name: str
    reason: str
    account: str
    until_ms: int


@dataclass(frozen=True, slots=True)
class Alarm:
    """A raised condition (RFC 8632): cleared is a moment, not a severity.

    ``id`` is the key (resource, type, qualifier) as one text. ``notes`` are in order; the newest
    acknowledgement, closing and assignment stand in fields of their own as well. ``cause`` is the
    X.733 probable cause with its number; ``changes`` are the last ones, newest first. ``unknown``:
    what it is about cannot be seen now, so it stands as it was last seen.
    """

    id: str
    device: str | None
    site: str | None
    type: str
    title: Bilingual
    severity: str
    raised_ms: int
    cleared_ms: int | None = None
    text: Bilingual = EMPTY
    flapping: bool = False
    unknown: bool = False
    acked: Note | None = None
    assignee: str | None = None
    notes: tuple[Note, ...] = ()
    closed: Note | None = None
    shelved: ShelfMark | None = None
    maintained: bool = False
    cause: str = ""
    cause_no: int | None = None
    event_type: str = ""
    changes: tuple[Change, ...] = ()

    @property
    def hushed(self) -> bool:
        """On the shelf, or in a maintenance window: it waits for nobody."""
        return self.shelved is not None or self.maintained


@dataclass(frozen=True, slots=True)
class WindowState:
    """A maintenance window that runs (``open``) or is to come; ``account`` None: the register's.

    ``devices`` it covers, ``wrong`` so many of them are out of order now.
    """

    id: str
    name: str
    reason: str
    account: str | None
    targets: tuple[Bilingual, ...]
    rrule: str
    open: bool
    begins_ms: int | None
    ends_ms: int | None
    devices: int
    wrong: int


@dataclass(frozen=True, slots=True)
class NextStep:
    """A verb that the warning machine now allows, on which target, and the roles that may.

    ``projected``: what is proposed is the projected scenario and level.
    """

    verb: Verb
    target: str
    roles: tuple[str, ...] = ()
    projected: bool = False


@dataclass(frozen=True, slots=True)
class NoticeState:
    """A notice that was told, with its machine receipt and its acknowledgement by a person."""

    id: str
    number: int
    kind: NoticeKind
    at_ms: int
    recipient: str
    subject: Bilingual
    text: Bilingual
    warning_id: str | None = None
    receipted_ms: int | None = None
    acked_ms: int | None = None
    acked_by: str | None = None


@dataclass(frozen=True, slots=True)
class LogLine:
    """One recorded step of the warning: what, by whom (None: the machine), and the reason."""

    at_ms: int
    what: Bilingual
    account: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class WarningState:
    """The open warning (预警). ``state`` is its machine's word, such as drafted or issued."""

    id: str
    state: str
    state_name: Bilingual
    since_ms: int
    scenario: str
    level: str
    expires_ms: int | None = None
    steps: tuple[NextStep, ...] = ()
    log: tuple[LogLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Words:
    """Names and quotations of the plan file that the pages show, by id.

    ``judgement`` maps a gap rule to the clause that leaves the judgement to people.
    """

    operators: Mapping[str, Bilingual] = field(default_factory=dict)
    scenarios: Mapping[str, Bilingual] = field(default_factory=dict)
    levels: Mapping[str, Bilingual] = field(default_factory=dict)
    roles: Mapping[str, Bilingual] = field(default_factory=dict)
    rules: Mapping[str, Bilingual] = field(default_factory=dict)
    clauses: Mapping[str, str] = field(default_factory=dict)
    judgement: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, EnteredFact] = field(default_factory=dict)
    remarks: tuple[Bilingual, ...] = ()


@dataclass(frozen=True, slots=True)
class Static:
    """What changes only with the configuration; shared by all boards until it does.

    ``positions`` are schematic, 0..1000 to the east and the south, by town code and site id; what
    has none is placed beside its town.
    """

    register: Register
    name: Bilingual
    words: Words = Words()
    positions: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    config_hash: str = ""


@dataclass(frozen=True, slots=True)
class Board:
    """The county at ``at_ms``. ``revision`` rises with every change; mappings never change.

    Devices and sites that are in no mapping count as not connected. ``seen`` gives the last fresh
    word about a device as of now: each round renews it for all of them, so it is asked for only
    where it is shown. ``reports``: warnings that are over, newest first. ``threats``: what may
    come from outside, entered or proposed by a feed. ``counts``: by cause, and by effect.
    """

    revision: int
    at_ms: int
    county: str
    tree: str
    static: Static
    devices: Mapping[str, DeviceState]
    sites: Mapping[str, SiteState]
    operators: Mapping[str, CellState] = field(default_factory=dict)
    systems: Mapping[str, CellState] = field(default_factory=dict)
    cells: Mapping[tuple[str, str], CellState] = field(default_factory=dict)
    sources: tuple[SourceState, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    verdict: Verdict | None = None
    evidence: tuple[str, ...] = ()
    policy: tuple[PolicyLine, ...] = ()
    warning: WarningState | None = None
    notices: tuple[NoticeState, ...] = ()
    entered: Mapping[str, Said] = field(default_factory=dict)
    threats: tuple[Threat, ...] = ()
    reports: tuple[str, ...] = ()
    remarks: tuple[Bilingual, ...] = ()
    rules: Rules = NO_RULES
    seen: Callable[[str], int | None] = _never
    windows: Callable[[], tuple[WindowState, ...]] = _no_windows
    counts: Callable[[], Counts] = _no_counts
    maintained: int = 0
    shelf: tuple[ShelfMark, ...] = ()


@dataclass(frozen=True, slots=True)
class Transition:
    """A device changed its state at ``at_ms``; or, with one state twice, was spoken of (a trap)."""

    at_ms: int
    before: State
    after: State
    why: Bilingual = EMPTY


@dataclass(frozen=True, slots=True)
class ReadingState:
    """A watched value as last reported; ``text`` when it is a name or an enumerated state."""

    metric: str
    instance: str
    value: float | None
    unit: str
    at_ms: int
    text: str = ""
    alarm: str | None = None


@dataclass(frozen=True, slots=True)
class Detail:
    """What is fetched for one device only; transitions newest first.

    ``taken_down_by`` and ``takes_down`` are ids of devices (``collector.consequence``);
    ``points`` what each vantage point says where there are several: it answers, or not, or (None)
    nothing.
    """

    transitions: tuple[Transition, ...] = ()
    readings: tuple[ReadingState, ...] = ()
    taken_down_by: tuple[str, ...] = ()
    takes_down: tuple[str, ...] = ()
    points: Mapping[str, bool | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart: a value per stamp of ``Series.at_ms``, None where none was measured."""

    metric: str
    instance: str
    unit: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Series:
    """A device's history in columns; at most ``SERIES_POINTS`` stamps."""

    at_ms: tuple[int, ...] = ()
    lines: tuple[Line, ...] = ()


SERIES_POINTS: Final = 1440


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an order. ``word`` is for machines, the text for people."""

    accepted: bool
    word: str
    text: Bilingual


@dataclass(frozen=True, slots=True)
class Invented:
    """A person of a drill with the private key (PEM), so that a newcomer can click through."""

    account: str
    key: str
    pem: str


class NoMoment(Exception):  # noqa: N818  it says what is not there
    """The inputs of a moment are not retained, or cannot be read; ``said`` is for people."""

    def __init__(self, said: Bilingual) -> None:
        super().__init__(said.en)
        self.said = said


Changed = frozenset[str] | None
"""Ids of devices, sites and alarms that changed; None: too many to name."""


class Source(Protocol):
    """What the web application needs of the collector. No method may block."""

    def board(self) -> Board:
        """The newest board."""
        ...

    def now_ms(self) -> int:
        """Domain time now."""
        ...

    @property
    def scale(self) -> float:
        """Domain seconds per real second (1 in earnest)."""
        ...

    def subscribe(self, callback: Callable[[Changed], None]) -> Callable[[], None]:
        """Call ``callback`` after each new board; the result ends it. Callbacks do not block."""
        ...

    async def detail(self, device: str) -> Detail:
        """Transitions and readings of one registered device."""
        ...

    async def series(self, device: str, from_ms: int, to_ms: int) -> Series:
        """History of one registered device."""
        ...

    async def why(self, target: str) -> Explanation | None:
        """Why the warning, or a thing by id or name, is judged as it is; None: no such thing."""
        ...

    async def why_then(self, target: str, at_ms: int) -> Explanation | None:
        """The same as of a moment that is over. Raises NoMoment."""
        ...

    async def report(self, warning: str) -> tuple[dict[str, Any], str] | None:
        """The closing report on a warning, as data and as Markdown; None when there is no such."""
        ...

    async def analysis(self, asked: Period) -> Report:
        """The regular analysis of a period, from the decision journal."""
        ...

    async def command(self, signed: Signed) -> Outcome:
        """Carry out a person's signed order; the collector checks signature and authority."""
        ...

    async def alarm_action(self, signed: Signed) -> Outcome:
        """Carry out a technician's signed word on alarms."""
        ...

    async def look_now(self, device: str) -> Outcome:
        """Ask the device's agent to look again at once."""
        ...

    def invented_people(self) -> tuple[Invented, ...]:
        """The drill's invented people with their keys; empty in earnest."""
        ...
