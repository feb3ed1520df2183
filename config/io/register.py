"""The county register from a folder of tables or one workbook."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from config.cells import GHOST, Names, plan_names
from config.check import Given, check_register
from config.faults import ConfigError, Fault, Kind, Place, did_you_mean, error, note, unreadable
from config.io.shipped import hashed
from config.io.tables import BOOKS, CSV, read_sheets
from config.io.toml import build, read_document
from config.plan import Plan
from config.register import (
    Contact,
    Device,
    InformationSystem,
    Person,
    Register,
    RegisterFile,
    Site,
    Source,
    Town,
)
from config.sheet import HEAD_WITHIN, Sheet
from config.tables import Read, read_table
from config.words import REGISTER, REGISTER_WORDS, TABLES, folded, table_headed, table_named
from wire.base import ID_PATTERN
from wire.maintenance import Window

M = TypeVar("M", bound=BaseModel)

COUNTY_FILE: Final = "register.toml"
_TOWN_CODE: Final = re.compile(r"([0-9]{6})[0-9]{3}")
_ID: Final = re.compile(ID_PATTERN)


@dataclass(frozen=True)
class RegisterRead:
    """A register with all its faults and notes; None when it could not be put together."""

    register: Register | None
    faults: tuple[Fault, ...]


@dataclass
class _Found:
    """The sheets of a register by table, and what was wrong on the way."""

    path: Path
    sheets: dict[str, Sheet] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    county: str | None = None
    unread: set[str] = field(default_factory=set)

    def add(self, table: str, sheet: Sheet) -> None:
        if table in self.sheets:
            zh = f"{TABLES[table].shown} 表重复，另有 {self.sheets[table].file}"
            en = f"holds {table} again, beside {self.sheets[table].file}"
            self.faults.append(error(Place(sheet.file), zh, en))
        else:
            self.sheets[table] = sheet


def read_register(
    path: Path,
    *,
    county: str | None = None,
    plan: Plan | None = None,
    keys: frozenset[str] | None = None,
) -> RegisterRead:
    """The register at ``path`` with every fault; raises nothing."""
    found = _Found(path)
    try:
        _gather(found)
    except ConfigError as problem:
        return RegisterRead(None, problem.faults)
    for table in TABLES.values():
        if table.required and table.name not in found.sheets and table.name not in found.unread:
            zh, en = f"缺少 {table.shown} 表", f"the table {table.name} is missing"
            found.faults.append(error(Place(str(path)), zh, en))
            found.unread.add(table.name)
    register, faults = _assemble(found, county, plan, keys)
    return RegisterRead(register, tuple(faults))


def read_register_table(path: Path, plan: Plan | None) -> list[Fault]:
    """The faults of one table by itself: nothing is known of the tables that it refers to."""
    found = _Found(path)
    try:
        _table_file(found, path)
    except ConfigError as problem:
        return list(problem.faults)
    found.unread.update(table for table in REGISTER if table not in found.sheets)
    found.unread.add(GHOST)
    _, faults = _assemble(found, None, plan, None)
    return [fault for fault in faults if fault.kind is not Kind.NOTE]


def _gather(found: _Found) -> None:
    path = found.path
    if path.is_dir():
        try:
            files = sorted(path.iterdir())
        except OSError as problem:
            words = problem.strerror or str(problem)
            fault = unreadable(str(path), f"无法读取：{words}", f"cannot be read: {words}")
            raise ConfigError([fault]) from None
        for file in files:
            _file(found, file)
    elif path.suffix.lower() in CSV:
        zh, en = "登记册应为文件夹或 .xlsx", "a register is a folder of tables or one .xlsx"
        raise ConfigError([error(Place(str(path)), zh, en)])
    else:
        _book(found, read_sheets(path))


def _file(found: _Found, file: Path) -> None:
    """One file of the folder; a damaged one is a fault and leaves its table unread."""
    suffix = file.suffix.lower()
    if file.name.startswith((".", "~$")) or not file.is_file():
        return
    try:
        if file.name == COUNTY_FILE:
            found.county = build(RegisterFile, read_document(file)).county
        elif suffix in BOOKS and folded(file.stem) in map(folded, REGISTER_WORDS):
            _book(found, read_sheets(file))
        elif suffix in CSV | BOOKS and (table_named(file.stem) or suffix != ".txt"):
            _table_file(found, file)
    except ConfigError as problem:
        found.faults += problem.faults
        found.unread.add(GHOST if file.name == COUNTY_FILE else table_named(file.stem) or "")


def _table_file(found: _Found, file: Path) -> None:
    table = table_named(file.stem)
    sheets = [sheet for sheet in read_sheets(file) if sheet.rows]
    if table is None and sheets:
        table = headed(sheets[0])
    if table == "targets":
        return
    if table is None:
        known = [name for name in REGISTER for name in (name, *TABLES[name].words)]
        zh, en = "看不出这是登记册的哪个表", "is none of the register's tables"
        hint = did_you_mean(file.stem, known) or "表名 names: " + "、".join(REGISTER)
        found.faults.append(error(Place(str(file)), zh, en, hint))
    elif sheets:
        named = [sheet for sheet in sheets if table_named(sheet.name) == table]
        found.add(table, (named or sheets)[0])
    else:
        found.faults.append(error(Place(str(file)), "表是空的", "the table is empty"))
        found.unread.add(table)


def _book(found: _Found, sheets: list[Sheet]) -> None:
    for sheet in sheets:
        table = table_named(sheet.name) or headed(sheet)
        if table in REGISTER and sheet.rows:
            found.add(table, sheet)
        elif sheet.rows and table != "targets":
            hint = did_you_mean(sheet.name, [w for t in REGISTER for w in (t, *TABLES[t].words)])
            zh, en = "工作表没有用到", "the sheet is not used"
            found.faults.append(note(Place(sheet.file), zh, en, hint))


def headed(sheet: Sheet) -> str | None:
    """The table that the heads near the top of ``sheet`` tell, or None."""
    tables = (table_headed(row.cells) for row in sheet.rows[:HEAD_WITHIN])
    return next((table for table in tables if table), None)


def _assemble(
    found: _Found, county: str | None, plan: Plan | None, keys: frozenset[str] | None
) -> tuple[Register | None, list[Fault]]:
    names = plan_names(plan) if plan else Names()
    towns = _read(found, "towns", Town, names)
    names = Names(names.operators, _town_names(towns), names.organs, names.roles)
    sites = _read(found, "sites", Site, names)
    devices = _read(found, "devices", Device, names)
    systems = _read(found, "systems", InformationSystem, names)
    people = _read(found, "people", Person, names)
    contacts = _read(found, "contacts", Contact, names)
    sources = _read(found, "sources", Source, names)
    windows = _read(found, "maintenance", Window, names)
    reads: dict[str, Read[Any]] = {
        "towns": towns, "sites": sites, "devices": devices, "systems": systems,
        "people": people, "contacts": contacts, "sources": sources, "maintenance": windows,
    }  # fmt: skip
    code, faults = _county(found, county, towns)
    faults = [*found.faults, *(f for read in reads.values() for f in read.faults), *faults]
    register = Register.model_construct(
        county=code,
        towns=towns.items,
        sites=sites.items,
        devices=devices.items,
        systems=systems.items,
        people=people.items,
        contacts=contacts.items,
        sources=sources.items,
        windows=windows.items,
    )

    def where(table: str, index: int, name: str) -> Place:
        read = reads[table]
        return read.place(index, name) if read.places else Place(str(found.path))

    given = Given(
        plan,
        keys,
        {table: read.ghosts | {GHOST} for table, read in reads.items()},
        frozenset(table for table, read in reads.items() if not read.whole),
    )
    faults += check_register(register, where, given)
    return hashed(register), faults


def _read(found: _Found, table: str, model: type[M], names: Names) -> Read[M]:
    if table not in found.sheets:
        return Read(whole=table not in found.unread)
    return read_table(found.sheets[table], table, model, names)


def _town_names(towns: Read[Town]) -> dict[str, str] | None:
    """Folded names and codes to codes; ghosts to themselves. None: the towns are not known."""
    if not towns.whole:
        return None
    known = {
        folded(ghost): ghost if _ID.fullmatch(ghost) else GHOST for ghost in towns.ghosts if ghost
    }
    for town in towns.items:
        known[folded(town.name)] = town.code
    return known | {folded(town.code): town.code for town in towns.items}


def _county(found: _Found, county: str | None, towns: Read[Town]) -> tuple[str, list[Fault]]:
    """The county's code: from ``register.toml``, the caller, or what all town codes begin with."""
    if found.county is not None:
        if county is None or county == found.county:
            return found.county, []
        zh = f"县代码 {found.county} 与设置中的 {county} 不同"
        en = f"county {found.county} differs from {county} in the settings"
        return found.county, [error(Place(str(found.path / COUNTY_FILE), 1, "county"), zh, en)]
    if county is not None:
        return county, []
    starts = {m.group(1) if (m := _TOWN_CODE.fullmatch(t.code)) else "" for t in towns.items}
    if len(starts) == 1 and "" not in starts:
        return starts.pop(), []
    if towns.whole and GHOST not in found.unread and not towns.ghosts:
        zh, en = "不知道县代码", "the county's code is not known"
        hint = f'在 {COUNTY_FILE} 中写 write: county = "140522"'
        return "", [error(Place(str(found.path)), zh, en, hint)]
    return "", []
