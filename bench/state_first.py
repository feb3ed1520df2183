"""FAULTS F8: how long after CONNACK the collector knows how everything stands.

Real processes on both sides of a link that ``tc tbf`` narrows, with a backlog of six hours waiting
in the outbox. Needs root. ``python -m bench.state_first``
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.agent.narrow import Narrow
from tests.agent.narrow_world import WATCHED

CASES = ((1_000, "64kbit"), (10_000, "1mbit"))
GOAL_S = 3.0


class Figure(NamedTuple):
    """Seconds after CONNACK: abnormal devices, all, their values, the first row of history."""

    devices: int
    rate: str
    backlog_bytes: int
    abnormal_s: float
    all_s: float
    values_s: float
    history_s: float


def measure(devices: int, rate: str) -> Figure:
    """One run."""
    abnormal = sum(number % 50 == 0 for number in range(devices))
    with tempfile.TemporaryDirectory() as folder, Narrow(Path(folder), devices, rate) as narrow:
        narrow.start()
        waiting = narrow.until("ready", "send")["bytes"]
        begun = narrow.until("connack", "send")["at"]
        known, first, everything = 0, 0.0, 0.0
        while known < devices + abnormal:
            row = narrow.until("row", "hear")
            known += row["known"]
            if not first and known >= abnormal:
                first = row["at"]
            everything = row["at"]
        values = row["values"]
        while values < devices * len(WATCHED):
            row = narrow.until("row", "hear")
            values += row["values"]
        valued = row["at"]
        history = narrow.until("row", "hear", lane="history")["at"]
    moments = (first, everything, valued, history)
    return Figure(devices, rate, waiting, *(moment - begun for moment in moments))


def main() -> None:
    for devices, rate in CASES:
        found = measure(devices, rate)
        verdict = "met" if found.all_s <= GOAL_S else "missed"
        print(
            f"{found.devices:>6} devices on {found.rate:>6}, {found.backlog_bytes / 1e6:.1f} MB"
            f" waiting: abnormal {found.abnormal_s:.2f} s, all {found.all_s:.2f} s"
            f" (goal {GOAL_S:.0f} s: {verdict}),"
            f" {len(WATCHED)} values of each {found.values_s:.2f} s,"
            f" history from {found.history_s:.2f} s"
        )


if __name__ == "__main__":
    main()
