"""On which line each key of a TOML text stands: ``tomllib`` has no positions.

A scanner for text that ``tomllib`` has already accepted, so it only has to skip, not to judge.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from typing import Final

Loc = tuple[str | int, ...]
"""Keys and list indices from the document's top."""

_STRING: Final = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_SPACE: Final = re.compile(r"[ \t]*")
_BLANK: Final = re.compile(r"(?:[ \t\n]+|#[^\n]*)*")
_SCALAR: Final = re.compile(r"[^,\]}\n#]*")


def key_lines(text: str) -> dict[Loc, int]:
    """The line (from 1) of every table, key and array element of a valid TOML ``text``."""
    scanner = _Scanner(text.replace("\r\n", "\n"))
    scanner.document()
    return scanner.lines


def line_of(lines: dict[Loc, int], loc: Loc) -> int:
    """The line of ``loc``, or of the nearest table around it; 1 when nothing is known."""
    while loc:
        if loc in lines:
            return lines[loc]
        loc = loc[:-1]
    return 1


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Loc, int] = {}
        self.elements: dict[Loc, int] = {}  # array of tables -> its last index
        self.breaks = [match.start() for match in re.finditer("\n", text)]

    def document(self) -> None:
        base: Loc = ()
        self.skip(_BLANK)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                base = self.header()
            else:
                self.pair(base)
            self.skip(_BLANK)

    def skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        if match is None:
            self.at += 1  # never reached on valid text; keeps the scan finite on any other
            return ""
        self.at = match.end()
        return match.group()

    def line(self) -> int:
        return bisect_right(self.breaks, self.at - 1) + 1

    def header(self) -> Loc:
        line = self.line()
        double = self.text.startswith("[[", self.at)
        self.at += 2 if double else 1
        parts = self.key()
        self.at += 2 if double else 1
        base: Loc = ()
        for part in parts[:-1]:
            base = self.enter((*base, part))
            self.lines.setdefault(base, line)
        base = (*base, parts[-1])
        if double:
            self.lines.setdefault(base, line)
            self.elements[base] = self.elements.get(base, -1) + 1
            base = (*base, self.elements[base])
        self.lines[base] = line
        return base

    def enter(self, loc: Loc) -> Loc:
        """A name on the way down stands for the last element of an array of tables."""
        return (*loc, self.elements[loc]) if loc in self.elements else loc

    def key(self) -> list[str]:
        parts = []
        while True:
            self.skip(_SPACE)
            if self.text[self.at : self.at + 1] in ('"', "'"):
                quoted = self.skip(_STRING)
                parts.append(str(tomllib.loads(f"k = {quoted}")["k"]))
            else:
                parts.append(self.skip(_BARE))
            self.skip(_SPACE)
            if self.text[self.at : self.at + 1] != ".":
                return parts
            self.at += 1

    def pair(self, base: Loc) -> None:
        line = self.line()
        loc = base
        for part in self.key():
            loc = (*loc, part)
            self.lines.setdefault(loc, line)
        self.at += 1  # the equals sign
        self.skip(_SPACE)
        self.value(loc)

    def value(self, loc: Loc) -> None:
        match self.text[self.at : self.at + 1]:
            case "[":
                self.array(loc)
            case "{":
                self.table(loc)
            case '"' | "'":
                self.skip(_STRING)
            case _:
                self.skip(_SCALAR)

    def array(self, loc: Loc) -> None:
        self.at += 1
        number = 0
        while self.more("]"):
            self.lines[(*loc, number)] = self.line()
            self.value((*loc, number))
            number += 1

    def table(self, loc: Loc) -> None:
        self.at += 1
        while self.more("}"):
            self.pair(loc)

    def more(self, end: str) -> bool:
        """Whether another element follows; steps over the comma, or over ``end``."""
        self.skip(_BLANK)
        if self.text[self.at : self.at + 1] == ",":
            self.at += 1
            self.skip(_BLANK)
        if self.at >= len(self.text) or self.text[self.at] == end:
            self.at += 1
            return False
        return True
