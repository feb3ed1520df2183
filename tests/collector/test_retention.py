"""Old inputs go in whole segments, the chain stays sound, and the World comes back all the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from collector import world as worlds
from collector.io import retention
from collector.io.journal import FORGOTTEN, journal, newest
from collector.io.restore import Unusable
from collector.io.store import Store, verify
from tests.collector.small import T0, devices
from tests.collector.test_store import Keeper, begin
from wire.observation import Outcome

DAY = retention.DAY_MS


@pytest.fixture
def keeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Keeper]:
    """Ten days, a snapshot at the end of each, several looks a day."""
    monkeypatch.setattr(retention, "SLICE", 7)
    store = Store.open(tmp_path / "county.db", now_s=lambda: T0 // 1000)
    hand = begin(store)
    for _ in range(10):
        for outcome in (Outcome.NO_ANSWER, Outcome.MEASURED) * 3:
            hand.looks(outcome, *devices("cmcc", 1))
        hand.now += DAY
        store.snapshot(hand.world, hand.now)
    yield hand
    store.close()


def forget_all(store: Store, before_ms: int) -> int:
    """The slices that it took."""
    slices = 0
    while retention.forget(store, before_ms, before_ms + DAY):
        slices += 1
        assert slices < 1000
    return slices


def count(store: Store) -> int:
    return int(store.db.execute("SELECT count(*) FROM input").fetchone()[0])


def test_old_segments_go_and_the_chain_stays_sound(keeper: Keeper) -> None:
    before, was = worlds.state_hash(keeper.world), count(keeper.store)
    rows = len(list(journal(keeper.store.db)))
    assert forget_all(keeper.store, T0 + 5 * DAY) > 2
    left = count(keeper.store)
    assert 0 < left < was
    oldest = keeper.store.db.execute("SELECT min(at_ms) FROM input").fetchone()[0]
    assert oldest >= T0 + 4 * DAY
    assert len(list(journal(keeper.store.db))) == rows + 1
    assert verify(keeper.store.db)[2] == []
    assert worlds.state_hash(keeper.store.restore().world) == before


def test_what_a_restoration_needs_stays_however_old_it_is(keeper: Keeper) -> None:
    forget_all(keeper.store, T0 + 1000 * DAY)
    kept = keeper.store.db.execute("SELECT min(n) FROM snapshot").fetchone()[0]
    first = keeper.store.db.execute("SELECT min(n) FROM input").fetchone()[0]
    assert first == kept + 1
    newer = keeper.store.db.execute("SELECT max(n) FROM snapshot").fetchone()[0]
    keeper.store.db.execute("UPDATE snapshot SET blob = x'00' WHERE n = ?", (newer,))
    assert keeper.store.restore().replayed > 0
    keeper.store.db.execute("DELETE FROM snapshot")
    with pytest.raises(Unusable):
        keeper.store.restore()


def test_nothing_is_old_yet(keeper: Keeper) -> None:
    was = count(keeper.store)
    assert forget_all(keeper.store, T0) == 0
    assert count(keeper.store) == was
    assert newest(keeper.store.db, FORGOTTEN) == {}


def test_a_segment_that_was_changed_is_found_as_long_as_it_is_there(keeper: Keeper) -> None:
    forget_all(keeper.store, T0 + 3 * DAY)
    first = keeper.store.db.execute("SELECT min(n) FROM input").fetchone()[0]
    keeper.store.db.execute("UPDATE input SET at_ms = at_ms + 1 WHERE n = ?", (first,))
    assert verify(keeper.store.db)[2] != []
