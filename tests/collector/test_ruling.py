"""Changing the rules is an act: signed, approved by a second person, in force from its moment."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from collector import world as worlds
from collector.changes import edits, parts
from collector.county import County
from collector.model import Reconfigured, decode_input, encode_input
from collector.rulechange import RuleApproval, RuleChange
from collector.ruling import Sheet, Word, approved_by, stand
from collector.world import charter
from config.register import Person
from tests.collector.house import House
from tests.collector.small import POLICY, T0, Hand, county, register
from tests.peers import mosquitto
from transport.io.keys import new_key, trust

ROLES = ("director", "commander")
LI = Person(account="li", name="李四", organ="县指挥部办公室", roles=("director",), key="li")
WANG = Person(account="wang", name="王五", organ="县指挥部", roles=("commander",), key="wang")
DUTY = Person(account="duty", name="赵六", organ="县指挥部办公室", roles=("duty",), key="duty")
DAY_MS = 86_400_000


def counties() -> tuple[County, County]:
    reg = register().model_copy(update={"people": (LI, WANG, DUTY)})
    cell = POLICY.cell.model_copy(update={"share_out": 0.5})
    return county(reg), county(reg, policy=POLICY.model_copy(update={"cell": cell}))


def change(was: County, now: County, **fields: object) -> RuleChange:
    given: dict[str, object] = {
        "county": "140522", "tree": "live", "hash": now.hash, "was": was.hash, "account": "li",
        "at_ms": T0, "from_ms": T0, "reason": "试", "parts": parts(was, now), "stories": 40,
    }  # fmt: skip
    return RuleChange.model_validate(given | fields)


def sheet(said: RuleChange, *by: str, key: str = "li", of: str = "d" * 64) -> Sheet:
    approvals = tuple(
        (RuleApproval(county="140522", tree="live", change=of, account=one, at_ms=T0), one)
        for one in by
    )
    return Sheet(said, key, "d" * 64, approvals)


def judge(one: Sheet, inforce: County, *, second: bool = True, now_ms: int = T0) -> Word:
    return stand(one, inforce, roles=ROLES, second=second, now_ms=now_ms)


def test_only_an_approved_change_of_the_rules_in_force_is_due() -> None:
    was, now = counties()
    said = change(was, now)
    assert said.parts == ("policy",)
    assert judge(sheet(said), was) is Word.UNAPPROVED
    assert judge(sheet(said, "wang"), was) is Word.DUE
    assert judge(sheet(said), was, second=False) is Word.DUE
    assert judge(sheet(said, "wang"), now) is Word.IN_FORCE
    assert judge(sheet(change(now, now, hash="a" * 64), "wang"), was) is Word.STALE
    later = change(was, now, from_ms=T0 + DAY_MS)
    assert judge(sheet(later, "wang"), was) is Word.LATER
    assert judge(sheet(later, "wang"), was, now_ms=T0 + DAY_MS) is Word.DUE


@pytest.mark.parametrize(
    ("by", "of"),
    [(("li",), "d" * 64), (("duty",), "d" * 64), (("wang",), "e" * 64), (("nobody",), "d" * 64)],
)
def test_who_cannot_approve(by: tuple[str, ...], of: str) -> None:
    """The author, who has no role, who means another text, whom nobody knows."""
    was, now = counties()
    one = sheet(change(was, now), *by, of=of)
    assert judge(one, was) is Word.UNAPPROVED
    assert approved_by(one, charter(was), ROLES, T0) == ""


def test_who_cannot_submit() -> None:
    was, now = counties()
    assert judge(sheet(change(was, now, account="duty"), "wang", key="duty"), was) is Word.NO_ROLE
    assert judge(sheet(change(was, now), "wang", key="wang"), was) is Word.NO_ROLE
    assert judge(sheet(change(was, now, tree="drill-x"), "wang"), was) is Word.FOREIGN
    gone = LI.model_copy(update={"valid_to": date(2020, 1, 1)})
    people = was.register.model_copy(update={"people": (gone, WANG)})
    old = county(people)
    assert judge(sheet(change(old, now), "wang"), old) is Word.NO_ROLE


def test_a_change_cannot_appoint_who_approves_it() -> None:
    was, _ = counties()
    bold = DUTY.model_copy(update={"roles": ("commander",)})
    now = county(was.register.model_copy(update={"people": (LI, WANG, bold)}))
    assert judge(sheet(change(was, now), "duty"), was) is Word.UNAPPROVED


def test_the_journal_names_author_approver_and_reason() -> None:
    was, now = counties()
    hand = Hand.of(was)
    given = Reconfigured(now.hash, "li", "wang", "阈值调整", 40, 1)
    assert decode_input(*encode_input(given)) == given
    assert decode_input(*encode_input(Reconfigured(now.hash))) == Reconfigured(now.hash)
    hand.effects += worlds.step(hand.world, hand.now, given, {now.hash: now}.__getitem__)
    row = hand.records("configuration")[-1]
    assert (row["by"], row["approved"], row["reason"], row["failed"]) == (
        "li",
        "wang",
        "阈值调整",
        1,
    )
    assert replace(given, account="") != given


def test_every_edited_value_of_policy_and_profiles_is_named() -> None:
    was, now = counties()
    (line,) = edits(was, now)
    assert line.startswith("policy.cell.share_out: ")
    assert line.endswith(" → 0.5")
    profile = was.bundle.profiles[0]
    titled = profile.model_copy(update={"title": "又一个 " * 20})
    bundle = was.bundle.model_copy(update={"profiles": (titled, *was.bundle.profiles[1:])})
    (line,) = edits(was, County(bundle))
    assert line.startswith(f"profiles.{profile.id}.title: {profile.title} → 又一个")
    assert line.endswith("…")
    assert parts(was, County(bundle)) == ("profiles",)
    fewer = was.bundle.model_copy(update={"profiles": was.bundle.profiles[1:]})
    assert list(edits(was, County(fewer))) == [f"profiles.{profile.id}: … → –"]


# ── the whole way ────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    people = (LI, WANG)
    with mosquitto(tmp_path) as broker:
        made = House(tmp_path, broker.port, register(sites=2).model_copy(update={"people": people}))
        trust(tmp_path / "keys", new_key(tmp_path / "office-keys", "wang"))
        yield made
        made.close()


def rules(house: House, *words: str) -> tuple[int, str]:
    keys = ("--keys", str(house.folder / "office-keys")) if words[0] != "show" else ()
    done = house.cli("rules", *words, *keys)
    return done.returncode, done.stdout + done.stderr


def rename(house: House, was: str, name: str) -> None:
    sites = house.folder / "register" / "sites.csv"
    sites.write_text(sites.read_text(encoding="utf-8").replace(was, name), "utf-8")


def until(found: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not found():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.peers
def test_files_alone_bring_nothing_into_force_and_a_signed_change_does(house: House) -> None:
    with house.config.open("a", encoding="utf-8") as file:
        file.write("\n[rules]\nsigned = true\nevery_s = 0.2\n")
    code, said = rules(house, "show")
    assert "现行规则无从得知" in said
    assert json.loads(rules(house, "show", "--json")[1])["in_force"] is None
    code, said = rules(house, "submit", "--as", "li", "--reason", "x")
    assert (code != 0, "尚无数据库" in said) == (True, True)
    house.start()
    first = house.status()["config_hash"]
    rename(house, "cmcc站1", "新址站")
    assert house.end(signal.SIGTERM) == 0
    house.start()
    assert house.status()["config_hash"] == first
    assert any("differ from the rules in force" in str(line["event"]) for line in house.log)

    assert rules(house, "submit", "--as", "li", "--reason", " ")[0] == 1
    assert "没有账号" in rules(house, "submit", "--as", "nobody", "--reason", "x")[1]
    code, said = rules(house, "submit", "--as", "li", "--reason", "站点更名")
    assert code == 0, said
    number = said.partition("已提交 ")[2].partition("：")[0]
    shown = json.loads(rules(house, "show", "--json")[1])
    assert [(one["id"], one["state"]) for one in shown["changes"]] == [(number, "unapproved")]
    assert rules(house, "approve", number, "--as", "li")[0] == 1
    code, said = rules(house, "approve", number, "--as", "wang")
    assert code == 0, said
    until(lambda: house.status()["config_hash"] == shown["changes"][0]["hash"])
    assert "现行 in force" in rules(house, "show")[1]

    assert house.end(signal.SIGKILL) == -signal.SIGKILL
    house.start()
    assert house.status()["config_hash"] == shown["changes"][0]["hash"]
    journal = house.cli("journal", "show", "--kind", "configuration").stdout
    assert "站点更名" in journal
    assert "wang" in journal
    assert house.cli("journal", "verify").returncode == 0


@pytest.mark.peers
def test_where_nobody_has_to_sign_it_is_said_who_did_and_that_nobody_did(house: House) -> None:
    house.start()
    began: Any = house.status()["rules"]
    assert (began["unsigned"], "没有变更记录" in began["said"]["zh"]) == (False, True)

    rename(house, "cmcc站1", "新址站")
    assert house.end(signal.SIGTERM) == 0
    house.start()
    held: Any = house.status()["rules"]
    assert held["unsigned"]
    assert "【未署名】" in held["said"]["zh"]
    assert "【未署名】" in rules(house, "show")[1]
    assert held["in_force"] == began["in_force"]  # a site's name is none of the rules
    assert any("nobody signed for it" in str(line["event"]) for line in house.log)

    rename(house, "新址站", "旧址站")
    assert "文件不同" in rules(house, "show")[1]
    code, said = rules(house, "submit", "--as", "li", "--reason", "站点更名")
    assert code == 0, said
    assert house.end(signal.SIGTERM) == 0
    house.start()
    held = house.status()["rules"]
    assert not held["unsigned"]
    assert "li 提交：站点更名" in held["said"]["zh"]
    shown = json.loads(rules(house, "show", "--json")[1])
    assert shown["in_force"]["in_force"] == held["in_force"] == shown["changes"][0]["rules"]
    assert shown["changes"][0]["state"] == "in_force"
    explained = house.cli("explain", "--json")
    assert json.loads(explained.stdout)["rules"] == held["in_force"]
