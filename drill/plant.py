"""The county's equipment at work: power, lines, who can be reached by whose agent. Pure.

One mutable object with one owner. ``advance(now_ms)`` takes everything that is due, in order;
``next_ms`` says when the next thing is. What stands between is answered from the last change:
reachability is worked out once after each, not once per poll.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

from drill import equipment
from drill.county import TRANSIT, Box, County, Feed, Shed, SiteKind
from drill.equipment import NEVER, Generator, Power, Room, Unit
from drill.orders import ON_LINES, ON_SITES, Do, Order, devices_of, sites_of

HOT_C = 46.0
"""Where a room without air conditioning ends up."""

BOOT_S = {SiteKind.CORE: 90, SiteKind.HUB: 90}
UPTIME_MS = 40 * 86_400_000
"""Equipment has been running for about this long when a drill begins."""


@dataclass(frozen=True, slots=True)
class Net:
    """The way to a device: delay in milliseconds and loss 0..1, each way together."""

    delay_ms: float = 0.0
    loss: float = 0.0


@dataclass(frozen=True, slots=True)
class Port:
    """An interface that ends a line: the far device, its state and since when, time lost down."""

    peer: str
    up: bool
    since_ms: int
    idle_ms: int = 0


class Plant:
    """All simulated equipment of a county from ``now_ms`` on."""

    def __init__(self, county: County, now_ms: int) -> None:
        self.county = county
        self.now_ms = now_ms
        self.start_ms = now_ms
        self.power = {site.id: _power(site.feed, now_ms) for site in county.sites if site.feed}
        self.room = {site.id: Room(now_ms) for site in county.sites}
        self.unit = {
            box.id: Unit(boot_ms=now_ms - UPTIME_MS - 977_000 * number % UPTIME_MS)
            for number, box in enumerate(county.boxes)
        }
        self.net: dict[str, Net] = {}
        self.cut: set[frozenset[str]] = set()
        self.host = {site.id: site.host or site.id for site in county.sites}
        self._fed: dict[str, list[Box]] = {}
        for box in county.boxes:
            self._fed.setdefault(self.host[box.site], []).append(box)
        self._near = _neighbours(county)
        self._ends: dict[str, list[str]] = {}
        for line in county.lines:
            self._ends.setdefault(line.a, []).append(line.b)
            self._ends.setdefault(line.b, []).append(line.a)
        self._due: dict[str, int] = {}
        self._booting: dict[str, int] = {}
        self._reach: dict[str, frozenset[str]] | None = None
        self._ports: dict[str, tuple[Port, ...]] = {}

    @property
    def next_ms(self) -> int:
        """When something switches by itself next, or NEVER."""
        return min(
            min(self._due.values(), default=NEVER), min(self._booting.values(), default=NEVER)
        )

    def advance(self, now_ms: int) -> None:
        """Take every switch that is due by ``now_ms``, in order."""
        while (due := self.next_ms) <= now_ms:
            self.now_ms = max(self.now_ms, due)
            for site in [site for site, at in self._due.items() if at <= due]:
                self._set_power(site, equipment.advance(self.power[site], due))
            for device in [device for device, at in self._booting.items() if at <= due]:
                del self._booting[device]
            self._changed()
        self.now_ms = max(self.now_ms, now_ms)

    def carry_out(self, order: Order, now_ms: int) -> int:
        """Carry out an order now; how many sites, devices or lines it touched."""
        self.advance(now_ms)
        try:
            if order.do in ON_LINES:
                return self._on_line(order)
            if order.do in ON_SITES:
                return self._on_sites(order)
            return self._on_devices(order)
        finally:
            self._changed()

    def up(self, device: str) -> bool:
        """Whether the device runs, reachable or not."""
        return self.unit[device].up(self.now_ms)

    def answers(self, device: str) -> bool:
        """Whether it runs and its operator's agent reaches it (ICMP)."""
        if self.unit[device].silent(self.now_ms):
            return False
        return device in self._reached()[self.county.box[device].operator]

    def answers_snmp(self, device: str) -> bool:
        return self.unit[device].snmp and self.answers(device)

    def power_of(self, device: str) -> Power:
        """The power that feeds the device, at ``now_ms``."""
        host = self.host[self.county.box[device].site]
        return equipment.advance(self.power[host], self.now_ms)

    def celsius(self, site: str) -> float:
        return equipment.temperature(self.room[site], self.now_ms)

    def ends(self, device: str) -> list[str]:
        """The devices at the far ends of its lines, in the order of its interfaces."""
        return self._ends.get(device, [])

    def ports(self, device: str) -> tuple[Port, ...]:
        """The interfaces that end lines, with their state at the last change."""
        if device not in self._ports or self._reach is None:
            self._reached()
        return self._ports.get(device, ())

    # What follows changes the plant.

    def _set_power(self, site: str, power: Power) -> None:
        before = self.power[site]
        self.power[site] = power
        due = equipment.next_ms(power)
        if due >= NEVER // 2:
            self._due.pop(site, None)
        else:
            self._due[site] = due
        if before.rectified != power.rectified:
            for sheltered, host in self.host.items():
                if host == site:
                    target = 24.0 if power.rectified else HOT_C
                    self.room[sheltered] = equipment.aim(self.room[sheltered], self.now_ms, target)
        for box in self._fed.get(site, ()):
            open_ = power.lvd1 if box.shed is Shed.LVD1 else power.lvd2
            self._change(box.id, fed=not open_)

    def _change(self, device: str, **what: bool) -> None:
        kind = self.county.site[self.county.box[device].site].kind
        unit = equipment.change(self.unit[device], self.now_ms, boot_s=BOOT_S.get(kind, 60), **what)
        self.unit[device] = unit
        if unit.ready_ms > self.now_ms:
            self._booting[device] = unit.ready_ms

    def _on_line(self, order: Order) -> int:
        assert order.between, "checked when the story was read"
        line = frozenset(order.between)
        (self.cut.add if order.do is Do.CUT else self.cut.discard)(line)
        return 1

    def _on_sites(self, order: Order) -> int:
        sites = sites_of(order, self.county)
        if order.do is Do.HEAT:
            for site in sites:
                self.room[site] = equipment.aim(
                    self.room[site], self.now_ms, order.celsius or HOT_C
                )
            return len(sites)
        fed = [site for site in sites if site in self.power]
        for site in fed:
            self._set_power(site, _ordered(self.power[site], order, self.now_ms))
        return len(fed)

    def _on_devices(self, order: Order) -> int:
        devices = devices_of(order, self.county)
        for device in devices:
            self._on_device(device, order)
        return len(devices)

    def _on_device(self, device: str, order: Order) -> None:
        unit = self.unit[device]
        if order.do is Do.KILL:
            self._change(device, killed=True)
        elif order.do is Do.REVIVE:
            self._change(device, killed=False)
            self.unit[device] = replace(self.unit[device], snmp=True)
        elif order.do is Do.REBOOT:
            self._change(device, killed=True)
            self._change(device, killed=False)
        elif order.do in {Do.SNMP_OFF, Do.SNMP_ON}:
            self.unit[device] = replace(unit, snmp=order.do is Do.SNMP_ON)
        elif order.do in {Do.FLAP, Do.BLINK}:
            self.unit[device] = replace(
                unit,
                flap_ms=round((order.period_s or 1) * 1000),
                flap_since_ms=self.now_ms,
                blinks=order.do is Do.BLINK,
            )
        elif order.do is Do.STEADY:
            self.unit[device] = replace(unit, flap_ms=0, blinks=False)
        elif order.do is Do.NET:
            self.net[device] = Net(order.delay_ms, order.loss)

    def _changed(self) -> None:
        """Forget what was worked out, but for the ports' history."""
        self._reach = None

    def _reached(self) -> dict[str, frozenset[str]]:
        if self._reach is None:
            up = {box.id for box in self.county.boxes if self.unit[box.id].up(self.now_ms)}
            self._reach = {
                operator: _flood(root, up, self._near[operator], self.cut, self.county)
                for operator, root in self.county.roots.items()
            }
            for device in up:
                self._ports[device] = tuple(
                    self._port(device, peer, up) for peer in self.ends(device)
                )
        return self._reach

    def _port(self, device: str, peer: str, up: set[str]) -> Port:
        state = peer in up and frozenset((device, peer)) not in self.cut
        boot = self.unit[device].boot_ms
        old = next((port for port in self._ports.get(device, ()) if port.peer == peer), None)
        if old is None or old.since_ms < boot:
            return Port(peer, state, boot)
        if old.up == state:
            return old
        idle = old.idle_ms + (self.now_ms - old.since_ms if state else 0)
        return Port(peer, state, self.now_ms, idle)


def _power(feed: Feed, now_ms: int) -> Power:
    return Power(
        at_ms=now_ms,
        battery_min=feed.battery_min,
        generator=Generator.OFF if feed.generator else Generator.NONE,
        fuel_min=feed.fuel_min,
    )


def _ordered(power: Power, order: Order, now_ms: int) -> Power:
    if order.do is Do.BATTERY:
        return equipment.battery(power, now_ms, minutes=order.minutes or 1.0)
    if order.do is Do.GENERATOR:
        return equipment.generator(power, now_ms, fuel_min=order.minutes or 1.0)
    return equipment.mains(power, now_ms, present=order.do is Do.MAINS_ON)


def _neighbours(county: County) -> dict[str, dict[str, list[str]]]:
    """Per operator: device to the devices over a line that its traffic may use."""
    found: dict[str, dict[str, list[str]]] = {operator: {} for operator in county.roots}
    for line in county.lines:
        for operator in line.users:
            found[operator].setdefault(line.a, []).append(line.b)
            found[operator].setdefault(line.b, []).append(line.a)
    return found


def _flood(
    root: str,
    up: set[str],
    near: dict[str, list[str]],
    cut: Iterable[frozenset[str]],
    county: County,
) -> frozenset[str]:
    """The devices that run and are reached from the root over running transit devices."""
    lines = set(cut)
    seen = {root} if root in up else set()
    queue = deque(seen)
    while queue:
        here = queue.popleft()
        if county.box[here].kind not in TRANSIT:
            continue
        for there in near.get(here, ()):
            if there in up and there not in seen and frozenset((here, there)) not in lines:
                seen.add(there)
                queue.append(there)
    return frozenset(seen)
