"""Explanations say what was judged, with what is measured, and their "what is missing" is true."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector import nearest, networks
from collector import world as worlds
from collector.decide import Decider, DecisionInput
from collector.explain import NoSuchThingError, explain
from collector.explanation import Explanation, Kind, Why
from collector.figures import NAMES, operator_figures
from config.io.plan import load_plan
from config.register import InformationSystem
from tests.collector.small import Hand, county, devices, register
from wire.observation import Outcome

PLAN: Final = load_plan()
DECIDER: Final = Decider(PLAN)
OPERATORS: Final = tuple(one.id for one in PLAN.operators)


def nodes(node: Why) -> Iterator[Why]:
    yield node
    for part in node.parts:
        yield from nodes(part)


def one_operator_partly() -> Hand:
    hand = Hand.of(county(register(systems=(InformationSystem(
        id="gov", name="电子政务外网", devices=("ctcc-d1",)),))))  # fmt: skip
    hand.everyone()
    hand.pass_s(60)
    hand.looks(Outcome.NO_ANSWER, *devices("cmcc", 1))
    hand.pass_s(420)
    return hand


def test_the_chain_leads_from_the_warning_to_the_look_and_the_clause() -> None:
    hand = one_operator_partly()
    found = explain(hand.world, hand.now)
    seen = list(nodes(found.why))
    kinds = {one.kind for one in seen}
    assert {Kind.RULE, Kind.CLAUSE, Kind.OPERATOR, Kind.SHARE, Kind.TOWN, Kind.SITE} <= kinds
    assert {Kind.DEVICE, Kind.ALARM, Kind.LOOK, Kind.SPREAD} <= kinds
    assert [one.id for one in seen if one.kind is Kind.RULE] == ["W3"]
    assert [one.id for one in seen if one.kind is Kind.CLAUSE] == ["3.3(3)"]
    (share,) = (one for one in seen if one.id == "partial_share")
    assert (share.value, share.limit, share.holds) == (0.1, 0.03, True)
    assert found.target.startswith("W-")
    assert found == Explanation.model_validate_json(found.model_dump_json())


def test_a_hold_under_way_says_when_it_is_over() -> None:
    hand = one_operator_partly()
    hand.looks(Outcome.NO_ANSWER, *devices("cucc", 1))
    hand.pass_s(240)
    found = explain(hand.world, hand.now, "cucc").why
    (share,) = (one for one in found.parts if one.id == "partial_share")
    hold = hand.world.state.operators["cucc"].rules["partial_share"]
    assert (share.holds, share.until_ms, share.state) == (False, hold.due_ms, "pending")
    assert "counts from" in share.text.en


@pytest.mark.parametrize(
    ("target", "kind"),
    [("cmcc", Kind.OPERATOR), ("移动", Kind.OPERATOR), ("gov", Kind.SYSTEM), ("cmcc-s1", Kind.SITE),
     ("cmcc站1", Kind.SITE), ("cmcc-d1", Kind.DEVICE), ("tower-d3", Kind.DEVICE)],
)  # fmt: skip
def test_everything_can_be_asked_about_by_id_or_name(target: str, kind: Kind) -> None:
    hand = one_operator_partly()
    assert explain(hand.world, hand.now, target).why.kind is kind


def test_what_nobody_knows_is_refused_with_what_is_near() -> None:
    hand = one_operator_partly()
    with pytest.raises(NoSuchThingError, match='did you mean: "cmcc-s1"'):
        explain(hand.world, hand.now, "cmcc-s11")


def test_asking_changes_nothing() -> None:
    hand = one_operator_partly()
    before = worlds.state_hash(hand.world)
    for target in ("warning", "cmcc", "gov", "cmcc-s1", "cmcc-d1"):
        explain(hand.world, hand.now, target)
    assert worlds.state_hash(hand.world) == before


def test_before_anything_is_judged_there_is_an_answer() -> None:
    hand = one_operator_partly()
    hand.world.situation = None
    assert not explain(hand.world, hand.now).why.holds


def test_figures_agree_with_the_rules_that_judge() -> None:
    hand = one_operator_partly()
    for number in (2, 5, 8, 10):
        hand.looks(Outcome.NO_ANSWER, *devices("cmcc", *range(1, number + 1)))
        hand.pass_s(300)
        for operator in OPERATORS:
            rules = hand.world.state.operators[operator].rules
            judged = networks.operator_rules(hand.world, operator, rules)
            figures = {one.rule: one for one in operator_figures(hand.world, operator)}
            assert figures.keys() == judged.keys() == NAMES.keys()
            for name, one in figures.items():
                over = one.value > one.limit if name == networks.VISIBLE else one.value >= one.limit
                assert over is judged[name].bad, (operator, name, one)


def test_an_unknown_says_what_it_would_change() -> None:
    hand = one_operator_partly()
    hand.pass_s(600, silent=("agent-cucc",))
    found = explain(hand.world, hand.now)
    rows = {one.id: one for one in found.possible}
    assert rows["cucc"].best == ("scenario3", "none")
    assert rows["cucc"].worst == ("scenario2", "II")
    assert not rows["cucc"].overdue


# ── What is missing for the next higher one ──────────────────────────────────────────────────────

KNOWN: Final = ("none", "partial", "full")


def ask(operators: tuple[str, ...], systems: tuple[str, ...], spread: str) -> DecisionInput:
    return DecisionInput(
        operators=dict(zip(OPERATORS, operators, strict=True)),
        systems={f"s{n}": state for n, state in enumerate(systems)},
        spread=spread,
    )


def brute(given: DecisionInput, of: int, target: int) -> int | None:
    """The fewest operators, systems and spread that must worsen, by trying all that is worse."""
    worse = {"none": KNOWN, "partial": KNOWN[1:], "full": KNOWN[2:]}
    states = [*given.operators.values(), *given.systems.values()]
    best: int | None = None
    for after in product(*(worse[state] for state in states)):
        for spread in ("no", "yes") if given.spread == "no" else ("yes",):
            changed = sum(a != b for a, b in zip(states, after, strict=True))
            changed += spread != given.spread
            if best is not None and changed >= best:
                continue
            said = DECIDER.decide(ask(after[:4], after[4:], spread))
            if DECIDER.severities(said)[of] >= target:
                best = changed
    return best


@settings(max_examples=40)
@given(
    operators=st.tuples(*[st.sampled_from(KNOWN)] * 4),
    systems=st.lists(st.sampled_from(KNOWN), max_size=2).map(tuple),
    spread=st.sampled_from(("no", "yes")),
    of=st.sampled_from((0, 1)),
)
def test_the_smallest_change_is_the_smallest_there_is(
    operators: tuple[str, ...], systems: tuple[str, ...], spread: str, of: int
) -> None:
    state = ask(operators, systems, spread)
    here = DECIDER.severities(DECIDER.decide(state))[of]
    if here == (len(PLAN.scenarios), len(PLAN.levels))[of]:
        return
    found = nearest.ways(DECIDER, state, ("warning", "level")[of], here + 1)
    assert found
    for way in found:
        said = DECIDER.decide(nearest.moved(state, way.move))
        assert said == way.decision
        assert DECIDER.severities(said)[of] > here
        assert list(nearest.told(DECIDER, state, way.move))
    observed = [sum(way.move.counts) for way in found if not way.move.facts]
    assert min(observed, default=None) == brute(state, of, here + 1)


@pytest.mark.parametrize("of", ["warning", "level"])
def test_nothing_can_be_left_out_of_a_way(of: str) -> None:
    state = ask(("partial", "none", "none", "none"), ("none",) * 3, "no")
    here = DECIDER.severities(DECIDER.decide(state))[0 if of == "warning" else 1]
    for way in nearest.ways(DECIDER, state, of, here + 1):
        for place, count in enumerate(way.move.counts):
            if not count:
                continue
            a, b, c, d, e = (n - (at == place) for at, n in enumerate(way.move.counts))
            less = nearest.moved(state, nearest.Move(a, b, c, d, e, way.move.facts))
            said = DECIDER.severities(DECIDER.decide(less))
            assert said[0 if of == "warning" else 1] <= here


def test_fifty_systems_are_asked_within_bounds() -> None:
    state = ask(("partial", "none", "none", "none"), ("none",) * 50, "no")
    found = nearest.ways(DECIDER, state, "warning", 3)
    assert {way.move.counts for way in found} >= {(3, 0, 50, 0, 1)}


@pytest.mark.parametrize("target", ["140522101", "第1镇"])
def test_a_town_is_explained_by_its_operators_and_sites(target: str) -> None:
    hand = one_operator_partly()
    found = explain(hand.world, hand.now, target).why
    assert (found.kind, found.id, found.state, found.holds) == (
        Kind.TOWN, "140522101", "affected", True,
    )  # fmt: skip
    assert found.text.zh == "第1镇：受影响企业1/4家，站点中断1/20"
    cells = [one for one in found.parts if one.kind is Kind.TOWN]
    assert [one.id for one in cells] == ["cmcc", "cucc", "ctcc", "tower"]
    assert (cells[0].value, cells[0].holds, cells[1].holds) == (0.2, True, False)
    assert "联通：第1镇未受影响" in cells[1].text.zh
    assert [one.id for one in found.parts if one.kind is Kind.SITE] == ["cmcc-s1"]
    quiet = explain(hand.world, hand.now, "第2镇").why
    assert (quiet.state, quiet.holds) == ("none", False)
