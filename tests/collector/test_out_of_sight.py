"""An alarm of which nobody can see now what it is about is unknown: neither going on nor over."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector import board
from collector.explain import explain
from collector.explanation import Why
from collector.views import device_view
from collector.web import alarmview, lists
from collector.web.export import NOW, rows
from collector.web.index import Index, Moment
from config.register import Source
from tests.collector.small import Hand, county, register
from tests.collector.test_incremental import COUNTY, DEVICES, random_event
from tests.web.test_live import House, Telling
from wire.observation import Method, Outcome
from wire.view import Disclosure

MAINS = "cmcc-d1|mains-failure|"
HOT = "cmcc-d1|temperature-high|"
SILENT = "cmcc-d1|snmp-failure|"
GONE = "cmcc-d1|device-unreachable|"
LINK = "cmcc-d1|link-down|e1"


def ready(made: type[Hand] = Hand) -> Hand:
    """Mains lost and a line down for long; it was too hot, and is no more."""
    hand = made.of(county(register(sites=2)))
    hand.everyone()
    hand.turn(hand.reading("cmcc-d1", "mains", 2), hand.reading("cmcc-d1", "temperature", 50))
    hand.turn(hand.reading("cmcc-d1", "oper-status", 2, "e1"))
    hand.pass_s(900)
    hand.turn(hand.reading("cmcc-d1", "temperature", 20))
    hand.pass_s(900)
    return hand


def look(hand: Hand, outcome: Outcome, method: Method) -> None:
    hand.turn(hand.say("agent-cmcc", hand.look("cmcc-d1", outcome, method)))


def unseen(hand: Hand) -> None:
    hand.turn(hand.alive("agent-cmcc", online=False))
    hand.pass_s(600, silent=("agent-cmcc",))


def mute(hand: Hand) -> None:
    look(hand, Outcome.NO_ANSWER, Method.SNMP)
    hand.pass_s(600)


def refused(hand: Hand) -> None:
    look(hand, Outcome.REFUSED, Method.SNMP)
    hand.pass_s(600)


def down(hand: Hand) -> None:
    hand.looks(Outcome.NO_ANSWER, "cmcc-d1")
    hand.pass_s(600)


def unlooked(hand: Hand) -> None:
    look(hand, Outcome.COULD_NOT_LOOK, Method.SNMP)
    hand.pass_s(600)


def no_such_object(hand: Hand) -> None:
    hand.turn(hand.reading("cmcc-d1", "oper-status", None, "e1"))


def down_and_unseen(hand: Hand) -> None:
    down(hand)
    unseen(hand)


CASES: dict[str, tuple[Callable[[Hand], None], set[str], set[str]]] = {
    "all is seen": (lambda _: None, set(), {MAINS, LINK, HOT}),
    "its agent is silent": (unseen, {MAINS, LINK, HOT}, set()),
    "SNMP is silent": (mute, {MAINS, LINK, HOT}, {SILENT}),
    "SNMP is refused": (refused, {MAINS, LINK, HOT}, {SILENT}),
    "it is down": (down, {MAINS, LINK, HOT}, {GONE}),
    "it was down when its agent fell silent": (down_and_unseen, {MAINS, LINK, HOT, GONE}, set()),
    "the agent cannot look by SNMP": (unlooked, {MAINS, LINK, HOT}, set()),
    "the line is no more": (no_such_object, {LINK}, {MAINS, HOT}),
}


def shown(hand: Hand) -> dict[str, bool]:
    held = (*alarmview.alarms(hand.world, "cmcc-d1"), *alarmview.cleared(hand.world, "cmcc-d1"))
    return {one.id: one.unknown for one in held}


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_seen_is_neither_raised_nor_cleared_as_measured(case: str) -> None:
    happens, unknown, known = CASES[case]
    hand = ready()
    happens(hand)
    found = shown(hand)
    assert {one for one, gone in found.items() if gone} == unknown
    assert {one for one, gone in found.items() if not gone} == known
    # The same on the other ways out: status --json, the retained topic, explain.
    said = board.device(hand.world, "cmcc-d1")["alarms"]
    assert {f"cmcc-d1|{key}" for key, one in said.items() if one["unknown"]} == unknown - {HOT}
    detail = device_view(hand.world, "cmcc-d1", Disclosure.FULL).detail
    assert detail is not None
    retained = {f"cmcc-d1|{one.type}|{one.qualifier}" for one in detail.alarms if one.unknown}
    assert retained == unknown - {HOT}
    assert all(("unknown" in one.model_dump()) is one.unknown for one in detail.alarms)
    told = {f"cmcc-d1|{one.id}": one for one in alarms_in(hand)}
    assert {key for key, one in told.items() if one.state == "unknown"} == unknown - {HOT}
    for key in unknown - {HOT}:
        assert "是否仍在不明" in told[key].text.zh
        assert "unknown" in told[key].text.en


def alarms_in(hand: Hand) -> list[Why]:
    found, ahead = [], [explain(hand.world, hand.now, "cmcc-d1").why]
    while ahead:
        node = ahead.pop()
        found += [node] if node.kind == "alarm" else []
        ahead += node.parts
    return found


async def test_what_comes_into_sight_again_is_known_again() -> None:
    hand = ready(Telling)
    assert isinstance(hand, Telling)
    house = House(hand)
    for happens in (unlooked, down, refused):
        happens(hand)
        for unknown in (True, False):
            listed = {one.id: one.unknown for one in house.board().alarms}
            assert listed[MAINS] is shown(hand)[MAINS] is unknown
            for method in Method:
                look(hand, Outcome.MEASURED, method)


async def test_the_list_and_its_export_say_so() -> None:
    hand = ready(Telling)
    assert isinstance(hand, Telling)
    house = House(hand)
    house.board()
    unseen(hand)
    moment = Moment(house.board(), Index(house.board().static))
    query = lists.AlarmQuery(show="unknown")
    found = [lists.alarm_item(moment, one) for one in lists.alarms(moment, query)]
    assert {one.id for one in found if one.unknown} == {MAINS, LINK, HOT}
    assert {one.id for one in found} == {MAINS, LINK, HOT}
    (cleared,) = [one for one in found if one.id == HOT]
    assert cleared.cleared_ms is not None  # when it was last seen to end stays said
    lines = await rows(moment, query)
    assert [line[5] for line in lines] == [NOW["unknown"]] * 3


def two_agents() -> Telling:
    """China Mobile's devices are seen by two agents."""
    bundle = COUNTY.bundle
    sources = (*bundle.register_.sources, Source(agent="agent-second", operator="cmcc"))
    reg = bundle.register_.model_copy(update={"sources": sources})
    hand = Telling.of(county(reg))
    assert isinstance(hand, Telling)
    return hand


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_the_list_follows_every_event(seed: int) -> None:
    """Rows are made anew only for what a turn judged: so it must judge whatever comes in sight."""
    dice = random.Random(seed)
    hand = two_agents()
    hand.everyone()
    house = House(hand)
    for _ in range(40):
        if dice.random() < 0.3:
            by_another(hand, dice)
        else:
            random_event(hand, dice)
        fresh = {
            one.id: one.unknown
            for name in DEVICES
            for one in (*alarmview.alarms(hand.world, name), *alarmview.cleared(hand.world, name))
        }
        assert {one.id: one.unknown for one in house.board().alarms} == fresh


def by_another(hand: Hand, dice: random.Random) -> None:
    """The second agent says something of a device, of itself, or that a round is over."""
    device = dice.choice([name for name in DEVICES if name.startswith("cmcc")])
    match dice.randrange(4):
        case 0:
            outcome, method = dice.choice(list(Outcome)), dice.choice(list(Method))
            hand.turn(hand.say("agent-second", hand.look(device, outcome, method)))
        case 1:
            hand.turn(hand.say("agent-second", *(hand.look(device, method=m) for m in Method)))
        case 2:
            hand.turn(hand.round("agent-second", *([device] if dice.random() < 0.5 else [])))
        case _:
            session = hand.world.agent("agent-second").session + dice.choice([0, 1])
            hand.turn(hand.alive("agent-second", session=session, online=dice.random() < 0.6))
