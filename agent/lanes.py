"""What goes into the two lanes: changes into ``state``, everything into ``sample``. Pure.

State lane (DESIGN "Decisions taken" 1): a look when its outcome or reason changes, a watched
reading when it changes by more than its metric's ``report_delta``, both again at a slow refresh,
so that after a start everything known is sent once. Sample lane: every number, in columns.

``at_ms`` are domain stamps, ``mono_ms`` monotonic milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final

import orjson

from agent.decode import COUNTERS, Number, Rows
from wire.observation import Look, Method, Outcome, Reading, StateBody, StateItem

REFRESH_MS: Final = 600_000
"""How often an unchanged look or reading is sent again."""

ITEMS_MOST: Final = 2000
VALUES_MOST: Final = 20_000
"""Bounds of one row: items of the state lane, numbers of the sample lane."""

BROKEN_OFF: Final = "closed"
"""The engines' reason for looks that were under way when the agent stopped."""

ECHO: Final = "icmp"
"""The profile under which ICMP's samples stand."""

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


@dataclass(slots=True)
class _Known:
    """What the collector was told about a device's readings: value and monotonic ms."""

    sent: dict[tuple[str, str], tuple[Number, int]] = field(default_factory=dict)
    instances: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)


class StateLane:
    """Remembers what was said last and lets only changes through."""

    def __init__(self, *, refresh_ms: int = REFRESH_MS) -> None:
        self._refresh_ms = refresh_ms
        self._looks: dict[tuple[str, Method], _LookSent] = {}
        self._known: dict[str, _Known] = {}
        self._watched: dict[tuple[str, str], tuple[tuple[int, str, float], ...]] = {}

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
        known = self._known.get(device)
        if known is None:
            known = self._known[device] = _Known()
        found: list[Reading] = []
        for part in parts:
            watched = self._places(part)
            if not watched:
                continue
            news = [
                *self._changed(known, part, watched, mono_ms),
                *self._gone(known, part, watched),
            ]
            found += [
                Reading(device=device, metric=metric, instance=instance, value=value, at_ms=at_ms)
                for metric, instance, value in news
            ]
        return found

    def forget(self) -> None:
        """Something said was not kept: everything is news again."""
        self._looks.clear()
        self._known.clear()

    def _places(self, part: Rows) -> tuple[tuple[int, str, float], ...]:
        """Columns of the watched metrics: place, name, delta."""
        key = (part.profile, part.table)
        found = self._watched.get(key)
        if found is None:
            found = self._watched[key] = tuple(
                (place, metric.name, metric.report_delta)
                for place, metric in enumerate(part.metrics)
                if metric.watched
            )
        return found

    def _changed(
        self, known: _Known, part: Rows, watched: Sequence[tuple[int, str, float]], mono_ms: int
    ) -> Iterator[tuple[str, str, Number]]:
        sent = known.sent
        for place, name, delta in watched:
            silent = not part.complete or part.metrics[place].type in COUNTERS
            for instance, value in zip(part.instances, part.columns[place], strict=True):
                key = (name, instance)
                last = sent.get(key)
                if not _finite(value):
                    # Not read this time, no honest rate yet, or never there: no news.
                    if silent or last is None or last[0] is None:
                        continue
                    value = None  # noqa: PLW2901  NaN and infinity are no readings
                elif (
                    last is not None
                    and not _differs(last[0], value, delta)
                    and mono_ms - last[1] < self._refresh_ms
                ):
                    continue
                sent[key] = (value, mono_ms)
                yield name, instance, value

    def _gone(
        self, known: _Known, part: Rows, watched: Sequence[tuple[int, str, float]]
    ) -> Iterator[tuple[str, str, Number]]:
        """Rows of a table that was read whole and that has them no more."""
        key = (part.profile, part.table)
        before = known.instances.get(key, ())
        if not part.complete or before == part.instances:
            return
        known.instances[key] = part.instances
        now = set(part.instances)
        for instance in before:
            if instance in now:
                continue
            for _, name, _ in watched:
                last = known.sent.pop((name, instance), None)
                if last is not None and last[0] is not None:
                    yield name, instance, None


def _finite(value: Number) -> bool:
    return value is not None and isfinite(value)


def _differs(before: Number, now: Number, delta: float) -> bool:
    if before is None or now is None:
        return before is not now
    return abs(now - before) > delta if delta else now != before


def state_bodies(items: Sequence[StateItem]) -> list[tuple[bytes, int]]:
    """The bodies of the state lane for ``items``, in order: JSON and number of items."""
    return [
        (StateBody(items=tuple(part)).model_dump_json().encode(), len(part))
        for part in (items[at : at + ITEMS_MOST] for at in range(0, len(items), ITEMS_MOST))
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

    def add_echo(self, device: str, rtt_ms: float | None, loss: float | None, at_ms: int) -> None:
        """One ICMP look: median round trip in ms and the share of echoes lost."""
        self._extend((ECHO, ""), ECHO_METRICS, device, ("",), ((rtt_ms,), (loss,)), at_ms)

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
        block = self._blocks.get(key)
        if block is None:
            block = self._blocks[key] = _Columns(names, columns=[[] for _ in names])
        rows = len(instances)
        block.device += [device] * rows
        block.instance += instances
        block.at_ms += [at_ms] * rows
        for kept, column in zip(block.columns, columns, strict=True):
            kept.extend(column)
        self.values += rows * len(names)


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
