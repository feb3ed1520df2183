"""Validation errors re-told for operators: which key, what it must be, what may be meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from ipaddress import AddressValueError
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from config.faults import Fault, Place, Saying, did_you_mean
from config.inventory import ENGINE_PATTERN
from config.positions import Loc
from wire.base import ID_PATTERN

PATTERNS: Final[Mapping[str, tuple[str, str]]] = {
    ID_PATTERN: (
        "编号只能用字母、数字和 . _ -，以字母或数字开头，最多 64 个字符",
        "an id is letters, digits and . _ -, begins with a letter or digit, 64 at most",
    ),
    r"^\+?[0-9][0-9 -]{2,24}$": (
        "电话号码只能用数字、空格和 -，可用 + 开头",
        "a telephone number is digits, spaces and -, with + in front if needed",
    ),
    r"^(live|drill-[A-Za-z0-9._-]{1,40})$": (
        "应为 live 或 drill-名称",
        "must be live or drill-NAME",
    ),
    r"^https?://": ("应以 http:// 或 https:// 开头", "must begin with http:// or https://"),
    r"^[0-2](\.[0-9]{1,10}){1,127}$": (
        "不是数字形式的 OID，例如 1.3.6.1.2.1.1.3.0",
        "is no numeric OID such as 1.3.6.1.2.1.1.3.0",
    ),
    r"^[0-9]{1,2}[A-Za-z0-9.()-]{0,15}$": (
        "不是条款号，例如 3.3(2)",
        "is no clause number such as 3.3(2)",
    ),
    r"^[a-z][a-z0-9_]{0,31}$": (
        "只能用小写字母、数字和 _，以字母开头，最多 32 个字符",
        "is small letters, digits and _, begins with a letter, 32 at most",
    ),
    ENGINE_PATTERN: (
        "应为引擎标识的十六进制数字，5 到 32 个字节",
        "must be an engine id in hexadecimal, 5 to 32 bytes",
    ),
    r"^[0-9]{5,15}$": ("电话号码只能用数字", "a telephone number of the annex is digits only"),
}

FIXED: Final[Mapping[str, tuple[str, str]]] = {
    "missing": ("缺少这一项", "is missing"),
    "extra_forbidden": ("不认识这一项", "unknown key"),
    "string_type": ("应为文字（加引号）", "must be a text in quotes"),
    "int_type": ("应为整数", "must be a whole number"),
    "int_from_float": ("应为整数", "must be a whole number"),
    "int_parsing": ("应为整数", "must be a whole number"),
    "float_type": ("应为数字", "must be a number"),
    "float_parsing": ("应为数字", "must be a number"),
    "finite_number": ("应为有限的数字，不能是 nan 或 inf", "must be finite, not nan or inf"),
    "bool_type": ("应为 true 或 false", "must be true or false"),
    "bool_parsing": ("应为 true 或 false", "must be true or false"),
    "tuple_type": ("应为列表 [ … ]", "must be a list [ … ]"),
    "list_type": ("应为列表 [ … ]", "must be a list [ … ]"),
    "dict_type": ("应为表", "must be a table"),
    "model_type": ("应为表", "must be a table"),
    "model_attributes_type": ("应为表", "must be a table"),
    "ip_v4_address": ("不是 IP 地址", "is no IP address"),
    "ip_v6_address": ("不是 IP 地址", "is no IP address"),
    "date_type": ("应为日期，例如 2022-06-28", "must be a date such as 2022-06-28"),
    "date_parsing": ("应为日期，例如 2022-06-28", "must be a date such as 2022-06-28"),
    "date_from_datetime_parsing": ("应为日期，例如 2022-06-28", "must be a date: 2022-06-28"),
    "path_type": ("应为文件路径（加引号）", "must be a path in quotes"),
}

BOUNDS: Final[Mapping[str, tuple[str, str, str]]] = {
    "greater_than_equal": ("ge", "不能小于", "must be at least"),
    "greater_than": ("gt", "必须大于", "must be more than"),
    "less_than_equal": ("le", "不能大于", "must be at most"),
    "less_than": ("lt", "必须小于", "must be less than"),
}

CHOICES: Final = frozenset({"enum", "literal_error"})
LENGTHS: Final = frozenset({"string_too_short", "too_short", "string_too_long", "too_long"})
WRONG_TYPE: Final = frozenset(kind for kind in FIXED if kind.endswith("_type")) | CHOICES
UNSHOWN: Final = LENGTHS | {"missing", "extra_forbidden"}
TRUTH: Final = ("true", "false")
NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
SECRET: Final = re.compile(r"communit|password|secret")
WORDS: Final = re.compile(r"'([^']*)'")
VALUE_ERRORS: Final = re.compile(r"^(?:Value|Assertion) error, ")


def faults_of(
    error: ValidationError,
    model: type[BaseModel],
    data: Any,
    place: Callable[[Loc], Place],
) -> list[Fault]:
    """Each fault of a validation of ``data`` against ``model``, once per place.

    ``place`` gives a location's file, line and name; a missing key is asked for at its table.
    """
    details: dict[Loc, list[dict[str, Any]]] = {}
    for given in error.errors(include_url=False):
        loc = trimmed(given["loc"], data, missing=given["type"] == "missing")
        if not _is_cascade(given, data, loc):
            details.setdefault(loc, []).append(dict(given))
    return [
        Fault(place(loc), saying(_telling(alternatives), loc, keys_at(model, loc[:-1])))
        for loc, alternatives in details.items()
    ]


def _telling(alternatives: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of a union's alternatives those whose type the value has, or else all."""
    right = [detail for detail in alternatives if detail["type"] not in WRONG_TYPE]
    return right[:1] or alternatives


def _is_cascade(detail: Mapping[str, Any], data: Any, loc: Loc) -> bool:
    """A list that is too short only because its elements have faults of their own."""
    if detail["type"] != "too_short":
        return False
    for part in loc:
        data = data[part]
    return bool(len(data) >= detail["ctx"]["min_length"])


def trimmed(loc: tuple[int | str, ...], data: Any, *, missing: bool) -> Loc:
    """``loc`` without the union tags that pydantic puts into it."""
    kept: list[int | str] = []
    for part in loc:
        inside = isinstance(part, int) and isinstance(data, (list, tuple)) and part < len(data)
        if inside or (isinstance(data, Mapping) and part in data):
            data = data[part]
            kept.append(part)
        elif missing and part == loc[-1]:
            kept.append(part)
    return tuple(kept)


def saying(alternatives: list[dict[str, Any]], loc: Loc, known: set[str]) -> Saying:
    """The words for the pydantic errors at ``loc``, where ``known`` keys may stand."""
    words = dict.fromkeys(_words(detail) for detail in alternatives)
    zh, en = "，或".join(zh for zh, _ in words), ", or ".join(en for _, en in words)
    value = alternatives[0].get("input")
    shown = alternatives[0]["type"] not in UNSHOWN
    if shown and not any(SECRET.search(str(part)) for part in loc):
        now_zh, now_en = _now(value)
        zh, en = zh + now_zh, en + now_en
    hints = (_hint(detail, value, loc, known) for detail in alternatives)
    return Saying(zh, en, next((hint for hint in hints if hint), ""))


def _words(detail: Mapping[str, Any]) -> tuple[str, str]:
    kind, context = str(detail["type"]), detail.get("ctx", {})
    if isinstance(context.get("error"), AddressValueError):
        kind = "ip_v4_address"
    if kind in BOUNDS:
        name, zh, en = BOUNDS[kind]
        return f"{zh} {context[name]}", f"{en} {context[name]}"
    if kind in CHOICES:
        allowed = WORDS.findall(str(context.get("expected", "")))
        zh = f"应为 {'、'.join(allowed)} 之一" if len(allowed) > 1 else f"应为 {allowed[0]}"
        return zh, f"must be {' | '.join(allowed)}"
    if kind in LENGTHS:
        return _length(kind, context)
    if kind == "string_pattern_mismatch":
        return PATTERNS.get(str(context.get("pattern")), ("写法不对", "is not well formed"))
    if kind in FIXED:
        return FIXED[kind]
    words = VALUE_ERRORS.sub("", str(detail["msg"]))
    zh, mark, en = words.partition(" / ")
    return (zh, en) if mark else ("值不对", words)


def _hint(detail: Mapping[str, Any], value: Any, loc: Loc, known: set[str]) -> str:
    kind, context = str(detail["type"]), detail.get("ctx", {})
    if kind in CHOICES:
        if isinstance(value, int):
            return _quotes("string_type", value)
        return did_you_mean(str(value), WORDS.findall(str(context.get("expected", ""))))
    if kind == "extra_forbidden":
        return did_you_mean(str(loc[-1]) if loc else "", known)
    if kind == "less_than_equal" and context.get("le") == 1.0:
        return "百分数写成小数 write 20 % as 0.2"
    return _quotes(kind, value)


def _now(value: Any) -> tuple[str, str]:
    if isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, (int, float)):
        text = str(value)[:60]
    elif isinstance(value, str):
        return f"，现在是“{value[:60]}”", f', is "{value[:60]}"'
    else:
        return "", ""
    return f"，现在是 {text}", f", is {text}"


def _length(kind: str, context: Mapping[str, Any]) -> tuple[str, str]:
    text = kind.startswith("string")
    if kind.endswith("short"):
        least = context.get("min_length")
        if least == 1:
            return "不能为空", "must not be empty"
        return f"至少要有 {least} {'个字符' if text else '项'}", f"needs at least {least}"
    most = context.get("max_length")
    return f"最多 {most} {'个字符' if text else '项'}", f"takes {most} at most"


def _quotes(kind: str, value: Any) -> str:
    number = isinstance(value, str) and NUMBER.fullmatch(value.strip())
    if (number and kind in {"int_type", "float_type"}) or (kind == "bool_type" and value in TRUTH):
        return "去掉引号 drop the quotes"
    if kind == "string_type" and isinstance(value, (int, float)):
        return f'加上引号 write "{str(value).lower()}"'
    return ""


def keys_at(model: type[BaseModel], loc: Loc) -> set[str]:
    """The keys that a table at ``loc`` of ``model`` may have."""
    types: list[Any] = [model]
    for part in loc:
        types = [inner for kind in types for inner in _step(kind, part)]
    return {
        field.alias or name
        for kind in types
        if isinstance(kind, type) and issubclass(kind, BaseModel)
        for name, field in kind.model_fields.items()
        if name != "hash"
    }


def _step(kind: Any, part: str | int) -> Iterator[Any]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            if part in (name, field.alias):
                yield from _plain(field)
        return
    arguments = get_args(kind)
    if get_origin(kind) is dict and isinstance(part, str):
        yield from _plain(arguments[1])
    elif get_origin(kind) in (tuple, list) and isinstance(part, int):
        yield from _plain(arguments[0])


def _plain(kind: Any) -> Iterator[Any]:
    """The types inside Annotated and unions."""
    if isinstance(kind, FieldInfo):
        kind = kind.annotation
    origin = get_origin(kind)
    if origin is Annotated:
        yield from _plain(get_args(kind)[0])
    elif origin in (Union, UnionType):
        for argument in get_args(kind):
            yield from _plain(argument)
    else:
        yield kind


def key_name(loc: Loc) -> str:
    """``("offices", 0, "id")`` as ``offices[1].id``."""
    text = ""
    for part in loc:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")
