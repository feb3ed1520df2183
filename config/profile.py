"""Device knowledge as reviewed data: what to ask a kind of device, and what it means.

One TOML file per profile under ``config/data/profiles``. Thresholds stand in the policy and are
judged at the collector alone; a profile only hints at them (DESIGN "Thresholds").
"""

from __future__ import annotations

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
    ``clear`` is the value at which an analogue alarm ends (hysteresis).
    """

    alarm: Id
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

    ``name`` is the metric's word everywhere, ``unit`` a UCUM-like unit, ``scale`` multiplies the
    raw value. ``watched`` readings travel on the state lane when they change by more than
    ``report_delta`` (in the scaled unit). A counter's reading is its rate per second, scaled.

    ``when``: the metric exists only where all of these hold; elsewhere its reading is
    ``otherwise`` if that is given. ``valid``: where one of these does not hold there is no value.
    ``precision`` is the object with the number of decimal places, ``exponent`` the one with the
    EntitySensorDataScale (RFC 3433: 9 is units, each step a factor of 1000).
    """

    name: Id
    oid: Oid
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
    precision: Oid | None = None
    exponent: Oid | None = None


class Table(Config):
    """Columns that share an index; ``label`` is the column (a text) that names the rows.

    ``discontinuity`` is the column that changes when a row's counters start anew (IF-MIB's
    ifCounterDiscontinuityTime).
    """

    name: Id
    label: Oid | None = None
    discontinuity: Oid | None = None
    columns: Annotated[tuple[Metric, ...], Field(min_length=1, max_length=64)]


class Profile(Config):
    """What to ask one kind of device."""

    id: Id
    title: Annotated[str, Field(max_length=200)]
    scalars: tuple[Metric, ...] = ()
    tables: tuple[Table, ...] = ()
