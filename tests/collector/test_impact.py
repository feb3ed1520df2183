from __future__ import annotations

from collections.abc import Iterable
from itertools import permutations

import pytest

from collector import world as worlds
from collector.base import World
from config.register import Device, InformationSystem, Needs, Register
from tests.collector.small import OPERATORS, Hand, county, devices, register
from wire.notice import NoticeKind, Verdict
from wire.observation import Outcome


def of(reg: Register) -> Hand:
    hand = Hand.of(county(reg))
    hand.everyone()
    return hand


def verdict(world: World) -> Verdict:
    assert world.situation is not None
    return world.situation.verdict


def out(hand: Hand, names: Iterable[str], seconds: int = 400) -> None:
    hand.looks(Outcome.NO_ANSWER, *names)
    hand.pass_s(seconds)


def rules(hand: Hand, operator: str) -> set[str]:
    rows = hand.world.state.operators[operator].rules
    return {name for name, hold in rows.items() if hold.active}


def test_below_every_share_nothing_is_affected() -> None:
    hand = of(register(sites=40, towns=10))
    out(hand, devices("cmcc", 1))
    assert hand.impact("cmcc") == "none"
    assert hand.world.tally.site_facts["cmcc-s1"].state == "out"


def test_five_percent_of_the_weight_is_partial() -> None:
    hand = of(register(sites=40, towns=10))
    out(hand, devices("cmcc", 1, 11))
    assert rules(hand, "cmcc") == {"partial_share"}
    assert hand.impact("cmcc") == "partial"


def test_weight_counts_not_the_number_of_sites() -> None:
    reg = register(sites=40, towns=10)
    sites = tuple(
        site.model_copy(update={"weight": 3000.0}) if site.id == "cmcc-s1" else site
        for site in reg.sites
    )
    hand = of(reg.model_copy(update={"sites": sites}))
    out(hand, devices("cmcc", 1))
    assert hand.impact("cmcc") == "full"  # 3000 of 3039
    assert "full_share" in rules(hand, "cmcc")
    assert "partial_users_long" not in rules(hand, "cmcc")
    hand.pass_s(3600)
    assert "partial_users_long" in rules(hand, "cmcc")


def test_a_whole_town_is_partial() -> None:
    hand = of(register(sites=60, towns=30))
    out(hand, devices("cmcc", 1, 31))
    assert "partial_town" in rules(hand, "cmcc")


def test_a_key_unit_lost_is_partial() -> None:
    reg = register(sites=40, towns=10)
    sites = tuple(
        site.model_copy(update={"key_unit": True}) if site.id == "cmcc-s7" else site
        for site in reg.sites
    )
    hand = of(reg.model_copy(update={"sites": sites}))
    out(hand, devices("cmcc", 7, 8))
    assert {"partial_key_unit"} <= rules(hand, "cmcc")
    assert hand.world.situation is not None
    assert hand.world.situation.sites[0].site == "cmcc-s7"


def test_every_egress_lost_is_full_and_one_of_two_is_not() -> None:
    egress = tuple(
        Device(id=f"cmcc-e{n}", name=f"出口{n}", site=f"cmcc-s{n}", main=False, egress=True)
        for n in (1, 2)
    )
    hand = of(register(sites=40, towns=10, extra=egress))
    out(hand, ["cmcc-e1"])
    assert hand.impact("cmcc") == "none"
    out(hand, ["cmcc-e2"])
    assert hand.impact("cmcc") == "full"
    assert rules(hand, "cmcc") == {"full_egress"}


def test_clear_lower_and_later() -> None:
    hand = of(register(sites=100, towns=10))
    out(hand, devices("cmcc", 1, 2, 3, 4, 5))
    assert hand.impact("cmcc") == "partial"
    hand.looks(Outcome.MEASURED, "cmcc-d5")
    hand.pass_s(1200)
    assert hand.impact("cmcc") == "partial"  # 4 %: between clear and raise
    hand.looks(Outcome.MEASURED, *devices("cmcc", 3, 4))
    hand.pass_s(500)
    assert hand.impact("cmcc") == "partial"
    hand.pass_s(200)
    assert hand.impact("cmcc") == "none"


def test_half_unseen_is_unknown_and_what_was_seen_stays() -> None:
    hand = of(register())
    out(hand, devices("cmcc", 1, 2))
    assert hand.impact("cmcc") == "partial"
    hand.turn(hand.alive("agent-cmcc", online=False), hand.alive("agent-cucc", online=False))
    assert hand.impact("cmcc") == "partial"
    assert hand.impact("cucc") == "unknown"


def test_unknown_is_overdue_only_beside_something_affected() -> None:
    hand = of(register(sites=40, towns=10))
    hand.pass_s(4000, silent=("agent-cucc",))
    assert verdict(hand.world).warning == "none"
    hand = of(register(sites=40, towns=10))
    out(hand, devices("cmcc", 1, 11))
    before = verdict(hand.world).warning
    hand.pass_s(3900, silent=("agent-cucc",))
    assert verdict(hand.world).operators["cucc"] == "unknown"
    assert before == "scenario3"
    assert verdict(hand.world).warning == "scenario2"  # worst: cucc wholly down


def test_a_total_blackout_is_scenario_1_and_level_i() -> None:
    hand = of(register())
    out(hand, [d for o in OPERATORS for d in devices(o, *range(1, 11))])
    said = verdict(hand.world)
    assert set(said.operators.values()) == {"full"}
    assert (said.warning, said.level) == ("scenario1", "I")
    kinds = [notice.notice_kind for notice in hand.notices()]
    assert NoticeKind.LEVEL_DRAFT in kinds


@pytest.mark.parametrize(
    ("needs", "down", "impact"),
    [
        (Needs.ALL, 1, "partial"),
        (Needs.ALL, 2, "full"),
        (Needs.ANY, 1, "full"),
        (Needs.ANY, 0, "none"),
    ],
)
def test_a_system_stands_on_its_devices(needs: Needs, down: int, impact: str) -> None:
    system = InformationSystem(
        id="egov", name="电子政务外网", devices=("cmcc-d1", "cucc-d1"), needs=needs
    )
    hand = of(register(sites=60, towns=30, systems=(system,)))
    out(hand, ("cmcc-d1", "cucc-d1")[:down], 600)
    assert hand.world.state.systems["egov"].impact == impact
    assert verdict(hand.world).systems == {"egov": impact}


EGOV = InformationSystem(id="egov", name="电子政务外网", devices=("cmcc-d1", "cucc-d2"))
"""One of its devices speaks for itself, the other hangs behind a device of another operator."""


def test_a_system_falls_within_the_same_step_as_the_sites_of_its_cause() -> None:
    hand = of(register(systems=(EGOV,), parents={"cucc-d2": ("tower-d1",)}))
    began = hand.now
    hand.looks(Outcome.NO_ANSWER, "tower-d1", "cucc-d2", *devices("cmcc", 1, 2, 3, 4))
    hand.pass_s(299)
    assert hand.status("cucc-d2") == "hidden"
    assert hand.world.state.systems["egov"].impact == "none"
    hand.pass_s(2)
    assert hand.world.state.systems["egov"].impact == "full"
    assert {onset.at_ms - began for onset in hand.world.state.onsets} == {180_000, 300_000}
    hand.pass_s(60)
    assert hand.world.situation is not None
    assert hand.world.situation.verdict.spread == "no"


def test_when_a_system_falls_does_not_depend_on_the_order_of_the_looks() -> None:
    looks = ["tower-d1", "cmcc-d1", "cucc-d2"]
    for order in permutations(looks):
        hand = of(register(systems=(EGOV,), parents={"cucc-d2": ("tower-d1",)}))
        began = hand.now
        for device in order:
            hand.looks(Outcome.NO_ANSWER, device)
            hand.pass_s(25)
        hand.pass_s(600)
        last = max(order.index(device) for device in EGOV.devices)
        full = began + 25_000 * last + 300_000
        assert (hand.world.state.systems["egov"].impact) == "full"
        rows = [r for r in hand.records("impact") if r["id"] == "egov"]
        assert {row["word"]: row["at_ms"] for row in rows}["full"] == full, order


def test_one_device_lost_is_partial_five_minutes_after_its_first_failed_look() -> None:
    hand = of(register(systems=(EGOV,)))
    began = hand.now
    hand.looks(Outcome.NO_ANSWER, "cmcc-d1")
    hand.pass_s(60)
    hand.looks(Outcome.NO_ANSWER, "cucc-d2")
    hand.pass_s(100)
    hand.looks(Outcome.MEASURED, "cucc-d2")
    hand.pass_s(300)
    rows = [(r["word"], r["at_ms"]) for r in hand.records("impact") if r["id"] == "egov"]
    assert rows[-1] == ("partial", began + 300_000)


FOUR = ("cmcc-d1", "cmcc-d2", "cucc-d1", "cucc-d2")


@pytest.mark.parametrize(
    ("least", "down", "impact"),
    [(2, 0, "none"), (2, 1, "partial"), (2, 2, "partial"), (2, 3, "full"), (4, 1, "full"),
     (1, 3, "partial"), (1, 4, "full")],
)  # fmt: skip
def test_k_of_n_stands_while_k_devices_do(least: int, down: int, impact: str) -> None:
    system = InformationSystem(
        id="egov", name="电子政务外网", devices=FOUR, needs=Needs.K_OF_N, at_least=least
    )
    hand = of(register(sites=60, towns=30, systems=(system,)))
    out(hand, FOUR[:down], 600)
    assert hand.world.state.systems["egov"].impact == impact


@pytest.mark.parametrize(
    ("down", "impact"),
    [((), "none"), ((0,), "none"), ((1,), "partial"), ((0, 1, 2), "partial"), ((2, 3), "partial"),
     ((1, 2, 3), "full"), ((0, 1, 2, 3), "full")],
)  # fmt: skip
def test_weighted_by_the_share_of_its_users_that_is_out(down: tuple[int, ...], impact: str) -> None:
    """Partial from 20 % on, full from 90 %: 10, 20, 30 and 40 hundredths."""
    system = InformationSystem(
        id="egov", name="电子政务外网", devices=FOUR, needs=Needs.WEIGHTED, shares=(10, 20, 30, 40)
    )
    hand = of(register(sites=60, towns=30, systems=(system,)))
    out(hand, [FOUR[n] for n in down], 600)
    assert hand.world.state.systems["egov"].impact == impact
    again = worlds.load(worlds.dump(hand.world), lambda _: hand.world.county)
    assert again.tally == hand.world.tally


def test_k_of_n_is_full_five_minutes_after_the_failure_that_was_one_too_many() -> None:
    system = InformationSystem(
        id="egov", name="电子政务外网", devices=FOUR, needs=Needs.K_OF_N, at_least=3
    )
    hand = of(register(systems=(system,)))
    began = hand.now
    for device in FOUR[:3]:
        hand.looks(Outcome.NO_ANSWER, device)
        hand.pass_s(40)
    hand.pass_s(600)
    rows = {r["word"]: r["at_ms"] for r in hand.records("impact") if r["id"] == "egov"}
    del rows["none"]
    assert rows == {"partial": began + 300_000, "full": began + 40_000 + 300_000}


def test_an_unseen_system_is_unknown_not_out() -> None:
    system = InformationSystem(id="egov", name="电子政务外网", devices=("cmcc-d1", "cucc-d1"))
    hand = of(register(systems=(system,)))
    hand.turn(hand.alive("agent-cmcc", online=False))
    assert hand.world.state.systems["egov"].impact == "unknown"


def test_growth_from_town_to_town_is_spread_with_its_evidence() -> None:
    hand = of(register(sites=8, towns=4))
    out(hand, devices("cmcc", 1, 5), 400)
    out(hand, devices("cmcc", 2, 6), 400)
    out(hand, devices("cmcc", 3, 7), 400)
    said = verdict(hand.world)
    assert said.spread == "yes"
    assert hand.world.situation is not None
    assert sum("（扩散）" in line for line in hand.world.situation.evidence) == 2
    assert {line.path for line in hand.world.situation.policy} >= {
        "cell.share_out",
        "operator.partial_share",
        "site.out_hold_s",
        "spread",
    }
    hand.looks(Outcome.MEASURED, *devices("cmcc", 1, 2, 3, 5, 6, 7))
    hand.pass_s(3600)
    assert verdict(hand.world).spread == "no"


def test_recovery_is_told_and_lifting_stays_with_people() -> None:
    hand = of(register())
    out(hand, devices("cmcc", 1, 2, 3))
    warning = hand.world.desk.open_warning
    assert warning is not None
    hand.looks(Outcome.MEASURED, *devices("cmcc", 1, 2, 3))
    hand.pass_s(4000)
    assert verdict(hand.world).warning == "none"
    assert hand.world.desk.open_warning == warning
    assert NoticeKind.RECOVERY in [notice.notice_kind for notice in hand.notices()]


def test_a_thousand_devices_in_a_minute_are_few_notices_with_all_of_them() -> None:
    hand = of(register(sites=300, towns=15))
    names = [d for o in OPERATORS[:3] for d in devices(o, *range(1, 301))] + devices(
        "tower", *range(1, 101)
    )
    for first in range(0, len(names), 100):
        hand.looks(Outcome.NO_ANSWER, *names[first : first + 100])
        hand.now += 6_000
    began = hand.now
    hand.pass_s(600)
    told = [notice for notice in hand.notices() if notice.at_ms < began + 600_000]
    assert 1 <= len(told) <= 10
    assert max(len(notice.devices) for notice in told) == 1000
