"""Rule stories: the shipped ones are as told, say something of everything, and can fail."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from collector.explain import asked
from config.faults import ConfigError
from config.io.load import load_policy, load_profiles
from config.io.plan import load_plan
from config.plan import ClauseKind
from drill import rule_story
from drill.rule_county import NoSuchNumberError, amended
from drill.rule_expect import LOOKUPS
from drill.rule_run import LOOKS, POWER, Run
from drill.rule_story import Expect, Observe, Told

PLAN: Final = load_plan()
POLICY: Final = load_policy()
PROFILES: Final = tuple(load_profiles().values())
NAMES: Final = [path.stem for path in rule_story.shipped()]


@cache
def read(name: str) -> Told:
    return rule_story.load(rule_story.find(name), PLAN, POLICY, PROFILES)


def written(tmp_path: Path, steps: str, head: str = "") -> Told:
    path = tmp_path / "mine.toml"
    title = 'proves = ["W3"]\ntitle = { zh = "试", en = "try" }\n'
    path.write_text(f"{title}{head}\n{steps}", encoding="utf-8")
    return rule_story.load(path, PLAN, POLICY, PROFILES)


@pytest.mark.parametrize("name", NAMES)
def test_each_shipped_story_is_as_told(name: str) -> None:
    run = Run(read(name))
    assert [str(miss) for miss in run.tell()] == []
    # What is asked again to explain a verdict is what it was made from.
    assert run.world.situation is not None
    said = run.world.situation.verdict
    again = run.county.decider.decide(
        asked(run.world, run.world.situation, run.world.situation.at_ms)
    )
    assert (again.warning, again.level, again.rules) == (said.warning, said.level, said.rules)
    assert (again.warning_range, again.level_range) == (said.warning_range, said.level_range)


def expectations(told: Told) -> list[Expect]:
    return [step.expect for step in told.story.steps if step.expect is not None]


def test_every_rule_and_every_clause_that_a_rule_cites_is_expected_by_a_story() -> None:
    rules = {rule.id for item in (*PLAN.scenarios, *PLAN.levels) for rule in item.rules}
    cited = {
        clause
        for item in (*PLAN.scenarios, *PLAN.levels)
        for rule in item.rules
        for clause in (*rule.clauses, *([rule.judgement] if rule.judgement else ()))
    }
    said = [one for name in NAMES for one in expectations(read(name))]
    assert len(NAMES) >= 40
    assert rules == {rule for one in said for rule in one.rules or ()}
    assert cited == {clause for one in said for clause in one.clauses or ()}


def test_every_story_proves_what_it_says() -> None:
    rules = {rule.id for item in (*PLAN.scenarios, *PLAN.levels) for rule in item.rules}
    proved = {word for name in NAMES for word in read(name).story.proves}
    assert rules <= proved
    assert {f"F{row}" for row in range(22, 37)} <= proved
    for name in NAMES:
        said = {rule for one in expectations(read(name)) for rule in one.rules or ()}
        gaps = {word for word in read(name).story.proves if word in rules and word != "W3"}
        assert gaps <= said, name


PEOPLE: Final = "people"
"""People's alone: the program neither does it nor reminds of it."""

NOT_YET: Final = "not yet"
"""Tasks to units and the reports' clocks: no rule judges them, and nothing carries them out yet."""

ELSEWHERE: Final = {
    "2.1(6)": "tests/escalation/test_cap.py",  # nothing is ever published
    "2.1-adj": "tests/config/test_plan.py",  # organs are data
    "2.2(3)": "tests/escalation/test_report.py",
    "2.2(4)": NOT_YET,
    "2.3-town": PEOPLE,
    "2.3-fuel": NOT_YET,
    "2.3-hub": PEOPLE,
    "2.4": "tests/config/test_plan.py",  # the seven groups
    "3.2-backup": "tests/collector/test_backup.py",
    "3.5(1)": NOT_YET,
    "3.5(2)": PEOPLE,
    "3.5(3)": PEOPLE,
    "4.1-report": NOT_YET,
    "4.1-up": NOT_YET,
    "4.1-skip": PEOPLE,
    "4.1-30w": NOT_YET,
    "4.1-30a": NOT_YET,
    "4.1-secret": PEOPLE,
    "4.1-brief": NOT_YET,
    "4.2(2)3": NOT_YET,
    "4.3": "tests/web/test_both_ways.py",  # extent and trend, for the operator
    "4.4.1-m1": NOT_YET,
    "4.4.1-m3": PEOPLE,
    "4.4.1-m5": NOT_YET,
    "4.4.2-m1": NOT_YET,
    "4.4.2-m3": NOT_YET,
    "4.4.2-m4": NOT_YET,
    "4.5": "tests/escalation/test_cap.py",
    "5.2": "tests/escalation/test_report.py",
    "5.2-drill": PEOPLE,
    "6.1": "tests/drill/test_play.py",
    "6.2": PEOPLE,
    "6.3-secret": PEOPLE,
    "6.4": PEOPLE,
    "6.6": PEOPLE,
    "6.9": PEOPLE,
    "7.2": "tests/config/test_plan.py",  # when the plan was to be revised
    "7.2-file": PEOPLE,
    "7.3": "tests/collector/test_store.py",  # the journal's chain
    "7.5": "tests/config/test_plan.py",
}
"""Clauses that no story tells: the test that shows them, or whose they are."""


def test_every_clause_has_a_story_or_says_where_it_is_shown() -> None:
    proved = {word for name in NAMES for word in read(name).story.proves}
    clauses = {clause.id: clause.kind for clause in PLAN.clauses}
    assert clauses.keys() - proved == ELSEWHERE.keys()
    judged = {ClauseKind.DECIDE, ClauseKind.WATCH}
    untold = [one for one in ELSEWHERE if clauses[one] in judged and ELSEWHERE[one] == NOT_YET]
    assert untold == []
    for where in ELSEWHERE.values():
        assert where in {PEOPLE, NOT_YET} or Path(where).is_file(), where


def test_other_numbers_are_refused_by_their_place() -> None:
    with pytest.raises(NoSuchNumberError) as caught:
        amended(POLICY, {"operator.full_share.raise": 0.5})
    assert "operator.full_share.raise_share" in caught.value.known
    with pytest.raises(NoSuchNumberError):
        amended(POLICY, {"operator.full_share.raise_share": -1.0})
    changed = amended(POLICY, {"site.out_hold_s": 60, "operator.full_share.raise_share": 0.8})
    assert (changed.site.out_hold_s, changed.operator.full_share.raise_share) == (60, 0.8)
    assert amended(POLICY, {}) is POLICY


OTHER: Final[dict[str, Any]] = {
    "warning": "scenario2",
    "level": "II",
    "spread": "yes",
    "case": "lifted",
    "projected": "scenario1",
    "projected_level": "I",
    "drafted": "scenario1",
    "most": 0,
    "says": ("没有这样的话",),
    "rules": ("W1",),
    "clauses": ("4.6",),
    "notices": ("task",),
    "office": "unknown",
}


def broken(name: str, value: Any) -> Any:
    """Another expectation of the same word."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, dict):
        return {key: one + 1 if isinstance(one, int) else "nowhere" for key, one in value.items()}
    if name.endswith("_range"):
        return (value[1], "none") if value[1] != "none" else ("none", "I")
    other = OTHER[name]
    return {"scenario2": "scenario1", "II": "I", "yes": "no", "unknown": "live"}.get(
        other if other == value else "", other
    )


@pytest.mark.parametrize("number", range(len(NAMES)))
def test_each_story_fails_when_one_of_its_expectations_is_another(number: int) -> None:
    told = read(NAMES[number])
    places = [
        (at, field)
        for at, step in enumerate(told.story.steps)
        if step.expect is not None
        for field in sorted(step.expect.model_fields_set)
        if field not in {"nothing", "never_says"} and (field, step.expect.most) != ("most", 0)
    ]
    if not places:
        places = [(0, "case")]
    at, field = places[number % len(places)]
    step = told.story.steps[at]
    wanted = step.expect or Expect()
    value = getattr(wanted, field)
    change = Expect.model_validate(
        {**wanted.given(), field: broken(field, "issued" if value is None else value)}
    )
    steps = [*told.story.steps]
    steps[at] = step.model_copy(update={"expect": change})
    other = Told(told.story.model_copy(update={"steps": tuple(steps)}), told.county, told.document)
    misses = Run(other).tell()
    assert (at, field) in {(miss.step, miss.field) for miss in misses}


def test_every_word_has_its_meaning() -> None:
    assert set(LOOKUPS) == set(Expect.model_fields)
    assert LOOKS.keys() | POWER.keys() == set(rule_story.PLACES) <= set(Observe.model_fields)


STEP: Final = '[[steps]]\nat = "0:01"\n'


@pytest.mark.parametrize(
    ("steps", "line", "said"),
    [
        (STEP + 'observe = { no_answer = ["cmc:1"] }', 6, '"cmc:1"'),
        (STEP + 'observe = { no_answer = ["cmcc-11"] }', 6, 'did you mean: "cmcc-1"'),
        (STEP + 'observe = { no_answer = ["cmcc:99-100"] }', 6, "means no device"),
        (STEP + 'observe = { silent = ["cmc"] }', 6, '"cmcc"'),
        (STEP + 'observe = { garbled = ["cmc"] }', 6, '"cmcc"'),
        (STEP + 'observe = { restarted = ["cmcc-11"] }', 6, 'did you mean: "cmcc-1"'),
        (STEP + 'observe = { policy = { "site.out_hold" = 9 } }', 6, '"site.out_hold_s"'),
        (STEP + "expect = { refused = { cmc = 1 } }", 6, '"cmcc"'),
        (STEP + 'observe = { gone = ["cmcc"] }', 6, "gone"),
        (
            STEP + 'observe = { readings = [{ of = "cmcc-1", metric = "ups_output", value = 1 }] }',
            6,
            '"ups_output_source"',
        ),
        (STEP + 'decide = { account = "duti", verb = "ack", on = "incident" }', 6, '"duty"'),
        (STEP + 'decide = { account = "duty", verb = "ack" }', 6, '"warning"'),
        (STEP + 'decide = { account = "duty", verb = "attest", on = "cmcc" }', 6, "say a state"),
        (
            STEP + 'decide = { account = "duty", verb = "fact", on = "flood", state = "yes" }',
            6,
            '"flood"',
        ),
        (STEP + 'expect = { warning = "scenario4" }', 6, '"scenario3"'),
        (STEP + 'expect = { rules = ["W9"] }', 6, '"W9"'),
        (STEP + 'expect = { operators = { cmcc = "down" } }', 6, '"down"'),
        (STEP + 'expect = { sites = { cmcc-99 = "out" } }', 6, '"cmcc-99"'),
        (STEP, 4, "says nothing"),
        (
            f'{STEP}expect = {{ nothing = true }}\n[[steps]]\nat = "0:00"\nexpect = {{ most = 1 }}',
            8,
            "before",
        ),
        ('[[steps]]\nat = "noon"\nexpect = { nothing = true }', 5, "at"),
    ],
)
def test_a_wrong_story_is_refused_with_line_and_word(
    tmp_path: Path, steps: str, line: int, said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        written(tmp_path, steps)
    fault = caught.value.faults[0]
    assert said in str(caught.value)
    assert fault.line == line


def test_what_a_story_proves_must_exist(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    head = 'proves = ["W33"]\ntitle = { zh = "试", en = "try" }\n'
    path.write_text(f"{head}{STEP}expect = {{ nothing = true }}", encoding="utf-8")
    with pytest.raises(ConfigError, match='"W33"'):
        rule_story.load(path, PLAN, POLICY, PROFILES)


def test_a_miss_names_step_line_and_what_was_there(tmp_path: Path) -> None:
    told = written(tmp_path, f'{STEP}expect = {{ warning = "scenario3", nothing = true }}\n')
    (miss,) = Run(told).tell()
    assert (miss.step, miss.field, miss.line) == (0, "warning", 6)
    assert (miss.wanted, miss.got) == ("scenario3", "none")


def test_an_order_that_becomes_something_else_is_a_miss(tmp_path: Path) -> None:
    told = written(tmp_path, f'{STEP}decide = {{ account = "duty", verb = "issue" }}\n')
    (miss,) = Run(told).tell()
    assert (miss.field, miss.wanted, miss.got) == ("outcome", "accepted", "no_role")
