from __future__ import annotations

import pytest

from collector import intake
from collector import world as worlds
from collector.model import Reconfigured, Started
from collector.state import Blind
from tests.collector.small import T0, Hand, county, register
from wire.observation import Look, Method, Outcome

AGENT = "agent-cmcc"


def ready() -> Hand:
    hand = Hand.of()
    hand.everyone()
    return hand


def test_a_repeated_or_early_row_changes_nothing() -> None:
    hand = ready()
    good = hand.say(AGENT, hand.look("cmcc-d1", Outcome.MEASURED))
    bad = hand.say(AGENT, hand.look("cmcc-d1", Outcome.NO_ANSWER))
    later = hand.say(AGENT, hand.look("cmcc-d1", Outcome.MEASURED))
    hand.turn(good, later)  # a hole: not applied
    assert hand.world.state.marks[f"{AGENT} state"][1] == good.row.seq
    hand.turn(bad, bad, good)
    view = hand.world.state.devices["cmcc-d1"].views[AGENT]
    assert view.looks[Method.ICMP].outcome is Outcome.NO_ANSWER
    assert hand.world.state.marks[f"{AGENT} state"][1] == bad.row.seq
    hand.turn(later)
    assert view.looks[Method.ICMP].outcome is Outcome.MEASURED


def test_devices_nobody_has_and_devices_of_another_are_named_and_counted() -> None:
    hand = ready()
    row = hand.say(
        AGENT,
        hand.look("cucc-d1", Outcome.NO_ANSWER),
        hand.look("nowhere", Outcome.MEASURED),
        hand.look("nowhere", Outcome.MEASURED),
        hand.look("cmcc-d2", Outcome.NO_ANSWER),
    )
    hand.turn(row)
    source = hand.world.agent(AGENT)
    assert source.foreign == {"cucc-d1": 1}
    assert source.unregistered == {"nowhere": 2}
    assert "nowhere" not in hand.world.state.devices
    assert AGENT not in hand.world.state.devices["cucc-d1"].views
    assert [one["owner"] for one in hand.records("foreign_device")] == ["cucc"]
    assert len(hand.records("unregistered")) == 1
    assert (
        hand.world.state.devices["cmcc-d2"].views[AGENT].looks[Method.ICMP].outcome == "no_answer"
    )


def test_the_list_of_strange_devices_is_bounded() -> None:
    hand = ready()
    for first in range(0, 3000, 1000):
        names = (f"x{n}" for n in range(first, first + 1000))
        hand.turn(hand.say(AGENT, *(hand.look(name, Outcome.MEASURED) for name in names)))
    listed = hand.world.agent(AGENT).unregistered
    assert len(listed) == 1001
    assert sum(listed.values()) == 3000


def test_an_agent_that_is_not_enrolled_is_not_heard() -> None:
    hand = ready()
    row = hand.say("agent-stranger", hand.look("cmcc-d1", Outcome.NO_ANSWER))
    hand.turn(row)
    assert "agent-stranger state" not in hand.world.state.marks
    assert hand.status("cmcc-d1") == "ok"


@pytest.mark.parametrize(("session", "unknown"), [(1, True), (0, False), (2, True)])
def test_only_a_will_of_this_session_or_later_counts(session: int, *, unknown: bool) -> None:
    hand = ready()
    hand.turn(hand.alive(AGENT, session=session, online=False))
    assert (hand.status("cmcc-d1") == "unknown") is unknown


def test_after_a_silence_devices_are_known_when_they_are_seen_again() -> None:
    hand = ready()
    hand.pass_s(91, silent=(AGENT,))
    assert hand.world.agent(AGENT).blind is Blind.SILENT
    assert hand.impact("cmcc") == "unknown"
    hand.turn(hand.alive(AGENT))
    assert hand.world.agent(AGENT).blind is Blind.SEES
    assert hand.status("cmcc-d1") == "unknown"
    hand.turn(hand.say(AGENT, hand.look("cmcc-d1", Outcome.MEASURED)))
    assert hand.status("cmcc-d1") == "ok"
    assert hand.status("cmcc-d2") == "unknown"
    hand.turn(hand.round(AGENT, "cmcc-d3"))
    assert hand.status("cmcc-d2") == "ok"
    assert hand.status("cmcc-d3") == "unknown"
    assert hand.impact("cmcc") == "none"


def test_an_agent_that_lives_and_does_no_rounds_sees_nothing() -> None:
    hand = ready()
    for _ in range(4):
        hand.now += 30_000
        hand.turn(hand.alive(AGENT))
    assert hand.world.agent(AGENT).blind is Blind.STALLED
    assert hand.status("cmcc-d1") == "unknown"
    hand.turn(hand.round(AGENT))
    assert hand.status("cmcc-d1") == "ok"


def test_a_restart_of_an_agent_is_no_news_to_the_office() -> None:
    hand = ready()
    hand.turn(hand.alive(AGENT, online=False))
    hand.pass_s(20, silent=(AGENT,))
    hand.turn(hand.birth(AGENT, session=2), hand.round(AGENT))
    hand.pass_s(600)
    assert hand.notices() == []


def test_one_operators_silence_is_told_with_the_noc_number_and_proposes_nothing() -> None:
    hand = ready()
    hand.pass_s(1800, silent=(AGENT,))
    told = hand.notices()
    assert [notice.notice_kind for notice in told] == ["health"]
    assert "0356-4220001" in told[0].text.zh
    situation = hand.world.situation
    assert situation is not None
    assert situation.verdict.warning == "none"
    assert situation.verdict.operators["cmcc"] == "unknown"
    assert situation.verdict.warning_range[1] != "none"
    assert [source.agent for source in situation.blind] == [AGENT]


def test_an_agent_never_seen_is_unknown_and_told_as_well() -> None:
    hand = Hand.of()
    hand.everyone("agent-cucc", "agent-ctcc", "agent-tower")
    hand.pass_s(100)
    situation = hand.world.situation
    assert situation is not None
    assert situation.verdict.operators["cmcc"] == "unknown"
    assert [source.agent for source in situation.blind] == [AGENT]
    text = hand.notices()[0].text
    assert "0台" not in text.zh
    assert "所辖设备尚未报送" in text.zh
    assert "0 devices" not in text.en


def test_an_operator_without_a_source_is_absent() -> None:
    reg = register()
    kept = tuple(source for source in reg.sources if source.operator != "tower")
    hand = Hand.of(county(reg.model_copy(update={"sources": kept})))
    hand.everyone()
    assert hand.impact("tower") == "absent"
    situation = hand.world.situation
    assert situation is not None
    assert situation.verdict.operators["tower"] == "absent"


def test_a_device_taken_out_of_the_inventory_is_seen_no_more() -> None:
    hand = ready()
    birth = hand.birth(AGENT, session=2).birth
    kept = tuple(device for device in birth.devices if device != "cmcc-d4")
    hand.turn(type(hand.birth(AGENT))(birth.model_copy(update={"devices": kept})))
    hand.turn(hand.round(AGENT))
    assert hand.status("cmcc-d4") == "unknown"
    assert hand.status("cmcc-d3") == "ok"


def test_a_collector_stopped_for_a_while_takes_nobody_for_silent() -> None:
    """FAULTS F17: due steps once, no burst of stale notices."""
    hand = ready()
    hand.looks(Outcome.NO_ANSWER, "cmcc-d1")
    hand.now += 600_000
    hand.turn(Started(2))
    assert hand.world.agent(AGENT).blind is Blind.SEES
    assert hand.status("cmcc-d1") == "ok"
    hand.looks(Outcome.MEASURED, "cmcc-d1")  # what the agent saw meanwhile
    hand.pass_s(60)
    assert hand.records("alarm") == []
    assert hand.notices() == []


def test_two_vantage_points_must_agree() -> None:
    reg = register()
    second = reg.sources[0].model_copy(update={"agent": "agent-cmcc2"})
    hand = Hand.of(county(reg.model_copy(update={"sources": (*reg.sources, second)})))
    hand.everyone()

    def says(agent: str, outcome: Outcome) -> None:
        looks = (
            Look(device="cmcc-d1", method=m, outcome=outcome, since_ms=T0, at_ms=hand.now)
            for m in Method
        )
        hand.turn(hand.say(agent, *looks))

    hand.turn(hand.round("agent-cmcc2"))
    says("agent-cmcc2", Outcome.MEASURED)
    says("agent-cmcc", Outcome.NO_ANSWER)
    hand.pass_s(200)
    assert hand.status("cmcc-d1") == "ok"
    says("agent-cmcc2", Outcome.NO_ANSWER)
    hand.pass_s(200)
    assert hand.status("cmcc-d1") == "down"


def test_a_restart_of_the_collector_brings_back_no_silent_source() -> None:
    """A source told as silent is back once it speaks, not because we began anew."""
    hand = ready()
    hand.pass_s(600, silent=(AGENT,))
    assert [n.notice_kind for n in hand.notices()] == ["health"]
    hand.turn(Started(2))
    hand.pass_s(1200, silent=(AGENT,))
    assert [n.notice_kind for n in hand.notices()] == ["health"]
    hand.turn(hand.birth(AGENT, session=2), hand.round(AGENT))
    hand.pass_s(600)
    assert [n.subject.zh for n in hand.notices()] == ["监测中断，请电话核实", "监测恢复"]


def test_a_restart_brings_back_no_source_that_was_never_seen() -> None:
    hand = Hand.of()
    hand.everyone("agent-cucc", "agent-ctcc", "agent-tower")
    hand.pass_s(600)
    assert [n.notice_kind for n in hand.notices()] == ["health"]
    hand.turn(Started(2))
    hand.pass_s(1200)
    assert [n.notice_kind for n in hand.notices()] == ["health"]


@pytest.mark.parametrize("online", [True, False])
def test_what_the_broker_still_holds_is_no_sign_of_life(*, online: bool) -> None:
    """Birth and presence are retained: a collector that connects again gets them once more."""
    hand = ready()
    birth, presence = hand.birth(AGENT, session=2), hand.alive(AGENT, session=2, online=online)
    hand.turn(birth, presence)
    hand.pass_s(600, silent=(AGENT,))
    told = len(hand.notices())
    blind = hand.world.agent(AGENT).blind
    assert told == 1
    assert blind is not Blind.SEES
    for _ in range(3):
        hand.turn(birth)
        hand.turn(presence)
        hand.pass_s(600, silent=(AGENT,))
    assert hand.world.agent(AGENT).blind is blind
    assert len(hand.notices()) == told


def test_a_device_given_to_another_operator_is_judged_by_its_own_agents_alone() -> None:
    """The view of its former agent, fresh by every round, would hold it up for ever."""
    hand = ready()
    reg = register()
    sites = tuple(
        site.model_copy(update={"operator": "cucc"}) if site.id == "cmcc-s4" else site
        for site in reg.sites
    )
    moved = county(reg.model_copy(update={"sites": sites}))
    worlds.step(hand.world, hand.now, Reconfigured(moved.hash), lambda _: moved)
    hand.turn()
    assert hand.status("cmcc-d4") == "unknown"
    for method in Method:
        hand.turn(hand.say("agent-cucc", hand.look("cmcc-d4", Outcome.NO_ANSWER, method)))
    hand.pass_s(600)
    assert hand.status("cmcc-d4") == "down"


def test_a_device_taken_out_of_the_register_leaves_no_row_behind() -> None:
    hand = ready()
    hand.turn(hand.round(AGENT, "cmcc-d4"))
    reg = register()
    smaller = county(
        reg.model_copy(update={"devices": tuple(d for d in reg.devices if d.id != "cmcc-d4")})
    )
    worlds.step(hand.world, hand.now, Reconfigured(smaller.hash), lambda _: smaller)
    hand.turn()
    hand.pass_s(600)
    assert "cmcc-d4" not in hand.world.state.devices
    assert hand.world.agent(AGENT).missed == {}


def test_the_instances_of_a_device_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent that names a new instance in every reading fills neither memory nor journal."""
    monkeypatch.setattr(intake, "MOST_READINGS", 5)
    hand = ready()
    for n in range(20):
        hand.turn(hand.reading("cmcc-d1", "oper-status", 1, f"port{n}"))
    hand.turn(hand.reading("cmcc-d1", "oper-status", 2, "port1"))
    readings = hand.world.state.devices["cmcc-d1"].readings
    assert len(readings) == 5
    assert readings["oper-status|port1"].value == 2
    assert hand.world.agent(AGENT).crowded == 15
    assert len(hand.records("too_many_readings")) == 1
