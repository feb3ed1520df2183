"""A run directory and the processes in it: broker, collector, office client, agents."""

from __future__ import annotations

import asyncio
import csv
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import orjson
from pydantic import BaseModel

from bench import town
from bench.peers import ROOT, program
from config.register import Register
from drill.broker import HOST, broker, mosquitto_path
from drill.children import Child, ChildEnded, Children, wanglou
from transport.io.keys import new_key, trust

READY_S: Final = 90.0
TREE: Final = "drill-bench"
_TABLES: Final = {
    "towns": ("code", "name"),
    "sites": ("id", "name", "operator", "town", "weight", "key_unit", "hub"),
    "devices": ("id", "name", "site", "parents", "main", "egress"),
    "contacts": ("name", "phone", "kind", "operator", "town"),
    "sources": ("agent", "operator"),
}
_TARGETS: Final = ("device", "address", "port", "credential", "profiles", "icmp")

Target = tuple[str, str, int, str, str, str]
"""A row of an inventory: device, address, port, credential, profiles, icmp."""


@dataclass
class Ground:
    """The files, and whatever runs in them; the broker is the first of the children.

    ``scale``: domain time runs so many times as fast, from the making of this on.
    """

    folder: Path
    children: Children
    port: int
    scale: float = 1.0
    anchor_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)

    def config(self, name: str) -> Path:
        return self.folder / f"{name}.toml"

    def write_county(
        self, register: Register, *, web_port: int | None = None, **more: object
    ) -> None:
        """Register, keys, and the settings of collector (with pages or not) and office.

        ``more``: further settings of the collector.
        """
        tables = self.folder / "register"
        tables.mkdir()
        for name, heads in _TABLES.items():
            _csv(tables / f"{name}.csv", heads, getattr(register, name))
        (tables / "register.toml").write_text(f'county = "{register.county}"\n')
        keys, office = self.folder / "keys", self.folder / "office-keys"
        trust(office, new_key(keys, "collector"))
        trust(keys, new_key(office, town.OFFICE))
        options: dict[str, object] = {
            "state_dir": "collector",
            "register": "register",
            "keys_dir": "keys",
            "offices": [{"id": town.OFFICE, "key": town.OFFICE}],
            **more,
        }
        pages: dict[str, Mapping[str, object]] = {"web": {"port": web_port}} if web_port else {}
        self._toml("collector", {"collector": options, **pages})
        self._toml(
            "office",
            {
                "office": {
                    "id": town.OFFICE,
                    "state_dir": "office",
                    "keys_dir": "office-keys",
                    "key": town.OFFICE,
                }
            },
        )

    def write_agent(
        self,
        agent: str,
        targets: Iterable[Target],
        *,
        metrics_port: int | None = None,
        **options: object,
    ) -> None:
        """The settings and the inventory of an agent, named like its operator."""
        _rows(self.folder / f"targets-{agent}.csv", _TARGETS, targets)
        inventory = self.folder / f"inventory-{agent}.toml"
        inventory.write_text(
            f'targets = "targets-{agent}.csv"\n\n[[credential]]\nid = "read"\nversion = "2c"\n'
            f'community = "{options.pop("community", "public")}"\n'
        )
        inventory.chmod(0o600)
        own = {
            "id": agent,
            "operator": agent,
            "state_dir": f"agent-{agent}",
            "inventory": inventory.name,
            **options,
        }
        page: dict[str, Mapping[str, object]] = (
            {} if metrics_port is None else {"metrics": {"port": metrics_port}}
        )
        self._toml(f"agent-{agent}", {"agent": own, **page})

    async def start(self, name: str, *argv: str) -> Child:
        """Start ``wanglou ARGV --config NAME.toml`` and wait until its log says that it is ready.

        Raises ChildEnded, TimeoutError.
        """
        child = await self.children.start(
            name, [*wanglou(), *argv, "--config", str(self.config(name))]
        )
        await wait_ready(child)
        return child

    def check(self) -> None:
        """Raise ChildEnded when a process ended that should not have."""
        for child in self.children.ended():
            raise ChildEnded(f"{child.name} ended:\n{child.tail()}")

    def _toml(self, name: str, tables: dict[str, Mapping[str, object]]) -> None:
        tables["county"] = {"county": town.CODE, "tree": TREE}
        tables["broker"] = {"host": HOST, "port": self.port}
        if self.scale != 1.0:
            tables["clock"] = {"scale": self.scale, "anchor_ms": self.anchor_ms}
        self.config(name).write_text(
            "\n".join(
                f"[{table}]\n"
                + "".join(f"{key} = {_value(value)}\n" for key, value in rows.items())
                for table, rows in tables.items()
            )
        )


async def wait_ready(child: Child) -> None:
    """Until its log says that it is ready. Raises ChildEnded, TimeoutError."""
    until = time.monotonic() + READY_S
    while b'"ready"' not in child.log.read_bytes():
        if not child.running:
            raise ChildEnded(f"{child.name} ended:\n{child.tail()}")
        if time.monotonic() > until:
            raise TimeoutError(f"{child.name} is not ready:\n{child.tail()}")
        await asyncio.sleep(0.05)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for a run, on the disk that real stores would be on; gone afterwards."""
    place = ROOT / "var"
    place.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=place) as name:
        yield Path(name)


def needs_mosquitto() -> None:
    """Figures with another broker would not be comparable. Raises Missing."""
    if mosquitto_path() is None:
        program("mosquitto")


@asynccontextmanager
async def ground(folder: Path) -> AsyncIterator[Ground]:
    """A run directory with a running broker; all processes end with it."""
    needs_mosquitto()
    logs = folder / "log"
    logs.mkdir()
    children = Children(logs)
    try:
        async with broker(children, logs) as server:
            yield Ground(folder, children, server.port)
    finally:
        await children.close()


def cpu_s(child: Child) -> float:
    """CPU seconds of a process so far, kernel included."""
    text = Path(f"/proc/{child.process.pid}/stat").read_text()
    user, system = text.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def memory_mb(child: Child, *, peak: bool = False) -> float:
    """Resident memory of a process, or the most that it ever had."""
    head = "VmHWM:" if peak else "VmRSS:"
    for line in Path(f"/proc/{child.process.pid}/status").read_text().splitlines():
        if line.startswith(head):
            return int(line.split()[1]) / 1024
    return 0.0


def _csv(path: Path, heads: Sequence[str], models: Sequence[BaseModel]) -> None:
    _rows(path, heads, ([_cell(getattr(one, head)) for head in heads] for one in models))


def _rows(path: Path, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(heads)
        writer.writerows(rows)


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return "" if value is None else value


def _value(value: object) -> str:
    """A value as TOML; strings as in JSON, tables in line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return orjson.dumps(value).decode()
