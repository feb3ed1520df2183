"""What a source saw: looks, readings, round markers (state lane) and samples (sample lane).

The state lane carries what decides: outcomes and watched readings, when they change, and one
round marker per interval, so that freshness costs nothing (DESIGN "Decisions taken" 1). The
sample lane carries every reading in columns.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from wire.base import Id, Ms, Number, Span, Tally, Wire


class Outcome(StrEnum):
    """The four outcomes of a look (STYLE habit 6). Only the first two speak about the device."""

    MEASURED = "measured"
    NO_ANSWER = "no_answer"
    REFUSED = "refused"
    COULD_NOT_LOOK = "could_not_look"


class Method(StrEnum):
    """How a source looks at a device."""

    ICMP = "icmp"
    SNMP = "snmp"


class Look(Wire):
    """One method's outcome at one device, sent when outcome or reason changes, and on refresh.

    ``reason`` is a short machine word (``timeout``, ``unreachable``, ``no_permission``,
    ``authorizationError`` …), ``detail`` free text for people. ``since_ms`` is when this outcome
    was first seen, ``at_ms`` when it was last seen.
    """

    t: Literal["look"] = "look"
    device: Id
    method: Method
    outcome: Outcome
    since_ms: Ms
    at_ms: Ms
    reason: Annotated[str, Field(max_length=64)] = ""
    detail: Annotated[str, Field(max_length=512)] = ""
    rtt_us: Tally | None = None


class Reading(Wire):
    """One watched value of a device: a metric name from its profile, in the profile's unit.

    ``instance`` is the row of a table (an interface name, a sensor index), empty for scalars.
    ``value`` is None when the device said that the object does not exist (any more).
    """

    t: Literal["reading"] = "reading"
    device: Id
    metric: Id
    instance: Annotated[str, Field(max_length=128)] = ""
    value: Number
    at_ms: Ms


class Round(Wire):
    """The marker at the end of one polling round: its devices are fresh even if nothing changed.

    ``looked`` devices of the agent's inventory were looked at; ``missed`` names those that were
    due and were not (could not look). A device in neither keeps its previous age.
    """

    t: Literal["round"] = "round"
    number: Tally
    interval_ms: Span
    started_ms: Ms
    ended_ms: Ms
    looked: Tally
    missed: Annotated[tuple[Id, ...], Field(max_length=100_000)] = ()


class EventSource(StrEnum):
    """What an event was learnt from."""

    TRAP = "trap"
    TRACE = "trace"
    RESTART = "restart"


class Event(Wire):
    """Something that was said of a device beside the looks: evidence, never a state.

    ``kind`` is the notification's name or OID (``trap``), where a path ended (``trace``), or
    ``restarted``: sysUpTime or snmpEngineBoots told of it between two looks (``restart``).
    ``count`` of the same kind came from ``from_ms`` to ``at_ms``. ``look`` is the outcome of the
    look that a trap started, None when there was none; ``changed`` how many watched values
    it found changed.

    Agents put events in rows of their own, because a collector before this item sets a row aside
    of which it does not know an item.
    """

    t: Literal["event"] = "event"
    device: Id
    source: EventSource
    kind: Annotated[str, Field(min_length=1, max_length=512)]
    text: Annotated[str, Field(max_length=512)] = ""
    count: Annotated[int, Field(ge=1, le=2**53)] = 1
    from_ms: Ms
    at_ms: Ms
    look: Outcome | None = None
    changed: Tally = 0


StateItem = Annotated[Look | Reading | Round | Event, Field(discriminator="t")]


class Looks(Wire):
    """The present outcome of many devices in columns: how an agent begins (FAULTS F8).

    Looks of all ``methods`` at ``devices`` have this outcome as of ``at_ms``. ``since_ms`` has one
    entry per device; empty (a digest) it leaves a beginning that is known alone.
    """

    t: Literal["looks"] = "looks"
    methods: Annotated[tuple[Method, ...], Field(min_length=1, max_length=8)]
    outcome: Outcome
    reason: Annotated[str, Field(max_length=64)] = ""
    at_ms: Ms
    devices: Annotated[tuple[Id, ...], Field(min_length=1, max_length=5000)]
    since_ms: Annotated[tuple[Ms, ...], Field(max_length=5000)] = ()

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        if self.since_ms and len(self.since_ms) != len(self.devices):
            raise ValueError("columns of looks differ in length")
        return self


class Readings(Wire):
    """Present values of one metric in columns, as of ``at_ms``: the other half of ``Looks``."""

    t: Literal["readings"] = "readings"
    metric: Id
    at_ms: Ms
    device: Annotated[tuple[Id, ...], Field(min_length=1, max_length=5000)]
    instance: tuple[Annotated[str, Field(max_length=128)], ...]
    value: tuple[Number, ...]

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        if not len(self.device) == len(self.instance) == len(self.value):
            raise ValueError("columns of readings differ in length")
        return self


class Inventory(Wire):
    """Part ``part`` of ``parts`` of the ids that an agent looks at, where no birth holds them."""

    t: Literal["inventory"] = "inventory"
    part: Annotated[int, Field(ge=1, le=1000)]
    parts: Annotated[int, Field(ge=1, le=1000)]
    devices: Annotated[tuple[Id, ...], Field(min_length=1, max_length=5000)]


RowItem = Annotated[
    Look | Reading | Round | Event | Looks | Readings | Inventory, Field(discriminator="t")
]
"""What a row of the state lane may have: what was seen, or how things stand."""


class StateBody(Wire):
    """One row of the state lane: items in the order in which they were seen."""

    kind: Literal["state"] = "state"
    items: Annotated[tuple[RowItem, ...], Field(min_length=1, max_length=5000)]


class Block(Wire):
    """Samples of one profile's metrics in columns.

    ``device``, ``instance`` and ``at_ms`` have one entry per row; ``columns`` has one list per
    metric, each with one value per row (None: not measured).
    """

    profile: Id
    metrics: Annotated[tuple[Id, ...], Field(min_length=1, max_length=512)]
    device: tuple[Id, ...]
    instance: tuple[Annotated[str, Field(max_length=128)], ...]
    at_ms: tuple[Ms, ...]
    columns: tuple[tuple[Number, ...], ...]

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        rows = len(self.device)
        lengths = {len(self.instance), len(self.at_ms), *map(len, self.columns)}
        if lengths != {rows} or len(self.columns) != len(self.metrics):
            raise ValueError("columns of a block differ in length")
        return self


class SampleBody(Wire):
    """One row of the sample lane."""

    kind: Literal["sample"] = "sample"
    blocks: Annotated[tuple[Block, ...], Field(min_length=1, max_length=64)]


class GapBody(Wire):
    """Samples that were given up under pressure: which, how many, why (FAULTS F10)."""

    kind: Literal["gap"] = "gap"
    from_ms: Ms
    to_ms: Ms
    rows: Annotated[int, Field(ge=1, le=2**53)]
    reason: Annotated[str, Field(max_length=128)]
