"""Device knowledge as reviewed data: what to ask a kind of device, and what it means.

One TOML file per profile under ``config/data/profiles``. Thresholds stand in the policy and are
judged at the collector alone; a profile only hints at them (DESIGN "Thresholds").
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from config.base import Config
from wire.base import Id

Oid = Annotated[str, Field(pattern=r"^[0-2](\.[0-9]{1,10}){1,127}$")]


class MetricType(StrEnum):
    """How a raw value becomes a reading."""

    GAUGE = "gauge"
    COUNTER32 = "counter32"
    COUNTER64 = "counter64"
    TICKS = "ticks"
    ENUM = "enum"
    TEXT = "text"


class Hint(Config):
    """An alarm that a reading can raise: its type id (policy's alarm table) and when.

    Exactly one of ``values`` (enumerated states that raise), ``above`` and ``below`` is given;
    ``clear`` is the value at which an analogue alarm ends (hysteresis). ``cause`` is the X.733
    probable cause; the policy has it for each alarm type, and the two agree.
    """

    alarm: Id
    cause: Annotated[str, Field(max_length=64)] = ""
    values: tuple[int, ...] = ()
    above: float | None = None
    below: float | None = None
    clear: float | None = None


class When(Config):
    """A condition on another object (a column of the same table, or a scalar): one of these."""

    oid: Oid
    equals: Annotated[tuple[int, ...], Field(min_length=1)]


class Metric(Config):
    """One object: a scalar's OID with its instance (``….0``) or a table column's OID.

    ``name`` is the metric's word everywhere, ``object`` the object's name in its MIB, ``unit`` a
    UCUM-like unit; ``scale`` multiplies the raw value. ``watched`` readings travel on the state
    lane when they change by more than ``report_delta`` (in the scaled unit). A counter's reading
    is its rate per second, scaled.

    ``when``: the metric exists only where all of these hold; elsewhere its reading is
    ``otherwise`` if that is given. ``valid``: where one of these does not hold there is no value.
    ``absent`` are raw values by which a device says that it has none; ``magnitude`` drops the sign
    (a plant of -48 V). ``precision`` is the object with the number of decimal places, ``exponent``
    the one with the EntitySensorDataScale (RFC 3433: 9 is units, each step a factor of 1000).
    """

    name: Id
    oid: Oid
    object: Annotated[str, Field(max_length=64)] = ""
    type: MetricType = MetricType.GAUGE
    unit: Annotated[str, Field(max_length=16)] = ""
    scale: float = 1.0
    enum: dict[str, int] = Field(default_factory=dict)
    watched: bool = False
    report_delta: Annotated[float, Field(ge=0)] = 0.0
    alarm: Hint | None = None
    when: tuple[When, ...] = ()
    otherwise: int | None = None
    valid: tuple[When, ...] = ()
    absent: Annotated[tuple[int, ...], Field(max_length=8)] = ()
    magnitude: bool = False
    precision: Oid | None = None
    exponent: Oid | None = None


class Table(Config):
    """Columns that share an index; ``label`` is the column (a text) that names the rows.

    ``discontinuity`` is the column that changes when a row's counters start anew (IF-MIB's
    ifCounterDiscontinuityTime). ``speed`` is the column with a row's speed in Mbit/s (ifHighSpeed,
    0: unknown): a rate in bit/s far above it is none.
    """

    name: Id
    label: Oid | None = None
    discontinuity: Oid | None = None
    speed: Oid | None = None
    columns: Annotated[tuple[Metric, ...], Field(min_length=1, max_length=64)]


class Match(Config):
    """Which devices a profile may fit: a proposal of ``wanglou discover``, never a decision.

    ``sysobjectid``: sysObjectID is one of these or below it. ``implements``: the device has an
    instance of one of these scalars or columns.
    """

    sysobjectid: tuple[Oid, ...] = ()
    implements: Annotated[tuple[Oid, ...], Field(max_length=16)] = ()


class Profile(Config):
    """What to ask one kind of device. ``mibs`` are the modules that its objects come from."""

    id: Id
    title: Annotated[str, Field(max_length=200)]
    mibs: tuple[str, ...] = ()
    match: Match = Match()
    scalars: tuple[Metric, ...] = ()
    tables: tuple[Table, ...] = ()

    def metrics(self) -> Iterator[Metric]:
        """All of them: the scalars, then each table's columns."""
        yield from self.scalars
        for table in self.tables:
            yield from table.columns
