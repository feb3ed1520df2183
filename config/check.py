"""Cross-checks of the register: what each file alone cannot show (pure).

Errors refuse the configuration; notes tell what is thin but usable. Nothing here reads a file:
places come in as a function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from config.cells import unknown
from config.faults import MAX_HINTS, Fault, Place, error, note
from config.paths import rooted
from config.plan import Plan
from config.register import ContactKind, Needs, Register
from wire.maintenance import Kind
from wire.topics import RESERVED

Where = Callable[[str, int, str], Place]
"""Table, index of the item in it, field: where it stands."""

USERS_OVER: Final = 10
"""Weights above it are numbers of users, so a site of weight 1 beside them is a forgotten one."""


def nowhere(table: str, index: int, name: str) -> Place:
    """Places of a register that was not read from files."""
    return Place("register", None, f"{table}[{index + 1}].{name}")


@dataclass(frozen=True)
class Given:
    """What is known beside the register.

    ``keys``: ids of trusted keys, None when they were not looked at. ``ghosts``: what may stand
    in a table's rows that have faults of their own; ``unread``: tables of which nothing is known.
    """

    plan: Plan | None = None
    keys: frozenset[str] | None = None
    ghosts: Mapping[str, frozenset[str]] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()


def check_register(
    register: Register, where: Where = nowhere, given: Given | None = None
) -> list[Fault]:
    """Every cross fault of ``register``."""
    given = given or Given()
    faults: list[Fault] = []
    for table, name, ids in _keys(register):
        faults += duplicates(ids, _column(where, table, name))
    faults += _references(register, where, given)
    faults += _cycles(register, where)
    faults += _systems(register, where)
    faults += _operators(register, where, given)
    faults += _people(register, where, given)
    faults += _windows(register, where, given)
    faults += _thin(register, where, given)
    return faults


def _column(where: Where, table: str, name: str) -> Callable[[int], Place]:
    return lambda index: where(table, index, name)


def _keys(register: Register) -> list[tuple[str, str, list[str]]]:
    return [
        ("towns", "code", [town.code for town in register.towns]),
        ("towns", "name", [town.name for town in register.towns]),
        ("sites", "id", [site.id for site in register.sites]),
        ("devices", "id", [device.id for device in register.devices]),
        ("systems", "id", [system.id for system in register.systems]),
        ("people", "account", [person.account for person in register.people]),
        ("people", "key", [person.key for person in register.people]),
        ("contacts", "name", [contact.name for contact in register.contacts]),
        ("sources", "agent", [source.agent for source in register.sources]),
        ("maintenance", "id", [window.id for window in register.windows]),
    ]


def duplicates(ids: Sequence[str], place: Callable[[int], Place]) -> list[Fault]:
    """A fault for each id that stood there before, naming the first place."""
    first: dict[str, int] = {}
    faults = []
    for index, word in enumerate(ids):
        if word in first:
            line = place(first[word]).line
            zh, en = (f"，第 {line} 行已有", f", first in line {line}") if line else ("", "")
            faults.append(error(place(index), f"“{word}”重复{zh}", f'duplicate "{word}"{en}'))
        first.setdefault(word, index)
    return faults


@dataclass(frozen=True, slots=True)
class _Reference:
    """The item ``index`` of ``table`` names ``word`` of the table ``to`` in the field ``name``."""

    table: str
    index: int
    name: str
    word: str
    to: str
    zh: str
    en: str


def _references(register: Register, where: Where, given: Given) -> list[Fault]:
    tables: Mapping[str, set[str]] = {
        "towns": {town.code for town in register.towns},
        "sites": {site.id for site in register.sites},
        "devices": {device.id for device in register.devices},
    }
    names = {town.name for town in register.towns}
    faults: list[Fault] = []
    for r in _referring(register):
        known = tables[r.to]
        if r.word in known or r.to in given.unread or r.word in given.ghosts.get(r.to, ()):
            continue
        near = (known | names if r.to == "towns" else known) if len(faults) < MAX_HINTS else ()
        said = unknown(r.zh, r.en, r.word, near)
        faults.append(Fault(where(r.table, r.index, r.name), said))
    return faults


def _referring(register: Register) -> Iterator[_Reference]:
    for i, site in enumerate(register.sites):
        yield _Reference("sites", i, "town", site.town, "towns", "乡镇", "town")
        if site.powered_by:
            yield _Reference("sites", i, "powered_by", site.powered_by, "sites", "站点", "site")
    for i, device in enumerate(register.devices):
        yield _Reference("devices", i, "site", device.site, "sites", "站点", "site")
        for parent in device.parents:
            yield _Reference(
                "devices", i, "parents", parent, "devices", "上级设备", "parent device"
            )
    for i, system in enumerate(register.systems):
        for needed in system.devices:
            yield _Reference("systems", i, "devices", needed, "devices", "设备", "device")
    for i, contact in enumerate(register.contacts):
        if contact.town is not None:
            yield _Reference("contacts", i, "town", contact.town, "towns", "乡镇", "town")


def _cycles(register: Register, where: Where) -> list[Fault]:
    """Each ring of parents from which nothing leads out, at the device of it that stands first.

    A ring that hangs on something is a ring network; one that does not is reached by nobody. No
    device is its own parent.
    """
    parents = {device.id: device.parents for device in register.devices}
    index = {device.id: i for i, device in enumerate(register.devices)}
    hangs = rooted(parents)
    faults = []
    for ring in rings(parents):
        if len(ring) > 1 and ring[0] in hangs:
            continue
        start = min(ring, key=index.__getitem__)
        at = ring.index(start)
        path = " → ".join([*ring[at:], *ring[:at], start])
        place = where("devices", index[start], "parents")
        if len(ring) == 1:
            faults.append(error(place, f"上级设备是它自己：{path}", "is its own parent"))
            continue
        zh = f"上级设备成环而无出口：{path}"
        hint = "环上至少一台写明环外的上级 / name a parent outside the ring for one of them"
        faults.append(error(place, zh, "parents run in a circle that leads nowhere", hint))
    return faults


def rings(parents: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Circles among ``parents``, each found once (depth first, without recursion)."""
    done: set[str] = set()
    found = []
    for start in parents:
        if start in done:
            continue
        path = [start]
        on_path = {start: 0}
        todo = [iter(parents[start])]
        while todo:
            step = next(todo[-1], None)
            if step is None:
                todo.pop()
                last = path.pop()
                del on_path[last]
                done.add(last)
            elif step in on_path:
                found.append(path[on_path[step] :])
            elif step in parents and step not in done:
                on_path[step] = len(path)
                path.append(step)
                todo.append(iter(parents[step]))
    return found


def _systems(register: Register, where: Where) -> list[Fault]:
    """What the way in which a system needs its devices asks for."""
    faults = []
    for i, system in enumerate(register.systems):
        devices, least = len(system.devices), system.at_least
        if (system.needs is Needs.K_OF_N) is not (least is not None):
            zh, en = (
                "至少台数只与“至少”一起写，且必须写",
                "at_least belongs to k_of_n, which needs it",
            )
            faults.append(error(where("systems", i, "at_least"), zh, en))
        elif least is not None and least > devices:
            zh, en = f"至少 {least} 台，只有 {devices} 台", f"at least {least} of {devices}"
            faults.append(error(where("systems", i, "at_least"), zh, en))
        wanted = devices if system.needs is Needs.WEIGHTED else 0
        if len(system.shares) != wanted:
            zh = f"份额应有 {wanted} 个，与依赖设备同序，现有 {len(system.shares)} 个"
            en = f"{len(system.shares)} shares for {wanted} devices"
            faults.append(error(where("systems", i, "shares"), zh, en))
    return faults


def _operators(register: Register, where: Where, given: Given) -> list[Fault]:
    """Operators that the topic tree reserves or the plan does not know."""
    known = {operator.id for operator in given.plan.operators} if given.plan else None
    used = [("sites", i, site.operator) for i, site in enumerate(register.sites)]
    used += [("sources", i, source.operator) for i, source in enumerate(register.sources)]
    used += [("contacts", i, c.operator) for i, c in enumerate(register.contacts) if c.operator]
    faults = []
    for table, i, operator in used:
        place = where(table, i, "operator")
        if operator in RESERVED:
            faults.append(reserved(place, operator))
        elif known is not None and operator not in known:
            faults.append(Fault(place, unknown("运营企业", "operator", operator, known)))
    return faults


def reserved(place: Place, word: str) -> Fault:
    """The fault of an id that the topic tree needs for itself."""
    return error(place, f"“{word}”是保留字，不能作编号", f'"{word}" is a reserved id')


def _windows(register: Register, where: Where, given: Given) -> list[Fault]:
    """What maintenance windows cover must be there; key units are never covered (6.3)."""
    known = {
        Kind.DEVICE: ("devices", "设备", {device.id for device in register.devices}),
        Kind.SITE: ("sites", "站点", {site.id for site in register.sites}),
        Kind.OPERATOR: ("sites", "运营企业", {site.operator for site in register.sites}),
    }
    towns = {town.code for town in register.towns}
    keys = {site.id for site in register.sites if site.key_unit}
    key_devices = {device.id for device in register.devices if device.site in keys}
    faults: list[Fault] = []
    for i, window in enumerate(register.windows):
        place = where("maintenance", i, "targets")
        for target in window.parsed:
            table, zh, ids = known[target.kind]
            ghosts = given.ghosts.get(table, ())
            if target.id not in ids and table not in given.unread and target.id not in ghosts:
                near = ids if len(faults) < MAX_HINTS else ()
                faults.append(Fault(place, unknown(zh, target.kind.value, target.id, near)))
            elif target.town and target.town not in towns and "towns" not in given.unread:
                faults.append(Fault(place, unknown("乡镇", "town", target.town, ())))
            elif target.id in (keys if target.kind is Kind.SITE else key_devices):
                said = f"“{target.id}”属于重点单位，维护期间仍照常监测和通知"
                en = f'"{target.id}" is a key unit\'s: watched and told as ever'
                faults.append(note(place, said, en))
    return faults


def _people(register: Register, where: Where, given: Given) -> list[Fault]:
    faults = []
    organs = {organ.name for organ in given.plan.organs} if given.plan else set()
    roles = {role.id for role in given.plan.roles} if given.plan else set()
    for i, person in enumerate(register.people):
        if given.plan and person.organ not in organs:
            said = unknown("单位", "organ", person.organ, organs)
            faults.append(Fault(where("people", i, "organ"), said))
        for role in person.roles if given.plan else ():
            if role not in roles:
                said = unknown("角色", "role", role, roles)
                faults.append(Fault(where("people", i, "roles"), said))
        if given.keys is not None and person.key not in given.keys:
            # A note: a person may be registered before the key arrives; orders wait for it.
            said = unknown("受信任的公钥", "trusted key", person.key, given.keys)
            zh, en = f"{said.zh}，此人暂不能下达指令", f"{said.en}: no orders until then"
            hint = said.hint or f"运行 run: wanglou key trust {person.key}.pub"
            faults.append(note(where("people", i, "key"), zh, en, hint))
        if person.valid_from and person.valid_to and person.valid_to < person.valid_from:
            place = where("people", i, "valid_to")
            faults.append(error(place, "失效日期早于生效日期", "ends before it begins"))
    return faults


def _thin(register: Register, where: Where, given: Given) -> list[Fault]:
    """Notes: usable, but something will not be seen or cannot be told."""
    used = {device.site for device in register.devices}
    main = {device.site for device in register.devices if device.main}
    notes = []
    for i, site in enumerate(register.sites):
        place = where("sites", i, "id")
        if "devices" in given.unread or site.id in given.ghosts.get("devices", ()):
            continue
        if site.id not in used:
            zh, en = f"站点“{site.id}”没有设备，状态将一直未知", f'site "{site.id}" has no device'
            notes.append(note(place, zh, en))
        elif site.id not in main:
            zh = f"站点“{site.id}”没有主设备，不会被判为退服"
            notes.append(note(place, zh, f'site "{site.id}" has no main device'))
    for i, town in enumerate(register.towns):
        if not town.code.startswith(register.county):
            zh = f"乡镇代码不以县代码 {register.county} 开头"
            notes.append(note(where("towns", i, "code"), zh, "is not of this county's codes"))
    for i, contact in enumerate(register.contacts):
        if contact.phone is None:
            zh, en = f"“{contact.name}”没有电话", f'"{contact.name}" has no telephone'
            notes.append(note(where("contacts", i, "phone"), zh, en))
        elif contact.kind is ContactKind.OPERATOR and contact.operator is None:
            zh, en = f"“{contact.name}”没有写明运营企业", f'"{contact.name}" names no operator'
            notes.append(note(where("contacts", i, "name"), zh, en))
    notes += _weights(register, where)
    notes += _unconnected(register, where, given)
    return notes


def _weights(register: Register, where: Where) -> list[Fault]:
    """Sites of weight 1 among sites weighted by users count for nothing."""
    notes = []
    for operator in sorted({site.operator for site in register.sites}):
        own = [(i, site) for i, site in enumerate(register.sites) if site.operator == operator]
        bare = [i for i, site in own if site.weight == 1.0]
        if bare and max(site.weight for _, site in own) > USERS_OVER:
            zh = f"{operator} 有 {len(bare)} 个站点没有用户数，几乎不计入占比"
            en = f"{len(bare)} sites of {operator} have no users and hardly count"
            notes.append(note(where("sites", bare[0], "weight"), zh, en))
    return notes


def _unconnected(register: Register, where: Where, given: Given) -> list[Fault]:
    connected = {source.operator for source in register.sources}
    names = {site.operator: site.operator for site in register.sites}
    if given.plan:
        names = {operator.id: operator.name.zh for operator in given.plan.operators}
    place = where("sources", -1, "operator")
    return [
        note(
            Place(place.file, None, ""),
            f"{name}（{operator}）未接入：没有数据来源",
            f"{operator} is not connected: no source",
        )
        for operator, name in sorted(names.items())
        if operator not in connected
    ]
