"""A child is cut off only when every path up is interrupted: against all paths one by one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector import inhibit
from collector import world as worlds
from collector.asking import requests
from collector.base import World
from collector.hold import Phase
from collector.state import Alarm, DeviceState
from config.check import check_register
from tests.collector.small import POLICY, T0, Hand, agent_of, county, devices, register
from wire.observation import Method, Outcome
from wire.topics import Topics

NAMES = devices("cmcc", *range(1, 9))
ANSWERS, SILENT, UNSEEN = "answers", "silent", "unseen"

graphs = st.dictionaries(
    st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=3, unique=True), max_size=8
)
states = st.fixed_dictionaries(
    {name: st.sampled_from([ANSWERS, SILENT, SILENT, UNSEEN]) for name in NAMES}
)


def world_of(parents: dict[str, list[str]], said: dict[str, str]) -> World:
    above = {name: tuple(p for p in own if p != name) for name, own in parents.items()}
    made = worlds.new(
        county(register(sites=8, operators=("cmcc",), parents=above)), store=1, now_ms=T0
    )
    for name in NAMES:
        row = made.state.devices[name] = DeviceState(known=said[name] != UNSEEN)
        row.commissioned_ms = T0
        if said[name] == SILENT:
            row.alarms["device-unreachable|"] = Alarm(Phase.RAISED, T0, T0, None, bad=True)
    return made


def paths(world: World, device: str, said: dict[str, str]) -> Iterator[str]:
    """What each way up says that meets nobody twice: who first answers or is silent, or its root.

    A way that ends at nobody says nothing.
    """
    # Of a ring from which nothing leads out no parent is believed (the check refuses it).
    above = {d.id: world.county.parents.get(d.id, ()) for d in world.county.register.devices}
    ways: list[tuple[str, ...]] = [(parent,) for parent in above[device]]
    while ways:
        way = ways.pop()
        last = way[-1]
        if said[last] != UNSEEN or not above[last]:
            yield said[last]
        else:
            ways += [(*way, up) for up in above[last] if up not in (*way, device)]


@settings(max_examples=200, deadline=None)
@given(graphs, states)
def test_cut_off_is_when_all_paths_are_interrupted(
    parents: dict[str, list[str]], said: dict[str, str]
) -> None:
    world = world_of(parents, said)
    hangs = world.county.parents
    for name in NAMES:
        found = list(paths(world, name, said)) if name in hangs else []
        expected = bool(found) and all(word == SILENT for word in found)
        assert inhibit.cut_off(world, name) is expected, (name, found)
        roots = inhibit.causes(world, name)
        assert bool(roots) is expected
        assert all(said[one] == SILENT and not inhibit.cut_off(world, one) for one in roots)


@settings(max_examples=100, deadline=None)
@given(graphs, states, st.sampled_from(NAMES), st.sampled_from([ANSWERS, SILENT, UNSEEN]))
def test_who_is_judged_again_after_a_change_is_everybody_whom_it_concerns(
    parents: dict[str, list[str]], said: dict[str, str], changed: str, now: str
) -> None:
    before, after = world_of(parents, said), world_of(parents, {**said, changed: now})
    for name in NAMES:
        row = before.state.devices[name]
        row.hidden_by = inhibit.causes(before, name) if said[name] == SILENT else []
        after.state.devices[name].hidden_by = row.hidden_by
    after.wave.begin([changed])
    inhibit.refresh(after, inhibit.take(after, 100))
    for name in NAMES:
        row = after.state.devices[name]
        wanted = inhibit.causes(after, name) if inhibit.unreachable(after, name) else []
        assert row.hidden_by == wanted, name


RING = {
    "cmcc-d2": ("cmcc-d1", "cmcc-d3"),
    "cmcc-d3": ("cmcc-d2", "cmcc-d4"),
    "cmcc-d4": ("cmcc-d3", "cmcc-d5"),
    "cmcc-d5": ("cmcc-d4", "cmcc-d1"),
}
"""A head with two ends, four on the ring between them; each reached from either side."""


@pytest.mark.parametrize(
    ("silent", "hidden"),
    [
        ((2,), ()),  # one cut: the rest is reached the other way round
        ((2, 5), ()),
        ((2, 3, 4, 5), (3, 4)),  # both ends: what lies between is cut off by them
        ((2, 3), ()),
        ((2, 3, 4), (3,)),  # the other way round ends at 4
        ((1, 2, 3, 4, 5), (2, 3, 4, 5)),
    ],
)
def test_a_ring_with_cuts(silent: tuple[int, ...], hidden: tuple[int, ...]) -> None:
    reg = register(operators=("cmcc",), parents=RING)
    assert not [fault for fault in check_register(reg) if "circle" in str(fault)]
    hand = Hand.of(county(reg))
    hand.everyone()
    hand.looks(Outcome.NO_ANSWER, *devices("cmcc", *silent))
    hand.pass_s(400)
    found = {n: hand.status(f"cmcc-d{n}") for n in range(1, 6)}
    assert found == {
        n: "hidden" if n in hidden else "down" if n in silent else "ok" for n in range(1, 6)
    }


def test_a_diamond_and_a_dual_homed_site_stand_while_one_side_does() -> None:
    diamond = {
        "cmcc-d2": ("cmcc-d1",),
        "cmcc-d3": ("tower-d1",),
        "cmcc-d4": ("cmcc-d2", "cmcc-d3"),
    }
    hand = Hand.of(county(register(parents=diamond)))
    hand.everyone()
    hand.looks(Outcome.NO_ANSWER, *devices("cmcc", 1, 2, 4))
    hand.pass_s(400)
    assert [hand.status(d) for d in devices("cmcc", 1, 2, 4)] == ["down", "hidden", "down"]
    hand.looks(Outcome.NO_ANSWER, "tower-d1", "cmcc-d3")
    hand.pass_s(400)
    assert [hand.status(d) for d in devices("cmcc", 3, 4)] == ["hidden", "hidden"]
    assert hand.world.state.devices["cmcc-d4"].hidden_by == ["cmcc-d1", "tower-d1"]


def test_a_fault_is_seen_through_equipment_that_nobody_looks_at() -> None:
    chain = {"cmcc-d2": ("cmcc-d1",), "cmcc-d3": ("cmcc-d2",)}
    hand = Hand.of(county(register(parents=chain)))
    looked = [d for d in hand.world.county.devices if d != "cmcc-d2"]
    for operator in ("cmcc", "cucc", "ctcc", "tower"):
        own = [d for d in looked if d.startswith(operator)]
        items = [hand.look(d, Outcome.MEASURED, m) for d in own for m in Method]
        hand.turn(hand.birth(f"agent-{operator}"), hand.say(f"agent-{operator}", *items))
    hand.looks(Outcome.NO_ANSWER, *devices("cmcc", 1, 3))
    hand.pass_s(400)
    assert [hand.status(d) for d in devices("cmcc", 1, 3)] == ["down", "hidden"]
    assert hand.world.state.devices["cmcc-d3"].hidden_by == ["cmcc-d1"]


def hasty() -> Hand:
    """Delays of three seconds, rounds of a minute: the child's word comes before the parent's."""
    reg = register(sites=3, operators=("cmcc",), parents={"cmcc-d2": ("cmcc-d1",)})
    alarms = tuple(
        kind.model_copy(update={"raise_delay_s": 3}) if kind.id == "device-unreachable" else kind
        for kind in POLICY.alarms
    )
    made = county(reg, policy=POLICY.model_copy(update={"alarms": alarms}))
    hand = Hand.of(made)
    hand.everyone()
    hand.turn(hand.round("agent-cmcc", interval_ms=60_000))
    hand.pass_s(10)
    hand.world.wishes = {}
    return hand


def say_silent(hand: Hand, device: str) -> None:
    """Two looks without an answer: it is confirmed."""
    began = hand.now
    for _ in range(2):
        said = [hand.look(device, Outcome.NO_ANSWER, m) for m in Method]
        hand.turn(hand.say("agent-cmcc", *(x.model_copy(update={"since_ms": began}) for x in said)))
        hand.now += 1000


@pytest.mark.parametrize(("parent", "status"), [("silent", "hidden"), ("answers", "down")])
def test_a_childs_word_waits_for_a_fresh_look_at_its_parent_and_asks_for_it(
    parent: str, status: str
) -> None:
    hand = hasty()
    say_silent(hand, "cmcc-d2")
    hand.now += 4000
    hand.turn()
    topics = Topics("140522", "live")
    asked = list(requests(hand.world, topics, hand.now, hand.world.wishes))
    assert [(topic, wish.devices) for topic, wish in asked] == [
        ("wanglou/1/live/140522/cmcc/agent-cmcc/request", ("cmcc-d1",))
    ]
    assert hand.status("cmcc-d2") == "ok"
    if parent == "silent":
        say_silent(hand, "cmcc-d1")
    else:
        hand.looks(Outcome.MEASURED, "cmcc-d1")
    hand.now += 1000
    hand.turn()
    assert hand.status("cmcc-d2") == status
    assert not hand.world.state.asked
    down = [f.device for f in hand.notices()[0].devices if f.state == "down"]
    assert down == (["cmcc-d1"] if parent == "silent" else ["cmcc-d2"])


def test_nobody_answers_the_wish_and_the_child_speaks_after_a_minute() -> None:
    hand = hasty()
    began = hand.now
    say_silent(hand, "cmcc-d2")
    while hand.status("cmcc-d2") == "ok":
        due = hand.world.next_deadline()
        assert due is not None
        hand.now = max(hand.now, due)
        hand.turn()
    assert hand.status("cmcc-d2") == "down"
    assert hand.now - began <= 61_000
    assert agent_of("cmcc-d2") == "agent-cmcc"
