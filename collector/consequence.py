"""From any node: what does it take down, and what took it down? And both counts (PLAN section 4).

A node is a device, a site, a town, an operator or an information system, by its id. Pure: reads
the World and changes nothing; a question "what if" goes through the same rules as the projection.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from collector.base import World
from collector.county import WEIGHT_UNIT
from collector.decide import Impact
from collector.inhibit import unreachable
from collector.project import Ahead
from collector.state import SiteWord, Status

LOST = frozenset({Status.DOWN, Status.HIDDEN})
AFFECTED = frozenset({Impact.PARTIAL, Impact.FULL})


class Kind(StrEnum):
    DEVICE = "device"
    SITE = "site"
    TOWN = "town"
    OPERATOR = "operator"
    SYSTEM = "system"


PLACES = frozenset({Kind.SITE, Kind.TOWN})
"""What is out with its sites, whether these have devices or not."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that is out of itself: a device that gives no answer, or a site by an alarm."""

    kind: Kind
    id: str
    since_ms: int


@dataclass(frozen=True, slots=True)
class Consequence:
    """What is lost with a node, itself included; states are what operators and systems come to.

    ``users`` are those of the sites (weights), ``key_units`` the sites that are some.
    """

    devices: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    key_units: tuple[str, ...] = ()
    users: float = 0
    operators: dict[str, str] = field(default_factory=dict)
    systems: dict[str, str] = field(default_factory=dict)


class Counts(NamedTuple):
    """By cause: faults to dispatch; by effect: what is lost, and the networks affected."""

    faults: int
    devices: int
    sites: int
    operators: int
    systems: int


def kind_of(world: World, node: str) -> Kind:
    """What the id names. Raises KeyError."""
    county = world.county
    for kind, known in (
        (Kind.DEVICE, county.devices),
        (Kind.SITE, county.sites),
        (Kind.SYSTEM, county.systems),
        (Kind.TOWN, county.town_names),
        (Kind.OPERATOR, county.operators),
    ):
        if node in known:
            return kind
    raise KeyError(node)


def devices_of(world: World, node: str) -> tuple[str, ...]:
    """The devices that are the node. Raises KeyError."""
    county = world.county
    match kind_of(world, node):
        case Kind.DEVICE:
            return (node,)
        case Kind.SITE:
            return county.site_devices.get(node, ())
        case Kind.TOWN:
            return tuple(
                device
                for site in _sites_of(world, node)
                for device in county.site_devices.get(site, ())
            )
        case Kind.SYSTEM:
            return county.systems[node].devices
        case Kind.OPERATOR:
            return tuple(d for d, owner in county.operator_of.items() if owner == node)


def takes_down(world: World, node: str) -> Consequence:
    """What is lost now because of the node: what is out of itself there, and all hidden behind.

    Networks are named with their state where something of this stands in them.
    """
    own = {d for d in devices_of(world, node) if _status(world, d) in LOST}
    if kind_of(world, node) is Kind.SYSTEM:
        return Consequence()  # nothing depends on a system
    below = [d for d in _below(world, own) if own.intersection(world.state.devices[d].hidden_by)]
    sites = {world.county.devices[d].site for d in (*own, *below) if world.county.devices[d].main}
    if kind_of(world, node) in PLACES:
        sites.update(_sites_of(world, node))
    out = [site for site in sites if _word(world, site) is SiteWord.OUT]
    return _consequence(world, [*own, *below], out, None)


def if_down(world: World, node: str) -> Consequence:
    """What would be newly lost if the node gave no answer now (``lost_already`` has the rest).

    Operators and systems are those that would come to another state than now, holds passed.
    """
    ahead = _failed(world, node)
    if ahead is None:
        return Consequence()
    now = {o: row.impact for o, row in world.state.operators.items()}
    now |= {s: row.impact for s, row in world.state.systems.items()}
    states = {name: state for name, state in ahead.states().items() if state != now.get(name)}
    down = [device for device in ahead.down if _status(world, device) not in LOST]
    out = [site for site in ahead.out if _word(world, site) is not SiteWord.OUT]
    return _consequence(world, down, out, states)


def lost_already(world: World, node: str) -> Consequence:
    """What of that is lost now, by the node or by whatever else; networks with their state now."""
    ahead = _failed(world, node)
    if ahead is None:
        return Consequence()
    down = [device for device in ahead.down if _status(world, device) in LOST]
    out = [site for site in ahead.out if _word(world, site) is SiteWord.OUT]
    return _consequence(world, down, out, None)


def _failed(world: World, node: str) -> Ahead | None:
    """The county with the node down; None: it is a system, on which nothing depends."""
    kind = kind_of(world, node)
    if kind is Kind.SYSTEM:
        return None
    ahead = Ahead(world)
    ahead.fail(devices_of(world, node))
    if kind in PLACES:
        for site in _sites_of(world, node):
            ahead.lose(site)
    return ahead


def taken_down_by(world: World, node: str) -> tuple[Cause, ...]:
    """What is at the root of all that is lost of the node, oldest first; empty: nothing is."""
    found: dict[str, Cause] = {}
    for device in devices_of(world, node):
        for cause in _causes(world, device):
            found.setdefault(cause.id, cause)
    for site in _sites_of(world, node):
        if site not in found and _by_alarm(world, site):
            found[site] = Cause(Kind.SITE, site, world.state.sites[site].since_ms)
    return tuple(sorted(found.values(), key=lambda one: (one.since_ms, one.id)))


def counts(world: World) -> Counts:
    """Both counts: one fault of the tower company may dim three operators."""
    tally, county, state = world.tally, world.county, world.state
    faults = devices = 0
    for device in tally.device_facts:  # what is hidden behind a flapping hub is not lost
        status = _status(world, device)
        faults += status is Status.DOWN
        devices += status in LOST
    out = [site for site, fact in tally.site_facts.items() if fact.state == SiteWord.OUT]
    return Counts(
        faults=faults + sum(_by_alarm(world, site) for site in out),
        devices=devices,
        sites=len(out),
        operators=sum(state.operators[o].impact in AFFECTED for o in county.operators),
        systems=sum(state.systems[s].impact in AFFECTED for s in county.systems),
    )


def _status(world: World, device: str) -> Status:
    row = world.state.devices.get(device)
    return row.status if row else Status.NEW


def _word(world: World, site: str) -> SiteWord:
    row = world.state.sites.get(site)
    return row.word if row else SiteWord.NEW


def _below(world: World, devices: Iterable[str]) -> Iterator[str]:
    """What hangs below, as far down as it is hidden or nobody sees it."""
    met = set(devices)
    ahead = list(met)
    while ahead:
        for child in world.county.children.get(ahead.pop(), ()):
            status = _status(world, child)
            if child in met or status not in {Status.HIDDEN, Status.UNKNOWN, Status.NEW}:
                continue
            met.add(child)
            ahead.append(child)
            if status is Status.HIDDEN:
                yield child


def _causes(world: World, device: str) -> Iterator[Cause]:
    row = world.state.devices.get(device)
    if row is None or row.status not in LOST:
        return
    for one in row.hidden_by if row.status is Status.HIDDEN else (device,):
        alarm = unreachable(world, one)
        if alarm is not None:
            yield Cause(Kind.DEVICE, one, alarm.began_ms or alarm.since_ms)


def _sites_of(world: World, node: str) -> tuple[str, ...]:
    match kind_of(world, node):
        case Kind.SITE:
            return (node,)
        case Kind.TOWN:
            return tuple(s.id for s in world.county.sites.values() if s.town == node)
        case Kind.OPERATOR:
            return tuple(s.id for s in world.county.sites.values() if s.operator == node)
        case _:
            return ()


def _by_alarm(world: World, site: str) -> bool:
    """Out though its main devices answer: an alarm says so (load shed)."""
    if _word(world, site) is not SiteWord.OUT:
        return False
    own = world.county.site_devices.get(site, ())
    return not any(world.county.devices[d].main and _status(world, d) in LOST for d in own)


def _consequence(
    world: World, devices: Iterable[str], sites: Iterable[str], states: dict[str, str] | None
) -> Consequence:
    county = world.county
    lost, out = sorted(devices), sorted(sites)
    if states is None:
        touched = {county.sites[site].operator for site in out}
        states = {o: world.state.operators[o].impact for o in touched}
        systems = {s for device in lost for s in county.systems_of.get(device, ())}
        states |= {s: world.state.systems[s].impact for s in systems}
    return Consequence(
        devices=tuple(lost),
        sites=tuple(out),
        key_units=tuple(site for site in out if county.sites[site].key_unit),
        users=sum(county.weights[site] for site in out) / WEIGHT_UNIT,
        operators={o: s for o, s in sorted(states.items()) if o in county.operators},
        systems={o: s for o, s in sorted(states.items()) if o in county.systems},
    )
