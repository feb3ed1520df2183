"""``wanglou status``: what a person stated is marked as such, and never looks measured."""

from __future__ import annotations

import pytest
from rich.text import Text

from cli.status_board import network

SAID = {"state": "partial", "source": "值班室王工", "until_ms": 1, "superseded_ms": None}


@pytest.mark.parametrize(
    ("attested", "words"),
    [
        (None, "不明"),
        (SAID, "部分"),
        (SAID | {"superseded_ms": 5}, "不明"),
    ],
)
def test_a_persons_word_stands_in_and_is_named(attested: object, words: str) -> None:
    shown: Text = network({"impact": "unknown", "attested": attested})
    assert words in shown.plain
    assert ("电话核实" in shown.plain) is (words == "部分")
