"""The World itself: state, timers, counts, desk and receiver under one owner.

Its parts (intake, condition, inhibit, impact, assess) are functions over this one value;
``collector.world.step`` is the only way in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from collector.county import County
from collector.state import AgentState, DeviceState, State
from collector.tally import Tally
from collector.timers import TimerKey, Timers
from escalation.desk import Desk
from escalation.effects import Effect, Record
from escalation.situation import Situation
from transport.delivery import Receiver


class Wave:
    """What is judged again after a change: the changed devices, then all silent ones below.

    ``ahead`` are to be judged yet, in order; ``met`` those that the wave has reached.
    """

    def __init__(self) -> None:
        self.ahead: deque[str] = deque()
        self.met: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self.ahead)

    def begin(self, devices: Iterable[str]) -> None:
        self.ahead = deque(devices)
        self.met = set(self.ahead)


class World:
    """Changed by ``step`` alone, by one task alone. ``dirty`` devices await the next Tick.

    ``newest`` is the configuration in force; while a warning is open that was drafted by other
    rules, ``county`` is its register under those rules (FAULTS F23).

    A Tick leaves what is too much for one (``collector.turn``) in ``dirty``, ``wave`` and
    ``unreviewed``, and since when in ``behind_ms``. ``stale_facts``: only single sites and devices
    are otherwise than at the last assessment, ``stale_verdict``: more than these may be.

    ``covered`` devices stand in an open maintenance window: an index, as the tally is one.
    ``judged`` are the devices and sites that the last Tick looked at again, for whoever shows
    them; ``wishes`` the devices at which an agent is asked to look at once, until the shell takes
    them. Neither is part of the fold.
    """

    def __init__(self, county: County, state: State, desk: Desk, receiver: Receiver) -> None:
        self.county = county
        self.newest = county
        self.state = state
        self.desk = desk
        self.receiver = receiver
        self.timers = Timers()
        self.tally = Tally()
        self.dirty: dict[str, None] = {}
        self.wave = Wave()
        self.unreviewed: dict[str, None] = {}
        self.behind_ms: int | None = None
        self.stale_verdict = True
        self.stale_facts = False
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

    @property
    def behind(self) -> bool:
        """Whether a Tick has left work to the next."""
        return self.behind_ms is not None

    def next_deadline(self) -> int | None:
        """The earliest domain ms at which a Tick has something to do."""
        desk = None if self.state.asking else self.desk.next_deadline()
        waiting = (self.behind_ms, self.timers.next(), desk)
        moments = [moment for moment in waiting if moment is not None]
        return min(moments, default=None)
