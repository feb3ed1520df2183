"""A device walked whole: subtree after subtree, in looks that each read so many rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from agent import ber
from agent.io.snmp import SnmpEngine
from agent.query import Query, SnmpLook, SnmpResult, TableQuery
from agent.snmp import Varbind
from wire.observation import Outcome

CHUNK: Final = 500
"""Objects that one look reads, about: how often progress is told."""
GOES_ON: Final = "too_large"
"""The reason of a table that has more rows than were asked for."""


@dataclass(slots=True)
class Walked:
    """What was read so far; ``short`` are the subtrees that were not read to their end, and why."""

    objects: list[Varbind] = field(default_factory=list)
    short: list[tuple[str, str]] = field(default_factory=list)


async def record(
    engine: SnmpEngine,
    look_for: Callable[[Query], SnmpLook],
    subtrees: Sequence[str],
    walked: Walked,
    told: Callable[[int], None],
    most: int,
) -> None:
    """Read ``subtrees`` into ``walked``, ``most`` objects at most; ``told`` gets their number.

    The engine is started and closed by the caller. After a subtree that got no answer at all the
    rest is not asked.
    """
    for number, subtree in enumerate(subtrees):
        prefix, after, reason = ber.oid_content(subtree), b"", GOES_ON
        while reason == GOES_ON:
            if len(walked.objects) >= most:
                reason = "limit"
                break
            result = await engine.look(look_for(_part(prefix, after)))
            reason, found = _read(result, prefix)
            walked.objects += found
            told(len(walked.objects))
            if reason == GOES_ON and not found:
                reason = "not_increasing"
            after = found[-1].oid if found else after
        if reason:
            walked.short.append((subtree, reason))
        if reason in ("limit", "timeout") or (reason and result.outcome is not Outcome.MEASURED):
            walked.short += [(rest, "not_asked") for rest in subtrees[number + 1 :]]
            return


def _part(prefix: bytes, after: bytes) -> Query:
    table = TableQuery((prefix,), (after,) if after else (), CHUNK)
    return Query(tables=(table,))


def _read(result: SnmpResult, prefix: bytes) -> tuple[str, list[Varbind]]:
    """Why the walk stopped (empty: at the subtree's end), and what it read."""
    if not result.tables:
        return result.reason or result.outcome.value, []
    table = result.tables[0]
    found = [
        Varbind(prefix + ber.encode_arcs(index), tag, cell)
        for index, tag, cell in zip(table.index, table.tags, table.cells, strict=True)
    ]
    return "" if table.complete else table.reason or result.reason, found
