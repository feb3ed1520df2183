"""When what was how, from the decision journal's rows: alarms, sites, agents. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from collector.county import UNREACHABLE, County
from collector.mains import MAINS_CAUSES
from collector.period import Interval, Period, clip, merge
from config.policy import SiteEffect
from escalation.report import Line

Key = tuple[str, str, str]
"""Device, alarm type, qualifier."""


def spans(rows: Iterable[Line], end_ms: int) -> dict[Key, list[Interval]]:
    """When each alarm was raised, by device, type and qualifier; what still is ends with us."""
    open_: dict[Key, int] = {}
    found: dict[Key, list[Interval]] = {}
    for row in rows:
        if row.kind != "alarm":
            continue
        data = row.data
        key = (data["device"], data["type"], data["qualifier"])
        if data["word"] == "raised":
            open_.setdefault(key, data["since_ms"])
        elif data["word"] == "cleared":
            begin = open_.pop(key, data["since_ms"])
            found.setdefault(key, []).append((begin, row.at_ms))
    for key, begin in open_.items():
        found.setdefault(key, []).append((begin, end_ms))
    return found


def is_out(county: County) -> Callable[[str, str], bool]:
    """Whether an alarm of this device and type means that its site is out."""

    def means(device: str, kind: str) -> bool:
        if kind == UNREACHABLE:
            return county.devices[device].main
        known = county.types.get(kind)
        return known is not None and known.site_effect is SiteEffect.OUT

    return means


def is_mains(county: County) -> Callable[[str, str], bool]:
    def means(_: str, kind: str) -> bool:
        known = county.types.get(kind)
        return known is not None and known.probable_cause_no in MAINS_CAUSES

    return means


def site_spans(
    county: County,
    alarms: Mapping[Key, Sequence[Interval]],
    means: Callable[[str, str], bool],
) -> dict[str, list[Interval]]:
    """When each site was as ``means`` says, by any of its devices."""
    found: dict[str, list[Interval]] = {}
    for (device, kind, _), spans in alarms.items():
        if device in county.devices and means(device, kind):
            found.setdefault(county.devices[device].site, []).extend(spans)
    return {site: merge(spans) for site, spans in found.items()}


def blind(rows: Iterable[Line], period: Period) -> dict[str, list[Interval]]:
    """When each agent was not to be counted on."""
    open_: dict[str, int] = {}
    found: dict[str, list[Interval]] = {}
    for row in rows:
        if row.kind != "source":
            continue
        agent = row.data["agent"]
        if row.data["word"] != "heard":
            open_.setdefault(agent, row.at_ms)
        elif agent in open_:
            found.setdefault(agent, []).append((open_.pop(agent), row.at_ms))
    for agent, begin in open_.items():
        found.setdefault(agent, []).append((begin, period.to_ms))
    return {agent: clip(merge(spans), period) for agent, spans in found.items()}
