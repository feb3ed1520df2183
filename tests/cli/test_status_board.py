"""``wanglou status``: what a person stated is marked as such, and never looks measured."""

from __future__ import annotations

import pytest
from rich.console import Console
from rich.text import Text

from cli.status_board import network, page
from collector.board import board
from tests.collector.small import Hand
from wire.observation import Method, Outcome

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


def test_a_page_of_a_real_world_names_devices_in_trouble() -> None:
    hand = Hand.of()
    hand.everyone()
    refused = hand.look("cmcc-d1", Outcome.REFUSED, Method.SNMP)
    hand.turn(hand.say("agent-cmcc", refused.model_copy(update={"reason": "wrongDigests"})))
    hand.pass_s(400)
    console = Console(width=120)
    with console.capture() as shown:
        console.print(page(board(hand.world, hand.now), hand.now))
    assert hand.world.county.devices["cmcc-d1"].name in shown.get()
    assert "SNMPv3认证口令或认证算法不对" in shown.get()
