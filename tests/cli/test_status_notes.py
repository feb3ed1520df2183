from __future__ import annotations

import pytest

from cli.status_board import _note


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"skew_ms": 4000, "clock_off": False, "clones_refused": 0}, ""),
        ({"skew_ms": -7_200_000, "clock_off": True}, "-7200 s"),
        ({"clones_refused": 1}, "clone refused"),
        ({"samples_given_up": 12, "no_space": True}, "no disk space；已舍弃采样"),
    ],
)
def test_what_has_to_be_known_of_an_agent_is_said(source: dict[str, object], words: str) -> None:
    said = _note(source)
    assert words in said
    assert bool(words) is bool(said)
