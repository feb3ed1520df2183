"""Outboxes lost or restored from an old copy, and lanes that are retired (FAULTS F8, F13)."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from transport.io.outbox import Outbox, Quota, Row

NOW_S = 1_700_000_000
QUOTAS = {
    "state": Quota(1_000_000),
    "history": Quota(1_000_000),
    "sample": Quota(200_000, thin=True),
}


def opened(folder: Path, now_s: int = NOW_S) -> Outbox:
    return Outbox.open(folder / "agent.db", now_s=lambda: now_s, quotas=QUOTAS)


def rows(*numbers: int) -> list[Row]:
    return [Row("n", 1000 + number, str(number).encode()) for number in numbers]


def bodies(box: Outbox, lane: str) -> list[int]:
    found = box.rows(lane, box.lane(lane).acked + 1, most=999, size=10**9)
    return [json.loads(row.body) for row in found]


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Outbox]:
    box = opened(tmp_path)
    yield box
    box.close()


def copy(folder: Path, to: str) -> None:
    (folder / to).mkdir()
    for path in folder.glob("agent.db*"):
        shutil.copy(path, folder / to / path.name)


def test_an_old_copy_is_noticed_and_what_was_acknowledged_does_not_come_again(
    tmp_path: Path,
) -> None:
    box = opened(tmp_path)
    box.append({"state": rows(1, 2, 3, 4)})
    box.acknowledge("state", 1, store=7)
    box.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    copy(tmp_path, "copy")
    box.append({"state": rows(5, 6)})
    box.acknowledge("state", 3, store=7)
    box.close()
    shutil.copy(tmp_path / "copy" / "agent.db", tmp_path / "agent.db")
    again = opened(tmp_path)
    assert again.past.old == ("state",)
    assert again.lane("state").epoch > NOW_S
    assert bodies(again, "state") == [4]
    again.close()
    assert opened(tmp_path).past.old == ()  # said once


def test_a_deleted_outbox_begins_above_its_mark_whatever_the_clock_says(tmp_path: Path) -> None:
    box = opened(tmp_path)
    box.append({"state": rows(1)})
    box.close()
    for path in [tmp_path / "agent.db", *tmp_path.glob("agent.db-*")]:
        path.unlink()
    later = opened(tmp_path, now_s=NOW_S - 86_400)
    assert later.past.lost
    assert later.lane("state").epoch == NOW_S + 1
    later.close()


def test_a_mark_that_is_no_mark_is_none(tmp_path: Path) -> None:
    opened(tmp_path).close()
    (tmp_path / "agent.db.mark").write_bytes(b'{"state": ["x"]}')
    box = opened(tmp_path)
    assert box.past.old == ()
    box.close()


def test_killed_at_any_moment_an_outbox_is_never_behind_its_mark(tmp_path: Path) -> None:
    box = opened(tmp_path)
    for number in range(1, 8):
        box.append({"state": rows(number)})
        box.acknowledge("state", number, store=1)
        box._mark(force=True)
        copy(tmp_path, f"at{number}")  # as a SIGKILL would leave it
        other = opened(tmp_path / f"at{number}")
        assert other.past.old == ()
        other.close()
    box.close()


def test_a_retired_lane_keeps_order_and_origin_wherever_its_rows_lie(box: Outbox) -> None:
    box.append({"state": rows(*range(1, 8)), "sample": rows(100)})
    box.acknowledge("state", 2, store=4)
    epoch = box.lane("state").epoch
    box.retire("state", "history")
    state, history = box.lane("state"), box.lane("history")
    assert (state.acked, state.highest, state.bytes) == (0, 0, 0)
    assert state.epoch > epoch
    assert state.store == 4
    assert (history.acked, history.highest) == (0, 5)
    assert bodies(box, "history") == [3, 4, 5, 6, 7]
    box.append({"state": rows(8, 9)})
    box.acknowledge("history", 2, store=4)
    second = box.lane("state").epoch
    box.retire("state", "history")  # behind what is still there
    found = box.rows("history", 3, most=99, size=10**9)
    assert [int(row.body) for row in found] == [5, 6, 7, 8, 9]
    assert [row.was for row in found] == [
        (epoch, 5), (epoch, 6), (epoch, 7), (second, 1), (second, 2),
    ]  # fmt: skip
    assert [row.seq for row in found] == [3, 4, 5, 6, 7]
    box.renumber("history", above=0, store=4)
    assert [row.was for row in box.rows("history", 1, most=2, size=999)] == [(epoch, 5), (epoch, 6)]
    box.append({"state": rows(10)})
    assert box.rows("state", 1, most=9, size=99)[0].was is None
    assert bodies(box, "sample") == [100]


def test_retiring_again_and_again_loses_and_doubles_nothing(box: Outbox) -> None:
    number, got = 0, []
    for turn in range(12):
        fresh = list(range(number + 1, number + 4))
        number += 3
        box.append({"state": rows(*fresh)})
        assert {row.was for row in box.rows("state", 1, most=9, size=999)} == {None}
        origin = [(box.lane("state").epoch, seq) for seq in (1, 2, 3)]
        box.retire("state", "history")
        found = box.rows("history", box.lane("history").highest - 2, most=9, size=999)
        assert [row.was for row in found] == origin
        if turn % 3 == 2:
            info = box.lane("history")
            got += bodies(box, "history")
            box.acknowledge("history", info.highest, store=1)
    assert got == list(range(1, number + 1))
    assert box.lane("history").bytes == box.lane("state").bytes == 0


def test_a_row_of_history_says_what_it_was_also_where_others_lay_before(box: Outbox) -> None:
    """Else the collector steps over it as one that it has, and it is lost."""
    was: dict[int, tuple[int, int]] = {}
    number = 0
    for turn in range(40):
        for _ in range(1 + 7 * turn % 5):
            number += 1
            box.append({"state": rows(number)})
            info = box.lane("state")
            was[number] = (info.epoch, info.highest)
        box.acknowledge("state", min(turn % 3, box.lane("state").highest), store=1)
        box.retire("state", "history")
        history = box.lane("history")
        found = box.rows("history", history.acked + 1, most=999, size=10**9)
        assert [row.was for row in found] == [was[int(row.body)] for row in found]
        gone = history.highest if turn % 4 else history.acked + (turn % 2)
        box.acknowledge("history", gone, store=1)
        number += 1
        box.append({"state": rows(number)})
        info = box.lane("state")
        was[number] = (info.epoch, info.highest)
        assert box.rows("state", info.highest, most=1, size=99)[0].was is None
