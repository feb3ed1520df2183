"""What can be looked up of one board: the static part once per configuration, the rest once each.

``Index`` is built when the configuration changes, ``Moment`` per board, lazily: each pass over all
devices happens at most once per revision, and only when somebody asks.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from typing import Final

from collector.web.model import Counts
from collector.web.source import (
    ORDER,
    Alarm,
    Board,
    DeviceState,
    SiteState,
    State,
    Static,
)
from config.register import Device, InformationSystem, Person, Site, Town
from wire.notice import Bilingual

_ABSENT_DEVICE: Final = DeviceState(State.NOT_CONNECTED, 0)
_ABSENT_SITE: Final = SiteState(State.NOT_CONNECTED, 0)
_GOLDEN_ANGLE: Final = math.pi * (3 - math.sqrt(5))
_SPOT_STEP: Final = 7.5
"""Map units (of 1000) from one site's spot to the next one on its town's spiral."""


class Index:
    """The register by id, and by what hangs on what."""

    def __init__(self, static: Static) -> None:
        register = static.register
        self.static = static
        self.towns: dict[str, Town] = {town.code: town for town in register.towns}
        self.sites: dict[str, Site] = {site.id: site for site in register.sites}
        self.devices: dict[str, Device] = {device.id: device for device in register.devices}
        self.people: dict[str, Person] = {person.account: person for person in register.people}
        self.devices_of: dict[str, list[Device]] = {}
        self.children: dict[str, list[str]] = {}
        self.systems_of: dict[str, list[InformationSystem]] = {}
        for device in register.devices:
            self.devices_of.setdefault(device.site, []).append(device)
            for parent in device.parents:
                self.children.setdefault(parent, []).append(device.id)
        for system in register.systems:
            for name in system.devices:
                self.systems_of.setdefault(name, []).append(system)
        self.operators: tuple[str, ...] = tuple(
            dict.fromkeys([*static.words.operators, *(site.operator for site in register.sites)])
        )

    @cached_property
    def site_text(self) -> dict[str, str]:
        """What a search for a site looks in."""
        return {
            site.id: "\n".join(
                (site.id, site.name, self.town_name(site.town), site.operator, self._of(site))
            ).casefold()
            for site in self.sites.values()
        }

    @cached_property
    def device_text(self) -> dict[str, str]:
        """What a search for a device looks in: its own words and its site's."""
        texts = self.site_text
        return {
            device.id: f"{device.id}\n{device.name}\n".casefold() + texts.get(device.site, "")
            for device in self.devices.values()
        }

    @cached_property
    def spots(self) -> dict[str, tuple[int, int]]:
        """A place on the schematic map for each site: given, or on a spiral around its town."""
        placed: Counter[str] = Counter()
        spots: dict[str, tuple[int, int]] = {}
        for site in self.sites.values():
            given = self.static.positions.get(site.id)
            x, y = self.town_spots.get(site.town, (500, 500))
            turn = placed[site.town]
            placed[site.town] += 1
            reach = _SPOT_STEP * math.sqrt(turn)
            spots[site.id] = given or (
                round(x + reach * math.cos(turn * _GOLDEN_ANGLE)),
                round(y + reach * math.sin(turn * _GOLDEN_ANGLE)),
            )
        return spots

    @cached_property
    def town_spots(self) -> dict[str, tuple[int, int]]:
        """A place for each town: given, or on a grid."""
        side = max(1, math.ceil(math.sqrt(len(self.towns))))
        step = 1000 // (side + 1)
        return {
            code: self.static.positions.get(
                code, (step * (place % side + 1), step * (place // side + 1))
            )
            for place, code in enumerate(self.towns)
        }

    def town_name(self, code: str) -> str:
        town = self.towns.get(code)
        return town.name if town else code

    def operator_name(self, operator: str) -> Bilingual:
        return self.static.words.operators.get(operator, Bilingual(zh=operator, en=operator))

    def person_name(self, account: str | None) -> str:
        person = self.people.get(account or "")
        return person.name if person else account or ""

    def _of(self, site: Site) -> str:
        name = self.operator_name(site.operator)
        return f"{name.zh} {name.en}"


def counts(states: Mapping[State, int]) -> Counts:
    """The counts model of a counter of states."""
    return Counts(**{state.value: number for state, number in states.items()})


class Moment:
    """One board with its index; everything derived is computed once, when first asked for."""

    def __init__(self, board: Board, index: Index) -> None:
        self.board = board
        self.index = index
        self.cache: dict[str, bytes] = {}
        """Answers that are the same for everybody, by path, as encoded JSON."""

    def device(self, name: str) -> DeviceState:
        return self.board.devices.get(name, _ABSENT_DEVICE)

    def site(self, name: str) -> SiteState:
        return self.board.sites.get(name, _ABSENT_SITE)

    @cached_property
    def device_counts(self) -> Counter[State]:
        return Counter(self.device(name).state for name in self.index.devices)

    @cached_property
    def site_counts(self) -> Counter[State]:
        return Counter(self.site(name).state for name in self.index.sites)

    @cached_property
    def hides(self) -> Counter[str]:
        """How many devices are hidden behind each."""
        return Counter(
            state.cause for state in self.board.devices.values() if state.cause is not None
        )

    @cached_property
    def alarms_of(self) -> dict[str, list[Alarm]]:
        """Open alarms by device and by site, worst first."""
        found: dict[str, list[Alarm]] = {}
        for alarm in self.board.alarms:
            if alarm.cleared_ms is None:
                for key in {alarm.device, alarm.site} - {None}:
                    found.setdefault(str(key), []).append(alarm)
        return found

    def worst(self, states: Counter[State]) -> State:
        """The worst state of those that count; not connected when there is none."""
        present = [state for state, number in states.items() if number]
        return min(present, key=ORDER.__getitem__, default=State.NOT_CONNECTED)
