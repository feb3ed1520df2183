"""The second shipped plan, with other words and four levels, through the very same code."""

from __future__ import annotations

import json
from pathlib import Path

from collector import world as worlds
from collector.plan_diff import compare
from collector.plan_space import survey
from config.io.plan import SHIPPED, load_plan
from tests.collector.small import Hand, county, devices
from wire.observation import Outcome

FOUR_FILE = SHIPPED.parent / "plans" / "four-levels-example.toml"
FOUR = load_plan(FOUR_FILE)
PLAN = load_plan()


def test_the_second_plan_is_sound_marked_and_has_every_verb() -> None:
    assert not survey(FOUR).faults
    assert "示例" in FOUR.document.title
    assert [level.id for level in FOUR.levels] == ["I", "II", "III", "IV"]
    assert all(clause.quote.startswith("（示例）") for clause in FOUR.clauses)
    assert {one.verb for one in FOUR.authority} == {one.verb for one in PLAN.authority}


def test_a_county_with_four_colours_is_warned_in_its_own_words() -> None:
    hand = Hand.of(county(plan=FOUR))
    hand.everyone()
    hand.looks(Outcome.NO_ANSWER, *devices("cmcc", 1, 3, 5))
    hand.pass_s(400)
    verdict = hand.verdict()
    assert (verdict.warning, verdict.level) == ("blue", "IV")
    assert verdict.clauses == ("3.2(4)", "4.1(4)")
    hand.looks(Outcome.NO_ANSWER, *devices("cmcc", *range(1, 11)))
    hand.pass_s(400)
    verdict = hand.verdict()
    assert (verdict.warning, verdict.level) == ("yellow", "III")
    said = "".join(notice.text.zh for notice in hand.notices())
    assert "蓝色预警" in said
    assert "黄色预警" in said
    assert not any(f"情形{number}" in said for number in (1, 2, 3))
    again = worlds.load(worlds.dump(hand.world), lambda _: hand.world.county)
    assert worlds.state_hash(again) == worlds.state_hash(hand.world)


def test_two_plans_differ_in_rows_and_in_states() -> None:
    assert compare(FOUR, FOUR).same
    found = compare(PLAN, FOUR)
    assert found.states > 6000
    turns = {(turn.was, turn.now) for turn in found.turns}
    assert (("scenario3", "none"), ("blue", "IV")) in turns
    assert (("scenario1", "I"), ("red", "I")) in turns
    assert any("major_risk" in en for _, en in found.apart)
    assert {part.section for part in found.parts} >= {"scenarios", "document", "counting"}


def test_one_changed_bound_is_named_with_the_states_that_it_turns(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    told = FOUR_FILE.read_text(encoding="utf-8")
    path.write_text(told.replace("operators_full_min = 2", "operators_full_min = 3"))
    found = compare(FOUR, load_plan(path))
    assert [(part.section, part.id, part.field) for part in found.parts] == [
        ("scenarios.orange", "R-orange", "when"),
        ("scenarios", "orange", "words"),
    ]
    turns = {turn: cells for turn, cells in found.turns.items() if turn.was == ("orange", "II")}
    assert {turn.now for turn in turns} == {("yellow", "III"), ("yellow", "II")}
    for cells in turns.values():
        assert {(cell.operators_full, cell.spread) for cell in cells} == {(2, False)}


def test_plans_of_unlike_operators_are_not_compared_state_by_state() -> None:
    harbour = load_plan(Path(__file__).parent / "plans" / "harbour.toml")
    found = compare(PLAN, harbour)
    assert (found.states, found.turns) == (0, {})
    assert "4 and 2 operators" in found.apart[0][1]
    assert json.dumps([part._asdict() for part in found.parts])
