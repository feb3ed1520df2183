"""The agent as a process, against real snmpd and mosquitto, received by a receiver of ours."""

from __future__ import annotations

import contextlib
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from pydantic import TypeAdapter

from tests.peers import Mosquitto, Snmpd, hang_up, mosquitto, snmpd, stop
from transport import frames
from transport.delivery import Receiver, Verdict
from wire.codec import decode, unpack
from wire.observation import Event, Look, Outcome, Reading, Round, SampleBody, StateBody, StateItem
from wire.presence import Alive, Birth
from wire.topics import Topics

pytestmark = pytest.mark.peers

WANGLOU = str(Path(sys.executable).with_name("wanglou"))
TOPICS = Topics("140522", "live")
BASE = f"{TOPICS.base}/cmcc/a1"
LIMIT_S = 60.0
STATE = TypeAdapter(StateBody)
SAMPLES = TypeAdapter(SampleBody)


@dataclass
class Collector:
    """Judges frames, keeps what it applies, acknowledges; in a thread of paho's."""

    port: int
    leaves: tuple[str, ...] = ("state", "sample", "birth", "alive")
    receiver: Receiver = field(default_factory=lambda: Receiver(store=1))
    verdicts: list[Verdict] = field(default_factory=list)
    births: list[Birth] = field(default_factory=list)
    alives: list[Alive] = field(default_factory=list)
    items: list[StateItem] = field(default_factory=list)
    samples: list[tuple[str, int, str]] = field(default_factory=list)
    news: Queue[str] = field(default_factory=Queue)
    client: mqtt.Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="collector")
        self.client.on_connect = self._connected
        self.client.on_message = self._arrived
        self.client.reconnect_delay_set(1, 1)
        self.client.connect("127.0.0.1", self.port)
        self.client.loop_start()

    def close(self) -> None:
        hang_up(self.client)

    def _connected(self, *_: Any) -> None:
        for leaf in self.leaves:
            self.client.subscribe(f"{BASE}/{leaf}", 1)

    def _arrived(self, _client: Any, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        leaf = message.topic.rsplit("/", 1)[1]
        payload = bytes(message.payload)
        if leaf == "birth":
            self.births.append(decode(TypeAdapter(Birth), payload))
        elif leaf == "alive":
            self.alives.append(decode(TypeAdapter(Alive), payload))
        else:
            self._row(payload)
        self.news.put(leaf)

    def _row(self, payload: bytes) -> None:
        frame = frames.unwrap(payload)
        verdict = self.receiver.judge(frame.peer, frame.epoch, frame.seq, frame.check, frame.after)
        self.verdicts.append(verdict)
        if verdict.applied and frame.lane == "state":
            items = STATE.validate_json(frame.body).items
            self.items += [one for one in items if isinstance(one, Look | Reading | Round | Event)]
        elif verdict.applied:
            for block in SAMPLES.validate_json(frame.body).blocks:
                self.samples += [
                    (block.profile, at, device)
                    for at, device in zip(block.at_ms, block.device, strict=True)
                ]
        for peer, acked in self.receiver.committed():
            self.client.publish(f"{BASE}/ack", frames.ack_payload(peer.lane, acked), 1)

    def looks(self, outcome: Outcome | None = None) -> list[Look]:
        return [
            item
            for item in self.items
            if isinstance(item, Look) and outcome in {None, item.outcome}
        ]

    def rounds(self) -> list[Round]:
        return [item for item in self.items if isinstance(item, Round)]

    def until(self, condition: Any, what: str) -> None:
        """Wait for news until ``condition()`` holds."""
        until = time.monotonic() + LIMIT_S
        while not condition():
            left = until - time.monotonic()
            assert left > 0, f"never: {what}"
            with contextlib.suppress(Empty):
                self.news.get(timeout=min(left, 1))


@dataclass
class AgentProcess:
    """``wanglou agent run`` with its log kept."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None
    lines: list[dict[str, Any]] = field(default_factory=list)

    def start(self) -> None:
        """Start it; returns when it says ready."""
        self.process = subprocess.Popen(
            [
                WANGLOU,
                "agent",
                "run",
                "--config",
                str(self.folder / "agent.toml"),
            ],
            stderr=subprocess.PIPE,
        )
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if not line.startswith(b"{"):
                raise AssertionError(line)
            self.lines.append(json.loads(line))
            if self.lines[-1]["event"] == "ready":
                return
        raise AssertionError(f"not ready: {self.lines}")

    def kill(self) -> None:
        if self.process is not None:
            stop(self.process, 9)

    def rest(self) -> bytes:
        """What it says until its end."""
        assert self.process is not None
        assert self.process.stderr is not None
        return self.process.stderr.read()

    def stop(self, number: int = 15) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        rest = self.rest()
        self.lines += [json.loads(line) for line in rest.splitlines() if line.startswith(b"{")]
        stop(self.process)
        return int(self.process.returncode)


@dataclass
class Scene:
    broker: Mosquitto
    hosts: list[Snmpd]
    agent: AgentProcess
    collector: Collector


PATIENT_S = 20.0
"""How long one waits who expects an answer, on a machine that may pause for seconds."""


def settings(folder: Path, port: int, hosts: list[Snmpd], *, patience_s: float = 2.0) -> None:
    (folder / "agent.toml").write_text(
        f"""
        [agent]
        id = "a1"
        operator = "cmcc"
        state_dir = "state"
        inventory = "inventory.toml"
        interval_s = 1.0
        snmp_timeout_s = {patience_s}
        icmp_timeout_s = {patience_s}
        icmp_count = 1
        alive_every_s = 0.5
        [county]
        county = "140522"
        [broker]
        port = {port}
        keepalive_s = 20
        """,
        encoding="utf-8",
    )
    targets = "".join(
        f"""
        [[target]]
        device = "d{number}"
        address = "{host.address}"
        port = {host.port}
        credential = "public"
        profiles = ["generic", "interfaces"]
        """
        for number, host in enumerate(hosts, start=1)
    )
    (folder / "inventory.toml").write_text(
        f'{targets}\n[[credential]]\nid = "public"\ncommunity = "{hosts[0].community}"\n',
        encoding="utf-8",
    )


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with contextlib.ExitStack() as stack:
        broker = stack.enter_context(mosquitto(tmp_path))
        hosts = [stack.enter_context(snmpd(tmp_path, f"127.0.3.{number}")) for number in (1, 2, 3)]
        settings(tmp_path, broker.port, hosts, patience_s=PATIENT_S)
        agent = AgentProcess(tmp_path)
        collector = Collector(broker.port)
        stack.callback(collector.close)
        stack.callback(agent.kill)
        yield Scene(broker, hosts, agent, collector)


def both_lanes(collector: Collector) -> None:
    """Wait until each lane has brought something; samples come behind how everything stands."""
    collector.until(
        lambda: {peer.lane for peer in collector.receiver.peers()} >= {"state", "sample"}, "samples"
    )


def consecutive(collector: Collector) -> None:
    """Both lanes came, no round and no sample of an echo twice."""
    assert {peer.lane for peer in collector.receiver.peers()} == {"state", "sample"}
    echoes = [sample for sample in collector.samples if sample[0] == "icmp"]
    assert len(echoes) == len(set(echoes))
    numbers = [one.number for one in collector.rounds()]
    assert numbers == sorted(set(numbers))


def whole(collector: Collector) -> list[tuple[int, tuple[str, ...]]]:
    """How many each round looked at, and whom it missed: it may have been kept from its work."""
    return [(one.looked, one.missed) for one in collector.rounds()]


def test_birth_looks_readings_rounds_and_a_clean_end(scene: Scene) -> None:
    collector, agent = scene.collector, scene.agent
    agent.start()
    collector.until(lambda: len(collector.rounds()) >= 3, "three rounds")
    collector.until(lambda: (3, ()) in whole(collector), "a round of all three")
    (birth,) = collector.births
    assert birth.devices == ("d1", "d2", "d3")
    assert birth.session == collector.alives[-1].session
    looks = collector.looks()
    assert {(look.device, look.method.value, look.outcome.value) for look in looks} == {
        (device, method, "measured") for device in ("d1", "d2", "d3") for method in ("icmp", "snmp")
    }
    assert len(looks) == 6  # nothing changed, so nothing was said twice
    readings = [item for item in collector.items if isinstance(item, Reading)]
    assert ("d1", "lo") in {(reading.device, reading.instance) for reading in readings}
    numbers = [one.number for one in collector.rounds()]
    assert numbers == sorted(set(numbers))  # an agent that was kept waiting skips one
    collector.until(
        lambda: {profile for profile, _, _ in collector.samples} >= {"icmp", "interfaces"},
        "samples of both",
    )
    assert agent.stop() == 0
    collector.until(lambda: not collector.alives[-1].online, "farewell")
    assert collector.alives[-1].session == birth.session
    assert agent.lines[-1]["event"] == "stopped"
    consecutive(collector)


def test_a_dead_snmpd_is_no_dead_host(scene: Scene) -> None:
    collector, agent = scene.collector, scene.agent
    agent.start()
    collector.until(lambda: len(collector.looks()) >= 6, "all devices known")
    scene.hosts[1].kill()
    collector.until(lambda: collector.looks(Outcome.NO_ANSWER), "no answer")
    silent = {(one.device, one.method.value) for one in collector.looks(Outcome.NO_ANSWER)}
    assert silent == {("d2", "snmp")}
    scene.hosts[1].start()
    collector.until(
        lambda: (
            collector.items
            and collector.looks()[-1].outcome is Outcome.MEASURED
            and collector.looks()[-1].device == "d2"
        ),
        "back",
    )
    agent.stop()


def test_kills_of_agent_and_broker_leave_no_gap_and_no_double(scene: Scene) -> None:
    collector, agent = scene.collector, scene.agent
    sessions = []
    for _ in range(3):
        agent.start()
        births = len(collector.births)
        collector.until(lambda b=births: len(collector.births) > b, "birth")
        sessions.append(collector.births[-1].session)
        rounds = len(collector.rounds())
        collector.until(lambda r=rounds: len(collector.rounds()) > r, "a round")
        agent.stop(9)
    agent.start()
    for _ in range(2):
        rounds = len(collector.rounds())
        scene.broker.kill()
        time.sleep(1.2)  # a round is buffered meanwhile
        scene.broker.start()
        collector.until(lambda r=rounds: len(collector.rounds()) > r + 1, "rounds after the broker")
    assert sessions == sorted(set(sessions))
    both_lanes(collector)
    assert agent.stop() == 0
    assert Verdict.OLD_EPOCH not in collector.verdicts
    assert collector.verdicts.count(Verdict.NEW_EPOCH) == 2  # the first row of each lane
    consecutive(collector)


def test_a_collector_that_comes_later_still_gets_birth_and_everything_known(scene: Scene) -> None:
    scene.collector.close()
    scene.agent.start()
    early = Collector(scene.broker.port, ("birth",))  # it acknowledges nothing
    early.until(lambda: early.births, "birth")
    early.close()
    later = Collector(scene.broker.port)
    try:
        later.until(lambda: later.births and len(later.looks()) >= 6, "retained birth, all looks")
    finally:
        later.close()
    scene.agent.stop()


def test_a_will_of_the_session_tells_of_a_death(scene: Scene) -> None:
    collector, agent = scene.collector, scene.agent
    agent.start()
    collector.until(lambda: collector.alives and collector.alives[-1].online, "online")
    session = collector.births[-1].session
    agent.stop(9)
    collector.until(lambda: not collector.alives[-1].online, "Last Will")
    assert collector.alives[-1].session == session


def test_a_second_agent_on_the_same_directory_is_refused(scene: Scene) -> None:
    scene.agent.start()
    second = subprocess.run(
        [
            WANGLOU,
            "agent",
            "run",
            "--config",
            str(scene.agent.folder / "agent.toml"),
        ],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 1
    assert b"another agent runs with the state directory" in second.stderr
    scene.agent.stop()


def test_a_disk_that_fails_ends_the_process_and_nothing_is_lost(scene: Scene) -> None:
    collector, agent = scene.collector, scene.agent
    agent.start()
    collector.until(collector.rounds, "a round")
    assert agent.process is not None
    wal = agent.folder / "state" / "agent.db-wal"
    resource.prlimit(agent.process.pid, resource.RLIMIT_FSIZE, (wal.stat().st_size, -1))
    assert agent.process.wait(LIMIT_S) == 74
    assert b"the outbox cannot be written, ending: disk I/O error" in agent.rest()
    agent.kill()
    rounds = len(collector.rounds())
    agent.start()
    collector.until(lambda: len(collector.rounds()) > rounds, "a round after the restart")
    both_lanes(collector)
    assert agent.stop() == 0
    consecutive(collector)


@pytest.mark.parametrize("part", ["agent.app.Agent._echoed", "agent.io.snmp.SnmpEngine._drain"])
def test_a_fault_of_ours_ends_the_process_instead_of_the_looking(scene: Scene, part: str) -> None:
    owner, name = part.rsplit(".", 1)
    module, of = owner.rsplit(".", 1)
    broken = (
        f"import {module} as m\n"
        "def fails(*_):\n    raise RuntimeError('a planted fault')\n"
        f"m.{of}.{name} = fails\n"
        "from cli.main import app\n"
        f"app(['agent', 'run', '--config', {str(scene.agent.folder / 'agent.toml')!r}])\n"
    )
    process = subprocess.Popen([sys.executable, "-c", broken], stderr=subprocess.PIPE)
    try:
        _, said = process.communicate(timeout=LIMIT_S)
    finally:
        stop(process, 9)
    assert process.returncode == 1
    assert b"a planted fault" in said


def test_no_word_of_the_community_leaves_the_host(scene: Scene) -> None:
    """FAULTS S10: logs, topics, files and process list; the inventory alone has it."""
    inventory = scene.agent.folder / "inventory.toml"
    text = inventory.read_text(encoding="utf-8")
    canary = 'community = "canary-5b1e"'
    before = f'community = "{scene.hosts[0].community}"'
    inventory.write_text(text.replace(before, canary), encoding="utf-8")
    assert canary in inventory.read_text(encoding="utf-8")
    config = scene.agent.folder / "agent.toml"  # silence is waited for
    config.write_text(config.read_text().replace(f"timeout_s = {PATIENT_S}", "timeout_s = 2.0"))
    seen: list[bytes] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="ear")
    client.on_message = lambda _c, _u, message: seen.append(
        message.topic.encode() + b" " + _inflated(bytes(message.payload))
    )

    def listen(*_: Any) -> None:
        client.subscribe("#", 1)

    client.on_connect = listen
    client.connect("127.0.0.1", scene.collector.port)
    client.loop_start()
    scene.agent.start()
    assert scene.agent.process is not None
    scene.collector.until(lambda: scene.collector.looks(Outcome.NO_ANSWER), "a refused community")
    scene.collector.until(scene.collector.rounds, "a round")
    words = Path(f"/proc/{scene.agent.process.pid}/cmdline").read_bytes()
    scene.agent.stop()
    hang_up(client)
    files = [path for path in (scene.agent.folder / "state").rglob("*") if path.is_file()]
    said = [
        words,
        json.dumps(scene.agent.lines).encode(),
        *seen,
        *(path.read_bytes() for path in files),
    ]
    assert len(seen) > 2
    assert not [one[:200] for one in said if b"canary" in one]


def _inflated(payload: bytes) -> bytes:
    return unpack(payload) if payload else payload
