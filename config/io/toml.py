"""A TOML file as data with the line of every key, and as a model."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from config.explain import faults_of, key_name
from config.faults import ConfigError, Fault, Place, error
from config.io.read import read_bytes
from config.positions import Loc, key_lines, line_of

M = TypeVar("M", bound=BaseModel)

BOM: Final = b"\xef\xbb\xbf"
WHERE: Final = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
SYNTAX: Final[tuple[tuple[str, str], ...]] = (
    ("Invalid statement", "这一行看不懂，应为 键 = 值 或 [表名]"),
    ("Invalid value", "值不对：文字要加引号，数字和 true/false 不加"),
    ("Cannot overwrite a value", "同一项写了两次"),
    ("Cannot declare", "同一个表写了两次"),
    ("Duplicate inline table key", "同一项写了两次"),
    ("Cannot mutate immutable", "这个表已经写完，不能再加"),
    ("Expected '=' after a key", "键后面缺少 ="),
    ("Expected newline or end of document", "一行只能写一项，多出了内容"),
    ("Expected ']", "表名后面缺少 ]"),
    ("Unclosed array", "列表缺少 ]"),
    ("Unclosed inline table", "表缺少 }"),
    ("Unterminated string", "文字缺少结尾的引号"),
    ("Expected", "少了一个符号"),
    ("Illegal character '\\n'", "文字缺少结尾的引号"),
    ("Illegal character", "有不允许的字符"),
    ("Found invalid character", "有不允许的字符"),
    ("Invalid initial character for a key", "键名不对：中文键名要加引号"),
    ("Unescaped '\\' in a string", "文字中的 \\ 要写成 \\\\"),
    ("Invalid date or datetime", "日期不对"),
)


@dataclass(frozen=True)
class Document:
    """A TOML file's content; ``lines`` maps each location to its line."""

    file: str
    data: dict[str, Any]
    lines: dict[Loc, int] = field(repr=False)

    def place(self, loc: Loc) -> Place:
        """Where ``loc`` (or the table around it) stands."""
        return Place(self.file, line_of(self.lines, loc), key_name(loc))


def read_document(path: Path) -> Document:
    """Parse ``path``. Raises ConfigError with the line of the first syntax error."""
    return parse(read_bytes(path), str(path))


def parse(raw: bytes, file: str) -> Document:
    """Parse the bytes of ``file``. Raises ConfigError."""
    raw = raw.removeprefix(BOM)
    try:
        text = raw.decode()
    except UnicodeDecodeError as problem:
        line = raw.count(b"\n", 0, problem.start) + 1
        raise ConfigError(
            [
                error(
                    Place(file, line),
                    "不是 UTF-8 文字，请另存为 UTF-8",
                    "is not UTF-8: save as UTF-8",
                )
            ]
        ) from None
    try:
        return Document(file, tomllib.loads(text), key_lines(text))
    except RecursionError:
        raise ConfigError([error(Place(file, 1), "嵌套太深", "nested too deeply")]) from None
    except ValueError as problem:  # TOMLDecodeError, or a number beyond Python's limit of digits
        raise ConfigError([_syntax(str(problem), text, file)]) from None


def _syntax(words: str, text: str, file: str) -> Fault:
    where = WHERE.search(words)
    line = 1
    if where is not None:
        last = text.rstrip().count("\n") + 1
        line = int(where.group(1)) if where.group(1) else last
        words = words[: where.start()]
    zh = next((zh for start, zh in SYNTAX if words.startswith(start)), "TOML 写法有误")
    en = f"TOML: {words[:120]}"
    if where is not None and not where.group(1):
        zh, en = "没有写完：缺少 ]、} 或引号", f"{en}, the file ends too early"
    elif words.startswith("Invalid statement") and _starts_foreign(text, line):
        zh = "键名都用英文；表示注释请以 # 开头"
    return error(Place(file, line), zh, en)


def _starts_foreign(text: str, line: int) -> bool:
    """Whether the line begins with a letter that TOML's bare keys do not have."""
    start = text.split("\n")[line - 1 : line]
    return bool(start) and not start[0].lstrip()[:1].isascii()


def build(model: type[M], document: Document) -> M:
    """``document`` as a ``model``. Raises ConfigError with every fault."""
    return build_part(model, document, ())


def build_part(model: type[M], document: Document, loc: Loc) -> M:
    """The part of ``document`` at ``loc`` as a ``model``. Raises ConfigError with every fault."""
    data: Any = document.data
    for part in loc:
        data = data[part]
    faults = [
        error(
            document.place((*loc, "hash")),
            "这一项由程序填写，请删除",
            "is filled in by the program",
        )
        for key in ("hash",)
        if isinstance(data, dict) and key in data and key in model.model_fields
    ]
    try:
        built = model.model_validate_json(json.dumps(data, default=_plain))
    except ValidationError as problem:
        faults += faults_of(problem, model, data, lambda inner: document.place((*loc, *inner)))
    except RecursionError:
        faults.append(error(document.place(loc), "嵌套太深", "nested too deeply"))
    if faults:
        raise ConfigError(faults)
    return built


def _plain(value: object) -> str:
    """TOML's dates and times as JSON has them."""
    assert isinstance(value, (date, datetime, time))
    return value.isoformat()
