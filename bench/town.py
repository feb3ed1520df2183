"""A county of any size, as values and as the files that the programs read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from collector.county import Bundle, County
from config.io.load import load_policy, load_profiles
from config.io.plan import load_plan
from config.register import Contact, ContactKind, Device, Register, Site, Source, Town

CODE: Final = "140522"
OPERATORS: Final = ("cmcc", "cucc", "ctcc", "tower")
TOWNS: Final = 15
OFFICE: Final = "office"
_KINDS: Final = ("router", "radio", "switch", "power")
"""The devices of a site; the first two are those without which it is out."""


def register(devices: int, operators: Sequence[str] = OPERATORS) -> Register:
    """About ``devices`` devices: four at a site, sites behind a hub in each operator's towns."""
    towns = tuple(
        Town(code=f"{CODE}{number:03d}", name=f"第{number}镇") for number in range(100, 100 + TOWNS)
    )
    each = max(TOWNS, devices // len(_KINDS) // len(operators))
    sites = tuple(
        Site(
            id=f"{operator}-s{number}",
            name=f"{operator}站{number}",
            operator=operator,
            town=towns[number % TOWNS].code,
            weight=200.0,
            hub=number < TOWNS,
        )
        for operator in operators
        for number in range(each)
    )
    return Register(
        county=CODE,
        towns=towns,
        sites=sites,
        devices=tuple(device for site in sites for device in _devices(site)),
        contacts=(
            Contact(name="移动", phone="0356-4220001", kind=ContactKind.OPERATOR, operator="cmcc"),
        ),
        sources=tuple(Source(agent=operator, operator=operator) for operator in operators),
    )


def _devices(site: Site) -> Iterator[Device]:
    head, _, number = site.id.rpartition("s")
    hub = f"{head}s{int(number) % TOWNS}-router"
    router = f"{site.id}-router"
    for kind in _KINDS:
        above = router if kind != "router" else hub
        yield Device(
            id=f"{site.id}-{kind}",
            name=f"{site.name}{kind}",
            site=site.id,
            parents=() if f"{site.id}-{kind}" == above else (above,),
            main=kind in _KINDS[:2],
        )


def county(devices: int) -> County:
    """The configuration in force: shipped plan, policy and profiles."""
    return County(
        Bundle(
            register_=register(devices),
            plan=load_plan(),
            policy=load_policy(),
            profiles=tuple(load_profiles().values()),
            offices=(OFFICE,),
        )
    )
