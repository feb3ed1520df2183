"""A World's picture by a child process: the same as one made here, and nothing is lost without."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from collector import world as worlds
from collector.base import World
from collector.io import copied
from collector.io.pictures import develop
from collector.io.store import Store, verify
from tests.collector.test_store import begin, outage


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "county.db"


def test_a_child_makes_the_picture_of_the_moment_while_turns_go_on(path: Path) -> None:
    store = Store.open(path, now_s=lambda: 1_800_000_000)
    keeper = begin(store)
    outage(keeper)
    before = store.draft(keeper.world)
    file = path.with_name("picture.part")
    draft = store.mark()
    child = copied.begin(keeper.world, file)
    keeper.pass_s(120)
    picture = copied.finish(child, file, path, draft)
    assert picture == develop(store.db, before)
    assert not file.exists()
    assert picture is not None
    store.keep_picture(draft, picture, keeper.now)
    keeper.pass_s(60)
    restored = store.restore()
    assert restored.replayed == store.last_input - draft.upto > 0
    assert worlds.state_hash(restored.world) == worlds.state_hash(keeper.world)
    assert verify(store.db)[2] == []
    store.close()


def test_a_child_that_fails_or_is_killed_gives_none(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(path, now_s=lambda: 1_800_000_000)
    keeper = begin(store)
    file = path.with_name("picture.part")

    def fails(_world: World) -> bytes:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(worlds, "dump", fails)
        child = copied.begin(keeper.world, file)
    assert copied.finish(child, file, path, store.mark()) is None
    child = copied.begin(keeper.world, file)
    os.kill(child, signal.SIGKILL)
    found = copied.finish(child, file, path, store.mark())
    assert found is None or found == develop(store.db, store.draft(keeper.world))
    assert not file.exists()
    store.close()
