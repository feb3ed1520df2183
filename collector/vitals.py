"""What an agent's presence says beside that it is there: its clock, its disk, its lanes."""

from __future__ import annotations

from typing import Final

from collector.base import World
from collector.state import AgentState, LaneMark
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


def watermarks(world: World, now_ms: int, word: Alive) -> None:
    """How far the agent's lanes came: heard, but stuck, is not well (FAULTS F26).

    A lane is stuck when rows wait in it and none was acknowledged, in one session, for as long as
    makes a source silent. That it is so, and that it is over, is written down.
    """
    row, limit_ms = world.agent(word.sender), world.county.silent_after(word.every_ms)
    before, row.lanes = row.lanes, {}
    for lane in word.lanes:
        mark = LaneMark(word.session, lane.epoch, lane.last_seq, lane.acked_seq, now_ms)
        old = before.get(lane.lane)
        if old is not None and old.waiting and _place(old) == _place(mark):
            mark.since_ms = old.since_ms
        mark.stuck = mark.waiting > 0 and now_ms - mark.since_ms >= limit_ms
        row.lanes[lane.lane] = mark
    now = stuck(row)
    if now != sorted(name for name, mark in before.items() if mark.stuck):
        waiting = {name: row.lanes[name].waiting for name in now}
        world.record("stuck", agent=word.sender, lanes=waiting, at_ms=now_ms)


def stuck(row: AgentState) -> list[str]:
    """The lanes of an agent in which rows wait and nothing is acknowledged."""
    return sorted(name for name, mark in row.lanes.items() if mark.stuck)


def _place(mark: LaneMark) -> tuple[int, int, int]:
    return mark.session, mark.epoch, mark.acked


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
