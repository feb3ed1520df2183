"""The shape of a fault in a configuration file: where it is, what is wrong, what may be meant.

::

    Exception
    └── ConfigError          carries every fault found, never only the first
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import StrEnum
from typing import Final

MAX_CANDIDATES: Final = 20_000
"""Comparing with more of them takes too long for a hint."""

MAX_HINTS: Final = 30
"""So many hints of one sort help; more only cost time (a hint among 3,000 names takes 10 ms)."""


class Kind(StrEnum):
    """A note changes nothing, an error refuses the file, unreadable says there is none."""

    NOTE = "note"
    ERROR = "error"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Saying:
    """What is wrong, in Chinese with English beside, and what may be meant."""

    zh: str
    en: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A spot in a file. ``line`` counts from 1 (a sheet: its row); ``key`` is a key or column."""

    file: str
    line: int | None = None
    key: str = ""

    def at(self, key: str) -> Place:
        """The same line, another key."""
        return replace(self, key=key)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: a place and a saying."""

    place: Place
    saying: Saying
    kind: Kind = Kind.ERROR

    @property
    def file(self) -> str:
        return self.place.file

    @property
    def line(self) -> int | None:
        return self.place.line

    @property
    def key(self) -> str:
        return self.place.key

    @property
    def sentence(self) -> str:
        """``key: Chinese / English (hint)`` without file and line."""
        key = f"{self.place.key}: " if self.place.key else ""
        hint = f" ({self.saying.hint})" if self.saying.hint else ""
        return f"{key}{self.saying.zh} / {self.saying.en}{hint}"

    def __str__(self) -> str:
        line = f":{self.place.line}" if self.place.line is not None else ""
        return f"{self.place.file}{line}: {self.sentence}"


class ConfigError(Exception):
    """A configuration that cannot be used. ``faults`` are all of its faults, in file order."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))


def error(place: Place, zh: str, en: str, hint: str = "") -> Fault:
    return Fault(place, Saying(zh, en, hint))


def note(place: Place, zh: str, en: str, hint: str = "") -> Fault:
    return Fault(place, Saying(zh, en, hint), Kind.NOTE)


def unreadable(file: str, zh: str, en: str, hint: str = "") -> Fault:
    return Fault(Place(file), Saying(zh, en, hint), Kind.UNREADABLE)


def ordered(faults: Iterable[Fault]) -> list[Fault]:
    """By file, then line; each fault once."""
    unique = dict.fromkeys(faults)
    return sorted(unique, key=lambda f: (f.file, f.line or 0, f.key))


def refuse(faults: Sequence[Fault]) -> None:
    """Raise ConfigError when a fault is more than a note."""
    hard = [fault for fault in faults if fault.kind is not Kind.NOTE]
    if hard:
        raise ConfigError(ordered(hard))


def did_you_mean(word: str, known: Iterable[str], nearness: float = 0.6) -> str:
    """``是不是 did you mean: "name"?`` when something known is near (0..1), else nothing."""
    candidates = sorted({name for name in known if name})
    if len(candidates) > MAX_CANDIDATES:
        return ""
    near = get_close_matches(word, candidates, n=1, cutoff=nearness)
    if not near:
        folded = {name.casefold(): name for name in candidates}
        near = [
            folded[match]
            for match in get_close_matches(word.casefold(), list(folded), n=1, cutoff=nearness)
        ]
    return f'是不是 did you mean: "{near[0]}"?' if near else ""
