"""A reader's World beside the running collector: restored once, then folded on."""

from __future__ import annotations

from collector.base import World
from collector.io.restore import inputs_after
from collector.io.store import Store
from collector.world import step


class Follower:
    """Reads a store that another process writes; nothing it does is written anywhere."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._restore()

    def _restore(self) -> None:
        restored = self._store.restore()
        self.world: World = restored.world
        self.last_input = restored.last_input
        self.last_ms = self._store.last_ms

    def catch_up(self) -> World:
        """The World as of the last committed turn. Raises Unusable, sqlite3.Error.

        Where a fold goes wrong (a store begun anew in between) everything is read again.
        """
        try:
            self._fold_on()
        except (ArithmeticError, AssertionError, LookupError, TypeError, ValueError):
            self._restore()
        return self.world

    def _fold_on(self) -> None:
        for n, at_ms, given in inputs_after(self._store.db, self.last_input):
            step(self.world, at_ms, given, self._store.resolve)
            self.last_input, self.last_ms = n, at_ms
        self.world.receiver.committed()
