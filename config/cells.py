"""The text of a cell as a value: one converter per kind of column (pure)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from ipaddress import ip_address
from typing import Any, Final

from config.faults import Saying, did_you_mean
from config.inventory import EngineKind
from config.plan import Plan
from config.register import ContactKind, Needs
from config.words import CONTACT, DISCLOSE, ENGINE, NEEDS, TARGET, YES, As, folded, plain
from wire.base import ID_PATTERN
from wire.view import Disclosure

EMPTY: Final = frozenset({"", "-", "--", "—", "——", "/", "无", "n/a", "null", "none"})
EXCEL_ERRORS: Final = frozenset(
    {"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!"}
)
GHOST: Final = "ghost"
"""Stands for an id that could not be read; what refers to it is no fault of its own."""

_LIST: Final = re.compile(r"[;,、|/\s]+")
_THOUSANDS: Final = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?")
_SCIENTIFIC: Final = re.compile(r"[0-9](?:\.[0-9]+)?[eE]\+[0-9]{1,2}")
_FLOAT_ID: Final = re.compile(r"[0-9]+\.0")
_DATE: Final = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T]00:00(?::00)?)?")
_MOMENT: Final = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?[ T]+(\d{1,2})[:时](\d{2})分?(?::00(?:\.0+)?)?"
)
_PARTED: Final = re.compile(r"[;,、|\s]+")
_CHINA: Final = timezone(timedelta(hours=8))
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_ID: Final = re.compile(ID_PATTERN)


class CellError(Exception):
    """A cell that is no such value."""

    def __init__(self, zh: str, en: str, hint: str = "") -> None:
        super().__init__(en)
        self.saying = Saying(zh, en, hint)


@dataclass(frozen=True)
class Names:
    """What may stand for an id in a table: folded names to ids. Empty: ids only.

    ``towns`` is None when the towns could not be read: then any town passes.
    """

    operators: Mapping[str, str] = field(default_factory=dict)
    towns: Mapping[str, str] | None = field(default_factory=dict)
    organs: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)


def plan_names(plan: Plan) -> Names:
    """The names that ``plan`` knows. Organs go by their name, whatever else they are called."""
    operators: dict[str, str] = {}
    for operator in plan.operators:
        for word in (operator.id, operator.name.zh, operator.name.en, operator.organ):
            operators.setdefault(folded(word), operator.id)
    organs: dict[str, str] = {}
    for organ in plan.organs:
        for word in (organ.name, organ.id, organ.listed_as or organ.name):
            organs.setdefault(folded(word), organ.name)
    roles: dict[str, str] = {}
    for role in plan.roles:
        for word in (role.id, role.name.zh, role.name.en):
            roles.setdefault(folded(word), role.id)
    return Names(operators, {}, organs, roles)


def unknown(zh: str, en: str, value: str, known: Iterable[str]) -> Saying:
    """The saying for a reference to something that does not exist."""
    return Saying(f"没有{zh}“{value}”", f'no {en} "{value}"', did_you_mean(value, known))


def convert(kind: As, text: str, names: Names) -> Any:
    """The value of a cell, None when it is empty. Raises CellError."""
    text = text.strip()
    if text in EXCEL_ERRORS:
        raise CellError(f"单元格是 Excel 错误值 {text}", f"the cell holds Excel's error {text}")
    if plain(text).casefold() in EMPTY and not (kind is As.YES and text):
        return None
    return CONVERTERS[kind](text, names)


def _id(text: str, _names: Names) -> str:
    text = plain(text)
    if _SCIENTIFIC.fullmatch(text):
        raise CellError(
            f"“{text}”像是被 Excel 改成科学计数法的编号",
            f'"{text}" looks like a number that Excel rewrote',
            "把这一列设为文本格式 format the column as text",
        )
    return text[:-2] if _FLOAT_ID.fullmatch(text) else text


def _name(text: str, _names: Names) -> str:
    return text.strip().strip("\ufeff\u200b")


def _number(text: str, _names: Names) -> float:
    text = plain(text)
    if _THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    if not _NUMBER.fullmatch(text) or len(text) > 40:
        raise CellError(f"应为数字，现在是“{text[:60]}”", f'must be a number, is "{text[:60]}"')
    return float(text)


def _whole(text: str, names: Names) -> int:
    number = _number(text, names)
    if not number.is_integer():
        raise CellError(f"应为整数，现在是“{text[:60]}”", f'must be whole, is "{text[:60]}"')
    return int(number)


def _shares(text: str, names: Names) -> tuple[float, ...]:
    return tuple(_number(part, names) for part in _LIST.split(plain(text)) if part)


def _yes(text: str, _names: Names) -> bool:
    word = plain(text).casefold()
    if word not in YES:
        raise CellError(f"应为 是/否，现在是“{text[:60]}”", f'must be yes or no, is "{text[:60]}"')
    return YES[word]


def _ids(text: str, names: Names) -> tuple[str, ...]:
    return tuple(_id(part, names) for part in _LIST.split(plain(text)) if part)


def _date(text: str, _names: Names) -> date:
    match = _DATE.fullmatch(plain(text))
    try:
        return date(*map(int, match.groups())) if match else date.fromisoformat(plain(text))
    except ValueError:
        zh, en = f"不是日期：“{text[:40]}”", f'"{text[:40]}" is no date'
        raise CellError(zh, en, "写成 write 2022-06-28") from None


def _moment(text: str, _names: Names) -> int:
    """A local moment (China Standard Time) as milliseconds UTC."""
    try:
        match = _MOMENT.fullmatch(plain(text))
        parts = [int(part) for part in match.groups()] if match else []
        at = datetime(*parts, tzinfo=_CHINA)  # type: ignore[arg-type, misc]  # five whole numbers
    except (ValueError, TypeError):
        zh, en = f"不是日期和时间：“{text[:40]}”", f'"{text[:40]}" is no date and time'
        raise CellError(zh, en, "写成 write 2026-11-24 22:00") from None
    return round(at.timestamp() * 1000)


def _rule(text: str, _names: Names) -> str:
    return plain(text).upper().removeprefix("RRULE:")


def _targets(text: str, names: Names) -> tuple[str, ...]:
    """设备:ID, 站点:ID, 企业:移动/凤城镇 and their English words, parted by ; or a blank."""
    return tuple(_target(part, names) for part in _PARTED.split(plain(text)) if part)


def _target(text: str, names: Names) -> str:
    word, colon, rest = text.partition(":")
    kind = TARGET.get(word.casefold())
    if not colon or kind is None:
        zh, en = f"看不出维护什么：“{text[:60]}”", f'"{text[:60]}" names no target'
        raise CellError(zh, en, "写成 write 设备:ID、站点:ID、企业:移动/凤城镇")
    if kind != "operator":
        return f"{kind}:{_id(rest, names)}"
    operator, slash, town = rest.partition("/")
    found = f"{kind}:{CONVERTERS[As.OPERATOR](operator, names)}"
    return f"{found}/{CONVERTERS[As.TOWN](town, names)}" if slash else found


def _named(zh: str, en: str, which: str) -> Callable[[str, Names], str]:
    def convert_name(text: str, names: Names) -> str:
        known: Mapping[str, str] | None = getattr(names, which)
        if known is None:
            return GHOST
        if folded(text) in known:
            return known[folded(text)]
        value = _id(text, names)
        if not _ID.fullmatch(value):
            said = unknown(zh, en, value[:60], [*known, *known.values()])
            raise CellError(said.zh, said.en, said.hint)
        return value

    return convert_name


def _organ(text: str, names: Names) -> str:
    return names.organs.get(folded(text), _name(text, names))


def _roles(text: str, names: Names) -> tuple[str, ...]:
    one = _named("角色", "role", "roles")
    return tuple(one(part, names) for part in _LIST.split(plain(text)) if part)


def _phone(text: str, _names: Names) -> str:
    text = _FLOAT_ID.sub(lambda match: match.group()[:-2], plain(text))
    return re.sub("[‐-―−]", "-", text).replace("(", "").replace(")", "-").replace("--", "-")


def _address(text: str, _names: Names) -> Any:
    try:
        return ip_address(plain(text))
    except ValueError:
        raise CellError(f"不是 IP 地址：“{text[:60]}”", f'"{text[:60]}" is no IP address') from None


def _choice(
    words: Mapping[str, str], kind: type[Needs | ContactKind | Disclosure | EngineKind]
) -> Callable[..., Any]:
    def choose(text: str, _names: Names) -> Any:
        word = plain(text).casefold()
        if word not in words:
            allowed = "/".join(words)
            raise CellError(
                f"应为 {allowed} 之一，现在是“{text[:60]}”", f'"{text[:60]}" is none of these'
            )
        return kind(words[word])

    return choose


CONVERTERS: Final[Mapping[As, Callable[[str, Names], Any]]] = {
    As.ID: _id,
    As.NAME: _name,
    As.NUMBER: _number,
    As.WHOLE: _whole,
    As.YES: _yes,
    As.IDS: _ids,
    As.DATE: _date,
    As.TOWN: _named("乡镇", "town", "towns"),
    As.OPERATOR: _named("运营企业", "operator", "operators"),
    As.ORGAN: _organ,
    As.ROLES: _roles,
    As.PHONE: _phone,
    As.ADDRESS: _address,
    As.NEEDS: _choice(NEEDS, Needs),
    As.SHARES: _shares,
    As.CONTACT: _choice(CONTACT, ContactKind),
    As.DISCLOSE: _choice(DISCLOSE, Disclosure),
    As.MOMENT: _moment,
    As.RULE: _rule,
    As.TARGETS: _targets,
    As.ENGINE: _choice(ENGINE, EngineKind),
}
