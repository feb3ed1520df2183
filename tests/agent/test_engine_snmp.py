"""The SNMP engine against real snmpd, scripted liars, and its own limits."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from agent import icmp, snmp
from agent.decode import compile_query, decode
from agent.io.snmp import SnmpEngine, SnmpOptions
from agent.query import Access, Query, SnmpLook, SnmpResult
from config.inventory import SnmpVersion
from config.io.load import DATA
from config.io.toml import build, read_document
from config.profile import Profile
from tests.agent.liar import HASTY, QUERY, TRUTH, WITH_TABLE, Answers, Liar
from tests.agent.mutants import mutants
from tests.peers import free_port, snmpd
from wire.observation import Outcome

PUBLIC = Access(SnmpVersion.V2C, b"public")
Serve = Callable[..., Any]


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[SnmpEngine]:
    engine = SnmpEngine()
    await engine.start()
    yield engine
    engine.close()


@pytest_asyncio.fixture
async def serve() -> AsyncIterator[Serve]:
    liars: list[Liar] = []

    async def start(*args: Any, host: str = "127.0.0.1", port: int = 0) -> Liar:
        liar = await Liar(*args).serve(host, port)
        liars.append(liar)
        return liar

    yield start
    for liar in liars:
        liar.close()


def profiles(*names: str) -> Query:
    return compile_query(
        [build(Profile, read_document(DATA / "profiles" / f"{name}.toml")) for name in names]
    )


# -- real agents -----------------------------------------------------------------------------------


@pytest.mark.peers
async def test_real_agents_in_both_versions(engine: SnmpEngine, tmp_path: Path) -> None:
    query = profiles("generic", "interfaces", "host")
    with (
        snmpd(tmp_path, "127.0.0.11", "sysName one\nsysDescr 第一台\n") as one,
        snmpd(tmp_path, "127.0.0.12", "sysName two\n") as two,
    ):
        looks = [
            SnmpLook(name, peer.address, peer.port, Access(version, b"public"), query)
            for name, peer in (("one", one), ("two", two))
            for version in (SnmpVersion.V1, SnmpVersion.V2C)
        ]
        for _ in range(3):
            results = await asyncio.gather(*map(engine.look, looks))
            for look, result in zip(looks, results, strict=True):
                assert result.look is look
                assert (result.outcome, result.reason) == (Outcome.MEASURED, "")
                assert result.complete
                assert result.rtt_ns is not None
                rows = {(part.profile, part.table): part for part in decode(result)}
                system = rows["generic", ""]
                assert system.texts["sys_name"] == [look.device]
                assert system.texts["sys_object_id"] == ["1.3.6.1.4.1.8072.3.2.10"]
                links = rows["interfaces", "if"]
                lo = links.instances.index("lo")
                assert links.columns[0][lo] == 1
                assert "/" in rows["host", "storage"].instances
        assert results[0].scalars[2] == "第一台".encode()
        assert engine.stats.as_learnt > engine.stats.received // 4


@pytest.mark.peers
async def test_what_pysnmp_reads_we_read(engine: SnmpEngine, tmp_path: Path) -> None:
    """Real values of every type that snmpd's override writes, the UPS-MIB's among them."""
    ups = "1.3.6.1.2.1.33.1"
    extra = f"override {ups}.2.1.0 integer 3\noverride {ups}.4.1.0 integer 5\n"
    extra += f"override {ups}.2.5.0 integer 481\noverride {ups}.1.2.0 octet_str C3K\n"
    with snmpd(tmp_path, "127.0.0.13", extra) as peer:
        look = SnmpLook("ups", peer.address, peer.port, PUBLIC, profiles("ups"))
        result = await engine.look(look)
    scalars = decode(result)[0]
    read = {m.name: column[0] for m, column in zip(scalars.metrics, scalars.columns, strict=True)}
    assert read["ups_battery_status"] == 3
    assert read["ups_output_source"] == 5
    assert read["ups_battery_voltage"] == 48.1
    assert read["ups_charge_remaining"] is None
    assert scalars.texts["ups_model"] == ["C3K"]


@pytest.mark.peers
async def test_a_dead_agent_and_a_wrong_community_give_no_answer(
    engine: SnmpEngine, tmp_path: Path
) -> None:
    with snmpd(tmp_path, "127.0.0.14") as peer:
        wrong = Access(SnmpVersion.V2C, b"wrong")
        look = SnmpLook("x", peer.address, peer.port, wrong, QUERY, timeout_s=0.1)
        result = await engine.look(look)
        assert (result.outcome, result.reason) == (Outcome.NO_ANSWER, "timeout")
        assert result.requests == 2
    look = SnmpLook("x", peer.address, peer.port, PUBLIC, QUERY, timeout_s=0.1)
    result = await engine.look(look)
    assert (result.outcome, result.reason) == (Outcome.NO_ANSWER, "port_unreachable")
    assert result.detail == peer.address
    assert not result.complete


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a raw socket")
@pytest.mark.parametrize(
    ("router", "reason"), [("127.0.0.9", "prohibited"), ("127.0.0.1", "port_unreachable")]
)
async def test_only_the_host_itself_knows_what_listens_there(
    engine: SnmpEngine, serve: Serve, router: str, reason: str
) -> None:
    """A firewall on the way that rejects with a port unreachable proves nothing about the host."""
    liar = await serve(silent)
    waiting = asyncio.ensure_future(engine.look(liar.look(timeout_s=1.0, retries=0)))
    await liar.heard.wait()
    (gate, *_) = engine._sockets
    ours, there = gate.sock.getsockname()[1], liar.place[1]
    addresses = socket.inet_aton("127.0.0.1") * 2
    quoted = struct.pack("!BxHxxxxBBxx8s", 0x45, 36, 64, 17, addresses)
    quoted += struct.pack("!HHHxx", ours, there, 16)
    error = struct.pack("!BBxx4x", 3, 3) + quoted
    error = error[:2] + icmp.checksum(error).to_bytes(2, "big") + error[4:]
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        raw.bind((router, 0))
        raw.sendto(error, ("127.0.0.1", 0))
    result = await waiting
    assert (result.outcome, result.reason) == (Outcome.NO_ANSWER, reason)
    assert result.detail == router


# -- liars -----------------------------------------------------------------------------------------


def cut(_n: int, _ask: bytes, truth: bytes) -> Answers:
    return ((0, truth[:-3]),)


def another_id(_n: int, ask: bytes, truth: bytes) -> Answers:
    request_id = snmp.decode_message(ask).request_id
    return ((0, truth.replace(request_id.to_bytes(4, "big"), (request_id + 1).to_bytes(4, "big"))),)


def echoed(_n: int, ask: bytes, _truth: bytes) -> Answers:
    return ((0, ask),)


def silent(_n: int, _ask: bytes, _truth: bytes) -> Answers:
    return ()


@pytest.mark.parametrize(
    ("script", "reason", "counted"),
    [
        (cut, "malformed", "malformed"),
        (another_id, "timeout", "stray"),
        (echoed, "timeout", "stray"),
        (silent, "timeout", "repeated"),
    ],
)
async def test_a_lie_is_no_answer_and_counted(
    engine: SnmpEngine, serve: Serve, script: Any, reason: str, counted: str
) -> None:
    liar = await serve(script)
    result = await engine.look(liar.look(**HASTY))
    assert (result.outcome, result.reason) == (Outcome.NO_ANSWER, reason)
    assert getattr(engine.stats, counted) >= 1
    assert liar.asked == 2


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"])
async def test_an_answer_from_another_port_or_address_does_not_count(
    engine: SnmpEngine, serve: Serve, host: str
) -> None:
    liar = await serve()
    liar.elsewhere = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    liar.elsewhere.bind((host, 0 if host == "127.0.0.1" else liar.place[1]))
    result = await engine.look(liar.look(**HASTY))
    assert result.outcome is Outcome.NO_ANSWER
    assert engine.stats.foreign == 2


async def test_a_repeated_answer_counts_once_and_the_next_look_is_fine(
    engine: SnmpEngine, serve: Serve
) -> None:
    liar = await serve(lambda _n, _ask, truth: ((0, truth), (0, truth), (0.02, truth)))
    look = liar.look()
    for _ in range(5):
        result = await engine.look(look)
        assert (result.outcome, list(result.scalars)) == (Outcome.MEASURED, TRUTH)
        assert result.requests == 1


async def test_a_late_answer_counts_when_the_request_is_still_open(
    engine: SnmpEngine, serve: Serve
) -> None:
    first: list[bytes] = []

    def behind(_number: int, _ask: bytes, truth: bytes) -> Answers:
        """The first request is answered when it is repeated."""
        first.append(truth)
        return ((0, first[0]),) if len(first) > 1 else ()

    liar = await serve(behind)
    result = await engine.look(liar.look(timeout_s=0.5, retries=1))
    assert (result.outcome, list(result.scalars)) == (Outcome.MEASURED, TRUTH)
    assert result.rtt_ns is None
    assert result.requests == 2


async def test_a_lost_request_is_repeated(engine: SnmpEngine, serve: Serve) -> None:
    liar = await serve(lambda number, _ask, truth: ((0, truth),) if number % 3 == 0 else ())
    look = liar.look(timeout_s=0.3, retries=2)
    for _ in range(2):
        assert (await engine.look(look)).outcome is Outcome.MEASURED
    assert engine.stats.repeated == 4


async def test_a_known_table_whose_requests_are_lost(engine: SnmpEngine, serve: Serve) -> None:
    """The requests are known and sent in turn; what is lost is repeated, or missing and said so."""
    lost: set[int] = set()
    liar = await serve(lambda number, _ask, truth: () if number in lost else ((0, truth),))
    look = liar.look(query=WITH_TABLE)
    whole = await engine.look(look)
    again = await engine.look(look)
    assert engine.stats.as_learnt == again.requests == whole.requests
    look.timeout_s, look.retries = 0.5, 3
    lost.add(liar.asked + 2)
    repeated = await engine.look(look)
    for result in (again, repeated):
        assert (result.outcome, result.complete) == (Outcome.MEASURED, True)
        assert list(result.scalars) == TRUTH
        assert list(result.tables[0].cells) == list(whole.tables[0].cells) == [1, 2, 3, 4, 5]
    assert repeated.repeats >= 1
    look.retries = 1
    lost.update(range(liar.asked + 2, liar.asked + 20))
    partly = await engine.look(look)
    assert (partly.outcome, partly.complete, partly.reason) == (Outcome.MEASURED, False, "timeout")
    assert list(partly.scalars) == TRUTH
    assert not partly.tables[0].complete
    assert engine.stats.in_flight == engine._octets == 0


async def test_mutants_cost_a_device_its_own_look_and_nothing_else(
    engine: SnmpEngine, serve: Serve
) -> None:
    sent = 0

    def damaged(number: int, _ask: bytes, truth: bytes) -> Answers:
        nonlocal sent
        replies = list(mutants(truth, 50, seed=number))
        sent += len(replies)
        return [(0, reply) for reply in replies]

    liar, good = await serve(damaged), await serve()
    for _ in range(10):
        await engine.look(liar.look(timeout_s=0.02, retries=0))
        result = await engine.look(good.look())
        assert list(result.scalars) == TRUTH
    assert sent >= 500


# -- order, limits, ends ---------------------------------------------------------------------------


async def test_looks_at_one_address_follow_one_another(engine: SnmpEngine, serve: Serve) -> None:
    under_way = 0
    most = 0

    def slow(_number: int, _ask: bytes, truth: bytes) -> Answers:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        asyncio.get_running_loop().call_later(0.02, landed)
        return ((0.02, truth),)

    def landed() -> None:
        nonlocal under_way
        under_way -= 1

    liar = await serve(slow)
    results = await asyncio.gather(*(engine.look(liar.look()) for _ in range(6)))
    assert [result.outcome for result in results] == [Outcome.MEASURED] * 6
    assert most == 1


async def test_many_devices_a_third_of_them_dead(engine: SnmpEngine, serve: Serve) -> None:
    port = free_port(socket.SOCK_DGRAM)
    living = [await serve(host=f"127.0.9.{number}", port=port) for number in range(1, 61)]
    dead = [SnmpLook("dead", f"127.0.8.{n}", port, PUBLIC, QUERY, 0.3, 1) for n in range(1, 31)]
    looks = [liar.look() for liar in living] + dead
    for _ in range(2):
        results = await asyncio.gather(*map(engine.look, looks))
        assert [result.outcome for result in results] == (
            [Outcome.MEASURED] * 60 + [Outcome.NO_ANSWER] * 30
        )
    assert engine.stats.in_flight == engine.stats.queued == 0
    assert engine._octets == 0


async def test_ipv6(engine: SnmpEngine, serve: Serve) -> None:
    liar = await serve(host="::1")
    assert list((await engine.look(liar.look())).scalars) == TRUTH


async def test_a_look_that_cannot_be_sent_is_our_own_fault(engine: SnmpEngine) -> None:
    for address, reason in (("300.1.1.1", "bad_address"), ("255.255.255.255", "not_permitted")):
        result = await engine.look(SnmpLook("x", address, 161, PUBLIC, QUERY))
        assert (result.outcome, result.reason) == (Outcome.COULD_NOT_LOOK, reason)
    result = await engine.look(SnmpLook("x", "127.0.0.1", 161, PUBLIC, Query()))
    assert (result.outcome, result.reason) == (Outcome.COULD_NOT_LOOK, "nothing_to_ask")
    assert engine.stats.sent == 0
    assert engine.stats.could_not_look == 3


async def test_closing_ends_looks_under_way_and_waiting(engine: SnmpEngine, serve: Serve) -> None:
    liar = await serve(silent)
    looks = [asyncio.ensure_future(engine.look(liar.look())) for _ in range(3)]
    await liar.heard.wait()
    engine.close()
    engine.close()
    for result in await asyncio.gather(*looks):
        assert (result.outcome, result.reason) == (Outcome.COULD_NOT_LOOK, "closed")
    after = await engine.look(liar.look())
    assert (after.outcome, after.reason) == (Outcome.COULD_NOT_LOOK, "closed")
    assert engine.stats.in_flight == 0


async def test_the_engine_may_be_closed_and_looks_submitted_from_within_a_callback(
    engine: SnmpEngine, serve: Serve
) -> None:
    port = free_port(socket.SOCK_DGRAM)
    liars = [await serve(host=f"127.0.7.{number}", port=port) for number in range(1, 41)]
    results: list[SnmpResult] = []
    everything = asyncio.get_running_loop().create_future()

    def done(result: SnmpResult) -> None:
        results.append(result)
        if len(results) == 20:
            engine.close()
            engine.submit(liars[0].look(), done)
        if len(results) == 41:
            everything.set_result(None)

    for liar in liars:
        engine.submit(liar.look(), done)
    await everything
    outcomes = [result.outcome for result in results]
    assert outcomes == [Outcome.MEASURED] * 20 + [Outcome.COULD_NOT_LOOK] * 21
    assert {result.reason for result in results[20:]} == {"closed"}


async def test_a_failing_callback_does_not_end_the_others(engine: SnmpEngine, serve: Serve) -> None:
    liar = await serve()
    told: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))

    def fails(_result: SnmpResult) -> None:
        raise RuntimeError("a caller's fault")

    engine.submit(liar.look(), fails)
    assert (await engine.look(liar.look())).outcome is Outcome.MEASURED
    assert [str(context["exception"]) for context in told] == ["a caller's fault"]


class Flooder(threading.Thread):
    """Answers the first request behind more junk than the asker's buffer holds, then honestly."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.flooded = threading.Event()
        self.stopped = False

    def run(self) -> None:
        liar = Liar()
        self.sock.settimeout(60)
        while True:
            try:
                data, peer = self.sock.recvfrom(2000)
            except OSError:
                return
            if self.stopped:
                return
            if not self.flooded.is_set():
                for _ in range(400):
                    self.sock.sendto(b"junk" * 300, peer)
            self.sock.sendto(liar.agent.answer(data), peer)
            self.flooded.set()


async def test_what_our_own_buffer_lost_is_asked_again_and_never_called_dead() -> None:
    engine = SnmpEngine(SnmpOptions(receive_buffer=8192))
    await engine.start()
    device = Flooder()
    device.start()
    host, port = device.sock.getsockname()
    try:
        look = SnmpLook("d", host, port, PUBLIC, QUERY, timeout_s=0.2, retries=0)
        looking = asyncio.ensure_future(engine.look(look))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert device.flooded.wait(60)  # blocks this loop, so that nothing is read meanwhile
        result = await looking
        assert (result.outcome, list(result.scalars)) == (Outcome.MEASURED, TRUTH)
        assert engine.stats.kernel_drops > 0
    finally:
        device.stopped = True
        device.sock.sendto(b"", (host, port))
        engine.close()
        device.join(60)
        device.sock.close()
