"""The store copied beside its running collector, put back, and what everybody says after that."""

from __future__ import annotations

import asyncio
import csv
import json
import re
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import orjson
import pytest
from openpyxl import load_workbook

from bench import town
from bench.ground import Ground, wait_ready
from collector.io.backup import BackupFault, back_up, examine, origin, put_back, settle
from collector.io.export import CannotExport, write
from collector.io.journal import journal, open_readonly
from collector.io.store import Store
from config.register import Register
from drill.children import Child, Children, wanglou
from escalation.effects import Record
from tests.chaos import histories
from tests.chaos.devices import PROFILE, Devices
from tests.peers import mosquitto
from transport.io.sqlite import transaction

AGENT = town.OPERATORS[0]
PATIENCE_S = 60.0


class House:
    """A broker, a collector, an agent, an office client and devices that count."""

    def __init__(self, folder: Path, port: int, devices: Devices, names: list[str]) -> None:
        self.folder, self.devices, self.names = folder, devices, names
        (folder / "log").mkdir()
        self.children = Children(folder / "log")
        self.place = Ground(folder, self.children, port, scale=60.0)
        self.county = folder / "collector" / "county.db"

    def command(self, *argv: str) -> subprocess.CompletedProcess[str]:
        whole = [*wanglou(), *argv, "--config", str(self.place.config("collector"))]
        return subprocess.run(whole, capture_output=True, text=True, check=False, timeout=60)

    async def up(self, name: str, *argv: str) -> Child:
        child = await self.place.start(name, *argv)
        await wait_ready(child)
        return child

    async def until_new(self, path: Path) -> None:
        """Until every device's number of now, or a later one, was applied."""
        wanted = {
            name: one.said[-1][0] if one.said else 1
            for name, one in zip(self.names, self.devices.by_address.values(), strict=True)
        }
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    got = histories.latest(path)
                    if all(got.get(name, 0) >= number for name, number in wanted.items()):
                        return
                except sqlite3.OperationalError:
                    pass
                await asyncio.sleep(0.1)


@pytest.mark.peers
@pytest.mark.timeout(300)
def test_a_store_restored_from_a_backup_goes_on_and_names_the_gap(tmp_path: Path) -> None:
    register = town.register(0, (AGENT,))
    names = [device.id for device in register.devices]
    addresses = [f"127.78.0.{number + 1}" for number in range(len(names))]
    with mosquitto(tmp_path) as broker, Devices(addresses) as devices:
        house = House(tmp_path, broker.port, devices, names)
        asyncio.run(_lost_and_restored(house, register, addresses))


async def _lost_and_restored(house: House, register: Register, addresses: list[str]) -> None:
    place, copy = house.place, house.folder / "copies" / "monday.db"
    (house.folder / "profiles").mkdir()
    (house.folder / "profiles" / "count.toml").write_text(PROFILE)
    place.write_county(register, profiles_dir="profiles")
    rows = [
        (name, address, house.devices.port, "read", "count", "no")
        for name, address in zip(house.names, addresses, strict=True)
    ]
    place.write_agent(AGENT, rows, interval_s=1, profiles_dir="profiles")
    try:
        collector = await house.up("collector", "collector", "run")
        await house.up("office", "office", "watch", "--json")
        await house.up(f"agent-{AGENT}", "agent", "run")
        await house.until_new(house.county)

        made = await asyncio.to_thread(house.command, "collector", "backup", str(copy))
        assert made.returncode == 0, made.stderr
        assert "every hash is sound" in made.stdout
        again = await asyncio.to_thread(house.command, "collector", "backup", str(copy))
        assert "name a new file" in again.stderr
        refused = await asyncio.to_thread(house.command, "collector", "restore", str(copy))
        assert refused.returncode == 1
        assert "stop it first" in refused.stderr

        await house.until_new(house.county)
        before = histories.applied(house.county)
        await collector.kill()
        house.children.forget(collector)
        done = await asyncio.to_thread(house.command, "collector", "restore", str(copy))
        assert done.returncode == 0, done.stderr
        aside = re.search(r"kept as (\S+)", done.stdout)
        assert aside is not None
        assert histories.applied(Path(aside[1])) == before

        await house.up("collector", "collector", "run")
        house.devices.freeze()
        await house.until_new(house.county)
        with closing(open_readonly(house.county)) as db:
            told = [json.loads(row.json) for row in journal(db) if row.kind == "started"]
            assert origin(db) == 0
        assert "restored from a backup" in json.dumps(told[-1])
    finally:
        await house.children.close()
    assert histories.chain_faults(house.county) == []
    got = histories.applied(house.county)
    for name, lanes in got.items():
        for lane, numbers in lanes.items():
            assert numbers == sorted(numbers), (name, lane)


def test_a_damaged_copy_and_what_is_no_copy_are_refused_by_name(tmp_path: Path) -> None:
    path, store = tmp_path / "copy.db", tmp_path / "county.db"
    with pytest.raises(BackupFault, match="there is no file"):
        examine(path)
    path.write_bytes(b"no database at all " * 300)
    with pytest.raises(BackupFault, match="no store of a collector"):
        put_back(path, store)
    assert not store.exists()
    with pytest.raises(FileNotFoundError):
        back_up(store, tmp_path / "copy2.db")
    assert not (tmp_path / "copy2.db.part").exists()


def test_a_copy_put_back_sets_the_store_aside_with_its_log_and_says_so_once(tmp_path: Path) -> None:
    path, copy = tmp_path / "county.db", tmp_path / "copy.db"
    store = Store.open(path, now_s=lambda: 1)
    with transaction(store.db):
        store._journal(1_700_000_000_000, [Record("note", {"text": "before"})])
    made = back_up(path, copy)
    with transaction(store.db):
        store.db.execute("INSERT INTO outbox_counter (name, value) VALUES ('later', 1)")
    found, aside = put_back(copy, path)  # as after a kill: what came later is in the log alone
    assert (found.rows, found.head) == (made.rows, made.head) == (1, found.head)
    assert aside is not None
    assert aside.with_name(f"{aside.name}-wal").stat().st_size > 0
    assert not path.with_name(f"{path.name}-wal").exists()
    assert path.stat().st_mode & 0o777 == 0o600
    store.close()
    with closing(sqlite3.connect(aside)) as db:
        assert db.execute("SELECT value FROM outbox_counter WHERE name = 'later'").fetchone()
    again = Store.open(path, now_s=lambda: 1)
    assert origin(again.db) == found.at_ms
    assert not again.db.execute("SELECT 1 FROM outbox_counter WHERE name = 'later'").fetchone()
    settle(again.db)
    assert origin(again.db) == 0
    again.close()


def test_the_journal_is_exported_whole_in_each_form(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "county.db", now_s=lambda: 1)
    with transaction(store.db):
        store.journal_n, store.journal_head = store._journal(
            1_700_000_000_000, [Record("note", {"text": f"第{n}行"}) for n in range(3)]
        )
    rows = list(journal(store.db))
    for suffix in ("jsonl", "csv", "xlsx"):
        write(store.db, tmp_path / f"journal.{suffix}")
    lines = (tmp_path / "journal.jsonl").read_bytes().splitlines()
    assert [orjson.loads(line)["hash"] for line in lines] == [row.hash for row in rows]
    assert orjson.loads(lines[0])["data"] == rows[0].json
    with (tmp_path / "journal.csv").open(encoding="utf-8-sig") as file:
        assert [row["hash"] for row in csv.DictReader(file)] == [row.hash for row in rows]
    sheet = load_workbook(tmp_path / "journal.xlsx").active
    assert sheet is not None
    assert [row[-1] for row in sheet.iter_rows(min_row=2, values_only=True)] == [
        row.hash for row in rows
    ]
    for name in ("journal.csv", "journal.txt"):
        with pytest.raises(CannotExport):
            write(store.db, tmp_path / name)
    store.close()
