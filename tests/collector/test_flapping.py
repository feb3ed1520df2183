"""Flapping (F28), and the alarm machine: a restart at any moment changes nothing (F22)."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector import flapping
from collector import world as worlds
from collector.base import World
from config.policy import FlapPolicy
from tests.collector.small import POLICY, Hand, county, register
from tests.collector.test_maintenance import HOUR, made, say, told, window
from wire.alarm import AlarmVerb
from wire.notice import NoticeKind
from wire.observation import Outcome

RULE = POLICY.flap
RULES = st.builds(
    FlapPolicy,
    transitions=st.integers(2, 20),
    window_s=st.integers(0, 7200),
    hold_s=st.integers(0, 86_400),
    src=st.just("prop"),
)


@settings(max_examples=150, deadline=None)
@given(RULES, st.lists(st.integers(0, 3_600_000), max_size=60))
def test_the_penalty_is_bounded_decays_and_ends(rule: FlapPolicy, gaps: list[int]) -> None:
    penalty = 0
    for gap in gaps:
        left = flapping.decayed(penalty, gap, rule)
        assert 0 <= left <= penalty
        penalty = flapping.changed(penalty, gap, rule)
        assert penalty <= flapping.ceiling(rule)
        assert penalty == min(left + flapping.ONE, flapping.ceiling(rule))
    lasts = flapping.lasts_ms(penalty, rule)
    assert 0 <= lasts <= rule.hold_s * 1000
    if lasts < rule.hold_s * 1000:
        assert flapping.decayed(penalty, lasts, rule) <= flapping.ONE


@settings(max_examples=50)
@given(RULES)
def test_so_many_changes_at_once_begin_it_and_one_fewer_does_not(rule: FlapPolicy) -> None:
    penalty = 0
    for n in range(1, rule.transitions + 1):
        penalty = flapping.changed(penalty, 0, rule)
        assert flapping.begins(penalty, rule) is (n == rule.transitions)


def test_what_flapped_longer_is_held_longer_up_to_the_hold() -> None:
    held, penalty = [], 0
    for _ in range(30):
        penalty = flapping.changed(penalty, 1000, RULE)
        held.append(flapping.lasts_ms(penalty, RULE))
    assert held == sorted(held)
    assert 1300_000 < held[4] < 1500_000
    assert held[-1] == RULE.hold_s * 1000


def blink(hand: Hand, seconds: int, device: str = "cmcc-d5") -> None:
    """Down, up, down … once a second, as a link that flaps at 1 Hz is seen."""
    for n in range(seconds):
        hand.now += 1000
        hand.looks(Outcome.NO_ANSWER if n % 2 == 0 else Outcome.MEASURED, device)
        if n % 30 == 0:
            hand.turn(*(hand.round(agent) for agent in hand.world.county.sources))


@pytest.mark.parametrize(("more", "net"), [(0, "up"), (1, "down")])
def test_a_link_flapping_at_1_hz_is_one_notice_and_the_net_change(more: int, net: str) -> None:
    hand = made()
    blink(hand, 600 + more)
    (incident,) = told(hand, NoticeKind.INCIDENT)
    assert [(one.device, one.state) for one in incident.devices] == [("cmcc-d5", "flapping")]
    assert incident.sites == ()
    assert len(hand.notices()) == 1
    assert hand.impact("cmcc") == "none"
    hand.pass_s(HOUR)
    over = [one for one in hand.records("flapping_over") if one["type"] == "device-unreachable"]
    assert [one["bad"] for one in over] == [net == "down"]
    news = [one for one in hand.notices()[1:] if one.notice_kind is not NoticeKind.REMINDER]
    if net == "up":
        assert [one.notice_kind for one in news] == [NoticeKind.RECOVERY]
        assert hand.status("cmcc-d5") == "ok"
    else:
        assert [(one.device, one.state) for one in news[-1].devices] == [("cmcc-d5", "down")]
        assert hand.status("cmcc-d5") == "down"
    words = [one.word for one in hand.world.state.devices["cmcc-d5"].alarms[
        "device-unreachable|"].changes]  # fmt: skip
    assert words[0] == "flapping"
    assert words[-1] in {"settled", "raised"}


def test_flapping_survives_a_restart_and_ends_at_the_same_moment() -> None:
    hand = made()
    blink(hand, 60)
    again = Hand(restarted(hand.world), hand.now, seqs=dict(hand.seqs), rounds=hand.rounds)
    for one in (hand, again):
        one.pass_s(HOUR)
    assert again.records("flapping_over") == hand.records("flapping_over")
    assert worlds.state_hash(again.world) == worlds.state_hash(hand.world)


def restarted(world: World) -> World:
    return worlds.load(worlds.dump(world), lambda _: world.county)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 179))
def test_a_pending_alarm_goes_on_after_a_restart(at_s: int) -> None:
    hand = Hand.of(county(register(sites=2)))
    hand.everyone()
    began = hand.now
    hand.looks(Outcome.NO_ANSWER, "cmcc-d1")
    hand.pass_s(at_s)
    hand.world = restarted(hand.world)
    hand.pass_s(400 - at_s)
    raised = [one["at_ms"] for one in hand.records("alarm") if one["type"] == "device-unreachable"]
    assert raised == [began + 180_000]


def story(hand: Hand, dice: random.Random) -> None:
    """One event: looks, readings, words, time."""
    device = f"cmcc-d{dice.choice([2, 3, 4, 5, 6])}"
    alarm = f"{device}|device-unreachable|"
    match dice.randrange(11):
        case 0 | 1 | 2:
            hand.looks(dice.choice([Outcome.NO_ANSWER, Outcome.MEASURED]), device)
        case 3:
            hand.turn(hand.reading(device, "temperature", dice.choice([20, 37, 50])))
        case 4:
            blink(hand, dice.randrange(2, 9), device)
        case 5:
            given = window(hand, f"device:{device}", of_s=dice.choice([0, 60]), to_s=900)
            say(hand, AlarmVerb.MAINTAIN, window=given)
        case 6:
            ids = sorted(hand.world.state.hush.windows)
            say(hand, AlarmVerb.END, target=dice.choice(ids) if ids else "w-none")
        case 7:
            verb = dice.choice([AlarmVerb.ACK, AlarmVerb.CLOSE, AlarmVerb.UNSHELVE])
            say(hand, verb, alarms=(alarm,))
        case 8:
            say(hand, AlarmVerb.SHELVE, alarms=(alarm,), name="搁置", text="已知", valid_s=600)
        case 9:
            say(hand, AlarmVerb.PURGE, older_s=dice.choice([0, 600]))
        case _:
            hand.pass_s(dice.choice([1, 60, 400]))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_a_restart_at_any_moment_gives_the_same_future(seed: int) -> None:
    dice = random.Random(seed)
    hand = made()
    cuts = []
    for _ in range(25):
        story(hand, dice)
        cuts.append((worlds.dump(hand.world), len(hand.inputs), len(hand.effects)))
    raw, inputs, effects = dice.choice(cuts)
    again = worlds.load(raw, lambda _: hand.world.county)
    later = [e for at, one in hand.inputs[inputs:] for e in worlds.step(again, at, one)]
    assert later == hand.effects[effects:]
    assert worlds.state_hash(again) == worlds.state_hash(hand.world)
    settled(hand.world)


def settled(world: World) -> None:
    """What must hold of shelves and windows in every state."""
    hush, tally = world.state.hush, world.tally
    assert hush.open.keys() == hush.covers.keys() == hush.names.keys()
    assert world.covered == {device for devices in hush.covers.values() for device in devices}
    assert "cmcc-d1" not in world.covered  # a key unit's
    for device, why in tally.quiet_devices.items():
        assert device in tally.device_facts
        assert why in {"shelved", "maintenance"}
    whole = restarted(world).tally
    assert tally.site_shares == whole.site_shares
    assert tally.device_shares == whole.device_shares
    assert tally.quiet_devices == whole.quiet_devices
    assert tally.quiet_sites == whole.quiet_sites
    assert {k: v for k, v in tally.operators.items() if v.sites} == whole.operators
    assert {k: v for k, v in tally.cells.items() if v.sites} == whole.cells
    shown = world.situation
    assert shown is not None
    assert {one.device for one in shown.devices}.isdisjoint(tally.quiet_devices)
    assert {one.site for one in shown.sites}.isdisjoint(tally.quiet_sites)
