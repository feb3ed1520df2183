"""Hidden dangers (plan 3.1 各种隐患) in the journal and in the register. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from collector.county import County
from collector.period import Interval, Period
from escalation.report import Line

MOST: Final = 20
"""Rows of each list of the worst."""


@dataclass(frozen=True, slots=True)
class Danger:
    """A hidden danger (隐患): ``kind`` battery, flapping or one_path; ``figure`` is its measure.

    battery: minutes from losing the mains to going dark. flapping: times in the period.
    one_path: devices that have no way but through this one.
    """

    kind: str
    id: str
    name: str
    operator: str
    figure: int
    times: int = 1


def batteries(
    county: County,
    out: Mapping[str, Sequence[Interval]],
    mains: Mapping[str, Sequence[Interval]],
    period: Period,
) -> Iterator[Danger]:
    """Sites that went dark sooner after their mains than the policy's horizon, the worst first."""
    horizon_ms = county.policy.spread.battery_horizon_s * 1000
    found: dict[str, list[int]] = {}
    for site, spans in mains.items():
        for begin, end in spans:
            dark = [at for at, _ in out.get(site, ()) if begin < at <= end]
            if dark and dark[0] - begin < horizon_ms and period.from_ms <= dark[0] < period.to_ms:
                found.setdefault(site, []).append((dark[0] - begin) // 60_000)
    rows = [
        Danger(
            "battery",
            site,
            county.sites[site].name,
            county.sites[site].operator,
            min(minutes),
            len(minutes),
        )
        for site, minutes in found.items()
    ]
    yield from sorted(rows, key=lambda row: (row.figure, row.id))[:MOST]


def flapping(county: County, rows: Iterable[Line], period: Period) -> Iterator[Danger]:
    """What flapped in the period, the most often first."""
    times: dict[tuple[str, str], int] = {}
    for row in rows:
        if row.kind == "flapping" and period.from_ms <= row.at_ms < period.to_ms:
            device = row.data["device"]
            if device in county.devices:
                key = (device, row.data["qualifier"] or row.data["type"])
                times[key] = times.get(key, 0) + 1
    found = [
        Danger(
            "flapping",
            device,
            f"{county.devices[device].name} {what}",
            county.operator_of[device],
            count,
            count,
        )
        for (device, what), count in times.items()
    ]
    yield from sorted(found, key=lambda row: (-row.figure, row.id))[:MOST]


def one_path(county: County) -> Iterator[Danger]:
    """Equipment through which others go that have no other way, the most of them first.

    Counted along single parents: what hangs on one that hangs on this alone hangs on it too.
    """
    below: dict[str, int] = {}
    for device in county.devices:
        met = {device}
        parents = county.parents.get(device, ())
        while len(parents) == 1 and parents[0] not in met:
            above = parents[0]
            met.add(above)
            below[above] = below.get(above, 0) + 1
            parents = county.parents.get(above, ())
    found = [
        Danger("one_path", device, county.devices[device].name, county.operator_of[device], count)
        for device, count in below.items()
        if device in county.devices and count > 1
    ]
    yield from sorted(found, key=lambda row: (-row.figure, row.id))[:MOST]
