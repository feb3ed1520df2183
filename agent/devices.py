"""The devices of one agent: what is looked at, how, and what stays of it from look to look. Pure.

A ``Fleet`` is made whole from one configuration. ``merged`` with the one before it takes over the
devices that are asked as they were, so that what was learnt about them stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from agent.access import access_of
from agent.decode import compile_query
from agent.query import Access, IcmpLook, Query, SnmpLook
from agent.track import Track
from config.check_profile import clashes
from config.inventory import Credential, EngineKind, Inventory, Target
from config.profile import Profile
from config.settings import AgentOptions, AgentSettings
from wire.observation import Method, Outcome

GAP_S: Final = 300.0
"""Counters further apart have no rate, unless two intervals are longer."""


class AgentFault(Exception):  # noqa: N818  it says what is wrong
    """The agent cannot start; the text says why."""


@dataclass(slots=True, eq=False)
class Device:
    """One device's looks and how many of them are under way.

    ``gone``: it is not looked at any more, or in another way; what comes of its looks is nothing.
    """

    id: str
    track: Track
    icmp: IcmpLook | None = None
    snmp: SnmpLook | None = None
    waiting: int = 0
    light: int = 0
    outcomes: dict[Method, Outcome] | None = None
    gone: bool = False


class Way(NamedTuple):
    """How a device is asked that is not simply asked: by which engine, with what in turn."""

    engine: EngineKind
    accesses: tuple[tuple[str, Access], ...]


@dataclass(slots=True)
class Fleet:
    """All devices by id, in the inventory's order; ``ways`` of those that are not simply asked.

    ``queries``: one for each list of profiles, by their names.
    """

    devices: dict[str, Device] = field(default_factory=dict)
    ways: dict[str, Way] = field(default_factory=dict)
    queries: dict[tuple[str, ...], Query] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Diff:
    """Devices by what becomes of them; the others are asked as before."""

    added: frozenset[str]
    removed: frozenset[str]
    changed: frozenset[str]

    @property
    def gone(self) -> frozenset[str]:
        """Devices of which nothing is remembered."""
        return self.removed | self.changed


def fleet(
    settings: AgentSettings,
    inventory: Inventory,
    profiles: Mapping[str, Profile],
    before: Fleet | None = None,
) -> Fleet:
    """The looks at all targets; equal lists of profiles share one query, ``before``'s if it fits.

    Raises AgentFault naming what is missing.
    """
    credentials = {credential.id: credential for credential in inventory.credentials}
    accesses: dict[str, Access] = {}
    known = {} if before is None else before.queries
    made = Fleet()
    for target in inventory.targets:
        if target.profiles and target.profiles not in made.queries:
            made.queries[target.profiles] = _query(target, profiles, known)
        for name in target.candidates:
            if name not in accesses:
                accesses[name] = _access(target, name, credentials)
        made.devices[target.device] = _device(target, settings.agent, made.queries, accesses)
    made.ways = ways_of(inventory)
    return made


def ways_of(inventory: Inventory) -> dict[str, Way]:
    """How devices are asked that are not simply asked."""
    credentials = {credential.id: credential for credential in inventory.credentials}
    accesses: dict[str, Access] = {}
    found: dict[str, Way] = {}
    for target in inventory.targets:
        if len(target.candidates) > 1 or target.engine is not EngineKind.FAST:
            for name in target.candidates:
                if name not in accesses:
                    accesses[name] = _access(target, name, credentials)
            pairs = tuple((name, accesses[name]) for name in target.candidates)
            found[target.device] = Way(target.engine, pairs)
    return found


def merged(before: Fleet, after: Fleet) -> Diff:
    """Put the devices that are asked as before in place of ``after``'s; what becomes of the others.

    ``before`` loses nothing, but its devices get the limits that hold now; looks under way end by
    the former ones. Those that are not taken over are ``gone``.
    """
    changed = set()
    for name, fresh in after.devices.items():
        old = before.devices.get(name)
        if old is None:
            continue
        way = after.ways.get(name)
        if before.ways.get(name) == way and _same(old, fresh, chosen=way is not None):
            _retime(old, fresh)
            after.devices[name] = old
        else:
            changed.add(name)
    diff = Diff(
        added=frozenset(after.devices.keys() - before.devices.keys()),
        removed=frozenset(before.devices.keys() - after.devices.keys()),
        changed=frozenset(changed),
    )
    for name in diff.gone:
        before.devices[name].gone = True
    return diff


def intervals(settings: AgentSettings, inventory: Inventory) -> dict[str, int]:
    """How often each device is looked at, in milliseconds."""
    usual_s = settings.agent.interval_s
    return {
        target.device: round((target.interval_s or usual_s) * 1000) for target in inventory.targets
    }


def _same(old: Device, new: Device, *, chosen: bool) -> bool:
    """Whether both are asked the same, at the same place; ``chosen``: the access at each look."""
    if (old.icmp is None) is not (new.icmp is None) or (old.snmp is None) is not (new.snmp is None):
        return False
    if old.icmp is not None and new.icmp is not None and old.icmp.address != new.icmp.address:
        return False
    if old.snmp is None or new.snmp is None:
        return True
    a, b = old.snmp, new.snmp
    if (a.address, a.port) != (b.address, b.port) or a.query is not b.query:
        return False
    return chosen or a.access == b.access


def _retime(old: Device, new: Device) -> None:
    """Give a device the limits of another; unchanged looks stay the very same."""
    old.track.keep_to(new.track)
    if old.icmp is not None and new.icmp is not None:
        count, timeout_s = new.icmp.count, new.icmp.timeout_s
        if (old.icmp.count, old.icmp.timeout_s) != (count, timeout_s):
            old.icmp = replace(old.icmp, count=count, timeout_s=timeout_s)
    if old.snmp is not None and new.snmp is not None:
        timeout_s, retries = new.snmp.timeout_s, new.snmp.retries
        if (old.snmp.timeout_s, old.snmp.retries) != (timeout_s, retries):
            old.snmp = replace(old.snmp, timeout_s=timeout_s, retries=retries)


def _device(
    target: Target,
    options: AgentOptions,
    queries: Mapping[tuple[str, ...], Query],
    accesses: Mapping[str, Access],
) -> Device:
    interval_s = target.interval_s or options.interval_s
    track = Track(gap_s=max(GAP_S, 2.5 * interval_s), least_s=interval_s / 2)
    device = Device(target.device, track)
    if target.icmp:
        device.icmp = IcmpLook(
            target.device,
            str(target.address),
            count=options.icmp_count,
            timeout_s=options.icmp_timeout_s,
            owner=device,
        )
    if target.profiles:
        if not target.candidates:
            raise AgentFault(
                f"设备 {target.device} 没有凭据 / device {target.device}: no credential"
            )
        device.snmp = SnmpLook(
            target.device,
            str(target.address),
            target.port,
            accesses[target.candidates[0]],
            queries[target.profiles],
            timeout_s=options.snmp_timeout_s,
            retries=options.snmp_retries,
            owner=device,
        )
    return device


def _query(
    target: Target, profiles: Mapping[str, Profile], known: Mapping[tuple[str, ...], Query]
) -> Query:
    missing = [name for name in target.profiles if name not in profiles]
    if missing:
        names = ", ".join(missing)
        raise AgentFault(f"没有采集模板 {names} / device {target.device}: no profile {names}")
    found = [profiles[name] for name in target.profiles]
    for zh, en in clashes(found):
        raise AgentFault(f"device {target.device}: {zh} / {en}")
    former = known.get(target.profiles)
    if former is not None and list(former.profiles) == found:
        return former
    return compile_query(found)


def _access(target: Target, name: str, credentials: Mapping[str, Credential]) -> Access:
    credential = credentials.get(name)
    if credential is None:
        raise AgentFault(f"没有凭据 {name} / device {target.device}: no credential {name}")
    return access_of(credential)
