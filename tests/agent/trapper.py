"""The trap receiver as a process of its own, and Debian's senders."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent import ber
from agent.io.traps_store import TrapRow, TrapStore
from tests.peers import free_port, stop

LIMIT_S = 60.0
LINK_DOWN = "1.3.6.1.6.3.1.1.5.3"
V3 = (
    "-v3", "-l", "authPriv", "-u", "trapper", "-a", "SHA-256", "-A", "auth-secret-1",
    "-x", "AES", "-X", "priv-secret-1",
)  # fmt: skip
USER = {
    "name": "trapper",
    "auth": "SHA-256",
    "auth_password": "auth-secret-1",
    "priv": "AES",
    "priv_password": "priv-secret-1",
}


def until(condition: Callable[[], Any], what: str) -> Any:
    """What ``condition`` answers once it is true."""
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"never: {what}")


@dataclass
class Receiver:
    """``agent.io.traps_receiver`` on a free port."""

    folder: Path
    address: str = "127.0.0.1"
    communities: tuple[str, ...] = ("public",)
    users: tuple[dict[str, str], ...] = (USER,)
    port: int = field(default_factory=lambda: free_port(socket.SOCK_DGRAM))
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; returns when it says that it listens."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "agent.io.traps_receiver"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        orders = {
            "folder": str(self.folder),
            "address": self.address,
            "port": self.port,
            "quota_bytes": 8_000_000,
            "clock": {},
            "communities": self.communities,
            "users": self.users,
        }
        self.process.stdin.write(json.dumps(orders).encode() + b"\n")
        self.process.stdin.flush()
        said = json.loads(self.process.stdout.readline())
        assert "listening" in said, said

    def kill(self, number: int = 9) -> None:
        if self.process is not None:
            stop(self.process, number)
            self.process = None

    def rows(self) -> list[TrapRow]:
        """What is in the store, oldest first."""
        with contextlib.closing(TrapStore.open(self.folder)) as store:
            return store.newest(10_000)[::-1]

    def tally(self) -> dict[str, int]:
        with contextlib.closing(TrapStore.open(self.folder)) as store:
            return store.tally()

    def heard(self) -> int:
        """Datagrams that were decoded, or are lost for good."""
        tally = self.tally()
        return sum(value for name, value in tally.items() if name in _ENDS)

    def engine(self) -> tuple[bytes, int]:
        """Our engine id and its boots."""
        with contextlib.closing(TrapStore.open(self.folder)) as store:
            found = store.db.execute("SELECT engine_id, boots FROM trap_engine").fetchone()
            return bytes(found[0]), int(found[1])

    def trap(self, *given: str, version: tuple[str, ...] = ("-v2c", "-c", "public")) -> None:
        """``snmptrap``; of versions 2c and 3: linkDown of interface 7 unless told otherwise."""
        send("snmptrap", self.port, version, given or ("", LINK_DOWN, *INTERFACE))

    def inform(self, version: tuple[str, ...] = ("-v2c", "-c", "public"), tries: int = 30) -> int:
        """``snmpinform``; its exit status: 0 when it was answered, one try a second."""
        again = ("-t", "1", "-r", str(tries - 1))
        return send("snmpinform", self.port, (*version, *again), ("", LINK_DOWN, *INTERFACE))


_ENDS = {"stored", "folded", "repeated", "kernel_drops", "given_up"}
INTERFACE = ("1.3.6.1.2.1.2.2.1.1.7", "i", "7", "1.3.6.1.2.1.2.2.1.8.7", "i", "2")


def send(command: str, port: int, version: tuple[str, ...], given: tuple[str, ...]) -> int:
    """Run a sender of net-snmp against loopback; its exit status."""
    done = subprocess.run(
        [command, "-t", "1", "-r", "2", *version, f"127.0.0.1:{port}", *given],
        env={**os.environ, "MIBS": "", "SNMP_PERSISTENT_DIR": "/nonexistent"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
        timeout=LIMIT_S,
    )
    return done.returncode


def capture(command: str, version: tuple[str, ...], given: tuple[str, ...]) -> bytes:
    """The first datagram that a sender of net-snmp sends."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.0.1", 0))
        ear.settimeout(LIMIT_S)
        send(command, ear.getsockname()[1], version, given)
        return ear.recv(65_535)


def linkdown(
    index: int = 7,
    *,
    community: bytes = b"public",
    pdu: int = 0xA7,
    more: tuple[tuple[str, bytes], ...] = (),
) -> bytes:
    """The octets of a linkDown of version 2c (RFC 3416 section 4.2.6); ``pdu`` 0xa6: inform."""
    binds = (
        ("1.3.6.1.2.1.1.3.0", ber.encode_integer(4242, ber.TIME_TICKS)),
        ("1.3.6.1.6.3.1.1.4.1.0", ber.encode(ber.OID, ber.oid_content(LINK_DOWN))),
        (f"1.3.6.1.2.1.2.2.1.1.{index}", ber.encode_integer(index)),
        *more,
    )
    listed = b"".join(
        ber.encode(ber.SEQUENCE, ber.encode(ber.OID, ber.oid_content(oid)) + value)
        for oid, value in binds
    )
    zero = ber.encode_integer(0)
    body = ber.encode_integer(4711) + zero + zero + ber.encode(ber.SEQUENCE, listed)
    message = ber.encode_integer(1) + ber.encode(ber.OCTET_STRING, community)
    return ber.encode(ber.SEQUENCE, message + ber.encode(pdu, body))


@contextlib.contextmanager
def receiver(folder: Path, **given: Any) -> Iterator[Receiver]:
    """A running receiver, killed at the end."""
    one = Receiver(folder, **given)
    try:
        one.start()
        yield one
    finally:
        one.kill()
