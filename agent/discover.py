"""What a sweep found, as rows of an inventory to look over: proposals, never decisions. Pure.

A profile is proposed where its ``[match]`` fits; a parent where the device's own LLDP-MIB (IEEE Std
802.1AB) names a neighbour that is nearer to a root that the caller gives.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from agent import ber
from agent.ber import RawValue
from agent.decode import text
from agent.query import Query, SnmpResult, TableQuery
from config.inventory import Target
from config.profile import Profile
from wire.observation import Outcome

SYS_OBJECT_ID: Final = "1.3.6.1.2.1.1.2.0"
SYS_NAME: Final = "1.3.6.1.2.1.1.5.0"
IDENTITY: Final = (SYS_OBJECT_ID, SYS_NAME)
LLDP_LOC_CHASSIS: Final = "1.0.8802.1.1.2.1.3.2.0"
LLDP_REM: Final = "1.0.8802.1.1.2.1.4.1.1"
LLDP_COLUMNS: Final = (5, 7, 9)
"""lldpRemChassisId, lldpRemPortId, lldpRemSysName."""
MAX_NEIGHBOURS: Final = 500
MAX_ID: Final = 48
_NOT_ID: Final = re.compile(r"[^A-Za-z0-9._-]+")


class Mark(StrEnum):
    """A row beside the present inventory."""

    NEW = "new"
    CHANGED = "changed"
    GONE = "gone"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A row of lldpRemTable; ``port`` is the neighbour's."""

    chassis: bytes
    port: str
    name: str


@dataclass(frozen=True, slots=True)
class Found:
    """One address that answered, or of which the present inventory knows.

    ``credential`` None: SNMP was not answered. ``has`` are the objects that profiles look for.
    """

    address: str
    port: int
    icmp: bool = False
    credential: str | None = None
    object_id: str = ""
    name: str = ""
    chassis: bytes = b""
    has: frozenset[str] = frozenset()
    neighbours: tuple[Neighbour, ...] = ()

    @property
    def answered(self) -> bool:
        return self.icmp or self.credential is not None


@dataclass(slots=True)
class Row:
    """One row to look over; ``evidence`` and ``differs`` say why."""

    mark: Mark
    target: Target
    found: Found
    parents: list[str] = field(default_factory=list)
    neighbours: list[str] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)
    differs: list[str] = field(default_factory=list)


# -- what is asked ---------------------------------------------------------------------------------


def identity_query() -> Query:
    """SysObjectID and sysName."""
    return Query(scalars=tuple(map(ber.oid_content, IDENTITY)))


def closer_query(profiles: Iterable[Profile]) -> Query:
    """Whether the device has what the profiles look for, and its neighbours."""
    wanted = _wanted(profiles)
    scalars = [LLDP_LOC_CHASSIS, *(oid for oid in wanted if oid.endswith(".0"))]
    columns = [oid for oid in wanted if not oid.endswith(".0")]
    lldp = tuple(ber.oid_content(f"{LLDP_REM}.{column}") for column in LLDP_COLUMNS)
    return Query(
        scalars=tuple(map(ber.oid_content, scalars)),
        tables=(
            TableQuery(lldp, most=MAX_NEIGHBOURS),
            *(TableQuery((ber.oid_content(oid),), most=1) for oid in columns),
        ),
    )


def _wanted(profiles: Iterable[Profile]) -> list[str]:
    return list(dict.fromkeys(oid for one in profiles for oid in one.match.implements))


def identified(found: Found, credential: str, result: SnmpResult) -> Found:
    """``found`` with what a look with ``identity_query`` told; as it was when it told nothing."""
    if result.outcome is not Outcome.MEASURED:
        return found
    object_id, name = (
        _said(tag, raw) for tag, raw in zip(result.tags, result.scalars, strict=True)
    )
    return _with(found, credential=credential, object_id=object_id, name=name)


def looked_closer(found: Found, profiles: Iterable[Profile], result: SnmpResult) -> Found:
    """``found`` with what a look with ``closer_query`` told."""
    if result.outcome is not Outcome.MEASURED:
        return found
    wanted = _wanted(profiles)
    scalars = [oid for oid in wanted if oid.endswith(".0")]
    columns = [oid for oid in wanted if not oid.endswith(".0")]
    has = {oid for oid, raw in zip(scalars, result.scalars[1:], strict=True) if raw is not None} | {
        oid for oid, table in zip(columns, result.tables[1:], strict=True) if table.index
    }
    chassis = result.scalars[0]
    lldp = result.tables[0]
    neighbours = []
    for row in range(len(lldp.index)):
        first = row * lldp.columns
        cells = [(lldp.tags[at], lldp.cells[at]) for at in range(first, first + lldp.columns)]
        raw = cells[0][1]
        neighbours.append(
            Neighbour(raw if isinstance(raw, bytes) else b"", _said(*cells[1]), _said(*cells[2]))
        )
    return _with(
        found,
        chassis=chassis if isinstance(chassis, bytes) else b"",
        has=frozenset(has),
        neighbours=tuple(neighbours),
    )


def _said(tag: int, raw: RawValue) -> str:
    return text(tag, raw) or ""


def _with(found: Found, **changed: object) -> Found:
    kept = {name: getattr(found, name) for name in Found.__slots__}
    return Found(**(kept | changed))


# -- what is proposed ------------------------------------------------------------------------------


def propose(
    swept: Sequence[Found],
    profiles: Sequence[Profile],
    present: Sequence[Target] = (),
    roots: Sequence[str] = (),
    parents: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> list[Row]:
    """A row for each address that answered or is in the inventory, in the order of the sweep.

    ``roots`` are addresses or sysNames: parents are what is one step nearer to one of them.
    ``parents`` are those of the register, by device: where it lacks one that is proposed, the
    row differs. What it has beside them stays: LLDP does not run on every line.
    """
    known = {(str(target.address), target.port): target for target in present}
    taken = {target.device for target in present}
    rows = []
    for found in swept:
        old = known.get((found.address, found.port)) or _only_there(found, present)
        if found.answered or old is not None:
            rows.append(_row(found, old, profiles, taken))
    _related(rows, roots)
    for row in rows:
        has = parents.get(row.target.device)
        if has is not None and not set(row.parents) <= set(has):
            both = [*has, *(one for one in row.parents if one not in has)]
            row.differs.append(f"上级 parents: {' '.join(has) or '-'} → {' '.join(both)}")
            row.mark = Mark.CHANGED if row.mark is Mark.SAME else row.mark
    return rows


def _only_there(found: Found, present: Sequence[Target]) -> Target | None:
    """The inventory's only target at this address, whatever its port (ICMP has none)."""
    there = [target for target in present if str(target.address) == found.address]
    return there[0] if len(there) == 1 and (found.credential is None) else None


def _row(found: Found, old: Target | None, profiles: Sequence[Profile], taken: set[str]) -> Row:
    fitting: list[str] = []
    evidence: list[str] = ["ICMP"] if found.icmp else []
    for profile in profiles if found.credential is not None else ():
        why = fits(profile, found)
        if why:
            fitting.append(profile.id)
            evidence.append(f"{profile.id}: {why}")
    if old is None:
        device = _named(found, taken)
        taken.add(device)
        fields = {"device": device, "address": found.address, "port": found.port}
        target = Target.model_validate(
            {
                **fields,
                "credential": found.credential or None,
                "profiles": tuple(fitting),
                "icmp": found.icmp or not fitting,
            },
            strict=False,
        )
        return Row(Mark.NEW, target, found, evidence=evidence)
    if not found.answered:
        return Row(Mark.GONE, old, found, evidence=["没有应答 no answer"])
    return _beside(found, old, fitting, profiles, evidence)


def _beside(
    found: Found, old: Target, fitting: list[str], profiles: Sequence[Profile], evidence: list[str]
) -> Row:
    """A row of which the inventory knows: what it says stays, but for what was found otherwise."""
    differs: list[str] = []
    changed: dict[str, object] = {}
    if found.credential is None and old.profiles:
        differs.append("SNMP 没有应答 is not answered")
    elif found.credential is not None:
        judged = {profile.id for profile in profiles}
        kept = [name for name in old.profiles if name not in judged or name in fitting]
        wanted = (*kept, *(name for name in fitting if name not in kept))
        if set(wanted) != set(old.profiles):
            differs.append(f"profiles: {' '.join(old.profiles) or '-'} → {' '.join(wanted)}")
            changed["profiles"] = wanted
        if found.credential and found.credential not in old.candidates:
            differs.append(f"credential: {' '.join(old.candidates) or '-'} → {found.credential}")
            changed |= {"credential": found.credential, "credentials": ()}
    if found.icmp and not old.icmp:
        evidence.append("ICMP 有应答 answers")
    target = old.model_copy(update=changed)
    mark = Mark.CHANGED if differs else Mark.SAME
    return Row(mark, target, found, evidence=evidence, differs=differs)


def fits(profile: Profile, found: Found) -> str:
    """Why a profile fits a device; empty: it does not."""
    for oid in profile.match.sysobjectid:
        if found.object_id == oid or found.object_id.startswith(f"{oid}."):
            return f"sysObjectID {found.object_id}"
    for oid in profile.match.implements:
        if oid in found.has:
            return f"有 has {oid}"
    return ""


def _named(found: Found, taken: set[str]) -> str:
    """A device id from sysName, from the address where there is none; one that is not taken."""
    word = _NOT_ID.sub("-", found.name).strip("-._")[:MAX_ID].rstrip("-._")
    address = re.sub(r"[.:%]+", "-", found.address).strip("-")
    word = word or f"dev-{address}"
    if word in taken:
        word = f"{word}-{address}"[: MAX_ID + 16]
    number = 2
    free = word
    while free in taken:
        free, number = f"{word}-{number}", number + 1
    return free


def _related(rows: Sequence[Row], roots: Sequence[str]) -> None:
    """Fill in neighbours, and parents from the roots outwards."""
    by_chassis = _only((row.found.chassis, row) for row in rows)
    by_name = _only((row.found.name, row) for row in rows)
    links: dict[str, dict[str, str]] = {row.target.device: {} for row in rows}
    for row in rows:
        own = row.target.device
        for neighbour in row.found.neighbours:
            other = by_chassis.get(neighbour.chassis) or by_name.get(neighbour.name)
            shown = neighbour.name or neighbour.chassis.hex(":")
            if other is None or other is row:
                row.neighbours.append(f"{shown} {neighbour.port}".strip())
                continue
            word = other.target.device
            how = f"LLDP: {own} ↔ {shown} {neighbour.port}".strip()
            row.neighbours.append(f"{word} {neighbour.port}".strip())
            links[own].setdefault(word, how)
            links[word].setdefault(own, how)
    distance = _distances(links, rows, roots)
    for row in rows:
        own = row.target.device
        near = distance.get(own)
        for word, how in sorted(links[own].items()):
            if near is not None and distance.get(word) == near - 1:
                row.parents.append(word)
                row.evidence.append(how)


def _only(pairs: Iterable[tuple[bytes | str, Row]]) -> Mapping[bytes | str, Row]:
    """What names one row alone."""
    found: dict[bytes | str, Row | None] = {}
    for key, row in pairs:
        if key:
            found[key] = None if key in found else row
    return {key: row for key, row in found.items() if row is not None}


def _distances(
    links: Mapping[str, Mapping[str, str]], rows: Sequence[Row], roots: Sequence[str]
) -> dict[str, int]:
    """Steps from the nearest root, of what can be reached from one."""
    wanted = set(roots)
    first = [
        row.target.device
        for row in rows
        if wanted & {row.found.address, row.found.name, row.target.device}
    ]
    found = dict.fromkeys(first, 0)
    waiting = deque(first)
    while waiting:
        own = waiting.popleft()
        for word in links[own]:
            if word not in found:
                found[word] = found[own] + 1
                waiting.append(word)
    return found
