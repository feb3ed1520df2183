"""How an outage spreads, in sentences: pace, and what its parts have in common."""

from __future__ import annotations

import pytest

from collector import causes
from collector.project import behind
from collector.spread import SYSTEM, Cell, Onset, steps_of
from tests.collector.small import OPERATORS, T0, Hand, county, devices, register
from tests.collector.test_project import cut
from wire.observation import Outcome

MINUTE = 60_000


def pace(*onsets: tuple[float, str, str], now_min: float = 30) -> str:
    rows = [Onset(T0 + round(at * MINUTE), Cell(one, town)) for at, one, town in onsets]
    now_ms = T0 + round(now_min * MINUTE)
    return causes.pace(now_ms, steps_of(rows, now_ms, 180_000))


@pytest.mark.parametrize(
    ("onsets", "said"),
    [
        ((), ""),
        (((0, "cmcc", "a"),), ""),
        (((25, "cmcc", "a"),), "近10分钟新增：乡镇1个、企业1家"),
        (((0, "cmcc", "a"), (25, "cmcc", "b"), (26, "cmcc", "c")), "近10分钟新增：乡镇2个"),
        (((0, "cmcc", "a"), (25, "cucc", "a")), "近10分钟新增：企业1家"),
        (((0, "cmcc", "a"), (25, "cmcc", "a")), ""),
        (((25, SYSTEM, "gov"),), "近10分钟新增：信息系统1个"),
    ],
)
def test_the_pace_counts_what_is_new(onsets: tuple[tuple[float, str, str], ...], said: str) -> None:
    assert pace(*onsets) == said


def hand_of(**changes: dict[str, object]) -> Hand:
    """The small county with these fields of these sites (``cmcc_s1``)."""
    made = register(parents={"ctcc-d2": ("ctcc-d1",), "ctcc-d3": ("ctcc-d1",)})
    sites = tuple(s.model_copy(update=changes.get(s.id.replace("-", "_"), {})) for s in made.sites)
    hand = Hand.of(county(made.model_copy(update={"sites": sites})))
    hand.everyone()
    hand.pass_s(60)
    return hand


def evidence(hand: Hand) -> str:
    assert hand.world.situation is not None
    return "\n".join(hand.world.situation.evidence)


def test_a_feeder_is_a_common_cause() -> None:
    hand = hand_of(cmcc_s1={"feeder": "10kV凤东线"}, cucc_s1={"feeder": "10kV凤东线"})
    cut(hand, "cmcc-d1", "cucc-d1")
    assert "共同原因：供电线路「10kV凤东线」停电，站点2个（移动1、联通1）" in evidence(hand)


def test_without_a_feeder_a_town_that_went_together_is_suspected() -> None:
    hand = hand_of()
    cut(hand, "cmcc-d1", "cucc-d1", "cucc-d2")
    assert "疑似共同原因：第1镇站点2个3分钟内停电（移动1、联通1），可能为同一供电线路" in evidence(
        hand
    )


def test_sites_powered_by_the_tower_company_go_with_it() -> None:
    towers: dict[str, object] = {"powered_by": "tower-s1"}
    hand = hand_of(cmcc_s1=towers, cucc_s1=towers)
    cut(hand, "tower-d1")
    assert "铁塔站点停电，由其供电的站点2个（移动1、联通1）" in evidence(hand)
    ahead = hand.verdict().projected
    assert ahead is not None
    assert (ahead.sites, ahead.behind) == (1, 2)
    assert behind(hand.world, "tower-s1")[1] == 3000
    assert ahead.operators == {"cmcc": "partial", "cucc": "partial", "tower": "partial"}


def test_what_cuts_others_off_is_a_common_cause() -> None:
    hand = hand_of()
    hand.looks(Outcome.NO_ANSWER, *devices("ctcc", 1, 2, 3))
    hand.pass_s(400)
    assert "共同原因：上级设备「ctcc站1主机」中断，失联设备2台（电信2）" in evidence(hand)


def next_step(hand: Hand) -> list[str]:
    return [line for line in evidence(hand).splitlines() if line.startswith("下一步")]


def test_which_town_or_operator_more_would_raise_it_and_then_it_does() -> None:
    hand = Hand.of(county(register(towns=5)))
    hand.everyone()
    hand.pass_s(60)
    assert next_step(hand) == [], "nothing is hit"
    hand.looks(Outcome.NO_ANSWER, "cmcc-d1")
    hand.pass_s(420)
    assert hand.verdict().warning == "scenario3"
    reach = "升至情形2、Ⅱ级响应"
    assert next_step(hand) == [f"下一步：再波及联通、电信、铁塔中任一家，{reach}"]
    hand.looks(Outcome.NO_ANSWER, "cmcc-d2")
    hand.pass_s(420)
    assert hand.verdict().warning == "scenario3"
    assert next_step(hand) == [f"下一步：再波及任一新乡镇，或联通、电信、铁塔中任一家，{reach}"]
    hand.looks(Outcome.NO_ANSWER, "cmcc-d3")
    hand.pass_s(420)
    assert (hand.verdict().warning, hand.verdict().level) == ("scenario2", "II")
    assert next_step(hand) == ["下一步：再波及一个乡镇或一家企业，预警和响应级别不变"]
    hand.looks(Outcome.NO_ANSWER, *(d for o in OPERATORS for d in devices(o, *range(1, 11))))
    hand.pass_s(420)
    assert (hand.verdict().warning, hand.verdict().level) == ("scenario1", "I")
    assert next_step(hand) == [], "nothing is worse"


def test_a_next_town_that_has_lost_its_mains_is_named() -> None:
    hand = Hand.of(county(register(towns=5)))
    hand.everyone()
    hand.pass_s(60)
    hand.looks(Outcome.NO_ANSWER, "cmcc-d1")
    hand.pass_s(420)
    hand.looks(Outcome.NO_ANSWER, "cmcc-d2")
    hand.pass_s(420)
    cut(hand, "cmcc-d3", "cmcc-d8", minutes=600)
    (said,) = next_step(hand)
    assert said.startswith("下一步：再波及任一新乡镇（已停电：第3镇），或联通、"), said
