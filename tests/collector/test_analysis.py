"""The regular analysis: against brute force, and each of its lists by hand."""

from __future__ import annotations

import io
from datetime import date

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.analysis import Analysis, analyse
from collector.analysis_sheets import percent, remarks, reported, span
from collector.county import County
from collector.period import Period, clip, last, meet, merge, period, without
from collector.workbook import workbook
from config.register import Device
from escalation.load import windows
from escalation.report import Line
from tests.collector.small import county, register

DAY = period("day", date(2026, 11, 23))
MINUTE = 60_000
HOUR = 60 * MINUTE
T0 = DAY.from_ms


def alarm(
    at_ms: int, device: str, word: str, since_ms: int, type_: str = "device-unreachable"
) -> Line:
    data = {
        "device": device, "type": type_, "qualifier": "", "word": word, "since_ms": since_ms,
    }  # fmt: skip
    return Line(at_ms, "alarm", data)


def outage(device: str, begin: int, end: int, type_: str = "device-unreachable") -> list[Line]:
    return [
        alarm(begin + 3 * MINUTE, device, "raised", begin, type_),
        alarm(end, device, "cleared", begin, type_),
    ]


def made(lines: list[Line], of: County | None = None, begun: int = 0) -> Analysis:
    lines.sort(key=lambda line: line.at_ms)
    return analyse(of or county(), lines, DAY, begun, DAY.to_ms + HOUR)


def test_a_site_out_for_an_hour() -> None:
    found = made(outage("cmcc-d1", T0 + HOUR, T0 + 2 * HOUR))
    cmcc = next(row for row in found.operators if row.id == "cmcc")
    assert (cmcc.sites, cmcc.outages, cmcc.down_s, cmcc.restore_s) == (10, 1, 3600, (3600, 3600))
    assert cmcc.available == pytest.approx(1 - 1 / 240)
    assert found.operators[0] is cmcc, "the least available first"
    assert found.county.available == pytest.approx(1 - 1 / 960)
    assert [(row.id, row.down_s, row.longest_s) for row in found.worst] == [("cmcc-s1", 3600, 3600)]
    assert found.outages[0].to_ms == T0 + 2 * HOUR


def test_what_began_before_and_lasts_still_is_cut_to_the_period() -> None:
    begun = outage("cmcc-d1", T0 - 5 * HOUR, T0 + HOUR)
    still = [alarm(T0 + 23 * HOUR, "cmcc-d2", "raised", T0 + 23 * HOUR)]
    found = made(begun + still)
    assert {row.id: row.down_s for row in found.worst} == {"cmcc-s1": 3600, "cmcc-s2": 3600}
    by_site = {row.site: row for row in found.outages}
    assert by_site["cmcc-s1"].from_ms == T0 - 5 * HOUR
    assert by_site["cmcc-s2"].to_ms is None
    cmcc = next(row for row in found.operators if row.id == "cmcc")
    assert cmcc.restore_s == (3600, 3600), "of those that ended"


def test_time_without_sight_is_neither_good_nor_bad() -> None:
    blind = [
        Line(T0 + HOUR, "source", {"agent": "agent-cmcc", "word": "silent"}),
        Line(T0 + 13 * HOUR, "source", {"agent": "agent-cmcc", "word": "heard", "was": "silent"}),
    ]
    found = made([*outage("cmcc-d1", T0 + 20 * HOUR, T0 + 23 * HOUR), *blind])
    site = found.worst[0]
    assert site.available == pytest.approx(1 - 3 / 12)
    assert [(row.agent, row.blind_s) for row in found.blind] == [("agent-cmcc", 12 * 3600)]
    never = [Line(T0 - HOUR, "source", {"agent": "agent-cmcc", "word": "silent"})]
    dark = next(row for row in made(never).operators if row.id == "cmcc")
    assert dark.available is None
    assert percent(dark.available) == "—"


def test_a_device_that_is_not_the_sites_main_one_does_not_put_it_out() -> None:
    camera = Device(id="camera", name="摄像机", site="cmcc-s1", main=False)
    found = made(outage("camera", T0, T0 + HOUR), county(register(extra=(camera,))))
    assert found.county.outages == 0


def test_hidden_dangers_battery_flapping_and_one_path() -> None:
    lines = [
        *outage("cmcc-d3", T0 + HOUR, T0 + 9 * HOUR, "mains-failure"),
        *outage("cmcc-d3", T0 + HOUR + 40 * MINUTE, T0 + 9 * HOUR),
        *outage("cmcc-d4", T0 + HOUR, T0 + 9 * HOUR, "mains-failure"),
        *outage("cmcc-d4", T0 + 6 * HOUR, T0 + 9 * HOUR),
        *(
            Line(
                T0 + n * HOUR, "flapping", {"device": "cucc-d1", "type": "link", "qualifier": "e1"}
            )
            for n in range(3)
        ),
    ]
    parents = {"cmcc-d2": ("cmcc-d1",), "cmcc-d3": ("cmcc-d2",), "cmcc-d4": ("cmcc-d1", "cmcc-d2")}
    found = made(lines, county(register(parents=parents)))
    said = [(row.kind, row.id, row.figure) for row in found.dangers]
    assert said == [
        ("battery", "cmcc-s3", 40),
        ("flapping", "cucc-d1", 3),
        ("one_path", "cmcc-d1", 2),
    ]
    assert {row.site for row in found.outages if row.after_mains} == {"cmcc-s3", "cmcc-s4"}


def test_load_on_people_beside_the_standard() -> None:
    burst = [T0 + n * 20_000 for n in range(15)]
    again = [T0 + 2 * HOUR + n * 20_000 for n in range(12)]
    lines = [Line(at, "notice", {"recipients": ["office"]}) for at in burst + again]
    told = made(lines).told[0]
    assert (told.office, told.notices, told.worst_window, told.floods) == ("office", 27, 15, 2)
    assert told.word == "acceptable"
    assert windows([T0 + n * MINUTE for n in range(100)]) == (10, 0, False)
    assert windows([]) == (0, 0, False)


def test_the_journals_beginning_and_a_day_that_lasts_still_are_said() -> None:
    found = analyse(county(), [], DAY, T0 + 6 * HOUR, T0 + 12 * HOUR)
    assert (found.known_ms, found.until_ms) == (T0 + 6 * HOUR, T0 + 12 * HOUR)
    assert [one.zh for one in remarks(found)] == [
        "日志自 2026-11-23 06:00 起，此前不计",
        "统计到 2026-11-23 12:00，尚未结束",
    ]
    assert found.county.available == 1.0


def test_the_calendar_is_chinas() -> None:
    assert period("day", date(2026, 11, 23)).from_ms == 1_795_363_200_000
    week, month = period("week", date(2026, 11, 26)), period("month", date(2026, 12, 31))
    assert week == Period("week", DAY.from_ms, DAY.from_ms + 7 * 24 * HOUR)
    assert (month.to_ms - month.from_ms) == 31 * 24 * HOUR
    assert last("day", DAY.from_ms) == date(2026, 11, 22)
    assert last("day", DAY.from_ms - 1) == date(2026, 11, 21)
    assert last("week", DAY.from_ms) == date(2026, 11, 22)
    assert last("month", DAY.from_ms) == date(2026, 10, 31)


def test_sheets_as_json_and_as_a_workbook() -> None:
    of = county()
    found = made(outage("cmcc-d1", T0 + HOUR, T0 + 2 * HOUR), of)
    report = reported(of, found, "=某县")
    pages = report.sheets
    assert all(len(row) == len(page.heads) for page in pages for row in page.rows)
    assert report.to_json()["title"]["zh"] == "=某县 运行分析日报 2026-11-23"
    raw = workbook(report)
    book = openpyxl.load_workbook(io.BytesIO(raw))
    assert len(book.sheetnames) == len(pages) + 1
    front = book[book.sheetnames[0]]["A1"]
    assert (front.data_type, front.value[:3]) == ("s", "=某县")
    assert book["各企业可用率 operators"]["A2"].value == "移动"


def test_a_share_is_never_rounded_up() -> None:
    assert percent(0.9999999) == "99.999%"
    assert percent(1.0) == "100.000%"
    assert (span(3661), span(90_000), span(0)) == ("1:01:01", "1天01:00", "—")


MINUTES = st.tuples(st.integers(-60, 200), st.integers(1, 90))


@settings(max_examples=100)
@given(st.lists(MINUTES, max_size=6), st.lists(MINUTES, max_size=4), st.lists(MINUTES, max_size=4))
def test_intervals_are_what_counting_minutes_gives(
    a: list[tuple[int, int]], b: list[tuple[int, int]], c: list[tuple[int, int]]
) -> None:
    one, two, three = (merge((n, n + size) for n, size in spans) for spans in (a, b, c))
    inside = Period("day", 0, 150)

    def minutes(spans: list[tuple[int, int]]) -> set[int]:
        found = {n for begin, end in spans for n in range(begin, end)}
        assert len(found) == sum(end - begin for begin, end in spans), "overlaps"
        return found

    assert minutes(clip(one, inside)) == {n for n in minutes(one) if 0 <= n < 150}
    assert minutes(without(one, two)) == minutes(one) - minutes(two)
    assert minutes(meet([one, two, three])) == minutes(one) & minutes(two) & minutes(three)
