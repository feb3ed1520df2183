"""How everything stands, for the beginning of a connection (FAULTS F8). Pure.

Abnormal devices come first, each with its beginning; the rest as a digest, which says no more
than that they were measured. Then the watched values. All of it in columns, so that a thousand
devices fit a few kilobytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from wire.base import Number
from wire.observation import (
    Inventory,
    Looks,
    Method,
    Outcome,
    Readings,
    RowItem,
    StateBody,
)

COLUMN_MOST: Final = 1000
"""Entries of one item; even the longest ids of so many fit a payload."""

STEP: Final = 5000
"""Devices of one step, which takes some 40 ms."""

_IDS_MOST: Final = 3000
_WEIGHT_MOST: Final = 4000
"""Entries of one row: small ones, so that the first of them is there soon."""


class LookNow(NamedTuple):
    """What was said last of one method at one device; ``since_ms`` is a domain stamp."""

    device: str
    method: Method
    outcome: Outcome
    reason: str
    since_ms: int


class ReadingNow(NamedTuple):
    """The last value that was said of one metric at one device."""

    device: str
    metric: str
    instance: str
    value: Number


def bodies(
    looks: Iterable[LookNow], readings: Iterable[ReadingNow], at_ms: int
) -> list[tuple[bytes, int]]:
    """The rows that say how everything stands at ``at_ms``: JSON and number of entries."""
    by_device = _by_device(looks)
    bad = _bad(by_device)
    values = sorted(readings, key=lambda one: one.device not in bad)
    items = [*_abnormal(by_device, bad, at_ms), *_digest(by_device, bad, at_ms)]
    return list(_rows([*items, *_readings(values, at_ms)]))


def by_steps(
    devices: Sequence[str],
    looks_of: Callable[[Sequence[str]], Sequence[LookNow]],
    readings_of: Callable[[Sequence[str]], Sequence[ReadingNow]],
    now_ms: Callable[[], int],
) -> Iterator[list[tuple[bytes, int]]]:
    """The same in steps of ``STEP`` devices, abnormal ones first, then the digest, then values.

    Each step is to be appended before anything else is said: it tells how its devices stand then.
    """
    some = [devices[at : at + STEP] for at in range(0, len(devices), STEP)]
    if not some:
        return
    if len(some) == 1:
        yield list(bodies(looks_of(devices), readings_of(devices), now_ms()))
        return
    bad: set[str] = set()
    for part in some:
        at_ms, by_device = now_ms(), _by_device(looks_of(part))
        found = _bad(by_device)
        bad |= found
        yield list(_rows(_abnormal(by_device, found, at_ms)))
    for part in some:
        at_ms, by_device = now_ms(), _by_device(looks_of([one for one in part if one not in bad]))
        found = _bad(by_device)  # those that became so since
        items = [*_abnormal(by_device, found, at_ms), *_digest(by_device, found, at_ms)]
        yield list(_rows(items))
    for part in (list(bad), *([one for one in part if one not in bad] for part in some)):
        yield list(_rows(_readings(readings_of(part), now_ms())))


def inventory(devices: Sequence[str]) -> list[tuple[bytes, int]]:
    """The rows that name the devices, where they are too many for a birth."""
    parts = [devices[at : at + _IDS_MOST] for at in range(0, len(devices), _IDS_MOST)]
    return [
        (_dump([Inventory(part=number, parts=len(parts), devices=tuple(part))]), len(part))
        for number, part in enumerate(parts, start=1)
    ]


def _by_device(looks: Iterable[LookNow]) -> dict[str, list[LookNow]]:
    by_device: dict[str, list[LookNow]] = {}
    for look in looks:
        by_device.setdefault(look.device, []).append(look)
    return by_device


def _bad(by_device: Mapping[str, Sequence[LookNow]]) -> set[str]:
    """The devices of which something is not as it should be."""
    return {
        device
        for device, of in by_device.items()
        if any(look.outcome is not Outcome.MEASURED or look.reason for look in of)
    }


def _abnormal(
    by_device: dict[str, list[LookNow]], bad: set[str], at_ms: int
) -> Iterator[tuple[RowItem, int]]:
    groups: dict[tuple[Method, Outcome, str], list[LookNow]] = {}
    for device in bad:
        for look in by_device[device]:
            groups.setdefault((look.method, look.outcome, look.reason), []).append(look)
    for (method, outcome, reason), found in groups.items():
        found.sort()
        for at in range(0, len(found), COLUMN_MOST):
            part = found[at : at + COLUMN_MOST]
            item = Looks(
                methods=(method,),
                outcome=outcome,
                reason=reason,
                at_ms=at_ms,
                devices=tuple(look.device for look in part),
                since_ms=tuple(min(look.since_ms, at_ms) for look in part),
            )
            yield item, len(part)


def _digest(
    by_device: dict[str, list[LookNow]], bad: set[str], at_ms: int
) -> Iterator[tuple[RowItem, int]]:
    groups: dict[tuple[Method, ...], list[str]] = {}
    for device, found in by_device.items():
        if device not in bad:
            groups.setdefault(tuple(sorted(look.method for look in found)), []).append(device)
    for methods, devices in groups.items():
        devices.sort()
        for at in range(0, len(devices), COLUMN_MOST):
            part = tuple(devices[at : at + COLUMN_MOST])
            yield (
                Looks(methods=methods, outcome=Outcome.MEASURED, at_ms=at_ms, devices=part),
                len(part),
            )


def _readings(readings: Iterable[ReadingNow], at_ms: int) -> Iterator[tuple[RowItem, int]]:
    by_metric: dict[str, list[ReadingNow]] = {}
    for reading in readings:
        by_metric.setdefault(reading.metric, []).append(reading)
    for metric, found in by_metric.items():
        for at in range(0, len(found), COLUMN_MOST):
            part = found[at : at + COLUMN_MOST]
            item = Readings(
                metric=metric,
                at_ms=at_ms,
                device=tuple(one.device for one in part),
                instance=tuple(one.instance for one in part),
                value=tuple(one.value for one in part),
            )
            yield item, len(part)


def _rows(items: Iterable[tuple[RowItem, int]]) -> Iterator[tuple[bytes, int]]:
    gathered: list[RowItem] = []
    weight = 0
    for item, count in items:
        if gathered and weight + count > _WEIGHT_MOST:
            yield _dump(gathered), weight
            gathered, weight = [], 0
        gathered.append(item)
        weight += count
    if gathered:
        yield _dump(gathered), weight


def _dump(items: Sequence[RowItem]) -> bytes:
    return StateBody(items=tuple(items)).model_dump_json().encode()
