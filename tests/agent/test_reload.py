"""SIGHUP: another configuration is taken whole or not at all, and nothing that runs is lost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from agent.devices import STEP, AgentFault, Device, Diff, Fleet, building, fleet, merged
from agent.io.reloader import STEP_S, Reloader
from agent.io.setup import load_apart, load_setup
from agent.io.snmp import SnmpEngine, SnmpOptions
from agent.reload import RELOADED, NeedsRestart, Setup, check
from agent.roster import Roster
from config.faults import ConfigError
from config.inventory import Inventory, Target
from config.io.load import load_profiles
from config.settings import AgentOptions
from tests.agent.liar import Liar
from tests.agent.test_app import AgentProcess, Collector, Scene, settings
from tests.peers import free_port, mosquitto, snmpd
from transport.io import log as logs
from transport.io.notify import Notifier
from wire.observation import Outcome

SETTINGS = """
[agent]
id = "a1"
operator = "cmcc"
state_dir = "state"
inventory = "inventory.toml"
{more}
[county]
county = "140522"
"""
TARGET = '[[target]]\ndevice = "{}"\naddress = "127.0.14.{}"\ncredential = "{}"\n{}\n'
CREDENTIALS = """
[[credential]]
id = "ro"
community = "one"
[[credential]]
id = "rw"
community = "two"
"""
PROFILES = 'profiles = ["generic"]'
SHIPPED = load_profiles()


def setup(folder: Path, targets: str, *, more: str = "", credentials: str = CREDENTIALS) -> Setup:
    (folder / "agent.toml").write_text(SETTINGS.format(more=more), encoding="utf-8")
    (folder / "inventory.toml").write_text(targets + credentials, encoding="utf-8")
    return load_setup(folder / "agent.toml")


def made(one: Setup, before: Fleet | None = None) -> Fleet:
    return fleet(one.settings, one.roster, one.profiles, before)


def target(name: str, last: int = 1, credential: str = "ro", more: str = PROFILES) -> str:
    return TARGET.format(name, last, credential, more)


BOTH = 'credentials = ["ro", "rw"]\nprofiles = ["generic"]'


def listed(name: str) -> str:
    return target(name).replace('credential = "ro"\n', "").replace(PROFILES, BOTH)


@pytest.mark.parametrize(
    ("now", "changed"),
    [
        (target("d"), False),
        (target("d", more=f"{PROFILES}\ninterval_s = 5"), False),
        (target("d", 2), True),
        (target("d", credential="rw"), True),
        (target("d", more=f"{PROFILES}\nport = 1161"), True),
        (target("d", more=f"{PROFILES}\nicmp = false"), True),
        (target("d", more='profiles = ["generic", "interfaces"]'), True),
        (target("d", more=""), True),
        (target("d", more=f'{PROFILES}\nengine = "pysnmp"'), True),
        (listed("d"), True),
    ],
)
def test_who_is_asked_as_before_stays_the_very_same(
    *, tmp_path: Path, now: str, changed: bool
) -> None:
    before = made(setup(tmp_path, target("d") + target("e", 9, "rw")))
    old, other = before.devices["d"], before.devices["e"]
    after = made(setup(tmp_path, now + target("e", 9, "rw")), before)
    diff = merged(before, after)
    assert diff.changed == ({"d"} if changed else frozenset())
    assert not diff.added | diff.removed
    assert old.gone is changed
    assert (after.devices["d"] is old) is not changed
    assert after.devices["e"] is other
    assert not other.gone


def test_several_credentials_go_on_with_the_one_that_fits(tmp_path: Path) -> None:
    before = made(setup(tmp_path, listed("d")))
    look = before.devices["d"].snmp()
    assert look is not None
    look.access = dict(before.ways["d"].accesses)["rw"]  # as a look chooses it
    before.devices["d"].learn(look)
    after = made(setup(tmp_path, listed("d")), before)
    assert not merged(before, after).gone
    other = CREDENTIALS.replace("two", "three")
    assert merged(after, made(setup(tmp_path, listed("d"), credentials=other), after)).gone


def test_limits_change_and_what_was_learnt_stays(tmp_path: Path) -> None:
    before = made(setup(tmp_path, target("d")))
    device: Device = before.devices["d"]
    device.memory = memory = object()
    more = "snmp_timeout_s = 5.0\nicmp_count = 7\ninterval_s = 200"
    after = made(setup(tmp_path, target("d"), more=more), before)
    assert not merged(before, after).gone
    assert after.devices["d"] is device
    snmp, icmp = device.snmp(), device.icmp()
    assert snmp is not None
    assert icmp is not None
    assert (snmp.timeout_s, icmp.count) == (5.0, 7)
    assert snmp.memory is memory
    assert snmp.owner is device
    fresh = made(setup(tmp_path, target("d"), more=more)).devices["d"]
    assert device.bounds == fresh.bounds


def test_another_meaning_of_a_profile_changes_its_devices(tmp_path: Path) -> None:
    first = setup(tmp_path, target("d") + target("e", 2, more=""))
    before = made(first)
    profile = first.profiles["generic"]
    other = profile.model_copy(update={"scalars": profile.scalars[:1]})
    after = fleet(first.settings, first.roster, {**first.profiles, "generic": other}, before)
    assert merged(before, after).changed == {"d"}


def test_gone_and_come(tmp_path: Path) -> None:
    before = made(setup(tmp_path, target("d")))
    after = made(setup(tmp_path, target("e")), before)
    diff = merged(before, after)
    assert diff.added == {"e"}
    assert diff.removed == diff.gone == {"d"}
    assert before.devices["d"].gone


def test_what_is_built_beside_the_work_touches_nothing(tmp_path: Path) -> None:
    before = made(setup(tmp_path, target("d") + target("e", 2)))
    plans = {name: device.plan for name, device in before.devices.items()}
    many = [f"n{number}" for number in range(3 * STEP)]
    one = setup(tmp_path, target("d", more=f"{PROFILES}\ninterval_s = 5"))
    roster = Roster.of(inventory_of_ids(["d", *many]), 30.0)
    steps = building(one.settings, roster, one.profiles, before)
    taken = 0
    while True:
        try:
            next(steps)
        except StopIteration as end:
            after: Fleet = end.value
            break
        taken += 1
        assert {name: device.plan for name, device in before.devices.items()} == plans
        assert not any(device.gone for device in before.devices.values())
    assert taken > 3
    diff = merged(before, after)
    assert diff == Diff(frozenset(many), frozenset({"e"}), frozenset({"d"}))
    assert list(after.devices) == ["d", *many]
    assert sorted(name for turns in after.turns for name in turns.names) == sorted(after.devices)


def inventory_of_ids(names: list[str]) -> Inventory:
    address = ip_address("127.0.14.1")
    return Inventory(targets=tuple(Target(device=name, address=address) for name in names))


async def test_the_work_goes_on_between_the_steps_of_a_reload() -> None:
    told: list[str] = []
    taken = asyncio.Event()

    def failed(error: BaseException) -> None:
        told.append(str(error))

    def build(_: None) -> Generator[None, None, str]:
        for number in range(4):
            time.sleep(2 * STEP_S)
            told.append(f"step {number}")
            asyncio.get_running_loop().call_soon(told.append, "work")
            yield
        return "made"

    def take(made: str) -> Diff:
        told.append(made)
        taken.set()
        return Diff()

    reloader: Reloader[None, str] = Reloader(
        lambda: None, build, take, failed, notify=Notifier(), log=logs.get("agent")
    )
    reloader.ask()
    await taken.wait()
    await reloader.close()
    steps = [f"step {number}" for number in range(4)]
    assert told == [word for step in steps for word in (step, "work")] + ["made"]


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ("state_quota_bytes = 2000000", ["agent.state_quota_bytes"]),
        ("[broker]\nport = 1884\n[clock]\n", ["broker.port"]),
        ("[traps]\n", ["traps"]),
        ("interval_s = 5.0\npackets_per_s = 9", []),
    ],
)
def test_what_needs_a_restart_is_named(tmp_path: Path, more: str, names: list[str]) -> None:
    old = setup(tmp_path, target("d")).settings
    new = setup(tmp_path, target("d"), more=more).settings
    if not names:
        check(old, new)
        return
    with pytest.raises(NeedsRestart) as refused:
        check(old, new)
    assert list(refused.value.names) == names


def test_what_an_agent_is_needs_a_restart() -> None:
    known = {f"agent.{name}" for name in AgentOptions.model_fields}
    assert known >= RELOADED - {"traps.access"}
    kept = {"agent.id", "agent.operator", "agent.state_dir", "agent.look_on_request"}
    assert known - RELOADED >= kept


@pytest.mark.parametrize(
    ("targets", "word"),
    [
        (target("d") + target("d", 2), "inventory.toml:"),
        (target("d", more='profiles = ["generik"]'), "generic"),
        (target("d", credential="rx"), "rx"),
        ("[[target]\n", "inventory.toml:1"),
    ],
)
def test_an_inventory_is_checked_completely(tmp_path: Path, targets: str, word: str) -> None:
    with pytest.raises((ConfigError, AgentFault)) as refused:
        setup(tmp_path, targets)
    assert word in str(refused.value)


# -- real processes -------------------------------------------------------------------------------


class Service:
    """What systemd is told, in order."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "notify.sock"
        self.said: list[str] = []
        self._more = threading.Condition()
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sock.bind(str(self.path))
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while True:
            data = self._sock.recv(4096).decode()
            if data == "END":
                return
            with self._more:
                self.said.append(data)
                self._more.notify_all()

    def close(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b"END", str(self.path))
        self._thread.join()
        self._sock.close()

    def until(self, condition: Callable[[], Any]) -> None:
        with self._more:
            assert self._more.wait_for(condition, 60), self.said


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with contextlib.ExitStack() as stack:
        broker = stack.enter_context(mosquitto(tmp_path))
        hosts = [stack.enter_context(snmpd(tmp_path, f"127.0.14.{number}")) for number in (1, 2, 3)]
        settings(tmp_path, broker.port, hosts)
        config = tmp_path / "agent.toml"
        patient = config.read_text(encoding="utf-8").replace("timeout_s = 2.0", "timeout_s = 5.0")
        config.write_text(patient, encoding="utf-8")
        agent = AgentProcess(tmp_path)
        collector = Collector(broker.port)
        stack.callback(collector.close)
        stack.callback(agent.kill)
        yield Scene(broker, hosts, agent, collector)


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    found = Service(tmp_path)
    monkeypatch.setenv("NOTIFY_SOCKET", str(found.path))
    yield found
    found.close()


def hang_up(scene: Scene, service: Service) -> str:
    """SIGHUP; the line of status once the agent is ready again."""
    assert scene.agent.process is not None
    service.until(lambda: any(one.startswith("READY=1") for one in service.said))
    before = len(service.said)
    scene.agent.process.send_signal(1)
    service.until(lambda: any(one.startswith("READY=1") for one in service.said[before:]))
    first, second = [one for one in service.said[before:] if one != "WATCHDOG=1"]
    words = dict(line.split("=", 1) for line in first.splitlines())
    assert words["RELOADING"] == "1"
    assert int(words["MONOTONIC_USEC"]) > 0
    return second.partition("STATUS=")[2]


def named(collector: Collector) -> tuple[str, ...]:
    """The devices of the last birth."""
    return collector.births[-1].devices if collector.births else ()


def inventory_of(scene: Scene) -> Path:
    return scene.agent.folder / "inventory.toml"


def without(text: str, device: str) -> str:
    """The inventory's text without one target."""
    parts = text.split("[[target]]")
    return "[[target]]".join(part for part in parts if f'"{device}"' not in part)


def test_devices_come_go_and_change_while_the_others_go_on(scene: Scene, service: Service) -> None:
    collector, path = scene.collector, inventory_of(scene)
    whole = path.read_text(encoding="utf-8")
    head, tail = whole.split("[[credential]]")
    path.write_text(without(head, "d3") + "[[credential]]" + tail, encoding="utf-8")
    scene.agent.start()
    collector.until(lambda: len(collector.rounds()) >= 2, "two rounds")
    assert named(collector) == ("d1", "d2")

    path.write_text(whole, encoding="utf-8")
    assert hang_up(scene, service) == "reloaded: 1 added, 0 removed, 0 changed"
    collector.until(lambda: {look.device for look in collector.looks()} == {"d1", "d2", "d3"}, "d3")
    collector.until(lambda: named(collector) == ("d1", "d2", "d3"), "a new birth")
    first, second = collector.births[0], collector.births[-1]
    assert second.session > first.session
    assert second.life == first.life
    assert second.inventory_hash != first.inventory_hash
    assert all(alive.online for alive in collector.alives)

    # d2 moves to where d3 is, d3 goes; what d2's old place says then is nothing to d2.
    moved = without(head, "d3").replace('"127.0.14.2"', '"127.0.14.3"')
    moved = moved.replace(f"port = {scene.hosts[1].port}", f"port = {scene.hosts[2].port}")
    path.write_text(moved + "[[credential]]" + tail, encoding="utf-8")
    assert hang_up(scene, service) == "reloaded: 0 added, 1 removed, 1 changed"
    scene.hosts[1].kill()
    collector.until(lambda: named(collector) == ("d1", "d2"), "a third birth")
    rounds = len(collector.rounds())
    collector.until(lambda: len(collector.rounds()) >= rounds + 3, "three rounds")
    assert not collector.looks(Outcome.NO_ANSWER)
    numbers = [one.number for one in collector.rounds()]
    assert numbers == sorted(set(numbers))  # an agent that was kept waiting skips one
    # Of devices that stay nothing was said twice: the two looks at each are those of the start.
    assert len([look for look in collector.looks() if look.device == "d1"]) == 2
    assert scene.agent.stop() == 0


def test_a_broken_inventory_is_refused_and_everything_goes_on(
    scene: Scene, service: Service
) -> None:
    collector, path = scene.collector, inventory_of(scene)
    scene.agent.start()
    collector.until(collector.rounds, "a round")
    text = path.read_text(encoding="utf-8")
    for broken in ('[[target]]\ndevice = "d9"\n', "[[target]\n"):
        path.write_text(broken + text, encoding="utf-8")
        assert hang_up(scene, service).startswith("reload refused: ")
    rounds = len(collector.rounds())
    collector.until(lambda: len(collector.rounds()) >= rounds + 2, "rounds as before")
    collector.until(lambda: collector.rounds()[-1].looked == 3, "a look at each")
    assert scene.agent.process is not None
    path.write_text(text, encoding="utf-8")
    for _ in range(20):
        os.kill(scene.agent.process.pid, 1)
    service.until(lambda: service.said[-1].endswith("0 added, 0 removed, 0 changed"))
    assert scene.agent.stop() == 0
    assert len(collector.births) == 1  # nothing had changed
    lines = [one for one in scene.agent.lines if one["event"].startswith("reload refused")]
    assert len(lines) == 2
    assert all("inventory.toml:" in json.dumps(one["faults"]) for one in lines)
    assert scene.hosts[0].community not in json.dumps([one["faults"] for one in lines])


def test_a_new_credential_takes_force_and_another_broker_needs_a_restart(
    scene: Scene, service: Service
) -> None:
    collector, path = scene.collector, inventory_of(scene)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('community = "public"', 'community = "wrong"'), encoding="utf-8")
    agent_toml = scene.agent.folder / "agent.toml"
    config = agent_toml.read_text(encoding="utf-8")
    hasty = config.replace("snmp_timeout_s = 5.0", "snmp_timeout_s = 0.3")
    agent_toml.write_text(hasty, encoding="utf-8")
    scene.agent.start()
    collector.until(lambda: len(collector.looks(Outcome.NO_ANSWER)) >= 3, "three refusals")
    path.write_text(text, encoding="utf-8")
    agent_toml.write_text(
        config.replace(f"port = {scene.broker.port}", f"port = {free_port()}"), encoding="utf-8"
    )
    assert hang_up(scene, service) == "reload refused: needs a restart: broker.port"
    agent_toml.write_text(config.replace("interval_s = 1.0", "interval_s = 2.0"), encoding="utf-8")
    assert hang_up(scene, service) == "reloaded: 0 added, 0 removed, 3 changed"
    collector.until(lambda: collector.births[-1].interval_ms == 2000, "a birth")
    collector.until(
        lambda: (
            {look.device for look in collector.looks(Outcome.MEASURED) if look.method == "snmp"}
            == {"d1", "d2", "d3"}
        ),
        "answers",
    )
    collector.until(lambda: collector.rounds()[-1].interval_ms == 2000, "a round of two seconds")
    assert scene.agent.stop() == 0


@dataclass
class Slow:
    """A UDP peer that hears and does not answer."""

    sock: socket.socket
    heard: threading.Event

    @property
    def port(self) -> int:
        return int(self.sock.getsockname()[1])

    def listen(self) -> None:
        with contextlib.suppress(OSError):
            while self.sock.recv(4096):
                self.heard.set()


@pytest.fixture
def slow() -> Iterator[Slow]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.14.9", 0))
        found = Slow(sock, threading.Event())
        thread = threading.Thread(target=found.listen, daemon=True)
        thread.start()
        yield found
        sock.sendto(b"", sock.getsockname())  # an empty datagram ends the listening
        thread.join()


def test_what_comes_of_looks_at_who_is_gone_or_changed_counts_no_more(
    scene: Scene, service: Service, slow: Slow
) -> None:
    """Looks that are under way when the inventory changes, and end in silence after that."""
    collector, path = scene.collector, inventory_of(scene)
    agent_toml = scene.agent.folder / "agent.toml"
    config = agent_toml.read_text(encoding="utf-8")
    patient = config.replace("snmp_timeout_s = 5.0", "snmp_timeout_s = 3.0\nsnmp_retries = 0")
    assert patient != config
    agent_toml.write_text(patient, encoding="utf-8")
    whole = path.read_text(encoding="utf-8")
    there = f'address = "127.0.14.2"\n        port = {scene.hosts[1].port}'
    elsewhere = f'address = "127.0.14.9"\n        port = {slow.port}'
    assert there in whole
    path.write_text(whole.replace(there, elsewhere), encoding="utf-8")
    scene.agent.start()
    collector.until(slow.heard.is_set, "a look at the silent one")
    head, tail = whole.split("[[credential]]")
    path.write_text(without(head, "d3") + "[[credential]]" + tail, encoding="utf-8")
    assert hang_up(scene, service) == "reloaded: 0 added, 1 removed, 1 changed"
    rounds = len(collector.rounds())
    collector.until(lambda: len(collector.rounds()) >= rounds + 5, "five rounds")
    assert not collector.looks(Outcome.NO_ANSWER)
    assert ("d2", "snmp") in {(one.device, one.method.value) for one in collector.looks()}
    collector.until(lambda: collector.rounds()[-1].looked == 2, "a look at each")
    collector.until(lambda: not collector.rounds()[-1].missed, "a round that misses nobody")
    assert scene.agent.stop() == 0


async def test_a_bound_for_subnets_may_be_lifted_while_looks_wait() -> None:
    engine = SnmpEngine(SnmpOptions(in_subnet=1))
    await engine.start()
    liars = [await Liar().serve(f"127.78.1.{number}") for number in range(1, 9)]
    try:
        looks = [asyncio.ensure_future(engine.look(one.look(timeout_s=20.0))) for one in liars]
        await asyncio.sleep(0)
        engine.push()
        assert engine._subnets.waiting == 7
        for most in (0, 3, 0):
            engine.allow(most)
        results = await asyncio.gather(*looks)
        assert {one.outcome for one in results} == {Outcome.MEASURED}
    finally:
        engine.close()
        for liar in liars:
            liar.close()


def test_read_apart_is_the_same_as_read_here(tmp_path: Path) -> None:
    here = setup(tmp_path, target("d") + target("e", 2, "rw"))
    assert load_apart(tmp_path / "agent.toml") == here
    with pytest.raises(ConfigError) as there:
        load_apart(tmp_path / "none.toml")
    with pytest.raises(ConfigError) as said:
        load_setup(tmp_path / "none.toml")
    assert there.value.faults == said.value.faults
