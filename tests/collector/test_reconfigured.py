"""Another register in the middle of an incident: what still exists goes on, the rest is gone."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from collector import world as worlds
from collector.changes import changes
from collector.county import County
from collector.model import Reconfigured, Started, Tick
from config.register import Device, InformationSystem, Register, Site
from tests.collector.small import POLICY, Hand, county, devices, register
from tests.collector.test_incremental import COUNTY, DEVICES, random_event
from wire.observation import Outcome

EGOV = InformationSystem(id="egov", name="电子政务外网", devices=("cmcc-d1", "cmcc-d5"))
TV = InformationSystem(id="tv", name="广电网络", devices=("cmcc-d3",))


def reconfigure(hand: Hand, reg: Register) -> County:
    """As a restart does it: the configuration, then that we look again."""
    made = county(reg)
    for one in (Reconfigured(made.hash), Started(2), Tick()):
        hand.effects += worlds.step(hand.world, hand.now, one, lambda _: made)
    return made


def changed(reg: Register) -> Register:
    """cmcc-d5 gone with its site, cmcc-d3 at another site, a new site, cucc without a source."""
    found = [d for d in reg.devices if d.id != "cmcc-d5"]
    moved = [d.model_copy(update={"site": "cmcc-s2"}) if d.id == "cmcc-d3" else d for d in found]
    new = Site(id="cmcc-s99", name="新站", operator="cmcc", town=reg.towns[0].code)
    return reg.model_copy(
        update={
            "devices": (*moved, Device(id="cmcc-d99", name="新机", site="cmcc-s99")),
            "sites": (*(s for s in reg.sites if s.id != "cmcc-s5"), new),
            "systems": (EGOV.model_copy(update={"devices": ("cmcc-d1",)}),),
            "sources": tuple(s for s in reg.sources if s.operator != "cucc"),
        }
    )


def incident() -> tuple[Hand, Register]:
    reg = register(systems=(EGOV, TV))
    hand = Hand.of(county(reg))
    hand.everyone()
    hand.looks(Outcome.NO_ANSWER, *devices("cmcc", 1, 3, 5), *devices("cucc", 1, 2, 3))
    hand.pass_s(400)
    assert hand.impact("cmcc") == hand.impact("cucc") == "partial"
    return hand, reg


def facts(hand: Hand) -> dict[str, str]:
    assert hand.world.situation is not None
    return {fact.site: fact.state for fact in hand.world.situation.sites}


def test_what_exists_goes_on_and_what_is_gone_counts_nowhere() -> None:
    hand, reg = incident()
    since = hand.world.state.devices["cmcc-d1"].alarms["device-unreachable|"].since_ms
    hand.looks(Outcome.NO_ANSWER, "ctcc-d1")
    hand.pass_s(100)
    reconfigure(hand, changed(reg))
    assert facts(hand) == {"cmcc-s1": "out", "cmcc-s2": "out"}
    alarm = hand.world.state.devices["cmcc-d1"].alarms["device-unreachable|"]
    assert (alarm.active, alarm.since_ms) == (True, since)
    assert hand.world.tally.operators["cmcc"].out == 2
    assert hand.impact("cmcc") == "partial"
    assert hand.impact("cucc") == "absent"
    assert hand.world.state.systems.keys() == {"egov"}
    assert hand.world.state.systems["egov"].impact == "full"
    assert {o.cell[0] for o in hand.world.state.onsets if o.over_ms is None} == {
        "cmcc",
        "sys",
    }
    hand.pass_s(100)  # the delay of ctcc-d1 went on
    assert hand.status("ctcc-d1") == "down"
    assert hand.world.desk.open_warning is not None
    hand.pass_s(600)
    hand.looks(Outcome.MEASURED, "cmcc-d1", "cmcc-d3", "ctcc-d1")
    hand.pass_s(1500)
    assert facts(hand) == {}


def test_the_journal_says_what_changed() -> None:
    hand, reg = incident()
    was = hand.world.county.hash
    made = reconfigure(hand, changed(reg))
    (record,) = hand.records("configuration")
    assert (record["was"], record["hash"]) == (was, made.hash)
    said: Any = record["changes"]
    assert said["devices"] == {
        "added": {"count": 1, "ids": ["cmcc-d99"]},
        "removed": {"count": 1, "ids": ["cmcc-d5"]},
        "changed": {"count": 1, "ids": ["cmcc-d3"]},
        "moved": {"count": 1, "ids": ["cmcc-d3"]},
    }
    assert said["sites"]["removed"]["ids"] == ["cmcc-s5"]
    assert said["systems"]["removed"]["ids"] == ["tv"]
    assert said["operators_without_source"]["ids"] == ["cucc"]
    assert "register" in said
    assert "policy" not in said
    assert changes(made, made) == {}


def test_back_again_knows_what_it_knew_of_what_stayed() -> None:
    hand, reg = incident()
    reconfigure(hand, changed(reg))
    reconfigure(hand, reg)
    assert hand.status("cmcc-d1") == "down"
    assert hand.impact("cucc") == "unknown"
    assert "cmcc-d5" not in hand.world.state.devices


def without(reg: Register, gone: set[str]) -> Register:
    """The register without some devices, and without whatever names them."""
    return reg.model_copy(
        update={
            "devices": tuple(
                d.model_copy(update={"parents": tuple(p for p in d.parents if p not in gone)})
                for d in reg.devices
                if d.id not in gone
            ),
            "systems": tuple(s for s in reg.systems if not gone & set(s.devices)),
        }
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_any_register_at_any_moment_equals_itself_from_scratch(seed: int) -> None:
    dice = random.Random(seed)
    hand = Hand.of(COUNTY)
    hand.everyone()
    for _ in range(4):
        for _ in range(10):
            random_event(hand, dice)
        reconfigure(hand, without(COUNTY.register, {d for d in DEVICES if dice.random() < 0.1}))
        raw = worlds.dump(hand.world)
        again = worlds.load(raw, lambda _: hand.world.county)
        assert worlds.dump(again) == raw
        assert again.tally == hand.world.tally


def test_values_that_stand_are_judged_by_the_thresholds_in_force() -> None:
    """A device says a value once; a stricter threshold later is for that value too."""
    hand = Hand.of()
    hand.everyone()
    hand.turn(hand.reading("cmcc-d1", "temperature", 36.0))
    hand.pass_s(600)
    assert hand.status("cmcc-d1") == "ok"
    alarms = tuple(
        one.model_copy(update={"above": 30.0, "clear": 28.0})
        if one.id == "temperature-high"
        else one
        for one in POLICY.alarms
    )
    made = county(policy=POLICY.model_copy(update={"alarms": alarms}))
    hand.effects += worlds.step(hand.world, hand.now, Reconfigured(made.hash), lambda _: made)
    hand.turn()
    hand.pass_s(600)
    assert hand.status("cmcc-d1") == "alarm"
