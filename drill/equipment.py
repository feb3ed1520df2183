"""How simulated equipment behaves: power that runs down, rooms that warm up, boxes that boot.

Pure values; time is an argument, in domain milliseconds. Every law is piecewise linear or
exponential, so the state at any later moment follows from the last change in one step, and the
next moment at which something switches is known (``next_ms``).

Numbers, all plausible rather than measured: a 48 V lead-acid string, LVD1 at 46.0 V and LVD2 at
44.0 V (tower_profile of the B interface: 46.0 V and 44.0 V), float at 53.5 V; when LVD1 has shed
the radios the rest draws 40 %; recharging takes 8 hours; a generator starts within 2 minutes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from typing import Final

MINUTE_MS: Final = 60_000
LVD1_CHARGE: Final = 0.20
LVD2_CHARGE: Final = 0.05
SHED_LOAD: Final = 0.4
RECHARGE_MIN: Final = 480.0
GENERATOR_START_MS: Final = 2 * MINUTE_MS
FLOAT_V: Final = 53.5
NEVER: Final = 2**62
"""Later than every stamp: nothing will switch by itself."""

_VOLTS: Final = ((1.0, 51.2), (LVD1_CHARGE, 46.0), (LVD2_CHARGE, 44.0), (0.0, 43.2))


class Generator(StrEnum):
    """A site's generator. ``starting`` becomes ``running``; fuel spent or a fault: ``failed``."""

    NONE = "none"
    OFF = "off"
    STARTING = "starting"
    RUNNING = "running"
    FAILED = "failed"


class Source(StrEnum):
    """What carries the load now."""

    MAINS = "mains"
    GENERATOR = "generator"
    BATTERY = "battery"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Power:
    """A site's power at ``at_ms``: battery charge 0..1, full-load minutes, load 0..1, fuel minutes.

    ``lvd1`` and ``lvd2`` say that the disconnect is open; both close when a rectifier runs again.
    """

    at_ms: int
    battery_min: float
    charge: float = 1.0
    load: float = 1.0
    mains: bool = True
    generator: Generator = Generator.NONE
    generator_since_ms: int = 0
    auto: bool = True
    fuel_min: float = 0.0
    lvd1: bool = False
    lvd2: bool = False
    lost_ms: int | None = None

    @property
    def source(self) -> Source:
        if self.mains:
            return Source.MAINS
        if self.generator is Generator.RUNNING:
            return Source.GENERATOR
        return Source.NOTHING if self.lvd2 else Source.BATTERY

    @property
    def rectified(self) -> bool:
        return self.source in {Source.MAINS, Source.GENERATOR}

    @property
    def drain_per_ms(self) -> float:
        """Charge lost per millisecond (negative while recharging)."""
        if self.rectified:
            return 0.0 if self.charge >= 1.0 else -1.0 / (RECHARGE_MIN * MINUTE_MS)
        if self.lvd2:
            return 0.0
        share = SHED_LOAD if self.lvd1 else 1.0
        return self.load * share / (self.battery_min * MINUTE_MS)

    @property
    def minutes_left(self) -> float:
        """Until LVD2 opens at the present load, as a UPS would estimate it."""
        if self.lvd2:
            return 0.0
        first = 0.0 if self.lvd1 else max(0.0, self.charge - LVD1_CHARGE)
        second = max(0.0, min(self.charge, LVD1_CHARGE) - LVD2_CHARGE)
        full = self.battery_min / max(self.load, 1e-6)
        return full * (first + second / SHED_LOAD)

    @property
    def volts(self) -> float:
        if self.rectified:
            return FLOAT_V if self.charge >= 1.0 else 51.2 + 2.3 * self.charge
        for (top, high), (bottom, low) in pairwise(_VOLTS):
            if self.charge >= bottom:
                return low + (high - low) * (self.charge - bottom) / (top - bottom)
        return _VOLTS[-1][1]


def next_ms(power: Power) -> int:
    """When this power switches by itself (a disconnect, the generator, the fuel), or NEVER."""
    found = NEVER
    if power.generator is Generator.STARTING:
        found = power.generator_since_ms + GENERATOR_START_MS
    if power.generator is Generator.RUNNING and not power.mains:
        found = min(found, power.at_ms + math.ceil(power.fuel_min * MINUTE_MS))
    drain = power.drain_per_ms
    if drain > 0:
        edge = LVD2_CHARGE if power.lvd1 else LVD1_CHARGE
        wait = max(0.0, (power.charge - edge) / drain)
        found = min(found, power.at_ms + min(math.ceil(wait), NEVER // 2))
    elif drain < 0:
        found = min(found, power.at_ms + math.ceil((1.0 - power.charge) / -drain))
    return max(found, power.at_ms)


def advance(power: Power, now_ms: int) -> Power:
    """The power at ``now_ms`` (not before ``at_ms``), every switch on the way taken in order."""
    for _ in range(16):
        due = next_ms(power)
        if due > now_ms:
            break
        power = _switch(_flow(power, due))
    return _flow(power, max(now_ms, power.at_ms))


def _flow(power: Power, now_ms: int) -> Power:
    """Time passes, nothing switches."""
    passed = now_ms - power.at_ms
    charge = min(1.0, max(0.0, power.charge - power.drain_per_ms * passed))
    fuel = power.fuel_min
    if power.generator is Generator.RUNNING and not power.mains:
        fuel = max(0.0, fuel - passed / MINUTE_MS)
    return replace(power, at_ms=now_ms, charge=charge, fuel_min=fuel)


def _switch(power: Power) -> Power:
    """What is due at ``at_ms`` happens."""
    now = power.at_ms
    if power.generator is Generator.STARTING and now >= (
        power.generator_since_ms + GENERATOR_START_MS
    ):
        good = power.fuel_min > 0
        state = Generator.RUNNING if good else Generator.FAILED
        return _settle(replace(power, generator=state, generator_since_ms=now))
    if power.generator is Generator.RUNNING and not power.mains and power.fuel_min * MINUTE_MS < 1:
        return replace(power, generator=Generator.FAILED, fuel_min=0.0, generator_since_ms=now)
    if power.rectified:
        return replace(power, charge=1.0)
    if not power.lvd1:
        return replace(power, lvd1=True, charge=LVD1_CHARGE)
    return replace(power, lvd2=True, charge=LVD2_CHARGE)


def _settle(power: Power) -> Power:
    """A rectifier that runs closes the disconnects."""
    return replace(power, lvd1=False, lvd2=False) if power.rectified else power


def mains(power: Power, now_ms: int, *, present: bool) -> Power:
    """The mains fail or return; a generator that starts by itself does."""
    power = advance(power, now_ms)
    if power.mains == present:
        return power
    power = replace(power, mains=present, lost_ms=None if present else now_ms)
    if present:
        if power.generator in {Generator.STARTING, Generator.RUNNING}:
            power = replace(power, generator=Generator.OFF, generator_since_ms=now_ms)
        return _settle(power)
    if power.generator is Generator.OFF and power.auto:
        power = replace(power, generator=Generator.STARTING, generator_since_ms=now_ms)
    # A string too flat to carry the load: the disconnects open again at once.
    return replace(power, lvd1=power.charge <= LVD1_CHARGE, lvd2=power.charge <= LVD2_CHARGE)


def generator(power: Power, now_ms: int, *, fuel_min: float) -> Power:
    """Someone brings a generator with fuel for ``fuel_min`` minutes and starts it."""
    power = advance(power, now_ms)
    if power.mains:
        return replace(power, generator=Generator.OFF, fuel_min=fuel_min)
    return replace(
        power, generator=Generator.STARTING, generator_since_ms=now_ms, fuel_min=fuel_min
    )


def battery(power: Power, now_ms: int, *, minutes: float) -> Power:
    """The battery, full or not, now lasts for ``minutes`` at full load when full."""
    return replace(advance(power, now_ms), battery_min=max(1.0, minutes))


@dataclass(frozen=True, slots=True)
class Room:
    """A room's temperature at ``at_ms``: it tends to ``target_c`` with time constant ``tau_ms``."""

    at_ms: int
    celsius: float = 24.0
    target_c: float = 24.0
    tau_ms: int = 90 * MINUTE_MS


def temperature(room: Room, now_ms: int) -> float:
    """Degrees Celsius at ``now_ms``."""
    passed = max(0, now_ms - room.at_ms)
    return room.target_c + (room.celsius - room.target_c) * math.exp(-passed / room.tau_ms)


def aim(room: Room, now_ms: int, target_c: float) -> Room:
    """The room tends to ``target_c`` from now on."""
    return replace(room, at_ms=now_ms, celsius=temperature(room, now_ms), target_c=target_c)


@dataclass(frozen=True, slots=True)
class Unit:
    """One device: fed or not, killed or not, its SNMP process alive or not, its boot.

    ``boot_ms`` is when it last started; it answers from ``ready_ms`` on. ``flap_ms`` > 0: its
    first line goes down and up, each for that long; with ``blinks`` it goes silent and answers
    itself, while it forwards all the time.
    """

    fed: bool = True
    killed: bool = False
    snmp: bool = True
    boot_ms: int = 0
    ready_ms: int = 0
    flap_ms: int = 0
    flap_since_ms: int = 0
    blinks: bool = False

    def up(self, now_ms: int) -> bool:
        return self.fed and not self.killed and now_ms >= self.ready_ms

    def silent(self, now_ms: int) -> bool:
        """Whether it blinks, and answers nobody now."""
        return self.blinks and self._down_half(now_ms)

    def flapped_down(self, now_ms: int) -> bool:
        """Whether a flapping line is in its down half."""
        return not self.blinks and self._down_half(now_ms)

    def _down_half(self, now_ms: int) -> bool:
        if self.flap_ms <= 0:
            return False
        return (now_ms - self.flap_since_ms) // self.flap_ms % 2 == 0


def change(unit: Unit, now_ms: int, *, boot_s: int = 60, **what: bool) -> Unit:
    """``unit`` with ``fed`` or ``killed`` changed; it boots when it comes back."""
    new = replace(unit, **what)
    alive, was = new.fed and not new.killed, unit.fed and not unit.killed
    if alive and not was:
        return replace(new, boot_ms=now_ms, ready_ms=now_ms + boot_s * 1000)
    return new
