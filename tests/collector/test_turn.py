"""Turns in slices: the same end, bounded steps, and nothing told of half a change."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector import turn
from collector import world as worlds
from collector.base import World
from collector.model import Tick
from tests.collector.small import OPERATORS, Hand, county, devices, register
from tests.collector.test_incremental import COUNTY, brute_force, random_event
from wire.notice import NoticeKind
from wire.observation import Outcome

PARENTS = {f"cmcc-d{n}": ("cmcc-d1",) for n in range(2, 61)}


def ended(world: World) -> tuple[object, ...]:
    """What must not depend on how finely the work is cut."""
    assert world.situation is not None
    return (
        {d: (row.status, row.hidden_by) for d, row in world.state.devices.items()},
        {s: row.word for s, row in world.state.sites.items()},
        {o: (row.impact, sorted(row.rules)) for o, row in world.state.operators.items()},
        {s: row.impact for s, row in world.state.systems.items()},
        world.situation.verdict,
        world.situation.devices,
        world.tally.operators,
    )


@pytest.mark.parametrize("slice_", [1, 7, 10_000])
@pytest.mark.parametrize("seed", range(4))
def test_the_end_does_not_depend_on_the_slices(
    slice_: int, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for size in (slice_, 500):
        monkeypatch.setattr(turn, "SLICE", size)
        dice, hand = random.Random(seed), Hand.of(COUNTY)
        hand.everyone()
        for _ in range(40):
            random_event(hand, dice)
            brute_force(hand.world)
        found.append(ended(hand.world))
    assert found[0] == found[1]


def test_a_tick_does_so_much_at_most_and_says_that_it_is_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turn, "SLICE", 10)
    hand = Hand.of(county(register(sites=60, operators=("cmcc", "cucc"), parents=PARENTS)))
    hand.everyone()
    hand.looks(Outcome.NO_ANSWER, *devices("cmcc", *range(1, 61)))
    hand.pass_s(150)
    hand.now += 40_000
    ticks, judged = 0, []
    while not ticks or hand.world.behind:
        worlds.step(hand.world, hand.now, Tick())
        judged.append(sum(d in hand.world.county.devices for d in hand.world.judged))
        ticks += 1
        if hand.world.behind:
            assert hand.world.next_deadline() == hand.now
            with pytest.raises(ValueError, match="rest"):
                worlds.dump(hand.world)
    assert ticks > 6
    assert max(judged) <= 10
    words = [hand.status(d) for d in devices("cmcc", *range(1, 61))]
    assert words == ["down"] + ["hidden"] * 59
    worlds.dump(hand.world)


def test_one_notice_is_told_of_all_though_they_take_many_slices(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turn, "SLICE", 5)
    hand = Hand.of(county(register(sites=60, operators=("cmcc", "cucc"), parents=PARENTS)))
    hand.everyone()
    hand.looks(Outcome.NO_ANSWER, *devices("cmcc", *range(1, 61)))
    hand.pass_s(200)
    first = [n for n in hand.notices() if n.notice_kind is NoticeKind.INCIDENT]
    assert len(first) == 1
    assert len(first[0].devices) == 60


def test_an_agent_lost_and_back_is_reviewed_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn, "SLICE", 7)
    hand = Hand.of(county(register(sites=50)))
    hand.everyone()
    hand.turn(hand.alive("agent-cmcc", online=False))
    assert {hand.status(d) for d in devices("cmcc", *range(1, 51))} == {"unknown"}
    assert hand.impact("cmcc") == "unknown"
    hand.now += 1000
    hand.turn(hand.alive("agent-cmcc", session=2), hand.round("agent-cmcc"))
    assert {hand.status(d) for d in devices("cmcc", *range(1, 51))} == {"ok"}


def test_single_changes_among_many_are_assessed_in_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turn, "FEW", 10)
    monkeypatch.setattr(turn, "PER_S", 10)
    hand = Hand.of(county(register(sites=40, towns=2)))
    hand.everyone()
    hand.looks(Outcome.NO_ANSWER, *(d for o in OPERATORS for d in devices(o, *range(1, 31))))
    hand.pass_s(1000)
    assert hand.world.situation is not None
    hand.turn(hand.reading("cmcc-d35", "temperature", 45))
    at_ms = hand.world.situation.at_ms
    assert at_ms == hand.now  # the last assessment is long ago
    hand.now += 1000
    hand.turn(hand.reading("cmcc-d36", "temperature", 45))
    assert hand.status("cmcc-d36") == "alarm"
    assert hand.world.situation.at_ms == at_ms
    hand.pass_s(60)
    assert "cmcc-d36" in {fact.device for fact in hand.world.situation.devices}
    raw = worlds.dump(hand.world)
    assert worlds.dump(worlds.load(raw, lambda _: hand.world.county)) == raw


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_rows_in_order_equal_sorted_ones(seed: int) -> None:
    dice, hand = random.Random(seed), Hand.of(COUNTY)
    hand.everyone()
    for _ in range(30):
        random_event(hand, dice)
        tally = hand.world.tally
        for ranked, facts in (
            (tally.ranked, tally.device_facts),
            (tally.ranked_sites, tally.site_facts),
        ):
            assert ranked.keys == sorted(ranked.keys)
            assert {
                key[-1]: row for key, row in zip(ranked.keys, ranked.rows, strict=True)
            } == facts
