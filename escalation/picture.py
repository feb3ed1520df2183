"""What an incident looks like, and what is new about it since it was last told.

The same truth is not told twice (FAULTS F18, F28): news is the difference between the picture now
and the picture in the last notice, whatever happened in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from escalation.charter import Charter, rank
from escalation.dark import drafted
from escalation.devices import news
from escalation.situation import Situation
from escalation.state import Incident, Picture, Standing
from wire.notice import DeviceFact, Verdict

AFFECTED: Final = frozenset({"partial", "full"})
SITE_NEWS: Final = frozenset({"out", "at_risk"})
BLIND: Final = frozenset({"unknown"})
WEIGHT: Final = {
    "flapping": 1,
    "snmp_fault": 1,
    "at_risk": 1,
    "partial": 1,
    "down": 2,
    "out": 2,
    "full": 2,
}


@dataclass(frozen=True, slots=True)
class Change:
    """Ids whose state differs from what was told: worse (or lost from sight), and better."""

    worse: tuple[str, ...] = ()
    better: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.worse or self.better)


def bound(charter: Charter, verdict: Verdict) -> Standing:
    """The worst that cannot be excluded or is projected, scenario and level."""
    return Standing(
        worse_of(charter.scenario_order, drafted(charter, verdict), verdict.warning_range[1]),
        worse_of(charter.level_order, verdict.level, verdict.level_range[1]),
    )


def worse_of(order: tuple[str, ...], one: str, other: str) -> str:
    return max(one, other, key=lambda word: rank(order, word))


def something_wrong(situation: Situation) -> bool:
    """Whether something is *observed* out of order; blindness alone is none (PLAN section 2)."""
    verdict = situation.verdict
    return (
        not AFFECTED.isdisjoint(verdict.operators.values())
        or not AFFECTED.isdisjoint(verdict.systems.values())
        or any(site.state in SITE_NEWS for site in situation.sites)
        or bool(news(situation))
    )


def follow(incident: Incident, situation: Situation) -> None:
    """Remember every site and device that was ever out of order in this incident."""
    incident.sites.update(site.site for site in situation.sites if site.state in SITE_NEWS)
    incident.devices.update(device.device for device in news(situation))


def _lost(incident: Incident, situation: Situation, told: Mapping[str, str]) -> list[DeviceFact]:
    """The incident's devices that are no news now and not in order either."""
    now = situation.devices_now
    if now is None:
        return [one for one in situation.devices if one.device in incident.devices]
    others = (now.by_id.get(name) for name in incident.devices if name not in told)
    return [one for one in others if one is not None and one.device not in now.quiet]


def picture(charter: Charter, incident: Incident, situation: Situation) -> Picture:
    """The incident now. What it has lost from sight is ``unknown``, never in order.

    A device hidden behind its parent keeps the state it was told with: nobody knows better. So
    does what was told and went into a maintenance window or on a shelf, still out of order: it has
    neither recovered nor grown worse.
    """
    told = incident.told or Picture()
    verdict = situation.verdict
    devices = {device.device: device.state for device in news(situation)}
    for device in _lost(incident, situation, devices):
        if device.state in ("unknown", "hidden"):
            kept = told.devices.get(device.device, "unknown")
            devices[device.device] = "unknown" if device.state == "unknown" else kept
    quiet = situation.quiet
    devices |= {name: told.devices[name] for name in quiet.devices if name in told.devices}
    kept_sites = {name: told.sites[name] for name in quiet.sites if name in told.sites}
    return Picture(
        operators=_touched(verdict.operators, told.operators),
        systems=_touched(verdict.systems, told.systems),
        sites={
            site.site: site.state
            for site in situation.sites
            if site.state in SITE_NEWS or (site.state in BLIND and site.site in incident.sites)
        }
        | kept_sites,
        devices=devices,
        worst=bound(charter, verdict),
    )


def _touched(states: Mapping[str, str], told: Mapping[str, str]) -> dict[str, str]:
    """What is affected, and what was told as affected and has been lost from sight since."""
    return {
        name: state
        for name, state in states.items()
        if state in AFFECTED or (state in BLIND and name in told)
    }


def compare(charter: Charter, told: Picture, now: Picture) -> Change:
    """What changed. A range that grew is worse; one that shrank is told with the next news."""
    worse: list[str] = []
    better: list[str] = []
    for before, after in (
        (told.operators, now.operators),
        (told.systems, now.systems),
        (told.sites, now.sites),
        (told.devices, now.devices),
    ):
        for name in sorted({name for name, _ in before.items() ^ after.items()}):
            milder = _milder(before.get(name), after.get(name))
            (better if milder else worse).append(name)
    if _grew(charter, told.worst, now.worst):
        worse.append("range")
    return Change(tuple(worse), tuple(better))


def _milder(old: str | None, new: str | None) -> bool:
    if new is None:
        return True
    if old is None or new in BLIND:
        return False
    return old not in BLIND and WEIGHT[new] < WEIGHT[old]


def _grew(charter: Charter, told: Standing, now: Standing) -> bool:
    return rank(charter.scenario_order, now.warning) > rank(
        charter.scenario_order, told.warning
    ) or rank(charter.level_order, now.level) > rank(charter.level_order, told.level)
