"""Cost follows what changed: a change in counties of three sizes; and a county that goes dark.

The blackout is worked as the collector works it: rows in bounded batches, a Tick, its commit on
disk, again at once while a Tick leaves a rest, a picture when one is due. What a turn takes is how
long the loop is held up.
"""

from __future__ import annotations

import gc
import random
import resource
import time
from collections.abc import Iterator
from typing import Final, NamedTuple

from bench.figures import Figure, Target, ratio
from bench.ground import scratch
from bench.turns import INTERVAL_MS, MANY, ONE, T0, Shift
from collector.app import BATCH_OCTETS, COLLECTIONS
from collector.io import copied
from collector.io.store import Store
from collector.model import Input, Received
from collector.state import Status
from escalation.effects import EmitNotice
from wire.observation import Outcome, StateItem

SIZES: Final = (1_000, 10_000, 100_000)
QUICK: Final = (1_000, 10_000)
ARRIVE_S: Final = 60
HOLD_S: Final = 180
AFTER_S: Final = 120
"""How long the blackout is followed after the last hold."""

PART: Final = "cost of a change"


class Told(NamedTuple):
    at_s: float
    kind: str
    devices: int


def figures(*, sizes: tuple[int, ...], turns: int, rounds: int) -> Iterator[Figure]:
    gc.collect()
    before = gc.get_threshold()
    gc.set_threshold(*COLLECTIONS)
    yield from _changes(sizes, turns, rounds)
    yield from _many(turns // 10, rounds)
    yield from Blackout(sizes[-1]).figures()
    gc.set_threshold(*before)


def _changes(sizes: tuple[int, ...], turns: int, rounds: int) -> Iterator[Figure]:
    """CPU of a turn in which one device changes, at each size, taken in turn."""
    shifts = {size: _warm(Shift(size)) for size in sizes}
    found: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(rounds):
        for size, shift in shifts.items():
            found[size].append(_cpu_us(shift, turns))
    made = [Figure(PART, f"{s:,} devices", "CPU µs", tuple(r)) for s, r in found.items()]
    yield from made
    for other in made[1:]:
        yield ratio(other, made[0], Target(2.0))


def _many(turns: int, rounds: int) -> Iterator[Figure]:
    """Each device that falls silent and comes back moves its alarm four times."""
    shift = _warm(Shift(10_000, MANY))
    moves = 4 * MANY.changes
    each = tuple(moves * 1e6 / _cpu_us(shift, turns) for _ in range(rounds))
    yield Figure(
        "World", "condition changes, 10,000 devices", "/CPU s", each, Target(20_000, at_least=True)
    )


def _warm(shift: Shift) -> Shift:
    for _ in range(shift.pace.down):
        shift.turn(shift.changes())
    gc.collect()
    gc.freeze()
    return shift


def _cpu_us(shift: Shift, turns: int) -> float:
    spent = 0.0
    for _ in range(turns):
        given = shift.changes()
        began = time.process_time()
        shift.turn(given)
        spent += time.process_time() - began
    return spent / turns * 1e6


class Blackout:
    """All devices fall silent within a minute, in any order."""

    def __init__(self, devices: int) -> None:
        self._devices = devices
        self._held: list[float] = []
        self._cpu: list[float] = []
        self._told: list[Told] = []
        self._start = T0

    def figures(self) -> Iterator[Figure]:
        with scratch() as folder:
            path = folder / "county.db"
            store = Store.open(path, now_s=lambda: T0 // 1000)
            shift = Shift(self._devices, ONE, store)
            gc.collect()
            gc.freeze()
            self._start, spent = shift.now, time.process_time()
            self._arrive(shift)
            self._wait(shift)
            spent = time.process_time() - spent
            began = time.perf_counter()
            file = path.with_name("picture.part")
            child = copied.begin(shift.world, file)
            forked = (time.perf_counter() - began) * 1000
            copied.finish(child, file, path, store.mark())
            store.close()
        yield from self._figures(shift, spent, forked)

    def _figures(self, shift: Shift, spent: float, forked: float) -> Iterator[Figure]:
        part = f"{self._devices:,} devices dark in {ARRIVE_S} s"
        words = [row.status for row in shift.world.state.devices.values()]
        right = sum(word in {Status.DOWN, Status.HIDDEN} for word in words)
        first = next(told for told in self._told if told.kind == "incident")
        early = [told for told in self._told if told.at_s <= HOLD_S + ARRIVE_S]
        notes = "; ".join(f"{t.at_s:.0f} s {t.kind} ({t.devices} devices)" for t in self._told)
        held = sorted(self._held)
        yield Figure(part, "first notice after the hold", "s", (first.at_s - HOLD_S,), Target(10))
        yield Figure(
            part, "incident notices by the last hold", "",
            (sum(told.kind == "incident" for told in early),), Target(1), notes,
        )  # fmt: skip
        wrong = f"{words.count(Status.DOWN)} down, {words.count(Status.HIDDEN)} hidden behind them"
        yield Figure(part, "wrong states", "", (len(words) - right,), Target(0), wrong)
        yield Figure(part, "longest turn, commit included", "ms", (held[-1],), Target(100))
        yield Figure(part, "longest turn, its CPU alone", "ms", (max(self._cpu),), Target(100))
        yield Figure(part, "99th percentile of turns", "ms", (held[-(len(held) // 100) - 1],))
        yield Figure(part, "loop held up by a picture", "ms", (forked,), Target(100))
        yield Figure(part, "all of it", "CPU s", (spent,), None, f"{len(held)} turns")
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        yield Figure(part, "memory, with what sends", "MB", (memory,), Target(1024))

    def _arrive(self, shift: Shift) -> None:
        names = list(shift.county.operator_of)
        random.Random(1).shuffle(names)
        each = -(-len(names) // ARRIVE_S)
        for second in range(ARRIVE_S):
            shift.now = self._start + second * 1000
            items: dict[str, list[StateItem]] = {}
            for name in names[second * each : (second + 1) * each]:
                shift._say(items, name, Outcome.NO_ANSWER)  # noqa: SLF001  our own
            rows = [
                shift.row(agent, said[at : at + 500])
                for agent, said in items.items()
                for at in range(0, len(said), 500)
            ]
            for batch in _batches(rows):
                self._turn(shift, batch)
            self._rounds(shift, second)

    def _wait(self, shift: Shift) -> None:
        for second in range(ARRIVE_S, ARRIVE_S + HOLD_S + AFTER_S):
            shift.now = self._start + second * 1000
            self._rounds(shift, second)
            while (due := shift.world.next_deadline()) is not None and due <= shift.now:
                self._turn(shift, [])

    def _rounds(self, shift: Shift, second: int) -> None:
        every = INTERVAL_MS // 1000
        if second % every == every - 1:
            shift._turns += 1  # noqa: SLF001  our own
            rounds = [shift.row(a, [shift._round()]) for a in shift.county.sources]  # noqa: SLF001
            self._turn(shift, rounds)

    def _turn(self, shift: Shift, given: list[Input]) -> None:
        began, cpu = time.perf_counter(), time.process_time()
        effects = shift.once(given)
        self._cpu.append((time.process_time() - cpu) * 1000)
        self._held.append((time.perf_counter() - began) * 1000)
        for effect in effects:
            if isinstance(effect, EmitNotice):
                one = effect.notice
                at_s = (shift.now - self._start) / 1000
                self._told.append(Told(at_s, one.notice_kind.value, len(one.devices)))


def _batches(rows: list[Input]) -> Iterator[list[Input]]:
    """As the collector takes them: until there are octets enough."""
    batch: list[Input] = []
    octets = 0
    for row in rows:
        batch.append(row)
        octets += len(row.raw) if isinstance(row, Received) else 0
        if octets >= BATCH_OCTETS:
            yield batch
            batch, octets = [], 0
    if batch:
        yield batch
