"""What an operator in trial (试运行) would be judged as now, had it counted. Pure.

By the same rules on its sites as they stand, holds apart: for the pages and ``wanglou status``,
and for nobody else. What the trial would have told in a week is the replay's (``collector.trial``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from collector import impact, networks
from collector.base import World
from collector.decide import Impact
from collector.explain import asked
from collector.state import SiteWord, Status
from collector.tally import Cell, Count, Depends, DeviceShare, SiteShare, Towns

LOST = frozenset({Status.DOWN, Status.HIDDEN})


class Would(NamedTuple):
    """Its state, its sites in use by how they are, and the scenario and level with it counted.

    The scenario and level are empty where nothing was judged yet, or the plan does not know it.
    """

    state: str
    sites: int
    out: int
    at_risk: int
    unknown: int
    warning: str = ""
    level: str = ""


def would(world: World, operator: str) -> Would | None:
    """The answer for an operator in trial; None for all others."""
    if operator not in world.county.trial:
        return None
    on = _counted(world, operator)
    rules = networks.operator_rules(world, operator, {}, on)
    state = _worst([name for name, judged in rules.items() if judged.bad])
    count = on.sites
    found = Would(state, count.sites, count.out, count.at_risk, count.unknown)
    situation = world.situation
    if situation is None or operator not in situation.verdict.operators:
        return found
    given = asked(world, situation, situation.at_ms)
    more = replace(given, operators={**given.operators, operator: state})
    decision = world.county.decider.decide(more)
    return found._replace(warning=decision.warning, level=decision.level)


def _worst(bad: list[str]) -> str:
    """Rules that hold, in one word; too little in sight is unknown where nothing else is known."""
    if any(name.startswith(networks.FULL) for name in bad):
        return Impact.FULL.value
    if any(name.startswith(networks.PARTIAL) for name in bad):
        return Impact.PARTIAL.value
    return Impact.UNKNOWN.value if networks.VISIBLE in bad else Impact.NONE.value


def _counted(world: World, operator: str) -> networks.Counted:
    """The counts that the tally leaves out."""
    whole, cells = Count(), dict[Cell, Count]()
    fine = Counter[Cell]()
    for site, word in _words(world, operator):
        known, weight = world.county.sites[site], world.county.weights[site]
        cell = (operator, known.town)
        count = cells.setdefault(cell, Count())
        if word is SiteWord.OK:  # nearly all of them: there may be tens of thousands
            count.sites += 1
            fine[cell] += weight
            continue
        share = SiteShare(
            counted=True,
            out=word is SiteWord.OUT,
            unknown=word is SiteWord.UNKNOWN,
            at_risk=word is SiteWord.AT_RISK,
        )
        for one in (whole, count):
            one.add(share, weight, key_unit=known.key_unit, sign=1)
    for cell, count in cells.items():
        count.weight += fine[cell]
    whole.sites = sum(count.sites for count in cells.values())
    whole.weight = sum(count.weight for count in cells.values())
    towns, egress = Towns(), Depends()
    for count in cells.values():
        towns.add(impact.cell_of(world, count), 1)
    for device in world.county.register.devices:
        row = world.state.devices.get(device.id)
        if device.egress and row is not None and world.county.operator_of[device.id] == operator:
            known_, down = row.commissioned_ms is not None, row.status in LOST
            egress.add(DeviceShare(known_, down, row.status is Status.UNKNOWN), 1)
    return networks.Counted(whole, towns, egress)


def _words(world: World, operator: str) -> Iterator[tuple[str, SiteWord]]:
    """Its sites in use and how each stands, but for those in a maintenance window."""
    rows = world.state.sites
    for site in world.county.register.sites:
        if site.operator != operator:
            continue
        row = rows.get(site.id)
        if row is None or row.word is SiteWord.NEW:
            continue
        if world.covered and world.covered.issuperset(world.county.site_devices.get(site.id, ())):
            continue
        yield site.id, row.word
