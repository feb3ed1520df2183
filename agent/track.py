"""What stays of a device's measured looks, and how little of it where only scalars are read. Pure.

A query without tables leaves its counts as octets: when the look was, what sysUpTime said, and
the counts of all its groups, eight octets each (``kept``). Many of these together are one array,
from which a column is a slice. Whatever does not fit into that (a gap, a count that is none,
SNMPv3's engine boots) is kept as ``Rates``, and so are tables.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from struct import Struct
from typing import Final, NamedTuple

from agent import ber
from agent.counters import Bounds, Past, Rates, bounds
from agent.decode import ONE_ROW
from agent.query import Query

NEVER: Final = 2**64 - 1
"""In place of a sysUpTime that nobody asks for."""

HEAD: Final = Struct("=QQ")
WORDS: Final = 2
_UNSIGNED: Final = frozenset(ber.UNSIGNED)
_TAGS_MOST: Final = 1000


class Names(NamedTuple):
    """The rows of a table at the look before: indexes, a mark of their labels, their names."""

    rows: Sequence[tuple[int, ...]]
    mark: int
    instances: tuple[str, ...]


class Track:
    """One device's counters, and the names of its tables' rows; ``query``: of which they are."""

    __slots__ = ("_kept", "bounds", "names", "query")

    def __init__(
        self, gap_s: float = 300.0, least_s: float = 0.0, *, within: Bounds | None = None
    ) -> None:
        self.bounds = within or bounds(gap_s, least_s)
        self.query: Query | None = None
        self.names: tuple[Names, ...] = ()
        self._kept: bytes | Rates | None = None

    def keep_to(self, within: Bounds) -> None:
        """From now on other bounds; what was counted stays."""
        self.bounds = within
        if isinstance(self._kept, Rates):
            self._kept.keep_to(within)

    @property
    def kept(self) -> bytes | None:
        """The counts as octets, where they are kept so."""
        return self._kept if type(self._kept) is bytes else None

    @kept.setter
    def kept(self, octets: bytes) -> None:
        self._kept = octets

    @property
    def rates(self) -> Rates:
        """The counters, for looks that are taken one by one."""
        kept = self._kept
        if not isinstance(kept, Rates):
            rates = Rates(within=self.bounds)
            if kept is not None and self.query is not None:
                rates.know(*_spread(self.query, kept))
            kept = self._kept = rates
        return kept

    def pack(self, query: Query, at_ns: int) -> None:
        """Keep as octets what a complete look at ``query`` left, if that is possible."""
        kept = self._kept
        known = kept.known() if isinstance(kept, Rates) else None
        if known is None:
            return
        timed_ns, uptime, pasts = known
        if query.uptime is None:
            uptime = NEVER
        elif uptime is None or timed_ns != at_ns:
            return
        groups = [group for group in query.groups if group.counts]
        if [past.key for past in pasts] != [group.key for group in groups]:
            return
        words = array("Q", HEAD.pack(at_ns, uptime))
        for past in pasts:
            if past.at_ns != at_ns or not isinstance(past.counts, array):
                return
            words += past.counts
        self._kept, self.query = words.tobytes(), query


class Kind:
    """What looks at one query without tables have in common.

    ``simple``: they can be kept as octets; ``width``: words that are kept of each; ``counts``: some
    are counts; ``offsets``: where each group's begin.
    """

    __slots__ = ("_counts", "_good", "counts", "offsets", "query", "simple", "width")

    def __init__(self, query: Query) -> None:
        self.query = query
        fields = [group.fields[place] for group in query.groups for place in group.places]
        self.simple = not query.tables and not any(
            one.when
            or one.valid
            or one.metric.absent
            or one.metric.magnitude
            or one.precision is not None
            or one.exponent is not None
            for one in fields
        )
        self.width = WORDS
        self.offsets: list[int] = []
        counts: list[int] = [] if query.uptime is None else [query.uptime]
        for group in query.groups:
            self.offsets.append(self.width)
            self.width += len(group.places)
            counts += [group.fields[place].place for place in group.places]
        self.counts = self.width > WORDS
        self._counts = tuple(counts)
        self._good: dict[bytes, bool] = {}

    def good(self, tags: bytes) -> bool:
        """Whether all that is counted of such a reply are unsigned numbers."""
        found = self._good.get(tags)
        if found is None:
            if len(self._good) >= _TAGS_MOST:
                self._good.clear()
            found = self._good[tags] = all(tags[place] in _UNSIGNED for place in self._counts)
        return found


def _spread(query: Query, kept: bytes) -> tuple[int, int | None, tuple[Past, ...]]:
    at_ns, uptime = HEAD.unpack_from(kept)
    words = array("Q", kept)
    pasts, begin = [], WORDS
    for group in query.groups:
        if group.counts:
            past = Past(group.key, group.places)
            end = begin + len(group.places)
            past.at_ns, past.instances = at_ns, ONE_ROW
            past.counts = words[begin:end]
            pasts.append(past)
            begin = end
    return (0, None, tuple(pasts)) if uptime == NEVER else (at_ns, uptime, tuple(pasts))
