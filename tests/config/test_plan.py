from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from config.faults import ConfigError, Fault
from config.io.plan import SHIPPED, load_plan, read_plan
from config.plan import Ground
from config.plancheck import oddities
from wire.notice import Verb

TEXT = SHIPPED.read_text(encoding="utf-8")
PLAN = load_plan()


def refused(tmp_path: Path, text: str) -> tuple[Fault, ...]:
    file = tmp_path / "plan.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_plan(file)
    return caught.value.faults


def test_the_shipped_plan_holds_the_paper() -> None:
    assert PLAN.document.number == "阳政办发〔2022〕52号"
    assert PLAN.document.revision_due == date(2025, 6, 28)
    assert len(PLAN.clauses) == 85
    assert [operator.id for operator in PLAN.operators] == ["cmcc", "cucc", "ctcc", "tower"]
    assert [scenario.id for scenario in PLAN.scenarios] == ["scenario1", "scenario2", "scenario3"]
    assert [level.id for level in PLAN.levels] == ["I", "II"]
    assert sum(organ.member for organ in PLAN.organs) == 28  # 27 units, and the town concerned
    assert sum(organ.phone is not None for organ in PLAN.organs) == 30  # and 15 towns' in 8.3
    assert len(PLAN.groups) == 7
    assert [(d.limit_s, d.remind_before_s) for d in PLAN.deadlines] == [(1800, (900, 600, 300))] * 2


def test_the_levels_recipients_are_those_of_the_paper() -> None:
    first, second = (level.recipients for level in PLAN.levels)
    assert first is not None
    assert second is not None
    assert (first.organs, first.all_members) == (("县指挥部", "县政府"), True)
    assert (second.organs, second.all_members) == (("县指挥部",), True)
    assert [level.started_by for level in PLAN.levels] == [("commander",), ("commander", "deputy")]


def test_every_order_of_the_wire_has_its_authority() -> None:
    by_another = {Verb.THREAT, Verb.ADOPT}  # whoever judges facts; whoever issues a warning
    assert {authority.verb for authority in PLAN.authority} | by_another == set(Verb)


def test_every_gap_rule_names_its_judgement_and_every_other_its_clause() -> None:
    for item in (*PLAN.scenarios, *PLAN.levels):
        for rule in item.rules:
            assert (rule.judgement is not None) == (rule.ground is Ground.GAP)
            assert rule.clauses or rule.judgement


def test_the_hash_follows_the_content(tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    file.write_text("# a remark\n" + TEXT, encoding="utf-8")
    assert load_plan(file).hash == PLAN.hash
    assert len(PLAN.hash) == 64
    file.write_text(TEXT.replace("2025-06-28", "2025-06-29"), encoding="utf-8")
    assert load_plan(file).hash != PLAN.hash


W3 = "when = [{ affected_min = 1 }]"
W1 = 'clauses = ["3.3(1)"]\nsays'
SPREAD_NO = (
    "a rule has lower bounds only: with spread, more damage could mean less warning; "
    "upper bounds belong to words"
)
JUDGEMENT = "fills a gap: name the clause that leaves it to judgement"
TAKEN = "means something else: rename it"


@pytest.mark.parametrize(
    ("old", "new", "key", "sentence", "meant"),
    [
        ('["3.3(3)"]', '["3.3(3a)"]', "scenarios[3].rules[1].clauses[1]",
         'no clause "3.3(3a)" in this plan', "3.3(3)"),
        ('warning_min = "scenario2"', 'warning_min = "scenario5"',
         "levels[2].rules[4].when[1].warning_min", 'no scenario "scenario5" in this plan',
         "scenario3"),
        ('facts = ["beyond_county"]', 'facts = ["beyond_country"]',
         "levels[1].rules[2].when[1].facts[1]", 'no fact "beyond_country" in this plan',
         "beyond_county"),
        ('merged = "tower"', 'merged = "towers"', "counting.merged",
         'no operator "towers" in this plan', "tower"),
        ('level_from = "scenario2"', 'level_from = "two"', "promises.level_from",
         'no scenario "two" in this plan', ""),
        ('organ = "移动公司"', 'organ = "移动公司阳城"', "operators[1].organ",
         'no organ "移动公司阳城" in this plan', "移动公司"),
        ('started_by = ["commander"]', 'started_by = ["comander"]', "levels[1].started_by[1]",
         'no role "comander" in this plan', "commander"),
        (W3, 'when = [{ affected_min = 1, spread = "no" }]',
         "scenarios[3].rules[1].when[1].spread", SPREAD_NO, ""),
        ("{ affected_min = 1, operators", "{ affected_min = 3, affected_max = 2, operators",
         "scenarios[3].words[1].affected_max", "at most 2, but at least 3", ""),
        (W3, "when = [{}]",
         "scenarios[3].rules[1].when[1]", "an empty condition holds always", ""),
        (W3, 'when = [{ affected_min = 1, facts = ["hq_level"] }]',
         "scenarios[3].rules[1].when[1].facts",
         '"hq_level" holds a level: only a level may ask for it', ""),
        (W3, 'when = [{ warning_min = "scenario3" }]',
         "scenarios[3].rules[1].when[1].warning_min", "only a level may ask for a warning", ""),
        ('judgement = "4.4.1(3)"\nsays = { zh = "所有', 'says = { zh = "所有',
         "scenarios[1].rules[2].judgement", f"rule G1-dark {JUDGEMENT}", ""),
        (W1, "says", "scenarios[1].rules[1].clauses", "rule W1 names no clause", ""),
        (W1, f'judgement = "4.4.1(3)"\n{W1}', "scenarios[1].rules[1].judgement",
         "rule W1 fills no gap and needs no judgement clause", ""),
        ('when = [{ facts = ["beyond_county"] }]', "when = [{ full_min = 1 }]",
         "levels[1].rules[2].when",
         "rule L1-county rests on an entered fact but does not say which", ""),
        ('id = "G2-risk"', 'id = "W2"', "scenarios[2].rules[7]", '"W2" is there twice', ""),
        ('id = "scenario3"', 'id = "none"', "scenarios[3].id", f'"none" {TAKEN}', ""),
        ('id = "major_risk"', 'id = "overdue"', "facts[1].id", f'"overdue" {TAKEN}', ""),
        ('key = "tower_counting"', 'key = "spread"', "counting.key", f'"spread" {TAKEN}', ""),
        ('id = "cmcc"\nname', 'id = "sys"\nname', "operators[1].id", f'"sys" {TAKEN}', ""),
        ("revision_due = 2025-06-28", "revision_due = 2022-06-28", "document.revision_due",
         "the revision is due before the plan was issued", ""),
        ("remind_before_s = [900,", "remind_before_s = [1800,", "deadlines[1].remind_before_s[1]",
         "a reminder 1800 s before the end of 1800 s is too early", ""),
        ("operators_full_min = 1, spread", "operator_full_min = 1, spread",
         "scenarios[2].words[1].operator_full_min", "unknown key", "operators_full_min"),
        ('clause = "7.1"', 'clause = "第7条"', "counting.clause",
         'is no clause number such as 3.3(2), is "第7条"', ""),
        ('id = "major_risk"', 'id = "Major"', "facts[1].id",
         'is small letters, digits and _, begins with a letter, 32 at most, is "Major"', ""),
        ('operators_full_min = "all"', 'operators_full_min = "every"',
         "scenarios[1].rules[2].when[1].operators_full_min",
         'must be a whole number, or must be all, is "every"', ""),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(
    tmp_path: Path, old: str, new: str, key: str, sentence: str, meant: str
) -> None:
    assert old in TEXT
    found = refused(tmp_path, TEXT.replace(old, new, 1))
    at_key = [fault for fault in found if fault.key == key]
    assert [fault.saying.en for fault in at_key] == [sentence]
    assert at_key[0].saying.zh
    assert meant in at_key[0].saying.hint
    assert at_key[0].line is not None
    assert at_key[0].line > 1


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    text = TEXT.replace('["3.3(3)"]', '["3.3(4)"]').replace('merged = "tower"', 'merged = "t"')
    at_clause, at_merged = refused(tmp_path, text)[::-1]
    assert at_merged.line == TEXT[: TEXT.index('merged = "tower"')].count("\n") + 1
    assert at_clause.line == TEXT[: TEXT.index('["3.3(3)"]')].count("\n") + 1


def test_the_oddities_of_the_paper_are_told() -> None:
    plan, document = read_plan()
    said = [fault.saying.en for fault in oddities(plan, document.place, date(2026, 1, 1))]
    for sentence in (
        "member 县气象局 has no number",
        "县医疗保障局 is in 医疗救护组 but no member",
        "member 县政府信息中心 is in no group",
        '县公安局交警大队 "县交警队"',
        '县人武部 "县武装部"',
        "the number of 铁塔办事处 is a mobile",
        "no fax, mail or commander's numbers exist",
        "晋城县 is a slip for 晋城市",
        "figures 8.1 and 8.2 are missing",
        "the contact list pairs names and numbers by order only",
        "the plan's own revision was due on 2025-06-28",
    ):
        assert any(sentence in other for other in said), sentence
    before = [f.saying.en for f in oddities(plan, document.place, date(2025, 1, 1))]
    assert not any("revision" in sentence for sentence in before)
