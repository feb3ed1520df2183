"""A plan file begun from another, and a plan drawn."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import date
from pathlib import Path

import pytest

from config.draft import Answers, draft, seats
from config.figures import flow, organisation, wrap
from config.io.plan import SHIPPED, load_plan, read_plan
from config.plan import UNCHECKED
from config.plancheck import oddities

FOUR = SHIPPED.parent / "plans" / "four-levels-example.toml"
DAY = date(2026, 3, 1)
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("base", [SHIPPED, FOUR])
@pytest.mark.parametrize(
    "operators",
    [
        {},
        {"cmcc": "移动", "cbn": "广电"},
        {"a": "甲", "b": "乙", "c": "丙", "d": "丁", "e": "戊"},
    ],
)
def test_a_drafted_plan_is_sound_and_says_what_nobody_has_checked(
    base: Path, operators: dict[str, str], tmp_path: Path
) -> None:
    plan = load_plan(base)
    asked = seats(plan)
    named = {name: f"沁水{said}" for name, said in asked.items()}
    answers = Answers("qinshui-1", '沁水"县"预案', "沁〔2026〕1号", "沁水县", DAY, named, operators)
    path = tmp_path / "new.toml"
    path.write_text(draft(base.read_text(encoding="utf-8"), plan, answers), encoding="utf-8")
    made, document = read_plan(path)
    assert made.document.title == '沁水"县"预案'
    assert (made.document.issued, made.document.revision_due, made.remarks) == (DAY, None, ())
    wanted = operators or {one.id: one.name.zh for one in plan.operators}
    assert {one.id: one.name.zh for one in made.operators} == wanted
    assert {one.name for one in made.organs} >= set(named.values())
    assert not any(one.phone or one.listed_as for one in made.organs)
    assert [one.id for one in made.scenarios] == [one.id for one in plan.scenarios]
    assert all(one.quote.startswith(UNCHECKED) for one in made.clauses)
    said = [str(note) for note in oddities(made, document.place, DAY)]
    assert any(f"{len(made.clauses)} clauses have not been held" in one for one in said)


@pytest.mark.parametrize("path", [SHIPPED, FOUR])
def test_the_figures_name_everybody_and_every_clause(path: Path) -> None:
    plan = load_plan(path)
    drawn = [ET.fromstring(figure(plan)) for figure in (organisation, flow)]
    told = ["".join(root.itertext()).replace("\n", "") for root in drawn]
    for group in plan.groups:
        assert group.name in told[0]
    for organ in plan.organs:
        assert not organ.member or organ.name in told[0]
    for item in (*plan.scenarios, *plan.levels):
        assert f"{item.name.zh}（{item.clause}）" in told[1]
    for root in drawn:
        height = float(root.attrib["height"])
        boxes = [
            tuple(float(box.attrib[key]) for key in ("x", "y", "width", "height"))
            for box in root.iter(f"{SVG}rect")
        ]
        assert all(x >= 0 and x + width <= 1400 and y + h <= height for x, y, width, h in boxes)
        for i, (x, y, width, h) in enumerate(boxes):
            for x2, y2, width2, h2 in boxes[i + 1 :]:
                apart = x + width <= x2 or x2 + width2 <= x or y + h <= y2 or y2 + h2 <= y
                assert apart, "two boxes overlap"


def test_a_long_line_is_broken_and_nothing_of_it_lost() -> None:
    text = "县公安局交警大队 and other units" * 5
    lines = wrap(text, 200)
    assert "".join(lines) == text
    assert all(line for line in lines)
