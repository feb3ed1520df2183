"""A laboratory of network namespaces: one core and many hosts, each with a real snmpd.

The core namespace has a bridge; every host is a namespace of its own on that bridge with an
address of its own. Whatever talks to the hosts (agent, broker, collector, office client,
InfluxDB) runs in the core. Cutting a host off takes its link down on the bridge's side; nothing
on the host itself changes.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMUNITY = "lab-community"


def run(*argv: str) -> str:
    """The output of a command that must succeed."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def wait_for_line(path: Path, words: str, process: subprocess.Popen[bytes], limit_s: float) -> str:
    """The first line of a growing log that contains ``words``; the process must stay alive."""
    end = time.monotonic() + limit_s

    def tail() -> str:
        return path.read_text(errors="replace")[-2000:]

    while True:
        for line in path.read_text(errors="replace").splitlines():
            if words in line:
                return line
        if process.poll() is not None:
            raise RuntimeError(
                f"{process.args!r} ended: {path.read_text(errors='replace')[-2000:]}"
            )
        if time.monotonic() > end:
            raise TimeoutError(
                f"no {words!r} in {path}: {path.read_text(errors='replace')[-2000:]}"
            )
        time.sleep(0.02)


@dataclass
class Host:
    """One host of the lab: its namespace, address, link on the bridge, and its snmpd."""

    name: str
    netns: str
    address: str
    link: str
    conf: Path
    log: Path
    snmpd: subprocess.Popen[bytes] | None = None


@dataclass
class Lab:
    """All namespaces and processes of one laboratory; use as a context manager."""

    folder: Path
    count: int
    prefix: str = field(default_factory=lambda: f"wl{os.getpid() % 100000}")
    hosts: list[Host] = field(default_factory=list)
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def core(self) -> str:
        return f"{self.prefix}core"

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _build(self) -> None:
        run("ip", "netns", "add", self.core)
        inside = ("ip", "-n", self.core)
        run(*inside, "link", "set", "lo", "up")
        run(*inside, "link", "add", "br0", "type", "bridge")
        run(*inside, "addr", "add", "10.99.0.1/24", "dev", "br0")
        run(*inside, "link", "set", "br0", "up")
        for number in range(1, self.count + 1):
            self.hosts.append(self._host(number))
        for host in self.hosts:
            self.start_snmpd(host)

    def _host(self, number: int) -> Host:
        netns = f"{self.prefix}h{number}"
        link, address = f"v{number}", f"10.99.0.{number + 9}"
        run("ip", "netns", "add", netns)
        run("ip", "-n", netns, "link", "set", "lo", "up")
        run("ip", "-n", self.core, "link", "add", link, "type", "veth",
            "peer", "name", "eth0", "netns", netns)  # fmt: skip
        run("ip", "-n", self.core, "link", "set", link, "master", "br0", "up")
        run("ip", "-n", netns, "addr", "add", f"{address}/24", "dev", "eth0")
        run("ip", "-n", netns, "link", "set", "eth0", "up")
        conf = self.folder / f"snmpd-{number}.conf"
        conf.write_text(
            f"rocommunity {COMMUNITY}\nsysName host{number:02d}\nsysLocation lab\n"
            "agentAddress udp:161\n"
        )
        name = f"dev{number:02d}"
        return Host(name, netns, address, link, conf, self.folder / f"snmpd-{number}.log")

    def start_snmpd(self, host: Host) -> None:
        """Start the host's snmpd and wait for its own word that it is up."""
        persistent = self.folder / f"persist-{host.name}"
        persistent.mkdir(exist_ok=True)
        with host.log.open("wb") as log:
            host.snmpd = subprocess.Popen(
                ["ip", "netns", "exec", host.netns, "snmpd", "-f", "-Lo", "-C",
                 "-c", str(host.conf), "-I", "-smux"],
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                env={**os.environ, "SNMP_PERSISTENT_DIR": str(persistent), "MIBS": ""},
            )  # fmt: skip
        self.children.append(host.snmpd)
        wait_for_line(host.log, "NET-SNMP version", host.snmpd, 20)

    def kill_snmpd(self, host: Host) -> None:
        assert host.snmpd
        self.kill(host.snmpd)

    def cut(self, host: Host) -> None:
        run("ip", "-n", self.core, "link", "set", host.link, "down")

    def mend(self, host: Host) -> None:
        run("ip", "-n", self.core, "link", "set", host.link, "up")

    def spawn(self, name: str, argv: Sequence[str]) -> tuple[subprocess.Popen[bytes], Path, Path]:
        """Start a program in the core; its output and errors go to two files of ``folder``."""
        out, err = self.folder / f"{name}.out", self.folder / f"{name}.err"
        with out.open("ab") as stdout, err.open("ab") as stderr:
            process = subprocess.Popen(
                ["ip", "netns", "exec", self.core, *argv],
                stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, start_new_session=True,
            )  # fmt: skip
        self.children.append(process)
        return process, out, err

    def kill(self, process: subprocess.Popen[bytes], sig: signal.Signals = signal.SIGKILL) -> None:
        """Send ``sig`` to the program and wait for its end (``ip netns exec`` execs, same pid)."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sig)
        process.wait(60)

    def close(self) -> None:
        for process in reversed(self.children):
            if process.poll() is None:
                self.kill(process)
        names = [self.core, *(f"{self.prefix}h{n}" for n in range(1, self.count + 1))]
        for netns in names:
            subprocess.run(["ip", "netns", "del", netns], capture_output=True, check=False)
