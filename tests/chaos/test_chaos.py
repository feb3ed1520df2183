"""Sixty SIGKILLs of agents, broker, collector and office client: nothing lost, nothing twice.

The long form is ``make chaos``. The judge has tests of its own: one that finds nothing proves
nothing.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.chaos import histories
from tests.chaos.storm import Point, Storm
from tests.peers import mosquitto

POINTS = [
    Point(call, number) for call, numbers in (("fdatasync", range(2, 7)), ("sendto", range(3, 14)))
    for number in numbers
]  # fmt: skip
"""A collector's first syncs and sends: its start, the first turn, the notices that wait."""

SAID = {"d": [(1, 10.0), (2, 11.0), (3, 12.0), (4, 13.0)]}


@pytest.mark.peers
@pytest.mark.timeout(600)
def test_sixty_kills_lose_double_and_reorder_nothing(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        verdict = asyncio.run(Storm(tmp_path, broker, seed=20_221_122).run(kills=60))
    assert verdict.faults == []
    assert set(verdict.kills) == {"cmcc", "cucc", "broker", "collector", "office"}
    assert verdict.numbers > 1000
    assert verdict.notices > 0


@pytest.mark.peers
@pytest.mark.timeout(600)
def test_a_collector_that_ends_at_any_sync_or_send_loses_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    with mosquitto(tmp_path) as broker:
        verdict = asyncio.run(Storm(tmp_path, broker, seed=1).run_points("collector", POINTS))
    assert verdict.faults == []
    assert verdict.notices > 0
    assert verdict.points["fdatasync"] == 5
    assert verdict.points["ack"]
    assert verdict.points["notice"]


@pytest.mark.parametrize(
    ("got", "kills", "fault"),
    [
        ({"state": [1, 2, 3, 4]}, [], ""),
        ({"state": [1, 4], "history": [2, 3]}, [], ""),
        ({"state": [1, 2, 4]}, [], "d: 3 lost"),
        ({"state": [1, 2, 4]}, [12.5], ""),
        ({"state": [1, 2, 4]}, [11.5], "d: 3 lost"),
        ({"state": [1, 2, 4]}, [30.0], "d: 3 lost"),
        ({"state": [1, 2]}, [30.0], ""),
        ({"state": [1]}, [30.0], "d: 2 lost"),
        ({"state": [1, 3]}, [12.5, 30.0], "d: 2 lost"),
        ({"state": [1, 3]}, [11.5, 30.0], ""),
        ({"state": [1, 2, 2, 3, 4]}, [], "d: 2 applied 2 times"),
        ({"state": [1, 2, 2, 3, 4]}, [11.5], ""),
        ({"state": [1, 2, 2, 2, 3, 4]}, [11.5], "d: 2 applied 3 times"),
        ({"state": [1, 3, 4], "history": [2, 3]}, [], "d: 3 applied 2 times"),
        ({"state": [1, 2, 3, 4, 4]}, [], ""),
        ({"state": [1, 3, 2, 4]}, [], "d, lane state: out of order: [(3, 2)]"),
        ({}, [], "d: 1 lost"),
    ],
)
def test_the_judge_finds_what_is_lost_doubled_and_out_of_order(
    got: dict[str, list[int]], kills: list[float], fault: str
) -> None:
    found = histories.judge(SAID, {"d": got}, {"d": kills})
    assert found[:1] == ([fault] if fault else [])


def test_the_judge_finds_rows_and_notices_that_are_missing() -> None:
    assert histories.row_faults({("a", "state", 7): [3, 4, 5]}) == []
    assert histories.row_faults({("a", "state", 7): [3, 5]}) != []
    assert histories.row_faults({("a", "state", 7): [3, 3]}) != []
    assert histories.notice_faults([1, 2, 3], [1, 2, 3]) == []
    for stored in ([1, 3], [1, 2, 2, 3], [1, 3, 2], [1, 2, 3, 4]):
        assert histories.notice_faults([1, 2, 3], stored) != []
