from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector import world as worlds
from collector.county import County
from collector.io.pictures import develop_beside
from collector.io.store import OfficeOutbox, Store, open_readonly, verify
from collector.model import Input, Reconfigured, Tick
from escalation.effects import Effect
from tests.collector.small import POLICY, T0, Hand, county, devices, register
from wire.notice import Notice, Signed
from wire.observation import Outcome


def sign(notice: Notice) -> Signed:
    return Signed(context="notice", key="collector", sig="", payload=notice.model_dump_json())


class Keeper(Hand):
    """A hand whose every turn is committed."""

    store: Store

    def turn(self, *given: Input) -> list[Effect]:
        made = super().turn(*given)
        self.store.commit(self.now, (*given, Tick()), made, sign)
        self.world.receiver.committed()
        return made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "county.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    opened = Store.open(path, now_s=lambda: 1_800_000_000)
    yield opened
    opened.close()


def begin(store: Store, made: County | None = None) -> Keeper:
    made = made or county()
    store.keep(made, T0)
    keeper = Keeper(worlds.new(made, store=1, now_ms=T0))
    keeper.store = store
    store.snapshot(keeper.world, T0)
    keeper.everyone()
    return keeper


def outage(keeper: Keeper) -> None:
    keeper.looks(Outcome.NO_ANSWER, *devices("cmcc", 1, 3, 5))
    keeper.pass_s(300)


def test_a_restart_is_the_same_world_without_new_notices(store: Store, path: Path) -> None:
    keeper = begin(store)
    outage(keeper)
    box = OfficeOutbox(store, "office")
    highest, rows = box.lane("notice").highest, store.journal_n
    assert highest > 0
    store.close()

    again = Store.open(path, now_s=lambda: 1_800_000_100)
    restored = again.restore()
    assert restored.replayed > 10
    assert restored.last_input == again.last_input
    assert worlds.state_hash(restored.world) == worlds.state_hash(keeper.world)
    assert OfficeOutbox(again, "office").lane("notice").highest == highest
    assert again.journal_n == rows

    # The timers go on: the operator becomes partial at the same moment as without the restart.
    back = Keeper(restored.world, now=keeper.now, seqs=keeper.seqs, rounds=keeper.rounds)
    back.store = again
    back.pass_s(120)
    keeper.store = again
    assert back.impact("cmcc") == "partial"
    again.close()


def test_snapshots_are_bounded_and_a_damaged_one_is_passed_over(store: Store) -> None:
    keeper = begin(store)
    for _ in range(5):
        keeper.pass_s(60)
        store.snapshot(keeper.world, keeper.now)
    keeper.pass_s(60)
    numbers = [n for (n,) in store.db.execute("SELECT n FROM snapshot ORDER BY n")]
    assert len(numbers) == 3
    assert store.restore().replayed == store.last_input - numbers[-1]
    store.db.execute("UPDATE snapshot SET state_hash = 'x' WHERE n = ?", (numbers[-1],))
    restored = store.restore()
    assert restored.replayed == store.last_input - numbers[-2]
    assert worlds.state_hash(restored.world) == worlds.state_hash(keeper.world)


def test_a_changed_configuration_is_an_input_and_replays(store: Store) -> None:
    keeper = begin(store)
    outage(keeper)
    site = POLICY.site.model_copy(update={"out_hold_s": 60})
    other = county(register(sites=12), policy=POLICY.model_copy(update={"site": site}))
    store.keep(other, keeper.now)
    given = Reconfigured(other.hash)
    effects: list[Effect] = []
    for one in (given, Tick()):
        effects += worlds.step(keeper.world, keeper.now, one, store.resolve)
    store.commit(keeper.now, (given, Tick()), effects, sign)
    keeper.pass_s(60)
    assert keeper.world.county.hash == other.hash
    restored = store.restore()
    assert restored.world.county.hash == other.hash
    assert worlds.state_hash(restored.world) == worlds.state_hash(keeper.world)


def test_nothing_of_a_failed_turn_is_on_disk(store: Store) -> None:
    keeper = begin(store)
    before = (store.last_input, store.journal_n, store.journal_head)
    store.db.execute(
        "CREATE TRIGGER refuse BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'disk'); END"
    )
    with pytest.raises(sqlite3.IntegrityError):
        outage(keeper)
    store.db.execute("DROP TRIGGER refuse")
    assert store.last_input >= before[0]
    assert (store.journal_n, store.journal_head) == before[1:]
    assert store.restore().last_input == store.last_input


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("UPDATE journal SET json = '{}' WHERE n = 3", "row 3"),
        ("UPDATE journal SET at_ms = 1 WHERE n = 2", "row 2"),
        ("DELETE FROM journal WHERE n = 2", "row 2 is missing"),
        ("UPDATE input SET blob = x'00' WHERE n = 4", "inputs"),
        ("DELETE FROM input WHERE n = 5", "inputs"),
    ],
)
def test_verify_finds_what_was_changed(store: Store, path: Path, damage: str, told: str) -> None:
    keeper = begin(store)
    outage(keeper)
    store.snapshot(keeper.world, keeper.now)
    reader = open_readonly(path)
    rows, head, faults = verify(reader)
    assert (rows, head, faults) == (store.journal_n, store.journal_head, [])
    store.db.execute(damage)
    _, _, faults = verify(reader)
    assert any(told in fault for fault in faults), faults
    reader.close()


def test_a_cut_tail_is_seen_by_its_head(store: Store, path: Path) -> None:
    keeper = begin(store)
    outage(keeper)
    head = store.journal_head
    store.db.execute("DELETE FROM journal WHERE n = ?", (store.journal_n,))
    reader = open_readonly(path)
    assert verify(reader)[1] != head
    reader.close()


def test_a_store_without_a_county_has_no_reader(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_readonly(tmp_path / "none.db")


def test_sample_marks_are_kept(store: Store) -> None:
    dice = random.Random(1)
    marks = {f"agent-{n}": (1, dice.randrange(99), dice.randrange(99)) for n in range(3)}
    store.mark_samples(marks)
    store.mark_samples({"agent-0": (2, 1, 7)})
    assert store.sample_marks() == {**marks, "agent-0": (2, 1, 7)}


def test_a_picture_is_made_ready_beside_the_turns_that_follow_it(store: Store, path: Path) -> None:
    keeper = begin(store)
    outage(keeper)
    draft = store.draft(keeper.world)
    keeper.pass_s(120)
    assert store.last_input > draft.upto
    store.keep_picture(draft, develop_beside(path, draft), keeper.now)
    keeper.pass_s(60)
    assert store.last_snapshot == draft.upto
    restored = store.restore()
    assert 0 < restored.replayed == store.last_input - draft.upto
    assert worlds.state_hash(restored.world) == worlds.state_hash(keeper.world)
    assert verify(store.db)[2] == []
    store.snapshot(keeper.world, keeper.now)
    assert verify(store.db)[2] == []
