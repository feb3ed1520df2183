"""The closing report: what the journal's rows become, and how it reads."""

from __future__ import annotations

import pytest

from escalation.report import Line, report, span, warnings
from escalation.report_text import Names, markdown
from tests.escalation.county import MINUTE, T0, charter

W, SITES = "W-20261123-001", {"d1": "s1", "d2": "s1", "d3": "s2"}


def at(minute: int, kind: str, /, **data: object) -> Line:
    return Line(T0 + minute * MINUTE, kind, data)


def step(minute: int, event: str, to: str, by: str, *, id_: str = W) -> Line:
    said = {"id": id_, "from": "", "to": to, "event": event, "by": by}
    return at(minute, "warning", **said, scenario="scenario2", level="II")


def order(minute: int, verb: str, by: str, *, target: str = W, outcome: str = "accepted") -> Line:
    said = {"account": by, "verb": verb, "target": target, "reason": f"理由|{verb}"}
    return at(minute, "command", command=said, outcome=outcome)


def alarm(minute: int, device: str, word: str, kind: str = "device-unreachable") -> Line:
    since = T0 + minute * MINUTE - MINUTE
    return at(minute, "alarm", device=device, type=kind, word=word, since_ms=since)


def notice(minute: int, number: int) -> Line:
    return at(
        minute,
        "notice",
        id=f"N-{number:06}",
        number=number,
        kind="incident",
        subject=f"通知{number}",
        warning=None,
        recipients=["office"],
    )


ROWS = [
    step(-90, "draft", "drafted", "machine", id_="W-20261123-000"),
    step(-80, "withdraw", "withdrawn", "li", id_="W-20261123-000"),
    notice(-70, 1),
    at(-69, "receipt", office="office", seq=1),
    at(0, "incident", id="E-1", event="opened"),
    alarm(1, "d3", "raised", "mains-failure"),
    notice(1, 2),
    alarm(3, "d1", "raised"),
    alarm(3, "d2", "raised"),
    at(4, "impact", of="operator", id="cmcc", word="partial", was="none"),
    step(4, "draft", "drafted", "machine"),
    at(5, "receipt", office="office", seq=2),
    at(6, "source", agent="cucc-noc", word="silent", heard_ms=T0),
    at(
        7,
        "attested",
        event="said",
        id="cucc",
        state="none",
        source="王工",
        by="zhang",
        at_ms=T0,
        until_ms=T0 + 120 * MINUTE,
    ),
    order(8, "ack", "zhang", target="N-000002"),
    order(9, "issue", "zhang", outcome="no_role"),
    order(10, "propose", "zhang"),
    step(10, "propose", "proposed", "zhang"),
    order(12, "issue", "wang"),
    step(12, "issue", "issued", "wang"),
    at(20, "impact", of="operator", id="cmcc", word="full", was="partial"),
    notice(20, 3),
    at(30, "impact", of="operator", id="cmcc", word="none", was="full"),
    alarm(30, "d1", "cleared"),
    alarm(31, "d2", "cleared"),
    at(32, "source", agent="cucc-noc", word="heard", was="silent", since_ms=T0),
    order(60, "lift", "wang"),
    step(60, "lift", "lifted", "wang"),
    alarm(90, "d1", "raised"),
]


def test_it_has_what_happened_while_the_warning_lasted() -> None:
    made = report(ROWS, W, SITES)
    assert warnings(ROWS) == ["W-20261123-000", W]
    assert (made.incident, made.state) == ("E-1", "lifted")
    assert (made.from_ms, made.to_ms) == span(ROWS, W) == (T0, T0 + 60 * MINUTE)
    assert [one.event for one in made.steps] == ["draft", "propose", "issue", "lift"]
    assert [one.by for one in made.steps] == ["machine", "zhang", "wang", "wang"]
    assert made.steps[1].reason == "理由|propose"
    assert [one.outcome for one in made.orders].count("no_role") == 1
    assert [(one.id, one.to_ms) for one in made.sites] == [
        ("s2", None),
        ("s1", T0 + 31 * MINUTE),  # when its last device was back
    ]
    [network] = made.networks
    assert (network.word, network.to_ms) == ("full", T0 + 30 * MINUTE)
    [blind] = made.blind
    assert (blind.id, blind.to_ms) == ("cucc-noc", T0 + 32 * MINUTE)
    assert [one.source for one in made.statements] == ["王工"]
    assert [one.id for one in made.notices] == ["N-000002", "N-000003"]
    first, second = made.notices
    assert (first.receipted_ms, first.acked_by) == (T0 + 5 * MINUTE, "zhang")
    assert second.receipted_ms is None


def threat(minute: int, event: str, ident: str, by: str = "", **more: object) -> Line:
    data: dict[str, object] = {
        "event": event, "id": ident, "what": f"暴雨|{ident}", "source": "县气象局", "by": by,
        "degree": "partial", "operators": ["cmcc"], "systems": [], "towns": ["t1"],
        "spread": True, "at_ms": T0, "from_ms": 0, "until_ms": T0 + 120 * MINUTE,
    }  # fmt: skip
    return at(minute, "threat", **data | more)


THREATS = [
    threat(-60, "entered", "T-old", "li"),
    threat(-50, "withdrawn", "T-old", "li"),
    threat(-30, "proposed", "T-1"),
    threat(6, "entered", "T-1", "zhang"),
    threat(7, "entered", "T-1", "zhang", degree="full"),
    threat(-20, "entered", "T-2", "li"),
    threat(9, "expired", "T-2"),
]


def test_threats_that_stood_meanwhile_are_told_with_their_end() -> None:
    rows = sorted([*ROWS, *THREATS], key=lambda one: one.at_ms)
    made = report(rows, W, SITES)
    assert [(one.id, one.event, one.degree, one.ended) for one in made.threats] == [
        ("T-1", "proposed", "partial", "entered"),
        ("T-2", "entered", "partial", "expired"),
        ("T-1", "entered", "full", ""),
    ]
    assert made.threats[1].ended_ms == T0 + 9 * MINUTE
    assert made.threats[2].at_ms == T0 + 6 * MINUTE
    text = markdown(made, names())
    section = text[text.index("## 六、外部威胁") : text.index("## 七、监测盲区")]
    for word in ("暴雨\\|T-1", "移动公司、凤城镇、有扩散性", "县气象局", "到期 / expired"):
        assert word in section, word
    assert "T-old" not in section
    none = markdown(report(ROWS, W, SITES), names())
    assert "## 六、外部威胁 / Threats from outside\n\n无 / none" in none


def test_an_open_warning_is_reported_until_now() -> None:
    rows = [row for row in ROWS if row.kind != "warning" or row.data["event"] != "lift"]
    made = report(rows, W, SITES)
    assert made.to_ms is None
    assert "至今" in markdown(made, names())


def test_there_is_no_report_on_what_never_was() -> None:
    with pytest.raises(KeyError):
        report(ROWS, "W-20261123-009", SITES)


def names() -> Names:
    return Names(charter(), "阳城县", {"s1": ("凤城1号站", "cmcc", "t1")}, {"t1": "凤城镇"}, {})


def test_it_reads_as_an_official_would_write_it() -> None:
    text = markdown(report(ROWS, W, SITES), names())
    for word in (
        "# 预警 W-20261123-001 结案报告",
        "确认并发布 / confirmed and issued",
        "移动公司 / China Mobile",
        "凤城1号站 | 移动公司 | 凤城镇 | 无应答 / no answer",
        "该账号的角色无权下达此指令",
        "联通公司 | 未受影响 / not affected | 王工",
        "共2件，回执1件，人员确认1件",
        "待人填写（5.2）",
        "理由\\|issue",  # text of others stays in its cell
    ):
        assert word in text, word
