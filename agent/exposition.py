"""What the agent says about itself: Prometheus' text format 0.0.4, and the head of ``top``. Pure.

Rendered by ourselves: the figures are plain numbers that stand in plain objects already, their
names are fixed, and no label depends on a device, so that neither a registry nor its locks are
of use. Nothing here names a device, an address or a credential.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from agent.metrics import Histogram, Metrics

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_P: Final = "wanglou_agent_"


class LaneNow(NamedTuple):
    """What waits in one lane of the outbox; ``age_s`` is that of its oldest row."""

    name: str
    rows: int
    octets: int
    age_s: float


class LinkNow(NamedTuple):
    """What passed over the link since the start; ``given_up``: samples that never will."""

    connected: bool = False
    connections: int = 0
    acks: int = 0
    refused_acks: int = 0
    given_up: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The agent at one moment. ``unasked`` and ``traps`` count by kind, since the start."""

    version: str
    metrics: Metrics
    devices: int = 0
    silent: int = 0
    under_way: int = 0
    blind: bool = False
    lanes: tuple[LaneNow, ...] = ()
    link: LinkNow = field(default_factory=LinkNow)
    cpu_s: float = 0.0
    rss: int = 0
    reloads: Mapping[str, int] = field(default_factory=dict)
    unasked: Mapping[str, int] = field(default_factory=dict)
    traps: Mapping[str, int] = field(default_factory=dict)


Sample = tuple[str, float]
"""Labels as they are written, and a value."""


def page(now: Snapshot) -> str:
    """The whole page."""
    return "\n".join(line for family in _families(now) for line in family) + "\n"


def _families(now: Snapshot) -> Iterator[Iterable[str]]:
    one = now.metrics
    yield _gauge("info", "The version that runs.", [(_label("version", now.version), 1)])
    yield _gauge("devices", "Devices in the inventory.", now.devices)
    yield _gauge("silent_devices", "Devices that did not answer the last time.", now.silent)
    yield _gauge("missed_devices", "Devices missed when the last round ended.", one.missed)
    yield _gauge("devices_under_way", "Devices being looked at.", now.under_way)
    yield _gauge("blind", "1: no uplink of our own, so nobody is called silent.", int(now.blind))
    yield _counter("looks", "Looks begun.", one.looks)
    outcomes = {
        "measured": one.answers,
        "no_answer": one.timeouts,
        "refused": one.refused,
        "could_not_look": one.could_not_look,
    }
    yield _counter("outcomes", "Looks ended, by outcome.", _by("outcome", outcomes))
    yield _counter("looks_together", "Measured looks taken with others.", one.together)
    yield _counter("looks_alone", "Measured looks taken by themselves.", one.alone)
    yield _gauge("in_flight", "Requests under way.", one.in_flight)
    yield _gauge("queued", "Looks that wait for pace or room.", one.queued)
    packets = {"sent": one.packets_sent, "received": one.packets_received}
    yield _counter("packets", "Packets, by direction.", _by("direction", packets))
    octets = {"sent": one.octets_sent, "received": one.octets_received}
    yield _counter("bytes", "Octets of UDP's or ICMP's content.", _by("direction", octets))
    yield _counter("kernel_drops", "Replies dropped because they came too fast.", one.drops)
    yield _counter("send_errors", "Packets that the system would not take.", one.send_errors)
    yield _counter("unasked_packets", "Packets that answer nothing.", _by("kind", now.unasked))
    yield _histogram("lateness_seconds", "From a device's turn to its look.", one.lateness)
    yield _histogram("wait_seconds", "From there to the first packet.", one.waits)
    yield from _outbox(now)
    yield _counter("reloads", "Reloads, by what came of them.", _by("result", now.reloads))
    if now.traps:
        yield _counter("traps", "Traps, by what became of them.", _by("kind", now.traps))
    yield _plain("process_cpu_seconds_total", "counter", "User and system CPU time.", now.cpu_s)
    yield _plain("process_resident_memory_bytes", "gauge", "Resident memory.", now.rss)


def _outbox(now: Snapshot) -> Iterator[Iterable[str]]:
    lanes, link = now.lanes, now.link
    rows = _by("lane", {lane.name: lane.rows for lane in lanes})
    yield _gauge("outbox_rows", "Rows not yet acknowledged.", rows)
    octets = _by("lane", {lane.name: lane.octets for lane in lanes})
    yield _gauge("outbox_bytes", "Octets that they take.", octets)
    ages = _by("lane", {lane.name: lane.age_s for lane in lanes})
    yield _gauge("outbox_age_seconds", "Age of the oldest of them.", ages)
    yield _counter("samples_given_up", "Samples thinned for want of room.", link.given_up)
    yield _counter("acks", "Acknowledgements taken.", link.acks)
    yield _counter("acks_refused", "Acknowledgements that were none.", link.refused_acks)
    yield _gauge("link_up", "1: connected to the broker.", int(link.connected))
    yield _counter("connections", "Connections to the broker.", link.connections)


def _gauge(name: str, about: str, value: float | list[Sample]) -> list[str]:
    return _plain(f"{_P}{name}", "gauge", about, value)


def _counter(name: str, about: str, value: float | list[Sample]) -> list[str]:
    return _plain(f"{_P}{name}_total", "counter", about, value)


def _plain(name: str, kind: str, about: str, value: float | list[Sample]) -> list[str]:
    samples = value if isinstance(value, list) else [("", value)]
    head = [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]
    return head + [f"{name}{labels} {_number(one)}" for labels, one in samples]


def _histogram(name: str, about: str, found: Histogram) -> list[str]:
    """Of milliseconds, told in seconds, as the format wants its units."""
    full = f"{_P}{name}"
    lines = [f"# HELP {full} {about}", f"# TYPE {full} histogram"]
    below = 0
    for bound, count in zip(found.bounds, found.counts, strict=False):
        below += count
        lines.append(f"{full}_bucket{_label('le', _number(bound / 1000))} {below}")
    lines.append(f"{full}_bucket{_label('le', '+Inf')} {found.count}")
    return [*lines, f"{full}_sum {_number(found.total / 1000)}", f"{full}_count {found.count}"]


def _by(name: str, values: Mapping[str, float]) -> list[Sample]:
    return [(_label(name, key), value) for key, value in values.items()]


def _label(name: str, value: str) -> str:
    for raw, escaped in (("\\", r"\\"), ('"', r"\""), ("\n", r"\n")):
        value = value.replace(raw, escaped)
    return f'{{{name}="{value}"}}'


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else repr(round(value, 6))
