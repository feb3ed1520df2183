"""Whatever version wrote the store, and whatever became of it since: a collector starts."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from collector import world as worlds
from collector.io.restore import MOST_BROKEN, Unusable
from collector.io.store import OfficeOutbox, Store, verify
from collector.model import Poison, decode_input
from tests.collector.house import House, Office, Speaker, running
from tests.collector.small import Hand, register
from tests.collector.small import county as made
from tests.collector.test_app import all_well, county, looks, speakers
from tests.collector.test_store import Keeper, begin, outage
from tests.peers import mosquitto
from wire.observation import Outcome


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "county.db", now_s=lambda: 1_800_000_000)
    opened.counter("store")
    opened.db.execute("UPDATE outbox_counter SET value = 1 WHERE name = 'store'")
    yield opened
    opened.close()


Change = Callable[[dict[str, Any]], None]


def rewrite(store: Store, change: Change, *, version: str = "0.0.9") -> None:
    """As if another version had written the newest snapshot, in its own shape."""
    n, blob = store.db.execute("SELECT n, blob FROM snapshot ORDER BY n DESC LIMIT 1").fetchone()
    document = orjson.loads(zlib.decompress(blob))
    change(document)
    store.db.execute(
        "UPDATE snapshot SET blob = ?, digest = '', version = ? WHERE n = ?",
        (zlib.compress(orjson.dumps(document)), version, n),
    )


def nothing(_: dict[str, Any]) -> None:
    """The same content, by another version."""


def without_new_fields(document: dict[str, Any]) -> None:
    del document["state"]["cares"], document["state"]["offices_poisoned"], document["stale"]
    for name in ("known_literal", "recent", "commands", "later", "reminders"):
        document["desk"].pop(name, None)
    for device in document["state"]["devices"].values():
        del device["hidden_by"]
        for alarm in device["alarms"].values():
            del alarm["penalty"], alarm["said"]


def with_fields_of_a_newer_one(document: dict[str, Any]) -> None:
    document["state"]["attested"] = {"cmcc": "full"}
    document["desk"]["shelved"] = []
    document["desk"]["situation"]["verdict"]["colour"] = "red"
    document["new part"] = 1
    for device in document["state"]["devices"].values():
        device["colour"] = "red"
        for alarm in device["alarms"].values():
            alarm["shelved"] = {"by": "li"}


def without_timers(document: dict[str, Any]) -> None:
    del document["timers"]


@pytest.mark.parametrize(
    "change", [nothing, without_new_fields, with_fields_of_a_newer_one, without_timers]
)
def test_a_snapshot_of_another_version_is_read_and_its_timers_go_on(
    store: Store, change: Change
) -> None:
    keeper = begin(store)
    outage(keeper)
    store.snapshot(keeper.world, keeper.now)
    assert keeper.impact("cmcc") == "none"
    rewrite(store, change)
    restored = store.restore()
    assert restored.replayed == 0
    assert not restored.as_written
    back = Hand(restored.world, now=keeper.now, seqs=keeper.seqs, rounds=keeper.rounds)
    assert back.status("cmcc-d1") == "down"
    back.pass_s(120)
    assert back.impact("cmcc") == "partial"
    back.everyone()
    back.pass_s(1200)
    assert back.impact("cmcc") == "none"


def test_fields_that_are_cut_out_are_named(store: Store) -> None:
    keeper = begin(store)
    outage(keeper)
    store.snapshot(keeper.world, keeper.now)
    rewrite(store, with_fields_of_a_newer_one)
    (loss,) = store.restore().losses
    assert "desk.situation.verdict.colour" in loss


def snapshots(store: Store) -> list[int]:
    return [n for (n,) in store.db.execute("SELECT n FROM snapshot ORDER BY n")]


def three_snapshots(store: Store) -> Keeper:
    keeper = begin(store)
    for _ in range(3):
        keeper.pass_s(60)
        store.snapshot(keeper.world, keeper.now)
    outage(keeper)
    assert len(snapshots(store)) == 3
    return keeper


def damage_blobs(store: Store, numbers: list[int]) -> None:
    for n in numbers:
        (blob,) = store.db.execute("SELECT blob FROM snapshot WHERE n = ?", (n,)).fetchone()
        broken = blob[:50] + bytes([blob[50] ^ 1]) + blob[51:]
        store.db.execute("UPDATE snapshot SET blob = ? WHERE n = ?", (broken, n))


@pytest.mark.parametrize("how_many", [1, 2, 3])
def test_damaged_blobs_are_passed_over_down_to_the_first_input(store: Store, how_many: int) -> None:
    keeper = three_snapshots(store)
    numbers = snapshots(store)
    damage_blobs(store, numbers[-how_many:])
    restored = store.restore()
    assert worlds.state_hash(restored.world) == worlds.state_hash(keeper.world)
    from_n = numbers[-how_many - 1] if how_many < 3 else 0
    assert restored.replayed == store.last_input - from_n
    assert len(restored.notes) >= how_many
    assert not restored.losses


def test_without_any_snapshot_the_inputs_say_all(store: Store) -> None:
    keeper = three_snapshots(store)
    store.db.execute("DELETE FROM snapshot")
    assert not store.empty
    restored = store.restore()
    assert worlds.state_hash(restored.world) == worlds.state_hash(keeper.world)


def test_of_this_version_what_reads_differently_is_the_last_resort(store: Store) -> None:
    keeper = three_snapshots(store)
    store.db.execute("UPDATE snapshot SET state_hash = 'x'")
    restored = store.restore()
    assert restored.replayed == store.last_input
    assert sum("does not read as it was written" in note for note in restored.notes) == 3
    store.db.execute("DELETE FROM input WHERE n = 1")
    assert worlds.state_hash(store.restore().world) == worlds.state_hash(keeper.world)
    assert not store.restore().losses


def test_an_input_of_a_newer_version_is_stepped_over_and_its_lane_goes_on(store: Store) -> None:
    keeper = begin(store)
    outage(keeper)
    rows = store.db.execute(
        "SELECT n, blob FROM input WHERE kind = 'received' ORDER BY n DESC LIMIT 1"
    ).fetchall()
    (n, blob), *_ = rows
    head, _, body = blob.partition(b"\n")
    newer = json.loads(body)
    newer["items"][0]["colour"] = "red"
    store.db.execute(
        "UPDATE input SET blob = ? WHERE n = ?", (head + b"\n" + orjson.dumps(newer), n)
    )
    store.db.execute("UPDATE input SET kind = 'newer' WHERE n = (SELECT max(n) FROM input)")
    restored = store.restore()
    assert len(restored.losses) == 2
    assert restored.world.receiver.peers() == keeper.world.receiver.peers()
    agent = json.loads(head)["sender"]
    assert restored.world.agent(agent).poisoned == 1
    assert restored.world.state.marks == keeper.world.state.marks
    assert Hand(restored.world).status("cmcc-d1") == "down"


def test_an_input_that_cannot_be_applied_is_stepped_over(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = begin(store)
    outage(keeper)
    store.db.execute("UPDATE input SET kind = 'poison', blob = ? WHERE n = 7", (POISON,))
    assert decode_input("poison", POISON).__class__ is Poison

    def fall(*_: object) -> None:
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr(worlds, "poisoned", fall)
    restored = store.restore()
    assert any("input 7 cannot be applied: ZeroDivisionError" in loss for loss in restored.losses)
    assert Hand(restored.world).status("cmcc-d1") == "down"


POISON = b'{"sender":"agent-cmcc","lane":"state","epoch":2,"seq":1,"check":0,"reason":"x"}'


def test_too_much_damage_is_no_world(store: Store) -> None:
    begin(store).pass_s(30 * MOST_BROKEN)
    store.db.execute("UPDATE input SET blob = x'00'")
    store.db.execute("UPDATE snapshot SET blob = x'00'")
    with pytest.raises(Unusable, match="cannot be used"):
        store.restore()


def test_a_configuration_that_nobody_can_read_has_a_stand_in(store: Store) -> None:
    keeper = begin(store)
    outage(keeper)
    store.snapshot(keeper.world, keeper.now)
    other = made(register(sites=12))
    store.keep(other, keeper.now)
    store.db.execute("UPDATE config SET json = x'00' WHERE hash = ?", (keeper.world.county.hash,))
    store._counties.clear()
    restored = store.restore()
    assert restored.world.county.hash == other.hash
    back = Hand(restored.world, now=keeper.now, seqs=keeper.seqs, rounds=keeper.rounds)
    back.pass_s(120)
    assert back.status("cmcc-d1") == "down"
    assert back.impact("cmcc") == "partial"


def test_a_configuration_of_a_newer_version_is_read_without_what_is_new(store: Store) -> None:
    keeper = begin(store)
    store.snapshot(keeper.world, keeper.now)
    newer = orjson.loads(keeper.world.county.raw)
    newer["policy"]["site"]["colour"] = 1
    store.db.execute("UPDATE config SET json = ?", (zlib.compress(orjson.dumps(newer)),))
    store._counties.clear()
    restored = store.restore()
    assert restored.world.county.hash == keeper.world.county.hash
    assert restored.world.county.bundle == keeper.world.county.bundle


def test_a_store_of_a_newer_version_is_gone_on_with(store: Store, tmp_path: Path) -> None:
    keeper = begin(store)
    store.db.execute("ALTER TABLE snapshot ADD COLUMN colour TEXT NOT NULL DEFAULT ''")
    store.db.execute("ALTER TABLE journal ADD COLUMN colour TEXT NOT NULL DEFAULT ''")
    store.db.execute("CREATE TABLE shelf (n INTEGER)")
    store.db.execute("PRAGMA user_version = 99")
    store.close()
    back = Store.open(tmp_path / "county.db", now_s=lambda: 1_800_000_000)
    keeper.store = back
    keeper.pass_s(60)
    back.snapshot(keeper.world, keeper.now)
    assert back.restore().as_written
    assert verify(back.db)[2] == []
    back.close()


def test_what_is_put_aside_is_kept_and_the_journal_goes_on(store: Store) -> None:
    keeper = begin(store)
    outage(keeper)
    rows, highest = store.journal_n, OfficeOutbox(store, "office").lane("notice").highest
    last = store.last_input
    store.db.execute("UPDATE input SET blob = x'00'")
    store.snapshot(keeper.world, keeper.now)
    kept = store.begin_anew()
    anew = worlds.new(keeper.world.county, store=2, now_ms=keeper.now, number=store.last_notice)
    store.snapshot(anew, keeper.now)
    assert store.db.execute(f"SELECT count(*) FROM input_{kept}").fetchone() == (last,)
    back = Keeper(anew, now=keeper.now)
    back.store = store
    back.everyone()
    assert store.journal_n > rows
    assert store.db.execute("SELECT min(n) FROM input").fetchone() == (last + 1,)
    outage(back)
    assert OfficeOutbox(store, "office").lane("notice").highest > highest
    numbers = [notice.number for notice in (*keeper.notices(), *back.notices())]
    assert numbers == list(range(1, len(numbers) + 1))


# ── As processes ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with mosquitto(tmp_path) as broker:
        made = House(tmp_path, broker.port, county())
        yield made
        made.close()


def database(house: House) -> Path:
    return house.folder / "state" / "county.db"


def spoil_rows(path: Path) -> None:
    db = sqlite3.connect(path)
    with db:
        db.execute("UPDATE snapshot SET blob = x'00'")
        db.execute("UPDATE input SET blob = x'00'")
        db.execute("DELETE FROM config")
    db.close()


def spoil_file(path: Path) -> None:
    path.write_bytes(b"no database at all" * 4096)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


async def two_rounds(house: House, agent: Speaker) -> None:
    """Two devices do not answer, and a second round confirms it."""
    agent.say(looks(house, Outcome.NO_ANSWER, "cmcc-d1", "cmcc-d2"))
    await agent.drained()
    agent.say(looks(house, Outcome.MEASURED, "cmcc-d3"))


@pytest.mark.peers
@pytest.mark.parametrize("spoil", [spoil_rows, spoil_file])
async def test_a_store_beyond_repair_is_begun_anew_and_the_office_hears_of_it(
    house: House, spoil: Callable[[Path], None]
) -> None:
    house.start()
    agents, office = speakers(house), Office(house)
    async with running(*agents, office):
        await all_well(house, agents)
        await two_rounds(house, agents[0])
        told = list(await office.until("incident", "warning_draft"))
        assert await asyncio.to_thread(house.end, signal.SIGTERM) == 0
        spoil(database(house))
        office.notices.clear()
        await asyncio.to_thread(house.start)
        first = next(one for one in await office.until("health") if one.notice_kind == "health")
        assert "请人工核对" in first.subject.zh
        if spoil is spoil_rows:
            assert first.number > told[-1].number
        await all_well(house, agents)
        await two_rounds(house, agents[0])
        await office.until("incident", "warning_draft")
    assert house.end(signal.SIGTERM) == 0
    assert any(str(line.get("level")) == "error" and "anew" in str(line) for line in house.log) or (
        spoil is spoil_file
    )
    verified = house.cli("journal", "verify")
    assert verified.returncode == 0, verified.stdout
    assert '"kept":' in house.cli("journal", "show", "--kind", "store_anew").stdout
    if spoil is spoil_file:
        assert list(database(house).parent.glob("county.db.damaged-*"))


@pytest.mark.peers
async def test_an_upgrade_in_the_middle_of_an_outage_goes_on(house: House) -> None:
    house.start()
    agents, office = speakers(house), Office(house)
    async with running(*agents, office):
        await all_well(house, agents)
        agents[0].say(looks(house, Outcome.NO_ANSWER, "cmcc-d1", "cmcc-d2"))
        await agents[0].drained()
        assert await asyncio.to_thread(house.end, signal.SIGTERM) == 0
        store = Store.open(database(house), now_s=lambda: 0)
        rewrite(store, with_fields_of_a_newer_one_early)
        store.close()
        assert (await asyncio.to_thread(house.cli, "status")).returncode == 0
        await asyncio.to_thread(house.start)
        agents[0].say(looks(house, Outcome.MEASURED, "cmcc-d3"))
        await office.until("incident", "warning_draft")
    assert house.end(signal.SIGTERM) == 0
    assert house.cli("journal", "verify").returncode == 0


def with_fields_of_a_newer_one_early(document: dict[str, Any]) -> None:
    document["state"]["attested"] = {"cmcc": "full"}
    document["desk"]["shelved"] = []
