"""Damaged datagrams for everything that reads octets from the network: ``make fuzz``.

Each case takes one datagram and lets nothing escape but what its reader promises. ``make test``
gives each some thousands and counts steps; ``make fuzz`` a million to all, and measures the CPU
time of each one and the memory of all: a hostile device may cost its own look, never the loop.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rich.progress import Progress

from agent import ber, icmp, recording, snmp, v3
from agent.ber import BerError
from agent.conversation import Conversation, Stray
from agent.memory import Shared
from agent.query import Access, Query, SnmpLook, TableQuery
from agent.session import Session
from agent.snmp import Varbind
from agent.usm import User
from config.faults import ConfigError
from config.inventory import AuthProtocol, PrivProtocol, SnmpVersion
from tests.agent.fake import FakeAgent, Objects, oid
from tests.agent.fake_v3 import FakeEngine
from tests.agent.mutants import mutants

MOST_S = 0.050
"""CPU time that one datagram may take."""
GROWTH_KIB = 64 * 1024
"""By how much the process may grow over a case."""

COLUMNS = [(1, 3, 6, 1, 2, 1, 2, 2, 1, number) for number in (2, 8, 10)]
OBJECTS: Objects = {
    (1, 3, 6, 1, 2, 1, 1, 3, 0): (ber.TIME_TICKS, 123456),
    (1, 3, 6, 1, 2, 1, 1, 5, 0): (ber.OCTET_STRING, "名字".encode()),
    (1, 3, 6, 1, 2, 1, 1, 2, 0): (ber.OID, oid(1, 3, 6, 1, 4, 1, 2**32 - 1)),
    (1, 3, 6, 1, 2, 1, 4, 20, 0): (ber.IP_ADDRESS, bytes((10, 0, 0, 1))),
    **{
        (*column, row): (tag, row * 3)
        for column, tag in zip(COLUMNS, (ber.INTEGER, ber.GAUGE32, ber.COUNTER64), strict=True)
        for row in range(1, 9)
    },
    (1, 3, 6, 1, 2, 1, 9, 0): (ber.INTEGER, -(2**31)),
}
QUERY = Query(
    scalars=tuple(oid(*name) for name in OBJECTS if name[-1] == 0),
    tables=(TableQuery(tuple(oid(*column) for column in COLUMNS)),),
)
NONCE = b"nonce678"
SEALED = User(b"me", AuthProtocol.SHA256, b"authauthauth", PrivProtocol.AES128, b"privprivpriv")
Take = Callable[[bytes], None]


@dataclass(frozen=True)
class Case:
    """``seeds`` are sound datagrams; ``take`` reads a damaged one; ``share`` of the million."""

    seeds: tuple[bytes, ...]
    take: Take
    share: int = 100


def message(pdu: int = snmp.RESPONSE) -> bytes:
    binds = [Varbind(oid(*name), *value) for name, value in OBJECTS.items()]
    binds.append(Varbind(oid(1, 3, 6), ber.NO_SUCH_OBJECT))
    return snmp.encode_message(snmp.V2C, b"public", pdu, snmp.FIRST_ID + 7, 0, 0, binds)


def take_message(data: bytes) -> None:
    try:
        snmp.decode_message(data)
    except BerError:
        return


class Talks:
    """Whole looks at a device whose replies are damaged, by version; memory stays between them."""

    def __init__(self, version: SnmpVersion) -> None:
        self.look = SnmpLook("d", "127.0.0.1", 161, Access(version, b"public"), QUERY)
        self.shared = Shared()
        self.agent = FakeAgent(OBJECTS)
        self.talk = Conversation(self.look, self.shared)
        self.serial = self.noise = self.most = 0

    def seeds(self) -> tuple[bytes, ...]:
        """The replies of one sound look."""
        found = []
        talk = Conversation(self.look, Shared())
        while talk.template is not None:
            self.serial += 1
            request = (snmp.FIRST_ID + self.serial).to_bytes(4, "big")
            found.append(self.agent.answer(talk.template.message(request)))
            talk.take(found[-1], snmp.FIRST_ID + self.serial)
        return tuple(found)

    def take(self, data: bytes) -> None:
        """Damaged octets are the reply of the moment, three times; then the device goes silent."""
        if self.talk.template is None:
            self.talk = Conversation(self.look, self.shared)
            self.noise = 0
        try:
            request_id = snmp.decode_message(data).request_id
        except BerError:
            request_id = snmp.FIRST_ID
        asked = self.talk.template
        try:
            self.talk.take(data, request_id)
        except (BerError, Stray):
            assert self.talk.template is asked
            self.noise += 1
        else:
            self.most = max(self.most, len(self.talk.memory.steps))
        if self.noise > 3 and self.talk.template is not None:
            self.talk.stop("timeout")


class Sealed:
    """Replies of an SNMPv3 engine, damaged."""

    def __init__(self) -> None:
        self.shared = Shared()
        self.look = SnmpLook("d", "127.0.0.1", 161, Access(SnmpVersion.V3, user=SEALED), QUERY)
        self.peer = FakeEngine(FakeAgent(OBJECTS), [SEALED])
        self.request_id = snmp.FIRST_ID + 1

    def seeds(self) -> tuple[bytes, ...]:
        found = []
        talk = Conversation(self.look, self.shared)
        while talk.template is not None and talk.session is not None:
            data = self.peer.answer(talk.session.seal(talk.template, self.request_id, 10**9))
            assert data is not None
            found.append(data)
            talk.take(data, self.request_id)
        return tuple(found)

    def take(self, data: bytes) -> None:
        session = self.look.memory.session
        assert isinstance(session, Session)
        for one in (session, Session(SEALED, self.shared.keys)):
            one.begin()
            try:
                plain = one.open(data, self.request_id)
                if plain is not None:
                    one.message(plain, self.request_id)
            except (BerError, Stray):
                continue


def take_v3(data: bytes) -> None:
    try:
        snmp.decode_scoped(v3.decode(data).body)
    except BerError:
        return


def echoes() -> tuple[bytes, ...]:
    request = icmp.echo_request(7, 9, NONCE)
    head = bytes((0x45, 0, 0, 20 + len(request), 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2))
    error = head + bytes((3, 1)) + bytes(6) + head + request
    return head + b"\0" + request[1:], error, bytes((1, 4)) + bytes(6) + bytes(40) + request


def take_echo(data: bytes) -> None:
    inner = icmp.strip_ip(data)
    if inner is not None:
        icmp.decode(inner, NONCE)
    icmp.decode(data, NONCE, v6=True)


def take_recording(data: bytes) -> None:
    try:
        recording.parse(data, "fuzz")
    except ConfigError:
        return


def cases() -> dict[str, Case]:
    """Every reader of foreign octets, by name; traps are read by pysnmp, so there are fewer."""
    first, second, sealed = Talks(SnmpVersion.V1), Talks(SnmpVersion.V2C), Sealed()
    replies = sealed.seeds()
    sound = recording.dumps([Varbind(oid(*name), *value) for name, value in OBJECTS.items()])
    return {
        "SNMP v1/v2c messages": Case((message(), message(snmp.GETBULK)), take_message),
        "looks in v1": Case(first.seeds(), first.take),
        "looks in v2c": Case(second.seeds(), second.take),
        "SNMP v3 messages": Case(replies, take_v3),
        "SNMP v3 sessions": Case(replies, sealed.take, 40),
        "ICMP": Case(echoes(), take_echo),
        "recordings": Case((sound,), take_recording, 20),
        "traps": _traps(),
    }


def _traps() -> Case:
    from agent.io.traps_decode import Decoder  # noqa: PLC0415  pysnmp takes its time
    from config.traps import TrapAccess  # noqa: PLC0415
    from tests.agent.trapper import linkdown  # noqa: PLC0415

    access = TrapAccess.model_validate_json('{"communities": ["public"]}')
    decoder = Decoder(access, bytes.fromhex("80004fb8050001020304050607"), 3)
    seeds = (linkdown(), linkdown(pdu=0xA6))
    return Case(seeds, lambda data: (decoder.take(data, ("127.0.0.1", 9)), None)[1], 1)


def damaged(case: Case, count: int, seed: int) -> Iterator[bytes]:
    """``count`` damaged copies of the case's seeds, in turn."""
    each = -(-count // len(case.seeds))
    streams = [mutants(one, each, seed + at) for at, one in enumerate(case.seeds)]
    return itertools.islice(itertools.chain.from_iterable(zip(*streams, strict=True)), count)


def timed(take: Take, data: bytes) -> float:
    """CPU seconds of one datagram; a slow one again, so that nothing else is counted."""
    begun = time.process_time()
    take(data)
    took = time.process_time() - begun
    for _ in range(3 if took > MOST_S else 0):
        begun = time.process_time()
        take(data)
        took = min(took, time.process_time() - begun)
    return took


def run(total: int, seed: int) -> int:
    """All cases, ``total`` datagrams; how many of them were too slow or made us grow too much."""
    table = cases()
    shares = sum(case.share for case in table.values())
    faults = 0
    with Progress() as progress:
        for name, case in table.items():
            count = max(1000, total * case.share // shares)
            bar = progress.add_task(name, total=count)
            worst, grown = 0.0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            for number, data in enumerate(damaged(case, count, seed)):
                worst = max(worst, timed(case.take, data))
                if number % 1000 == 0:
                    progress.update(bar, completed=number)
            gc.collect()
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - grown
            bad = worst > MOST_S or grown > GROWTH_KIB
            faults += bad
            said = f"{name}: {count}, worst {worst * 1000:.1f} ms, grown {grown // 1024} MiB"
            progress.update(bar, completed=count, description=f"{'TOO MUCH ' * bad}{said}")
    return faults


def main() -> int:
    """Say what escaped with the seed that shows it again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    given = parser.parse_args()
    sys.stdout.write(f"--seed {given.seed}\n")
    return 1 if run(given.count, given.seed) else 0


if __name__ == "__main__":
    sys.exit(main())
