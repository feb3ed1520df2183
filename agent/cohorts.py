"""Deadlines by cohort: things that wait equally long fall due in the order in which they began.

Pure. Adding costs one append, and what was answered in time is skipped when its moment comes.
"""

from __future__ import annotations

from collections import deque
from typing import Generic, Protocol, TypeVar


class Waiting(Protocol):
    """Whoever waits: ``due_ns`` is its deadline, 0 while it waits for nothing."""

    due_ns: int


W = TypeVar("W", bound=Waiting)


class Cohorts(Generic[W]):
    """Monotonic nanoseconds throughout."""

    __slots__ = ("_queues",)

    def __init__(self) -> None:
        self._queues: dict[int, deque[tuple[int, W]]] = {}

    def add(self, item: W, now_ns: int, delay_ns: int) -> None:
        """Make ``item`` due ``delay_ns`` from now, and no more at its deadline before."""
        item.due_ns = due = now_ns + delay_ns
        queue = self._queues.get(delay_ns)
        if queue is None:
            queue = self._queues[delay_ns] = deque()
        queue.append((due, item))

    def pop_due(self, now_ns: int) -> list[W]:
        """Take what is due; its ``due_ns`` becomes 0."""
        found = []
        for queue in self._queues.values():
            while queue:
                due, item = queue[0]
                if item.due_ns == due:
                    if due > now_ns:
                        break
                    item.due_ns = 0
                    found.append(item)
                queue.popleft()
        return found

    def next_ns(self) -> int | None:
        """The first deadline that may still matter; None when nothing waits."""
        heads = []
        for delay, queue in list(self._queues.items()):
            while queue and queue[0][1].due_ns != queue[0][0]:
                queue.popleft()
            if queue:
                heads.append(queue[0][0])
            else:
                del self._queues[delay]
        return min(heads, default=None)
