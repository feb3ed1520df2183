"""What an engine is asked about one device, and what it brings back. Plain values, no I/O.

OIDs stand here as their BER content octets (``ber.oid_content``), because that is what a reply
is compared with. Times are monotonic nanoseconds. A look object is made once per device and
submitted again at every round: the engine keeps in its ``memory`` what it has learnt about the
device (reply layouts, request sizes, absent objects); ``place`` is the engine's too;
``owner`` is whoever asks, and the engines do not look at it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from agent.usm import User
from config.inventory import SnmpVersion
from config.profile import Metric, Profile
from wire.observation import Outcome

RawValue = int | bytes | None
"""An integer type's number, the content octets of any other type, None: the object is absent."""

NO_TAGS: Final = b""


@dataclass(frozen=True, slots=True)
class Access:
    """How a device is asked: SNMP version and community (RFC 1157, RFC 1901), or user (RFC 3414).

    Version 3 has a ``user`` and no community.
    """

    version: SnmpVersion
    community: bytes = field(default=b"", repr=False)
    user: User | None = None


@dataclass(frozen=True, slots=True)
class TableQuery:
    """Columns that share an index, as OID contents without the index.

    ``after``: begin behind these, one OID per column, and not at the columns' first rows; ``most``
    rows are read, about, and then the table is ``too_large`` (0: as many as a walk ever reads).
    """

    columns: tuple[bytes, ...]
    after: tuple[bytes, ...] = ()
    most: int = 0


@dataclass(frozen=True, slots=True)
class Condition:
    """The value at ``place`` is one of these."""

    place: int
    equals: frozenset[int]


@dataclass(frozen=True, slots=True)
class Field:
    """How a metric is read: from which scalar or column, and what else decides (by place)."""

    metric: Metric
    place: int
    when: tuple[Condition, ...] = ()
    valid: tuple[Condition, ...] = ()
    precision: int | None = None
    exponent: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """One profile's scalars (``number`` -1) or one of its tables (its number in the query).

    ``fields`` are its numbers, ``texts`` its texts; ``label``, ``discontinuity`` and ``speed``
    columns; ``counts``: some are counters, those at ``places``;
    ``key``: profile and table.
    """

    profile: str
    table: str
    number: int
    fields: tuple[Field, ...]
    texts: tuple[Field, ...]
    metrics: tuple[Metric, ...]
    label: int | None = None
    discontinuity: int | None = None
    counts: bool = False
    speed: int | None = None
    key: tuple[str, str] = ("", "")
    places: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """Everything that some profiles ask, each object once; made by ``decode.compile_query``.

    ``uptime`` is the place of sysUpTime among the scalars.
    """

    profiles: tuple[Profile, ...] = ()
    scalars: tuple[bytes, ...] = ()
    tables: tuple[TableQuery, ...] = ()
    groups: tuple[Group, ...] = ()
    uptime: int | None = None


@dataclass(slots=True, eq=False)
class SnmpLook:
    """One device to ask. ``address`` is numeric; ``retries`` is how often a request is repeated."""

    device: str
    address: str
    port: int
    access: Access
    query: Query
    timeout_s: float = 2.0
    retries: int = 1
    memory: Any = field(default=None, repr=False)
    owner: Any = field(default=None, repr=False)
    place: Any = field(default=None, repr=False)


@dataclass(slots=True, eq=False)
class TableValues:
    """A table as it was read: cells row by row, ``len(index) * columns`` of them.

    ``index`` has each row's index as its sub-identifiers; ``tags`` the BER tag of each cell (0:
    hole). ``complete`` is False when the walk stopped early, and ``reason`` says why: ``timeout``,
    ``not_increasing``, ``too_large``, an SNMP error's name …
    """

    columns: int
    index: Sequence[tuple[int, ...]] = ()
    cells: Sequence[RawValue] = ()
    tags: bytes = NO_TAGS
    complete: bool = True
    reason: str = ""


@dataclass(slots=True, eq=False)
class SnmpResult:
    """What came of one SnmpLook.

    ``measured``: the device answered; ``complete`` is False when some request of the look was not
    answered or refused, and then ``reason`` says why. ``scalars`` has one value per scalar of the
    query, ``tags`` the BER tag of each (0: not read). ``no_answer``: reason ``timeout``,
    ``port_unreachable``, ``host_unreachable`` … ``refused``: the SNMP error's name.
    ``could_not_look``: our own fault (``no_socket``, ``network_unreachable``, ``not_permitted``,
    ``receive_overflow``, ``closed``); it says nothing about the device. ``rtt_ns`` is the first
    request's round trip, None when it had to be repeated. ``repeats``: requests sent again
    because nothing came in time. ``boots``: engine id and snmpEngineBoots of a device that speaks
    version 3. ``took_ns``: from the first packet to the end; 0: not known.
    """

    look: SnmpLook
    outcome: Outcome
    reason: str = ""
    detail: str = ""
    at_ns: int = 0
    rtt_ns: int | None = None
    complete: bool = True
    scalars: Sequence[RawValue] = ()
    tags: bytes = NO_TAGS
    tables: Sequence[TableValues] = ()
    requests: int = 0
    repeats: int = 0
    boots: tuple[bytes, int] | None = None
    took_ns: int = 0

    @property
    def loss(self) -> float:
        """The share of requests that had to be sent again; 0 when there was none."""
        return self.repeats / self.requests if self.requests else 0.0


@dataclass(slots=True, eq=False)
class IcmpLook:
    """One address to send ``count`` echo requests to, ``interval_s`` apart."""

    device: str
    address: str
    count: int = 3
    interval_s: float = 0.2
    timeout_s: float = 1.0
    memory: Any = field(default=None, repr=False)
    owner: Any = field(default=None, repr=False)
    place: Any = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class IcmpEvidence:
    """An ICMP error about our echo: its word, who sent it, how often."""

    kind: str
    router: str
    count: int


@dataclass(slots=True, eq=False)
class IcmpResult:
    """What came of one IcmpLook.

    ``measured``: at least one echo came back. ``no_answer``: none did; reason ``timeout`` or the
    ICMP error's word (``host_unreachable``, ``ttl_exceeded``, ``prohibited`` …). ``refused`` does
    not occur. ``could_not_look``: ``no_permission``, ``no_socket``, ``network_unreachable`` …;
    nothing was sent. ``rtts_ns`` has the round trips of the answered echoes, in sending order.
    """

    look: IcmpLook
    outcome: Outcome
    reason: str = ""
    detail: str = ""
    at_ns: int = 0
    sent: int = 0
    rtts_ns: Sequence[int] = ()
    errors: Sequence[IcmpEvidence] = ()

    @property
    def received(self) -> int:
        return len(self.rtts_ns)

    @property
    def loss(self) -> float | None:
        """The share of echoes sent that were not answered.

        None when none was sent, or when it was we who could not look to the end.
        """
        if not self.sent or self.outcome is Outcome.COULD_NOT_LOOK:
            return None
        return 1 - len(self.rtts_ns) / self.sent

    @property
    def median_ns(self) -> int | None:
        ordered = sorted(self.rtts_ns)
        half = len(ordered) // 2
        return (ordered[half] + ordered[~half]) // 2 if ordered else None

    @property
    def p95_ns(self) -> int | None:
        """The 95th percentile by nearest rank: of less than 20 answers the longest."""
        ordered = sorted(self.rtts_ns)
        return ordered[-(-95 * len(ordered) // 100) - 1] if ordered else None

    @property
    def jitter_ns(self) -> int | None:
        """The mean difference of successive round trips; None with fewer than two."""
        rtts = self.rtts_ns
        if len(rtts) < 2:
            return None
        return sum(abs(b - a) for a, b in pairwise(rtts)) // (len(rtts) - 1)

    @property
    def mean_ns(self) -> int | None:
        return sum(self.rtts_ns) // len(self.rtts_ns) if self.rtts_ns else None
