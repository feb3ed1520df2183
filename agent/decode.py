"""Profiles to queries, raw values to readings. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from agent.query import Query, SnmpResult
from config.profile import Metric, Profile

Number = float | int | None
"""A reading's value; None: the device does not have it, or it could not be read as a number."""


@dataclass(slots=True, eq=False)
class Rows:
    """Readings of one profile's scalars (``table`` empty, one row, instance "") or of a table.

    ``columns`` has one list per metric with one value per row: scaled numbers, enumerations as
    their integers, counters as raw counts until ``counters.Rates`` makes them rates. ``texts``
    has the text metrics apart, by name. ``complete`` False: the table was read in part
    (``reason``), so that a row not seen may still be there.
    """

    profile: str
    table: str
    metrics: tuple[Metric, ...]
    instances: tuple[str, ...]
    columns: list[list[Number]]
    texts: dict[str, list[str | None]] = field(default_factory=dict)
    complete: bool = True
    reason: str = ""


def compile_query(profiles: Sequence[Profile]) -> Query:
    """One query that asks everything the profiles need, each object once."""
    raise NotImplementedError


def decode(result: SnmpResult) -> list[Rows]:
    """The readings of a measured look, profile by profile: the scalars, then the tables.

    A look that was not measured has none.
    """
    raise NotImplementedError
