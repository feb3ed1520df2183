"""A device's history as the columns of a chart: one grid of stamps, a value or none in each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from collector.base import World
from collector.web.source import SERIES_POINTS, Line, Series
from collector.web.worldview import natural
from config.profile import Metric, MetricType

ECHO: Final = (("rtt_ms", "ms"), ("loss", "1"))
"""What the ICMP engine measures of every device, with units."""

SAID: Final = frozenset({MetricType.TEXT, MetricType.TICKS})
"""Types that make no line."""

PER_ROW: Final = 2
"""Numbers of one row of a table: an interface's in and out."""

MOST_LINES: Final = 12
MOST_ASKED: Final = 40
"""Lines the history is asked for at most: bounded work for one page."""

MIN_STEP_MS: Final = 1000


class Values(Protocol):
    """Where samples are."""

    async def series(
        self, device: str, metric: str, instance: str, from_ms: int, to_ms: int
    ) -> list[tuple[int, float]]:
        """The values in [from_ms, to_ms], oldest first."""
        ...


async def lines(world: World, history: Values, device: str, spoken: tuple[int, int]) -> Series:
    """The echo's lines, then those of the device's watched readings. Raises HistoryDown."""
    from_ms, to_ms = spoken
    step = step_ms(world, device, to_ms - from_ms)
    grid = tuple(range(from_ms - from_ms % step, to_ms + 1, step))
    found: list[Line] = []
    for metric, instance, unit in _wanted(world, device):
        if len(found) == MOST_LINES:
            break
        points = await history.series(device, metric, instance, from_ms, to_ms)
        if points:
            found.append(Line(metric, instance, unit, spread(points, grid, step)))
    return Series(grid, tuple(found)) if found else Series()


def _wanted(world: World, device: str) -> list[tuple[str, str, str]]:
    """Metric, instance and unit of what may have been measured, the telling ones first.

    Which profiles a device is asked is its agent's knowledge; the watched readings tell: where one
    column of a table came from, the table's other numbers came too.
    """
    row = world.state.devices.get(device)
    watched: dict[str, dict[str, None]] = {}
    for key in row.readings if row else ():
        metric, _, instance = key.partition("|")
        watched.setdefault(metric, {})[instance] = None
    wanted = [(metric, "", unit) for metric, unit in ECHO]
    states: list[tuple[str, str, str]] = []
    for metrics, many in _groups(world, frozenset(watched)):
        rows = dict.fromkeys(one for m in metrics for one in watched.get(m.name, ()))
        numbers = [m for m in metrics if m.type not in {*SAID, MetricType.ENUM}]
        words = [m for m in metrics if m.type is MetricType.ENUM]
        for row_name in sorted(rows, key=natural) if many else [""]:
            some = numbers[:PER_ROW] if many else numbers
            wanted += [(m.name, row_name, m.unit) for m in some]
            states += [(m.name, row_name, m.unit) for m in words]
    return list(dict.fromkeys([*wanted, *states]))[:MOST_ASKED]


def _groups(world: World, watched: frozenset[str]) -> Iterator[tuple[tuple[Metric, ...], bool]]:
    """Scalars and tables (True) of the profiles that a device with these readings is asked."""
    for profile in world.county.bundle.profiles:
        groups = [(profile.scalars, False), *((table.columns, True) for table in profile.tables)]
        if any(metric.name in watched for metrics, _ in groups for metric in metrics):
            yield from groups


def step_ms(world: World, device: str, span_ms: int) -> int:
    """The grid's step: not so fine that a steady line has holes between its own polls."""
    row = world.state.devices.get(device)
    intervals = [
        world.state.agents[agent].interval_ms
        for agent in (row.views if row else ())
        if agent in world.state.agents
    ]
    own = round(max(intervals, default=0) * world.county.bundle.scale * 1.5)
    return max(MIN_STEP_MS, own, -(-span_ms // (SERIES_POINTS - 1)))


def spread(
    points: Sequence[tuple[int, float]], grid: Sequence[int], step: int
) -> tuple[float | None, ...]:
    """The points on the grid; of several in one step the one farthest from the mean is kept."""
    mean = sum(value for _, value in points) / len(points)
    held: list[float | None] = [None] * len(grid)
    for at_ms, value in points:
        place = (at_ms - grid[0]) // step
        if not 0 <= place < len(held):
            continue
        now = held[place]
        if now is None or abs(value - mean) > abs(now - mean):
            held[place] = value
    return tuple(held)
