"""Whoever speaks to a World when no process does: agents' rows, people's orders, the shell's turns.

A story is told to the very World that a collector runs; only the way there is short. ``heard`` is
given every notice that the desk writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from collector import world as worlds
from collector.base import World
from collector.model import (
    BirthSeen,
    Input,
    OfficeCommand,
    Poison,
    Received,
    Row,
    Tick,
    read_body,
)
from config.register import Person
from drill.people import PEOPLE
from escalation.effects import Effect, EmitNotice
from wire.codec import Refused
from wire.notice import Command, Notice
from wire.observation import Round, StateBody, StateItem
from wire.presence import Birth

OFFICE = "office"
T0 = 1_800_000_000_000
"""Domain ms at which a story that is told to the World alone begins."""

MOST_ITEMS = 4000
NO_NUMBER = (
    b'{"items":[{"t":"reading","device":"d","metric":"m","instance":"","value":NaN,"at_ms":1}]}'
)


@dataclass
class Voices:
    """All that a World hears, numbered as its senders would number it."""

    world: World
    heard: Callable[[Notice], None]
    seqs: dict[str, int] = field(default_factory=dict)
    rounds: int = 0
    resolve: worlds.Resolve | None = None

    def turn(self, now_ms: int, *given: Input) -> list[Effect]:
        """One turn of the shell: the inputs, then its end."""
        effects: list[Effect] = []
        for one in (*given, Tick()):
            effects += worlds.step(self.world, now_ms, one, self.resolve)
        while self.world.behind:  # as the shell does, in slices
            effects += worlds.step(self.world, now_ms, Tick())
        for effect in effects:
            if isinstance(effect, EmitNotice):
                self.heard(effect.notice)
        return effects

    def say(self, agent: str, items: Iterable[StateItem]) -> Iterator[Received]:
        """Rows of an agent's state lane."""
        waiting = iter(items)
        while part := tuple(islice(waiting, MOST_ITEMS)):
            yield Received(Row(agent, "state", 1, self._next(agent)), StateBody(items=part))

    def garbled(self, agent: str) -> Poison:
        """A row whose body says a number that is none: refused, and why (FAULTS F30)."""
        try:
            read_body(NO_NUMBER)
        except Refused as refused:
            return Poison(Row(agent, "state", 1, self._next(agent)), str(refused))
        raise AssertionError("NaN was taken for a number")

    def round(self, now_ms: int, interval_ms: int, looked: int) -> Round:
        """The marker that ends a round of looks."""
        self.rounds += 1
        return Round(
            number=self.rounds,
            interval_ms=interval_ms,
            started_ms=now_ms,
            ended_ms=now_ms,
            looked=looked,
        )

    def birth(
        self, now_ms: int, agent: str, interval_ms: int, devices: Iterable[str], session: int = 1
    ) -> BirthSeen:
        """An agent's process begins to speak."""
        return BirthSeen(
            Birth(
                agent=agent,
                session=session,
                at_ms=now_ms,
                version="0",
                interval_ms=interval_ms,
                inventory_hash="",
                devices=tuple(devices),
                lanes=(),
            )
        )

    def order(self, command: Command) -> OfficeCommand:
        """A person's order, signed with their own key."""
        row = Row(OFFICE, "command", 1, self._next("commands"))
        return OfficeCommand(row, command, person(command.account).key)

    def _next(self, lane: str) -> int:
        self.seqs[lane] = self.seqs.get(lane, 0) + 1
        return self.seqs[lane]


def person(account: str) -> Person:
    """The invented person of that account. StopIteration: there is none."""
    return next(one for one in PEOPLE if one.account == account)
