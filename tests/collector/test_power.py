"""Time to dark against the drill's batteries and curves whose end is known."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector import power
from collector import world as worlds
from collector.tally import Dark
from config.policy import PowerPolicy
from drill import equipment
from tests.collector.small import T0, Hand, county, register
from wire.notice import PowerFact
from wire.observation import Outcome

POLICY = PowerPolicy()
MINUTE = 60_000
Volts = Callable[[int], float]


def said(volts: Volts, end_ms: int, *, delta: float = 0.5) -> Iterator[tuple[int, float]]:
    """What an agent sends: tenths, every 30 s, once moved by ``delta`` or after 10 min."""
    told, told_ms = math.inf, -math.inf
    for now_ms in range(T0, end_ms, 30_000):
        value = round(volts(now_ms), 1)
        if abs(value - told) >= delta or now_ms - told_ms >= 600_000:
            told, told_ms = value, now_ms
            yield now_ms, value


def farm(dice: random.Random) -> tuple[Volts, int]:
    """A simulated site on battery, and when its first disconnect opens."""
    lost = equipment.mains(
        equipment.Power(T0, dice.choice([10, 20, 40, 100, 240]), load=dice.uniform(0.5, 1.2)),
        T0,
        present=False,
    )
    return lambda ms: equipment.advance(lost, ms).volts, equipment.next_ms(lost)


def kneed(dice: random.Random) -> tuple[Volts, int]:
    """A curve that is flat at first and falls steeply at its end, with noise."""
    span = dice.choice([10, 20, 40, 100, 240]) * MINUTE
    flat, bend = dice.uniform(0.4, 0.95), dice.choice([3, 4, 6])

    def volts(ms: int) -> float:
        gone = (ms - T0) / span
        return 51.2 - 5.2 * (flat * gone + (1 - flat) * gone**bend) + dice.gauss(0, 0.03)

    return volts, T0 + span


@pytest.mark.parametrize(
    ("curve", "covered", "wrong"), [(farm, 0.95, 0.1), (kneed, 0.8, 0.8)], ids=["farm", "knee"]
)
def test_the_true_end_lies_in_the_interval(
    curve: Callable[[random.Random], tuple[Volts, int]], covered: float, wrong: float
) -> None:
    """Of 300 batteries; ``wrong`` bounds the median relative error of the best guess."""
    hits, errors = [], []
    for seed in range(300):
        volts, end_ms = curve(random.Random(seed))
        points: list[tuple[int, float]] = []
        for point in said(volts, end_ms):
            points = power.kept(points, point)
            found = power.slope(POLICY, points, T0)
            if found is not None:
                hits.append(found.low_ms <= end_ms <= found.high_ms)
                errors.append(abs(found.at_ms - end_ms) / (end_ms - point[0]))
    assert len(hits) > 1000
    assert sum(hits) / len(hits) >= covered
    assert median(errors) <= wrong


POINTS = st.lists(st.tuples(st.integers(0, 10**8), st.floats(38, 60)), max_size=60)


@given(POINTS)
def test_what_is_kept_is_bounded_and_has_both_ends(points: list[tuple[int, float]]) -> None:
    kept: list[tuple[int, float]] = []
    for point in sorted(points, key=lambda one: one[0]):
        kept = power.kept(kept, point)
        assert len(kept) <= power.MOST_POINTS
        assert kept[-1] == point
        assert kept == sorted(kept, key=lambda one: one[0])
    if points:
        assert kept[0][0] - min(points)[0] <= power.LEAST_GAP_MS


@given(POINTS)
def test_an_interval_is_in_order_and_never_before_the_last_word(
    points: list[tuple[int, float]],
) -> None:
    kept: list[tuple[int, float]] = []
    for point in sorted(points, key=lambda one: one[0]):
        kept = power.kept(kept, point)
    found = power.slope(POLICY, kept, 0)
    if found is not None:
        assert kept[-1][0] <= found.low_ms <= found.at_ms <= found.high_ms


def lost(hand: Hand, site: str = "cmcc-s1") -> PowerFact | None:
    """The site's power as notices and pages have it."""
    assert hand.world.situation is not None
    return next((s.power for s in hand.world.situation.sites if s.site == site), None)


def dark_of(hand: Hand, site: str = "cmcc-s1") -> Dark | None:
    return hand.world.tally.lost[site].dark


def cut(hand: Hand, device: str = "cmcc-d1", **readings: float) -> None:
    """The device's mains are lost; and whatever else it says in the same turn."""
    hand.turn(
        *(hand.reading(device, name, value) for name, value in readings.items()),
        hand.reading(device, "mains", 2),
    )
    hand.pass_s(150)


def begun() -> Hand:
    hand = Hand.of()
    hand.everyone()
    hand.pass_s(60)
    return hand


def test_nothing_known_is_none() -> None:
    hand = begun()
    cut(hand)
    found = lost(hand)
    assert found is not None
    assert (found.dark_ms, found.ground) == (None, None)


def test_the_ups_is_believed() -> None:
    hand = begun()
    at = hand.now
    cut(hand, ups_minutes_remaining=94)
    found = lost(hand)
    assert found is not None
    assert (found.dark_ms, found.ground) == (at + 94 * MINUTE, "ups")
    assert found.low_ms is not None
    assert found.high_ms is not None
    assert found.low_ms < at + 80 * MINUTE < at + 110 * MINUTE < found.high_ms


def test_a_ups_that_does_not_know_is_not_believed() -> None:
    hand = begun()
    cut(hand, ups_minutes_remaining=0, ups_charge_remaining=97)
    assert (found := lost(hand)) is not None
    assert found.dark_ms is None


def falling(hand: Hand, *, per_min: float = 0.05, minutes: int = 15) -> None:
    for minute in range(minutes):
        hand.turn(hand.reading("cmcc-d1", "dc_voltage", 51.0 - per_min * minute))
        hand.pass_s(60)


def test_the_voltage_tells_and_a_snapshot_keeps_it() -> None:
    hand = begun()
    cut(hand)
    falling(hand)
    assert (told := lost(hand)) is not None
    assert told.ground == "slope"
    found = hand.world.tally.lost["cmcc-s1"].dark
    assert found is not None
    assert 600 <= found.over_s <= 900
    assert abs((found.at_ms - hand.now) / MINUTE - 85) < 10
    again = worlds.load(worlds.dump(hand.world), lambda _: hand.world.county)
    assert again.tally.lost == hand.world.tally.lost


def test_mains_back_is_no_loss_any_more() -> None:
    hand = begun()
    cut(hand, ups_minutes_remaining=94)
    hand.turn(hand.reading("cmcc-d1", "mains", 1))
    hand.pass_s(60)
    assert lost(hand) is None
    assert not hand.world.tally.lost


def test_a_generator_stops_the_clock_and_its_fuel_sets_another() -> None:
    hand = begun()
    cut(hand, ups_minutes_remaining=30)
    hand.turn(hand.reading("cmcc-d1", "generator_running", 1))
    assert dark_of(hand) is None
    assert hand.world.state.sites["cmcc-s1"].word == "ok"
    assert not hand.world.tally.site_shares["cmcc-s1"].at_risk
    at = hand.now
    hand.turn(hand.reading("cmcc-d1", "generator_fuel_minutes", 300))
    dark = dark_of(hand)
    assert dark is not None
    assert (dark.at_ms, dark.ground) == (at + 300 * MINUTE, "fuel")
    hand.turn(hand.reading("cmcc-d1", "generator_running", 0))
    assert hand.world.state.sites["cmcc-s1"].word == "at_risk"


def test_the_last_known_capacity_is_the_registers_and_then_what_was_learnt() -> None:
    made = register()
    sites = tuple(s.model_copy(update={"battery_min": 240.0}) for s in made.sites)
    hand = Hand.of(county(made.model_copy(update={"sites": sites})))
    hand.everyone()
    hand.pass_s(60)
    at = hand.now
    cut(hand)
    found = lost(hand)
    assert found is not None
    assert (found.dark_ms, found.ground) == (at + 240 * MINUTE, "capacity")
    falling(hand, per_min=0.4, minutes=12)  # down to 46.6 V
    hand.looks(Outcome.NO_ANSWER, "cmcc-d1")
    hand.pass_s(400)
    hand.turn(hand.reading("cmcc-d1", "mains", 1))
    learnt = hand.world.state.power["cmcc-d1"].capacity_min
    assert learnt is not None
    assert 12 < learnt < 25
    rows = hand.records("battery")
    assert [(row["event"], row["site"], row["since_ms"]) for row in rows] == [
        ("spent", "cmcc-s1", at)
    ]
    assert (rows[0]["minutes"], rows[0]["rated"]) == (round(learnt), 0)


@pytest.mark.parametrize(("rated", "rows_told"), [(240.0, 1), (30.0, 0), (None, 0)])
def test_a_battery_that_falls_faster_than_it_is_rated_for_is_written_down(
    rated: float | None, rows_told: int
) -> None:
    made = register()
    sites = tuple(s.model_copy(update={"battery_min": rated}) for s in made.sites)
    hand = Hand.of(county(made.model_copy(update={"sites": sites})))
    hand.everyone()
    hand.pass_s(60)
    at = hand.now
    cut(hand)
    falling(hand, per_min=0.2, minutes=12)
    assert hand.records("battery") == [], "the mains may stay away"
    hand.turn(hand.reading("cmcc-d1", "mains", 1))
    hand.pass_s(600)
    rows = hand.records("battery")
    assert len(rows) == rows_told
    if rows:
        assert (rows[0]["event"], rows[0]["since_ms"], rows[0]["ground"]) == ("fell", at, "slope")
        assert 20 < int(str(rows[0]["minutes"])) < 0.8 * 240


def test_people_behind_a_hub_count() -> None:
    made = register(parents={"cmcc-d2": ("cmcc-d1",), "cmcc-d3": ("cmcc-d2", "cmcc-d4")})
    hand = Hand.of(county(made))
    hand.everyone()
    hand.pass_s(60)
    cut(hand)
    cut(hand, "cmcc-d4")
    assert (one := lost(hand)) is not None
    assert one.people == 2
    assert (other := lost(hand, "cmcc-s4")) is not None
    assert other.people == 1
    assert hand.world.situation is not None
    at_risk = [s.site for s in hand.world.situation.sites if s.state == "at_risk"]
    assert at_risk == ["cmcc-s1", "cmcc-s4"]
