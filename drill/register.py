"""The simulated county as the words that the real programs read: register and inventories. Pure."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Final

from pydantic import SecretStr

from config.inventory import Credential, Inventory, Target
from config.register import Device, Register, Site, Source, Town
from drill.atlas import contacts
from drill.county import Box, County, Kind, SiteKind
from drill.farm import Where, address_of
from drill.people import PEOPLE
from wire.view import Disclosure

PROFILES: Final = {
    Kind.ROUTER: ("generic", "interfaces"),
    Kind.EGRESS: ("generic", "interfaces"),
    Kind.BBU: ("generic",),
    Kind.OLT: ("generic", "interfaces"),
    Kind.SWITCH: ("generic", "interfaces"),
    Kind.POWER: ("generic", "ups"),
    Kind.ENV: ("generic", "sensors"),
}
"""What each kind of device is asked."""

DISCLOSED: Final = {"cmcc": Disclosure.FULL, "tower": Disclosure.DEVICE}
"""As operators might agree: each level is there to be seen. Of the others, sites alone."""


def community(operator: str) -> str:
    """The read community of an operator's simulated devices."""
    return f"{operator}-read"


def register_of(county: County) -> Register:
    """The county register; one agent per operator, named like it."""
    codes = {slug: town.code for slug, town in county.town.items()}
    return Register(
        county=county.atlas.county.id,
        towns=tuple(Town(code=town.code, name=town.name) for town in county.atlas.town),
        sites=tuple(
            Site(
                id=site.id,
                name=site.name,
                operator=site.operator,
                town=codes[site.town],
                weight=site.weight,
                key_unit=site.key_unit,
                hub=site.kind in {SiteKind.HUB, SiteKind.CORE},
                powered_by=site.host or None,
            )
            for site in county.sites
        ),
        devices=tuple(
            Device(
                id=box.id,
                name=box.name,
                site=box.site,
                parents=box.parents,
                main=box.main,
                egress=box.egress,
            )
            for box in county.boxes
        ),
        systems=county.systems,
        people=PEOPLE,
        contacts=contacts(),
        sources=tuple(
            Source(
                agent=operator, operator=operator, disclose=DISCLOSED.get(operator, Disclosure.SITE)
            )
            for operator in county.roots
        ),
    )


def inventory_of(county: County, operator: str, where: Where, port: int) -> Inventory:
    """What the operator's agent polls. On loopback the kernel pings for the dead: no ICMP there."""
    return Inventory(
        targets=tuple(
            _target(box, where, port) for box in county.boxes if box.operator == operator
        ),
        credentials=(Credential(id="read", community=SecretStr(community(operator))),),
    )


def _target(box: Box, where: Where, port: int) -> Target:
    return Target(
        device=box.id,
        address=IPv4Address(address_of(box, where)),
        port=port,
        credential="read",
        profiles=PROFILES[box.kind],
        icmp=where is Where.TUN,
    )
