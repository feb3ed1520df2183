from __future__ import annotations

import pytest

from collector.condition import judge_value
from config.profile import Hint
from tests.collector.small import OPERATORS, Hand, devices
from wire.observation import Look, Method, Outcome
from wire.reasons import NO_LISTENER


@pytest.mark.parametrize(
    ("hint", "value", "bad"),
    [
        (Hint(alarm="a", values=(2, 7)), 2, True),
        (Hint(alarm="a", values=(2, 7)), 1, False),
        (Hint(alarm="a", above=38, clear=35), 38.1, True),
        (Hint(alarm="a", above=38, clear=35), 38, None),
        (Hint(alarm="a", above=38, clear=35), 35, False),
        (Hint(alarm="a", above=38), 38, False),
        (Hint(alarm="a", below=47, clear=48), 46.9, True),
        (Hint(alarm="a", below=47, clear=48), 47.5, None),
        (Hint(alarm="a", below=47, clear=48), 48, False),
        (Hint(alarm="a"), 1, None),
    ],
)
def test_a_hint_judges_a_value(hint: Hint, value: float, *, bad: bool | None) -> None:
    assert judge_value(hint, value) is bad


def ready() -> Hand:
    hand = Hand.of()
    hand.everyone()
    return hand


def alarm_of(hand: Hand, device: str, key: str) -> str:
    alarm = hand.world.state.devices[device].alarms.get(key)
    return alarm.phase.value if alarm else "none"


def test_icmp_answered_and_snmp_not_is_an_snmp_fault_and_never_down() -> None:
    hand = ready()
    hand.turn(hand.say("agent-cmcc", hand.look("cmcc-d1", Outcome.NO_ANSWER, Method.SNMP)))
    hand.pass_s(400)
    assert hand.status("cmcc-d1") == "snmp_fault"
    assert hand.world.tally.site_facts == {}
    fact = hand.world.tally.device_facts["cmcc-d1"]
    assert "团体字" in fact.cause
    hand.looks(Outcome.MEASURED, "cmcc-d1")
    hand.pass_s(60)
    assert hand.status("cmcc-d1") == "ok"


@pytest.mark.parametrize(
    ("reason", "fact", "said"),
    [
        ("wrongDigests", "wrongDigests", "SNMPv3认证口令或认证算法不对"),
        ("a word of tomorrow", "refused", "原因不明"),
    ],
)
def test_a_refusal_is_told_by_its_name(reason: str, fact: str, said: str) -> None:
    hand = ready()
    look = hand.look("cmcc-d1", Outcome.REFUSED, Method.SNMP)
    hand.turn(hand.say("agent-cmcc", look.model_copy(update={"reason": reason})))
    hand.pass_s(400)
    found = hand.world.tally.device_facts["cmcc-d1"]
    assert (found.state, found.refused) == ("snmp_fault", fact)
    assert found.cause == f"有应答，SNMP被拒绝（{said}）"
    assert "团体字" not in found.cause
    hand.looks(Outcome.MEASURED, "cmcc-d1")
    hand.pass_s(60)
    assert "cmcc-d1" not in hand.world.tally.device_facts


def test_a_host_that_says_nothing_listens_is_there() -> None:
    """Also where echoes are filtered: the host's own word is an answer (never called down)."""
    hand = ready()
    hand.looks(Outcome.NO_ANSWER, "cmcc-d1")
    look = hand.look("cmcc-d1", Outcome.NO_ANSWER, Method.SNMP)
    hand.turn(hand.say("agent-cmcc", look.model_copy(update={"reason": NO_LISTENER})))
    hand.pass_s(400)
    found = hand.world.tally.device_facts["cmcc-d1"]
    assert (found.state, found.refused) == ("snmp_fault", NO_LISTENER)
    assert "没有进程监听" in found.cause
    hand.turn(hand.say("agent-cmcc", look))
    hand.pass_s(400)
    assert hand.status("cmcc-d1") == "down"


def test_a_blip_shorter_than_the_delay_leaves_no_trace() -> None:
    hand = ready()
    hand.looks(Outcome.NO_ANSWER, "cmcc-d1")
    hand.pass_s(170)
    hand.looks(Outcome.MEASURED, "cmcc-d1")
    hand.pass_s(600)
    assert hand.records("alarm") == []


def test_a_device_that_never_answered_counts_nowhere() -> None:
    hand = Hand.of()
    hand.looks(Outcome.NO_ANSWER, *devices("cmcc", 1))
    hand.pass_s(600)
    assert hand.status("cmcc-d1") == "new"
    assert hand.world.tally.device_facts == {}
    assert hand.world.state.devices["cmcc-d1"].alarms == {}


def test_could_not_look_changes_nothing_but_freshness() -> None:
    hand = ready()
    hand.turn(
        hand.say(
            "agent-cmcc",
            hand.look("cmcc-d1", Outcome.COULD_NOT_LOOK, Method.ICMP),
            hand.look("cmcc-d1", Outcome.COULD_NOT_LOOK, Method.SNMP),
        )
    )
    assert hand.status("cmcc-d1") == "ok"
    hand.pass_s(89)
    assert hand.status("cmcc-d1") == "ok"
    hand.pass_s(2)
    assert hand.status("cmcc-d1") == "unknown"
    assert hand.records("alarm") == []
    hand.looks(Outcome.MEASURED, "cmcc-d1")
    assert hand.status("cmcc-d1") == "ok"


def test_a_round_that_misses_a_device_lets_it_age_and_finding_it_makes_it_fresh() -> None:
    hand = ready()
    for _ in range(5):
        hand.now += 30_000
        hand.turn(hand.round("agent-cmcc", "cmcc-d2"))
    assert hand.status("cmcc-d2") == "unknown"
    assert hand.status("cmcc-d1") == "ok"
    hand.turn(hand.round("agent-cmcc"))
    assert hand.status("cmcc-d2") == "ok"


def test_a_silent_agent_neither_raises_nor_clears() -> None:
    hand = ready()
    hand.looks(Outcome.NO_ANSWER, "cmcc-d1")
    hand.pass_s(200)
    hand.looks(Outcome.NO_ANSWER, "cmcc-d2")
    hand.looks(Outcome.MEASURED, "cmcc-d1")
    hand.now += 10_000
    hand.turn(hand.alive("agent-cmcc", online=False))
    hand.pass_s(3600, silent=("agent-cmcc",))
    assert alarm_of(hand, "cmcc-d1", "device-unreachable|") == "clearing"
    assert alarm_of(hand, "cmcc-d2", "device-unreachable|") == "pending"
    assert hand.status("cmcc-d1") == "down"
    assert hand.status("cmcc-d2") == "unknown"
    hand.turn(hand.birth("agent-cmcc", session=2), hand.round("agent-cmcc"))
    assert hand.status("cmcc-d2") == "ok"
    hand.pass_s(61)
    assert alarm_of(hand, "cmcc-d1", "device-unreachable|") == "clear"
    hand.pass_s(120)
    assert alarm_of(hand, "cmcc-d2", "device-unreachable|") == "raised"


def test_readings_raise_by_the_profile_with_the_instance_as_qualifier() -> None:
    hand = ready()
    hand.turn(
        hand.reading("cmcc-d1", "oper-status", 2, "ge-0/0/1"),
        hand.reading("cmcc-d1", "oper-status", 1, "ge-0/0/2"),
        hand.reading("cmcc-d1", "unheard-of", 1),
    )
    hand.pass_s(61)
    assert alarm_of(hand, "cmcc-d1", "link-down|ge-0/0/1") == "raised"
    assert hand.status("cmcc-d1") == "alarm"
    assert "ge-0/0/1" in hand.world.tally.device_facts["cmcc-d1"].cause
    hand.turn(hand.reading("cmcc-d1", "oper-status", None, "ge-0/0/1"))
    hand.pass_s(600)
    assert alarm_of(hand, "cmcc-d1", "link-down|ge-0/0/1") == "raised"  # vanished is not good


def test_mains_lost_puts_the_site_at_risk_not_out() -> None:
    hand = ready()
    hand.turn(hand.reading("tower-d1", "mains", 2))
    hand.pass_s(121)
    assert hand.world.tally.site_facts["tower-s1"].state == "at_risk"
    assert hand.impact("tower") == "none"


def test_flapping_is_said_once_holds_back_clearing_and_tells_the_net_change() -> None:
    hand = ready()
    for n in range(6):
        hand.now += 10_000
        hand.turn(hand.reading("cmcc-d1", "oper-status", 2 if n % 2 == 0 else 1, "ge1"))
    assert len(hand.records("flapping")) == 1
    assert "频繁闪断" in hand.world.tally.device_facts["cmcc-d1"].cause
    hand.now += 10_000
    hand.turn(hand.reading("cmcc-d1", "oper-status", 2, "ge1"))
    hand.pass_s(70)
    assert alarm_of(hand, "cmcc-d1", "link-down|ge1") == "raised"
    hand.turn(hand.reading("cmcc-d1", "oper-status", 1, "ge1"))
    hand.pass_s(1700)
    assert alarm_of(hand, "cmcc-d1", "link-down|ge1") == "clearing"
    hand.pass_s(150)
    assert alarm_of(hand, "cmcc-d1", "link-down|ge1") == "clear"
    over = hand.records("flapping_over")
    assert [one["bad"] for one in over] == [False]


def test_stamps_of_1970_and_2038_are_marked_and_arrival_rules() -> None:
    hand = ready()
    for at, mark in ((0, "past"), (2_147_483_647_000, "future")):
        look = Look(
            device="cmcc-d1",
            method=Method.ICMP,
            outcome=Outcome.MEASURED,
            since_ms=at,
            at_ms=at,
        )
        hand.turn(hand.say("agent-cmcc", look))
        view = hand.world.state.devices["cmcc-d1"].views["agent-cmcc"]
        assert view.looks[Method.ICMP].stamp == mark
        assert view.word_ms == hand.now
    assert hand.world.agent("agent-cmcc").stamps == 2
    assert hand.status("cmcc-d1") == "ok"


def test_one_lost_reply_is_no_outage_where_rounds_are_as_long_as_the_delay() -> None:
    hand = ready()
    for operator in OPERATORS:
        hand.turn(hand.round(f"agent-{operator}", interval_ms=300_000))
    hand.looks(Outcome.NO_ANSWER, "cmcc-d1")
    for _ in range(7):
        hand.now += 30_000
        hand.turn(*(hand.alive(f"agent-{operator}") for operator in OPERATORS))
    assert hand.status("cmcc-d1") == "ok"
    assert alarm_of(hand, "cmcc-d1", "device-unreachable|") == "pending"
    hand.turn(hand.round("agent-cmcc", interval_ms=300_000))
    hand.turn()
    assert hand.status("cmcc-d1") == "down"


def test_the_wait_for_a_second_round_is_bounded() -> None:
    hand = ready()
    hand.looks(Outcome.NO_ANSWER, "cmcc-d1")
    for _ in range(11):  # rounds whose stamps never advance past the look's
        hand.now += 30_000
        marker = hand.round("agent-cmcc").body.items[0]
        assert marker.t == "round"
        hand.seqs["agent-cmcc"] -= 1
        hand.turn(hand.say("agent-cmcc", marker.model_copy(update={"started_ms": 1})))
    assert hand.status("cmcc-d1") == "down"
