"""RULES.md says what is: its example is as told, its words are the models' own."""

from __future__ import annotations

import re
from pathlib import Path

from config.io.load import load_policy, load_profiles
from config.io.plan import load_plan
from drill import rule_story
from drill.rule_county import Setting
from drill.rule_run import Run
from drill.rule_story import Decide, Expect, Observe

MANUAL = (Path(__file__).parents[2] / "docs" / "RULES.md").read_text(encoding="utf-8")


def told(path: Path, text: str) -> Run:
    path.write_text(text, encoding="utf-8")
    profiles = tuple(load_profiles().values())
    run = Run(rule_story.load(path, load_plan(), load_policy(), profiles))
    run.tell()
    return run


def test_the_worked_example_is_as_told_and_goes_wrong_as_it_says(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", MANUAL, re.DOTALL)
    path = tmp_path / "tower-two-towns.toml"
    assert told(path, example).misses == []
    (miss,) = told(path, example.replace('level = "none"', 'level = "II"')).misses
    where = f"{path.name}:{miss.line}: 0:06:00 {miss.field}"
    assert f"{where}：应为 expected {miss.wanted}，实为 got {miss.got}" in MANUAL


def words(start: str, end: str) -> set[str]:
    """The words in back quotes of the first column of a table, keys alone."""
    part = MANUAL[MANUAL.index(start) : MANUAL.index(end)]
    cells = re.findall(r"^\| (`.*?) \|", part, re.MULTILINE)
    return {word for cell in cells for word in re.findall(r"`(\w+)", cell)}


def test_the_tables_have_every_word() -> None:
    assert words("What is different stands in", "### The words of a step") == set(
        Setting.model_fields
    )
    assert words("| `observe` |", "`decide = {") - {"observe", "start"} == set(Observe.model_fields)
    assert words("| `expect` |", "`proves` names") - {"expect", "none"} == set(Expect.model_fields)
    order = re.search(r"`decide = \{ (.*?) \}`", MANUAL)
    assert order is not None
    assert set(order[1].split(", ")) == set(Decide.model_fields)
