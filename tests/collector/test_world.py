from __future__ import annotations

import pytest

from collector import words
from collector import world as worlds
from collector.model import Reconfigured
from tests.collector.small import Hand, county, devices, register
from wire.observation import Method, Outcome


def test_a_fresh_county_is_unknown_and_then_none() -> None:
    hand = Hand.of()
    assert {hand.impact(o) for o in hand.world.county.plan_operators} == {"unknown"}
    hand.everyone()
    assert {hand.impact(o) for o in hand.world.county.plan_operators} == {"none"}
    assert hand.world.situation is not None
    assert hand.world.situation.verdict.warning == "none"


def test_three_of_ten_sites_out_is_partial_after_both_holds() -> None:
    hand = Hand.of()
    hand.everyone()
    hand.looks(Outcome.NO_ANSWER, *devices("cmcc", 1, 3, 5))
    hand.pass_s(179)
    assert hand.status("cmcc-d1") == "ok"
    hand.pass_s(2)
    assert hand.status("cmcc-d1") == "down"
    assert hand.impact("cmcc") == "none"
    hand.pass_s(180)
    assert hand.impact("cmcc") == "partial"
    situation = hand.world.situation
    assert situation is not None
    assert situation.verdict.warning != "none"
    assert {fact.site for fact in situation.sites} == {"cmcc-s1", "cmcc-s3", "cmcc-s5"}
    assert hand.notices()


def test_dump_and_load_are_exact() -> None:
    hand = Hand.of()
    hand.everyone()
    hand.looks(Outcome.NO_ANSWER, *devices("cmcc", 1, 3, 5))
    hand.pass_s(300)
    raw = worlds.dump(hand.world)
    again = worlds.load(raw, lambda _: hand.world.county)
    assert worlds.dump(again) == raw
    assert worlds.state_hash(again) == worlds.state_hash(hand.world)
    assert again.next_deadline() == hand.world.next_deadline()
    assert again.tally == hand.world.tally


def test_a_changed_register_opens_and_ends_onsets_with_its_cells() -> None:
    """An outage that left the register must not stand among the steps of the spread for ever."""
    hand = Hand.of()
    hand.everyone()
    hand.looks(Outcome.NO_ANSWER, *devices("cmcc", 1, 3, 5, 7, 9))
    hand.pass_s(300)
    open_cells = [tuple(o.cell) for o in hand.world.state.onsets if o.over_ms is None]
    assert open_cells == [("cmcc", "140522101")]
    reg = register()
    sites = tuple(
        site.model_copy(update={"town": "140522102"}) if site.operator == "cmcc" else site
        for site in reg.sites
    )
    moved = county(reg.model_copy(update={"sites": sites}))
    worlds.step(hand.world, hand.now, Reconfigured(moved.hash), lambda _: moved)
    hand.turn()
    assert [(tuple(o.cell), o.over_ms is None) for o in hand.world.state.onsets] == [
        (("cmcc", "140522101"), False),
        (("cmcc", "140522102"), True),
    ]


def test_unknowns_grow_overdue_only_while_something_is_affected() -> None:
    """PLAN 2: blindness that is older than the outage has not been waiting for an answer."""
    hand = Hand.of()
    hand.everyone("agent-cucc", "agent-ctcc", "agent-tower")
    hand.pass_s(7200, silent=("agent-cmcc",))
    hand.looks(Outcome.NO_ANSWER, *devices("cucc", 1, 3, 5))
    hand.pass_s(1200, silent=("agent-cmcc",))
    assert hand.impact("cmcc") == "unknown"
    assert hand.impact("cucc") == "partial"
    verdict = hand.verdict()
    assert (verdict.warning, verdict.pending) == ("scenario3", True)
    hand.pass_s(3600, silent=("agent-cmcc",))
    assert not hand.verdict().pending
    assert hand.verdict().warning == hand.verdict().warning_range[1] != "scenario3"


def test_a_spread_that_is_unknown_since_now_is_not_overdue_at_once() -> None:
    """However old the outage: the limit runs from the moment from which it could not be told."""
    hand = Hand.of()
    hand.everyone()
    hand.looks(Outcome.NO_ANSWER, *devices("cucc", 1, 3, 5))
    hand.pass_s(6 * 3600)
    assert hand.verdict().spread == "no"
    hand.pass_s(1200, silent=("agent-cmcc",))
    verdict = hand.verdict()
    assert verdict.spread == "unknown"
    assert (verdict.warning, verdict.pending) == ("scenario3", True)
    hand.pass_s(3600, silent=("agent-cmcc",))
    assert not hand.verdict().pending


def test_evidence_names_the_cells_at_risk() -> None:
    """People read names, not ids."""
    hand = Hand.of()
    hand.everyone()
    hand.turn(*(hand.reading(d, "mains", 2) for d in devices("ctcc", 1, 3, 5, 7, 9)))
    hand.pass_s(900)
    assert hand.world.situation is not None
    said = hand.world.situation.evidence[0]
    assert "电信第1镇" in said
    assert "140522101" not in said
    assert "ctcc" not in said


def test_a_share_that_rises_again_before_its_clear_hold_is_over_does_not_clear() -> None:
    """Clear means below 3 % for 10 min, not once below it (thresholds: operator.partial)."""
    hand = Hand.of(county(register(sites=50, operators=("cmcc",))))
    hand.everyone()
    hand.looks(Outcome.NO_ANSWER, *devices("cmcc", 1, 2, 3))
    hand.pass_s(600)
    assert hand.impact("cmcc") == "partial"
    hand.looks(Outcome.MEASURED, *devices("cmcc", 2, 3))  # 2 %
    hand.pass_s(120)
    hand.looks(Outcome.NO_ANSWER, "cmcc-d2")  # 4 %, between the two values
    hand.pass_s(3600)
    assert hand.impact("cmcc") == "partial"
    hand.looks(Outcome.MEASURED, "cmcc-d2")
    hand.pass_s(1200)
    assert hand.impact("cmcc") == "none"


def test_what_an_agent_writes_cannot_lay_out_a_notice() -> None:
    """A lying agent's words stand in a signed text, where a line of its own would be believed."""
    hand = Hand.of()
    hand.everyone()
    forged = "1）\n【现在要做】立即启动Ⅰ级响应\u2028x\u202ey"
    hand.turn(hand.reading("cmcc-d1", "mains", 2, forged))
    hand.turn(hand.reading("cmcc-d2", "oper-status", 2, forged))
    refused = hand.look("cmcc-d3", Outcome.REFUSED, Method.SNMP)
    hand.turn(hand.say("agent-cmcc", refused.model_copy(update={"reason": forged[:60]})))
    hand.pass_s(900)
    situation = hand.world.situation
    assert situation is not None
    causes = [site.cause for site in situation.sites]
    causes += [device.cause for device in situation.devices]
    assert sum("立即启动" in cause for cause in causes) >= 3
    assert not [cause for cause in causes if not cause.isprintable()]
    assert hand.notices()
    assert all(n.text.zh.count("\n【现在要做】") == 1 for n in hand.notices())


@pytest.mark.parametrize(
    ("instance", "shown"),
    [
        ("10.20.30.40", "（地址略）"),
        ("ospf 10.20.30.40.0", "ospf （地址略）.0"),
        ("fe80::1:2:3", "（地址略）"),
        ("00:1b:21:aa:bb:cc", "（地址略）"),
        ("GigabitEthernet0/0/1.100", "GigabitEthernet0/0/1.100"),
        ("slot 1: port 2", "slot 1: port 2"),
    ],
)
def test_addresses_do_not_leave_with_a_cause(instance: str, shown: str) -> None:
    assert words.quoted(instance) == shown
