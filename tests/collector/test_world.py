from __future__ import annotations

from collector import world as worlds
from tests.collector.small import Hand, devices
from wire.observation import Outcome


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
