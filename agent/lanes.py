"""What goes into the two lanes: changes into ``state``, everything into ``sample``. Pure.

State lane (DESIGN "Decisions taken" 1): a look when its outcome or reason changes, a watched
reading when it changes by more than its metric's ``report_delta``, both again at a slow refresh,
so that after a start everything known is sent once. Sample lane: every number, in columns.

``at_ms`` are domain stamps, ``mono_ms`` monotonic milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final, NamedTuple

import orjson

from agent.decode import COUNTERS, Number, Rows
from agent.present import LookNow, ReadingNow
from config.profile import Metric
from wire.observation import Event, Look, Method, Outcome, Reading, StateBody, StateItem

REFRESH_MS: Final = 600_000
"""How often an unchanged look or reading is sent again."""

NEVER_MS: Final = 2**53

ITEMS_MOST: Final = 2000
VALUES_MOST: Final = 20_000
"""Bounds of one row: items of the state lane, numbers of the sample lane."""

BROKEN_OFF: Final = "closed"
"""The engines' reason for looks that were under way when the agent stopped."""

ECHO: Final = "icmp"
"""The profile under which ICMP's samples stand."""

ASKED: Final = "snmp"
"""The profile under which round trip and loss stand of devices that are asked by SNMP alone."""

ECHO_METRICS: Final = ("rtt_ms", "loss")

_BLOCKS_MOST: Final = 64
_INT_MOST: Final = 2**63


@dataclass(frozen=True, slots=True)
class Said:
    """What one look at a device by one method came to."""

    device: str
    method: Method
    outcome: Outcome
    reason: str = ""
    detail: str = ""
    rtt_us: int | None = None


@dataclass(slots=True)
class _LookSent:
    outcome: Outcome
    reason: str
    since_ms: int
    sent_ms: int


class Told:
    """What the collector was told of one part of a device: its rows' watched values.

    ``values`` stand row by row, None for what it was never told or told to be absent; ``at_ms``
    is when all of them were told last (monotonic).
    """

    __slots__ = ("at_ms", "instances", "key", "values")

    def __init__(self, key: tuple[str, str]) -> None:
        self.key = key
        self.instances: tuple[str, ...] = ()
        self.values: tuple[Number, ...] = ()
        self.at_ms: int | None = None


class Watched(NamedTuple):
    """A watched metric: its place among the part's, its name, what is no change."""

    place: int
    name: str
    delta: float
    counter: bool


class StateLane:
    """Remembers what was said last and lets only changes through."""

    def __init__(self, *, refresh_ms: int = REFRESH_MS) -> None:
        self._every_ms = self._refresh_ms = refresh_ms
        self._looks: dict[tuple[str, Method], _LookSent] = {}
        self._known: dict[str, tuple[Told, ...]] = {}
        self._keys: dict[tuple[str, str], tuple[str, str]] = {}
        self._watched: dict[tuple[str, str], tuple[Watched, ...]] = {}

    def same(
        self, device: str, method: Method, outcome: Outcome, reason: str, mono_ms: int
    ) -> bool:
        """Whether a look says nothing that ``look`` would send; the usual case, made cheap."""
        last = self._looks.get((device, method))
        return (
            last is not None
            and last.outcome is outcome
            and last.reason == reason
            and mono_ms - last.sent_ms < self._refresh_ms
        )

    def look(self, said: Said, at_ms: int, mono_ms: int) -> Look | None:
        """The look to send, or None when nothing about it is new.

        A look that we broke off at our own end is no news about anything.
        """
        if said.outcome is Outcome.COULD_NOT_LOOK and said.reason == BROKEN_OFF:
            return None
        key = (said.device, said.method)
        last = self._looks.get(key)
        reason = said.reason[:64]
        changed = last is None or (last.outcome, last.reason) != (said.outcome, reason)
        if last is None or changed:
            last = self._looks[key] = _LookSent(said.outcome, reason, at_ms, mono_ms)
        elif mono_ms - last.sent_ms >= self._refresh_ms:
            last.sent_ms = mono_ms
        else:
            return None
        return Look(
            device=said.device,
            method=said.method,
            outcome=said.outcome,
            since_ms=min(last.since_ms, at_ms),
            at_ms=at_ms,
            reason=reason,
            detail=said.detail[:512],
            rtt_us=said.rtt_us,
        )

    def asked(self, device: str) -> None:
        """Somebody asked: the next looks at the device are said even if nothing is new."""
        for method in Method:
            last = self._looks.get((device, method))
            if last is not None:
                last.sent_ms = -self._refresh_ms

    def readings(
        self, device: str, parts: Sequence[Rows], at_ms: int, mono_ms: int
    ) -> list[Reading]:
        """The watched readings of a look that changed, are due again, or ceased to exist."""
        found: list[Reading] = []
        for part in parts:
            key = (part.profile, part.table)
            watched = self.watched(key, part.metrics)
            if watched:
                columns = [part.columns[one.place] for one in watched]
                values = tuple(by_rows(columns))
                told = self.told(device, key)
                news = self._news(told, watched, part.instances, values, part.complete, mono_ms)
                found += _readings(device, at_ms, news)
        return found

    def readings_of(
        self,
        devices: Sequence[str],
        key: tuple[str, str],
        metrics: Sequence[Metric],
        names: Sequence[tuple[str, ...]],
        columns: Sequence[Sequence[Number]],
        at_ms: Sequence[int],
        mono_ms: int,
    ) -> list[Reading]:
        """The same for many devices of one kind: ``columns`` have their rows one after another.

        ``names`` has the names of each device's rows; all rows were read.
        """
        found: list[Reading] = []
        watched = self.watched(key, metrics)
        if not watched:
            return found
        values = tuple(by_rows([columns[one.place] for one in watched]))
        width, begin = len(watched), 0
        for device, instances, at in zip(devices, names, at_ms, strict=True):
            end = begin + width * len(instances)
            now = values[begin:end]
            begin = end
            told = self.told(device, key)
            if (
                told.values != now
                or told.instances != instances
                or told.at_ms is None
                or mono_ms - told.at_ms >= self._refresh_ms
            ):
                news = self._news(told, watched, instances, now, True, mono_ms)  # noqa: FBT003  complete
                found += _readings(device, at, news)
        return found

    def refreshes(self, *, on: bool) -> None:
        """Whether what is unchanged is said again: not while nobody hears it.

        A connection begins with how everything stands, so rows that wait would say it twice.
        """
        self._refresh_ms = self._every_ms if on else NEVER_MS

    def standing(self) -> tuple[list[LookNow], list[ReadingNow]]:
        """All that was said last, of every look and every watched value."""
        looks = [
            LookNow(device, method, last.outcome, last.reason, last.since_ms)
            for (device, method), last in self._looks.items()
        ]
        readings = [
            ReadingNow(device, one.name, instance, value)
            for device, known in self._known.items()
            for told in known
            for instance, row in zip(
                told.instances,
                _cut(told.values, len(self._watched[told.key])),
                strict=True,
            )
            for one, value in zip(self._watched[told.key], row, strict=True)
            if value is not None
        ]
        return looks, readings

    def forget(self) -> None:
        """Something said was not kept: everything is news again."""
        self._looks.clear()
        self._known.clear()

    def forget_of(self, devices: Iterable[str]) -> None:
        """These are not looked at any more, or in another way: all of them is news again.

        What is watched of their profiles is looked up anew.
        """
        for device in devices:
            for method in Method:
                self._looks.pop((device, method), None)
            self._known.pop(device, None)
        in_use = {told.key for known in self._known.values() for told in known}
        self._watched = {key: one for key, one in self._watched.items() if key in in_use}

    def told(self, device: str, key: tuple[str, str]) -> Told:
        """What the collector was told of this part of the device."""
        known = self._known.get(device, ())
        for one in known:
            if one.key == key:
                return one
        made = Told(self._keys.setdefault(key, key))
        self._known[device] = (*known, made)
        return made

    def watched(self, key: tuple[str, str], metrics: Sequence[Metric]) -> tuple[Watched, ...]:
        """The watched metrics of a part."""
        found = self._watched.get(key)
        if found is None:
            found = self._watched[key] = tuple(
                Watched(place, metric.name, metric.report_delta, metric.type in COUNTERS)
                for place, metric in enumerate(metrics)
                if metric.watched
            )
        return found

    def _news(
        self,
        told: Told,
        watched: Sequence[Watched],
        instances: tuple[str, ...],
        values: Sequence[Number],
        complete: bool,  # noqa: FBT001  called in two places
        mono_ms: int,
    ) -> list[tuple[str, str, Number]]:
        """Metric, instance and value of what is new; ``told`` becomes what was told then."""
        width = len(watched)
        due = told.at_ms is None or mono_ms - told.at_ms >= self._refresh_ms
        if told.instances == instances:
            kept, gone = list(told.values), {}
        else:
            gone = dict(zip(told.instances, _cut(told.values, width), strict=True))
            blank = (None,) * width
            kept = [value for name in instances for value in gone.pop(name, blank)]
        news: list[tuple[str, str, Number]] = []
        for at, value in enumerate(values):
            one, old = watched[at % width], kept[at]
            if not _finite(value):
                # Not read this time, no honest rate yet, or never there: no news.
                if old is None or one.counter or not complete:
                    continue
                value = None  # noqa: PLW2901  NaN and infinity are no readings
            elif old is not None and not due and not _differs(old, value, one.delta):
                continue
            kept[at] = value
            news.append((one.name, instances[at // width], value))
        for name, row in gone.items():
            if complete:
                news += [
                    (one.name, name, None)
                    for one, old in zip(watched, row, strict=True)
                    if old is not None
                ]
            else:
                instances = (*instances, name)
                kept += row
        told.instances, told.values = instances, tuple(kept)
        if due:
            told.at_ms = mono_ms
        return news


def by_rows(columns: Sequence[Sequence[Number]]) -> list[Number]:
    """Columns of equal length to values row by row."""
    width = len(columns)
    values: list[Number] = [None] * (width * len(columns[0]))
    for number, column in enumerate(columns):
        values[number::width] = column
    return values


def _cut(values: Sequence[Number], width: int) -> list[Sequence[Number]]:
    return [values[at : at + width] for at in range(0, len(values), width)]


def _readings(device: str, at_ms: int, news: Sequence[tuple[str, str, Number]]) -> list[Reading]:
    return [
        Reading(device=device, metric=metric, instance=instance, value=value, at_ms=at_ms)
        for metric, instance, value in news
    ]


def _finite(value: Number) -> bool:
    return value is not None and isfinite(value)


def _differs(before: Number, now: Number, delta: float) -> bool:
    if before is None or now is None:
        return before is not now
    return abs(now - before) > delta if delta else now != before


def state_bodies(items: Sequence[StateItem]) -> list[tuple[bytes, int]]:
    """The bodies of the state lane for ``items``, in order: JSON and number of items.

    Events come last and in bodies of their own (``wire.observation.Event``).
    """
    events = [item for item in items if isinstance(item, Event)]
    others = [item for item in items if not isinstance(item, Event)] if events else items
    return [
        (StateBody(items=tuple(part)).model_dump_json().encode(), len(part))
        for some in (others, events)
        for part in (some[at : at + ITEMS_MOST] for at in range(0, len(some), ITEMS_MOST))
    ]


@dataclass(slots=True)
class _Columns:
    metrics: tuple[str, ...]
    device: list[str] = field(default_factory=list)
    instance: list[str] = field(default_factory=list)
    at_ms: list[int] = field(default_factory=list)
    columns: list[list[Number]] = field(default_factory=list)


class SampleLane:
    """Gathers numbers in columns until they are taken."""

    def __init__(self) -> None:
        self._blocks: dict[tuple[str, str], _Columns] = {}
        self.values = 0

    def add(self, device: str, parts: Sequence[Rows], at_ms: int) -> None:
        """All numbers of a look."""
        for part in parts:
            if part.metrics and part.instances:
                names = tuple(metric.name for metric in part.metrics)
                key = (part.profile, part.table)
                self._extend(key, names, device, part.instances, part.columns, at_ms)

    def add_of(
        self,
        devices: Sequence[str],
        key: tuple[str, str],
        metrics: Sequence[Metric],
        names: Sequence[tuple[str, ...]],
        columns: Sequence[Sequence[Number]],
        at_ms: Sequence[int],
    ) -> None:
        """The numbers of many devices of one kind, as in ``StateLane.readings_of``."""
        block = self._block(key, tuple(metric.name for metric in metrics))
        for device, instances, at in zip(devices, names, at_ms, strict=True):
            if len(instances) == 1:
                block.device.append(device)
                block.at_ms.append(at)
            else:
                block.device += [device] * len(instances)
                block.at_ms += [at] * len(instances)
            block.instance += instances
        for kept, column in zip(block.columns, columns, strict=True):
            kept.extend(column)
        self.values += sum(map(len, columns))

    def add_echo(self, device: str, rtt_ms: float | None, loss: float | None, at_ms: int) -> None:
        """One ICMP look: median round trip in ms and the share of echoes lost."""
        self._extend((ECHO, ""), ECHO_METRICS, device, ("",), ((rtt_ms,), (loss,)), at_ms)

    def add_asked(self, device: str, rtt_ns: int | None, loss: float, at_ms: int) -> None:
        """One SNMP look where ICMP is not asked: first round trip, share of requests repeated."""
        rtt_ms = None if rtt_ns is None else rtt_ns / 1e6
        self._extend((ASKED, ""), ECHO_METRICS, device, ("",), ((rtt_ms,), (loss,)), at_ms)

    def take(self) -> list[tuple[bytes, int]]:
        """The bodies of what was gathered (JSON and number of values), and begin anew."""
        blocks = [
            (dump, values)
            for (profile, _), columns in self._blocks.items()
            for dump, values in _split(profile, columns)
        ]
        self._blocks.clear()
        self.values = 0
        return list(_bodies(blocks))

    def _extend(
        self,
        key: tuple[str, str],
        names: tuple[str, ...],
        device: str,
        instances: Sequence[str],
        columns: Sequence[Sequence[Number]],
        at_ms: int,
    ) -> None:
        block = self._block(key, names)
        rows = len(instances)
        block.device += [device] * rows
        block.instance += instances
        block.at_ms += [at_ms] * rows
        for kept, column in zip(block.columns, columns, strict=True):
            kept.extend(column)
        self.values += rows * len(names)

    def _block(self, key: tuple[str, str], names: tuple[str, ...]) -> _Columns:
        block = self._blocks.get(key)
        if block is None:
            block = self._blocks[key] = _Columns(names, columns=[[] for _ in names])
        return block


def _split(profile: str, block: _Columns) -> Iterator[tuple[dict[str, Any], int]]:
    """The block in pieces of at most VALUES_MOST numbers."""
    step = max(1, VALUES_MOST // len(block.metrics))
    for at in range(0, len(block.device), step):
        part = slice(at, at + step)
        dump = {
            "profile": profile,
            "metrics": block.metrics,
            "device": block.device[part],
            "instance": block.instance[part],
            "at_ms": block.at_ms[part],
            "columns": [column[part] for column in block.columns],
        }
        yield dump, len(block.metrics) * len(block.device[part])


def _bodies(blocks: Sequence[tuple[dict[str, Any], int]]) -> Iterator[tuple[bytes, int]]:
    """Bodies of at most VALUES_MOST numbers and 64 blocks; orjson writes NaN as null."""
    gathered: list[dict[str, Any]] = []
    values = 0
    for dump, count in blocks:
        if gathered and (values + count > VALUES_MOST or len(gathered) == _BLOCKS_MOST):
            yield _dumped(gathered), values
            gathered, values = [], 0
        gathered.append(dump)
        values += count
    if gathered:
        yield _dumped(gathered), values


def _dumped(blocks: list[dict[str, Any]]) -> bytes:
    """The body; numbers beyond 64 bits, which orjson refuses, as floats."""
    body = {"kind": "sample", "blocks": blocks}
    try:
        return orjson.dumps(body)
    except TypeError:
        for block in blocks:
            block["columns"] = [
                [float(n) if isinstance(n, int) and abs(n) >= _INT_MOST else n for n in column]
                for column in block["columns"]
            ]
        return orjson.dumps(body)


def fitting(body: bytes, fits: Callable[[bytes], bool]) -> list[tuple[bytes, int]]:
    """A state or sample body in parts that fit, in order, with their numbers of items or values.

    Of a round that missed more devices than fit some are not named: they keep their age.
    """
    return list(_fitting(orjson.loads(body), fits))


def _fitting(body: dict[str, Any], fits: Callable[[bytes], bool]) -> Iterator[tuple[bytes, int]]:
    raw = orjson.dumps(body)
    halves = [] if fits(raw) else _halves(body)
    if not halves:
        yield raw, _count(body)
    for half in halves:
        yield from _fitting(half, fits)


def _halves(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The body in two, or with half of what its one item has too much of; none: as it is."""
    key = "items" if "items" in body else "blocks"
    parts = body[key]
    if len(parts) > 1:
        middle = len(parts) // 2
        return [body | {key: parts[:middle]}, body | {key: parts[middle:]}]
    (part,) = parts
    if key == "blocks" and len(part["device"]) > 1:
        middle = len(part["device"]) // 2
        return [body | {key: [_rows_of(part, at)]} for at in (slice(middle), slice(middle, None))]
    if part.get("missed"):
        return [body | {key: [part | {"missed": part["missed"][: len(part["missed"]) // 2]}]}]
    return []


def _rows_of(block: dict[str, Any], rows: slice) -> dict[str, Any]:
    columns = [column[rows] for column in block["columns"]]
    return (
        block
        | {key: block[key][rows] for key in ("device", "instance", "at_ms")}
        | {"columns": columns}
    )


def _count(body: dict[str, Any]) -> int:
    if "items" in body:
        return len(body["items"])
    return sum(len(block["metrics"]) * len(block["device"]) for block in body["blocks"])
