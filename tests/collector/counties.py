"""Random small counties: sites, rings and branches, systems of every kind of need."""

from __future__ import annotations

import random

from collector.base import World
from collector.county import County
from collector.state import SiteWord, Status
from config.register import Device, InformationSystem, Needs
from tests.collector.small import OPERATORS, county, register

NEEDS = (Needs.ALL, Needs.ANY, Needs.K_OF_N, Needs.WEIGHTED)


def random_county(dice: random.Random) -> County:
    """Up to 48 sites with a device each, an egress, a power plant, half of it hung on others."""
    sites = dice.randrange(3, 13)
    base = register(sites=sites, towns=dice.randrange(1, 5))
    names = [device.id for device in base.devices]
    parents = {
        name: tuple(dict.fromkeys(dice.choices(names, k=dice.randrange(1, 3))))
        for name in names
        if dice.random() < 0.5
    }
    parents = {n: tuple(p for p in own if p != n) for n, own in parents.items()}
    extra = (
        Device(id="cmcc-x1", name="出口", site="cmcc-s1", egress=True, main=False),
        Device(id="tower-p1", name="电源", site="tower-s1", main=False),
    )
    made = register(
        sites=sites,
        towns=len(base.towns),
        parents=parents,
        extra=extra,
        systems=tuple(_system(dice, f"sys{n}", names) for n in range(dice.randrange(4))),
    )
    weighed = tuple(
        site.model_copy(
            update={"weight": dice.choice([1.0, 50.0, 900.0]), "key_unit": dice.random() < 0.1}
        )
        for site in made.sites
    )
    return county(made.model_copy(update={"sites": weighed}))


def _system(dice: random.Random, name: str, devices: list[str]) -> InformationSystem:
    own = tuple(dict.fromkeys(dice.choices(devices, k=dice.randrange(1, 5))))
    needs = dice.choice(NEEDS)
    return InformationSystem(
        id=name,
        name=name,
        devices=own,
        needs=needs,
        at_least=dice.randrange(1, len(own) + 1) if needs is Needs.K_OF_N else None,
        shares=tuple(dice.choice([1.0, 2.0, 5.0]) for _ in own) if needs is Needs.WEIGHTED else (),
    )


def plain_counts(world: World) -> tuple[int, int, int, int, int]:
    """Both counts of what is lost by plain loops: faults; devices, sites, operators, systems."""
    register, state = world.county.register, world.state
    words = [row.status for row in state.devices.values()]
    out = [site for site, row in state.sites.items() if row.word is SiteWord.OUT]
    alone = 0
    for site in out:
        own = [d for d in register.devices if d.site == site and d.main]
        dark = [d for d in own if d.id in state.devices]
        alone += all(state.devices[d.id].status not in ("down", "hidden") for d in dark)
    impacts = ("partial", "full")
    return (
        words.count(Status.DOWN) + alone,
        words.count(Status.DOWN) + words.count(Status.HIDDEN),
        len(out),
        sum(row.impact in impacts for row in state.operators.values()),
        sum(row.impact in impacts for row in state.systems.values()),
    )


def devices_of(made: County) -> list[str]:
    return [device for operator in OPERATORS for device in made.operator_of if operator in device]
