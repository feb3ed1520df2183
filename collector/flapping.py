"""When changes are too quick to be news: a penalty that decays, after RFC 2439.

Each change of judgement adds one to an alarm's penalty, which halves in ``window_s``. Flapping
begins when quick changes have brought it to ``transitions``, and is over when it has decayed to
one: what flapped long is held longer than what flapped for a moment, up to ``hold_s`` after the
last change (RFC 2439 section 4.2, maximum hold-down). The remainder stays, so that an alarm that
goes on is flapping again sooner.
"""

from __future__ import annotations

from math import ceil, exp2, log2
from typing import Final

from config.policy import FlapPolicy

ONE: Final = 1000
"""One change, in the penalty's thousandths: whole numbers, so that a replay is exact."""


def decayed(penalty: int, elapsed_ms: int, rule: FlapPolicy) -> int:
    """What is left of ``penalty`` after ``elapsed_ms``."""
    if not penalty or elapsed_ms <= 0:
        return penalty
    return round(penalty * exp2(-elapsed_ms / _half_ms(rule)))


def changed(penalty: int, elapsed_ms: int, rule: FlapPolicy) -> int:
    """The penalty after one more change, ``elapsed_ms`` after the one before."""
    return min(decayed(penalty, elapsed_ms, rule) + ONE, ceiling(rule))


def begins(penalty: int, rule: FlapPolicy) -> bool:
    """Whether so much is flapping: ``transitions`` changes, a little decay between them allowed."""
    return penalty >= _begin(rule)


def stirs(penalty: int, rule: FlapPolicy) -> bool:
    """Whether so much is, or is about to be, flapping: two changes short of it at most.

    A child that is looked at more often, or sooner, begins to flap before what it hangs on does.
    """
    return penalty >= max(_begin(rule) - 2 * ONE, ONE + ONE // 2)


def lasts_ms(penalty: int, rule: FlapPolicy) -> int:
    """How long after the last change the penalty is down to one change."""
    if penalty <= ONE:
        return 0
    return min(ceil(_half_ms(rule) * log2(penalty / ONE)), rule.hold_s * 1000)


def ceiling(rule: FlapPolicy) -> int:
    """What decays to one change within ``hold_s``; always enough to begin at all."""
    halvings = min(rule.hold_s * 1000 / _half_ms(rule), 20.0)
    return max(_begin(rule), round(ONE * exp2(halvings)))


def _begin(rule: FlapPolicy) -> int:
    return rule.transitions * ONE - ONE // 2


def _half_ms(rule: FlapPolicy) -> int:
    return max(1, rule.window_s * 1000)
