"""CAP 1.2 read: what is taken, what is refused by name, what a message means here."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.policy import CapRule, Degree, ThreatPolicy
from escalation.cap import MOST_BYTES, NAMESPACE, Area, CapError, parse, references, towns_of
from escalation.feed import Place, Word, read, threat_id

TOWNS = {"140522100": "凤城镇", "140522101": "北留镇", "140522102": "润城镇"}
PLACE = Place("阳城县", TOWNS)
NOW = 1_795_000_000_000  # 2026-11-18 10:26:40 UTC
RULES = ThreatPolicy(
    rules=(
        CapRule(
            event=("暴雨",), severity=("Extreme",), degree=Degree.FULL, spread=True, enters=True
        ),
        CapRule(severity=("Severe",), enters=True),
    )
)


def message(**more: str) -> bytes:
    """A message of a county's weather office; any element can be another one."""
    said = {
        "identifier": "14052241600000_1", "sender": "weather@example.cn",
        "sent": "2026-11-18T18:00:00+08:00", "status": "Actual", "msgType": "Alert",
        "scope": "Public", "references": "", "event": "暴雨", "severity": "Extreme",
        "headline": "阳城县气象局发布暴雨红色预警", "expires": "2026-11-19T06:00:00+08:00",
        "areaDesc": "润城镇、北留镇", "geocode": "", "language": "zh-CN",
    } | more  # fmt: skip
    code = (
        f"<geocode><valueName>GB/T 2260</valueName><value>{said['geocode']}</value></geocode>"
        if said["geocode"]
        else ""
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="{NAMESPACE}"><identifier>{said["identifier"]}</identifier>
<sender>{said["sender"]}</sender><sent>{said["sent"]}</sent><status>{said["status"]}</status>
<msgType>{said["msgType"]}</msgType><scope>{said["scope"]}</scope>
<references>{said["references"]}</references>
<info><language>{said["language"]}</language><category>Met</category><event>{said["event"]}</event>
<urgency>Expected</urgency><severity>{said["severity"]}</severity><certainty>Likely</certainty>
<effective>{said["sent"]}</effective><expires>{said["expires"]}</expires>
<headline>{said["headline"]}</headline><description>未来3小时</description>
<area><areaDesc>{said["areaDesc"]}</areaDesc>{code}</area></info></alert>""".encode()


def test_a_message_becomes_a_threat_with_source_towns_and_term() -> None:
    found = read(RULES, PLACE, parse(message()), NOW)
    threat = found.threat
    assert found.word is Word.ENTERED
    assert threat is not None
    assert threat.source == "cap:weather@example.cn,14052241600000_1"
    assert threat.towns == ("140522101", "140522102")
    assert (threat.degree, threat.spread, threat.entered) == ("full", True, True)
    assert threat.until_ms - threat.at_ms == 12 * 3_600_000
    assert threat.what == "阳城县气象局发布暴雨红色预警"


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"status": "Exercise"}, Word.NOT_ACTUAL),
        ({"status": "Test"}, Word.NOT_ACTUAL),
        ({"status": "Draft"}, Word.NOT_ACTUAL),
        ({"status": "System"}, Word.NOT_ACTUAL),
        ({"expires": "2026-11-18T18:20:00+08:00"}, Word.EXPIRED),
        ({"areaDesc": "沁水县"}, Word.NOT_OURS),
        ({"areaDesc": "河北省"}, Word.NOT_OURS),
        ({"msgType": "Ack"}, Word.NO_WARNING),
        ({"msgType": "Error"}, Word.NO_WARNING),
        ({"msgType": "Cancel"}, Word.CANCELLED),
        ({"severity": "Severe"}, Word.ENTERED),
        ({"severity": "Minor"}, Word.PROPOSED),
        ({"event": "大雾"}, Word.ENTERED),  # its headline says 暴雨
        ({"event": "大雾", "headline": ""}, Word.PROPOSED),
        ({"event": "大雾", "headline": "", "severity": "Severe"}, Word.ENTERED),
    ],
)
def test_what_becomes_of_a_message(more: dict[str, str], word: Word) -> None:
    assert read(RULES, PLACE, parse(message(**more)), NOW).word is word


@pytest.mark.parametrize("kind", ["Update", "Cancel"])
def test_what_refers_to_others_ends_them(kind: str) -> None:
    said = "weather@example.cn,old_1,2026-11-18T17:00:00+08:00 other,x,2026-11-18T17:00:00+08:00"
    found = read(RULES, PLACE, parse(message(msgType=kind, references=said)), NOW)
    assert found.gone == (threat_id("weather@example.cn", "old_1"), threat_id("other", "x"))
    assert (found.threat is None) is (kind == "Cancel")


def test_an_exercise_ends_nothing() -> None:
    said = "weather@example.cn,old_1,2026-11-18T17:00:00+08:00"
    raw = message(msgType="Cancel", references=said, status="Exercise")
    assert read(RULES, PLACE, parse(raw), NOW).gone == ()


@pytest.mark.parametrize(
    ("code", "towns"),
    [
        ("140522102", ["140522102"]),
        ("140522102000", ["140522102"]),
        ("140522102201", ["140522102"]),
        ("140522", list(TOWNS)),
        ("140522000", list(TOWNS)),
        ("140522000000", list(TOWNS)),
        ("140500", list(TOWNS)),
        ("140000", list(TOWNS)),
        ("140521", []),
        ("130000", []),
        ("1", []),
        ("", []),
        ("一四", []),
    ],
)
def test_a_code_covers_what_lies_in_it(code: str, towns: list[str]) -> None:
    area = Area("某地", (("GB/T 2260", code),))
    assert list(towns_of([area], "阳城县", TOWNS)) == towns


def test_a_name_of_the_county_covers_all_of_it() -> None:
    assert list(towns_of([Area("晋城市阳城县")], "阳城县", TOWNS)) == list(TOWNS)
    assert list(towns_of([Area("阳城县润城镇")], "阳城县", TOWNS)) == ["140522102"]


LAUGHS = b'<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;">]>'
OUTSIDE = b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "XML"),
        (b"not xml", "XML"),
        (message()[:-10], "XML"),
        (LAUGHS + message().partition(b"?>")[2], "DTD"),
        (OUTSIDE + message().partition(b"?>")[2], "DTD"),
        (message().replace(NAMESPACE.encode(), b"urn:other"), "CAP 1.2"),
        (b"<alert/>", "CAP 1.2"),
        (f'<alert xmlns="{NAMESPACE}"/>'.encode(), "identifier"),
        (message(sent="yesterday"), "yesterday"),
        (message(sent="2026-11-18T18:00:00"), "2026-11-18"),
        (message(headline="x" * 30_000), "too long"),
        (message(areaDesc="<a>" * 20 + "</a>" * 20), "too deep"),
        (message(areaDesc="<a/>" * 6000), "too many"),
        (b" " * (MOST_BYTES + 1), "too large"),
        (message().replace(b"UTF-8", b"U-F-8"), "XML"),
        (message().replace(b"UTF-8", b"UTF-16"), "XML"),
        (message(sent="9999-12-31T23:59:59-14:00"), "9999"),
    ],
)
def test_what_is_hostile_or_broken_is_refused_by_name(raw: bytes, says: str) -> None:
    with pytest.raises(CapError, match=says):
        parse(raw)


@given(st.binary(max_size=400))
def test_any_bytes_are_refused_or_read(raw: bytes) -> None:
    with pytest.raises(CapError):
        parse(raw)


@given(st.integers(0, 2**32), st.integers(0, 255))
def test_a_spoilt_message_raises_nothing_else(at: int, byte: int) -> None:
    raw = bytearray(message())
    raw[at % len(raw)] = byte
    try:
        read(RULES, PLACE, parse(bytes(raw)), NOW)
    except CapError:
        return


def test_texts_are_one_line_and_terms_bounded() -> None:
    raw = message(headline="暴雨\n\n红色 \u202e预警", expires="2099-01-01T00:00:00+08:00")
    threat = read(RULES, PLACE, parse(raw), NOW).threat
    assert threat is not None
    assert threat.what == "暴雨 红色 预警"
    assert threat.until_ms == threat.at_ms + 30 * 86_400_000


@given(st.text(max_size=200))
def test_references_are_triples_or_nothing(text: str) -> None:
    assert all(len(one) == 2 for one in references(text))
