"""The usual look made cheap: some scalars, one request, a reply that looks as remembered. Pure.

Devices of one query and one access share the request; a device itself keeps no more than the
``Layout`` of its replies (in its look's ``memory``), which equal devices share too. Whatever is
not usual (an error, an absent object, objects in another order, a table, version 3) is for a
``Conversation``: it sends the same first request, and takes a reply that was not taken here.
"""

from __future__ import annotations

from collections.abc import Sequence

from agent import ber, snmp
from agent.ber import RawValue
from agent.layout import Layout
from agent.memory import LAYOUTS, Memory, Shared
from agent.query import Access, Query, SnmpLook
from agent.snmp import Stray
from config.inventory import SnmpVersion


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

    def take(
        self, look: SnmpLook, data: bytes, request_id: int
    ) -> tuple[Sequence[RawValue], bytes] | None:
        """Values and tags of a reply that looks as remembered, else None."""
        memory = look.memory
        if type(memory) is Layout:
            if memory.split.size == len(data):
                values = memory.match(data, request_id)
                if values is not None:
                    return values, memory.tags
        elif memory is not None:
            for layout in memory:
                if layout.split.size == len(data):
                    values = layout.match(data, request_id)
                    if values is not None:
                        return values, layout.tags
        return None

    def strictly(
        self, look: SnmpLook, data: bytes, request_id: int
    ) -> tuple[Sequence[RawValue], bytes] | None:
        """Values and tags of any usual reply; None when it is for a conversation.

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
        return message.values, tags


def _with(
    memory: Layout | tuple[Layout, ...] | None, layout: Layout
) -> Layout | tuple[Layout, ...]:
    """The layouts of a look's replies and another one, one for each size."""
    known = memory if isinstance(memory, tuple) else (memory,) if memory else ()
    kept = tuple(one for one in known if one.split.size != layout.split.size)
    return (*kept[-LAYOUTS + 1 :], layout) if kept else layout


class Quicks:
    """The short ways, by query and access."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._known: dict[tuple[int, Access], Quick] = {}

    def of(self, look: SnmpLook) -> Quick | None:
        """The short way for a look; None when it is not for it. Raises BerError."""
        query, access = look.query, look.access
        if (
            query.tables
            or access.user is not None
            or not 0 < len(query.scalars) <= self._shared.sizes.get
            or type(look.memory) is Memory
        ):
            return None
        known = self._known.get((id(query), access))
        if known is None or known.query is not query:
            known = self._known[id(query), access] = Quick(query, access, self._shared)
        return known
