"""The configuration in force, as one value that can be kept, and the indexes over it.

``Bundle`` is what the store keeps under its hash, so that a journal replays with the very
configuration of its time (FAULTS F23). ``County`` is built whole from it and swapped whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Annotated, Final

from pydantic import Field

from collector.decide import Decider
from collector.hold import Delays
from config.base import Config
from config.paths import rooted
from config.plan import Plan
from config.policy import AlarmType, Policy, Severity, SiteEffect
from config.profile import Hint, Profile
from config.register import ContactKind, Device, InformationSystem, Register, Site
from wire.base import Id

UNREACHABLE: Final = "device-unreachable"
"""Alarm type: neither ICMP nor SNMP answers."""

SNMP_FAILURE: Final = "snmp-failure"
"""Alarm type: answers ICMP, not SNMP: silent (FAULTS F33) or refused."""

REBOOTED: Final = "device-rebooted"
"""Alarm type: the device restarted; raised and over in one moment, unless it goes on doing so."""

WEIGHT_UNIT: Final = 1000
"""Weights are counted as whole thousandths: sums of floats would depend on their order."""


class Bundle(Config):
    """Everything that the World's behaviour depends on.

    ``scale`` is the Clock's: limits of silence are real time, so they are that many times as
    long in domain time. ``settle_s`` (real) is how long delays wait after a start, because what
    the agents saw meanwhile is still on its way.
    """

    register_: Register
    plan: Plan
    policy: Policy
    profiles: tuple[Profile, ...] = ()
    tree: Id = "live"
    offices: Annotated[tuple[Id, ...], Field(min_length=1)]
    scale: Annotated[float, Field(ge=1)] = 1.0
    settle_s: Annotated[float, Field(ge=0)] = 5.0

    def to_json(self) -> bytes:
        return self.model_dump_json().encode()


class County:
    """One configuration, indexed. Read only."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.raw = bundle.to_json()
        self.hash = hashlib.sha256(self.raw).hexdigest()
        register = self.register = bundle.register_
        self.policy = bundle.policy
        self.plan = bundle.plan
        self.profiles = {profile.id: profile for profile in bundle.profiles}
        self.rules = _rules(bundle)
        self.decider = Decider(bundle.plan)
        self.sites: dict[str, Site] = {site.id: site for site in register.sites}
        self.devices: dict[str, Device] = {device.id: device for device in register.devices}
        self.sources = {source.agent: source for source in register.sources}
        self.systems: dict[str, InformationSystem] = {s.id: s for s in register.systems}
        self.plan_operators = tuple(operator.id for operator in bundle.plan.operators)
        self.operators = tuple(
            dict.fromkeys((*self.plan_operators, *(site.operator for site in register.sites)))
        )
        owned = _group((source.operator, source.agent) for source in register.sources)
        self.agents_of = {operator: frozenset(agents) for operator, agents in owned.items()}
        self.connected = frozenset(source.operator for source in register.sources)
        self.trial = frozenset(source.operator for source in register.sources if source.trial)
        self.judged = self.connected - self.trial
        self.with_sites = frozenset(site.operator for site in register.sites)
        self.cells = tuple(
            dict.fromkeys(
                (site.operator, site.town)
                for site in register.sites
                if site.operator in self.judged
            )
        )
        self.operator_of = {d.id: self.sites[d.site].operator for d in register.devices}
        self.site_devices = _group((d.site, d.id) for d in register.devices)
        above = {d.id: d.parents for d in register.devices}
        hangs = rooted(above)
        self.parents = {d: p for d, p in above.items() if p and d in hangs}
        self.children = _group((p, d) for d, own in self.parents.items() for p in own)
        self.systems_of = _group((d, s.id) for s in register.systems for d in s.devices)
        self.parts = {
            (s.id, device): round(share * WEIGHT_UNIT)
            for s in register.systems
            for device, share in zip(s.devices, s.shares, strict=False)
        }
        self.powers = _group((s.powered_by, s.id) for s in register.sites if s.powered_by)
        self.weights = {s.id: round(s.weight * WEIGHT_UNIT) for s in register.sites}
        self.types = _types(bundle.policy)
        self._delays = {kind.id: _delays(bundle.policy, kind) for kind in self.types.values()}
        self.hints = _hints(bundle.profiles, self.types)
        self.metrics_of = _group(
            (hint.alarm, metric) for metric, hints in self.hints.items() for hint in hints
        )
        self.town_names = {town.code: town.name for town in register.towns}
        self.operator_names = {o: o for o in self.operators} | {
            o.id: o.name.zh for o in bundle.plan.operators
        }
        self.noc_phones = {
            contact.operator: contact.phone
            for contact in reversed(register.contacts)
            if contact.kind is ContactKind.OPERATOR and contact.operator
        }

    def under(self, other: County, *, profiles: bool) -> County:
        """This register under the rules of another configuration (FAULTS F23).

        ``profiles`` false: under its plan and policy, with the thresholds of our own profiles.
        """
        ruled: dict[str, object] = {"plan": other.plan, "policy": other.policy}
        if profiles:
            ruled["profiles"] = other.bundle.profiles
        return County(self.bundle.model_copy(update=ruled))

    def delays(self, type_id: str) -> Delays:
        """The raise and clear delay of an alarm type."""
        return self._delays[type_id]

    def real_ms(self, seconds: float) -> int:
        """``seconds`` of real time as domain milliseconds."""
        return round(seconds * 1000 * self.bundle.scale)

    def silent_after(self, every_ms: int) -> int:
        """Domain ms without a word after which a source that speaks ``every_ms`` is silent."""
        return self.real_ms(max(self.policy.time.blind_notice_s, 3 * every_ms / 1000))


def _rules(bundle: Bundle) -> str:
    """What people know a version of the rules by: SHA-256 of plan, policy and profiles."""
    ruled = [bundle.plan.model_dump_json(), bundle.policy.model_dump_json()]
    ruled += [profile.model_dump_json() for profile in bundle.profiles]
    return hashlib.sha256("\n".join(ruled).encode()).hexdigest()


def _group(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    grouped: dict[str, list[str]] = {}
    for key, value in pairs:
        grouped.setdefault(key, []).append(value)
    return {key: tuple(values) for key, values in grouped.items()}


def _delays(policy: Policy, kind: AlarmType) -> Delays:
    """The type's own delays; where it has none, those of its severity."""
    usual = policy.holds.of(kind.severity)
    raise_s = usual.raise_s if kind.raise_delay_s is None else kind.raise_delay_s
    clear_s = usual.clear_s if kind.clear_delay_s is None else kind.clear_delay_s
    return Delays(raise_s * 1000, clear_s * 1000)


def _types(policy: Policy) -> dict[str, AlarmType]:
    """The policy's alarm table, and the two types that come from looks where it has none."""
    unreachable = AlarmType(
        id=UNREACHABLE,
        name_zh="设备不可达",
        name_en="device unreachable",
        event_type="communications",
        severity=Severity.CRITICAL,
        raise_delay_s=policy.site.out_hold_s,
        clear_delay_s=policy.site.out_clear_s,
        site_effect=SiteEffect.OUT,
        src=policy.site.src,
    )
    failure = AlarmType(
        id=SNMP_FAILURE,
        name_zh="SNMP故障（ICMP正常）",
        name_en="answers ICMP, SNMP silent or refused",
        event_type="communications",
        severity=Severity.MINOR,
        raise_delay_s=policy.site.out_hold_s,
        clear_delay_s=policy.site.out_clear_s,
        src=policy.site.src,
    )
    return {kind.id: kind for kind in (unreachable, failure, *policy.alarms)}


def _hints(
    profiles: tuple[Profile, ...], types: dict[str, AlarmType]
) -> dict[str, tuple[Hint, ...]]:
    """Metric name to what its readings can raise; equal hints of several profiles count once."""
    found: dict[str, dict[Hint, None]] = {}
    for profile in profiles:
        for metric in (*profile.scalars, *(c for table in profile.tables for c in table.columns)):
            if metric.alarm is not None and metric.alarm.alarm in types:
                found.setdefault(metric.name, {})[metric.alarm] = None
    return {name: tuple(hints) for name, hints in found.items()}
