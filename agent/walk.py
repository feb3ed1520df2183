"""A table's walk: columns that share an index, read with GETBULK or GETNEXT. Pure.

RFC 3416 section 4.2.3: the variable bindings of a GETBULK reply repeat the requested columns in
turn. Columns may end early, have holes, and agents may answer less than asked, or nonsense; what
was read in part is never called complete.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from agent import ber
from agent.ber import RawValue
from agent.layout import picker
from agent.query import TableValues
from agent.snmp import Message

MAX_ROWS: Final = 20_000
MAX_REQUESTS: Final = 4000
MAX_OCTETS: Final = 8 * 1024 * 1024
"""Of all replies of a walk: what a device makes us hold has a bound."""


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """Where a complete walk's varbinds belong.

    ``order`` has for each cell, row by row, its number among all varbinds of all replies (-1: a
    hole); None when the cells are simply the first ``cells`` varbinds.
    """

    index: tuple[tuple[int, ...], ...]
    cells: int
    order: tuple[int, ...] | None

    def table(self, columns: int, values: Sequence[RawValue], tags: bytes) -> TableValues:
        """The table from all varbinds of its replies."""
        if self.order is None:
            return TableValues(columns, self.index, values[: self.cells], tags[: self.cells])
        take = picker(self.order)
        cells = take((*values, None))  # a hole is what stands last
        return TableValues(columns, self.index, cells, bytes(take((*tags, 0))))


@dataclass(slots=True, eq=False)
class Walk:
    """One walk under way. ``reason`` is set when it stopped before the table's end.

    ``width``: columns that are asked for together (0: all); the others follow when those ended.
    ``after`` and ``most`` as in TableQuery.
    """

    columns: tuple[bytes, ...]
    width: int = 0
    after: tuple[bytes, ...] = ()
    most: int = MAX_ROWS
    active: list[int] = field(default_factory=list)
    cursors: list[bytes] = field(default_factory=list)
    last: list[tuple[int, ...]] = field(default_factory=list)
    values: list[RawValue] = field(default_factory=list)
    tags: bytearray = field(default_factory=bytearray)
    found: dict[tuple[int, ...], list[int]] = field(default_factory=dict)
    requests: int = 0
    octets: int = 0
    reason: str = ""

    def __post_init__(self) -> None:
        self.active = list(range(len(self.columns)))
        self.cursors = list(self.after or self.columns)
        self.last = [()] * len(self.columns)

    @property
    def finished(self) -> bool:
        return not self.active or bool(self.reason)

    @property
    def asked(self) -> list[int]:
        """The columns that the next request is about."""
        return self.active[: self.width] if self.width else self.active

    def oids(self) -> list[bytes]:
        """What to ask after."""
        return [self.cursors[column] for column in self.asked]

    def end_column(self, number: int) -> bool:
        """SNMPv1 noSuchName: the ``number``-th requested column (from 1) has no more rows."""
        self.requests += 1
        if not 1 <= number <= len(self.asked):
            return False
        del self.active[number - 1]
        return True

    def take(self, message: Message) -> None:
        """Go on with a reply that carries no error."""
        self.requests += 1
        if not message.oids:
            self.reason = "empty_reply"
            return
        self.octets += message.stops[-1]
        asked = self.asked
        ended: set[int] = set()
        base = len(self.values)
        self.values += message.values
        self.tags += message.tags
        for number, oid in enumerate(message.oids):
            column = asked[number % len(asked)]
            if column not in ended and not self._cell(column, oid, base + number):
                if self.reason:
                    return
                ended.add(column)
        self.active = [column for column in self.active if column not in ended]
        if self.active and (
            len(self.found) > self.most or self.requests >= MAX_REQUESTS or self.octets > MAX_OCTETS
        ):
            self.reason = "too_large"

    def _cell(self, column: int, oid: bytes, place: int) -> bool:
        """Note one varbind; False when the column has ended or the walk must stop."""
        prefix = self.columns[column]
        if self.tags[place] in ber.ABSENT or not oid.startswith(prefix) or len(oid) == len(prefix):
            return False
        index = ber.arcs(oid[len(prefix) :])
        if index <= self.last[column]:
            self.reason = "not_increasing"
            return False
        self.last[column] = index
        self.cursors[column] = oid
        row = self.found.get(index)
        if row is None:
            row = self.found[index] = [-1] * len(self.columns)
        row[column] = place
        return True

    def shape(self) -> Shape:
        """Where the cells are, rows in the order of their index."""
        index = tuple(sorted(self.found))
        order = tuple(place for key in index for place in self.found[key])
        plain = order == tuple(range(len(order)))
        return Shape(index, len(order), None if plain else order)

    def table(self) -> TableValues:
        """What was read; complete only when every column was walked to its end."""
        table = self.shape().table(len(self.columns), self.values, bytes(self.tags))
        table.complete = not self.active and not self.reason
        table.reason = self.reason
        return table
