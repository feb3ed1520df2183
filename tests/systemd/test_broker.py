"""The shipped broker configuration: who may say and hear what, asserted by what is delivered."""

from __future__ import annotations

import datetime as dt
import ipaddress
import queue
import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from tests.peers import free_port, stop, wait_for_port
from wire.catalogue import AGENT, COLLECTOR, OFFICE, OPERATOR, TOPICS

pytestmark = pytest.mark.peers

SHIPPED = Path("systemd/mosquitto")
BASE = "wanglou/1/live/140522"
WHO = ("agent-a", "agent-b", "office-1", "office-2", "collector", "a", "reader")
"""Agents of the operators a and b, two offices, a reader of operator a, one of nothing."""

WAIT_S = 60.0
WORDS: dict[str, tuple[str, ...]] = {
    "operator": ("a", "b", "view", "office", "warning"),
    "agent": ("agent-a", "agent-b"),
    "office": ("office-1", "office-2", "agent-a"),
    "page": ("1",),
    "site": ("s1",),
    "device": ("d1",),
}


def concrete(pattern: str) -> list[str]:
    """The topics of a pattern, every variable level in each of its words."""
    found = re.search(r"\{(\w+)\}", pattern)
    if found is None:
        return [pattern]
    return [
        topic for word in WORDS[found[1]] for topic in concrete(pattern.replace(found[0], word, 1))
    ]


NOBODYS = ("view/a/sites", "office/heartbeat/more", "warning", "a/agent-a", "elsewhere")
ALL = sorted({t for line in TOPICS for t in concrete(line.topic)} | set(NOBODYS))


def matches(topic: str, pattern: str) -> dict[str, str] | None:
    """The variable levels of ``topic`` as ``pattern`` names them, None when it is not one."""
    form = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(pattern))
    found = re.fullmatch(form, topic)
    return found.groupdict() if found else None


def may_write(who: str, topic: str) -> bool:
    """The collector what is its to write; everybody else below their own name."""
    if who == COLLECTOR:
        below = topic.startswith(("view/", "warning/"))
        return below or any(
            line.writer == COLLECTOR and matches(topic, line.topic) is not None for line in TOPICS
        )
    for line in TOPICS:
        names = matches(topic, line.topic)
        if names is None or line.writer not in {AGENT, OFFICE}:
            continue
        if names.get(line.writer) == who:
            return True
    return False


def may_read(who: str, topic: str) -> bool:
    """The collector, what comes up; an office, its own and all views; others, their own."""
    for line in TOPICS:
        names = matches(topic, line.topic)
        if names is None:
            continue
        if who == COLLECTOR and COLLECTOR in line.readers:
            return True
        if who.startswith("office-") and OFFICE in line.readers and names.get("office", who) == who:
            return True
        if OPERATOR in line.readers and names.get("operator", who) == who:
            return True
        own = names.get("agent") or names.get("office")
        if own == who and {AGENT, OFFICE} & set(line.readers):
            return True
    return False


def name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def certificates(folder: Path) -> None:
    """``ca.crt``, ``broker.crt`` and ``broker.key`` for the loopback address."""
    now = dt.datetime.now(dt.UTC)
    authority, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))

    def begun(common: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name(common))
            .issuer_name(name("authority"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(minutes=5))
            .not_valid_after(now + dt.timedelta(days=1))
        )

    root = begun("authority", authority).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    leaf = begun("broker", own).add_extension(here, critical=False)
    (folder / "ca.crt").write_bytes(
        root.sign(authority, hashes.SHA256()).public_bytes(Encoding.PEM)
    )
    (folder / "broker.crt").write_bytes(
        leaf.sign(authority, hashes.SHA256()).public_bytes(Encoding.PEM)
    )
    (folder / "broker.key").write_bytes(
        own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )


def access_list(shipped: str) -> str:
    """The shipped list with the office's block copied for a second office, as it says."""
    block = shipped[shipped.index("user office-1\n") :]
    block = block[: block.index("\n\n") + 1]
    return shipped.replace(block, f"{block}\n{block.replace('office-1', 'office-2')}")


@dataclass
class Broker:
    folder: Path
    who: tuple[str, ...] = WHO
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        certificates(self.folder)
        acl = access_list((SHIPPED / "wanglou.acl").read_text(encoding="utf-8"))
        (self.folder / "wanglou.acl").write_text(acl, encoding="utf-8")
        passwords = self.folder / "wanglou.passwd"
        passwords.touch(mode=0o600)
        for who in self.who:
            subprocess.run(
                ["mosquitto_passwd", "-b", passwords, who, f"secret of {who}"],
                check=True,
                capture_output=True,
            )
        conf = (SHIPPED / "wanglou.conf").read_text(encoding="utf-8")
        for path in ("/etc/mosquitto/certs", "/etc/mosquitto"):
            conf = conf.replace(f"{path}/", f"{self.folder}/")
        conf = conf.replace("listener 8883\n", f"listener {self.port} 127.0.0.1\n")
        assert "/etc" not in conf
        (self.folder / "m.conf").write_text(
            f"{conf}\nuser root\nlog_dest file {self.folder}/log\n", encoding="utf-8"
        )
        self.process = subprocess.Popen(
            ["mosquitto", "-c", self.folder / "m.conf"], stderr=subprocess.DEVNULL
        )
        wait_for_port(self.process, self.port)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    one = Broker(tmp_path_factory.mktemp("broker"))
    one.start()
    yield one
    assert one.process is not None
    stop(one.process)


class Peer:
    """A real MQTT client that keeps what it hears."""

    def __init__(self, broker: Broker, who: str, *, client_id: str = "", qos: int = 1) -> None:
        self.who = who
        self.heard: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.up, self.down, self.listens = (threading.Event() for _ in range(3))
        self.refused: list[Any] = []
        self.qos = qos
        self.client = Client(CallbackAPIVersion.VERSION2, client_id=client_id or who)
        self.client.username_pw_set(who, f"secret of {who}")
        self.client.tls_set(str(broker.folder / "ca.crt"))
        self.client.on_connect = self._connected
        self.client.on_disconnect = lambda *_: self.down.set()
        self.client.on_subscribe = lambda *_: self.listens.set()
        self.client.on_message = self._message
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()
        assert self.up.wait(WAIT_S)

    def _connected(self, _c: Client, _u: Any, _f: Any, code: Any, _p: Any) -> None:
        if code.is_failure:
            self.refused.append(code)
        self.up.set()

    def _message(self, _c: Client, _u: Any, message: MQTTMessage) -> None:
        self.heard.put((message.topic.removeprefix(f"{BASE}/"), bytes(message.payload)))

    def listen(self, *filters: str) -> Peer:
        self.client.subscribe([(one, self.qos) for one in filters])
        assert self.listens.wait(WAIT_S)
        return self

    def say(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        info = self.client.publish(f"{BASE}/{topic}", payload, 1, retain)
        info.wait_for_publish(WAIT_S)

    def until(self, payload: bytes) -> list[tuple[str, bytes]]:
        """Everything heard up to ``payload``."""
        heard: list[tuple[str, bytes]] = []
        while True:
            topic, said = self.heard.get(timeout=WAIT_S)
            if said == payload:
                return heard
            heard.append((topic, said))

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def peers(broker: Broker) -> Iterator[dict[str, Peer]]:
    made = {who: Peer(broker, who).listen("#", "$SYS/#") for who in WHO}
    yield made
    for peer in made.values():
        peer.close()


END = {
    "agent-a": "a/agent-a/ack",
    "agent-b": "b/agent-b/ack",
    "office-1": "office/office-1/ack",
    "office-2": "office/office-2/ack",
    "collector": "a/agent-a/alive",
    "a": "view/a/summary",
    "reader": "view/index",
}
"""By whom each is told that no more is coming: in order, so all before it has come."""


def test_every_cell_of_identity_topic_and_operation(peers: dict[str, Peer]) -> None:
    for who, peer in peers.items():
        for topic in ALL:
            peer.say(topic, who.encode())
    for who, topic in END.items():
        writer = "agent-a" if who == "collector" else "collector"
        peers[writer].say(topic, f"end {who}".encode())
    for reader, peer in peers.items():
        told = f"end {reader}".encode()
        heard = {(t, p.decode()) for t, p in peer.until(told) if not p.startswith(b"end")}
        expected = {
            (topic, writer)
            for writer in WHO
            for topic in ALL
            if may_write(writer, topic) and may_read(reader, topic)
        }
        assert heard == expected, f"{reader}: {sorted(heard ^ expected)}"


def test_the_expectation_itself_is_what_the_design_says() -> None:
    """Cells that must be so, whatever the table above makes of them."""
    assert not may_write("agent-a", "a/agent-b/state")
    assert not may_write("agent-a", "office/office-1/notice")
    assert not may_write("office-1", "office/office-2/receipt")
    assert not any(may_write(who, "view/a/sites/s1") for who in WHO if who != "collector")
    assert not any(may_write(who, "warning/open") for who in WHO if who != "collector")
    assert [who for who in WHO if may_read(who, "warning/open")] == ["office-1", "office-2"]
    assert [who for who in WHO if may_read(who, "office/heartbeat")] == ["office-1", "office-2"]
    assert [who for who in WHO if may_read(who, "view/b/sites/s1")] == ["office-1", "office-2"]
    assert [who for who in WHO if may_read(who, "view/a/sites/s1")] == ["office-1", "office-2", "a"]
    assert [who for who in WHO if may_read(who, "a/agent-a/state")] == ["collector"]
    assert [who for who in WHO if may_read(who, "view/agent-a/state")] == ["collector"]
    assert not any(may_read(who, topic) for who in WHO for topic in NOBODYS)


def test_a_foreign_client_id_takes_nothing_over(broker: Broker, peers: dict[str, Peer]) -> None:
    peers["reader"].close()
    thief = Peer(broker, "reader", client_id="collector").listen("#")
    assert thief.refused == []
    peers["agent-a"].say("a/agent-a/state", b"still")
    assert peers["collector"].heard.get(timeout=WAIT_S) == ("a/agent-a/state", b"still")
    assert not peers["collector"].down.is_set()
    peers["collector"].say("view/index", b"only this")
    assert thief.heard.get(timeout=WAIT_S) == ("view/index", b"only this")
    thief.close()


def test_a_payload_of_300_kb_is_cut_and_one_at_the_limit_is_not(peers: dict[str, Peer]) -> None:
    agent, collector = peers["agent-a"], peers["collector"]
    agent.say("a/agent-a/state", b"x" * 262_144)
    topic, payload = collector.heard.get(timeout=WAIT_S)
    assert (topic, len(payload)) == ("a/agent-a/state", 262_144)
    agent.client.publish(f"{BASE}/a/agent-a/state", b"y" * 300_000, 1)
    assert agent.down.wait(WAIT_S)
    peers["agent-b"].say("b/agent-b/state", b"after it")
    assert collector.heard.get(timeout=WAIT_S) == ("b/agent-b/state", b"after it")


def test_a_wrong_password_and_nobody_are_refused(broker: Broker) -> None:
    for user, password in (("collector", "guess"), ("stranger", "guess"), (None, None)):
        words = ["-u", user, "-P", password] if user and password else []
        done = subprocess.run(
            [
                *("mosquitto_sub", "-h", "127.0.0.1", "-p", str(broker.port), *words),
                *("--cafile", broker.folder / "ca.crt", "-t", "#", "-C", "1", "-W", "5"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode != 0
        assert "ot authori" in done.stderr, done.stderr


def test_plaintext_is_refused(broker: Broker) -> None:
    with socket.create_connection(("127.0.0.1", broker.port), WAIT_S) as plain:
        plain.sendall(bytes.fromhex("101000044d5154540402003c000474657374"))  # CONNECT
        answer = b"".join(iter(lambda: _received(plain), b""))
    assert not answer.startswith(b"\x20"), "a CONNACK in plain text"


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(4096)
    except ConnectionResetError:
        return b""


@pytest.mark.parametrize(
    ("version", "works"), [(ssl.TLSVersion.TLSv1_2, False), (ssl.TLSVersion.TLSv1_3, True)]
)
def test_tls_1_3_alone_is_spoken(broker: Broker, version: ssl.TLSVersion, *, works: bool) -> None:
    context = ssl.create_default_context(cafile=str(broker.folder / "ca.crt"))
    context.minimum_version = context.maximum_version = version
    with socket.create_connection(("127.0.0.1", broker.port), WAIT_S) as plain:
        if works:
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
                assert secure.version() == "TLSv1.3"
        else:
            with pytest.raises((ssl.SSLError, ConnectionResetError)):
                context.wrap_socket(plain, server_hostname="127.0.0.1")


@pytest.mark.parametrize("qos", [0, 1])
def test_a_county_of_retained_topics_reaches_a_new_reader(
    broker: Broker, peers: dict[str, Peer], qos: int
) -> None:
    collector = peers["collector"]
    for number in range(3000):
        info = collector.client.publish(
            f"{BASE}/view/a/sites/s{number}", b"x" * 400, 1, retain=True
        )
    info.wait_for_publish(WAIT_S)
    peers["a"].close()
    late = Peer(broker, "a", qos=qos).listen(f"{BASE}/view/a/#")
    topics = {late.heard.get(timeout=WAIT_S)[0] for _ in range(3000)}
    assert len(topics) == 3000
    late.close()
