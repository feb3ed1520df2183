"""When a lowering may be suggested: only after the worse has been impossible for the hold.

Unknown never clears: what counts is the *worst* end of the range, so blindness stops the clock
(PLAN section 2: down is only proposed, after the hold).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from escalation.charter import rank

GRACE_SHARE: Final = 6
"""A lowering waits up to hold/6 for a further one, so that a recovery in steps is told once."""


def track(below: dict[str, int], order: tuple[str, ...], bound: str, now_ms: int) -> None:
    """Note at ``now_ms`` that nothing worse than ``bound`` is possible; ``below`` is changed."""
    limit = rank(order, bound)
    for place, word in enumerate(order):
        if place >= limit:
            below.setdefault(word, now_ms)
        else:
            below.pop(word, None)
    for word in [word for word in below if word not in order]:
        del below[word]


def ripe_at(
    below: dict[str, int], order: tuple[str, ...], standing: str, hold_ms: int
) -> Iterable[int]:
    """The moments at which each scenario (level) milder than ``standing`` has held long enough."""
    limit = rank(order, standing)
    return (since + hold_ms for word, since in below.items() if rank(order, word) < limit)


def lowered(
    below: dict[str, int], order: tuple[str, ...], standing: str, hold_ms: int, now_ms: int
) -> str:
    """The mildest that has held long enough at ``now_ms``, or ``standing``."""
    ripe = [word for word, since in below.items() if since + hold_ms <= now_ms]
    return min([*ripe, standing], key=lambda word: rank(order, word))


def suggestion_due(moments: Iterable[int], hold_ms: int) -> int | None:
    """When to suggest: the last of the moments that lie within the grace of the first."""
    ordered = sorted(moments)
    if not ordered:
        return None
    last = ordered[0] + hold_ms // GRACE_SHARE
    return max(moment for moment in ordered if moment <= last)
