"""What must hold in every county, on random ones.

``python -m tests.collector.test_counties 10000`` compares after each of so many random events
with a recomputation from scratch, and takes a few minutes.
"""

from __future__ import annotations

import random
import sys

from hypothesis import given, settings
from hypothesis import strategies as st

from collector import consequence, impact
from collector import world as worlds
from collector.base import World
from collector.county import County
from collector.decide import Impact
from collector.inhibit import causes, unreachable
from collector.networks import operator_rules, system_rules
from collector.state import SiteWord, Status
from collector.tally import Tally
from tests.collector.counties import plain_counts, random_county
from tests.collector.small import Hand
from tests.collector.test_incremental import random_event
from wire.observation import Outcome

RANK = {Impact.ABSENT: 0, Impact.NONE: 0, Impact.UNKNOWN: 0, Impact.PARTIAL: 1, Impact.FULL: 2}
WARNINGS = ("none", "scenario3", "scenario2", "scenario1")
LEVELS = ("none", "II", "I")
seeds = st.integers(0, 2**32)


def started(made: County) -> Hand:
    hand = Hand.of(made)
    hand.everyone()
    return hand


def told(hand: Hand) -> dict[str, int]:
    """Every network's state, scenario and level as ranks."""
    state = hand.world.state
    rows = {**state.operators, **state.systems}
    assert hand.world.situation is not None
    verdict = hand.world.situation.verdict
    found = {name: RANK[Impact(row.impact)] for name, row in rows.items()}
    return {
        **found,
        "warning": WARNINGS.index(verdict.warning),
        "level": LEVELS.index(verdict.level),
        "sites": sum(row.word is SiteWord.OUT for row in state.sites.values()),
    }


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_one_more_outage_at_the_same_time_lowers_nothing(seed: int) -> None:
    """At fixed spread: all fall within one step, so there is none in either county."""
    dice = random.Random(seed)
    made = random_county(dice)
    names = sorted(made.operator_of)
    down = dice.sample(names, dice.randrange(0, min(12, len(names))))
    more = dice.choice(names)
    found = []
    for silent in (down, [*down, more]):
        hand = started(made)
        hand.looks(Outcome.NO_ANSWER, *silent)
        hand.pass_s(900)
        found.append((told(hand), hand.verdict().spread))
    (less, spread), (worse, other) = found
    assert spread == other == "no"
    assert all(worse[name] >= less[name] for name in less), (less, worse)


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_the_order_of_arrival_within_the_hold_changes_nothing(seed: int) -> None:
    dice = random.Random(seed)
    made = random_county(dice)
    names = sorted(made.operator_of)
    down = dice.sample(names, dice.randrange(1, min(10, len(names))))
    found = set()
    for _ in range(3):
        hand = started(made)
        began = hand.now
        for after, device in sorted((dice.randrange(60_000), device) for device in down):
            hand.now = began + after
            hand.looks(Outcome.NO_ANSWER, device)
        hand.pass_s(900)
        state = hand.world.state
        assert hand.world.situation is not None
        found.add(
            repr(
                (
                    hand.world.situation.verdict,
                    sorted((d, row.status, row.hidden_by) for d, row in state.devices.items()),
                    sorted((s, row.word) for s, row in state.sites.items()),
                    sorted(hand.world.tally.operators.items()),
                )
            )
        )
    assert len(found) == 1


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_unknown_never_clears(seed: int) -> None:
    dice = random.Random(seed)
    hand = started(random_county(dice))
    names = sorted(hand.world.county.operator_of)
    hand.looks(Outcome.NO_ANSWER, *dice.sample(names, dice.randrange(1, len(names))))
    hand.pass_s(900)
    before, now_out = told(hand), sorted(hand.world.tally.site_facts)
    for source in hand.world.county.sources:
        hand.turn(hand.alive(source, online=False))
    for _ in range(5):
        hand.now += 1_000_000
        hand.turn()
    after = told(hand)
    assert all(after[name] >= before[name] for name in before), (before, after)
    assert set(now_out) <= set(hand.world.tally.site_facts)


def from_scratch(world: World) -> None:
    """Words and counts again from the looks alone, by plain loops over everything."""
    county, state = world.county, world.state
    for device, row in state.devices.items():
        alarm = unreachable(world, device)
        assert row.hidden_by == (causes(world, device) if alarm and alarm.active else []), device
        assert row.status is impact.status_of(world, device, row), device
    kept, world.tally = world.tally, Tally()
    flags = world.stale_facts, world.stale_verdict
    quiet = kept.quiet_devices, kept.quiet_sites
    impact.rebuild(world)
    made, world.tally = world.tally, kept
    world.stale_facts, world.stale_verdict = flags
    assert (made.site_shares, made.device_shares) == (kept.site_shares, kept.device_shares)
    assert (made.cells, made.operators) == (kept.cells, kept.operators)
    assert (made.systems, made.egress) == (kept.systems, kept.egress)
    assert (made.cell_words, made.towns) == (kept.cell_words, kept.towns)
    assert (made.site_facts, made.device_facts) == (kept.site_facts, kept.device_facts)
    assert (made.ranked.keys, made.ranked_sites.keys) == (kept.ranked.keys, kept.ranked_sites.keys)
    assert (made.quiet_devices, made.quiet_sites) == quiet
    assert consequence.counts(world) == plain_counts(world)
    for operator in county.operators:
        rules = state.operators[operator].rules
        for name, judged in operator_rules(world, operator, rules).items():
            waits = name in rules and rules[name].phase.value in {"pending", "raised"}
            assert waits is judged.bad, (operator, name)
    for system in county.systems:
        rules = state.systems[system].rules
        for name, judged in system_rules(world, system).items():
            waits = name in rules and rules[name].phase.value in {"pending", "raised"}
            assert waits is judged.bad, (system, name)
    assert sum(row.status in {Status.DOWN, Status.HIDDEN} for row in state.devices.values()) == sum(
        share.down for share in kept.device_shares.values()
    )


def shift(seed: int, events: int) -> None:
    """Random events in a random county, compared after each."""
    dice = random.Random(seed)
    hand = started(random_county(dice))
    names = sorted(hand.world.county.operator_of)
    for _ in range(events):
        random_event(hand, dice, names)
        from_scratch(hand.world)
    raw = worlds.dump(hand.world)
    assert worlds.dump(worlds.load(raw, lambda _: hand.world.county)) == raw


@settings(max_examples=12, deadline=None)
@given(seeds)
def test_incremental_equals_from_scratch(seed: int) -> None:
    shift(seed, 40)


if __name__ == "__main__":
    left = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    for number in range(-(-left // 200)):
        shift(number, min(200, left - 200 * number))
        print(f"{min(left, 200 * (number + 1))} events", flush=True)  # noqa: T201  the long form
