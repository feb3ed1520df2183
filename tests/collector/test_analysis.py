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
from collector.told import shift_of
from collector.workbook import workbook
from config.register import Device, Person
from escalation.load import windows
from escalation.report import Line
from tests.collector.small import T0 as WORLD0
from tests.collector.small import Hand, county, register
from wire.maintenance import Window
from wire.observation import Outcome

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


def _cells(found: Analysis, sheet: str) -> list[tuple[str, ...]]:
    """The rows of one sheet as text."""
    pages = reported(county(), found, "").sheets
    rows = next(page.rows for page in pages if page.id == sheet)
    return [tuple(map(str, row)) for row in rows]


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
    of = county(register(parents=parents))
    found = made(lines, of)
    said = [(row.kind, row.id, row.figure) for row in found.dangers]
    assert said == [
        ("battery", "cmcc-s3", 40),
        ("flapping", "cucc-d1", 3),
        ("one_path", "cmcc-d1", 3),
    ]
    assert found.dangers[-1].lost == ("cmcc-s1", "cmcc-s2", "cmcc-s3", "cmcc-s4")
    cell = _cells(found, "dangers")[-1][-1]
    assert cell.endswith("将失去站点 sites lost：cmcc站1、cmcc站2、cmcc站3、cmcc站4"), cell
    assert {row.site for row in found.outages if row.after_mains} == {"cmcc-s3", "cmcc-s4"}


def window(at_ms: int, event: str, *targets: str, ident: str = "w1") -> Line:
    data = {"event": event, "id": ident, "name": "割接"}
    return Line(at_ms, "window", data | ({"targets": targets} if event == "opened" else {}))


def test_planned_work_is_no_outage_and_what_it_leaves_over_is() -> None:
    ran = [window(T0 + HOUR, "opened", "site:cmcc-s1"), window(T0 + 3 * HOUR, "closed")]
    found = made([*outage("cmcc-d1", T0 + 2 * HOUR, T0 + 4 * HOUR), *ran])
    assert [(row.from_ms, row.to_ms, row.work) for row in found.outages] == [
        (T0 + 3 * HOUR, T0 + 4 * HOUR, "after")
    ]
    cmcc = next(row for row in found.operators if row.id == "cmcc")
    assert (cmcc.outages, cmcc.down_s, cmcc.planned_s) == (1, 3600, 3600)
    assert cmcc.restore_s == (3600, 3600)
    assert found.worst[0].available == pytest.approx(1 - 1 / 23), "neither up nor down meanwhile"
    assert [(row.id, row.sites, row.down_s) for row in found.work] == [("w1", 1, 3600)]
    assert _cells(found, "planned") == [
        ("w1", "割接", "2026-11-23 01:00", "2026-11-23 03:00", "1", "1:00:00")
    ]
    assert "检修结束仍未恢复" in _cells(found, "outages")[0][-1]


def test_an_outage_that_goes_on_as_planned_work_counts_up_to_it() -> None:
    ran = [window(T0 + 2 * HOUR, "opened", "operator:cmcc"), window(T0 + 9 * HOUR, "closed")]
    found = made([*outage("cmcc-d1", T0 + HOUR, T0 + 4 * HOUR), *ran])
    assert [(row.to_ms, row.work) for row in found.outages] == [(T0 + 2 * HOUR, "before")]
    assert found.county.restore_s is None, "nothing was restored when the work began"
    assert found.county.down_s == found.county.planned_s // 2 == 3600


def test_what_hangs_on_planned_work_alone_is_no_outage_either() -> None:
    parents = {
        "cmcc-d2": ("cmcc-d1",), "cmcc-d3": ("cmcc-d2",), "cmcc-d4": ("cmcc-d1", "cucc-d1"),
        "cmcc-d5": ("cmcc-d1",), "cmcc-d6": ("cmcc-d1",),
    }  # fmt: skip
    reg = register(parents=parents)
    keys = tuple(s.model_copy(update={"key_unit": s.id == "cmcc-s5"}) for s in reg.sites)
    of = county(reg.model_copy(update={"sites": keys}))
    ran = [window(T0 + HOUR, "opened", "device:cmcc-d1"), window(T0 + 5 * HOUR, "closed")]
    cut = T0 + 2 * HOUR
    # 1 is worked on; 2 and 3 hang on it; 4 has another way; 5 is a key unit; 6 began by itself.
    silent = [outage(f"cmcc-d{n}", cut - n * 1000, cut + HOUR) for n in range(1, 6)]
    alone = outage("cmcc-d6", T0 + 4 * HOUR, T0 + 4 * HOUR + 10 * MINUTE)
    found = made([*(line for one in silent for line in one), *alone, *ran], of)
    assert [row.site for row in found.outages] == ["cmcc-s5", "cmcc-s4", "cmcc-s6"]
    assert (found.work[0].sites, found.county.planned_s) == (3, 3 * 3600 + 6)


def test_work_of_an_older_journal_is_the_registers_and_a_refused_one_is_none() -> None:
    reg = register()
    known = Window(
        id="w1", targets=("site:cmcc-s1",), start_ms=T0, end_ms=T0 + HOUR, name="n", reason="r"
    )
    of = county(reg.model_copy(update={"windows": (known,)}))
    old = Line(T0, "window", {"event": "opened", "id": "w1", "name": "n"})
    gone = Line(T0, "window", {"event": "opened", "id": "w9", "name": "n"})
    refused = window(T0, "refused", ident="w2")
    found = made([*outage("cmcc-d1", T0 + HOUR, T0 + 2 * HOUR), old, gone, refused], of)
    assert found.outages == ()
    assert [(row.id, row.sites) for row in found.work] == [("w1", 1), ("w9", 0)]


def test_what_the_world_writes_of_its_windows_is_what_is_read() -> None:
    """The World's own judgement is the oracle: what it covers is no outage."""
    reg = register(parents={"cmcc-d2": ("cmcc-d1",)})
    work = Window(
        id="w1",
        targets=("site:cmcc-s1",),
        start_ms=WORLD0 + 10 * MINUTE,
        end_ms=WORLD0 + 50 * MINUTE,
        name="割接",
        reason="换设备",
    )
    of = county(reg.model_copy(update={"windows": (work,)}))
    hand = Hand.of(of)
    hand.everyone()
    hand.pass_s(900)
    hand.looks(Outcome.NO_ANSWER, "cmcc-d1", "cmcc-d2")
    hand.pass_s(1200)
    assert hand.impact("cmcc") == "none"
    hand.looks(Outcome.MEASURED, "cmcc-d1", "cmcc-d2")
    hand.pass_s(1800)
    lines = [
        Line(int(str(data["at_ms"])), kind, dict(data))
        for kind in ("alarm", "window")
        for data in hand.records(kind)
    ]
    lines.sort(key=lambda line: line.at_ms)
    assert [line.data["word"] for line in lines if line.kind == "alarm"].count("raised") == 2
    day = Period("day", WORLD0, WORLD0 + 24 * HOUR)
    found = analyse(of, lines, day, WORLD0, hand.now)
    assert (found.outages, found.county.outages, found.county.available) == ((), 0, 1.0)
    assert [(row.id, row.sites) for row in found.work] == [("w1", 2)]
    assert found.county.planned_s >= 2 * 1200


def rated(minutes: float, *sites: str) -> County:
    reg = register()
    rows = tuple(
        s.model_copy(update={"battery_min": minutes if s.id in sites else None}) for s in reg.sites
    )
    return county(reg.model_copy(update={"sites": rows}))


def loss(site: str, after_min: int, begin: int = T0 + HOUR) -> list[Line]:
    """The mains go, and ``after_min`` minutes later the site."""
    device = site.replace("-s", "-d")
    end = begin + 8 * HOUR
    return [
        *outage(device, begin, end, "mains-failure"),
        *outage(device, begin + after_min * MINUTE, end),
    ]


def batteries_of(found: Analysis) -> list[tuple[str, int, int | None]]:
    return [(row.id, row.figure, row.rated) for row in found.dangers if row.kind == "battery"]


def test_a_battery_is_judged_against_its_rated_minutes() -> None:
    of = rated(240, "cmcc-s1", "cmcc-s2", "cmcc-s3")
    lines = [*loss("cmcc-s1", 150), *loss("cmcc-s2", 200), *loss("cmcc-s3", 60)]
    found = made([*lines, *loss("cmcc-s4", 150), *loss("cmcc-s5", 100)], of)
    assert batteries_of(found) == [
        ("cmcc-s3", 60, 240), ("cmcc-s1", 150, 240), ("cmcc-s5", 100, None),
    ], "200 of 240 is no age; 150 is none where nobody knows better"  # fmt: skip
    assert "额定 240 分钟 / dark within 60 of 240 rated min" in _cells(found, "dangers")[0][-1]
    small = made(loss("cmcc-s1", 28), rated(30, "cmcc-s1"))
    assert batteries_of(small) == [], "it was never meant to last longer"


def test_a_battery_that_was_not_charged_yet_or_was_worked_on_tells_nothing() -> None:
    of = rated(240, "cmcc-s1")
    first = outage("cmcc-d1", T0, T0 + 2 * HOUR, "mains-failure")
    assert batteries_of(made([*first, *loss("cmcc-s1", 30, T0 + 3 * HOUR)], of)) == []
    later = loss("cmcc-s1", 30, T0 + 14 * HOUR)
    assert batteries_of(made([*first, *later], of)) == [("cmcc-s1", 30, 240)]
    ran = [window(T0 + HOUR, "opened", "site:cmcc-s1"), window(T0 + 12 * HOUR, "closed")]
    assert batteries_of(made([*loss("cmcc-s1", 30), *ran], of)) == []


def test_what_the_journal_says_of_batteries() -> None:
    def row(event: str, site: str, minutes: int, was: int) -> Line:
        data = {"event": event, "site": site, "since_ms": T0, "minutes": minutes, "rated": was}
        return Line(T0 + HOUR, "battery", data)

    lines = [
        row("fell", "cmcc-s1", 150, 240), row("spent", "cmcc-s2", 100, 180),
        row("spent", "cmcc-s3", 170, 180), row("spent", "cmcc-s4", 100, 0),
        row("spent", "cmcc-s1", 100, 300), row("fell", "gone", 1, 9),
    ]  # fmt: skip
    found = made(lines, rated(240, "cmcc-s1"))
    assert batteries_of(found) == [("cmcc-s2", 100, 180), ("cmcc-s1", 150, 240)]
    said = [cells[-1] for cells in _cells(found, "dangers")]
    assert "上次 180 分钟" in said[0]
    assert "按放电速度最多 150 分钟" in said[1]


def test_load_on_people_beside_the_standard() -> None:
    burst = [T0 + n * 20_000 for n in range(15)]
    again = [T0 + 2 * HOUR + n * 20_000 for n in range(12)]
    lines = told_at(*burst, *again)
    told = made(lines).told[0]
    assert (told.office, told.notices, told.worst_window, told.floods) == ("office", 27, 15, 2)
    assert told.word == "acceptable"
    assert windows([T0 + n * MINUTE for n in range(100)]) == (10, 0, False)
    assert windows([]) == (0, 0, False)


def acked(at_ms: int, account: str, target: str, outcome: str = "accepted") -> Line:
    said = {"account": account, "verb": "ack", "target": target}
    return Line(at_ms, "command", {"command": said, "outcome": outcome})


def told_at(*times: int) -> list[Line]:
    return [Line(at, "notice", {"id": f"N-{at}", "recipients": ["office"]}) for at in times]


def test_load_per_person_role_and_shift() -> None:
    """Day shift: li hears 80 in two floods; night shift: wang hears 2; nobody at dawn hears 1."""
    reg = register()
    staff = tuple(
        Person(account=one, name=name, organ="县指挥部办公室", roles=("duty",), key=one)
        for one, name in (("li", "李"), ("wang", "王"))
    )
    of = county(reg.model_copy(update={"people": staff}))
    day, night = T0 + 9 * HOUR, T0 + 21 * HOUR
    busy = [day + n * 10_000 for n in range(40)] + [day + 5 * HOUR + n * 10_000 for n in range(40)]
    calm = [night, night + HOUR]
    lines = [
        *told_at(T0 + 6 * HOUR, *busy, *calm),
        acked(day + MINUTE, "li", f"N-{day}"),
        acked(day + 3 * MINUTE, "wang", f"N-{day}", "no_role"),
        acked(day + 11 * MINUTE, "li", f"N-{day + 60_000}"),
        acked(day + 12 * MINUTE, "li", f"N-{day}"),
        acked(night + 2 * MINUTE, "wang", f"N-{night}"),
    ]
    found = made(lines, of)
    told = found.told[0]
    assert (told.notices, told.worst_shift, told.shift_ms) == (83, 80, T0 + 8 * HOUR)
    assert (told.shift_word, told.floods) == ("manageable", 2)
    assert told.flood_share == pytest.approx(2 / 144)
    rows = [
        (row.kind, row.id, row.shifts, row.heard, row.worst_shift, row.acked, row.ack_s, row.word)
        for row in found.people
    ]
    assert rows == [
        ("person", "li", 1, 80, 80, 2, 330, "manageable"),
        ("person", "wang", 1, 2, 2, 1, 120, "acceptable"),
        ("role", "duty", 2, 82, 80, 3, 120, "manageable"),
    ]
    cells = [
        tuple(map(str, row))
        for page in reported(of, found, "").sheets
        if page.id == "people"
        for row in page.rows
    ]
    assert cells[0][:8] == (
        "人员 person", "li", "李", "1", "80", "80", "11-23 白班 day", "尚可应付 manageable",
    )  # fmt: skip
    assert _cells(found, "told")[0][-1] == "1.39% （超出 over 1%）"


@pytest.mark.parametrize(
    ("at_ms", "begun"),
    [(T0, T0 - 4 * HOUR), (T0 + 8 * HOUR - 1, T0 - 4 * HOUR), (T0 + 8 * HOUR, T0 + 8 * HOUR),
     (T0 + 20 * HOUR, T0 + 20 * HOUR), (T0 + 20 * HOUR - 1, T0 + 8 * HOUR)],
)  # fmt: skip
def test_shifts_begin_at_eight_and_at_twenty(at_ms: int, begun: int) -> None:
    assert shift_of(at_ms) == begun


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
