"""Counts that follow from the state: kept incrementally, built from scratch after a restart.

Whatever is here can be thrown away and computed again with the same result, which a test does
after random events. Weights are whole thousandths, so sums do not depend on their order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from collector.ranked import Ranked
from wire.notice import DeviceFact, SiteFact


class Dark(NamedTuple):
    """When a site goes dark: the best guess and the ends of its interval (ms).

    ``ground``: fuel, ups, slope or capacity (``collector.power.Ground``); ``over_s``: seconds
    between the first and the last voltage reading, for a slope.
    """

    at_ms: int
    low_ms: int
    high_ms: int
    ground: str
    over_s: int = 0


class Lost(NamedTuple):
    """A site without mains since ``since_ms``; ``dark``: when it goes dark, None: not known.

    ``carried``: on a generator.
    """

    since_ms: int
    dark: Dark | None
    carried: bool


class SiteShare(NamedTuple):
    """What one site adds to its cell and its operator."""

    counted: bool = False
    out: bool = False
    unknown: bool = False
    at_risk: bool = False


class DeviceShare(NamedTuple):
    """What one device adds to the systems that depend on it and to its operator's egress."""

    counted: bool = False
    down: bool = False
    unknown: bool = False


@dataclass(slots=True)
class Count:
    """Sites and weights of a cell or an operator."""

    sites: int = 0
    out: int = 0
    unknown: int = 0
    at_risk: int = 0
    weight: int = 0
    weight_out: int = 0
    weight_unknown: int = 0
    weight_at_risk: int = 0
    key_units_out: int = 0

    def add(self, share: SiteShare, weight: int, *, key_unit: bool, sign: int) -> None:
        """Add (``sign`` 1) or take away (-1) what one site contributes."""
        if not share.counted:
            return
        self.sites += sign
        self.weight += sign * weight
        if share.out:
            self.out += sign
            self.weight_out += sign * weight
            self.key_units_out += sign * key_unit
        if share.unknown:
            self.unknown += sign
            self.weight_unknown += sign * weight
        if share.at_risk:
            self.at_risk += sign
            self.weight_at_risk += sign * weight


@dataclass(slots=True)
class Depends:
    """Devices that a system, or an operator's egress, stands on."""

    counted: int = 0
    down: int = 0
    unknown: int = 0
    weight: int = 0
    weight_down: int = 0

    def add(self, share: DeviceShare, sign: int, weight: int = 0) -> None:
        """Add (``sign`` 1) or take away (-1) one device; ``weight`` of the users it carries."""
        if not share.counted:
            return
        self.counted += sign
        self.down += sign * share.down
        self.unknown += sign * share.unknown
        self.weight += sign * weight
        self.weight_down += sign * weight * share.down


class CellWord(NamedTuple):
    """What one town cell says: in use, affected, town out, its answer settled, at risk."""

    counted: bool = False
    affected: bool = False
    town_out: bool = False
    settled: bool = True
    at_risk: bool = False


@dataclass(slots=True)
class Towns:
    """Town cells of one operator (or, summed, of the county)."""

    counted: int = 0
    affected: int = 0
    out: int = 0
    settled: int = 0

    def add(self, word: CellWord, sign: int) -> None:
        if word.counted:
            self.counted += sign
            self.affected += sign * word.affected
            self.out += sign * word.town_out
            self.settled += sign * word.settled


Cell = tuple[str, str]


@dataclass(slots=True)
class Tally:
    """All counts. ``facts`` are kept per row, so that a situation costs only what changed.

    ``lost`` are the sites without mains (``collector.power``); ``behind`` remembers the key units
    and the people behind a site (``collector.project``), ``powered`` facts that say both;
    ``hidden`` has the first cause of each device that is cut off, ``cut`` how many of each
    operator's a cause cuts off.
    """

    site_shares: dict[str, SiteShare] = field(default_factory=dict)
    device_shares: dict[str, DeviceShare] = field(default_factory=dict)
    cells: dict[Cell, Count] = field(default_factory=dict)
    cell_words: dict[Cell, CellWord] = field(default_factory=dict)
    operators: dict[str, Count] = field(default_factory=dict)
    towns: dict[str, Towns] = field(default_factory=dict)
    systems: dict[str, Depends] = field(default_factory=dict)
    egress: dict[str, Depends] = field(default_factory=dict)
    watched: dict[str, dict[str, None]] = field(default_factory=dict)
    lost: dict[str, Lost] = field(default_factory=dict)
    behind: dict[str, tuple[int, int]] = field(default_factory=dict, compare=False)
    hidden: dict[str, str] = field(default_factory=dict)
    cut: dict[str, dict[str, int]] = field(default_factory=dict)
    quiet_devices: dict[str, str] = field(default_factory=dict)
    quiet_sites: dict[str, str] = field(default_factory=dict)
    ranked: Ranked[DeviceFact] = field(default_factory=Ranked)
    ranked_sites: Ranked[SiteFact] = field(default_factory=Ranked)
    powered: dict[str, tuple[SiteFact, Lost, SiteFact]] = field(default_factory=dict, compare=False)
    site_facts: dict[str, SiteFact] = field(default_factory=dict)
    device_facts: dict[str, DeviceFact] = field(default_factory=dict)

    def hide(self, device: str, operator: str, cause: str) -> None:
        """``device`` is cut off by ``cause``; by nothing any more where that is empty."""
        old = self.hidden.get(device, "")
        if old == cause:
            return
        if old:
            owners = self.cut[old]
            owners[operator] -= 1
            if not owners[operator]:
                del owners[operator]
            if not owners:
                del self.cut[old]
            del self.hidden[device]
        if cause:
            owners = self.cut.setdefault(cause, {})
            owners[operator] = owners.get(operator, 0) + 1
            self.hidden[device] = cause
