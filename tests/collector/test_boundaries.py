"""Every number of the policy for operators, exactly at its boundary (PLAN section 4)."""

from __future__ import annotations

import pytest

from collector import world as worlds
from collector.condition import feel
from collector.county import WEIGHT_UNIT
from collector.hold import Hold, Phase
from collector.networks import Counted, operator_rules
from collector.tally import Count, Depends, Towns
from config.register import Device
from tests.collector.small import POLICY, T0, Hand, county, devices, register
from wire.observation import Outcome

USERS = WEIGHT_UNIT


def on(
    *,
    out: int = 0,
    of: int = 100_000,
    unknown: int = 0,
    keys: int = 0,
    towns: int = 0,
    egress: int = 0,
) -> Counted:
    """Users out of all (weights), key units out, towns out of 10, ways out of 3."""
    sites = Count(
        sites=100,
        out=1 if out else 0,
        weight=of * USERS,
        weight_out=out * USERS,
        weight_unknown=unknown * USERS,
        key_units_out=keys,
    )
    return Counted(sites, Towns(counted=10, out=towns), Depends(counted=3, down=egress))


ROWS = [
    ("partial_share", on(out=5_000), True, 180),
    ("partial_share", on(out=4_999), False, 180),
    ("full_share", on(out=90_000), True, 180),
    ("full_share", on(out=89_999), False, 180),
    ("partial_town", on(out=1, towns=1), True, 180),
    ("partial_town", on(out=1), False, 180),
    ("full_towns", on(out=1, towns=8), True, 0),
    ("full_towns", on(out=1, towns=7), False, 0),
    ("partial_users_long", on(out=2_000), True, 3600),
    ("partial_users_long", on(out=1_999), False, 3600),
    ("partial_users_any", on(out=10_000, of=1_000_000), True, 180),
    ("partial_users_any", on(out=9_999, of=1_000_000), False, 180),
    ("partial_key_unit", on(out=1, keys=1), True, 180),
    ("partial_key_unit", on(out=1), False, 180),
    ("full_egress", on(egress=3), True, 120),
    ("full_egress", on(egress=2), False, 120),
    ("min_visible", on(unknown=50_001), True, 0),
    ("min_visible", on(unknown=50_000), False, 0),
]


@pytest.mark.parametrize(("rule", "counted", "bad", "hold_s"), ROWS)
def test_each_rule_at_its_boundary(rule: str, counted: Counted, bad: bool, hold_s: int) -> None:  # noqa: FBT001  a row of the table
    world = worlds.new(county(), store=1, now_ms=T0)
    found = operator_rules(world, "cmcc", {}, counted)[rule]
    assert (found.bad, found.delays.raise_ms) == (bad, hold_s * 1000)


def test_the_table_has_every_rule_of_the_policy() -> None:
    rules = {rule for rule, *_ in ROWS}
    assert rules == set(type(POLICY.operator).model_fields) - {"src"}


@pytest.mark.parametrize(
    ("rule", "out", "bad"),
    [("partial_share", 3_000, True), ("partial_share", 2_999, False),
     ("full_share", 70_000, True), ("full_share", 69_999, False)],
)  # fmt: skip
def test_a_raised_share_clears_lower(rule: str, out: int, bad: bool) -> None:  # noqa: FBT001  a row of the table
    world = worlds.new(county(), store=1, now_ms=T0)
    held = {rule: Hold(Phase.RAISED)}
    found = operator_rules(world, "cmcc", held, on(out=out))[rule]
    assert found.bad is bad
    assert found.delays.clear_ms == 600_000


def test_a_hold_is_over_at_its_moment_and_not_before() -> None:
    hand = Hand.of(county(register(sites=40, towns=10)))
    hand.everyone()
    began = hand.now
    hand.looks(Outcome.NO_ANSWER, *devices("cmcc", 1, 11))
    hand.pass_s(359)
    assert hand.impact("cmcc") == "none"
    hand.pass_s(1)
    assert hand.impact("cmcc") == "partial"
    row = next(r for r in hand.records("impact") if r["id"] == "cmcc" and r["word"] == "partial")
    assert row["at_ms"] == began + 360_000  # the device's 180 s, then the share's


@pytest.mark.parametrize(("device", "word"), [("cmcc-d1", "out"), ("cmcc-p1", "ok")])
def test_a_disabled_chassis_takes_its_site_out_where_it_is_a_main_device(
    device: str, word: str
) -> None:
    """``site-out``, as the entity profile hints at: its own operator's system says so."""
    extra = (Device(id="cmcc-p1", name="交换机", site="cmcc-s1", main=False),)
    hand = Hand.of(county(register(extra=extra)))
    hand.everyone()
    feel(hand.world, hand.now, device, ("site-out", "chassis"), bad=True)
    hand.pass_s(400)
    assert hand.status(device) == "alarm"
    assert hand.world.state.sites["cmcc-s1"].word == word
