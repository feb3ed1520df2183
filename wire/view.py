"""Retained topics for any MQTT client: what is seen of sites, devices, operators and warnings.

Written by the collector alone, UTF-8 JSON, never deflated. ``rev`` counts the published changes of
one branch (an operator's, the county's, the warnings'): it rises within a session, and the index
carries the last one, so that a reader who has seen it has everything. ``as_of_ms`` is when the
last word about a thing had arrived when its topic was written; while a topic does not change, its
thing is as fresh as the operator's index says (DESIGN "Disclosure", PLAN section 7 "MQTT").
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from wire.base import Id, Ms, Wire
from wire.notice import PowerFact, Projected, spoken
from wire.observation import Method, Outcome

NONE: Final = "none"
"""Stands for no warning, no scenario, no level."""

PAGE: Final = 2000
"""Ids on one page of an index: of the longest ids, still well under the wire's limit."""

Name = Annotated[str, Field(max_length=200)]
Line = Annotated[str, Field(max_length=512)]
Count = Annotated[int, Field(ge=0)]
Rev = Annotated[int, Field(ge=0, le=2**53)]
Every = Annotated[int, Field(gt=0)]


class Disclosure(StrEnum):
    """How much of an operator's equipment leaves the county's own pages, least first.

    ``site``: sites with town, state, cause class, mains and battery; ``device``: also each
    device's state and cause class; ``full``: also what was measured, said and concluded of it.
    """

    SITE = "site"
    DEVICE = "device"
    FULL = "full"


class SiteState(StrEnum):
    """A site in one word. ``new``: nothing there ever answered (待入网)."""

    OUT = "out"
    AT_RISK = "at_risk"
    UNKNOWN = "unknown"
    OK = "ok"
    NEW = "new"
    NOT_CONNECTED = "not_connected"


class DeviceState(StrEnum):
    """A device in one word. ``hidden``: cut off behind another one that is down."""

    DOWN = "down"
    HIDDEN = "hidden"
    UNKNOWN = "unknown"
    SNMP_FAULT = "snmp_fault"
    ALARM = "alarm"
    OK = "ok"
    NEW = "new"
    NOT_CONNECTED = "not_connected"


class CauseClass(StrEnum):
    """Why, as a class that names nobody and nothing.

    ``power`` to ``security`` follow the alarm's X.733 event type, power set apart by its probable
    cause. ``unreachable``: no answer, cause not known. ``upstream``: cut off behind something
    else. ``management``: answers, but not to SNMP. ``unseen``: nobody looks at it now.
    """

    NONE = "none"
    POWER = "power"
    ENVIRONMENT = "environment"
    COMMUNICATIONS = "communications"
    EQUIPMENT = "equipment"
    PROCESSING = "processing"
    QUALITY = "quality"
    SECURITY = "security"
    UNREACHABLE = "unreachable"
    UPSTREAM = "upstream"
    MANAGEMENT = "management"
    UNSEEN = "unseen"


class Mains(StrEnum):
    """Commercial power at a site; absent (null) where nobody measures it."""

    ON = "on"
    LOST = "lost"


class Battery(StrEnum):
    """A site's batteries by the worst of their alarms; absent (null) where nobody measures."""

    OK = "ok"
    DISCHARGING = "discharging"
    LOW = "low"
    FAILED = "failed"


class Quiet(StrEnum):
    """Why nobody is told of a thing. What it says of the thing is true all the same.

    Work is under way (维护中), its operator is in trial (试运行), or a person shelved what is
    wrong (已搁置).
    """

    MAINTENANCE = "maintenance"
    TRIAL = "trial"
    SHELVED = "shelved"


class SiteView(Wire):
    """One site; on ``view/{operator}/sites/{site}``. Nothing else leaves at level ``site``.

    ``since_ms`` is when it came into its state, null when it never was in one. The battery's
    figures are those of the UPS that has least left. ``power`` is written only while the mains
    are lost: when the site goes dark, and on what ground. ``quiet`` is written only where it holds.
    """

    kind: Literal["site_view"] = "site_view"
    operator: Id
    site: Id
    name: Name
    town: Id
    town_name: Name
    key_unit: bool
    state: SiteState
    since_ms: Ms | None
    cause: CauseClass
    mains: Mains | None
    battery: Battery | None
    battery_min: Count | None
    battery_percent: Annotated[int, Field(ge=0, le=100)] | None
    as_of_ms: Ms | None
    rev: Rev
    power: PowerFact | None = None
    quiet: Quiet | None = None

    @model_serializer(mode="wrap")
    def _written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return spoken(write(self), ("power", "quiet"))


class AlarmView(Wire):
    """A raised or flapping alarm of a device, at level ``full``. ``said``: the judged value.

    ``unknown`` is written only where nobody can see now what it is about: it was raised, and
    whether it goes on is not known.
    """

    type: Id
    qualifier: Line
    since_ms: Ms
    flapping: bool
    said: Line
    unknown: bool = False

    @model_serializer(mode="wrap")
    def _written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return spoken(write(self), ("unknown",))


class LookView(Wire):
    """An agent's last look by one method, at level ``full``."""

    agent: Id
    method: Method
    outcome: Outcome
    reason: Line
    detail: Line


class DeviceDetail(Wire):
    """What leaves at level ``full`` alone: sentences, neighbours, alarms, looks."""

    why: Line
    hidden_by: tuple[Id, ...]
    alarms_total: Count
    alarms: Annotated[tuple[AlarmView, ...], Field(max_length=100)]
    looks: Annotated[tuple[LookView, ...], Field(max_length=32)]


class DeviceView(Wire):
    """One device; on ``view/{operator}/devices/{device}`` at levels ``device`` and ``full``.

    ``detail`` is null at level ``device``. ``main``: the site is out when this device is.
    ``quiet`` is written only where it holds.
    """

    kind: Literal["device_view"] = "device_view"
    operator: Id
    site: Id
    device: Id
    name: Name
    main: bool
    state: DeviceState
    since_ms: Ms | None
    cause: CauseClass
    as_of_ms: Ms | None
    detail: DeviceDetail | None
    rev: Rev
    quiet: Quiet | None = None

    @model_serializer(mode="wrap")
    def _written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return spoken(write(self), ("quiet",))


class SiteCounts(Wire):
    """How many sites are in each state."""

    out: Count = 0
    at_risk: Count = 0
    unknown: Count = 0
    ok: Count = 0
    new: Count = 0
    not_connected: Count = 0


class DeviceCounts(Wire):
    """How many devices are in each state."""

    down: Count = 0
    hidden: Count = 0
    unknown: Count = 0
    snmp_fault: Count = 0
    alarm: Count = 0
    ok: Count = 0
    new: Count = 0
    not_connected: Count = 0


class SourceView(Wire):
    """An agent: ``ok``, or why it cannot be counted on: never, silent, offline, stalled."""

    agent: Id
    state: Literal["ok", "never", "silent", "offline", "stalled"]
    since_ms: Ms | None


class OperatorSummary(Wire):
    """One operator's network; on ``view/{operator}/summary``.

    ``impact``: none, partial, full, unknown (PLAN section 2), or absent where no agent is
    enrolled. ``devices`` is null at level ``site``. ``trial`` is written only where it holds: the
    operator is judged and shown, and neither counted nor told.
    """

    kind: Literal["operator_summary"] = "operator_summary"
    operator: Id
    name: Name
    impact: Id
    since_ms: Ms | None
    sites: SiteCounts
    devices: DeviceCounts | None
    towns_affected: tuple[Id, ...]
    sources: tuple[SourceView, ...]
    rev: Rev
    trial: bool = False

    @model_serializer(mode="wrap")
    def _written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return spoken(write(self), ("trial",))


class OperatorIndex(Wire):
    """The head of an operator's index; on ``view/{operator}/index``, again every ``every_ms``.

    ``every_ms`` is real time. ``sites`` and ``devices`` count the topics there are; their ids are
    on ``index/1`` to ``index/{pages}``. ``as_of_ms``: every thing whose state is neither unknown
    nor new is at least as fresh as this, but for what rounds missed lately; null while an agent
    is not to be counted on.
    """

    kind: Literal["operator_index"] = "operator_index"
    operator: Id
    disclose: Disclosure
    session: Count
    at_ms: Ms
    every_ms: Every
    as_of_ms: Ms | None
    sites: Count
    devices: Count
    pages: Count
    rev: Rev


class IndexPage(Wire):
    """Ids that have a topic; on ``view/{operator}/index/{page}``, from 1 on.

    A topic that is on no page is not ours any more: its site or device left the register, or
    less is disclosed than before; it is cleared by an empty retained payload.
    """

    kind: Literal["index_page"] = "index_page"
    operator: Id
    page: Annotated[int, Field(ge=1)]
    pages: Annotated[int, Field(ge=1)]
    sites: Annotated[tuple[Id, ...], Field(max_length=PAGE)]
    devices: Annotated[tuple[Id, ...], Field(max_length=PAGE)]


class OfficeView(Wire):
    """An office client by its own signed presence: whether anybody there hears the county.

    ``state``: ok; never (has not connected yet); silent; offline. ``since_ms``: null for never.
    """

    office: Id
    state: Id
    since_ms: Ms | None


class CountyIndex(Wire):
    """The county's operators and totals; on ``view/index``, again every ``every_ms`` (real)."""

    kind: Literal["county_index"] = "county_index"
    county: Id
    tree: Id
    session: Count
    at_ms: Ms
    every_ms: Every
    operators: tuple[Id, ...]
    sites: SiteCounts
    config_hash: Annotated[str, Field(max_length=64)]
    offices: tuple[OfficeView, ...] = ()


class StandingView(Wire):
    """A scenario and a level by the plan's ids, ``none`` for nothing."""

    scenario: Id
    level: Id


class OpenWarning(Wire):
    """The open warning; on ``warning/open``. With none open, ``id`` and ``state`` are ``none``.

    ``scenario`` and ``level`` are those in force if it was issued, else those drafted.
    ``observed`` and what follows is what the decision function says now (PLAN section 2), with
    its range, rules and clauses, warning or not. ``projected`` is written only where more is
    likely to come than is observed: it is no state, and clears nothing.
    """

    kind: Literal["open_warning"] = "open_warning"
    county: Id
    tree: Id
    id: Id
    state: Id
    since_ms: Ms | None
    expires_ms: Ms | None
    scenario: Id
    level: Id
    drafted: StandingView | None
    proposed: StandingView | None
    issued: StandingView | None
    observed: StandingView
    scenario_range: tuple[Id, Id]
    level_range: tuple[Id, Id]
    pending: bool
    literal_scenario: bool
    literal_level: bool
    operators: dict[Id, Id]
    systems: dict[Id, Id]
    spread: Id
    rules: tuple[Id, ...]
    clauses: tuple[Line, ...]
    at_ms: Ms
    rev: Rev
    projected: Projected | None = None

    @model_serializer(mode="wrap")
    def _written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return spoken(write(self), ("projected",))


class WarningIndex(Wire):
    """Which warnings are open (none or one); on ``warning/index``, again every ``every_ms``."""

    kind: Literal["warning_index"] = "warning_index"
    county: Id
    tree: Id
    session: Count
    at_ms: Ms
    every_ms: Every
    open: tuple[Id, ...]
    rev: Rev


View = (
    SiteView
    | DeviceView
    | OperatorSummary
    | OperatorIndex
    | IndexPage
    | CountyIndex
    | OpenWarning
    | WarningIndex
)
