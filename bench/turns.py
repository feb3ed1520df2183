"""Turns of the World, and the commits that go with them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench import town
from bench.figures import Figure
from bench.ground import scratch
from collector import world as worlds
from collector.io.store import Store
from collector.model import BirthSeen, Input, Received, Row, Started, Tick, read_body
from escalation.effects import Effect
from transport.sign import SigningKey, sign
from wire.notice import Notice, Signed
from wire.observation import Look, Method, Outcome, Round, StateBody, StateItem
from wire.presence import Birth

T0: Final = 1_800_000_000_000
INTERVAL_MS: Final = 30_000


class Pace(NamedTuple):
    """How a World is worked: ``changes`` devices fall silent in each turn of ``turn_ms``.

    Each comes back after ``down`` turns; an outage is raised after 180 s.
    """

    changes: int
    turn_ms: int
    down: int


ONE: Final = Pace(1, 1000, 400)
"""One device in a turn; with the delays of raising and clearing some 280 are raised at any time."""

MANY: Final = Pace(50, 60_000, 7)
"""50 devices in a turn; some 250 are raised at any time."""


class Shift:
    """A World at work: each turn some devices fall silent and as many come back."""

    def __init__(self, devices: int, pace: Pace = ONE, store: Store | None = None) -> None:
        self.pace = pace
        self.county = town.county(devices)
        self.world = worlds.new(self.county, store=1, now_ms=T0)
        self.now = T0
        self.store = store
        self._sign = _signer()
        self._seqs: dict[str, int] = {}
        self._next = 0
        self._down: deque[tuple[int, str]] = deque()
        self._names = [d.id for d in self.county.register.devices if d.parents]
        self._turns = 0
        self.turn([Started(1)])
        for source in self.county.sources:
            self._begin(source)

    def turn(self, given: Sequence[Input]) -> None:
        """Turns of the collector, until nothing is left of these inputs."""
        self.once(given)
        while self.world.behind:
            self.once([])

    def once(self, given: Sequence[Input]) -> list[Effect]:
        """One turn of the collector: every input, the tick, and the commit where there is one."""
        effects: list[Effect] = []
        inputs = [*given, Tick()]
        for one in inputs:
            effects += worlds.step(self.world, self.now, one)
        if self.store is not None:
            self.store.commit(self.now, inputs, effects, self._sign)
        self.world.receiver.committed()
        return effects

    def changes(self) -> list[Input]:
        """The inputs of the next turn."""
        self.now += self.pace.turn_ms
        self._turns += 1
        items: dict[str, list[StateItem]] = {}
        while self._down and self._down[0][0] <= self._turns:
            _, device = self._down.popleft()
            self._say(items, device, Outcome.MEASURED)
        for _ in range(self.pace.changes):
            device = self._names[self._next % len(self._names)]
            self._next += 17  # a prime: one town after another
            self._down.append((self._turns + self.pace.down, device))
            self._say(items, device, Outcome.NO_ANSWER)
        given = [self.row(agent, said) for agent, said in items.items()]
        if self._turns % max(1, INTERVAL_MS // self.pace.turn_ms) == 0:
            given += [self.row(agent, [self._round()]) for agent in self.county.sources]
        return given

    def row(self, agent: str, items: Sequence[StateItem]) -> Input:
        """A row of the agent's state lane as the gate hands it over, its body read from JSON."""
        self._seqs[agent] = self._seqs.get(agent, 0) + 1
        raw = StateBody(items=tuple(items)).model_dump_json().encode()
        return Received(Row(agent, "state", 1, self._seqs[agent]), read_body(raw), raw)

    def _say(self, items: dict[str, list[StateItem]], device: str, outcome: Outcome) -> None:
        own = items.setdefault(self.county.operator_of[device], [])
        own += (self._look(device, method, outcome) for method in Method)

    def _look(self, device: str, method: Method, outcome: Outcome) -> Look:
        now = self.now
        return Look(device=device, method=method, outcome=outcome, since_ms=now, at_ms=now)

    def _round(self) -> Round:
        return Round(
            number=self._turns,
            interval_ms=INTERVAL_MS,
            started_ms=self.now - INTERVAL_MS,
            ended_ms=self.now,
            looked=1,
        )

    def _begin(self, agent: str) -> None:
        """The agent is born and measures everything."""
        own = [name for name, owner in self.county.operator_of.items() if owner == agent]
        birth = Birth(
            agent=agent,
            session=1,
            at_ms=self.now,
            version="1",
            interval_ms=INTERVAL_MS,
            inventory_hash="x",
            devices=tuple(own),
            lanes=(),
        )
        looks = [self._look(name, method, Outcome.MEASURED) for name in own for method in Method]
        rows = [self.row(agent, looks[at : at + 2000]) for at in range(0, len(looks), 2000)]
        self.turn([BirthSeen(birth), *rows, self.row(agent, [self._round()])])


def figures(*, turns: int, rounds: int) -> Iterator[Figure]:
    """Turns per second of CPU at two sizes; turns and rows per second with the commit."""
    with scratch() as folder:
        store = Store.open(folder / "county.db", now_s=lambda: T0 // 1000)
        small, large, many = Shift(1000), Shift(10_000), Shift(10_000, MANY)
        kept = Shift(10_000, store=store)
        for shift in (small, large, many, kept):
            for _ in range(shift.pace.down):
                shift.turn(shift.changes())
        works: dict[str, Callable[[], float]] = {
            "1,000 devices, one changes": lambda: _turns(small, turns, time.process_time),
            "10,000 devices, one changes": lambda: _turns(large, turns, time.process_time),
            "10,000 devices, 50 change": lambda: _turns(many, turns // 20, time.process_time),
            "committed, 10,000 devices, one changes": lambda: _turns(
                kept, turns, time.perf_counter
            ),
            "rows of 10 items, 100 in a commit": lambda: _rows(store, kept, 20),
        }
        found: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(rounds):
            for name, work in works.items():
                found[name].append(work())
        store.close()
    units = ("turns/CPU s", "turns/CPU s", "turns/CPU s", "turns/s", "rows/s")
    parts = ("World", "World", "World", "commit", "commit")
    for (name, made), unit, part in zip(found.items(), units, parts, strict=True):
        yield Figure(part, name, unit, tuple(made))


def _turns(shift: Shift, turns: int, clock: Callable[[], float]) -> float:
    """Turns per second by ``clock``."""
    spent = 0.0
    for _ in range(turns):
        given = shift.changes()
        began = clock()
        shift.turn(given)
        spent += clock() - began
    return turns / spent


def _rows(store: Store, shift: Shift, commits: int) -> float:
    """Input rows per second, on disk (synchronous=FULL), the World left out."""
    device = next(iter(shift.county.devices))
    items = [shift._look(device, Method.ICMP, Outcome.MEASURED)] * 10  # noqa: SLF001  our own
    rows = [shift.row("nobody", items) for _ in range(100)]
    began = time.perf_counter()
    for _ in range(commits):
        store.commit(shift.now, [*rows, Tick()], [], shift._sign)  # noqa: SLF001  as above
    return commits * len(rows) / (time.perf_counter() - began)


def _signer() -> Callable[[Notice], Signed]:
    key = SigningKey("collector", Ed25519PrivateKey.generate())
    return lambda notice: sign(notice, "notice", key)
