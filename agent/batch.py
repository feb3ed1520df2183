"""Many looks at once: what they measured becomes readings, rates and samples column by column.

Pure. Between looks a device keeps a ``Track``. A look is *steady* when it brought everything, of
the same rows as the look before: then all the steady looks of one query are taken together, which
costs a tenth of taking them one by one (``one_by_one``, which all others get). Both ways come to
the same; a property test holds them to it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from sys import intern
from typing import NamedTuple

from agent.counters import Past, ahead, packed, rates, restarted, without_leaps
from agent.decode import ONE_ROW, Number, column, decode, numbers, uptime_ticks
from agent.lanes import StateLane, by_rows
from agent.query import Group, Query, SnmpResult, TableValues
from agent.samples import SampleLane
from agent.track import HEAD, NEVER, Kind, Names, Track
from wire.observation import Reading

_SCALARS = Names((), 0, ONE_ROW)
KINDS = 1000


class Taken(NamedTuple):
    """A measured look that waits to be taken with others; ``at_ms`` is a domain stamp."""

    device: str
    track: Track
    result: SnmpResult
    at_ms: int


@dataclass(slots=True)
class _Steady:
    """Steady looks of one query, with the counts before of each of its groups that has some."""

    query: Query
    looks: list[Taken] = field(default_factory=list)
    pasts: list[list[Past | None]] = field(default_factory=list)


@dataclass(slots=True)
class _Scalars:
    """Steady looks of one query without tables; ``then`` and ``now`` are their moments (ns)."""

    kind: Kind
    looks: list[Taken] = field(default_factory=list)
    kept: list[bytes] = field(default_factory=list)
    then: list[int] = field(default_factory=list)


class Batch:
    """Takes looks into the two lanes; counts those taken ``together`` and ``alone``."""

    def __init__(self, state: StateLane, sample: SampleLane) -> None:
        self._state = state
        self._sample = sample
        self._kinds: dict[int, Kind] = {}
        self._named: dict[tuple[str, ...], tuple[str, ...]] = {}
        self.together = 0
        self.alone = 0

    def take(self, looks: Iterable[Taken], mono_ms: int) -> tuple[list[Reading], list[str]]:
        """The readings that are news, and the devices found restarted; samples go to their lane."""
        found: list[Reading] = []
        again: list[str] = []
        steady: dict[int, _Steady] = {}
        scalars: dict[int, _Scalars] = {}
        seen: set[int] = set()
        for look in looks:
            track, result = look.track, look.result
            if id(track) in seen:  # its second look here needs what its first one leaves
                found += self._together(steady, scalars, mono_ms)
                seen.clear()
            seen.add(id(track))
            if track.kept is not None and self._as_before(look, scalars):
                continue
            if track.rates.restarted(result.at_ns, uptime_ticks(result), result.boots):
                again.append(look.device)
            pasts = _steady(track, result)
            if pasts is None:
                found += self._one_by_one(look, mono_ms)
                continue
            query = result.look.query
            cohort = steady.get(id(query))
            if cohort is None:
                cohort = steady[id(query)] = _Steady(query)
            cohort.looks.append(look)
            cohort.pasts.append(pasts)
        found += self._together(steady, scalars, mono_ms)
        return found, again

    def _kind(self, query: Query) -> Kind:
        """What looks at a query have in common."""
        kind = self._kinds.get(id(query))
        if kind is None or kind.query is not query:
            if len(self._kinds) >= KINDS:
                self._kinds.clear()
            kind = self._kinds[id(query)] = Kind(query)
        return kind

    def _shared(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The one tuple for all tables whose rows have these names, and one text for each name."""
        found = self._named.get(names)
        if found is None:
            if len(self._named) >= KINDS:
                self._named.clear()
            found = tuple(map(intern, names))
            self._named[found] = found
        return found

    def _as_before(self, look: Taken, scalars: dict[int, _Scalars]) -> bool:
        """Put a look at scalars to its like when nothing about it is unusual."""
        _, track, result, _ = look
        query, kept, at_ns = result.look.query, track.kept, result.at_ns
        if track.query is not query or not result.complete or result.boots is not None:
            return False
        cohort = scalars.get(id(query))
        kind = self._kind(query) if cohort is None else cohort.kind
        if kept is None or not kind.good(result.tags):
            return False
        then_ns, ticks = HEAD.unpack_from(kept)
        least_ns, gap_ns = track.bounds
        if kind.counts and not max(1, least_ns) <= at_ns - then_ns <= gap_ns:
            return False
        if query.uptime is not None:
            now: int = result.scalars[query.uptime]  # type: ignore[assignment]  # as its tag says
            elapsed_ns = at_ns - then_ns
            if restarted(ticks, now, elapsed_ns) or ahead(ticks, now, elapsed_ns):
                return False
        if cohort is None:
            cohort = scalars[id(query)] = _Scalars(kind)
        cohort.looks.append(look)
        cohort.kept.append(kept)
        cohort.then.append(then_ns)
        return True

    def _one_by_one(self, look: Taken, mono_ms: int) -> list[Reading]:
        self.alone += 1
        device, track, result, at_ms = look
        rows = decode(result)
        for part in rows:
            if part.instances is not ONE_ROW:
                part.instances = self._shared(part.instances)
        track.rates.apply(rows, result.at_ns)
        found = self._state.readings(device, rows, at_ms, mono_ms)
        self._sample.add(device, rows, at_ms)
        query = result.look.query
        track.query, track.names = None, ()
        if not query.tables:
            if result.complete and result.boots is None and self._kind(query).simple:
                for group in query.groups:
                    track.rates.share(group.key, group.places)
                track.pack(query, result.at_ns)
        elif result.complete and _plain(query):
            track.query = query
            for group in query.groups:
                if group.counts:
                    track.rates.share(group.key, group.places)
            track.names = tuple(
                _SCALARS
                if group.number < 0
                else Names(table.index, _mark(group, table), part.instances)
                for group, part in zip(query.groups, rows, strict=True)
                for table in (result.tables[group.number] if group.number >= 0 else _NONE,)
            )
        return found

    def _together(
        self, steady: dict[int, _Steady], scalars: dict[int, _Scalars], mono_ms: int
    ) -> list[Reading]:
        found: list[Reading] = []
        for alike in scalars.values():
            found += self._scalars(alike, mono_ms)
        scalars.clear()
        for cohort in steady.values():
            self.together += len(cohort.looks)
            for number, group in enumerate(cohort.query.groups):
                found += self._group(cohort, number, group, mono_ms)
        steady.clear()
        return found

    def _scalars(self, cohort: _Scalars, mono_ms: int) -> list[Reading]:
        """Looks at scalars whose counts are kept as octets."""
        looks, kind = cohort.looks, cohort.kind
        self.together += len(looks)
        query, width = kind.query, kind.width
        results = [look.result for look in looks]
        cells: list[int | bytes | None] = []
        for result in results:
            cells += result.scalars
        size = len(query.scalars)
        table = TableValues(size, (), cells, b"".join([one.tags for one in results]))
        before = array("Q", b"".join(cohort.kept))
        stamps_ns = [one.at_ns for one in results]
        seconds = [(now - then) / 1e9 for now, then in zip(stamps_ns, cohort.then, strict=True)]
        after = array("Q", bytes(8 * width * len(looks)))
        after[0::width] = array("Q", stamps_ns)
        ticks = [NEVER] * len(looks) if query.uptime is None else cells[query.uptime :: size]
        after[1::width] = array("Q", ticks)  # type: ignore[arg-type, type-var]  # numbers
        devices = [look.device for look in looks]
        stamps = [look.at_ms for look in looks]
        found: list[Reading] = []
        for group, offset in zip(query.groups, kind.offsets, strict=True):
            columns = numbers(group, table)
            for word, place in enumerate(group.places, offset):
                counts = columns[place]
                after[word::width] = array("Q", counts)  # type: ignore[arg-type, type-var]  # numbers
                columns[place] = rates(before[word::width], counts, seconds, [group.metrics[place]])
            self._sample.add_rows(devices, group.key, group.metrics, columns, stamps)
            found += self._state.values_of(
                devices, group.key, group.metrics, columns, stamps, mono_ms
            )
        octets = after.tobytes()
        for look, begin in zip(looks, range(0, len(octets), 8 * width), strict=True):
            look.track.kept = octets[begin : begin + 8 * width]
        return found

    def _group(self, cohort: _Steady, number: int, group: Group, mono_ms: int) -> list[Reading]:
        looks = cohort.looks
        table = _joined(group, [look.result for look in looks])
        columns = numbers(group, table)
        names = [look.track.names[number].instances for look in looks]
        places = group.places
        if places:
            pasts = [pasts[number] for pasts in cohort.pasts]
            _turn(group, places, columns, pasts, looks)
            if group.speed is not None:
                without_leaps(group.metrics, columns, column(table, group.speed))
        devices = [look.device for look in looks]
        stamps = [look.at_ms for look in looks]
        key = group.key
        if group.metrics:
            self._sample.add_of(devices, key, group.metrics, names, columns, stamps)
        return self._state.readings_of(devices, key, group.metrics, names, columns, stamps, mono_ms)


_NONE = TableValues(1)


def _plain(query: Query) -> bool:
    """Whether rows of none of its tables may be left out for what they say themselves."""
    return not any(one.when for group in query.groups if group.number >= 0 for one in group.fields)


def _mark(group: Group, table: TableValues) -> int:
    """The labels of a table's rows, as a number."""
    if group.label is None:
        return 0
    labels, width = slice(group.label, None, table.columns), table.columns
    return hash((tuple(table.cells[labels]), table.tags[group.label :: width]))


def _steady(track: Track, result: SnmpResult) -> list[Past | None] | None:
    """The counts before of each group; None when the look has to be taken by itself."""
    query = result.look.query
    if track.query is not query or not result.complete or not query.tables:
        return None
    pasts: list[Past | None] = []
    for group, names in zip(query.groups, track.names, strict=True):
        if group.number >= 0:
            table = result.tables[group.number]
            if names.rows is not table.index or names.mark != _mark(group, table):
                return None
        past = None
        if group.counts:
            past = track.rates.steady(group.key, names.instances, result.at_ns)
            if past is None or not _same_epochs(group, past, result):
                return None
        pasts.append(past)
    return pasts


def _same_epochs(group: Group, past: Past, result: SnmpResult) -> bool:
    if group.discontinuity is None:
        return True
    return past.epochs == column(result.tables[group.number], group.discontinuity)


def _joined(group: Group, results: Sequence[SnmpResult]) -> TableValues:
    """The rows of many devices as one table."""
    cells: list[int | bytes | None] = []
    if group.number < 0:
        for result in results:
            cells += result.scalars
        width = len(results[0].scalars)
        return TableValues(width, (), cells, b"".join([result.tags for result in results]))
    tables = [result.tables[group.number] for result in results]
    for table in tables:
        cells += table.cells
    return TableValues(tables[0].columns, (), cells, b"".join([table.tags for table in tables]))


def _turn(
    group: Group,
    places: Sequence[int],
    columns: list[list[Number]],
    pasts: Sequence[Past | None],
    looks: Sequence[Taken],
) -> None:
    """Turn the counters' columns into rates, and remember the counts."""
    now = by_rows([columns[place] for place in places])
    before: list[Number] = []
    seconds: list[float] = []
    begin = 0
    for past, look in zip(pasts, looks, strict=True):
        assert past is not None
        counts, at_ns = past.counts, look.result.at_ns
        before += counts
        size = len(counts)
        seconds += [(at_ns - past.at_ns) / 1e9] * size
        past.counts = packed(now[begin : begin + size])
        past.at_ns = at_ns
        begin += size
    width = len(places)
    turned = rates(before, now, seconds, [group.metrics[place] for place in places])
    for number, place in enumerate(places):
        columns[place] = turned[number::width]
