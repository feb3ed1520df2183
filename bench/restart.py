"""What a collector's start costs until it is ready, with a million inputs in its store."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.figures import Figure, Target
from bench.ground import scratch
from bench.turns import T0, Shift
from collector.app import SNAPSHOT_EVERY
from collector.io.pictures import SNAPSHOT_WORK, work
from collector.io.store import Store
from collector.model import Tick

PART: Final = "restart"
DEVICES: Final = 10_000
_ROWS: Final = 100
"""Rows in a turn of the past that is only on disk."""


def figures(*, inputs: int, rounds: int) -> Iterator[Figure]:
    """CPU seconds of opening, checking and folding a store whose next snapshot is almost due."""
    with scratch() as folder:
        path = folder / "county.db"
        began = time.perf_counter()
        size = _fill(path, inputs)
        made = time.perf_counter() - began
        took, folded = [], 0
        for _ in range(rounds):
            began = time.process_time()
            store = Store.open(path, now_s=lambda: T0 // 1000)
            folded = store.restore().replayed
            took.append(time.process_time() - began)
            store.close()
    yield Figure(
        PART,
        f"{inputs:,} inputs, {DEVICES:,} devices: until ready",
        "CPU s",
        tuple(took),
        Target(5.0),
        f"{size / 1e6:,.0f} MB; {folded:,} inputs folded after the snapshot; made in {made:.0f} s",
    )


def _fill(path: Path, inputs: int) -> int:
    """A store of so many inputs, a snapshot wherever a collector takes one; its size in octets.

    Most of the past is rows that were applied long ago: they only have to be there. What is
    folded at a restart, everything after the last snapshot, is real turns.
    """
    store = Store.open(path, now_s=lambda: T0 // 1000)
    shift = Shift(DEVICES, store=store)
    store.keep(shift.county, T0)
    store.snapshot(shift.world, shift.now)
    for _ in range(shift.pace.down):
        shift.turn(shift.changes())
    given = shift.changes()
    while store.last_input < inputs - SNAPSHOT_EVERY:
        store.commit(shift.now, [*given[:1] * _ROWS, Tick()], [], shift._sign)  # noqa: SLF001  ours
        if store.last_input - store.last_snapshot >= SNAPSHOT_EVERY:
            store.snapshot(shift.world, shift.now)
    store.snapshot(shift.world, shift.now)
    spent = 0
    while spent < SNAPSHOT_WORK and store.last_input - store.last_snapshot < SNAPSHOT_EVERY:
        shift.turn(given)
        spent += work([*given, Tick()])
        given = shift.changes()
    store.close()
    return path.stat().st_size
