from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
import structlog
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from config.settings import BrokerSettings
from tests.peers import Mosquitto, free_port, freeze, mosquitto
from transport.io.link import Link, Message
from wire.codec import MAX_PAYLOAD

pytestmark = pytest.mark.peers


class Station:
    """A link with everything it says kept in lists."""

    def __init__(self, broker: BrokerSettings, name: str, *topics: str) -> None:
        self.arrived: asyncio.Queue[Message] = asyncio.Queue()
        self.up = asyncio.Event()
        self.down = asyncio.Event()
        self.reasons: list[str] = []
        self.sessions = 0
        self.will: Message | None = None
        self.link = Link(
            broker,
            client_id=name,
            subscriptions=topics,
            will=self._will,
            on_message=self.arrived.put_nowait,
            on_connected=self._connected,
            on_disconnected=self._disconnected,
        )

    def _will(self) -> Message | None:
        self.sessions += 1
        return self.will and self.will._replace(payload=str(self.sessions).encode())

    async def _connected(self) -> None:
        self.down.clear()
        self.up.set()

    def _disconnected(self, reason: str) -> None:
        self.reasons.append(reason)
        self.up.clear()
        self.down.set()


@contextlib.asynccontextmanager
async def running(*stations: Station) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(station.link.run()) for station in stations]
    try:
        async with asyncio.timeout(60):
            for station in stations:
                await station.up.wait()
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path) as started:
        yield started


def at(broker: Mosquitto, **more: object) -> BrokerSettings:
    return BrokerSettings.model_validate({"port": broker.port, **more})


async def test_messages_arrive_in_order_and_the_broker_answers(broker: Mosquitto) -> None:
    one, two = Station(at(broker), "one"), Station(at(broker), "two", "t/#")
    async with running(one, two):
        for number in range(200):
            assert await one.link.publish("t/x", str(number).encode())
        got = [int((await two.arrived.get()).payload) for _ in range(200)]
    assert got == list(range(200))


async def test_it_comes_back_after_the_broker_was_killed(broker: Mosquitto) -> None:
    one, two = Station(at(broker), "one"), Station(at(broker), "two", "t/#")
    async with running(one, two):
        for number in range(3):
            broker.kill()
            await one.down.wait()
            await two.down.wait()
            assert not await one.link.publish("t/x", b"into the void")
            broker.start()
            await one.up.wait()
            await two.up.wait()
            assert await one.link.publish("t/x", str(number).encode())
            assert (await two.arrived.get()).payload == str(number).encode()
    assert len(one.reasons) >= 3


async def test_a_publish_in_flight_is_answered_at_the_disconnection(broker: Mosquitto) -> None:
    one = Station(at(broker), "one")
    async with running(one):
        assert broker.process is not None
        freeze(broker.process)  # nothing is answered
        answer = one.link.post("t/x", b"x")
        assert answer is not None
        await asyncio.sleep(0)
        assert not answer.done()
        broker.kill()
        assert await answer is False


async def test_the_will_carries_the_session_of_its_connection(broker: Mosquitto) -> None:
    watcher = Station(at(broker), "watcher", "alive/#")
    one = Station(at(broker), "one")
    one.will = Message("alive/one", b"", retain=True)
    async with running(watcher):
        task = asyncio.create_task(one.link.run())
        await one.up.wait()
        sessions = one.sessions
        taker = Station(at(broker), "one")  # the same client id: the broker throws the first out
        async with running(taker):
            died = await watcher.arrived.get()
            assert int(died.payload) == sessions
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_two_clients_of_one_id_are_named(broker: Mosquitto) -> None:
    one, two = Station(at(broker), "same"), Station(at(broker), "same")
    with structlog.testing.capture_logs() as lines:
        async with running(one):
            task = asyncio.create_task(two.link.run())
            while not any("another client" in line["event"] for line in lines):
                one.down.clear()
                await one.down.wait()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_a_silent_cut_is_noticed_without_any_traffic(broker: Mosquitto) -> None:
    one = Station(at(broker, keepalive_s=2), "one")
    async with running(one):
        assert broker.process is not None
        before = len(one.reasons)  # its own ping may have been late for the broker
        freeze(broker.process)  # the connection stays, nothing answers
        await one.down.wait()
        broker.process.send_signal(signal.SIGCONT)
        await one.up.wait()
    assert "Keep alive" in " ".join(one.reasons[before:])


ACL = "allow_anonymous true\nacl_file {folder}/acl\n"


async def test_a_refused_publish_is_seen(tmp_path: Path) -> None:
    (tmp_path / "acl").write_text("topic readwrite allowed/#\n", encoding="utf-8")
    with mosquitto(tmp_path, ACL.format(folder=tmp_path)) as broker:
        one = Station(at(broker), "one")
        async with running(one):
            assert await one.link.publish("allowed/x", b"x")
            assert not await one.link.publish("forbidden/x", b"x")


async def test_username_is_the_client_id_and_the_password_comes_from_its_file(
    tmp_path: Path,
) -> None:
    passwords = tmp_path / "passwords"
    command = ["mosquitto_passwd", "-b", "-c", str(passwords), "agent1", "secret"]
    subprocess.run(command, check=True)  # noqa: ASYNC221  nothing else runs yet
    (tmp_path / "pw").write_text("secret\n", encoding="utf-8")
    (tmp_path / "acl").write_text("pattern readwrite of/%c/#\n", encoding="utf-8")
    extra = f"password_file {passwords}\nacl_file {tmp_path}/acl\n"
    with mosquitto(tmp_path, extra) as broker:
        settings = at(broker, username="agent1", password_file=tmp_path / "pw")
        one = Station(settings, "ignored")
        async with running(one):
            assert await one.link.publish("of/agent1/x", b"x")
        (tmp_path / "pw").unlink()
        assert not await one.link._once()  # a running agent goes on buffering
        with pytest.raises(FileNotFoundError):
            await Station(settings, "ignored").link._once()


async def test_a_host_that_cannot_be_a_name_is_no_connection() -> None:
    assert not await Station(BrokerSettings(host="a..b"), "one").link._once()


async def test_a_payload_over_the_limit_is_not_handed_on(broker: Mosquitto) -> None:
    one, two = Station(at(broker), "one"), Station(at(broker), "two", "t/#")
    async with running(one, two):
        assert not await one.link.publish("t/large", b"x" * (MAX_PAYLOAD + 1))
        assert one.link.too_large == 1
        assert one.link._client is not None
        for topic, more in (("t/large", 1), ("t/huge", 10_000)):  # as somebody else might
            one.link._client._client.publish(topic, b"x" * (MAX_PAYLOAD + more), 1)
        assert await one.link.publish("t/last", b"x")
        assert (await two.arrived.get()).topic == "t/last"
    assert two.link.too_large == 1  # the broker has kept the huge one back: MQTT 5's limit


async def test_no_broker_yet_is_no_error(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    one = Station(at(broker), "one")
    task = asyncio.create_task(one.link.run())
    try:
        broker.start()
        async with asyncio.timeout(60):
            await one.up.wait()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        broker.kill()


async def test_a_broker_of_mqtt_3_alone_is_spoken_to_in_its_version(broker: Mosquitto) -> None:
    """A proxy that answers an MQTT 5 CONNECT as a 3.1.1 broker does: CONNACK with code 1."""
    seen: list[int] = []

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.read(65536)
        level = first[first.index(b"MQTT") + 4]
        seen.append(level)
        if level == 5:
            writer.write(b"\x20\x02\x00\x01")
            writer.close()
            return
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", broker.port)
        up_writer.write(first)
        await asyncio.gather(pipe(reader, up_writer), pipe(up_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    one = Station(BrokerSettings(port=port), "one")
    async with running(one):
        assert await one.link.publish("t/x", b"x")
    server.close()
    assert seen == [5, 4]


def authority(folder: Path, name: str) -> tuple[x509.Name, Ed25519PrivateKey]:
    """A certificate authority of our own in ``NAME.crt``."""
    key = Ed25519PrivateKey.generate()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certify(
        folder, name, key, (subject, subject, key), x509.BasicConstraints(ca=True, path_length=0)
    )
    return subject, key


def certify(
    folder: Path,
    name: str,
    key: Ed25519PrivateKey,
    names: tuple[x509.Name, x509.Name, Ed25519PrivateKey],
    *extensions: x509.ExtensionType,
) -> None:
    """Write ``NAME.crt`` and ``NAME.key``; ``names``: subject, issuer, the issuer's key."""
    now = datetime.now(UTC)
    subject, issuer, signer = names
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    pem = builder.sign(signer, None).public_bytes(Encoding.PEM)
    (folder / f"{name}.crt").write_bytes(pem)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / f"{name}.key").write_bytes(secret)


def certificates(folder: Path) -> None:
    """An authority, a server of it on 127.0.0.1, and a foreign authority."""
    issuer, signer = authority(folder, "ca")
    authority(folder, "foreign")
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    key = Ed25519PrivateKey.generate()
    certify(folder, "server", key, (subject, issuer, signer), alternative)


# paho leaves the socket of a failed handshake to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_tls_with_the_right_authority_alone(tmp_path: Path) -> None:
    certificates(tmp_path)
    extra = f"allow_anonymous true\ncertfile {tmp_path}/server.crt\nkeyfile {tmp_path}/server.key\n"
    with mosquitto(tmp_path, extra) as broker:
        one = Station(at(broker, cafile=tmp_path / "ca.crt"), "one")
        async with running(one):
            assert await one.link.publish("t/x", b"x")
        other = Station(at(broker, cafile=tmp_path / "foreign.crt"), "other")
        assert not await other.link._once()
        assert not other.up.is_set()
        gc.collect()


async def test_a_missing_certificate_file_is_no_silent_plain_text(tmp_path: Path) -> None:
    settings = BrokerSettings.model_validate(
        {"port": free_port(), "cafile": tmp_path / "missing.crt"}
    )
    with pytest.raises((FileNotFoundError, ssl.SSLError)):
        await Station(settings, "one").link.run()


async def test_a_link_ends_at_whatever_moment_it_is_told_to(broker: Mosquitto) -> None:
    for number in range(150):
        station = Station(at(broker), "one", "t/#")
        running = asyncio.create_task(station.link.run())
        await asyncio.sleep(number / 20_000)  # connecting takes some milliseconds
        running.cancel()
        done, _ = await asyncio.wait({running}, timeout=60)
        assert done, f"cancelled after {number / 20} ms and still running"
