"""What a simulated device has to say over SNMP: objects as a sorted tree of functions. Pure.

System group (SNMPv2-MIB), IF-MIB with ifXTable, UPS-MIB (RFC 1628) for power, ENTITY-MIB with
ENTITY-SENSOR-MIB (RFC 3433) for environment, some of HOST-RESOURCES-MIB for routers. The same shape
of device shares one tree; a function gets the plant and the device and answers with a raw value,
or None where the object does not exist at this moment (an alarm row).
"""

from __future__ import annotations

import math
import struct
import zlib
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

from agent import ber
from agent.ber import RawValue
from drill.county import Box, Kind
from drill.equipment import Source
from drill.plant import Plant, Port

Get = Callable[[Plant, Box], RawValue]
Arcs = tuple[int, ...]

WRAP32: Final = 2**32
WRAP64: Final = 2**64
DAY_S: Final = 86_400.0
ENTERPRISE: Final = "1.3.6.1.4.1.32473"
"""Reserved for documentation (RFC 5612): no vendor's number."""

TITLES: Final = {
    Kind.ROUTER: "transport router",
    Kind.EGRESS: "egress router",
    Kind.BBU: "base station",
    Kind.OLT: "optical line terminal",
    Kind.SWITCH: "switch",
    Kind.POWER: "48 V power system",
    Kind.ENV: "environment monitor",
}
RUNNING_HOSTS: Final = frozenset({Kind.ROUTER, Kind.EGRESS})


@dataclass(frozen=True, slots=True)
class Object:
    """One instance: where it stands, its BER identifier (whole element), its type, its value."""

    arcs: Arcs
    head: bytes
    tag: int
    get: Get


@dataclass(frozen=True)
class Tree:
    """Objects in SNMP's order; ``place`` finds one by its OID's content octets."""

    objects: tuple[Object, ...]
    arcs: tuple[Arcs, ...]
    place: dict[bytes, int]

    def after(self, arcs: Arcs) -> int:
        """The place of the first object behind ``arcs``; the number of objects at the end."""
        return bisect_right(self.arcs, arcs)


def tree_of(plant: Plant, box: Box) -> Tree:
    """The tree of the device's shape."""
    lines = len(plant.ends(box.id))
    return _tree(box.kind, lines, box.ports)


@cache
def _tree(kind: Kind, lines: int, ports: int) -> Tree:
    found: dict[str, tuple[int, Get]] = {**_system(kind), **_interfaces(lines, ports)}
    if kind is Kind.POWER:
        found |= _ups()
    if kind is Kind.ENV:
        found |= _sensors()
    if kind in RUNNING_HOSTS:
        found |= _host()
    objects = []
    for oid, (tag, get) in found.items():
        content = ber.oid_content(oid)
        arcs = ber.oid_arcs(content)
        objects.append(Object(arcs, ber.encode(ber.OID, content), tag, get))
    objects.sort(key=lambda item: item.arcs)
    return Tree(
        tuple(objects),
        tuple(item.arcs for item in objects),
        {ber.oid_content(".".join(map(str, item.arcs))): at for at, item in enumerate(objects)},
    )


def _fixed(value: RawValue) -> Get:
    return lambda _plant, _box: value


def _ticks(ms: int) -> int:
    return ms // 10 % WRAP32


def uptime(plant: Plant, box: Box) -> int:
    """Hundredths of a second since the device started; wraps at 497 days."""
    return _ticks(plant.now_ms - plant.unit[box.id].boot_ms)


def _system(kind: Kind) -> dict[str, tuple[int, Get]]:
    root = "1.3.6.1.2.1.1"
    object_id = ber.oid_content(f"{ENTERPRISE}.{list(Kind).index(kind) + 1}")
    return {
        f"{root}.1.0": (ber.OCTET_STRING, _fixed(f"simulated {TITLES[kind]}".encode())),
        f"{root}.2.0": (ber.OID, _fixed(object_id)),
        f"{root}.3.0": (ber.TIME_TICKS, uptime),
        f"{root}.4.0": (ber.OCTET_STRING, _fixed(b"")),
        f"{root}.5.0": (ber.OCTET_STRING, lambda _, box: box.id.encode()),
        f"{root}.6.0": (
            ber.OCTET_STRING,
            lambda plant, box: plant.county.site[box.site].name.encode(),
        ),
        f"{root}.7.0": (ber.INTEGER, _fixed(78)),
    }


def port_of(plant: Plant, box: Box, index: int) -> Port | None:
    """The line's end at interface ``index`` (from 1); None for a local port, which is always up."""
    ports = plant.ports(box.id)
    if index > len(ports):
        return None
    port = ports[index - 1]
    unit = plant.unit[box.id]
    if index == 1 and unit.flapped_down(plant.now_ms):
        started = plant.now_ms - (plant.now_ms - unit.flap_since_ms) % unit.flap_ms
        return Port(port.peer, up=False, since_ms=started, idle_ms=port.idle_ms)
    return port


def octets(box: Box, index: int, way: int, busy_s: float) -> int:
    """Octets after ``busy_s`` seconds: a mean of 10 kB/s to 10 MB/s with a daily swing."""
    rate = 10_000.0 * (1 + zlib.crc32(f"{box.id}/{index}/{way}".encode()) % 1000)
    swing = 0.5 * DAY_S / math.tau * (1.0 - math.cos(math.tau * busy_s / DAY_S))
    return int(rate * (busy_s + swing)) % WRAP64


def _busy_s(plant: Plant, box: Box, port: Port | None) -> float:
    end = plant.now_ms if port is None or port.up else port.since_ms
    idle = port.idle_ms if port else 0
    return max(0, end - plant.unit[box.id].boot_ms - idle) / 1000.0


def _interfaces(lines: int, ports: int) -> dict[str, tuple[int, Get]]:
    count = lines + ports
    found: dict[str, tuple[int, Get]] = {"1.3.6.1.2.1.2.1.0": (ber.INTEGER, _fixed(count))}
    for index in range(1, count + 1):
        found |= _interface(index)
    return found


def _interface(index: int) -> dict[str, tuple[int, Get]]:
    low, high = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"
    name = f"GE0/0/{index}".encode()

    def oper(plant: Plant, box: Box) -> int:
        port = port_of(plant, box, index)
        return 1 if port is None or port.up else 2

    def changed(plant: Plant, box: Box) -> int:
        port = port_of(plant, box, index)
        return _ticks(max(0, port.since_ms - plant.unit[box.id].boot_ms)) if port else 0

    def alias(plant: Plant, box: Box) -> bytes:
        port = port_of(plant, box, index)
        return f"to {port.peer}".encode() if port else b""

    def traffic(way: int, wrap: int) -> Get:
        return lambda plant, box: (
            octets(box, index, way, _busy_s(plant, box, port_of(plant, box, index))) % wrap
        )

    def physical(_: Plant, box: Box) -> bytes:
        return b"\x02" + struct.pack(">BBBBB", *box.address, index >> 8, index & 0xFF)

    zero = (ber.COUNTER32, _fixed(0))
    return {
        f"{low}.1.{index}": (ber.INTEGER, _fixed(index)),
        f"{low}.2.{index}": (ber.OCTET_STRING, _fixed(name)),
        f"{low}.3.{index}": (ber.INTEGER, _fixed(6)),
        f"{low}.4.{index}": (ber.INTEGER, _fixed(1500)),
        f"{low}.5.{index}": (ber.GAUGE32, _fixed(1_000_000_000)),
        f"{low}.6.{index}": (ber.OCTET_STRING, physical),
        f"{low}.7.{index}": (ber.INTEGER, _fixed(1)),
        f"{low}.8.{index}": (ber.INTEGER, oper),
        f"{low}.9.{index}": (ber.TIME_TICKS, changed),
        f"{low}.10.{index}": (ber.COUNTER32, traffic(0, WRAP32)),
        **{f"{low}.{column}.{index}": zero for column in (13, 14, 19, 20)},
        f"{low}.16.{index}": (ber.COUNTER32, traffic(1, WRAP32)),
        f"{high}.1.{index}": (ber.OCTET_STRING, _fixed(name)),
        f"{high}.6.{index}": (ber.COUNTER64, traffic(0, WRAP64)),
        f"{high}.10.{index}": (ber.COUNTER64, traffic(1, WRAP64)),
        f"{high}.15.{index}": (ber.GAUGE32, _fixed(1000)),
        f"{high}.18.{index}": (ber.OCTET_STRING, alias),
        f"{high}.19.{index}": (ber.TIME_TICKS, _fixed(0)),
    }


def battery_status(plant: Plant, box: Box) -> int:
    """upsBatteryStatus: normal 2, low 3, depleted 4."""
    power = plant.power_of(box.id)
    if power.lvd2:
        return 4
    low = not power.rectified and (power.lvd1 or power.volts < 47.0)
    return 3 if low else 2


def output_source(plant: Plant, box: Box) -> int:
    """upsOutputSource: none 2, normal 3 (mains or generator), battery 5."""
    source = plant.power_of(box.id).source
    return {Source.NOTHING: 2, Source.BATTERY: 5}.get(source, 3)


def _on_battery_s(plant: Plant, box: Box) -> int:
    power = plant.power_of(box.id)
    if power.source is not Source.BATTERY or power.lost_ms is None:
        return 0
    return max(1, (plant.now_ms - power.lost_ms) // 1000)


def _alarms(plant: Plant, box: Box) -> tuple[int, ...]:
    """Well-known UPS alarms that are present, by number (RFC 1628 upsWellKnownAlarms)."""
    power, status = plant.power_of(box.id), battery_status(plant, box)
    present = {
        2: power.source is Source.BATTERY,
        3: status == 3,
        4: status == 4,
        6: not power.mains,
    }
    return tuple(number for number, here in present.items() if here)


def _ups() -> dict[str, tuple[int, Get]]:
    root = "1.3.6.1.2.1.33.1"
    integer, text = ber.INTEGER, ber.OCTET_STRING
    found: dict[str, tuple[int, Get]] = {
        f"{root}.1.1.0": (text, _fixed(b"Simulated")),
        f"{root}.1.2.0": (text, _fixed(b"DC 48 V")),
        f"{root}.1.5.0": (text, lambda _, box: box.id.encode()),
        f"{root}.2.1.0": (integer, battery_status),
        f"{root}.2.2.0": (integer, _on_battery_s),
        f"{root}.2.3.0": (integer, lambda p, b: round(p.power_of(b.id).minutes_left)),
        f"{root}.2.4.0": (integer, lambda p, b: round(100 * p.power_of(b.id).charge)),
        f"{root}.2.5.0": (integer, lambda p, b: round(10 * p.power_of(b.id).volts)),
        f"{root}.2.6.0": (integer, lambda p, b: 0 if p.power_of(b.id).rectified else 300),
        f"{root}.2.7.0": (integer, lambda p, b: round(p.celsius(b.site))),
        f"{root}.3.1.0": (ber.COUNTER32, _fixed(0)),
        f"{root}.3.2.0": (integer, _fixed(1)),
        f"{root}.3.3.1.2.1": (integer, lambda p, b: 500 if p.power_of(b.id).rectified else 0),
        f"{root}.3.3.1.3.1": (integer, lambda p, b: 231 if p.power_of(b.id).rectified else 0),
        f"{root}.4.1.0": (integer, output_source),
        f"{root}.4.3.0": (integer, _fixed(1)),
        f"{root}.4.4.1.2.1": (integer, lambda p, b: round(p.power_of(b.id).volts)),
        f"{root}.4.4.1.5.1": (integer, lambda p, b: round(60 * p.power_of(b.id).load)),
        f"{root}.6.1.0": (ber.GAUGE32, lambda p, b: len(_alarms(p, b))),
    }
    for number in (2, 3, 4, 6):
        found |= _ups_alarm(root, number)
    return found


def _ups_alarm(root: str, number: int) -> dict[str, tuple[int, Get]]:
    well_known = ber.oid_content(f"{root}.6.3.{number}")

    def present(value: Get) -> Get:
        return lambda p, b: value(p, b) if number in _alarms(p, b) else None

    def since(plant: Plant, box: Box) -> int:
        lost = plant.power_of(box.id).lost_ms or plant.now_ms
        return _ticks(max(0, lost - plant.unit[box.id].boot_ms))

    return {
        f"{root}.6.2.1.1.{number}": (ber.INTEGER, present(_fixed(number))),
        f"{root}.6.2.1.2.{number}": (ber.OID, present(_fixed(well_known))),
        f"{root}.6.2.1.3.{number}": (ber.TIME_TICKS, present(since)),
    }


def humidity(plant: Plant, box: Box) -> float:
    """Percent; warm air in a closed room is drier."""
    return max(15.0, 75.0 - plant.celsius(box.site))


def _sensors() -> dict[str, tuple[int, Get]]:
    """Chassis 1 with sensors 2 celsius(8), 3 percentRH(9), 4 and 5 truthvalue(12): smoke, door."""
    entity, sensor = "1.3.6.1.2.1.47.1.1.1.1", "1.3.6.1.2.1.99.1.1.1"
    integer, text = ber.INTEGER, ber.OCTET_STRING
    rows: tuple[tuple[int, str, int, int, str, Get], ...] = (
        (2, "temperature", 8, 1, "degrees C", lambda p, b: round(10 * p.celsius(b.site))),
        (3, "humidity", 9, 1, "%RH", lambda p, b: round(10 * humidity(p, b))),
        (4, "smoke", 12, 0, "", _fixed(2)),
        (5, "door", 12, 0, "", _fixed(2)),
    )
    found: dict[str, tuple[int, Get]] = {
        f"{entity}.2.1": (text, _fixed(b"environment monitor")),
        f"{entity}.4.1": (integer, _fixed(0)),
        f"{entity}.5.1": (integer, _fixed(3)),
        f"{entity}.7.1": (text, _fixed(b"chassis")),
    }
    for index, name, kind, precision, unit, value in rows:
        found |= {
            f"{entity}.2.{index}": (text, _fixed(f"{name} sensor".encode())),
            f"{entity}.4.{index}": (integer, _fixed(1)),
            f"{entity}.5.{index}": (integer, _fixed(8)),
            f"{entity}.7.{index}": (text, _fixed(name.encode())),
            f"{sensor}.1.{index}": (integer, _fixed(kind)),
            f"{sensor}.2.{index}": (integer, _fixed(9)),
            f"{sensor}.3.{index}": (integer, _fixed(precision)),
            f"{sensor}.4.{index}": (integer, value),
            f"{sensor}.5.{index}": (integer, _fixed(1)),
            f"{sensor}.6.{index}": (text, _fixed(unit.encode())),
        }
    return found


def _host() -> dict[str, tuple[int, Get]]:
    root = "1.3.6.1.2.1.25"

    def load(plant: Plant, box: Box) -> int:
        return 12 + zlib.crc32(box.id.encode() + bytes((plant.now_ms // 60_000 % 60,))) % 20

    return {
        f"{root}.1.1.0": (ber.TIME_TICKS, uptime),
        f"{root}.1.6.0": (ber.GAUGE32, _fixed(64)),
        f"{root}.2.2.0": (ber.INTEGER, _fixed(4_194_304)),
        f"{root}.2.3.1.1.1": (ber.INTEGER, _fixed(1)),
        f"{root}.2.3.1.2.1": (ber.OID, _fixed(ber.oid_content("1.3.6.1.2.1.25.2.1.2"))),
        f"{root}.2.3.1.3.1": (ber.OCTET_STRING, _fixed(b"Physical memory")),
        f"{root}.2.3.1.4.1": (ber.INTEGER, _fixed(1024)),
        f"{root}.2.3.1.5.1": (ber.INTEGER, _fixed(4_194_304)),
        f"{root}.2.3.1.6.1": (ber.INTEGER, _fixed(1_700_000)),
        f"{root}.3.2.1.2.1": (ber.OID, _fixed(ber.oid_content("1.3.6.1.2.1.25.3.1.3"))),
        f"{root}.3.2.1.5.1": (ber.INTEGER, _fixed(2)),
        f"{root}.3.3.1.2.1": (ber.INTEGER, load),
    }
