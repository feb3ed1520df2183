"""Real servers on loopback for tests: started on free ports, ready when they answer, stopped."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import paho.mqtt.client as mqtt

from agent import snmp

READY_S = 60.0
SIMULATOR_S = 60.0
SERVER_PORTS = range(10_000, 32_768)
_CHANCE = random.SystemRandom()  # properties set the seed of the other


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM, host: str = "127.0.0.1") -> int:
    """A port that was free a moment ago, below those that Linux gives to whoever connects.

    So nobody takes it by chance while its server is down, nor connects to himself on it.
    """
    for number in _CHANCE.sample(SERVER_PORTS, 100):
        with socket.socket(socket.AF_INET, kind) as probe, contextlib.suppress(OSError):
            probe.bind((host, number))
            return number
    raise RuntimeError("no port is free")


def stop(process: subprocess.Popen[bytes], sig: int = signal.SIGTERM) -> None:
    """Send ``sig`` (SIGKILL after 10 s) and wait for the end."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(sig)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(60)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def freeze(process: subprocess.Popen[bytes]) -> None:
    """SIGSTOP to a child; returns once it stands still. Thaw it with SIGCONT."""
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)


def hang_up(client: mqtt.Client) -> None:
    """End a paho client and its thread, and all its sockets.

    Else whichever of them is collected first complains, in whatever test runs then.
    """
    client.disconnect()
    client.loop_stop()
    client._reset_sockets()


def wait_for_port(
    process: subprocess.Popen[bytes],
    port: int,
    host: str = "127.0.0.1",
    limit_s: float = READY_S,
) -> None:
    """Return when ``process`` takes a TCP connection; raise when it ends or the time is over."""
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection((host, port), 1):
            return
        time.sleep(0.005)
    raise RuntimeError(f"{process.args!r} takes no connection on port {port}")


@dataclass
class Mosquitto:
    """Debian's mosquitto, persistence off. ``extra`` are further lines of its configuration."""

    folder: Path
    extra: str = "allow_anonymous true\n"
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; returns when it takes a connection."""
        config = self.folder / f"mosquitto-{self.port}.conf"
        config.write_text(
            f"listener {self.port} 127.0.0.1\npersistence false\n"
            f"log_dest file {self.folder}/mosquitto-{self.port}.log\n"
            f"user root\nmax_packet_size 1048576\n{self.extra}",
            encoding="utf-8",
        )
        self.process = subprocess.Popen(["mosquitto", "-c", str(config)], stderr=subprocess.DEVNULL)
        wait_for_port(self.process, self.port)

    def kill(self) -> None:
        """SIGKILL: everything that it held is gone."""
        if self.process is not None:
            stop(self.process, signal.SIGKILL)
            self.process = None

    def restart(self) -> None:
        """SIGKILL, then start again on the same port."""
        self.kill()
        self.start()


@contextlib.contextmanager
def mosquitto(folder: Path, extra: str = "allow_anonymous true\n") -> Iterator[Mosquitto]:
    """A running broker, stopped at the end whatever happens."""
    broker = Mosquitto(folder, extra)
    try:
        broker.start()
        yield broker
    finally:
        broker.kill()


@dataclass
class Influx:
    """Debian's influxd 1.6 with a configuration of its own."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it; returns when it takes a connection."""
        config = self.folder / f"influxd-{self.port}.conf"
        data = self.folder / f"influx-{self.port}"
        config.write_text(
            f'reporting-disabled = true\nbind-address = "127.0.0.1:{free_port()}"\n'
            f'[meta]\ndir = "{data}/meta"\n[data]\ndir = "{data}/data"\nwal-dir = "{data}/wal"\n'
            f"query-log-enabled = false\n[monitor]\nstore-enabled = false\n"
            f'[http]\nbind-address = "127.0.0.1:{self.port}"\nlog-enabled = false\n',
            encoding="utf-8",
        )
        self.process = subprocess.Popen(
            ["influxd", "run", "-config", str(config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for_port(self.process, self.port)

    def kill(self) -> None:
        """SIGKILL; what was committed is in its files."""
        if self.process is not None:
            stop(self.process, signal.SIGKILL)
            self.process = None

    def restart(self) -> None:
        self.kill()
        self.start()


@contextlib.contextmanager
def influxd(folder: Path) -> Iterator[Influx]:
    """A running InfluxDB 1.x, stopped at the end whatever happens."""
    database = Influx(folder)
    try:
        database.start()
        yield database
    finally:
        database.kill()


@dataclass
class Snmpd:
    """Debian's snmpd at one loopback address; SNMP v1 and v2c with ``community``."""

    folder: Path
    address: str = "127.0.0.1"
    community: str = "public"
    extra: str = ""
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; returns when it says that it serves."""
        self.port = self.port or free_port(socket.SOCK_DGRAM, self.address)
        own = self.folder / f"snmpd-{self.address}-{self.port}"
        own.mkdir(exist_ok=True)
        config = own / "snmpd.conf"
        config.write_text(f"rocommunity {self.community}\n{self.extra}", encoding="utf-8")
        self.process = subprocess.Popen(
            ["snmpd", "-f", "-Lo", "-C", "-c", str(config), f"udp:{self.address}:{self.port}"],
            env={"PATH": os.environ["PATH"], "SNMP_PERSISTENT_DIR": str(own), "MIBS": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if b"NET-SNMP version" in line:
                return
        raise RuntimeError(f"snmpd at {self.address}:{self.port} did not start")

    def kill(self) -> None:
        if self.process is not None:
            stop(self.process, signal.SIGKILL)
            self.process = None


@contextlib.contextmanager
def snmpd(folder: Path, address: str = "127.0.0.1", extra: str = "") -> Iterator[Snmpd]:
    """A running snmpd, stopped at the end whatever happens."""
    host = Snmpd(folder, address, extra=extra)
    try:
        host.start()
        yield host
    finally:
        host.kill()


@dataclass
class Snmpsim:
    """snmpsim over recordings: each answers to the community of its name, in v1 and v2c."""

    folder: Path
    recordings: Sequence[Path]
    address: str = "127.0.0.1"
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; returns when it answers."""
        data = self.folder / "snmpsim"
        data.mkdir()
        for recording in self.recordings:
            shutil.copy(recording, data)
        self.port = free_port(socket.SOCK_DGRAM, self.address)
        me = ("--process-user=root", "--process-group=root") if os.geteuid() == 0 else ()
        self.process = subprocess.Popen(
            [
                Path(sys.executable).with_name("snmpsim-command-responder"),
                f"--data-dir={data}",
                f"--cache-dir={self.folder / 'snmpsim-cache'}",
                f"--agent-udpv4-endpoint={self.address}:{self.port}",
                *me,
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._until_it_answers(self.recordings[0].stem.encode())

    def _until_it_answers(self, community: bytes) -> None:
        ask = snmp.template(snmp.V2C, community, snmp.GETNEXT, [b"+"])
        until = time.monotonic() + SIMULATOR_S
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.settimeout(0.2)
            probe.connect((self.address, self.port))
            while time.monotonic() < until:
                assert self.process is not None
                if self.process.poll() is not None:
                    raise RuntimeError(f"snmpsim ended with {self.process.returncode}")
                with contextlib.suppress(TimeoutError, ConnectionRefusedError):
                    probe.send(ask.message(b"\x40\0\0\1"))
                    probe.recv(2000)
                    return
        raise RuntimeError(f"snmpsim at {self.address}:{self.port} does not answer")


@contextlib.contextmanager
def snmpsim(folder: Path, recordings: Sequence[Path]) -> Iterator[Snmpsim]:
    """A running snmpsim, stopped at the end whatever happens."""
    host = Snmpsim(folder, recordings)
    try:
        host.start()
        yield host
    finally:
        if host.process is not None:
            stop(host.process, signal.SIGKILL)
