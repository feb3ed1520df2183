"""Maintenance windows (维护窗口): what is worked on, from when to when, and how often.

A window stands in the register, or a person enters it by a signed word (``wire.alarm``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from enum import StrEnum
from typing import Annotated, Final, NamedTuple, Self

from pydantic import AfterValidator, Field, model_validator

from wire.base import Id, Ms, Wire

_CHINA: Final = timezone(timedelta(hours=8))
_MONTH_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

RULE_MOST: Final = 200
"""Characters of a recurrence rule."""

_DAYS: Final = "MO|TU|WE|TH|FR|SA|SU"
_PLAIN: Final = rf"({_DAYS})(,({_DAYS}))*"
# All with numbers or none: dateutil takes a mixture for days that are both.
_NUMBERED: Final = rf"{_PLAIN}|[+-]?[1-4]({_DAYS})(,[+-]?[1-4]({_DAYS}))*"
_DAY: Final = "([1-9]|1[0-9]|2[0-8])"
_ANY_DAY: Final = "([1-9]|[12][0-9]|3[01])"
_BOUND: Final[Mapping[str, str]] = {
    "COUNT": "[1-9][0-9]{0,3}",
    "UNTIL": "[0-9]{8}(T[0-9]{6}Z?)?",
    "WKST": _DAYS,
}
RULES: Final[Mapping[str, Mapping[str, str]]] = {
    "DAILY": {**_BOUND, "INTERVAL": "[1-9][0-9]?", "BYDAY": _PLAIN},
    "WEEKLY": {**_BOUND, "INTERVAL": "[1-9]", "BYDAY": _PLAIN},
    "MONTHLY": {
        **_BOUND,
        "INTERVAL": "[1-6]",
        "BYDAY": _NUMBERED,
        "BYMONTHDAY": f"({_ANY_DAY}|-{_DAY})(,({_ANY_DAY}|-{_DAY}))*",
        "BYSETPOS": "-?[1-4]",
    },
    "YEARLY": {
        **_BOUND,
        "INTERVAL": "[124]",
        "BYDAY": _NUMBERED,
        "BYMONTHDAY": f"-?{_DAY}(,-?{_DAY})*",
        "BYMONTH": "([1-9]|1[0-2])(,([1-9]|1[0-2]))*",
    },
}
"""Of RFC 5545 section 3.3.10 what a window needs, by FREQ; the hour is that of its start.

Nothing here can be written that never comes true: who looks for the next day of such a rule looks
until the year 9999.
"""


class Kind(StrEnum):
    """What a target names."""

    DEVICE = "device"
    SITE = "site"
    OPERATOR = "operator"


class Target(NamedTuple):
    """A device, a site, an operator, or an operator in one town."""

    kind: Kind
    id: str
    town: str = ""


_TARGET: Final = re.compile(
    r"(?:(device|site):([A-Za-z0-9][A-Za-z0-9._-]{0,63})"
    r"|operator:([A-Za-z0-9][A-Za-z0-9._-]{0,63})(?:/([0-9]{9}))?)"
)


def target_of(text: str) -> Target:
    """``device:ID``, ``site:ID``, ``operator:ID`` or ``operator:ID/TOWN``. Raises ValueError."""
    found = _TARGET.fullmatch(text)
    if found is None:
        raise ValueError("a target is device:ID, site:ID, operator:ID or operator:ID/TOWN")
    kind, name, operator, town = found.groups()
    if operator is not None:
        return Target(Kind.OPERATOR, operator, town or "")
    return Target(Kind(kind), name)


def _target(text: str) -> str:
    target_of(text)
    return text


def _rule(text: str) -> str:
    """The rule, if it is empty or one that we know. Raises ValueError by name."""
    if not text:
        return text
    parts: dict[str, str] = {}
    for part in text.split(";"):
        name, _, value = part.partition("=")
        if name in parts:
            raise ValueError(f"{name} stands twice")
        parts[name] = value
    known = RULES.get(parts.pop("FREQ", ""))
    if known is None:
        raise ValueError(
            f"重复规则的 FREQ 应为 {'、'.join(RULES)} 之一 / "
            f"a recurrence rule has a FREQ: {', '.join(RULES)}"
        )
    for name, value in parts.items():
        if name not in known:
            raise ValueError(f"such a recurrence rule has no part {name[:20]!r}")
        if not re.fullmatch(known[name], value):
            raise ValueError(f"{value[:20]!r} is no {name} here")
    _agree(parts, daily="FREQ=DAILY" in text)
    return text


def _agree(parts: Mapping[str, str], *, daily: bool) -> None:
    """Parts that do not go together."""
    if {"COUNT", "UNTIL"} <= parts.keys():
        raise ValueError("give COUNT or UNTIL, not both")
    if {"BYDAY", "BYMONTHDAY"} <= parts.keys():
        raise ValueError("give BYDAY or BYMONTHDAY, not both")
    if daily and "BYDAY" in parts and parts.get("INTERVAL", "1") != "1":
        raise ValueError("a daily rule with BYDAY has no INTERVAL")
    if "BYSETPOS" in parts and not re.fullmatch(_PLAIN, parts.get("BYDAY", "")):
        raise ValueError("BYSETPOS goes with a BYDAY without numbers")


def _has_its_day(rule: str, start_ms: int) -> None:
    """A yearly rule with months alone takes the day of its start: one of them has it every year."""
    parts = dict(part.split("=") for part in rule.split(";") if part)
    if "BYMONTH" not in parts or not parts.keys().isdisjoint({"BYDAY", "BYMONTHDAY"}):
        return
    day = datetime.fromtimestamp(start_ms // 1000, _CHINA).day
    if all(day > _MONTH_DAYS[int(month) - 1] for month in parts["BYMONTH"].split(",")):
        raise ValueError(
            f"所列月份并非每年都有{day}日 / no month of BYMONTH has a day {day} each year"
        )


TargetText = Annotated[str, Field(max_length=150), AfterValidator(_target)]
RuleText = Annotated[str, Field(max_length=RULE_MOST), AfterValidator(_rule)]
Line = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Window(Wire):
    """One window: its first occurrence from ``start_ms`` to ``end_ms``; ``rrule`` repeats it.

    ``rrule`` is a RECUR value of RFC 5545, reckoned in China Standard Time from the start.
    """

    id: Id
    targets: Annotated[tuple[TargetText, ...], Field(min_length=1, max_length=100)]
    start_ms: Ms
    end_ms: Ms
    rrule: RuleText = ""
    name: Line
    reason: Line

    @model_validator(mode="after")
    def _spans(self) -> Self:
        if self.end_ms <= self.start_ms:
            raise ValueError("结束时间应晚于开始时间 / a window ends after it begins")
        _has_its_day(self.rrule, self.start_ms)
        return self

    @property
    def parsed(self) -> Iterator[Target]:
        return (target_of(text) for text in self.targets)
