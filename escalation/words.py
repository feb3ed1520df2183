"""Small pieces of bilingual text: times, durations, lists. Chinese first, English beside.

Everything shown to people is in China Standard Time (PLAN section 5).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from escalation.authority import CHINA

MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


class Both(NamedTuple):
    """The same words in Chinese and in English."""

    zh: str
    en: str

    def __bool__(self) -> bool:
        return bool(self.zh)


EMPTY: Final = Both("", "")


def same(text: str) -> Both:
    """A name that is written alike in both."""
    return Both(text, text)


def moment(at_ms: int) -> Both:
    """11月23日 14:05, in the county's time."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(CHINA)
    hour = f"{at:%H:%M}"
    return Both(f"{at.month}月{at.day}日 {hour}", f"{at.day} {MONTHS[at.month - 1]} {hour}")


def since(at_ms: int, now_ms: int) -> Both:
    """14:05起 on the same county day, 11月23日 14:05起 on another."""
    at = moment(at_ms)
    if day(at_ms) != day(now_ms):
        return Both(f"{at.zh}起", f"since {at.en}")
    hour = at.zh[-5:]
    return Both(f"{hour}起", f"since {hour}")


def day(at_ms: int) -> str:
    """20261123, the county's day; part of the ids of warnings and incidents."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(CHINA):%Y%m%d}"


def lasting(span_ms: int) -> Both:
    """12分钟, 2小时5分钟, 3天4小时; never more than two units."""
    minutes = max(0, span_ms) // 60_000
    if minutes < 1:
        return Both("不足1分钟", "less than a minute")
    days, rest = divmod(minutes, 24 * 60)
    hours, mins = divmod(rest, 60)
    if days:
        units = [(days, "天", "d"), (hours, "小时", "h")]
    else:
        units = [(hours, "小时", "h"), (mins, "分钟", "min")]
    told = [unit for unit in units if unit[0]]
    return Both(
        "".join(f"{number}{zh}" for number, zh, _ in told),
        " ".join(f"{number} {en}" for number, _, en in told),
    )


def join(parts: Iterable[Both], zh: str = "；", en: str = "; ") -> Both:
    """The parts that say something, with separators."""
    said = [part for part in parts if part]
    return Both(zh.join(part.zh for part in said), en.join(part.en for part in said))


def listed(names: Sequence[Both], most: int) -> Both:
    """甲、乙等12个: at most ``most`` names, then how many there are."""
    shown = join(names[:most], "、", ", ")
    if len(names) <= most:
        return shown
    return Both(f"{shown.zh}等{len(names)}个", f"{shown.en} and {len(names) - most} more")


def sentence(part: Both) -> Both:
    """A part as a full sentence."""
    return Both(f"{part.zh}。", f"{part.en[:1].upper()}{part.en[1:]}.") if part else EMPTY


def sentences(parts: Iterable[Both]) -> Both:
    return join((sentence(part) for part in parts), "", " ")


def plural(number: int, noun: str) -> str:
    """Count a regular English noun: 1 site, 2 sites."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
