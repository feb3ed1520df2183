"""A wish to look at once: heard by a real agent, limited, and never more than a usual look."""

from __future__ import annotations

import pytest

from agent.lanes import Said, StateLane
from tests.agent.test_app import BASE, Scene, scene
from wire.observation import Method, Outcome
from wire.request import LookRequest

__all__ = ["scene"]


def test_what_was_asked_is_said_even_if_nothing_is_new() -> None:
    lane = StateLane()
    said = Said("d1", Method.ICMP, Outcome.MEASURED)
    assert lane.look(said, 1000, 10) is not None
    assert lane.look(said, 2000, 20) is None
    lane.asked("d1")
    again = lane.look(said, 3000, 30)
    assert again is not None
    assert (again.since_ms, again.at_ms) == (1000, 3000)
    assert lane.look(said, 4000, 40) is None
    lane.asked("nobody")


@pytest.mark.peers
def test_the_agent_looks_out_of_turn_and_says_so(scene: Scene) -> None:
    collector, agent = scene.collector, scene.agent
    agent.start()
    collector.until(lambda: len(collector.rounds()) >= 2, "two rounds")
    before = len(collector.looks())
    wish = LookRequest(at_ms=1, devices=("d2", "stranger"))
    collector.client.publish(f"{BASE}/request", b"{}", 1)

    def heard() -> bool:
        """Wish again until it is heard: a device that is being looked at is asked for in vain."""
        for _ in range(2 * (len(collector.looks()) == before)):
            collector.client.publish(f"{BASE}/request", wish.model_dump_json().encode(), 1)
        return len(collector.looks()) > before + 1

    collector.until(heard, "the looks that were asked for")
    rounds = len(collector.rounds())
    collector.until(lambda: len(collector.rounds()) > rounds, "one more round")
    asked = collector.looks()[before:]
    assert {(look.device, look.method) for look in asked} == {
        ("d2", Method.ICMP),
        ("d2", Method.SNMP),
    }
    assert len(asked) == 2  # the second wish came too soon
    assert agent.stop() == 0
    assert any(line["event"] == "request refused" for line in agent.lines)
