"""Traps and traces at the collector: kept, shown, and nothing follows from them."""

from __future__ import annotations

import pytest

from collector import intake, words
from collector.county import REBOOTED
from collector.state import CODEC, EventState, Status
from tests.collector.small import Hand
from wire.observation import Event, EventSource, Outcome

AGENT = "agent-cmcc"


def event(device: str = "cmcc-d1", number: int = 0) -> Event:
    return Event(
        device=device, source=EventSource.TRAP, kind="linkDown", text=f"ifIndex.1={number}",
        from_ms=1, at_ms=2, look=Outcome.MEASURED, changed=1,
    )  # fmt: skip


def test_the_last_few_events_are_kept_with_the_state() -> None:
    hand = Hand.of()
    hand.everyone()
    before = hand.world.state.devices["cmcc-d1"].status
    hand.turn(hand.say(AGENT, *[event(number=n) for n in range(30)]))
    row = hand.world.state.devices["cmcc-d1"]
    assert [one.text for one in row.events] == [
        f"ifIndex.1={n}" for n in range(30 - intake.EVENTS, 30)
    ]
    assert row.status is before is Status.OK
    again = CODEC.validate_json(CODEC.dump_json(hand.world.state))
    assert again == hand.world.state


def test_an_agent_speaks_of_its_own_devices_alone() -> None:
    hand = Hand.of()
    hand.everyone()
    hand.turn(hand.say(AGENT, event("cucc-d1"), event("nowhere")))
    assert hand.world.state.devices["cucc-d1"].events == []
    assert "nowhere" not in hand.world.state.devices
    assert hand.world.agent(AGENT).foreign == {"cucc-d1": 1}


@pytest.mark.parametrize(
    ("kind", "text", "count", "look", "zh"),
    [
        ("linkDown", "ifIndex.7=7", 1, Outcome.MEASURED,
         "trap linkDown（ifIndex.7=7）；复测：已测得，2 项有变化"),
        ("coldStart", "", 40, None, "trap coldStart，共 40 次；未能复测，2 项有变化"),
        ("1.3.6.1.4.1.99999.0.7", "1.3.6.1.2.1.15.3.1.2.10.20.30.40=10.20.30.40", 1,
         Outcome.NO_ANSWER,
         ("trap 1.3.6.1.4.1.99999.0.7（1.3.6.1.2.1.15.3.1.2…=（地址略））"
          "；复测：无应答，2 项有变化")),
        ("line\nbreak", "", 1, Outcome.COULD_NOT_LOOK, "trap line break；未能复测，2 项有变化"),
    ],
)  # fmt: skip
def test_an_event_in_words(kind: str, text: str, count: int, look: Outcome | None, zh: str) -> None:
    said = words.event(EventState(EventSource.TRAP, kind, text, count, 1, 2, look, 2))
    assert said.zh == zh
    assert said.en.startswith("trap ")


def test_a_restart_is_said_in_so_many_words() -> None:
    said = words.event(EventState(EventSource.RESTART, "restarted", "", 1, 2, 2, None, 0))
    assert (said.zh, said.en) == ("设备已重启", "device restarted")


def test_a_restart_is_an_alarm_for_a_moment_and_restarts_without_end_are_flapping() -> None:
    hand = Hand.of()
    hand.everyone()
    again = Event(
        device="cmcc-d1", source=EventSource.RESTART, kind="restarted", from_ms=1, at_ms=1
    )
    hand.turn(hand.say(AGENT, again))
    assert [record["word"] for record in hand.records("alarm")] == ["raised", "cleared"]
    assert {record["type"] for record in hand.records("alarm")} == {REBOOTED}
    assert hand.status("cmcc-d1") == "ok"
    for _ in range(10):
        hand.pass_s(30)
        hand.turn(hand.say(AGENT, again))
    assert hand.world.state.devices["cmcc-d1"].alarms[f"{REBOOTED}|"].flapping_ms is not None
    assert hand.status("cmcc-d1") == "alarm"


def test_a_restart_of_a_device_that_never_answered_is_no_alarm() -> None:
    hand = Hand.of()
    hand.turn(hand.say(AGENT, Event(
        device="cmcc-d1", source=EventSource.RESTART, kind="restarted", from_ms=1, at_ms=1
    )))  # fmt: skip
    assert hand.records("alarm") == []
