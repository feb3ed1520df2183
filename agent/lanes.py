"""The state lane: of all that was seen what is news. Pure.

A look (DESIGN "Decisions taken" 1) when its outcome or reason changes, a watched
reading when it changes by more than its metric's ``report_delta``, both again at a slow refresh,
so that after a start everything known is sent once.

``at_ms`` are domain stamps, ``mono_ms`` monotonic milliseconds.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final, NamedTuple

import orjson

from agent.decode import COUNTERS, ONE_ROW, Number, Rows
from agent.present import LookNow, ReadingNow
from config.profile import Metric
from wire.observation import Event, Look, Method, Outcome, Reading, StateBody, StateItem

REFRESH_MS: Final = 600_000
"""How often an unchanged look or reading is sent again."""

NEVER_MS: Final = 2**53

ITEMS_MOST: Final = 2000
"""Items of one row at most."""

ALIKE_MOST: Final = 4096
"""Sets of values that many devices share."""

BROKEN_OFF: Final = "closed"
"""The engines' reason for looks that were under way when the agent stopped."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one look at a device by one method came to."""

    device: str
    method: Method
    outcome: Outcome
    reason: str = ""
    detail: str = ""
    rtt_us: int | None = None


class Told:
    """What the collector was told of one part of a device: its rows' watched values.

    ``values`` stand row by row, None for what it was never told or told to be absent; ``at_ms``
    is when all of them were told last (monotonic); ``after``: another part of the device.
    """

    __slots__ = ("after", "at_ms", "instances", "key", "values")

    def __init__(self, key: tuple[str, str]) -> None:
        self.key = key
        self.instances: tuple[str, ...] = ()
        self.values: tuple[Number, ...] = ()
        self.at_ms: int | None = None
        self.after: Told | None = None


class _Looks:
    """What was said last of the looks by one method: columns, one place for each device.

    ``words`` are numbers of pairs of outcome and reason, 0: nothing was said.
    """

    __slots__ = ("sent_ms", "since_ms", "words")

    def __init__(self) -> None:
        self.words = array("I")
        self.since_ms = array("q")
        self.sent_ms = array("q")

    def reach(self, place: int) -> None:
        """Make room for a place."""
        more = place + 1 - len(self.words)
        if more > 0:
            more += len(self.words) // 8
            for column in (self.words, self.since_ms, self.sent_ms):
                column.frombytes(bytes(column.itemsize * more))


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
        self._places: dict[str, int] = {}
        self._free: list[int] = []
        self._looks = {method: _Looks() for method in Method}
        self._words: list[tuple[Outcome, str]] = [(Outcome.COULD_NOT_LOOK, "")]
        self._numbers: dict[tuple[Outcome, str], int] = {}
        self._known: list[Told | None] = []
        self._keys: dict[tuple[str, str], tuple[str, str]] = {}
        self._watched: dict[tuple[str, str], tuple[Watched, ...]] = {}
        self._alike: dict[tuple[Number, ...], tuple[Number, ...]] = {}

    def same(
        self, device: str, method: Method, outcome: Outcome, reason: str, mono_ms: int
    ) -> bool:
        """Whether a look says nothing that ``look`` would send; the usual case, made cheap."""
        place = self._places.get(device)
        looks = self._looks[method]
        if place is None or place >= len(looks.words):
            return False
        number = looks.words[place]
        if not number or mono_ms - looks.sent_ms[place] >= self._refresh_ms:
            return False
        before = self._words[number]
        return before[0] is outcome and before[1] == reason

    def look(self, said: Said, at_ms: int, mono_ms: int) -> Look | None:
        """The look to send, or None when nothing about it is new.

        A look that we broke off at our own end is no news about anything.
        """
        if said.outcome is Outcome.COULD_NOT_LOOK and said.reason == BROKEN_OFF:
            return None
        looks, place = self._looks[said.method], self._place(said.device)
        looks.reach(place)
        reason = said.reason[:64]
        number = self._number((said.outcome, reason))
        if looks.words[place] != number:
            looks.words[place], looks.since_ms[place] = number, at_ms
        elif mono_ms - looks.sent_ms[place] < self._refresh_ms:
            return None
        looks.sent_ms[place] = mono_ms
        return Look(
            device=said.device,
            method=said.method,
            outcome=said.outcome,
            since_ms=min(looks.since_ms[place], at_ms),
            at_ms=at_ms,
            reason=reason,
            detail=said.detail[:512],
            rtt_us=said.rtt_us,
        )

    def asked(self, device: str) -> None:
        """Somebody asked: the next looks at the device are said even if nothing is new."""
        place = self._places.get(device, NEVER_MS)
        for looks in self._looks.values():
            if place < len(looks.words):
                looks.sent_ms[place] = -self._refresh_ms

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

    def values_of(
        self,
        devices: Sequence[str],
        key: tuple[str, str],
        metrics: Sequence[Metric],
        columns: Sequence[Sequence[Number]],
        at_ms: Sequence[int],
        mono_ms: int,
    ) -> list[Reading]:
        """The same for the scalars of many devices of one kind."""
        names = [ONE_ROW] * len(devices)
        return self.readings_of(devices, key, metrics, names, columns, at_ms, mono_ms)

    def refreshes(self, *, on: bool) -> None:
        """Whether what is unchanged is said again: not while nobody hears it.

        A connection begins with how everything stands, so rows that wait would say it twice.
        """
        self._refresh_ms = self._every_ms if on else NEVER_MS

    @property
    def devices(self) -> list[str]:
        """Of whom anything was said."""
        return list(self._places)

    def looks_now(self, devices: Sequence[str]) -> list[LookNow]:
        """What was said last of every look at these."""
        words, places = self._words, self._placed(devices)
        return [
            LookNow(device, method, *words[of.words[place]], of.since_ms[place])
            for method, of in self._looks.items()
            for device, place in places
            if place < len(of.words) and of.words[place]
        ]

    def readings_now(self, devices: Sequence[str]) -> list[ReadingNow]:
        """What was said last of every watched value of these."""
        return [
            ReadingNow(device, one.name, instance, value)
            for device, place in self._placed(devices)
            for told in _chain(self._known[place])
            for instance, row in zip(
                told.instances,
                _cut(told.values, len(self._watched[told.key])),
                strict=True,
            )
            for one, value in zip(self._watched[told.key], row, strict=True)
            if value is not None
        ]

    def _placed(self, devices: Sequence[str]) -> list[tuple[str, int]]:
        """These with their places, but for who was forgotten meanwhile."""
        places = self._places
        return [(device, places[device]) for device in devices if device in places]

    def forget(self) -> None:
        """Something said was not kept: everything is news again."""
        self._places.clear()
        self._free.clear()
        self._known.clear()
        self._looks = {method: _Looks() for method in Method}

    def forget_of(self, devices: Iterable[str]) -> None:
        """These are not looked at any more, or in another way: all of them is news again.

        What is watched of their profiles is looked up anew.
        """
        for device in devices:
            place = self._places.pop(device, None)
            if place is None:
                continue
            self._free.append(place)
            self._known[place] = None
            for looks in self._looks.values():
                if place < len(looks.words):
                    looks.words[place] = 0
        in_use = {told.key for first in self._known for told in _chain(first)}
        self._watched = {key: one for key, one in self._watched.items() if key in in_use}

    def told(self, device: str, key: tuple[str, str]) -> Told:
        """What the collector was told of this part of the device."""
        place = self._places.get(device)
        if place is None:
            place = self._place(device)
        one = first = self._known[place]
        while one is not None:
            if one.key == key:
                return one
            one = one.after
        made = self._known[place] = Told(self._keys.setdefault(key, key))
        made.after = first
        return made

    def _place(self, device: str) -> int:
        """The device's place in all columns; a new one for a new device."""
        place = self._places.get(device)
        if place is None:
            if self._free:
                place = self._free.pop()
            else:
                place = len(self._known)
                self._known.append(None)
            self._places[device] = place
        return place

    def _number(self, word: tuple[Outcome, str]) -> int:
        found = self._numbers.get(word)
        if found is None:
            found = self._numbers[word] = len(self._words)
            self._words.append(word)
        return found

    def _share(self, values: tuple[Number, ...]) -> tuple[Number, ...]:
        """The one tuple for all devices of which the same was told."""
        if len(self._alike) >= ALIKE_MOST:
            self._alike.clear()
        found = self._alike.setdefault(values, values)
        return found if [*map(type, found)] == [*map(type, values)] else values

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
        told.instances, told.values = instances, self._share(tuple(kept))
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


def _chain(one: Told | None) -> Iterator[Told]:
    while one is not None:
        yield one
        one = one.after


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
