"""After every event the incremental result equals a recomputation from scratch."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from collector import world as worlds
from collector.base import World
from collector.impact import status_of
from collector.networks import operator_rules
from collector.state import SiteWord, Status
from config.register import Device, InformationSystem, Needs
from tests.collector.small import OPERATORS, Hand, agent_of, county, register
from wire.observation import Method, Outcome

PARENTS = {
    "cmcc-d2": ("cmcc-d1",),
    "cmcc-d3": ("cmcc-d1", "cmcc-d2"),
    "cmcc-d4": ("tower-d1",),
    "cucc-d1": ("tower-d1",),
    "tower-d2": ("tower-d1",),
    "tower-d3": ("tower-d2",),
}
SYSTEMS = (
    InformationSystem(id="egov", name="电子政务外网", devices=("cmcc-d1", "cucc-d1")),
    InformationSystem(id="e110", name="110", devices=("ctcc-d1", "ctcc-d2"), needs=Needs.ANY),
)
EXTRA = (
    Device(id="cmcc-x1", name="出口", site="cmcc-s1", egress=True),
    Device(id="tower-p1", name="电源", site="tower-s1", main=False),
)
COUNTY = county(register(sites=4, parents=PARENTS, systems=SYSTEMS, extra=EXTRA))
DEVICES = sorted(COUNTY.operator_of)


def random_event(hand: Hand, dice: random.Random, names: list[str] = DEVICES) -> None:
    device = dice.choice(names)
    agent = agent_of(device)
    match dice.randrange(12):
        case 0 | 1 | 2 | 3:
            outcome = dice.choice([Outcome.MEASURED, Outcome.NO_ANSWER, Outcome.NO_ANSWER])
            hand.looks(outcome, device)
        case 4:
            look = hand.look(device, dice.choice(list(Outcome)), dice.choice(list(Method)))
            hand.turn(hand.say(agent, look))
        case 5:
            hand.turn(hand.reading(device, "mains", dice.choice([1, 2])))
        case 6:
            hand.turn(hand.reading(device, "temperature", dice.randrange(30, 45)))
        case 7:
            hand.turn(hand.round(agent, *dice.sample(names, dice.randrange(3))))
        case 8:
            session = hand.world.agent(agent).session + dice.choice([0, 0, 1])
            hand.turn(hand.alive(agent, session=session, online=dice.random() < 0.5))
        case 9:
            without = frozenset(dice.sample(names, dice.choice([0, 0, 2])))
            hand.turn(hand.birth(agent, hand.world.agent(agent).session + 1, without))
        case _:
            hand.now += dice.choice([1, 10_000, 60_000, 181_000, 600_000])
            hand.turn()


def brute_force(world: World) -> None:
    """The words and counts again, by plain loops over everything."""
    for device, row in world.state.devices.items():
        assert row.status is status_of(world, device, row), device
        down = row.status in {Status.DOWN, Status.HIDDEN}
        alarm = row.alarms.get("device-unreachable|")
        assert down is bool(alarm and alarm.active), device
    for operator in COUNTY.operators:
        out = sites = unknown = 0
        for site in COUNTY.register.sites:
            state = world.state.sites.get(site.id)
            if site.operator != operator or state is None or state.word is SiteWord.NEW:
                continue
            sites += 1
            out += state.word is SiteWord.OUT
            unknown += world.tally.site_shares[site.id].unknown
        count = world.tally.operators.get(operator)
        if count is not None:
            assert (count.sites, count.out, count.unknown) == (sites, out, unknown)
        rules = world.state.operators[operator].rules
        for name, judged in operator_rules(world, operator, rules).items():
            if name in rules:
                waits = rules[name].phase.value in {"pending", "raised"}
                assert waits is judged.bad, (operator, name)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_incremental_equals_from_scratch(seed: int) -> None:
    dice = random.Random(seed)
    hand = Hand.of(COUNTY)
    if dice.random() < 0.8:
        hand.everyone()
    for _ in range(60):
        random_event(hand, dice)
        brute_force(hand.world)
    raw = worlds.dump(hand.world)
    again = worlds.load(raw, lambda _: COUNTY)
    assert again.tally == hand.world.tally
    assert worlds.dump(again) == raw


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_the_world_is_a_fold_and_a_snapshot_changes_nothing(seed: int) -> None:
    dice = random.Random(seed)
    hand = Hand.of(COUNTY)
    hand.everyone()
    middle, at = worlds.dump(hand.world), 0
    for n in range(40):
        random_event(hand, dice)
        if n == 20:
            middle, at = worlds.dump(hand.world), len(hand.inputs)
            effects = len(hand.effects)
    replay = worlds.load(middle, lambda _: COUNTY)
    made = [e for now, one in hand.inputs[at:] for e in worlds.step(replay, now, one)]
    assert worlds.state_hash(replay) == worlds.state_hash(hand.world)
    assert made == hand.effects[effects:]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_unknown_never_clears(seed: int) -> None:
    """Silence of everybody, at any moment and for any time, ends no alarm and no impact."""
    dice = random.Random(seed)
    hand = Hand.of(COUNTY)
    hand.everyone()
    for _ in range(30):
        random_event(hand, dice)
    for operator in OPERATORS:
        session = hand.world.agent(f"agent-{operator}").session
        hand.turn(hand.alive(f"agent-{operator}", session=session, online=False))
    down = {d for d, r in hand.world.state.devices.items() if r.status in {"down", "hidden"}}
    for _ in range(10):
        hand.now += 600_000
        hand.turn()
    after = {d for d, r in hand.world.state.devices.items() if r.status in {"down", "hidden"}}
    assert after == down
