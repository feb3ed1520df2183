"""Cross-checks of inventory, profiles, policy and settings (pure)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from config.cells import unknown
from config.check import duplicates, reserved
from config.check_profile import At, clashes, clearing
from config.faults import MAX_HINTS, Fault, Place, error, note
from config.inventory import Inventory, Target
from config.plan import Plan
from config.policy import AlarmType, Policy
from config.profile import Profile
from config.register import Register
from config.settings import AgentSettings, BrokerSettings, CollectorSettings, OfficeSettings
from wire.topics import RESERVED

CAUSES = frozenset({*range(1, 158), *range(201, 208)})
"""X.733 probable causes that are in use."""


@dataclass(frozen=True)
class AgentGiven:
    """What the inventory refers to; None: not looked at."""

    profiles: Mapping[str, Profile] | None = None
    register: Register | None = None
    operator: str | None = None


def check_inventory(
    inventory: Inventory,
    target: Callable[[int, str], Place],
    credential: Callable[[int, str], Place],
    given: AgentGiven,
) -> list[Fault]:
    """Every cross fault of an inventory."""
    faults = duplicates([t.device for t in inventory.targets], lambda i: target(i, "device"))
    faults += duplicates([c.id for c in inventory.credentials], lambda i: credential(i, "id"))
    credentials = {c.id for c in inventory.credentials}
    seen: dict[tuple[object, int], int] = {}
    for i, t in enumerate(inventory.targets):
        first = seen.setdefault((t.address, t.port), i)
        if first != i:
            line = target(first, "address").line
            zh = f"{t.address} 端口 {t.port} 在第 {line} 行已有"
            en = f"{t.address} port {t.port} stands already in line {line}"
            faults.append(error(target(i, "address"), zh, en))
        faults += _candidates(t, credentials, partial(target, i))
        if not t.profiles and not t.icmp:
            zh, en = "既不探通也没有采集模板", "neither ICMP nor a profile: nothing to look at"
            faults.append(error(target(i, "icmp"), zh, en))
        faults += _profiles(t.profiles, given.profiles, target(i, "profiles"))
    used = {name for t in inventory.targets for name in t.candidates}
    for i, c in enumerate(inventory.credentials):
        if c.id not in used:
            zh, en = f"凭据“{c.id}”没有用到", f'credential "{c.id}" is not used'
            faults.append(note(credential(i, "id"), zh, en))
    return faults + _registered(inventory, target, given)


def _candidates(
    target: Target, known: Collection[str], place: Callable[[str], Place]
) -> list[Fault]:
    """The credentials that a target names."""
    faults = []
    if target.credential is not None and target.credentials:
        zh, en = "credential 和 credentials 只写一个", "give credential or credentials"
        faults.append(error(place("credentials"), zh, en))
    key = "credentials" if target.credentials else "credential"
    faults += [
        Fault(place(key), unknown("凭据", "credential", name, known))
        for name in target.candidates
        if name not in known
    ]
    if target.profiles and not target.candidates:
        zh, en = "有采集模板但没有凭据", "has profiles and no credential"
        faults.append(error(place("credential"), zh, en))
    return faults


def _registered(
    inventory: Inventory, target: Callable[[int, str], Place], given: AgentGiven
) -> list[Fault]:
    """Targets against the register: what does not match is listed, never dropped."""
    if given.register is None:
        return []
    devices = {device.id for device in given.register.devices}
    faults: list[Fault] = []
    for i, t in enumerate(inventory.targets):
        if t.device not in devices:
            near = devices if len(faults) < MAX_HINTS else ()
            said = unknown("登记的设备", "registered device", t.device, near)
            faults.append(Fault(target(i, "device"), said))
    own = {s.id for s in given.register.sites if s.operator == given.operator}
    mine = {device.id for device in given.register.devices if device.site in own}
    missing = sorted(mine - {t.device for t in inventory.targets})
    if given.operator is not None and missing and inventory.targets:
        zh = f"登记的设备有 {len(missing)} 个不在采集清单中，如 {missing[0]}"
        en = f"{len(missing)} registered devices are not in the inventory, such as {missing[0]}"
        faults.append(note(Place(target(0, "device").file), zh, en))
    return faults


def _profiles(
    names: Iterable[str], known: Mapping[str, Profile] | None, place: Place
) -> list[Fault]:
    """One target's profiles: those that there are not, those that read one name in two ways."""
    if known is None:
        return []
    found = [known[name] for name in dict.fromkeys(names) if name in known]
    lost = [name for name in names if name not in known]
    return [
        *(Fault(place, unknown("采集模板", "profile", name, known)) for name in lost),
        *(error(place, zh, en) for zh, en in clashes(found)),
    ]


def unserved(policy: Policy, profiles: Iterable[Profile], at: At) -> list[Fault]:
    """A note when profiles raise alarm types that the policy leaves out: they stay silent."""
    raised = {
        metric.alarm.alarm
        for profile in profiles
        for metric in profile.metrics()
        if metric.alarm is not None
    }
    lost = sorted(raised - {alarm.id for alarm in policy.alarms})
    if not lost:
        return []
    zh = f"内置模板用到的告警类型不在其中：{'、'.join(lost)}"
    en = f"leaves out alarm types of the shipped profiles: {', '.join(lost)}"
    return [note(at(("alarms",)), zh, en)]


def _thresholds(alarm: AlarmType, place: Place) -> list[Fault]:
    if alarm.above is not None and alarm.below is not None:
        return [error(place, "above、below 最多写一个", "give above or below, not both")]
    return clearing(alarm, place)


def check_policy(policy: Policy, at: At) -> list[Fault]:
    """Every cross fault of a policy."""
    faults = duplicates([a.id for a in policy.alarms], lambda i: at(("alarms", i, "id")))
    for i, alarm in enumerate(policy.alarms):
        faults += _thresholds(alarm, at(("alarms", i)))
    faults += duplicates([s.id for s in policy.signals], lambda i: at(("signals", i, "id")))
    for i, alarm in enumerate(policy.alarms):
        if alarm.probable_cause_no is not None and alarm.probable_cause_no not in CAUSES:
            zh, en = "X.733 没有这个原因号", "X.733 has causes 1-157 and 201-207"
            faults.append(error(at(("alarms", i, "probable_cause_no")), zh, en))
    operator = policy.operator
    for name, rule in (
        ("partial_share", operator.partial_share),
        ("full_share", operator.full_share),
    ):
        if rule.clear_below > rule.raise_share:
            place = at(("operator", name, "clear_below"))
            zh, en = "不能大于 raise_share", "must not be over raise_share"
            faults.append(error(place, zh, en))
    if operator.partial_share.raise_share > operator.full_share.raise_share:
        zh, en = "不能大于 full_share 的 raise_share", "must not be over that of full_share"
        faults.append(error(at(("operator", "partial_share", "raise_share")), zh, en))
    faults += _quieting(policy, at)
    if policy.spread.step_s > policy.spread.window_s:
        zh, en = "不能大于 window_s", "must not be over window_s"
        faults.append(error(at(("spread", "step_s")), zh, en))
    if policy.time.renew_before_s >= policy.time.warning_expires_s:
        zh, en = "应小于 warning_expires_s", "must be under warning_expires_s"
        faults.append(error(at(("time", "renew_before_s")), zh, en))
    return faults


def _quieting(policy: Policy, at: At) -> list[Fault]:
    """Flapping must be able to begin and to end; a shelf's usual term within the longest."""
    faults = []
    flap, shelf = policy.flap, policy.shelf
    if flap.transitions > 2 ** min(64, flap.hold_s / max(1, flap.window_s)):
        zh = "太短：累计到 transitions 次以前已衰减，应不小于 window_s 的几倍"
        en = "too short: must be several times window_s, so that a penalty of transitions decays"
        faults.append(error(at(("flap", "hold_s")), zh, en))
    if shelf.usual_s > shelf.most_s:
        zh, en = "不能大于 most_s", "must not be over most_s"
        faults.append(error(at(("shelf", "usual_s")), zh, en))
    return faults


def check_settings(
    settings: AgentSettings | CollectorSettings | OfficeSettings,
    at: At,
    plan: Plan | None = None,
    register: Register | None = None,
) -> list[Fault]:
    """Every cross fault of a settings file with what it refers to."""
    faults = _broker(settings.broker, at)
    if register is not None and register.county != settings.county.county:
        zh = f"与登记册的县代码 {register.county} 不同"
        en = f"differs from the register's county {register.county}"
        faults.append(error(at(("county", "county")), zh, en))
    if isinstance(settings, CollectorSettings):
        web = settings.web
        if web is not None and (web.certfile is None) != (web.keyfile is None):
            zh, en = "certfile 和 keyfile 要一起写", "certfile and keyfile go together"
            faults.append(error(at(("web", "certfile" if web.certfile else "keyfile")), zh, en))
        offices = settings.collector.offices
        faults += duplicates(
            [office.id for office in offices], lambda i: at(("collector", "offices", i, "id"))
        )
    if isinstance(settings, AgentSettings):
        operator = settings.agent.operator
        place = at(("agent", "operator"))
        known = {o.id for o in plan.operators} if plan is not None else None
        if operator in RESERVED:
            faults.append(reserved(place, operator))
        elif known is not None and operator not in known:
            faults.append(Fault(place, unknown("运营企业", "operator", operator, known)))
    if settings.county.tree == "live" and settings.clock.scale != 1.0:
        zh, en = "只有演练（tree = drill-…）才能加快时钟", "only a drill may run a faster clock"
        faults.append(error(at(("clock", "scale")), zh, en))
    return faults


def _broker(broker: BrokerSettings, at: At) -> list[Fault]:
    faults = []
    if (broker.certfile is None) != (broker.keyfile is None):
        zh, en = "certfile 和 keyfile 要一起写", "certfile and keyfile go together"
        faults.append(error(at(("broker", "certfile" if broker.certfile else "keyfile")), zh, en))
    if broker.certfile is not None and broker.cafile is None:
        zh, en = "有证书但没有 cafile", "a certificate without cafile"
        faults.append(error(at(("broker", "certfile")), zh, en))
    if broker.password_file is not None and broker.username is None:
        zh, en = "有密码文件但没有 username", "a password file without username"
        faults.append(error(at(("broker", "password_file")), zh, en))
    return faults
