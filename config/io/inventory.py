"""The agent's inventory: a TOML file with credentials, its targets there or in a table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from config.cells import Names
from config.check_agent import AgentGiven, check_inventory
from config.faults import ConfigError, Fault, Kind, Place, error
from config.inventory import Inventory, InventoryFile, Target
from config.io.credentials import moved, read_credentials
from config.io.register import headed
from config.io.shipped import hashed
from config.io.tables import BOOKS, CSV, read_sheets
from config.io.toml import Document, build, read_document
from config.tables import Read, read_table
from config.words import table_named


@dataclass(frozen=True)
class InventoryRead:
    """An inventory with all its faults and notes; None when it could not be put together."""

    inventory: Inventory | None
    faults: tuple[Fault, ...]


def read_inventory(path: Path, given: AgentGiven | None = None) -> InventoryRead:
    """The inventory at ``path`` with every fault; raises nothing."""
    given = given or AgentGiven()
    try:
        if path.suffix.lower() in CSV | BOOKS:
            table = _table(path)
            inventory = Inventory(targets=table.items)
            return _checked(inventory, table, None, given, table.faults)
        document = read_document(path)
        file = build(InventoryFile, document)
    except ConfigError as problem:
        return InventoryRead(None, problem.faults)
    credentials, faults = read_credentials(file.credential, document, path.parent)
    table = Read()
    if file.targets is not None:
        table, more = _referred(path.parent / file.targets, document.place(("targets",)))
        faults += [*more, *table.faults]
    elif not file.target:
        zh, en = "没有采集目标", "has no targets"
        hint = 'targets = "targets.csv" 或 or [[target]]'
        faults.append(error(document.place(()), zh, en, hint))
    inventory = Inventory(targets=(*table.items, *file.target), credentials=credentials)
    return _checked(inventory, table, document, given, tuple(faults))


def _table(path: Path) -> Read[Target]:
    sheets = [sheet for sheet in read_sheets(path) if sheet.rows]
    fitting = [s for s in sheets if "targets" in (table_named(s.name), headed(s))]
    if not sheets:
        raise ConfigError([error(Place(str(path)), "表是空的", "the table is empty")])
    return read_table((fitting or sheets)[0], "targets", Target, Names())


def _referred(path: Path, place: Place) -> tuple[Read[Target], tuple[Fault, ...]]:
    try:
        return _table(path), ()
    except ConfigError as problem:
        return Read(whole=False), tuple(moved(fault, place) for fault in problem.faults)


def _checked(
    inventory: Inventory,
    table: Read[Target],
    document: Document | None,
    given: AgentGiven,
    faults: tuple[Fault, ...],
) -> InventoryRead:
    rows = len(table.items)

    def target(index: int, name: str) -> Place:
        if index < rows:
            return table.place(index, name)
        assert document is not None
        return document.place(("target", index - rows, name))

    def credential(index: int, name: str) -> Place:
        assert document is not None
        return document.place(("credential", index, name))

    found = check_inventory(inventory, target, credential, given)
    if table.ghosts or not table.whole:  # what the unread rows use cannot be told
        found = [fault for fault in found if fault.kind is not Kind.NOTE]
    return InventoryRead(hashed(inventory), (*faults, *found))
