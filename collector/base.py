"""The World itself: state, timers, counts, desk and receiver under one owner.

Its parts (intake, condition, inhibit, impact, assess) are functions over this one value;
``collector.world.step`` is the only way in.
"""

from __future__ import annotations

from typing import Any

from collector.county import County
from collector.state import AgentState, DeviceState, State
from collector.tally import Tally
from collector.timers import TimerKey, Timers
from escalation.desk import Desk
from escalation.effects import Effect, Record
from escalation.situation import Situation
from transport.delivery import Receiver


class World:
    """Changed by ``step`` alone, by one task alone. ``dirty`` devices await the next Tick.

    ``judged`` are the devices and sites that the last Tick looked at again, for whoever shows
    them; ``wishes`` the devices at which an agent is asked to look at once, until the shell takes
    them. Neither is part of the fold.
    """

    def __init__(self, county: County, state: State, desk: Desk, receiver: Receiver) -> None:
        self.county = county
        self.state = state
        self.desk = desk
        self.receiver = receiver
        self.timers = Timers()
        self.tally = Tally()
        self.dirty: dict[str, None] = {}
        self.stale_verdict = True
        self.situation: Situation | None = None
        self.effects: list[Effect] = []
        self.judged: dict[str, None] = {}
        self.covered: set[str] = set()
        self.wishes: dict[str, None] = {}

    def device(self, device: str) -> DeviceState:
        """The device's row, made when it is first spoken of."""
        row = self.state.devices.get(device)
        if row is None:
            row = self.state.devices[device] = DeviceState()
        return row

    def agent(self, agent: str) -> AgentState:
        return self.state.agents[agent]

    def record(self, kind: str, **data: Any) -> None:
        """Append to the decision journal."""
        self.effects.append(Record(kind, data))

    def arm(self, due_ms: int | None, kind: str, a: str = "", b: str = "", c: str = "") -> None:
        self.timers.set(TimerKey(kind, a, b, c), due_ms)

    def next_deadline(self) -> int | None:
        """The earliest domain ms at which a Tick has something to do."""
        moments = [m for m in (self.timers.next(), self.desk.next_deadline()) if m is not None]
        return min(moments, default=None)
