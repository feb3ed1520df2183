"""The usual look made cheap: requests that are known, replies that look as remembered. Pure.

``Quick``: some scalars, one request. Devices of one query and one access share it; a device itself
keeps no more than the ``Layout`` of its replies (in its look's ``memory``), which equal devices
share too. ``Course``: all requests of a look at a device whose ``Memory`` knows them, tables too.
Whatever is not usual (an error, an absent object, objects in another order, a table that has
changed, version 3) is for a ``Conversation``: it sends the same requests, is told what was heard
so far, and takes a reply that was not taken here.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Final

from agent import ber, snmp
from agent.ber import RawValue
from agent.conversation import Conversation
from agent.layout import Layout
from agent.memory import LAYOUTS, Memory, Shared, Step
from agent.query import Access, Query, SnmpLook, TableValues
from agent.snmp import Stray
from config.inventory import SnmpVersion

Found = tuple[Sequence[RawValue], bytes, Sequence[TableValues]]
"""The values and tags of a look's scalars, and its tables."""

MORE: Final[Found] = ((), b"", ())
"""That a reply was as remembered and the next request is to be sent."""


class Quick:
    """The one request of a query and an access; ``reply_octets`` is its largest reply so far."""

    __slots__ = ("_shared", "access", "community", "oids", "query", "reply_octets", "template",
                 "version")  # fmt: skip

    def __init__(self, query: Query, access: Access, shared: Shared) -> None:
        self.query = query
        self.access = access
        self.oids = list(query.scalars)
        self.template = shared.template(access, query.scalars, 0)
        self.version = snmp.V1 if access.version is SnmpVersion.V1 else snmp.V2C
        self.community = access.community
        self.reply_octets = 512
        self._shared = shared

    def take(self, look: SnmpLook, data: bytes, number: bytes) -> Found | None:
        """What a reply that looks as remembered says, else None. ``number``: the request id."""
        memory = look.memory
        if type(memory) is Layout:
            if memory.split.size == len(data):
                values = memory.match(data, number)
                if values is not None:
                    return values, memory.tags, ()
        elif memory is not None:
            for layout in memory:
                if layout.split.size == len(data):
                    values = layout.match(data, number)
                    if values is not None:
                        return values, layout.tags, ()
        return None

    def strictly(self, look: SnmpLook, data: bytes, request_id: int) -> Found | None:
        """What any usual reply says; None when it is for a conversation.

        Raises BerError (malformed) or Stray (answers something else).
        """
        message = snmp.decode_message(data)
        if (
            message.pdu != snmp.RESPONSE
            or message.request_id != request_id
            or message.version != self.version
            or message.community != self.community
        ):
            raise Stray
        tags = bytes(message.tags)
        if message.status or message.oids != self.oids or not ber.ABSENT.isdisjoint(tags):
            return None
        self.reply_octets = max(self.reply_octets, len(data))
        layout = self._shared.layouts.learn(message, data)
        if layout is not None:
            look.memory = _with(look.memory, layout)
        return message.values, tags, ()


def _with(
    memory: Layout | tuple[Layout, ...] | None, layout: Layout
) -> Layout | tuple[Layout, ...]:
    """The layouts of a look's replies and another one, one for each size."""
    known = memory if isinstance(memory, tuple) else (memory,) if memory else ()
    kept = tuple(one for one in known if one.split.size != layout.split.size)
    return (*kept[-LAYOUTS + 1 :], layout) if kept else layout


_Heard = tuple[bytes, bytes, tuple[RawValue, ...], bytes]
"""A reply with its request id, values and tags."""


class Course:
    """One look whose requests are all known; ``template`` is the one to send now."""

    __slots__ = ("_heard", "_steps", "memory", "template")

    def __init__(self, memory: Memory, steps: list[Step]) -> None:
        self.memory = memory
        self._steps = steps
        self._heard: tuple[_Heard, ...] = ()
        self.template = steps[0].template

    @property
    def reply_octets(self) -> int:
        return self.memory.reply_octets

    def take(self, _: SnmpLook, data: bytes, number: bytes) -> Found | None:
        """What the look's replies say, after the last; MORE, or None when this one is unusual."""
        heard, steps = self._heard, self._steps
        layout = steps[len(heard)].layouts.get(len(data))
        values = None if layout is None else layout.match(data, number)
        if layout is None or values is None:
            return None
        heard = (*heard, (data, number, values, layout.tags))
        if len(heard) == len(steps):
            return self._found(heard)
        self._heard = heard
        self.template = steps[len(heard)].template
        return MORE

    def conversation(self, look: SnmpLook, shared: Shared) -> Conversation:
        """The conversation that goes on from here: it is told the replies so far."""
        talk = Conversation(look, shared, self.memory)
        for data, number, _, _ in self._heard:
            talk.take(data, int.from_bytes(number))
        return talk

    def _found(self, heard: tuple[_Heard, ...]) -> Found | None:
        """What all replies say; None when not even sysUpTime is among it."""
        memory = self.memory
        at = len(memory.steps)
        scalars, tags = _joined(heard[:at]) if at else ((), b"")
        uptime = memory.query.uptime
        if uptime is not None and tags[uptime] in ber.ABSENT:
            return None
        tables = []
        for query, table in zip(memory.query.tables, memory.tables, strict=True):
            assert table.shape is not None
            first, at = at, at + len(table.steps)
            tables.append(table.shape.table(len(query.columns), *_joined(heard[first:at])))
        for table in memory.tables:
            table.doubts = 0
            table.calm += 1
        return scalars, tags, tables


def _joined(heard: tuple[_Heard, ...]) -> tuple[tuple[RawValue, ...], bytes]:
    """The values and tags of some replies."""
    if len(heard) == 1:
        return heard[0][2:]
    values = chain.from_iterable([one[2] for one in heard])
    return tuple(values), b"".join([one[3] for one in heard])


def course(look: SnmpLook, memory: Memory) -> Course | None:
    """The course of a look; None when something is to be found out, or it is version 3."""
    if (
        memory.query is not look.query
        or (memory.access is not look.access and memory.access != look.access)
        or memory.session is not None
        or memory.absent
    ):
        return None
    steps = memory.steps
    for table in memory.tables:
        if table.shape is None or table.may_grow:
            return None
        steps = [*steps, *table.steps] if steps else table.steps
    return Course(memory, steps) if steps else None


class Quicks:
    """The short ways, by query and access."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._known: dict[tuple[int, Access], Quick] = {}

    def of(self, look: SnmpLook) -> Quick | Course | None:
        """The short way for a look; None when it is not for it. Raises BerError."""
        query, access, memory = look.query, look.access, look.memory
        if type(memory) is Memory:
            return course(look, memory)
        if (
            query.tables
            or access.user is not None
            or not 0 < len(query.scalars) <= self._shared.sizes.get
        ):
            return None
        known = self._known.get((id(query), access))
        if known is None or known.query is not query:
            known = self._known[id(query), access] = Quick(query, access, self._shared)
        return known
