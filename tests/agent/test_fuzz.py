"""Ten thousand damaged datagrams for each reader; their steps are counted, not their time."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from tests.agent import fuzz
from tests.agent.fuzz import Case

CASES = {name: case for name, case in fuzz.cases().items() if name != "traps"}  # these have theirs


def steps(case: Case, data: bytes) -> int:
    """Calls of Python functions and of built-in ones that reading these octets takes."""
    count = 0

    def tick(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(tick)
    try:
        case.take(data)
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("name", CASES)
def test_nothing_escapes_and_no_datagram_takes_more_steps_than_its_length_allows(name: str) -> None:
    case = CASES[name]
    for data in fuzz.damaged(case, 10_000, seed=4):
        case.take(data)
    for data in fuzz.damaged(case, 500, seed=5):
        assert steps(case, data) < 2000 + 20 * len(data)


def test_a_whole_run_says_what_it_found(capsys: pytest.CaptureFixture[str]) -> None:
    fuzz.run(1000, seed=6)  # its verdict is about time, which is no matter here
    said = capsys.readouterr().out
    assert all(name in said for name in fuzz.cases())
