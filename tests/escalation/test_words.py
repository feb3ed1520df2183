from __future__ import annotations

import pytest

from escalation.words import (
    Both,
    day,
    join,
    lasting,
    listed,
    moment,
    plural,
    same,
    sentence,
    since,
)

AT = 1_795_413_900_000


def test_moments_are_in_china_standard_time() -> None:
    assert moment(AT) == Both("11月23日 14:05", "23 Nov 14:05")
    assert day(AT + 10 * 3_600_000) == "20261124"  # past midnight there, not in UTC


@pytest.mark.parametrize(
    ("span_ms", "zh", "en"),
    [
        (-5, "不足1分钟", "less than a minute"),
        (59_999, "不足1分钟", "less than a minute"),
        (12 * 60_000, "12分钟", "12 min"),
        (125 * 60_000, "2小时5分钟", "2 h 5 min"),
        (120 * 60_000, "2小时", "2 h"),
        (76 * 3_600_000, "3天4小时", "3 d 4 h"),
        (72 * 3_600_000 + 60_000, "3天", "3 d"),
    ],
)
def test_durations(span_ms: int, zh: str, en: str) -> None:
    assert lasting(span_ms) == Both(zh, en)


def test_lists_say_how_many_there_are() -> None:
    names = [same(name) for name in "甲乙丙丁"]
    assert listed(names, 4) == Both("甲、乙、丙、丁", "甲, 乙, 丙, 丁")
    assert listed(names, 2) == Both("甲、乙等4个", "甲, 乙 and 2 more")


def test_today_needs_no_date() -> None:
    assert since(AT, AT + 3_600_000) == Both("14:05起", "since 14:05")
    assert since(AT, AT + 10 * 3_600_000) == Both("11月23日 14:05起", "since 23 Nov 14:05")


def test_empty_parts_leave_no_separator() -> None:
    assert join([same("a"), same(""), same("b")]) == Both("a；b", "a; b")
    assert sentence(same("")) == same("")


def test_plural() -> None:
    assert (plural(1, "site"), plural(2, "site")) == ("1 site", "2 sites")
