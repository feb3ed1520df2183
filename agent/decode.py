"""Profiles to queries, raw values to readings. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from agent import ber
from agent.ber import BerError, RawValue
from agent.query import Condition, Field, Group, Query, SnmpResult, TableQuery, TableValues
from config.profile import Metric, MetricType, Profile, Table, When
from wire.observation import Outcome

Number = float | int | None
"""A reading's value; None: the device does not have it, or it could not be read as a number."""

T = TypeVar("T")

ONE_ROW: Final = ("",)
"""The names of the rows of scalars."""

SYS_UPTIME: Final = ber.oid_content("1.3.6.1.2.1.1.3.0")
COUNTERS: Final = frozenset((MetricType.COUNTER32, MetricType.COUNTER64))
MAX_INSTANCE: Final = 128
MAX_TEXT: Final = 255
_NUMERIC: Final = bytes((ber.INTEGER, *ber.UNSIGNED))
_UNITS: Final = 9
"""EntitySensorDataScale of plain units (RFC 3433)."""


@dataclass(slots=True, eq=False)
class Rows:
    """Readings of one profile's scalars (``table`` empty, one row, instance "") or of a table.

    ``columns`` has one list per metric with one value per row: scaled numbers, enumerations as
    their integers, counters as raw counts until ``counters.Rates`` makes them rates. ``texts``
    has the text metrics apart, by name; ``epochs`` the rows' discontinuity marks, ``speeds`` their
    speeds in Mbit/s. ``complete`` False: the table was read in part (``reason``), so that a row not
    seen may still be there.
    """

    profile: str
    table: str
    metrics: tuple[Metric, ...]
    instances: tuple[str, ...]
    columns: list[list[Number]]
    texts: dict[str, list[str | None]] = field(default_factory=dict)
    epochs: list[Number] | None = None
    speeds: list[Number] | None = None
    complete: bool = True
    reason: str = ""


class _Places:
    """Objects in the order in which they are asked, each once."""

    def __init__(self) -> None:
        self.found: dict[bytes, int] = {}

    def of(self, oid: str) -> int:
        return self.found.setdefault(ber.oid_content(oid), len(self.found))

    def condition(self, when: When) -> Condition:
        return Condition(self.of(when.oid), frozenset(when.equals))

    def field(self, metric: Metric) -> Field:
        return Field(
            metric,
            self.of(metric.oid),
            tuple(map(self.condition, metric.when)),
            tuple(map(self.condition, metric.valid)),
            None if metric.precision is None else self.of(metric.precision),
            None if metric.exponent is None else self.of(metric.exponent),
        )


def compile_query(profiles: Sequence[Profile]) -> Query:
    """One query that asks everything the profiles need, each scalar and each table once.

    Raises BerError for an OID that cannot be encoded.
    """
    scalars = _Places()
    tables: list[TableQuery] = []
    groups: list[Group] = []
    for profile in profiles:
        if profile.scalars:
            groups.append(_group(profile.id, "", -1, profile.scalars, scalars))
        for table in profile.tables:
            group, query = _table(profile.id, table, len(tables))
            groups.append(group)
            tables.append(query)
    return Query(
        tuple(profiles),
        tuple(scalars.found),
        tuple(tables),
        tuple(groups),
        scalars.found.get(SYS_UPTIME),
    )


def _table(profile: str, table: Table, number: int) -> tuple[Group, TableQuery]:
    places = _Places()
    label = None if table.label is None else places.of(table.label)
    mark = None if table.discontinuity is None else places.of(table.discontinuity)
    group = _group(profile, table.name, number, table.columns, places, label, mark)
    if table.speed is not None:
        group = replace(group, speed=places.of(table.speed))
    return group, TableQuery(tuple(places.found))


def _group(
    profile: str,
    name: str,
    number: int,
    metrics: Sequence[Metric],
    places: _Places,
    label: int | None = None,
    mark: int | None = None,
) -> Group:
    fields = [places.field(metric) for metric in metrics]
    texts = tuple(one for one in fields if one.metric.type is MetricType.TEXT)
    numbers = tuple(one for one in fields if one.metric.type is not MetricType.TEXT)
    kept = tuple(one.metric for one in numbers)
    counters = tuple(at for at, metric in enumerate(kept) if metric.type in COUNTERS)
    return Group(
        profile,
        name,
        number,
        numbers,
        texts,
        kept,
        label,
        mark,
        bool(counters),
        key=(profile, name),
        places=counters,
    )


def decode(result: SnmpResult) -> list[Rows]:
    """The readings of a measured look, profile by profile: the scalars, then the tables.

    A look that was not measured has none.
    """
    if result.outcome is not Outcome.MEASURED:
        return []
    query = result.look.query
    whole = 0 not in result.tags
    reason = "" if whole else result.reason
    scalars = TableValues(len(query.scalars), ((),), result.scalars, result.tags, whole, reason)
    return [
        _rows(group, scalars if group.number < 0 else result.tables[group.number])
        for group in query.groups
    ]


def uptime_ticks(result: SnmpResult) -> int | None:
    """Return sysUpTime of the look in hundredths of a second; None when it was not read."""
    place = result.look.query.uptime
    if place is None or result.outcome is not Outcome.MEASURED:
        return None
    value = result.scalars[place]
    return value if isinstance(value, int) else None


def _rows(group: Group, table: TableValues) -> Rows:
    columns = numbers(group, table)
    texts = {one.metric.name: _texts(one.place, table) for one in group.texts}
    mark = group.discontinuity
    epochs = None if mark is None else column(table, mark)
    speeds = None if group.speed is None else column(table, group.speed)
    rows = Rows(
        group.profile,
        group.table,
        group.metrics,
        ONE_ROW if group.number < 0 else instances(group, table),
        columns,
        texts,
        epochs,
        speeds,
        table.complete,
        table.reason,
    )
    if not table.complete and group.label is not None:
        _keep(rows, [label is not None for label in _texts(group.label, table)])
    elif group.number >= 0 and any(one.when for one in group.fields):
        _drop_foreign(group, table, rows)
    return rows


def numbers(group: Group, table: TableValues) -> list[list[Number]]:
    """The group's columns of numbers; ``table`` may have the rows of many devices."""
    return [_numbers(one, table) for one in group.fields]


def column(table: TableValues, place: int) -> list[Number]:
    """A column's numbers; None where there is none. The tags tell when all of them are."""
    cells = table.cells[place :: table.columns]
    tags = table.tags[place :: table.columns]
    if len(tags) == len(cells) and not tags.translate(None, _NUMERIC):
        return list(cells)  # type: ignore[arg-type]  # numeric tags have numbers
    return [cell if isinstance(cell, int) else None for cell in cells]


def _numbers(one: Field, table: TableValues) -> list[Number]:
    """A metric's column: scaled, with what does not hold left out."""
    numbers = column(table, one.place)
    metric = one.metric
    if metric.absent or metric.magnitude:
        numbers = _honest(metric, numbers)
    if metric.type not in COUNTERS and metric.scale != 1.0:
        numbers = all_scaled(numbers, metric.scale)
    if one.precision is not None or one.exponent is not None:
        numbers = _sensor_scaled(one, table, numbers)
    if one.valid:
        numbers = _where(one.valid, table, numbers, None)
    if one.when:
        numbers = _where(one.when, table, numbers, metric.otherwise)
    return numbers


def _honest(metric: Metric, numbers: list[Number]) -> list[Number]:
    """Numbers by which the device says that it has none left out; without sign where wanted."""
    absent = metric.absent
    kept = [None if number in absent else number for number in numbers]
    if metric.magnitude:
        return [None if number is None else abs(number) for number in kept]
    return kept


def scaled(number: float, scale: float) -> float | int:
    """``number`` times ``scale``; by division where that is the exact way (0.1 is one tenth)."""
    divisor = round(1 / scale) if 0 < abs(scale) < 1 else 0
    return number / divisor if divisor and scale == 1 / divisor else number * scale


def all_scaled(numbers: Sequence[Number], scale: float) -> list[Number]:
    """Each of ``numbers`` scaled, None left as it is."""
    divisor = round(1 / scale) if 0 < abs(scale) < 1 else 0
    if divisor and scale == 1 / divisor:
        return [None if number is None else number / divisor for number in numbers]
    return [None if number is None else number * scale for number in numbers]


def _sensor_scaled(one: Field, table: TableValues, numbers: list[Number]) -> list[Number]:
    """Decimal places and decimal scale that stand in columns of their own (RFC 3433)."""
    blank: list[Number] = [None] * len(numbers)
    places = blank if one.precision is None else column(table, one.precision)
    scales = blank if one.exponent is None else column(table, one.exponent)
    found: list[Number] = []
    for number, places_given, scale_given in zip(numbers, places, scales, strict=True):
        told = (one.precision is None or places_given is not None) and (
            one.exponent is None or scale_given is not None
        )
        steps = 0 if scale_given is None else int(scale_given) - _UNITS
        digits = 3 * steps - int(places_given or 0)
        if number is None or not told or not -60 <= digits <= 60:
            found.append(None)
        else:
            found.append(number * 10**digits if digits >= 0 else number / 10**-digits)
    return found


def _where(
    conditions: Sequence[Condition], table: TableValues, numbers: list[Number], other: Number
) -> list[Number]:
    """``other`` where a condition does not hold; None where it cannot be told."""
    for condition in conditions:
        cells = table.cells[condition.place :: table.columns]
        numbers = [
            None if cell is None else number if cell in condition.equals else other
            for number, cell in zip(numbers, cells, strict=True)
        ]
    return numbers


def _drop_foreign(group: Group, table: TableValues, rows: Rows) -> None:
    """Leave out rows to which none of the group's metrics applies."""
    if any(not one.when or one.metric.otherwise is not None for one in group.fields):
        return
    keep = [False] * len(rows.instances)
    for one in group.fields:
        holds = [True] * len(keep)
        for condition in one.when:
            cells = table.cells[condition.place :: table.columns]
            holds = [
                old and cell in condition.equals for old, cell in zip(holds, cells, strict=True)
            ]
        keep = [old or new for old, new in zip(keep, holds, strict=True)]
    _keep(rows, keep)


def _keep(rows: Rows, keep: Sequence[bool]) -> None:
    """Leave out rows: those that do not apply, those that were read without their name."""
    if all(keep):
        return
    rows.instances = tuple(_kept(rows.instances, keep))
    rows.columns = [_kept(column, keep) for column in rows.columns]
    rows.texts = {name: _kept(column, keep) for name, column in rows.texts.items()}
    rows.epochs = None if rows.epochs is None else _kept(rows.epochs, keep)
    rows.speeds = None if rows.speeds is None else _kept(rows.speeds, keep)


def _kept(column: Sequence[T], keep: Sequence[bool]) -> list[T]:
    return [value for value, kept in zip(column, keep, strict=True) if kept]


def _texts(place: int, table: TableValues) -> list[str | None]:
    cells = table.cells[place :: table.columns]
    tags = table.tags[place :: table.columns]
    return [text(tag, cell) for tag, cell in zip(tags, cells, strict=True)]


def text(tag: int, cell: RawValue) -> str | None:
    """A value as text; OIDs and addresses dotted."""
    if cell is None or isinstance(cell, int):
        return None if cell is None else str(cell)
    if tag == ber.IP_ADDRESS:
        return ".".join(map(str, cell))
    if tag == ber.OID:
        try:
            return ber.oid_text(cell)
        except BerError:
            return None
    return _words(cell.rstrip(b"\0"))


def _words(octets: bytes) -> str:
    """UTF-8 or GB 18030 on one line, hexadecimal when it is neither or not printable."""
    for encoding in ("utf-8", "gb18030"):
        try:
            found = " ".join(octets.decode(encoding).split())
        except UnicodeDecodeError:
            continue
        if found.isprintable():
            return found[:MAX_TEXT]
    return octets.hex(":")[:MAX_TEXT]


def instances(group: Group, table: TableValues) -> tuple[str, ...]:
    """A name for each row: its label, its index where the label is empty or not unique."""
    indexes = [".".join(map(str, index)) for index in table.index]
    if group.label is None:
        return tuple(index[:MAX_INSTANCE] for index in indexes)
    labels = [label or "" for label in _texts(group.label, table)]
    if len(set(labels)) == len(labels) and "" not in labels:
        return tuple(label[:MAX_INSTANCE] for label in labels)
    count = Counter(labels)
    return tuple(
        label[:MAX_INSTANCE]
        if label and count[label] == 1
        else (f"{label[:60]}#{index}" if label else index)[:MAX_INSTANCE]
        for label, index in zip(labels, indexes, strict=True)
    )
