"""FAULTS F21 with real processes: the county's store is gone, or an old copy of it put back.

What agents and office still hold counts: how everything stands comes again, no notice number and
no warning number is given twice, and the office hears which notices are not in the store.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from bench import town
from bench.ground import TREE
from collector.io.journal import journal, open_readonly
from drill.children import Child
from tests.chaos import histories
from tests.chaos.devices import PROFILE, Devices
from tests.collector.test_backup import House
from tests.peers import mosquitto
from wire.base import OfficeId
from wire.topics import Topics

pytestmark = [pytest.mark.peers, pytest.mark.timeout(300)]

AGENT = town.OPERATORS[0]
LIMIT_S = 90.0
LONG_S = 3600.0


def gone(house: House) -> None:
    """The disk is lost with all that was on it."""
    shutil.rmtree(house.county.parent)


def restored(house: House) -> None:
    """The copy of before the outage is put back."""
    done = house.command("collector", "restore", str(house.folder / "monday.db"))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("lose", [gone, restored])
def test_what_agents_and_office_hold_counts(tmp_path: Path, lose: Callable[[House], None]) -> None:
    register = town.register(0, (AGENT,))
    names = [device.id for device in register.devices]
    addresses = [f"127.79.0.{number + 1}" for number in range(len(names))]
    with mosquitto(tmp_path) as broker, Devices(addresses) as devices:
        house = House(tmp_path, broker.port, devices, names)
        house.place.write_county(register, profiles_dir="profiles", heartbeat_every_s=1.0)
        (tmp_path / "profiles").mkdir()
        (tmp_path / "profiles" / "count.toml").write_text(PROFILE)
        rows = [
            (name, address, devices.port, "read", "count", "no")
            for name, address in zip(names, addresses, strict=True)
        ]
        house.place.write_agent(AGENT, rows, interval_s=1, profiles_dir="profiles")
        asyncio.run(Lost(house, broker.port).run(lose))


class Lost:
    """One county whose store is lost."""

    def __init__(self, house: House, port: int) -> None:
        self.house, self.port = house, port
        self.office = house.folder / "office" / "office.db"

    async def run(self, lose: Callable[[House], None]) -> None:
        house = self.house
        try:
            collector = await house.up("collector", "collector", "run")
            await house.up("office", "office", "watch", "--json")
            await house.up(f"agent-{AGENT}", "agent", "run")
            await self.until(lambda: set(histories.applied(house.county)) == set(house.names))
            await self.copy("monday.db")
            self.silence(0.6)
            await self.until(lambda: self.kinds("warning_draft"))
            warnings = self.warnings()
            await self.receipted()
            before = await self.end(collector)
            await asyncio.to_thread(lose, house)
            await house.up("collector", "collector", "run")
            await self.until(lambda: self.entries("gap"))
            # The same outage is drafted again, as another warning.
            await self.until(lambda: self.kinds("warning_draft", after=max(before)))
            self.judge(before, warnings)
            await self.until(lambda: set(histories.told(house.county)) <= set(self.numbers()))
        finally:
            await house.children.close()
        numbers = self.numbers()
        assert len(numbers) == len(set(numbers))
        assert histories.chain_faults(house.county) == []

    def judge(self, before: list[int], warnings: set[str]) -> None:
        (gap, *others) = self.entries("gap")
        assert not others
        assert (gap["office"], gap["to"]) == (town.OFFICE, max(before))
        assert gap["warning"] == max(warnings)
        told = [json.loads(text)["subject"]["zh"] for _, text in self.payloads(after=max(before))]
        assert sum("不在县级存储中" in subject for subject in told) == 1
        assert f"N-{gap['from']:06d}" in " ".join(told)
        assert self.warnings(after=max(before))
        assert not self.warnings(after=max(before)) & warnings
        assert histories.told(self.house.county)[-1] > max(before)

    async def copy(self, name: str) -> None:
        path = str(self.house.folder / name)
        done = await asyncio.to_thread(self.house.command, "collector", "backup", path)
        assert done.returncode == 0, done.stderr

    def silence(self, share: float) -> None:
        addresses = list(self.house.devices.by_address)
        for address in addresses[: int(len(addresses) * share)]:
            self.house.devices.silence(address, LONG_S)

    async def receipted(self) -> None:
        """Until the office holds every notice of the journal, and stays so for a moment."""
        await self.until(lambda: set(histories.told(self.house.county)) <= set(self.numbers()))

    async def end(self, collector: Child) -> list[int]:
        """Kill it; the numbers that the office holds then."""
        await collector.kill()
        self.house.children.forget(collector)
        await self.heard_out()
        return self.numbers()

    async def heard_out(self) -> None:
        """What was on its way to the office has come: so has what it refuses, sent behind it."""
        topic = Topics(town.CODE, TREE).office(OfficeId(town.OFFICE), "notice")
        async with aiomqtt.Client("127.0.0.1", self.port, timeout=LIMIT_S) as client:
            await client.publish(topic, b"{}", qos=1)
        folder = self.office.parent / "refused"
        await self.until(lambda: list(folder.glob("*.refused")))

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(LIMIT_S):
            while True:
                try:
                    if condition():
                        return
                except (sqlite3.OperationalError, FileNotFoundError):
                    pass  # not there yet
                await asyncio.sleep(0.1)

    def entries(self, kind: str) -> list[dict[str, Any]]:
        with closing(open_readonly(self.house.county)) as db:
            return [json.loads(row.json) for row in journal(db) if row.kind == kind]

    def payloads(self, after: int = 0) -> list[tuple[str, str]]:
        """Kind and text of each notice that the office holds with a number above ``after``."""
        with closing(open_readonly(self.office)) as db:
            rows = db.execute("SELECT kind, signed FROM notice WHERE number > ?", (after,))
            return [(kind, json.loads(signed)["payload"]) for kind, signed in rows]

    def kinds(self, kind: str, after: int = 0) -> list[str]:
        return [text for found, text in self.payloads(after) if found == kind]

    def warnings(self, after: int = 0) -> set[str]:
        texts = [text for _, text in self.payloads(after)]
        return {w for w in (json.loads(text)["warning_id"] for text in texts) if w}

    def numbers(self) -> list[int]:
        return histories.heard(self.office)
