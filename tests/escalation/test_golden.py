"""The texts as the office reads them, one file each; read them before you accept a change.

``WANGLOU_GOLDEN=write pytest tests/escalation/test_golden.py`` writes them anew.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from escalation import stated
from escalation.desk import Desk
from escalation.effects import Effect, EmitNotice
from escalation.situation import AttestedFact
from tests.escalation.county import (
    CALM,
    FULL,
    MINUTE,
    PARTIAL,
    T0,
    charter,
    device,
    order,
    silent,
    site,
    situation,
    verdict,
)
from wire.notice import Attested, Notice, NoticeKind, Verb

GOLDEN = Path(__file__).parent / "golden"
AT = T0 + 12 * MINUTE
HOLD = 30 * MINUTE

GAP = situation(
    verdict(
        "scenario2",
        "II",
        operators={"cmcc": "partial", "cucc": "partial", "ctcc": "unknown"},
        systems={"egov": "partial"},
        spread="unknown",
        best=("scenario2", "II"),
        worst=("scenario1", "I"),
        literal=(False, False),
        rules=("G2-operators", "GL2-scenario"),
        clauses=("3.3(2)", "4.4.2(3)"),
    ),
    sites=(site(1, key=True), site(2, "at_risk", operator="cucc"), site(3, "unknown")),
    devices=(device(1), device(2, "snmp_fault", operator="cucc"), device(3, "hidden")),
    blind=(silent("ctcc-noc", "ctcc", phone=None),),
    evidence=("14:05 凤城镇（移动）站点中断占比 24 %", "14:09 凤城镇（联通）站点中断占比 31 %"),
)
DARK = situation(
    verdict(
        operators={"cucc": "unknown", "tower": "absent"},
        best=("none", "none"),
        worst=("scenario2", "II"),
    ),
    blind=(silent(),),
)
ATTESTED = replace(
    situation(
        verdict("scenario3", operators={"cucc": "partial", "tower": "absent"}), blind=(silent(),)
    ),
    attested=(
        AttestedFact("cucc", "partial", "联通公司值班室王工", "zhang", AT, AT + 120 * MINUTE),
    ),
)


def texts(effects: list[Effect]) -> list[Notice]:
    return [effect.notice for effect in effects if isinstance(effect, EmitNotice)]


def page(notice: Notice) -> str:
    head = f"{notice.id} {notice.notice_kind} {notice.warning_id or '-'}"
    zh = f"{notice.subject.zh}\n{notice.text.zh}\n"
    return f"{head}\n{zh}\n{notice.subject.en}\n{notice.text.en}\n"


def recovered(desk: Desk, at_ms: int) -> list[Notice]:
    told = texts(desk.assess(at_ms, CALM))
    while (at := desk.next_deadline()) is not None and at <= at_ms + HOLD:
        told += texts(desk.due(at))
    return told


def tell() -> dict[str, Notice]:
    """Every kind of notice, by the name of its golden file."""
    found: dict[str, Notice] = {}
    desk = Desk(charter())
    found["incident"], found["draft-scenario3"] = texts(desk.assess(AT, PARTIAL))
    found["draft-scenario2"], found["level-literal"] = texts(desk.assess(AT + 1, FULL))
    w = desk.open_warning or ""
    found["refused-role"] = texts(desk.command(AT, order(Verb.ISSUE, w, "zhang"), "zhang"))[0]
    found["proposed"] = texts(desk.command(AT, order(Verb.PROPOSE, w, "zhang"), "zhang"))[0]
    issue = order(Verb.ISSUE, w, "wang", reason="已电话核实")
    found["issued"] = texts(desk.command(AT, issue, "wang"))[0]
    more = replace(PARTIAL, sites=PARTIAL.sites[:1], devices=PARTIAL.devices[:1])
    desk.assess(AT + 2, more)
    found["recovery-partial"] = texts(desk.due(AT + 2 * MINUTE))[0]
    back = recovered(desk, AT + 20 * MINUTE)
    found["recovery-all"], found["lowering"], found["lifting"] = back
    lift = order(Verb.LIFT, w, "wang", reason="处置结束，网络恢复")
    found["lifted"] = texts(desk.command(AT + 55 * MINUTE, lift, "wang"))[0]

    desk = Desk(charter())
    told = texts(desk.assess(AT, GAP))
    assert [n.notice_kind for n in told] == [
        NoticeKind.INCIDENT,
        NoticeKind.WARNING_DRAFT,
        NoticeKind.LEVEL_DRAFT,
        NoticeKind.HEALTH,
    ]
    found["level-judgement"] = told[2]
    found["reminder"] = texts(desk.due(AT + 10 * MINUTE))[0]
    follow = replace(GAP, sites=(*GAP.sites, site(4)))
    found["follow-up"] = texts(desk.assess(AT + 12 * MINUTE, follow))[0]

    desk = Desk(charter())
    found["health"] = texts(desk.assess(AT, DARK))[0]
    attest = order(Verb.ATTEST, "cucc", "zhang", said=Attested.PARTIAL, reason="监测中断")
    found["attested"] = texts(desk.command(AT, attest, "zhang"))[0]
    measured = order(Verb.ATTEST, "ctcc", "zhang", said=Attested.NONE)
    found["refused-measured"] = texts(desk.command(AT, measured, "zhang"))[0]
    found["attested-draft"] = texts(desk.assess(AT, ATTESTED))[1]
    desk.assess(AT + 120 * MINUTE, DARK)
    lapsed = desk.health(AT + 120 * MINUTE, lambda view: stated.lapsed(view, ["cucc"]))
    found["attested-expired"] = texts(lapsed)[0]
    desk = Desk(charter())
    desk.assess(AT, DARK)
    found["health-end"] = texts(desk.assess(AT + HOLD, CALM))[0]
    return found


NAMES = sorted(tell())


@pytest.mark.parametrize("name", NAMES)
def test_text(name: str) -> None:
    written = page(tell()[name])
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("WANGLOU_GOLDEN") == "write":
        path.write_text(written, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == written


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_text_begins_with_the_three_lines(name: str) -> None:
    notice = tell()[name]
    lines = notice.text.zh.splitlines()
    assert [line[:8].partition("】")[0] for line in lines[:3]] == [
        "【发生了什么",
        "【尚不清楚",
        "【现在要做",
    ]
    assert all(len(line) > 8 for line in lines[:3])
    leads = [line.partition("]")[0] for line in notice.text.en.splitlines()[:3]]
    assert leads == ["[What happened", "[Not known", "[What to do now"]


@pytest.mark.parametrize("name", NAMES)
def test_no_text_carries_an_address_or_a_machine_word(name: str) -> None:
    notice = tell()[name]
    both = notice.text.zh + notice.text.en
    assert not re.search(r"\b\d{1,3}(\.\d{1,3}){3}\b", both)
    assert not re.search(r"scenario[123]|snmp_fault|at_risk|cmcc\b(?!-)", both)
