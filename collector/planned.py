"""Planned work (维护窗口) in the decision journal: which outages it accounts for. Pure.

As the World judges it (``collector.maintenance``): what a window covers counts neither as up nor
as down while it is out, nor does what is cut off through covered devices alone; key units are
never covered; what is still out when the work is over counts from there (FAULTS F35).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from collector.county import UNREACHABLE, County
from collector.maintenance import targeted
from collector.period import Interval, meet, merge
from collector.stretches import Key
from escalation.report import Line
from wire.maintenance import target_of

KIND: Final = "window"
"""The journal's kind that tells of it."""


@dataclass(frozen=True, slots=True)
class Work:
    """One occurrence of a window: from ``from_ms`` to ``to_ms``, and the devices it covered.

    ``below`` hang on those alone, in such an order that parents come first.
    """

    id: str
    name: str
    from_ms: int
    to_ms: int
    devices: tuple[str, ...]
    below: tuple[str, ...]


@dataclass(slots=True)
class Excused:
    """When what is out is so by planned work: by anything (``any``), or only cut off by it."""

    any: dict[str, list[Interval]] = field(default_factory=dict)
    cut_off: dict[str, list[Interval]] = field(default_factory=dict)

    def of(self, device: str, kind: str) -> list[Interval]:
        """Merged, for alarms of type ``kind`` at ``device``."""
        spans = self.any.get(device, ())
        more = self.cut_off.get(device, ()) if kind == UNREACHABLE else ()
        return merge((*spans, *more))


def works(county: County, rows: Iterable[Line], end_ms: int) -> tuple[Work, ...]:
    """The windows that ran, in order of their beginning; what runs still ends with us.

    Rows of before targets were written in them mean those of the register's window.
    """
    registered = {one.id: one.targets for one in county.register.windows}
    open_: dict[str, tuple[int, str, tuple[str, ...]]] = {}
    found = []
    for row in rows:
        if row.kind != KIND or row.data["event"] == "refused":
            continue
        ident = row.data["id"]
        if (was := open_.pop(ident, None)) is not None:
            found.append(_work(county, ident, was, row.at_ms))
        if row.data["event"] == "opened":
            targets = tuple(row.data.get("targets", registered.get(ident, ())))
            open_[ident] = (row.at_ms, row.data["name"], targets)
    found += [_work(county, ident, was, end_ms) for ident, was in open_.items()]
    return tuple(sorted(found, key=lambda one: (one.from_ms, one.id)))


def _work(county: County, ident: str, was: tuple[int, str, tuple[str, ...]], to_ms: int) -> Work:
    from_ms, name, targets = was
    devices = targeted(county, (target_of(text) for text in targets))
    return Work(ident, name, from_ms, to_ms, tuple(devices), tuple(_below(county, devices)))


def _below(county: County, devices: Iterable[str]) -> Iterator[str]:
    """What can be reached through ``devices`` alone, parents first."""
    met = set(devices)
    ahead = list(met)
    while ahead:
        for child in county.children.get(ahead.pop(), ()):
            if child not in met and met.issuperset(county.parents[child]):
                met.add(child)
                ahead.append(child)
                yield child


def excused(
    county: County, ran: Iterable[Work], alarms: Mapping[Key, Sequence[Interval]]
) -> Excused:
    """When each device's outages are accounted for by ``ran``."""
    silent: dict[str, list[Interval]] = {}
    for (device, kind, _), spans in alarms.items():
        if kind == UNREACHABLE:
            silent[device] = merge((*silent.get(device, ()), *spans))
    made = Excused()
    for one in ran:
        for device in one.devices:
            made.any.setdefault(device, []).append((one.from_ms, one.to_ms))
        for device, spans in _hanging(county, one, silent).items():
            made.cut_off.setdefault(device, []).extend(spans)
    return made


def _hanging(
    county: County, one: Work, silent: Mapping[str, Sequence[Interval]]
) -> dict[str, list[Interval]]:
    """When what is below covered devices was silent while all of its parents were, by the work.

    A child may be missed a poll before its parent, and come back one later: the delays of the
    alarm are allowed for.
    """
    delays = county.delays(UNREACHABLE)
    slack_ms = delays.raise_ms + delays.clear_ms

    def dark(device: str) -> list[Interval]:
        wide = ((begin - slack_ms, end + slack_ms) for begin, end in silent.get(device, ()))
        return meet([merge(wide), [(one.from_ms, one.to_ms)]])

    found = {device: dark(device) for device in one.devices}
    for child in one.below:
        above = (found[parent] for parent in county.parents[child])
        found[child] = meet([dark(child), *above])
    return {
        child: found[child]
        for child in one.below
        if not county.sites[county.devices[child].site].key_unit
    }
