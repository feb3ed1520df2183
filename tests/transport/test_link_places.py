"""Several brokers, leaving on purpose, and what is wrong with a certificate in plain words."""

from __future__ import annotations

import asyncio
import gc
import signal
import ssl
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
from tests.peers import free_port, mosquitto
from transport.io import link as links
from transport.io.link import Link, Message
from transport.io.tls import plainly

pytestmark = pytest.mark.peers

LIMIT_S = 60.0


class Station:
    """A link that says when it is up and down, and what it hears of ``hears``."""

    def __init__(self, broker: BrokerSettings, name: str = "one", hears: str = "") -> None:
        self.ups: asyncio.Queue[int] = asyncio.Queue()
        self.downs: asyncio.Queue[str] = asyncio.Queue()
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()
        self.link = Link(
            broker,
            client_id=name,
            subscriptions=(hears,) if hears else (),
            will=lambda: None if hears else Message("t/last", b"lost"),
            on_message=lambda message: self.heard.put_nowait(message.payload),
            on_connected=self._connected,
            on_disconnected=self.downs.put_nowait,
        )

    async def _connected(self) -> None:
        self.ups.put_nowait(self.link.place.port)

    async def up(self) -> int:
        async with asyncio.timeout(LIMIT_S):
            return await self.ups.get()

    async def down(self) -> str:
        async with asyncio.timeout(LIMIT_S):
            return await self.downs.get()


def settings(first: int, *also: int, **more: object) -> BrokerSettings:
    places = [{"port": port} for port in also]
    return BrokerSettings.model_validate({"port": first, "also": places, **more}, strict=False)


async def test_the_next_broker_serves_and_the_first_is_gone_back_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "RETURN_S", 0.05)
    with mosquitto(tmp_path) as first, mosquitto(tmp_path) as second:
        station = Station(settings(first.port, free_port(), second.port))
        running = asyncio.create_task(station.link.run())
        try:
            assert await station.up() == first.port
            first.kill()
            await station.down()
            assert await station.up() == second.port
            assert await station.link.publish("t/x", b"x")
            first.start()
            assert await station.down() == "back to the first broker"
            assert await station.up() == first.port
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_who_leaves_comes_back_later(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        station = Station(settings(broker.port))
        running = asyncio.create_task(station.link.run())
        try:
            await station.up()
            answer = station.link.post("t/x", b"x")
            station.link.leave(0.2)
            assert await station.down() == "leaving for a while"
            assert answer is not None
            assert answer.done()
            await station.up()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_who_leaves_is_not_taken_for_lost(tmp_path: Path) -> None:
    """Whatever the broker still has to write when it comes to our good-bye."""
    with mosquitto(tmp_path) as broker:
        ear = Station(settings(broker.port), "ear", "t/last")
        one = Station(settings(broker.port))
        running = [asyncio.create_task(station.link.run()) for station in (ear, one)]
        assert broker.process is not None
        try:
            await ear.up()
            await one.up()
            broker.process.send_signal(signal.SIGSTOP)
            for _ in range(50):
                one.link.post("t/x", b"x")
            one.link.leave(0.0)
            await one.down()
            broker.process.send_signal(signal.SIGCONT)
            await one.up()
            assert await one.link.publish("t/last", b"back")
            async with asyncio.timeout(LIMIT_S):
                assert await ear.heard.get() == b"back"
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


class Authority:
    """A certificate authority of our own, with servers of every kind of trouble."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.key = folder, Ed25519PrivateKey.generate()
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.write(name, self.name, self.key, x509.BasicConstraints(ca=True, path_length=0))

    def server(self, name: str, *, address: str = "127.0.0.1", until_h: int = 24) -> None:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
        self.write(name, subject, Ed25519PrivateKey.generate(), names, until_h=until_h)

    def write(
        self,
        name: str,
        subject: x509.Name,
        key: Ed25519PrivateKey,
        extension: x509.ExtensionType,
        *,
        until_h: int = 24,
    ) -> None:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=48))
            .not_valid_after(now + timedelta(hours=until_h))
            .add_extension(extension, critical=True)
        )
        pem = builder.sign(self.key, None).public_bytes(Encoding.PEM)
        (self.folder / f"{name}.crt").write_bytes(pem)
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (self.folder / f"{name}.key").write_bytes(secret)


# paho leaves the socket of a failed handshake to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("server", "cafile", "sentence"),
    [
        ("good", "foreign", "is not of our authority (cafile)"),
        ("expired", "ca", "has expired"),
        ("elsewhere", "ca", "is for another name"),
        (None, "ca", "speak no TLS"),
    ],
)
async def test_what_is_wrong_with_a_certificate_is_said(
    tmp_path: Path, server: str | None, cafile: str, sentence: str
) -> None:
    ours = Authority(tmp_path, "ca")
    Authority(tmp_path, "foreign")
    ours.server("good")
    ours.server("expired", until_h=-24)
    ours.server("elsewhere", address="192.0.2.1")
    extra = "allow_anonymous true\n"
    if server is not None:
        extra += f"certfile {tmp_path}/{server}.crt\nkeyfile {tmp_path}/{server}.key\n"
    with mosquitto(tmp_path, extra) as broker:
        link = Link(
            settings(broker.port, cafile=str(tmp_path / f"{cafile}.crt")),
            client_id="one",
            on_message=lambda _: None,
        )
        with structlog.testing.capture_logs() as lines:
            assert not await link._once()
        said = [str(line.get("reason")) for line in lines]
        gc.collect()
    assert any(sentence in one and "127.0.0.1" in one for one in said), said


async def test_the_right_authority_and_name_are_taken(tmp_path: Path) -> None:
    Authority(tmp_path, "ca").server("good")
    extra = f"allow_anonymous true\ncertfile {tmp_path}/good.crt\nkeyfile {tmp_path}/good.key\n"
    with mosquitto(tmp_path, extra) as broker:
        station = Station(settings(broker.port, cafile=str(tmp_path / "ca.crt")))
        running = asyncio.create_task(station.link.run())
        try:
            await station.up()
            assert await station.link.publish("t/x", b"x")
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def test_other_errors_stay_as_they_are() -> None:
    assert plainly(ConnectionRefusedError(111, "refused"), "h") == "[Errno 111] refused"
    assert plainly(ssl.SSLError(1, "odd"), "h").endswith("odd")
