"""One look at one device: the next request, and what came of it. Pure; the engine does the rest."""

from __future__ import annotations

from typing import Final

from agent import ber, snmp
from agent.memory import Memory, Shared, recall
from agent.query import SnmpLook, SnmpResult, TableValues
from agent.readers import ScalarReader, TableReader
from agent.session import Session
from agent.snmp import Message, Stray, Template
from config.inventory import SnmpVersion
from wire.observation import Outcome

__all__ = ["EMPTY_VIEW", "Conversation", "Stray"]

EMPTY_VIEW: Final = "emptyView"
"""The reason when a device answers and shows us nothing (see ``wire.reasons``)."""


class Conversation:
    """One look under way; ``template`` is the request to send now, None when it is over.

    ``answered``: some reply was accepted. ``as_learnt``: the last one looked as remembered.
    ``memory``: with which the look began; its access counts, whatever the look is told meanwhile.
    """

    __slots__ = ("_look", "_reader", "_scalars", "_shared", "_tables", "answered", "as_learnt",
                 "memory", "reason", "refused", "session", "template")  # fmt: skip

    def __init__(self, look: SnmpLook, shared: Shared, memory: Memory | None = None) -> None:
        self._look = look
        self._shared = shared
        self.memory = memory or recall(look, shared)
        self.session: Session | None = self.memory.session
        if self.session is not None:
            self.session.begin()
        self._scalars = ScalarReader(self.memory, shared)
        self._tables: list[TableValues] = []
        self._reader: ScalarReader | TableReader = self._scalars
        self.answered = False
        self.as_learnt = False
        self.refused = ""
        self.reason = ""
        self.template: Template | None = self._scalars.template
        if self.template is None:
            self._next()

    @property
    def has_values(self) -> bool:
        """Whether anything at all was read."""
        scalars = self._scalars.values or ()
        return any(value is not None for value in scalars) or any(
            table.index for table in self._tables
        )

    def take(self, data: bytes, request_id: int) -> None:
        """Take a reply from the device's address; ``template`` has changed after it.

        Raises BerError (malformed) or Stray (answers something else); then nothing has changed.
        """
        session = self.session
        if session is not None:
            plain = session.open(data, request_id)
            if plain is None:
                self._told(session)
                return
            self.memory.reply_octets = max(self.memory.reply_octets, len(data))
            data = plain
        reader = self._reader
        self.as_learnt = reader.learnt(data, request_id)
        if not self.as_learnt:
            message = self._decode(data, request_id)
            self.memory.reply_octets = max(self.memory.reply_octets, len(data))
            reader.take(message, data)
        self.answered = True
        self.template = reader.template
        if self.template is None:
            self._next()

    def again(self, *, allowed: bool) -> bool:
        """Nothing came in time; ``allowed``: there is a repeat left. Whether to send again.

        A table's reply may be too large for the way, so the repeat asks for less. Version 3 may
        find out something else first, or that the look is over because the device ``refused``.
        """
        if self.session is not None:
            allowed = self.session.missed(allowed=allowed)
            if self.session.refused:
                self._told(self.session)
        if allowed:
            self._reader.shrink()
            self.template = self._reader.template
        return allowed

    def _told(self, session: Session) -> None:
        """The session knows more: go on, or end because of it."""
        self.as_learnt = False
        if session.refused:
            self.refused = session.refused
            self.stop(session.refused)
        elif session.probed:  # it answers us, but not what the look asks
            self.answered = True
            self.stop("timeout")

    def stop(self, reason: str) -> None:
        """The request under way got no answer: end the look with what there is."""
        self._reader.stop(reason, alive=self.answered)
        self._collect()
        self._abandon(reason)

    def result(self, outcome: Outcome) -> SnmpResult:
        """The look's result; the engine adds times and counts."""
        scalars = self._scalars
        count = len(self.memory.query.scalars)
        return SnmpResult(
            look=self._look,
            outcome=outcome,
            reason=self.reason,
            complete=not self.reason,
            scalars=[None] * count if scalars.values is None else scalars.values,
            tags=bytes(scalars.tags) or bytes(count),
            tables=self._tables,
            boots=None if self.session is None else self.session.boots,
        )

    def _next(self) -> None:
        """The reader is done: turn to the next table, or end."""
        self._collect()
        if self.refused:
            self._abandon(self.refused)
            return
        number = len(self._tables)
        tables = self.memory.tables
        if number == len(tables):
            self.template = None
            if self._sees_nothing():
                self.refused = self.reason = EMPTY_VIEW
            return
        query = self.memory.query.tables[number]
        reader = TableReader(query, tables[number], self.memory.access, self._shared)
        self._reader = reader
        self.template = reader.template

    def _sees_nothing(self) -> bool:
        """Whether not even sysUpTime is there, which every agent has: we are shown nothing."""
        place, tags = self.memory.query.uptime, self._scalars.tags
        if place is None or not tags or tags[place] not in ber.ABSENT or self.has_values:
            return False
        return all(tag in ber.ABSENT for tag in tags)

    def _collect(self) -> None:
        """Take over what the reader has found."""
        reader = self._reader
        if isinstance(reader, TableReader) and reader.table is not None:
            self._tables.append(reader.table)
        self.reason = self.reason or reader.reason
        self.refused = self.refused or reader.refused

    def _abandon(self, reason: str) -> None:
        """Tables that were not begun are not complete."""
        self.reason = self.reason or reason
        self._tables += [
            TableValues(len(table.columns), complete=False, reason=reason)
            for table in self.memory.query.tables[len(self._tables) :]
        ]
        self.template = None

    def _decode(self, data: bytes, request_id: int) -> Message:
        """The decoded reply, if it answers the request under way."""
        if self.session is not None:
            return self.session.message(data, request_id)
        message = snmp.decode_message(data)
        access = self.memory.access
        version = snmp.V1 if access.version is SnmpVersion.V1 else snmp.V2C
        if (
            message.pdu != snmp.RESPONSE
            or message.request_id != request_id
            or message.version != version
            or message.community != access.community
        ):
            raise Stray
        return message
