"""JSON lines in, JSON lines out: a bad line gets an error in its place, the rest goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from config.explain import faults_of
from config.faults import Place
from config.positions import Loc

M = TypeVar("M", bound=BaseModel)

MAX_LINE: Final = 1024 * 1024
"""Bytes of one line; a register of ten thousand systems takes a fifth of it."""

_MOST_SAID: Final = 5


class BadLine(ValueError):  # noqa: N818  it is a verdict about a line, not a fault of ours
    """A line that cannot be answered; the text says why."""


def answer_lines(source: BinaryIO, sink: BinaryIO, answer: Callable[[Any], Any]) -> int:
    """Answer each line of ``source`` in order; returns how many were bad.

    ``answer`` takes the parsed value and returns what orjson can write, or raises BadLine.
    """
    bad = 0
    for raw in _lines(source):
        try:
            said = orjson.dumps(answer(parse(raw)))
        except BadLine as problem:
            bad += 1
            text = str(problem).encode(errors="replace").decode()
            said = orjson.dumps({"error": text})
        sink.write(said + b"\n")
        sink.flush()
    return bad


def _lines(source: BinaryIO) -> Iterator[bytes]:
    """Lines without their end; of one that is too long only the beginning is kept."""
    first = True
    while line := source.readline(MAX_LINE + 1):
        if first:
            line, first = line.removeprefix(b"\xef\xbb\xbf"), False
        rest = line
        while rest and not rest.endswith(b"\n") and len(line) > MAX_LINE:
            rest = source.readline(MAX_LINE)
        yield line


def parse(raw: bytes) -> Any:
    """The JSON value of a line: no NaN, no key twice. Raises BadLine."""
    if len(raw) > MAX_LINE:
        raise BadLine(f"这一行超过 {MAX_LINE} 字节 / the line has more than {MAX_LINE} bytes")
    raw = raw.strip()
    if not raw:
        raise BadLine("空行 / the line is blank")
    try:
        value = json.loads(raw.decode(), object_pairs_hook=_object, parse_constant=_constant)
        if b"\\ud" in raw.lower():
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise BadLine("有半个字符 / half a character (a lone surrogate)") from None
    except UnicodeDecodeError:
        raise BadLine("不是 UTF-8 文字 / the line is not UTF-8") from None
    except json.JSONDecodeError as problem:
        where = f"{problem.msg} (column {problem.colno})"
        raise BadLine(f"不是 JSON / not JSON: {where}") from None
    except RecursionError:
        raise BadLine("嵌套太深 / nested too deeply") from None
    except ValueError as problem:
        if isinstance(problem, BadLine):
            raise
        raise BadLine(f"数字太长 / a number is too long: {problem}") from None
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise BadLine(f"{twice}: 同一项写了两次 / is there twice")
    return found


def _constant(word: str) -> Any:
    raise BadLine(f"{word} 不是数字 / {word} is no number")


def validated(model: type[M], value: Any) -> M:
    """``value`` as a ``model``. Raises BadLine with the first faults in an operator's words."""
    if not isinstance(value, dict):
        raise BadLine("应为 JSON 对象 / must be a JSON object { … }")
    try:
        return model.model_validate(value)
    except ValidationError as problem:
        faults = faults_of(problem, model, value, _place)
        # A value that may be a list or a table is refused twice: the inner fault says more.
        inner = [f for f in faults if not any(_within(other.key, f.key) for other in faults)]
        said = [fault.sentence for fault in inner[:_MOST_SAID]]
        more = [f"(+{len(inner) - _MOST_SAID})"] if len(inner) > _MOST_SAID else []
        raise BadLine("; ".join(said + more)) from None


def _within(key: str, outer: str) -> bool:
    return key.startswith((f"{outer}.", f"{outer}["))


def _place(loc: Loc) -> Place:
    """``systems[0]`` as JSON counts: from 0."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return Place("", None, text.removeprefix("."))
