"""The configuration of the laboratory's county, as people would write it: tables and TOML.

Two operators with an agent each; two more have no source yet (未接入). 20 sites with one device
each, in four towns, and two information systems.
"""

from __future__ import annotations

import csv
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.thread.lab import COMMUNITY, Host

TOWNS = {
    "140522100": "凤城镇",
    "140522101": "北留镇",
    "140522102": "润城镇",
    "140522103": "町店镇",
}
OPERATOR_OF = {"cmcc": range(1, 13), "cucc": range(13, 21)}
PEOPLE = (
    ("duty", "值班员甲", "县指挥部办公室", "duty"),
    ("director", "办公室主任乙", "县指挥部办公室", "director"),
    ("commander", "总指挥丙", "县指挥部", "commander"),
)
WANGLOU = str(Path(sys.executable).parent / "wanglou")


def operator_of(number: int) -> str:
    return next(operator for operator, numbers in OPERATOR_OF.items() if number in numbers)


def town_of(number: int) -> str:
    return list(TOWNS)[number % len(TOWNS)]


def yes(it: bool) -> str:  # noqa: FBT001  the one thing it says
    return "是" if it else "否"


@dataclass(frozen=True)
class County:
    """Where the county's files are."""

    folder: Path
    anchor_ms: int
    scale: float
    influx: str | None = None

    def write(self, hosts: list[Host]) -> None:
        self._register(hosts)
        self._keys()
        for operator in OPERATOR_OF:
            self._agent(operator, hosts)
        self._collector()
        self._office()

    def config(self, name: str) -> str:
        return str(self.folder / f"{name}.toml")

    def _table(self, name: str, head: str, rows: list[tuple[object, ...]]) -> None:
        path = self.folder / "register" / f"{name}.csv"
        path.parent.mkdir(exist_ok=True)
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(head.split())
            writer.writerows(rows)

    def _register(self, hosts: list[Host]) -> None:
        numbers = range(1, len(hosts) + 1)
        self._table("towns", "code name", list(TOWNS.items()))
        self._table(
            "sites",
            "id name operator town weight key_unit",
            [
                (f"site{n:02d}", f"{n:02d}号站", operator_of(n), town_of(n), 100, yes(n == 1))
                for n in numbers
            ],
        )  # fmt: skip
        self._table(
            "devices",
            "id name site",
            [(f"dev{n:02d}", f"{n:02d}号站传输设备", f"site{n:02d}") for n in numbers],
        )
        self._table(
            "systems",
            "id name devices needs",
            [
                ("egov", "电子政务外网", "dev01;dev13", "全部"),
                ("catv", "广电网络", "dev12", "全部"),
            ],
        )
        self._table("people", "account name organ roles key", [(*row, row[0]) for row in PEOPLE])
        self._table(
            "contacts",
            "name phone kind operator",
            [
                ("移动公司", "3291656", "operator", "cmcc"),
                ("联通公司", "4223547", "operator", "cucc"),
            ],
        )
        self._table("sources", "agent operator", [(f"agent-{o}", o) for o in OPERATOR_OF])
        (self.folder / "register" / "register.toml").write_text('county = "140522"\n')

    def _keys(self) -> None:
        def key(*argv: str) -> None:
            subprocess.run([WANGLOU, "key", *argv], check=True, capture_output=True)

        for name in ("collector", "office-1", *(row[0] for row in PEOPLE)):
            key("new", name, "--dir", str(self.folder / "keys"))
            key(
                "trust",
                str(self.folder / "keys" / f"{name}.pub"),
                "--dir",
                str(self.folder / "keys"),
            )

    def _common(self) -> str:
        return (
            '[county]\ncounty = "140522"\ntree = "drill-lab"\n\n'
            '[broker]\nhost = "127.0.0.1"\nport = 1883\nkeepalive_s = 5\n\n'
            f"[clock]\nscale = {self.scale}\nanchor_ms = {self.anchor_ms}\n"
        )

    def _agent(self, operator: str, hosts: list[Host]) -> None:
        name = f"agent-{operator}"
        rows = [
            f'[[target]]\ndevice = "{host.name}"\naddress = "{host.address}"\n'
            'credential = "lab"\nprofiles = ["generic", "interfaces"]\n'
            for n, host in enumerate(hosts, 1)
            if n in OPERATOR_OF[operator]
        ]
        (self.folder / f"inventory-{operator}.toml").write_text(
            f'[[credential]]\nid = "lab"\nversion = "2c"\ncommunity = "{COMMUNITY}"\n\n'
            + "\n".join(rows)
        )
        (self.folder / f"{name}.toml").write_text(
            f'[agent]\nid = "{name}"\noperator = "{operator}"\nstate_dir = "{name}"\n'
            f'inventory = "inventory-{operator}.toml"\ninterval_s = 1.0\nsnmp_timeout_s = 0.4\n'
            "icmp_timeout_s = 0.4\nicmp_count = 2\nalive_every_s = 1.0\n\n" + self._common()
        )

    def _collector(self) -> None:
        history = f'\n[history]\ninfluxdb_url = "{self.influx}"\n' if self.influx else ""
        (self.folder / "collector.toml").write_text(
            '[collector]\nstate_dir = "collector"\nregister = "register"\nkeys_dir = "keys"\n'
            'offices = [{ id = "office-1", key = "office-1" }]\nheartbeat_every_s = 20.0\n\n'
            + self._common()
            + history
        )

    def _office(self) -> None:
        (self.folder / "office.toml").write_text(
            '[office]\nid = "office-1"\nstate_dir = "office"\n'
            'keys_dir = "keys"\nkey = "office-1"\n\n' + self._common()
        )
