"""Deadlines keyed by what they are for: a heap with lazy deletion over a table of rows."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from typing import NamedTuple


class TimerKey(NamedTuple):
    """``kind`` says who handles it; a, b and c name the row (device, alarm type, qualifier …)."""

    kind: str
    a: str = ""
    b: str = ""
    c: str = ""


class Timers:
    """One deadline per key. Setting, clearing and popping cost O(log n)."""

    def __init__(self, rows: Iterable[tuple[int, TimerKey]] = ()) -> None:
        self._due = {key: due for due, key in rows}
        self._heap = [(due, key) for key, due in self._due.items()]
        heapify(self._heap)

    def __len__(self) -> int:
        return len(self._due)

    def set(self, key: TimerKey, due_ms: int | None) -> None:
        """Set, move or (None) clear the deadline of ``key``."""
        if due_ms is None:
            self._due.pop(key, None)
        elif self._due.get(key) != due_ms:
            self._due[key] = due_ms
            heappush(self._heap, (due_ms, key))
        self._shrink()

    def get(self, key: TimerKey) -> int | None:
        return self._due.get(key)

    def next(self) -> int | None:
        """The earliest deadline, or None."""
        heap = self._heap
        while heap and self._due.get(heap[0][1]) != heap[0][0]:
            heappop(heap)
        return heap[0][0] if heap else None

    def pop_due(self, now_ms: int, most: int = sys.maxsize) -> list[TimerKey]:
        """Take rows due by ``now_ms``, by deadline and key: the same order in every run."""
        taken: list[TimerKey] = []
        while len(taken) < most and (due := self.next()) is not None and due <= now_ms:
            _, key = heappop(self._heap)
            del self._due[key]
            taken.append(key)
        return taken

    def rows(self) -> list[tuple[int, TimerKey]]:
        """Every deadline, ordered."""
        return sorted((due, key) for key, due in self._due.items())

    def _shrink(self) -> None:
        """Drop dead heap entries once they are most of the heap."""
        if len(self._heap) > 64 and len(self._heap) > 4 * len(self._due):
            self._heap = [(due, key) for key, due in self._due.items()]
            heapify(self._heap)
