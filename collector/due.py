"""A queue of topics in which each waits once, and what matters more goes before the rest."""

from __future__ import annotations

from collections import OrderedDict
from enum import IntEnum
from typing import NamedTuple


class Rank(IntEnum):
    """What goes first.

    Topics to clear come before the index's pages, and these before the topics that they name: so
    whatever the broker holds is on a page that it holds too, whenever we are cut off.
    """

    GONE = 0
    HEAD = 1
    ABNORMAL = 2
    REST = 3
    TAIL = 4


class Key(NamedTuple):
    """A retained topic: its kind, its branch (an operator's id, or a word), the id in it."""

    kind: str
    of: str
    name: str = ""


class Due:
    """Keys by rank, in the order in which they came; a key that waits may only move forward."""

    def __init__(self) -> None:
        self._queues: tuple[OrderedDict[Key, None], ...] = tuple(OrderedDict() for _ in Rank)
        self._ranks: dict[Key, Rank] = {}

    def __len__(self) -> int:
        return len(self._ranks)

    def put(self, key: Key, rank: Rank) -> None:
        waits = self._ranks.get(key)
        if waits is not None:
            if waits <= rank:
                return
            del self._queues[waits][key]
        self._ranks[key] = rank
        self._queues[rank][key] = None

    def pop(self) -> Key | None:
        """The next key, None when none waits."""
        for queue in self._queues:
            if queue:
                key, _ = queue.popitem(last=False)
                del self._ranks[key]
                return key
        return None
