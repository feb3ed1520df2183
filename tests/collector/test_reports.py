"""Reports by the clock: which are due when, made once and whole, by a process of its own."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest

from collector.io.journal import begun_ms
from collector.io.reports import NOTHING, Due, Writer, due, main
from collector.io.store import Store
from collector.period import CST
from config.settings import ReportSettings
from tests.collector.small import T0, county, devices, register
from tests.collector.test_store import Keeper, begin
from wire.observation import Outcome

DAY = 86_400_000
ALL = ReportSettings()


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=CST).timestamp() * 1000)


@pytest.mark.parametrize(
    ("now", "names"),
    [
        ("2027-01-15T16:00", ("day-2027-01-14", "week-2027-01-04", "month-2026-12-01")),
        ("2027-01-18T00:09", ("day-2027-01-16", "week-2027-01-04", "month-2026-12-01")),
        ("2027-01-18T00:10", ("day-2027-01-17", "week-2027-01-11", "month-2026-12-01")),
        ("2027-02-01T00:10", ("day-2027-01-31", "week-2027-01-25", "month-2027-01-01")),
    ],
)
def test_what_is_due_is_the_last_of_each_that_is_over(now: str, names: tuple[str, ...]) -> None:
    found = [one.name for one in due(ALL, at(now), trial=False)]
    assert found == [f"analysis-{name}" for name in names]
    week = names[1].removeprefix("week-")
    assert [one.name for one in due(ALL, at(now), trial=True)][3:] == [f"trial-{week}"]


def test_what_nobody_wants_is_not_due() -> None:
    few = ReportSettings(periods=("month",), trial=False)
    found = list(due(few, at("2027-02-01T12:00"), trial=True))
    assert found == [Due("month", date(2027, 1, 1))]


@pytest.fixture(scope="module")
def keeper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keeper]:
    """One site of each of two operators is out for an hour; the second operator is in trial."""
    reg = register(sites=4)
    sources = tuple(one.model_copy(update={"trial": one.operator == "cucc"}) for one in reg.sources)
    path = tmp_path_factory.mktemp("reports") / "county.db"
    store = Store.open(path, now_s=lambda: T0 // 1000)
    hand = begin(store, county(reg.model_copy(update={"sources": sources})))
    hand.looks(Outcome.NO_ANSWER, "cmcc-d1", *devices("cucc", 1, 2, 3, 4))
    hand.pass_s(3600)
    hand.looks(Outcome.MEASURED, "cmcc-d1", *devices("cucc", 1, 2, 3, 4))
    hand.pass_s(600)
    hand.now = T0 + 3 * DAY  # a Monday
    hand.turn()
    yield hand
    store.close()


def marks(folder: Path) -> dict[str, int]:
    """The files there, and when each was written."""
    return {one.name: one.stat().st_mtime_ns for one in folder.iterdir()}


def database(keeper: Keeper) -> Path:
    (row,) = [row for row in keeper.store.db.execute("PRAGMA database_list") if row[1] == "main"]
    return Path(row[2])


async def test_each_is_written_once_and_whole(keeper: Keeper, tmp_path: Path) -> None:
    """A month, of which the journal has nothing, is not written at all."""
    path, now_ms = database(keeper), T0 + 3 * DAY
    settings = ReportSettings(dir=tmp_path)
    began = begun_ms(keeper.store.db)
    await Writer(settings, path, "某县").write(now_ms, began, trial=True)
    week = "2027-01-11"
    names = {f"analysis-day-2027-01-17.{one}" for one in ("json", "xlsx")}
    names |= {f"analysis-week-{week}.{one}" for one in ("json", "xlsx")}
    names |= {f"trial-{week}.{one}" for one in ("json", "md")}
    written = marks(tmp_path)
    assert written.keys() == names
    book = openpyxl.load_workbook(
        io.BytesIO((tmp_path / f"analysis-week-{week}.xlsx").read_bytes())
    )
    assert str(book[book.sheetnames[0]]["A1"].value).startswith("某县 运行分析周报 2027-01-11")
    made = json.loads((tmp_path / f"analysis-week-{week}.json").read_text("utf-8"))
    assert {row["site"] for row in made["outages"]} >= {"cmcc-s1", "cucc-s1"}
    await Writer(settings, path, "某县").write(now_ms, began, trial=True)
    assert marks(tmp_path) == written


def test_a_trials_report_says_what_would_have_rung(keeper: Keeper, tmp_path: Path) -> None:
    path = database(keeper)
    assert main([str(path), str(tmp_path), "trial", "2027-01-11", str(T0 + 3 * DAY), ""]) == 0
    made = json.loads((tmp_path / "trial-2027-01-11.json").read_text("utf-8"))
    assert made["operators"] == ["cucc"]
    assert made["equals_journal"]
    assert {one["id"] for one in made["reached"] if one["was_ms"] != one["now_ms"]} >= {"scenario2"}
    page = (tmp_path / "trial-2027-01-11.md").read_text("utf-8")
    assert "试运行企业 in trial: 联通" in page
    assert "原来没有" in page
    rung = [row for row in made["rows"] if row["was_ms"] is None]
    assert rung
    assert page.count("| warning_draft |") == sum(row["kind"] == "warning_draft" for row in rung)


@pytest.mark.parametrize(
    ("kind", "day", "code"), [("trial", "2026-12-28", NOTHING), ("month", "2026-12-01", NOTHING)]
)
def test_of_what_is_not_retained_there_is_none(
    keeper: Keeper, tmp_path: Path, kind: str, day: str, code: int
) -> None:
    folder = tmp_path / "made"
    assert main([str(database(keeper)), str(folder), kind, day, str(T0), ""]) == code
    assert not folder.exists()


async def test_a_report_that_cannot_be_written_is_tried_once(
    keeper: Keeper, tmp_path: Path
) -> None:
    taken = tmp_path / "file"
    taken.write_text("no folder")
    writer = Writer(ReportSettings(periods=("day",), dir=taken), database(keeper), "")
    assert main([str(database(keeper)), str(taken), "day", "2027-01-15", str(T0), ""]) == 1
    await writer.write(T0 + 3 * DAY, T0, trial=False)
    assert writer._tried == {Due("day", date(2027, 1, 17))}
    assert taken.read_text() == "no folder"
