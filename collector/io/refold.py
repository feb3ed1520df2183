"""A replay of the retained inputs of a span, beside the running collector and read only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from collector import world as worlds
from collector.io.restore import Restored
from collector.io.segments import Segments
from collector.model import Input
from collector.replay import Edit, Replay

Inputs = Iterator[tuple[int, Input]]
Follow = Callable[[Inputs, int], Inputs]
"""The same inputs, for who shows how far of so many they are."""


def _plain(inputs: Inputs, _: int) -> Inputs:
    return inputs


def refold(
    segments: Segments,
    edit: Edit,
    restored: Restored,
    span: tuple[int, int],
    *,
    begun: Callable[[Replay], Any] = lambda _: None,
    follow: Follow = _plain,
) -> tuple[Replay, bool]:
    """Fold ``span`` (from, to; ms) from ``restored``, the World at its beginning.

    Returns the replay, and whether its unedited side told what the journal has. ``begun`` is
    called with the replay before its first input.
    """
    begin, end = span
    inputs = segments.inputs(restored.last_input, end)
    count = segments.count(restored.last_input, end)
    for at_ms, given in inputs if restored.world.behind else ():
        worlds.step(restored.world, at_ms, given, segments.resolve)
        begin = at_ms
        if not restored.world.behind:  # a great change is worked off in slices; then it begins
            break
    run = Replay(restored.world, begin, segments.resolve, edit)
    begun(run)
    for at_ms, given in follow(inputs, count):
        run.take(at_ms, given)
    journal = segments.notices(begin, end)
    return run, [one.id for one in run.base.told] == list(dict.fromkeys(journal))
