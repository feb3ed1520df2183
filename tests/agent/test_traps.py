"""Traps at a real agent: a look at once, told in the state lane, and a receiver that comes back."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from agent.io.traps_store import TrapRow, TrapStore
from tests.agent.test_app import PATIENT_S, AgentProcess, Collector, settings
from tests.agent.trapper import LINK_DOWN, linkdown, send, until
from tests.peers import Snmpd, free_port, mosquitto, snmpd
from wire.observation import Event, Outcome, Reading

pytestmark = pytest.mark.peers

OPER_STATUS = "1.3.6.1.2.1.2.2.1.8.1"
SETTABLE = f"rwcommunity private\noverride -rw .{OPER_STATUS} integer 1\n"
PUBLIC = ("-v2c", "-c", "public")
COLD_START = "1.3.6.1.6.3.1.1.5.1"


@dataclass
class Scene:
    """One device at 127.0.4.1, looked at once an hour, whose interface can be taken down."""

    host: Snmpd
    agent: AgentProcess
    collector: Collector
    port: int

    def link(self, status: int) -> None:
        subprocess.run(
            ["snmpset", "-v2c", "-c", "private", f"{self.host.address}:{self.host.port}",
             OPER_STATUS, "i", str(status)],
            env={**os.environ, "MIBS": ""}, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def trap(self, oid: str = LINK_DOWN) -> None:
        """From the device's own address, as Debian's snmptrap sends it."""
        binds = ("1.3.6.1.2.1.2.2.1.1.1", "i", "1")
        send("snmptrap", self.port, (*PUBLIC, "--clientaddr=127.0.4.1"), ("", oid, *binds))

    def woken(self) -> bool:
        """Send a coldStart; whether one has led to a look."""
        self.trap(COLD_START)
        return bool(self.links())

    def events(self, kind: str = "linkDown") -> list[Event]:
        return [one for one in self.collector.items if isinstance(one, Event) and one.kind == kind]

    def links(self) -> list[float | int | None]:
        return [
            one.value
            for one in self.collector.items
            if isinstance(one, Reading) and (one.metric, one.instance) == ("if_link", "lo")
        ]

    def rows(self) -> list[TrapRow]:
        with contextlib.closing(TrapStore.open(self.agent.folder / "state")) as store:
            return store.newest(1000)

    def other(self, pid: int) -> bool:
        """Whether there is a receiver other than this one."""
        return self.receiver() not in {0, pid}

    def receiver(self) -> int:
        """The receiver's process id."""
        assert self.agent.process is not None
        pid = self.agent.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children else 0


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with contextlib.ExitStack() as stack:
        broker = stack.enter_context(mosquitto(tmp_path))
        host = stack.enter_context(snmpd(tmp_path, "127.0.4.1", SETTABLE))
        port = free_port(socket.SOCK_DGRAM)
        settings(tmp_path, broker.port, [host], patience_s=PATIENT_S)
        config = tmp_path / "agent.toml"
        text = config.read_text().replace("interval_s = 1.0", "interval_s = 3600.0")
        config.write_text(f'{text}\n[traps]\nlisten = "127.0.0.1"\nport = {port}\n')
        agent = AgentProcess(tmp_path)
        collector = Collector(broker.port)
        stack.callback(collector.close)
        stack.callback(agent.kill)
        agent.start()
        yield Scene(host, agent, collector, port)


def listens(port: int) -> bool:
    """Whether somebody has this UDP port: before that a trap is lost."""
    _, *lines = Path("/proc/net/udp").read_text().splitlines()
    return any(line.split()[1].endswith(f":{port:04X}") for line in lines)


def known(scene: Scene) -> None:
    """A first trap has led to a first look, and no other one is to come."""
    until(lambda: listens(scene.port), "a receiver")
    scene.trap(COLD_START)
    scene.collector.until(scene.links, "the first look")
    scene.collector.until(lambda: scene.events("coldStart"), "the event of the first trap")


def test_a_trap_leads_to_a_look_that_counts(scene: Scene) -> None:
    known(scene)
    scene.link(2)
    scene.trap()
    scene.collector.until(lambda: scene.links()[-1] == 2, "the changed state")
    scene.collector.until(scene.events, "the event")
    (event,) = scene.events()
    assert (event.device, event.look, event.source) == ("d1", Outcome.MEASURED, "trap")
    assert event.changed >= 1
    assert event.text == "ifIndex.1=1"
    assert not scene.collector.rounds()  # long before its turn
    until(lambda: all(row.taken == row.count for row in scene.rows()), "all taken")
    assert {row.device for row in scene.rows()} == {"d1"}


def test_a_trap_that_lies_changes_nothing(scene: Scene) -> None:
    known(scene)
    before = len(scene.links())
    scene.trap()
    scene.collector.until(scene.events, "the event")
    assert scene.events()[0].changed == 0
    assert scene.links()[before:] == []


def test_of_a_stranger_it_is_kept_and_nothing_follows(scene: Scene) -> None:
    known(scene)
    send("snmptrap", scene.port, PUBLIC, ("", "1.3.6.1.4.1.99999.0.7"))
    row = until(
        lambda: next((one for one in scene.rows() if one.source == "127.0.0.1"), None), "its row"
    )
    assert (row.oid, row.device) == ("1.3.6.1.4.1.99999.0.7", "")
    assert not scene.events("1.3.6.1.4.1.99999.0.7")


def test_a_killed_receiver_comes_back_and_what_it_answered_is_there(scene: Scene) -> None:
    known(scene)
    answered = 0
    for number in range(6):
        given = ("", LINK_DOWN, "1.3.6.1.2.1.2.2.1.1.1", "i", str(number))
        if send("snmpinform", scene.port, (*PUBLIC, "--clientaddr=127.0.4.1"), given) == 0:
            answered += 1
        if number % 2:
            pid = until(scene.receiver, "a receiver")
            os.kill(pid, signal.SIGKILL)
            until(partial(scene.other, pid), "another receiver")
    stored = [row for row in scene.rows() if row.confirmed]
    assert answered > 0
    assert sum(row.count for row in stored) >= answered
    scene.collector.until(lambda: sum(one.count for one in scene.events()) >= answered, "all told")


def test_a_storm_delays_nobody(scene: Scene) -> None:
    known(scene)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("127.0.4.1", 0))
        sender.connect(("127.0.0.1", scene.port))
        for number in range(5000):
            sender.send(linkdown(number % 40))
    scene.link(2)
    scene.trap()
    scene.collector.until(lambda: scene.links()[-1] == 2, "the changed state in the storm")

    def heard() -> bool:
        with contextlib.closing(TrapStore.open(scene.agent.folder / "state")) as store:
            tally = store.tally()
        ends = ("stored", "folded", "kernel_drops", "given_up")
        return sum(tally.get(name, 0) for name in ends) >= 5002

    until(heard, "every trap counted")
    assert len(scene.rows()) < 400


def test_another_place_and_another_community_take_force_at_a_hangup(scene: Scene) -> None:
    known(scene)
    folder, first = scene.agent.folder, scene.receiver()
    config = folder / "agent.toml"
    (folder / "access.toml").write_text('communities = ["other"]\n', encoding="utf-8")
    config.write_text(config.read_text() + 'access = "access.toml"\n', encoding="utf-8")
    assert scene.agent.process is not None
    scene.agent.process.send_signal(1)
    until(lambda: scene.other(first), "another receiver")

    def believed() -> bool:
        binds = ("1.3.6.1.2.1.2.2.1.1.1", "i", "1")
        words = ("-v2c", "-c", "other", "--clientaddr=127.0.4.1")
        send("snmptrap", scene.port, words, ("", "1.3.6.1.6.3.1.1.5.4", *binds))
        return bool(scene.events("linkUp"))

    until(believed, "a trap of the new community")
    told = len(scene.events("coldStart"))
    refused = len([row for row in scene.rows() if row.refused])
    until(
        lambda: scene.woken() and len([r for r in scene.rows() if r.refused]) > refused, "a refusal"
    )
    assert len(scene.events("coldStart")) == told
