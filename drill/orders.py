"""What a story or a test may do to simulated equipment: a closed vocabulary, strict."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from config.base import Config
from config.faults import did_you_mean
from drill.county import County, Kind
from wire.base import Id


class Do(StrEnum):
    """The orders. Those on power and rooms act on sites, the others on devices."""

    MAINS_OFF = "mains-off"
    MAINS_ON = "mains-on"
    BATTERY = "battery"
    GENERATOR = "generator"
    HEAT = "heat"
    KILL = "kill"
    REVIVE = "revive"
    REBOOT = "reboot"
    SNMP_OFF = "snmp-off"
    SNMP_ON = "snmp-on"
    FLAP = "flap"
    BLINK = "blink"
    STEADY = "steady"
    NET = "net"
    CUT = "cut"
    MEND = "mend"


ON_SITES: Final = frozenset({Do.MAINS_OFF, Do.MAINS_ON, Do.BATTERY, Do.GENERATOR, Do.HEAT})
ON_LINES: Final = frozenset({Do.CUT, Do.MEND})
NEEDED: Final = {
    Do.BATTERY: "minutes",
    Do.GENERATOR: "minutes",
    Do.HEAT: "celsius",
    Do.FLAP: "period_s",
    Do.BLINK: "period_s",
}
"""The figure without which an order says nothing."""


class Order(Config):
    """One order. What it acts on is chosen by all the lists that are given, together.

    ``minutes``: battery time at full load, or fuel. ``period_s``: half of a flap or blink.
    ``delay_ms`` and ``loss`` (0..1): the way to the device, where addresses are simulated too.
    ``between``: the two ends of a line.
    """

    do: Annotated[Do, Field(strict=False)]
    towns: tuple[Id, ...] = ()
    operators: tuple[Id, ...] = ()
    sites: tuple[Id, ...] = ()
    devices: tuple[Id, ...] = ()
    kinds: tuple[Annotated[Kind, Field(strict=False)], ...] = ()
    everything: bool = False
    between: tuple[Id, Id] | None = None
    minutes: Annotated[float, Field(gt=0, le=100_000)] | None = None
    celsius: Annotated[float, Field(ge=-40, le=120)] | None = None
    period_s: Annotated[float, Field(ge=1, le=86_400)] | None = None
    delay_ms: Annotated[float, Field(ge=0, le=10_000)] = 0.0
    loss: Annotated[float, Field(ge=0, le=1)] = 0.0

    @property
    def chosen(self) -> bool:
        """Whether the order says what it acts on."""
        lists = (self.towns, self.operators, self.sites, self.devices, self.kinds)
        return self.everything or any(lists)


def sites_of(order: Order, county: County) -> list[str]:
    """Ids of the sites that the order chooses (a device stands for its site)."""
    named = {*order.sites, *(county.box[device].site for device in order.devices)}
    return [
        site.id
        for site in county.sites
        if (not named or site.id in named)
        and (not order.towns or site.town in order.towns)
        and (not order.operators or site.operator in order.operators)
    ]


def devices_of(order: Order, county: County) -> list[str]:
    """Ids of the devices that the order chooses."""
    return [
        box.id
        for box in county.boxes
        if (not order.devices or box.id in order.devices)
        and (not order.sites or box.site in order.sites)
        and (not order.kinds or box.kind in order.kinds)
        and (not order.operators or box.operator in order.operators)
        and (not order.towns or county.site[box.site].town in order.towns)
    ]


def faults(order: Order, county: County) -> Iterator[str]:
    """What is wrong with an order in this county, a sentence each."""
    kinds = (
        ("town", order.towns, county.town),
        ("operator", order.operators, county.roots),
        ("site", order.sites, county.site),
        ("device", order.devices, county.box),
        ("device", order.between or (), county.box),
    )
    for word, ids, known in kinds:
        for one in ids:
            if one not in known:
                hint = did_you_mean(one, known)
                yield f"{order.do}: no {word} {one!r} in this county" + (
                    f" ({hint})" if hint else ""
                )
    need = NEEDED.get(order.do)
    if need and getattr(order, need) is None:
        yield f"{order.do}: {need} is missing"
    if order.do in ON_LINES:
        yield from _line_faults(order, county)
    elif not order.chosen:
        yield f"{order.do}: where? (towns, operators, sites, devices, kinds or everything)"
    elif all(one in known for _, ids, known in kinds for one in ids):
        found = sites_of(order, county) if order.do in ON_SITES else devices_of(order, county)
        if not found:
            yield f"{order.do}: nothing in this county is all of that"


def _line_faults(order: Order, county: County) -> Iterator[str]:
    if order.between is None:
        yield f"{order.do}: between is missing (the two ends of the line)"
        return
    ends = set(order.between)
    if ends <= county.box.keys() and not any({line.a, line.b} == ends for line in county.lines):
        yield f"{order.do}: no line between {order.between[0]} and {order.between[1]}"
