"""When windows run: dateutil's answers in the county's time, and no rule that never comes true."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from collector.recurrence import following, running
from escalation.authority import CHINA
from wire.maintenance import RULES, Window, target_of

HOUR = 3_600_000


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=CHINA).timestamp() * 1000)


def window(rrule: str = "", start: str = "2026-11-24 22:00", hours: int = 4) -> Window:
    start_ms = at(start)
    return Window(
        id="w", targets=("site:a",), start_ms=start_ms, end_ms=start_ms + hours * HOUR,
        rrule=rrule, name="割接", reason="工单",
    )  # fmt: skip


def test_a_window_without_a_rule_runs_once() -> None:
    once = window()
    assert following(once, at("2026-11-24 21:59")) == at("2026-11-24 22:00")
    assert running(once, at("2026-11-24 21:59")) is None
    span = (at("2026-11-24 22:00"), at("2026-11-25 02:00"))
    assert running(once, span[0]) == running(once, span[1] - 1) == span
    assert running(once, span[1]) is None
    assert following(once, span[0]) is None


@pytest.mark.parametrize(
    ("rrule", "now", "runs", "then"),
    [
        ("FREQ=WEEKLY;BYDAY=TU", "2026-12-01 23:00", "2026-12-01 22:00", "2026-12-08 22:00"),
        ("FREQ=WEEKLY;BYDAY=TU", "2026-12-02 03:00", None, "2026-12-08 22:00"),
        ("FREQ=DAILY;COUNT=2", "2026-11-25 23:00", "2026-11-25 22:00", None),
        ("FREQ=DAILY;UNTIL=20261126", "2026-11-26 23:00", "2026-11-26 22:00", None),
        # 14:00 UTC is 22:00 here: the last night of all is the one before.
        ("FREQ=DAILY;UNTIL=20261126T135959Z", "2026-11-26 23:00", None, None),
        ("FREQ=DAILY;UNTIL=20261126T140000Z", "2026-11-26 23:00", "2026-11-26 22:00", None),
        ("FREQ=MONTHLY;BYDAY=-1TU", "2026-12-29 23:00", "2026-12-29 22:00", "2027-01-26 22:00"),
        ("FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=1", "2026-12-02 02:00", None, "2027-01-04 22:00"),
        ("FREQ=YEARLY;BYMONTH=6;BYMONTHDAY=9", "2027-06-10 01:59", "2027-06-09 22:00",
         "2028-06-09 22:00"),
    ],
)  # fmt: skip
def test_a_rule_repeats_it(rrule: str, now: str, runs: str | None, then: str | None) -> None:
    made = window(rrule)
    span = running(made, at(now))
    assert (span and span[0]) == (runs and at(runs))
    assert following(made, at(now)) == (then and at(then))


@pytest.mark.parametrize(
    "rrule",
    [
        "every tuesday",
        "FREQ=SECONDLY",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=31",
        "FREQ=WEEKLY;BYDAY=2TU",
        "FREQ=DAILY;INTERVAL=7;BYDAY=MO",
        "FREQ=DAILY;COUNT=2;UNTIL=20270101",
        "FREQ=DAILY;FREQ=WEEKLY",
        "FREQ=MONTHLY;BYDAY=1MO;BYMONTHDAY=28",
        "FREQ=MONTHLY;BYDAY=1MO;BYSETPOS=2",
        "FREQ=DAILY;BYHOUR=3",
    ],
)
def test_a_rule_that_we_do_not_know_or_that_never_comes_true_is_refused(rrule: str) -> None:
    with pytest.raises(ValidationError):
        window(rrule)


@pytest.mark.parametrize("rrule", ["FREQ=YEARLY;BYMONTH=11", "FREQ=YEARLY;INTERVAL=2;BYMONTH=2,6"])
def test_a_yearly_rule_takes_the_day_of_its_start_which_its_months_must_have(rrule: str) -> None:
    with pytest.raises(ValidationError, match="31日"):
        window(rrule, "2024-01-31 22:00")
    assert following(window(rrule, "2024-01-28 22:00"), at("2024-01-29 22:00"))


@st.composite
def rules(draw: st.DrawFn) -> str:
    freq = draw(st.sampled_from(sorted(RULES)))
    known = {k: v for k, v in RULES[freq].items() if k not in {"UNTIL", "COUNT"}}
    names = draw(st.lists(st.sampled_from(sorted(known)), unique=True, max_size=3))
    parts = [f"{name}={draw(st.from_regex(known[name], fullmatch=True))}" for name in names]
    return ";".join([f"FREQ={freq}", *parts])[:200]


@settings(max_examples=120, deadline=None)
@given(rules(), st.dates(date(2024, 1, 1), date(2027, 12, 31)))
def test_every_rule_that_is_taken_comes_true_again(rrule: str, day: date) -> None:
    try:
        made = window(rrule, f"{day} 22:00")
    except ValidationError:
        return
    now = made.end_ms
    for _ in range(3):
        then = following(made, now)
        assert then is not None
        assert running(made, then) == (then, then + 4 * HOUR)
        now = then


@pytest.mark.parametrize("text", ["device:", "town:1", "operator:cmcc/12", "site:a b", "cm-core"])
def test_what_is_no_target_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a target is"):
        target_of(text)
    assert target_of("operator:cmcc/140522100")[1:] == ("cmcc", "140522100")
