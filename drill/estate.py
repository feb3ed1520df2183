"""The run directory of a drill: register, inventories, settings and keys as the programs read them.

::

    RUN/register/{register.toml,towns.csv,…}    RUN/keys/{collector,office}/
    RUN/agents/OP/{agent.toml,inventory.toml,targets.csv,state/}
    RUN/collector.toml    RUN/office.toml    RUN/state/{collector,office}/    RUN/log/
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from drill.county import County
from drill.farm import Where
from drill.people import PEOPLE
from drill.register import community, inventory_of, register_of
from transport.io.keys import new_key, trust

OFFICE: Final = "office"
OFFICE_KEY: Final = "office-key"
COLLECTOR_KEY: Final = "collector"


@dataclass(frozen=True, slots=True)
class Terms:
    """What all processes of a run agree on. ``interval_s`` is real time."""

    tree: str
    broker_port: int
    farm_where: Where
    farm_port: int
    scale: float
    anchor_ms: int
    interval_s: float
    web_port: int | None = None


@dataclass(frozen=True, slots=True)
class Estate:
    """Where everything of a run lies."""

    root: Path
    operators: tuple[str, ...]

    @property
    def collector(self) -> Path:
        return self.root / "collector.toml"

    @property
    def office(self) -> Path:
        return self.root / "office.toml"

    @property
    def log(self) -> Path:
        return self.root / "log"

    def agent(self, operator: str) -> Path:
        return self.root / "agents" / operator / "agent.toml"


def write(root: Path, county: County, terms: Terms) -> Estate:
    """Write a whole run directory; ``root`` must be empty or absent."""
    estate = Estate(root, tuple(county.roots))
    for folder in (estate.log, root / "state" / "collector", root / "state" / "office"):
        folder.mkdir(parents=True, exist_ok=True)
    _register(root / "register", county)
    _keys(root)
    for operator in estate.operators:
        _agent(estate.agent(operator).parent, county, operator, terms)
    common = {**_common(county, terms)}
    collector: dict[str, object] = {
        "state_dir": "state/collector",
        "register": "register",
        "keys_dir": "keys/collector",
        "key": COLLECTOR_KEY,
        "offices": [{"id": OFFICE, "key": OFFICE_KEY}],
        "heartbeat_every_s": 2,
    }
    web = _web(root, county, terms.web_port) if terms.web_port else None
    _toml(estate.collector, {"collector": collector, **common, **({"web": web} if web else {})})
    office = {
        "id": OFFICE,
        "state_dir": "state/office",
        "keys_dir": "keys/office",
        "key": OFFICE_KEY,
        "collector_key": COLLECTOR_KEY,
    }
    _toml(estate.office, {"office": office, **common})
    return estate


def _web(root: Path, county: County, port: int) -> Mapping[str, object]:
    """The pages, with the schematic map and the invented people's keys, so that all can sign."""
    places = [(town.code, town.x, town.y) for town in county.atlas.town]
    places += [(site.id, site.x, site.y) for site in county.sites]
    lines = ["id,x,y", *(f"{name},{x},{y}" for name, x, y in places)]
    (root / "positions.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return {
        "port": port,
        "name": county.atlas.county.name,
        "positions": "positions.csv",
        "drill_keys": "keys/office",
    }


def _common(county: County, terms: Terms) -> dict[str, Mapping[str, object]]:
    clock: dict[str, object] = {"scale": float(terms.scale), "anchor_ms": terms.anchor_ms}
    return {
        "county": {"county": county.atlas.county.id, "tree": terms.tree},
        "broker": {"host": "127.0.0.1", "port": terms.broker_port, "keepalive_s": 5},
        "clock": clock,
    }


def _agent(folder: Path, county: County, operator: str, terms: Terms) -> None:
    (folder / "state").mkdir(parents=True, exist_ok=True)
    inventory = inventory_of(county, operator, terms.farm_where, terms.farm_port)
    heads = ("device", "address", "port", "credential", "profiles", "icmp")
    _csv(folder / "targets.csv", heads, inventory.targets)
    credential = {"id": "read", "version": "2c", "community": community(operator)}
    _toml(folder / "inventory.toml", {"": {"targets": "targets.csv"}}, credential=[credential])
    (folder / "inventory.toml").chmod(0o600)
    agent: dict[str, object] = {
        "id": operator,
        "operator": operator,
        "state_dir": "state",
        "inventory": "inventory.toml",
        "interval_s": float(terms.interval_s),
        "snmp_timeout_s": min(1.0, terms.interval_s / 3),
        "snmp_retries": 2,
        "icmp_timeout_s": min(1.0, terms.interval_s / 3),
        "icmp_count": 2,
        "alive_every_s": 2,
        "witness_gateways": False,  # the simulated county is not behind this host's gateways
    }
    _toml(folder / "agent.toml", {"agent": agent, **_common(county, terms)})


def _register(folder: Path, county: County) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    register = register_of(county)
    _toml(folder / "register.toml", {"": {"county": register.county}})
    tables: dict[str, tuple[tuple[str, ...], Iterable[BaseModel]]] = {
        "towns": (("code", "name"), register.towns),
        "sites": (
            ("id", "name", "operator", "town", "weight", "key_unit", "hub", "powered_by"),
            register.sites,
        ),
        "devices": (("id", "name", "site", "parents", "main", "egress"), register.devices),
        "systems": (
            ("id", "name", "devices", "needs", "at_least", "shares", "organ"),
            register.systems,
        ),
        "people": (("account", "name", "organ", "roles", "key"), register.people),
        "contacts": (("name", "phone", "kind", "operator", "town"), register.contacts),
        "sources": (("agent", "operator", "disclose"), register.sources),
    }
    for name, (heads, rows) in tables.items():
        _csv(folder / f"{name}.csv", heads, rows)


def _keys(root: Path) -> None:
    """The collector believes the office and people, the office the collector.

    People sign at the office's desk here, so their keys lie beside the office's.
    """
    collector, office = (root / "keys" / name for name in ("collector", "office"))
    trust(office, new_key(collector, COLLECTOR_KEY))
    trust(collector, new_key(office, OFFICE_KEY))
    for person in PEOPLE:
        trust(collector, new_key(office, person.key))


def _csv(path: Path, heads: tuple[str, ...], rows: Iterable[BaseModel]) -> None:
    """UTF-8 with BOM, as an office worker's program saves it."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(heads)
        writer.writerows([_cell(getattr(row, head)) for head in heads] for row in rows)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _toml(
    path: Path,
    tables: Mapping[str, Mapping[str, object]],
    **lists: Iterable[Mapping[str, object]],
) -> None:
    lines = []
    for name, table in tables.items():
        lines += [f"[{name}]"] if name else []
        lines += [f"{key} = {_value(value)}" for key, value in table.items()]
        lines.append("")
    for name, rows in lists.items():
        for row in rows:
            lines += [
                f"[[{name}]]",
                *(f"{key} = {_value(value)}" for key, value in row.items()),
                "",
            ]
    path.write_text("\n".join(lines), encoding="utf-8")


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join(_value(item) for item in value)}]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(item)}" for key, item in value.items()) + " }"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
