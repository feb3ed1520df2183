"""The versioned JSON interface ``/api/v1``: what the pages, and anybody else, may read.

The pages use nothing else. ``openapi.json`` is generated from these models and the table of
routes. Stamps are domain milliseconds UTC; texts for people are bilingual; states are the words
of ``State``, impacts those of PLAN section 2.
"""

from __future__ import annotations

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from collector.web.source import State
from wire.notice import Bilingual, NoticeKind, PolicyLine, PowerFact, Verb, Verdict

Item = TypeVar("Item")


class Api(BaseModel):
    """Base of all answers: frozen, closed."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Stamp(Api):
    """Carried by every answer: which board it shows, and the board's domain time.

    Domain time at the answer itself and its scale stand in the headers ``X-Wanglou-Now`` and
    ``X-Wanglou-Scale``, so that an unchanged answer stays the same bytes.
    """

    v: Literal[1] = 1
    revision: int
    at_ms: int


class Counts(Api):
    """Devices or sites by state. 待入网 and 未接入 stand apart: they are in no other figure."""

    ok: int = 0
    alarm: int = 0
    down: int = 0
    unknown: int = 0
    not_commissioned: int = 0
    not_connected: int = 0


class AttestedItem(Api):
    """What a person stated, who told it (``source``), who entered it, and until when it holds.

    ``state`` is none, partial or full; of an entered fact its value.
    """

    state: str
    source: str
    account: str
    name: str
    at_ms: int
    until_ms: int


class WouldItem(Api):
    """What an operator in trial would be judged as now, holds apart, had it counted.

    ``sites`` in use, of which ``out``, ``at_risk`` and ``unknown``; ``warning`` and ``level`` are
    those of the county with it (null: the plan does not know it).
    """

    state: str
    sites: int
    out: int
    at_risk: int
    unknown: int
    warning: Bilingual | None = None
    level: Bilingual | None = None


class Operator(Api):
    """An operator's network. ``seen_ms``: the newest word of one of its sources.

    ``attested`` stands in for an ``impact`` that nobody measures (unknown, absent). In ``trial``
    (试运行) it is judged and shown, and neither counted nor told.
    """

    id: str
    name: Bilingual
    impact: str
    since_ms: int | None
    connected: bool
    trial: bool = False
    would: WouldItem | None = None
    sites: Counts
    at_risk: int
    seen_ms: int | None
    silent_since_ms: int | None
    attested: AttestedItem | None = None


class System(Api):
    """A registered important information system and the devices that it depends on."""

    id: str
    name: str
    impact: str
    since_ms: int | None
    devices: tuple[str, ...]
    attested: AttestedItem | None = None


class Town(Api):
    """A town on the schematic map (0..1000 to the east and the south) and its worst state."""

    code: str
    name: str
    x: int
    y: int
    state: State


class Cell(Api):
    """One town of one operator. ``affected`` is the collector's own judgement (PLAN section 3)."""

    operator: str
    town: str
    state: State
    affected: bool
    sites: int
    down: int
    alarm: int
    unknown: int
    at_risk: int


class Draft(Api):
    """Scenario and level as drafted, with their names; ``literal``: by the plan's own words."""

    warning: str
    warning_name: Bilingual
    level: str
    level_name: Bilingual
    literal_warning: bool
    literal_level: bool
    pending: bool


class Outlook(Api):
    """What is likely to come (PLAN section 2): never a state, and it clears nothing.

    ``at_ms`` with its interval: when this is first reached by batteries that run down; null where
    a threat alone makes it so or nobody knows. ``sites`` go dark, ``behind`` are cut off with
    them. ``operators`` and ``systems`` hold those that would be worse than now.
    """

    warning: str
    warning_name: Bilingual
    level: str
    level_name: Bilingual
    spread: str
    at_ms: int | None
    low_ms: int | None
    high_ms: int | None
    sites: int
    behind: int
    operators: dict[str, str]
    systems: dict[str, str]
    threats: tuple[str, ...]


class DarkItem(Api):
    """A site without mains, and when it goes dark."""

    site: str
    name: str
    town_name: str
    operator: str
    key_unit: bool
    power: PowerFact


class WarningBrief(Api):
    """The open warning in one line: what was issued, before that what is drafted.

    ``draft`` is what the program judges now; an issued warning stands until people change it.
    """

    id: str
    state: str
    state_name: Bilingual
    since_ms: int
    scenario: str
    scenario_name: Bilingual
    level: str
    level_name: Bilingual
    draft: Draft


class Fault(Api):
    """A device that is out of itself; ``hides`` so many others behind it."""

    device: str
    name: str
    town_name: str
    operator: str
    since_ms: int
    hides: int


class Causes(Api):
    """By cause, for dispatch, and by effect: what is lost, and the networks affected.

    ``first`` are the faults behind which most is hidden.
    """

    faults: int
    devices: int
    sites: int
    operators: int
    systems: int
    first: tuple[Fault, ...]


class RulesBrief(Api):
    """Versions of the rules by their first digits: by which it is judged, and those in force.

    ``keeps``: the open warning or incident that is judged by older ones, or empty; ``unsigned``:
    nobody signed for the last change, which ``said`` tells of.
    """

    judged: str
    in_force: str
    keeps: str
    unsigned: bool
    said: Bilingual


class Summary(Stamp):
    """Home. ``not_ok`` holds every site that is not normal, by id: the map's dots.

    ``outlook`` is null where nothing more is likely to come than is observed; ``dark_next`` the
    first sites without mains, by key units and people behind them.
    """

    county: str
    name: Bilingual
    tree: str
    drill: bool
    as_of_ms: int | None
    devices: Counts
    sites: Counts
    hidden: int
    at_risk: int
    causes: Causes
    maintained: int = 0
    shelved: int = 0
    alarms_open: int
    alarms_unacked: int
    operators: tuple[Operator, ...]
    systems: tuple[System, ...]
    towns: tuple[Town, ...]
    cells: tuple[Cell, ...]
    not_ok: dict[str, State]
    warning: WarningBrief | None
    outlook: Outlook | None = None
    dark_next: tuple[DarkItem, ...] = ()
    config_hash: str
    rules: RulesBrief
    remarks: tuple[Bilingual, ...]


class SiteSpots(Api):
    """Where the sites stand on the schematic map; changes with the register only."""

    v: Literal[1] = 1
    schematic: Literal[True] = True
    id: tuple[str, ...]
    x: tuple[int, ...]
    y: tuple[int, ...]


class DeviceRow(Api):
    """A device in a list."""

    id: str
    name: str
    site: str
    site_name: str
    town: str
    town_name: str
    operator: str
    state: State
    word: str
    since_ms: int | None
    seen_ms: int | None
    why: Bilingual
    cause: str | None
    hides: int
    key_unit: bool
    quiet: str = ""


class SiteRow(Api):
    """A site in a list, with the states of its devices; ``power`` while its mains are lost."""

    id: str
    name: str
    town: str
    town_name: str
    operator: str
    state: State
    at_risk: bool
    key_unit: bool
    hub: bool
    weight: float
    since_ms: int | None
    why: Bilingual
    devices: Counts
    power: PowerFact | None = None


class Page(Stamp, Generic[Item]):
    """A part of a list, in order; ``total`` is the length of the whole filtered list."""

    total: int
    offset: int
    items: tuple[Item, ...]


class Ref(Api):
    """A device that another one is reached through, or that hangs on it."""

    id: str
    name: str
    state: State


class TransitionItem(Api):
    at_ms: int
    before: State
    after: State
    why: Bilingual


class ReadingItem(Api):
    metric: str
    instance: str
    value: float | None
    text: str
    unit: str
    at_ms: int
    alarm: str | None


class NoteItem(Api):
    at_ms: int
    account: str
    name: str
    verb: str
    text: str


class ChangeItem(Api):
    """A row of an alarm's status-change list: raised, cleared, flapping, settled."""

    at_ms: int
    word: str
    severity: str
    said: str


class ShelfItem(Api):
    """An alarm on the shelf: under which name, why, by whom, until when."""

    alarm: str
    device_name: str
    name: str
    reason: str
    account: str
    person: str
    until_ms: int


class WindowItem(Api):
    """A maintenance window; ``account`` None: it is the register's.

    ``devices`` it covers (key units' are not covered), ``wrong`` so many are out of order now.
    """

    id: str
    name: str
    reason: str
    account: str | None
    person: str
    targets: tuple[Bilingual, ...]
    rrule: str
    state: Literal["open", "coming"]
    begins_ms: int | None
    ends_ms: int | None
    devices: int
    wrong: int


class MaintenanceAnswer(Stamp):
    """Maintenance windows that run or are to come, and everything on the shelf."""

    windows: tuple[WindowItem, ...]
    shelf: tuple[ShelfItem, ...]


class AlarmItem(Api):
    """An alarm with who cares for it; cleared is a moment, not a severity (RFC 8632).

    ``unknown``: what it is about cannot be seen now, so that it neither goes on nor is over as
    measured; ``raised_ms`` and ``cleared_ms`` are what was last seen. ``cause`` is the X.733
    probable cause with its number; ``changes`` are newest first.
    """

    id: str
    device: str | None
    device_name: str
    site: str | None
    site_name: str
    town: str
    town_name: str
    operator: str
    type: str
    title: Bilingual
    severity: str
    raised_ms: int
    cleared_ms: int | None
    text: Bilingual
    flapping: bool
    unknown: bool
    acked: NoteItem | None
    assignee: str | None
    assignee_name: str
    notes: tuple[NoteItem, ...]
    closed: NoteItem | None = None
    shelved: ShelfItem | None = None
    maintained: bool = False
    cause: str = ""
    cause_no: int | None = None
    event_type: str = ""
    changes: tuple[ChangeItem, ...] = ()


class PointItem(Api):
    """A vantage point: whether the device answers it; null where it says nothing now."""

    agent: str
    answers: bool | None


class DeviceAnswer(Stamp):
    """One device: what it is, how it stands and why, what it hangs on and what hangs on it.

    ``taken_down_by`` are the faults at the root of its being cut off, ``takes_down`` what is cut
    off by it now; ``points`` where several agents look at it, ``disagree``: some are answered.
    """

    device: DeviceRow
    cause_name: str
    main: bool
    egress: bool
    parents: tuple[Ref, ...]
    children: tuple[Ref, ...]
    children_total: int
    taken_down_by: tuple[Ref, ...] = ()
    takes_down: tuple[Ref, ...] = ()
    takes_down_total: int = 0
    points: tuple[PointItem, ...] = ()
    disagree: bool = False
    systems: tuple[str, ...]
    transitions: tuple[TransitionItem, ...]
    readings: tuple[ReadingItem, ...]
    alarms: tuple[AlarmItem, ...]


class SiteAnswer(Stamp):
    """One site with all its devices and open alarms; what took it down, what it takes down."""

    site: SiteRow
    devices: tuple[DeviceRow, ...]
    taken_down_by: tuple[Ref, ...] = ()
    takes_down: tuple[Ref, ...] = ()
    takes_down_total: int = 0
    alarms: tuple[AlarmItem, ...]


class LineItem(Api):
    metric: str
    instance: str
    unit: str
    values: tuple[float | None, ...]


class SeriesAnswer(Api):
    """History in columns: one value per stamp in each line, null where none was measured."""

    v: Literal[1] = 1
    device: str
    from_ms: int
    to_ms: int
    at_ms: tuple[int, ...]
    lines: tuple[LineItem, ...]


class Quotation(Api):
    """A clause of the plan that took part, in its own words, or a rule and what it says."""

    id: str
    text: Bilingual


class StepItem(Api):
    """A next step: the button's verb and target, and the roles whose key may sign it."""

    verb: Verb
    target: str
    roles: tuple[str, ...]
    role_names: tuple[Bilingual, ...]
    projected: bool = False


class NoticeItem(Api):
    id: str
    number: int
    kind: NoticeKind
    at_ms: int
    recipient: str
    subject: Bilingual
    text: Bilingual
    receipted_ms: int | None
    acked_ms: int | None
    acked_by: str | None


class LogItem(Api):
    at_ms: int
    what: Bilingual
    account: str | None
    name: str
    reason: str


class OpenWarning(Api):
    """The warning machine's state, what may be ordered now, and what has been done."""

    id: str
    state: str
    state_name: Bilingual
    since_ms: int
    expires_ms: int | None
    scenario: str
    scenario_name: Bilingual
    level: str
    level_name: Bilingual
    steps: tuple[StepItem, ...]
    log: tuple[LogItem, ...]


class ValueItem(Api):
    value: str
    name: Bilingual


class FactItem(Api):
    """A fact that only people can enter, the values it can have, and the one in force."""

    id: str
    name: Bilingual
    values: tuple[ValueItem, ...]
    entered: AttestedItem | None


class ThreatItem(Api):
    """What may come from outside; ``entered`` false: a feed proposes it, a person signs or not."""

    id: str
    what: str
    source: str
    account: str
    name: str
    degree: str
    at_ms: int
    from_ms: int
    until_ms: int
    operators: tuple[str, ...]
    systems: tuple[str, ...]
    towns: tuple[str, ...]
    spread: bool
    entered: bool
    areas: str


class WarningAnswer(Stamp):
    """The office's first view. Without impact ``warning`` is null and the draft says none.

    ``unknown`` names what is not known: operators, systems, the spread. ``reports`` are warnings
    that are over, newest first: each has a closing report.
    """

    county: str
    tree: str
    warning: OpenWarning | None
    draft: Draft | None
    verdict: Verdict | None
    warning_range: tuple[Bilingual, Bilingual] | None
    level_range: tuple[Bilingual, Bilingual] | None
    unknown: tuple[Bilingual, ...]
    absent: tuple[Bilingual, ...]
    rules: tuple[Quotation, ...]
    clauses: tuple[Quotation, ...]
    judgement: tuple[Quotation, ...]
    evidence: tuple[str, ...]
    policy: tuple[PolicyLine, ...]
    operators: tuple[Operator, ...]
    systems: tuple[System, ...]
    facts: tuple[FactItem, ...]
    outlook: Outlook | None = None
    dark_next: tuple[DarkItem, ...] = ()
    threats: tuple[ThreatItem, ...] = ()
    cells: tuple[Cell, ...]
    sites: tuple[SiteRow, ...]
    sites_total: int
    notices: tuple[NoticeItem, ...]
    reports: tuple[str, ...]


class Person(Api):
    """Somebody with an account: whose key signs, and to whom an alarm can be assigned."""

    account: str
    name: str
    organ: str
    roles: tuple[str, ...]
    role_names: tuple[Bilingual, ...]
    key: str


class PeopleAnswer(Stamp):
    county: str
    tree: str
    people: tuple[Person, ...]


class DrillKey(Api):
    """A drill's invented person's private key (PEM); never offered outside a drill's tree."""

    account: str
    key: str
    pem: str


class DrillKeys(Api):
    v: Literal[1] = 1
    keys: tuple[DrillKey, ...]


class OutcomeAnswer(Api):
    """What became of an order."""

    v: Literal[1] = 1
    accepted: bool
    word: str
    text: Bilingual


class Change(Api):
    """The data of a server-sent ``change``: what to fetch again. ``ids`` null: everything."""

    revision: int
    now_ms: int
    scale: float
    ids: tuple[str, ...] | None


class Health(Api):
    """``/healthz``: the process answers; how old the board is, in domain milliseconds."""

    v: Literal[1] = 1
    ok: Literal[True] = True
    revision: int
    board_age_ms: Annotated[int, Field(ge=0)]


class Problem(Api):
    """Every refusal: a word for machines, a sentence for people."""

    error: str
    text: Bilingual
