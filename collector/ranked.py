"""Rows in an order that is kept as they come and go: no assessment sorts a hundred thousand."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

Row = TypeVar("Row")
Key = tuple[Any, ...]


@dataclass(slots=True)
class Ranked(Generic[Row]):
    """Rows by name, in the order of their keys; a key ends with the name, so none is there twice.

    Putting and dropping cost a search and a shift of what comes after in memory.
    """

    keys: list[Key] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    _of: dict[str, Key] = field(default_factory=dict)

    def put(self, key: Key, row: Row) -> None:
        """Put the row, or put it elsewhere."""
        name = key[-1]
        if self._of.get(name) == key:
            self.rows[bisect_left(self.keys, key)] = row
            return
        self.drop(name)
        self._of[name] = key
        at = bisect_left(self.keys, key)
        self.keys.insert(at, key)
        self.rows.insert(at, row)

    def drop(self, name: str) -> None:
        key = self._of.pop(name, None)
        if key is not None:
            at = bisect_left(self.keys, key)
            del self.keys[at], self.rows[at]

    def count(self, first: int) -> int:
        """How many keys begin with ``first``."""
        return bisect_left(self.keys, (first + 1,)) - bisect_left(self.keys, (first,))

    def below(self, key: Key) -> list[Row]:
        """The rows whose keys are less than ``key``."""
        return self.rows[: bisect_left(self.keys, key)]
