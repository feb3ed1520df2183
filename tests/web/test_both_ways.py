"""The pages say what a device takes down, what took it down, and who sees it otherwise."""

from __future__ import annotations

from collector.web import worldview as view
from config.register import Source
from tests.collector.small import Hand, county, devices, register
from wire.observation import Outcome


def test_both_ways_and_what_each_vantage_point_says() -> None:
    reg = register(parents={"cmcc-d2": ("cmcc-d1",), "cmcc-d3": ("cmcc-d1",)})
    second = Source(agent="agent-two", operator="cmcc")
    hand = Hand.of(county(reg.model_copy(update={"sources": (*reg.sources, second)})))
    hand.everyone(*(f"agent-{operator}" for operator in ("cmcc", "cucc", "ctcc", "tower")))
    hand.turn(hand.birth("agent-two"), hand.say("agent-two", hand.look("cmcc-d4")))
    hand.turn(hand.round("agent-two"))
    hand.looks(Outcome.NO_ANSWER, *devices("cmcc", 1, 2, 3, 4))
    hand.pass_s(400)
    assert view.both_ways(hand.world, "cmcc-d1") == ((), ("cmcc-d2", "cmcc-d3"))
    assert view.both_ways(hand.world, "cmcc-d2") == (("cmcc-d1",), ())
    assert view.points(hand.world, "cmcc-d4") == {"agent-cmcc": False, "agent-two": True}
    assert view.points(hand.world, "cmcc-d1") == {}
    assert hand.status("cmcc-d4") == "ok"
