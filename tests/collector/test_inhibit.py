"""What hangs on what is down: hidden, counted, whatever the order of arrival (FAULTS F34).

``python -m tests.collector.test_inhibit 1000`` shuffles a thousand times; a minute.
"""

from __future__ import annotations

import random
import sys

import pytest

from collector import world as worlds
from collector.base import World
from tests.collector.small import T0, Hand, county, devices, register
from wire.notice import NoticeKind
from wire.observation import Look, Method, Outcome

CHILDREN = 200


def star() -> Hand:
    """One hub, 200 children behind it, and others that stay well."""
    parents = {f"cmcc-d{n}": ("cmcc-d1",) for n in range(2, CHILDREN + 2)}
    reg = register(sites=CHILDREN + 1, operators=("cmcc", "cucc"), parents=parents)
    hand = Hand.of(county(reg))
    hand.everyone()
    return hand


def verdict(world: World) -> tuple[object, ...]:
    """What must not depend on the order of arrival; stamps of arrival do."""
    assert world.situation is not None
    return (
        world.situation.verdict,
        sorted((f.device, f.state, f.cause.partition("（")[0]) for f in world.situation.devices),
        sorted((f.site, f.state, f.cause) for f in world.situation.sites),
        {o: (c.out, c.unknown, c.weight_out) for o, c in world.tally.operators.items()},
    )


def test_parent_and_200_children_in_any_order_are_one_fault_and_impact_201() -> None:
    shuffle(60)


def shuffle(times: int) -> None:
    """The hub and all of its children fall silent within a minute, each time in another order."""
    hand = star()
    start, now = worlds.dump(hand.world), hand.now
    found = set()
    told = set()
    for seed in range(times):
        dice = random.Random(seed)
        world = worlds.load(start, lambda _: hand.world.county)
        other = Hand(world, now=now, seqs=dict(hand.seqs), rounds=hand.rounds)
        arrivals = sorted(
            (dice.randrange(60_000), device) for device in devices("cmcc", *range(1, CHILDREN + 2))
        )
        for after, device in arrivals:
            other.now = now + after
            other.looks(Outcome.NO_ANSWER, device)
        other.pass_s(900)
        found.add(repr(verdict(world)))
        told.add(tuple(n.notice_kind for n in other.notices() if n.notice_kind == "incident"))
        assert sum(f.state == "down" for f in world.tally.device_facts.values()) == 1
        assert world.tally.operators["cmcc"].out == CHILDREN + 1
    assert len(found) == 1
    assert told == {(NoticeKind.INCIDENT,)}


@pytest.mark.parametrize("parent_first", [True, False])
def test_a_childs_word_waits_for_its_parents_delay(*, parent_first: bool) -> None:
    parents = {"cmcc-d2": ("cmcc-d1",)}
    hand = Hand.of(county(register(parents=parents)))
    hand.everyone()
    order = ["cmcc-d1", "cmcc-d2"] if parent_first else ["cmcc-d2", "cmcc-d1"]
    hand.looks(Outcome.NO_ANSWER, order[0])
    hand.now += 50_000
    hand.looks(Outcome.NO_ANSWER, order[1])
    hand.pass_s(400)
    assert hand.status("cmcc-d1") == "down"
    assert hand.status("cmcc-d2") == "hidden"
    raised = [str(one["device"]) for one in hand.records("alarm")]
    assert sorted(raised) == ["cmcc-d1", "cmcc-d2"]


def test_one_living_parent_is_enough() -> None:
    parents = {"cmcc-d3": ("cmcc-d1", "cmcc-d2")}
    hand = Hand.of(county(register(parents=parents)))
    hand.everyone()
    hand.looks(Outcome.NO_ANSWER, "cmcc-d1", "cmcc-d3")
    hand.pass_s(200)
    assert hand.status("cmcc-d3") == "down"
    hand.looks(Outcome.NO_ANSWER, "cmcc-d2")
    hand.pass_s(200)
    assert hand.status("cmcc-d3") == "hidden"
    assert hand.world.state.devices["cmcc-d3"].hidden_by == ["cmcc-d1", "cmcc-d2"]
    hand.looks(Outcome.MEASURED, "cmcc-d1")
    hand.pass_s(70)
    assert hand.status("cmcc-d3") == "down"


def test_a_whole_ring_down_hides_nobody_and_one_that_hangs_on_a_head_hides_all_but_it() -> None:
    ring = {"cmcc-d2": ("cmcc-d4",), "cmcc-d3": ("cmcc-d2",), "cmcc-d4": ("cmcc-d3",)}
    hand = Hand.of(county(register(parents=ring)))
    hand.everyone()
    hand.looks(Outcome.NO_ANSWER, *devices("cmcc", 2, 3, 4))
    hand.pass_s(200)
    assert {hand.status(d) for d in devices("cmcc", 2, 3, 4)} == {"down"}

    hand = Hand.of(county(register(parents={**ring, "cmcc-d2": ("cmcc-d4", "cmcc-d1")})))
    hand.everyone()
    hand.looks(Outcome.NO_ANSWER, *devices("cmcc", 1, 2, 3, 4))
    hand.pass_s(200)
    assert [hand.status(d) for d in devices("cmcc", 1, 2, 3, 4)] == ["down"] + ["hidden"] * 3


def test_ping_alone_counts_too() -> None:
    hand = Hand.of(county(register()))
    hand.everyone()
    look = Look(
        device="cmcc-d1",
        method=Method.ICMP,
        outcome=Outcome.NO_ANSWER,
        since_ms=T0,
        at_ms=T0,
    )
    snmp = look.model_copy(update={"method": Method.SNMP})
    hand.turn(hand.say("agent-cmcc", look, snmp))
    hand.pass_s(200)
    assert hand.status("cmcc-d1") == "down"


if __name__ == "__main__":
    asked = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    shuffle(asked)
    sys.stdout.write(f"{asked} shuffles: one fault, one notice, impact {CHILDREN + 1} each time\n")
