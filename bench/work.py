"""What the simulated devices have, and the two pieces of work that every poller gets.

``WORK`` stands still: a GET of 10 values, a GETBULK of 24 rows x 6 columns. ``DEVICE`` moves: a
device with the system group and four interfaces, whose counters count.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from agent import ber, snmp
from agent.ber import RawValue
from agent.snmp import Varbind

COMMUNITY: Final = "public"
ROWS: Final = 24
PORTS: Final = 4
"""Interfaces of a moving device."""

VARIANTS: Final = 64
"""Moving devices are of so many kinds, that not all say the same."""

Value = RawValue | Callable[[float, int], RawValue]
"""A value, or what makes one from the seconds since the start and the device's variant."""

Arcs = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Object:
    """An object: its OID as numbers and as content octets, its type and value."""

    arcs: Arcs
    oid: bytes
    tag: int
    value: Value

    def bound(self, at_s: float, variant: int) -> Varbind:
        value = self.value
        return Varbind(self.oid, self.tag, value(at_s, variant) if callable(value) else value)


@dataclass(frozen=True)
class Mib:
    """Objects in their order. ``still``: the values never change."""

    rows: tuple[Object, ...]
    still: bool

    @classmethod
    def of(cls, objects: Mapping[str, tuple[int, Value]], *, still: bool) -> Mib:
        rows = (
            Object(tuple(map(int, oid.split("."))), ber.oid_content(oid), *value)
            for oid, value in objects.items()
        )
        return cls(tuple(sorted(rows, key=_arcs)), still)

    def reply(self, asked: snmp.Message, at_s: float, variant: int) -> snmp.Template:
        """The reply to GET, GETNEXT or GETBULK (RFC 3416 section 4.2), but for the request id."""
        if asked.pdu == snmp.GET:
            found = [self._exactly(oid) for oid in asked.oids]
        else:
            found = list(self._after(asked.oids, asked.index if asked.pdu == snmp.GETBULK else 1))
        data = snmp.encode_message(
            snmp.V2C,
            asked.community,
            snmp.RESPONSE,
            snmp.FIRST_ID,
            0,
            0,
            [one.bound(at_s, variant) for one in found],
        )
        at = snmp.decode_message(data).id_at
        return snmp.Template(data[:at], data[at + 4 :])

    def _exactly(self, oid: bytes) -> Object:
        arcs = ber.oid_arcs(oid)
        place = bisect_right(self.rows, arcs, key=_arcs) - 1
        if place >= 0 and self.rows[place].arcs == arcs:
            return self.rows[place]
        return Object(arcs, oid, ber.NO_SUCH_OBJECT, None)

    def _after(self, wanted: list[bytes], times: int) -> Iterator[Object]:
        places = [bisect_right(self.rows, ber.oid_arcs(oid), key=_arcs) for oid in wanted]
        last = self.rows[-1]
        for step in range(times):
            for place in places:
                if place + step < len(self.rows):
                    yield self.rows[place + step]
                else:
                    yield Object(last.arcs, last.oid, ber.END_OF_MIB_VIEW, None)


def _arcs(one: Object) -> Arcs:
    return one.arcs


TYPES: Final[tuple[tuple[int, RawValue], ...]] = (
    (ber.TIME_TICKS, 123_456_789),
    (ber.INTEGER, 1),
    (ber.GAUGE32, 1_000_000_000),
    (ber.COUNTER32, 3_000_000_000),
    (ber.COUNTER64, 2**40 + 12345),
    (ber.GAUGE32, 42),
    (ber.COUNTER32, 77_777),
    (ber.INTEGER, -40),
    (ber.COUNTER64, 2**52 + 1),
    (ber.OCTET_STRING, b"a device's name"),
)
SCALARS: Final = tuple(f"1.3.6.1.4.1.99999.1.{number}.0" for number in range(1, 11))
COLUMNS: Final[dict[str, tuple[int, RawValue]]] = {
    "1.3.6.1.2.1.2.2.1.8": (ber.INTEGER, 1),
    "1.3.6.1.2.1.2.2.1.14": (ber.COUNTER32, 1234),
    "1.3.6.1.2.1.2.2.1.20": (ber.COUNTER32, 5678),
    "1.3.6.1.2.1.31.1.1.1.6": (ber.COUNTER64, 2**42 + 99),
    "1.3.6.1.2.1.31.1.1.1.10": (ber.COUNTER64, 2**41 + 99),
    "1.3.6.1.2.1.31.1.1.1.15": (ber.GAUGE32, 10_000),
}


def jobs(port: int) -> dict[str, dict[str, Any]]:
    """The two pieces of work as pollers take them."""
    common = {"port": port, "community": COMMUNITY, "rows": ROWS}
    return {
        "get": {**common, "kind": "get", "oids": list(SCALARS)},
        "bulk": {**common, "kind": "bulk", "oids": list(COLUMNS)},
    }


def work() -> Mib:
    """The objects of both pieces of work, with something behind each column that ends it."""
    objects: dict[str, tuple[int, Value]] = dict(zip(SCALARS, TYPES, strict=True))
    for column, value in COLUMNS.items():
        head, _, last = column.rpartition(".")
        objects |= {f"{column}.{row}": value for row in range(1, ROWS + 1)}
        objects[f"{head}.{int(last) + 1}.1"] = (ber.INTEGER, 0)
    return Mib.of(objects, still=True)


def device() -> Mib:
    """A device as the profiles ``generic`` and ``interfaces`` ask for it; it moves."""
    system = "1.3.6.1.2.1.1"
    objects: dict[str, tuple[int, Value]] = {
        f"{system}.1.0": (ber.OCTET_STRING, b"simulated device of a benchmark"),
        f"{system}.2.0": (ber.OID, ber.oid_content("1.3.6.1.4.1.99999.2")),
        f"{system}.3.0": (ber.TIME_TICKS, lambda at_s, kind: 8_640_000 * kind + int(at_s * 100)),
        f"{system}.5.0": (ber.OCTET_STRING, lambda _, kind: b"device of kind %d" % kind),
    }
    for port in range(1, PORTS + 1):
        objects |= {f"1.3.6.1.2.1.{name}.{port}": one for name, one in _port(port).items()}
    return Mib.of(objects, still=False)


def _port(port: int) -> dict[str, tuple[int, Value]]:
    """An interface; the first one of one kind of device goes down and up every minute."""

    def counted(per_s: int, bits: int) -> Value:
        return lambda at_s, kind: (10**6 * kind + int(at_s * per_s * (kind + port))) % 2**bits

    def link(at_s: float, kind: int) -> int:
        return 2 if port == 1 and kind == 1 and at_s % 120 >= 60 else 1

    return {
        "2.2.1.7": (ber.INTEGER, 1),
        "2.2.1.8": (ber.INTEGER, link),
        "2.2.1.13": (ber.COUNTER32, 0),
        "2.2.1.14": (ber.COUNTER32, counted(1, 32)),
        "2.2.1.19": (ber.COUNTER32, 0),
        "2.2.1.20": (ber.COUNTER32, 0),
        "31.1.1.1.1": (ber.OCTET_STRING, b"ge-0/0/%d" % port),
        "31.1.1.1.6": (ber.COUNTER64, counted(12_345, 64)),
        "31.1.1.1.10": (ber.COUNTER64, counted(2_345, 64)),
        "31.1.1.1.15": (ber.GAUGE32, 1000),
        "31.1.1.1.18": (ber.OCTET_STRING, b"to the next hub"),
        "31.1.1.1.19": (ber.TIME_TICKS, 0),
    }


def whole() -> Mib:
    """The objects of both pieces of work, moving: what whole agents and their peers poll."""
    objects: dict[str, tuple[int, Value]] = {}
    for number, (oid, (tag, value)) in enumerate(zip(SCALARS, TYPES, strict=True)):
        objects[oid] = (tag, _counted(number + 1) if tag in COUNTERS else value)
    for column, (tag, value) in COLUMNS.items():
        for row in range(1, ROWS + 1):
            objects[f"{column}.{row}"] = (tag, _counted(row) if tag in COUNTERS else value)
    return Mib.of(objects, still=False)


def restless() -> Mib:
    """``whole``, but the first integer, which profiles watch, is another one each second."""
    objects = {".".join(map(str, one.arcs)): (one.tag, one.value) for one in whole().rows}
    objects[SCALARS[1]] = (ber.INTEGER, lambda at_s, kind: kind + int(at_s))
    return Mib.of(objects, still=False)


COUNTERS: Final = {ber.COUNTER32, ber.COUNTER64}


def _counted(pace: int) -> Value:
    return lambda at_s, kind: (10**6 * kind + int(at_s * 1000 * pace)) % 2**32


MIBS: Final[dict[str, Callable[[], Mib]]] = {
    mib.__name__: mib for mib in (work, device, whole, restless)
}
