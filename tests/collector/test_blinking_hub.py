"""A hub that comes and goes is called flapping, and what hangs on it is not (FAULTS F28)."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector import consequence
from collector import world as worlds
from collector.county import UNREACHABLE
from collector.state import StatusChange
from collector.views import device_view
from collector.web import alarmview, worldview
from collector.words import device_cause
from tests.collector.small import Hand, county, register
from wire.notice import NoticeKind
from wire.observation import Outcome
from wire.view import Disclosure

HOUR = 3600
HUB, BELOW = "cmcc-d1", tuple(f"cmcc-d{n}" for n in range(2, 7))
TREE = {
    "cmcc-d2": (HUB,),
    "cmcc-d3": (HUB,),
    "cmcc-d4": (HUB,),
    "cmcc-d5": ("cmcc-d2",),
    "cmcc-d6": ("cmcc-d5", "cmcc-d3"),
    "cmcc-d7": (HUB, "tower-d1"),
}


def started(parents: Mapping[str, tuple[str, ...]] | None = None) -> Hand:
    hand = Hand.of(county(register(sites=12, parents=TREE if parents is None else parents)))
    hand.everyone()
    hand.pass_s(60)
    return hand


def blink(hand: Hand, order: Sequence[str], *, times: int = 20, every_s: int = 20) -> None:
    """All of ``order`` fall silent and answer again, in turn, one after the other."""
    for n in range(times):
        began = hand.now
        for device in order:
            hand.now += 700
            hand.looks(Outcome.MEASURED if n % 2 else Outcome.NO_ANSWER, device)
        hand.pass_s(every_s - (hand.now - began) / 1000)


def named(hand: Hand) -> set[object]:
    """Which devices the journal calls flapping."""
    return {row["device"] for row in hand.records("flapping")}


def told(hand: Hand) -> list[NoticeKind]:
    return [one.notice_kind for one in hand.notices() if one.notice_kind is not NoticeKind.REMINDER]


@pytest.mark.parametrize("every_s", [20, 60])
@pytest.mark.parametrize("order", [(HUB, *BELOW), (*BELOW, HUB), (*BELOW[::-1], HUB)])
def test_the_hub_is_named_whoever_is_seen_first(order: Sequence[str], every_s: int) -> None:
    hand = started()
    blink(hand, order, every_s=every_s)
    assert named(hand) == {HUB}
    assert told(hand) == [NoticeKind.INCIDENT]
    for notice in hand.notices():
        assert {one.device for one in notice.devices if one.state == "flapping"} == {HUB}
    facts = {one.device: one.state for one in hand.world.tally.device_facts.values()}
    assert facts == {HUB: "flapping", **dict.fromkeys(BELOW, "hidden")}
    for device in BELOW:
        row = hand.world.state.devices[device]
        assert device_cause(hand.world, row) == "随上级设备「cmcc站1主机」频繁闪断"
        assert worldview.why(hand.world, device, row).en == "comes and goes with cmcc站1主机"
        assert list(alarmview.alarms(hand.world, device)) == []
        view = device_view(hand.world, device, Disclosure.FULL)
        assert view.cause == "upstream"
        assert view.detail is not None
        assert view.detail.alarms == ()
    assert [one.flapping for one in alarmview.alarms(hand.world, HUB)] == [True]
    assert consequence.counts(hand.world) == (0, 0, 0, 0, 0)  # nothing is lost
    hand.pass_s(HOUR)
    assert hand.world.tally.device_facts == {}
    assert told(hand) == [NoticeKind.INCIDENT, NoticeKind.RECOVERY]
    assert {row["device"] for row in hand.records("flapping_over")} == {HUB}
    assert named(hand) == {HUB}


def test_it_ends_down_and_they_are_hidden_behind_it() -> None:
    hand = started()
    blink(hand, (HUB, *BELOW), times=21)
    hand.pass_s(HOUR)
    assert hand.status(HUB) == "down"
    assert {hand.status(device) for device in BELOW} == {"hidden"}
    assert named(hand) == {HUB}


def test_who_has_another_way_flaps_by_itself() -> None:
    hand = started()
    blink(hand, ("cmcc-d7", HUB))
    assert named(hand) == {HUB, "cmcc-d7"}


def test_who_flaps_below_a_steady_hub_is_named() -> None:
    hand = started()
    blink(hand, ("cmcc-d5", "cmcc-d6"))
    assert named(hand) == {"cmcc-d5", "cmcc-d6"}  # d6 has another way, which is steady


def test_who_goes_on_when_the_hub_is_steady_is_named_then() -> None:
    hand = started()
    blink(hand, (HUB, "cmcc-d2"))
    assert named(hand) == {HUB}
    blink(hand, ("cmcc-d2",), times=120)
    assert named(hand) == {HUB, "cmcc-d2"}
    changes: list[StatusChange] = (
        hand.world.state.devices["cmcc-d2"].alarms[f"{UNREACHABLE}|"].changes
    )
    assert [one.word for one in changes if one.word == "flapping"] == ["flapping"]


def test_a_restart_forgets_nothing_of_it() -> None:
    hand = started()
    blink(hand, (*BELOW, HUB))
    again = worlds.load(worlds.dump(hand.world), lambda _: hand.world.county)
    assert again.tally.device_facts == hand.world.tally.device_facts
    other = Hand(again, hand.now, seqs=dict(hand.seqs), rounds=hand.rounds)
    for one in (hand, other):
        one.pass_s(HOUR)
    assert worlds.state_hash(again) == worlds.state_hash(hand.world)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32))
def test_in_any_tree_and_any_order_only_the_root_is_named(seed: int) -> None:
    dice = random.Random(seed)
    names = [f"cmcc-d{n}" for n in range(1, 11)]
    parents = {
        name: tuple(dict.fromkeys(dice.choices(names[:at], k=dice.randrange(1, 3))))
        for at, name in enumerate(names)
        if at
    }
    hand = started(parents)
    root = dice.choice(names[:4])
    cut = {root}
    for name in names:  # what has no way but through the root
        if name in parents and cut.issuperset(parents[name]):
            cut.add(name)
    began, every = hand.now, dice.choice([20, 40, 70]) * 1000
    for n in range(14):
        outcome = Outcome.MEASURED if n % 2 else Outcome.NO_ANSWER
        moments = sorted((dice.randrange(every * 9 // 10), name) for name in cut)
        for after, name in moments:
            hand.pass_s((began + n * every + after - hand.now) / 1000)
            hand.looks(outcome, name)
    hand.pass_s(60)
    assert named(hand) == {root}
    states = {one.device: one.state for one in hand.world.tally.device_facts.values()}
    assert states == {name: "flapping" if name == root else "hidden" for name in cut}
    hand.pass_s(HOUR)
    assert named(hand) == {root}
    assert hand.world.tally.device_facts == {}
