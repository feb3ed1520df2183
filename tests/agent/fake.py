"""An SNMP agent in a few lines: correct by default, with faults to order."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field

from agent import ber, snmp
from agent.ber import RawValue
from agent.conversation import Conversation
from agent.memory import Shared, Sizes
from agent.query import Access, Query, SnmpLook, SnmpResult, TableQuery
from agent.snmp import ErrorStatus, Message, Varbind
from config.inventory import SnmpVersion
from wire.observation import Outcome

Arcs = tuple[int, ...]
Objects = dict[Arcs, tuple[int, RawValue]]


def oid(*arcs: int) -> bytes:
    return ber.oid_content(".".join(map(str, arcs)))


@dataclass
class FakeAgent:
    """Objects by OID. ``most``: varbinds of a reply, more is tooBig (GETBULK: cut short)."""

    objects: Objects
    most: int = 1000
    cut_bulk: bool = True
    broken: dict[Arcs, ErrorStatus] = field(default_factory=dict)
    requests: int = 0

    def answer(self, data: bytes) -> bytes:
        """The reply to a request."""
        self.requests += 1
        ask = snmp.decode_message(data)
        if ask.pdu == snmp.GET:
            return self._checked(ask, [self._get(name) for name in ask.oids])
        keys = sorted(self.objects)
        if ask.pdu == snmp.GETNEXT:
            return self._checked(ask, [self._after(keys, name) for name in ask.oids])
        bound: list[Varbind] = []
        names = ask.oids
        for _ in range(ask.index):
            row = [self._after(keys, name) for name in names]
            bound += row
            names = [bind.oid for bind in row]
        if len(bound) > self.most and not self.cut_bulk:
            return self.reply(ask, [], ErrorStatus.tooBig)
        return self.reply(ask, bound[: self.most])

    def _get(self, name: bytes) -> Varbind:
        known = self.objects.get(ber.oid_arcs(name))
        return Varbind(name, *(known or (ber.NO_SUCH_OBJECT, None)))

    def _after(self, keys: list[Arcs], name: bytes) -> Varbind:
        at = bisect_right(keys, ber.oid_arcs(name))
        if at == len(keys):
            return Varbind(name, ber.END_OF_MIB_VIEW)
        return Varbind(oid(*keys[at]), *self.objects[keys[at]])

    def _checked(self, ask: Message, bound: list[Varbind]) -> bytes:
        if len(bound) > self.most:
            return self.reply(ask, [], ErrorStatus.tooBig)
        same = list(map(Varbind, ask.oids))
        for number, bind in enumerate(bound, 1):
            arcs = ber.oid_arcs(bind.oid)
            if arcs in self.broken:
                return self.reply(ask, same, self.broken[arcs], number)
            if ask.version == snmp.V1 and bind.tag in (*ber.ABSENT, ber.COUNTER64):
                return self.reply(ask, same, ErrorStatus.noSuchName, number)
        return self.reply(ask, bound)

    @staticmethod
    def reply(ask: Message, bound: list[Varbind], status: int = 0, index: int = 0) -> bytes:
        return snmp.encode_message(
            ask.version, ask.community, snmp.RESPONSE, ask.request_id, status, index, bound
        )


@dataclass
class Bench:
    """Looks at a fake agent without any socket."""

    query: Query
    version: SnmpVersion = SnmpVersion.V2C
    sizes: Sizes = field(default_factory=Sizes)

    def __post_init__(self) -> None:
        access = Access(self.version, b"public")
        self.device = SnmpLook("d", "127.0.0.1", 161, access, self.query)
        self.shared = Shared(self.sizes)
        self.serial = 0
        self.learnt = 0
        self.asked = 0

    def look(self, answer: Callable[[bytes], bytes | None], limit: int = 500) -> SnmpResult:
        """One look; a reply None is silence."""
        talk = Conversation(self.device, self.shared)
        self.learnt = self.asked = 0
        while talk.template is not None:
            self.serial += 1
            self.asked += 1
            assert self.asked < limit, "asks without end"
            request_id = snmp.FIRST_ID + self.serial
            data = answer(talk.template.message(request_id.to_bytes(4, "big")))
            if data is None:
                talk.stop("timeout")
                break
            talk.take(data, request_id)
            self.learnt += talk.as_learnt
        refused = talk.refused and not talk.has_values
        if not talk.answered:
            return talk.result(Outcome.NO_ANSWER)
        return talk.result(Outcome.REFUSED if refused else Outcome.MEASURED)


def table(*columns: Arcs) -> TableQuery:
    return TableQuery(tuple(oid(*column) for column in columns))
