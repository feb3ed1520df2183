"""What an agent's presence says beside that it is there: its clock, and how its disk fares."""

from __future__ import annotations

from typing import Final

from collector.base import World
from wire.presence import Alive

CLOCK_OFF_S: Final = 10
"""A clock that is further off is named as wrong; less may be the way of the word."""


def clocked(world: World, now_ms: int, agent: str, at_ms: int) -> None:
    """How far the agent's clock is from ours, by a word that has just come: shown, not trusted."""
    row = world.agent(agent)
    row.skew_ms = at_ms - now_ms
    off = abs(row.skew_ms) > world.county.real_ms(CLOCK_OFF_S)
    if off is not row.clock_off:
        row.clock_off = off
        word = "off" if off else "right"
        world.record("clock", agent=agent, word=word, skew_ms=row.skew_ms, at_ms=now_ms)


def pressed(world: World, now_ms: int, word: Alive) -> None:
    """The agent's outbox gives up samples, or nothing fits its disk any more (FAULTS F10)."""
    row = world.agent(word.sender)
    thinning = word.given_up > (row.given_up if word.given_up >= row.given_up else 0)
    row.given_up = word.given_up
    if (thinning, word.no_space) == (row.thinning, row.no_space):
        return
    row.thinning, row.no_space = thinning, word.no_space
    world.record(
        "outbox",
        agent=word.sender,
        thinning=thinning,
        no_space=word.no_space,
        given_up=word.given_up,
        at_ms=now_ms,
    )
