"""Which process speaks for an agent: two with one identity are told apart, the second refused.

A process draws a number at its start, its *life*, and says it in birth and presence. A new life
takes over from the one before, as after every restart; but when the former one goes on speaking,
both run (FAULTS F14): the first keeps the identity, the other one is refused and named. A refused
life may have the identity once the holder has been gone for as long as makes a source silent.
"""

from __future__ import annotations

from typing import Final

from collector.base import World
from collector.state import AgentState, Blind, Life
from wire.presence import Alive, Birth

LIVES_KEPT: Final = 8
_WORDS: Final = 2
"""Newer words of a former process that prove that it lives: one may have been under way."""

IDENTITY: Final = "identity"
"""The lane of the acknowledgement that tells a process that it is refused."""


def speaks(world: World, now_ms: int, word: Birth | Alive, *, retained: bool) -> bool:
    """Whether the word is the agent's own; a word of no life always is."""
    agent = word.agent if isinstance(word, Birth) else word.sender
    row, at = world.agent(agent), (word.session, word.at_ms)
    if not word.life:
        return True
    known = row.lives.get(word.life)
    if row.life in {0, word.life}:
        row.life = word.life
        _note(row, word.life, at)
        return True
    if isinstance(word, Alive) and not word.online:
        return False  # the Last Will of a process that is not the agent any more
    if known is None or (known.refused_ms is not None and _gone(world, now_ms, row)):
        row.life = word.life
        row.lives.pop(word.life, None)
        _note(row, word.life, at)
        return True
    if known.refused_ms is None and not retained and at > (known.session, known.at_ms):
        _note(row, word.life, at)
        known.words += 1
        if known.words >= _WORDS:
            _refuse(world, now_ms, agent, word)
            return True
    return False


def refused(world: World, word: Birth | Alive) -> bool:
    """Whether the process that said ``word`` has to be told that it is refused."""
    agent = word.agent if isinstance(word, Birth) else word.sender
    row = world.state.agents.get(agent)
    known = row.lives.get(word.life) if row else None
    online = isinstance(word, Birth) or word.online
    return known is not None and known.refused_ms is not None and online


def refused_lives(row: AgentState) -> list[int]:
    """The processes that are refused now."""
    return [life for life, known in row.lives.items() if known.refused_ms is not None]


def _refuse(world: World, now_ms: int, agent: str, word: Birth | Alive) -> None:
    row = world.agent(agent)
    second = row.lives[row.life]
    second.refused_ms = now_ms
    world.record("cloned", agent=agent, refused=row.life, kept=word.life, at_ms=now_ms)
    row.life = word.life
    row.lives[word.life].words = 0
    row.session = row.born = word.session
    world.stale_verdict = True


def _gone(world: World, now_ms: int, row: AgentState) -> bool:
    away = row.blind in {Blind.SILENT, Blind.OFFLINE}
    return away and now_ms - row.blind_ms >= world.county.silent_after(row.every_ms)


def _note(row: AgentState, life: int, at: tuple[int, int]) -> None:
    known = row.lives.get(life)
    if known is None:
        row.lives[life] = Life(*at)
    elif at > (known.session, known.at_ms):
        known.session, known.at_ms = at
    spare = len(row.lives) - LIVES_KEPT
    if spare > 0:  # those refused longest ago first: a process that was not is to prove itself
        others = sorted(
            (one.refused_ms is None, one.refused_ms or one.at_ms, other)
            for other, one in row.lives.items()
            if other != row.life
        )
        for *_, old in others[:spare]:
            del row.lives[old]
