"""The simulated county: towns, sites, devices, lines, systems.

Lines are the true network, rings and all; ``parents`` is what the register knows of it, without
cycles (nearer to the core first). ``drill.grow`` makes one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from config.register import InformationSystem
from drill.atlas import Atlas, TownSpot


class SiteKind(StrEnum):
    CORE = "core"
    HUB = "hub"
    BASE = "base"
    TOWER = "tower"
    UNIT = "unit"


class Kind(StrEnum):
    """What a device is: decides its MIB, its profiles, when its power is shed."""

    ROUTER = "router"
    EGRESS = "egress"
    BBU = "bbu"
    OLT = "olt"
    SWITCH = "switch"
    POWER = "power"
    ENV = "env"


class Shed(StrEnum):
    """Behind which low-voltage disconnect a device hangs: radio first, transport second."""

    LVD1 = "lvd1"
    LVD2 = "lvd2"


TRANSIT = frozenset({Kind.ROUTER, Kind.EGRESS, Kind.SWITCH, Kind.POWER})
"""Kinds of device that carry others' traffic; a tower's power unit has the site's modem."""


@dataclass(frozen=True, slots=True)
class Feed:
    """The power supply of a site: minutes of battery at full load, a generator or none."""

    battery_min: float
    generator: bool = False
    fuel_min: float = 0.0


@dataclass(frozen=True, slots=True)
class SiteSketch:
    """A site. ``feed`` None: its power comes from the site ``host`` (the tower company's)."""

    id: str
    name: str
    operator: str
    town: str
    kind: SiteKind
    weight: float
    x: int
    y: int
    key_unit: bool = False
    feed: Feed | None = None
    host: str | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """A device. ``ports`` counts its interfaces beyond those that end lines."""

    id: str
    name: str
    site: str
    operator: str
    kind: Kind
    address: tuple[int, int, int]
    parents: tuple[str, ...] = ()
    main: bool = True
    egress: bool = False
    shed: Shed = Shed.LVD2
    ports: int = 2


@dataclass(frozen=True, slots=True)
class Line:
    """A line between two devices and the operators whose traffic may use it."""

    a: str
    b: str
    users: frozenset[str]


@dataclass(frozen=True)
class County:
    """Everything generated; tuples in the order in which a register would list them."""

    seed: int
    atlas: Atlas
    sites: tuple[SiteSketch, ...]
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    systems: tuple[InformationSystem, ...]
    roots: dict[str, str] = field(default_factory=dict)
    """Operator to the device at which its management centre (the agent) sits."""

    @cached_property
    def site(self) -> dict[str, SiteSketch]:
        return {site.id: site for site in self.sites}

    @cached_property
    def box(self) -> dict[str, Box]:
        return {box.id: box for box in self.boxes}

    @cached_property
    def town(self) -> dict[str, TownSpot]:
        """Towns by slug."""
        return {town.slug: town for town in self.atlas.town}
