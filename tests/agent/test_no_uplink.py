"""Check yourself first: no uplink of our own, and a whole agent in the dark; looks again."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from agent import suspicion
from agent.app import Agent
from agent.io.selfcheck import SelfCheck
from agent.query import IcmpResult
from config.inventory import Credential, Inventory, Target
from config.profile import Metric, MetricType, Profile
from config.settings import AgentSettings
from tests.agent import liar as lies
from tests.agent.liar import Answers, Liar
from tests.peers import free_port
from wire.observation import Event, Look, Outcome

ROOT = Path(__file__).parents[2]
GATE = "192.0.2.1"


class Ping:
    """Stands for the ICMP engine: the witnesses that answer are in ``living``."""

    def __init__(self, *living: str) -> None:
        self.living = set(living)
        self.asked = 0

    def submit(self, look: Any, done: Callable[[IcmpResult], None]) -> None:
        self.asked += 1
        outcome = Outcome.MEASURED if look.address in self.living else Outcome.NO_ANSWER
        asyncio.get_running_loop().call_soon(done, IcmpResult(look, outcome))


def check_of(ping: Ping, broker: tuple[str, int]) -> SelfCheck:
    return SelfCheck(ping, broker, addresses=[GATE], gateways=False)  # type: ignore[arg-type]  # all it needs


async def asked(check: SelfCheck) -> bool:
    done = asyncio.Event()
    check.ask(done.set)
    await done.wait()
    return check.blind


async def test_with_no_proven_witness_nobody_waits() -> None:
    ping = Ping()
    check = check_of(ping, ("127.0.0.1", 1))
    assert not await asked(check)
    check.turn(0)
    await asyncio.sleep(0)
    assert not await asked(check)
    assert ping.asked == 1


@pytest.mark.parametrize("broker", ["localhost", "127.0.0.1", "::1"])
async def test_a_silent_gateway_is_no_uplink_when_the_broker_is_on_this_host(broker: str) -> None:
    ping = Ping(GATE)
    check = check_of(ping, (broker, 1))
    check.turn(0)
    await asyncio.sleep(0)
    assert not await asked(check)
    ping.living.clear()
    assert await asked(check)
    assert check.light == 1
    ping.living.add(GATE)
    assert not await asked(check)
    assert check.light == 2


async def test_a_broker_that_refuses_is_reached_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only the address is disguised: the connection goes to a closed port of this host."""
    monkeypatch.setattr("agent.io.selfcheck.ip_address", lambda _host: IPv4Address("198.51.100.1"))
    ping = Ping(GATE)
    check = check_of(ping, ("127.0.0.1", free_port()))
    check.turn(0)
    await asyncio.sleep(0)
    ping.living.clear()
    assert not await asked(check)


async def test_who_asks_during_a_check_waits_for_the_next() -> None:
    ping = Ping(GATE)
    check = check_of(ping, ("127.0.0.1", 1))
    check.turn(0)
    await asyncio.sleep(0)
    order: list[int] = []
    check.ask(lambda: order.append(ping.asked))
    check.ask(lambda: order.append(ping.asked))
    check.ask(lambda: order.append(ping.asked))
    last = asyncio.Event()
    check.ask(last.set)
    await last.wait()
    assert len(order) == 3
    assert ping.asked == 3  # the first turn's, the first asker's, one for all others
    check.close()
    check.close()


@pytest.mark.netns
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root for namespaces")
@pytest.mark.skipif(not Path("/dev/net/tun").exists(), reason="needs a TUN device")
def test_an_agent_in_the_dark_calls_nobody_silent(tmp_path: Path) -> None:
    script = f"{sys.executable} {ROOT}/tests/agent/uplink_world.py {tmp_path}/state"
    done = subprocess.run(
        ["unshare", "-n", "sh", "-ec", f"ip link set lo up\nPYTHONPATH={ROOT} {script}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert len(said["missed"]) == 10
    assert said["looked"] == 0
    assert said["no_answer"] == ["d9"]  # whom alone the light showed silent
    assert said["told"] == [10, 20, 30]  # each change of each device once


# -- looks again, by a whole agent -----------------------------------------------------------------

UPTIME = Profile(
    id="up",
    title="up",
    scalars=(Metric(name="up", oid="1.3.6.1.2.1.1.3.0", type=MetricType.TICKS),),
)


class Stage:
    """An agent with one device, a liar; what it says."""

    def __init__(self, folder: Path, liar: Liar, *, retries: int = 0) -> None:
        said = {
            "agent": {"id": "a1", "operator": "cmcc", "state_dir": str(folder), "inventory": "none"}
            | {"interval_s": 3600.0, "snmp_timeout_s": 1.0, "snmp_retries": retries},
            "county": {"county": "140522"},
            "broker": {"port": free_port()},
        }
        settings = AgentSettings.model_validate_json(json.dumps(said))
        target = Target(
            device="d",
            address=IPv4Address(liar.place[0]),
            port=liar.place[1],
            credential="c",
            profiles=("up",),
            icmp=False,
        )
        credential = Credential(id="c", community=SecretStr("public"))
        inventory = Inventory(targets=(target,), credentials=(credential,))
        self.agent = Agent(settings, inventory, {"up": UPTIME})
        self.silence_s = 30.0  # how long an answer is waited for: less once none is to come
        submit = self.agent._snmp.submit

        def waiting(look: Any, done: Any) -> None:
            look.timeout_s = self.silence_s
            submit(look, done)

        self.agent._snmp.submit = waiting  # type: ignore[method-assign]
        self.items: list[Any] = []
        self.samples: list[Any] = []
        self.agent.writer.write = self.keep  # type: ignore[method-assign,assignment]  # instead of the disk

    def keep(self, samples: Any = ()) -> None:
        for body, _ in samples:
            blocks = json.loads(body)["blocks"]
            self.samples += [[one["profile"], one["metrics"], one["columns"]] for one in blocks]
        self.items += self.agent.writer.items
        self.agent.writer.items.clear()

    def looks(self) -> list[Look]:
        return [one for one in self.items if isinstance(one, Look)]

    async def until(self, condition: Callable[[], Any], what: str) -> None:
        end = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < end, f"never: {what}"
            await asyncio.sleep(0.01)


async def test_a_first_miss_is_looked_at_again_confirmed_once_and_a_restart_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it between two turns an hour apart."""
    monkeypatch.setattr(suspicion, "FIRST_MS", 50)
    lost = 0

    def script(_number: int, _ask: bytes, truth: bytes) -> Answers:
        nonlocal lost
        lost += mute
        return () if mute else ((0, truth),)

    mute = False
    liar = await Liar(script).serve()
    stage = Stage(tmp_path / "state", liar)
    running = asyncio.create_task(stage.agent.run())
    try:
        await stage.until(lambda: stage.agent._open, "open")
        liar.agent.objects[(1, 3, 6, 1, 2, 1, 1, 3, 0)] = (67, 5_000_000)
        assert stage.agent._look_now("d")
        await stage.until(stage.looks, "a first look")
        mute, stage.silence_s = True, 1.0
        await stage.until(lambda: stage.agent._look_now("d"), "a second look")
        await stage.until(lambda: len(stage.looks()) == 3, "a silence, confirmed")
        first, again = stage.looks()[1:]
        assert first.outcome is again.outcome is Outcome.NO_ANSWER
        assert first.since_ms == again.since_ms < again.at_ms
        assert lost >= 4
        liar.agent.objects[(1, 3, 6, 1, 2, 1, 1, 3, 0)] = (67, 100)
        mute, stage.silence_s = False, 30.0
        await stage.until(lambda: len(stage.looks()) > 3, "an answer")
        assert stage.looks()[-1].outcome is Outcome.MEASURED
        await stage.until(lambda: [o for o in stage.items if isinstance(o, Event)], "the restart")
        assert stage.agent._suspicion.doubted == 0
    finally:
        stage.agent.stop()
        await running
        liar.close()


async def test_a_device_that_floods_is_named_once(tmp_path: Path) -> None:
    liar = await Liar(lies.flooding).serve()
    stage = Stage(tmp_path / "state", liar)
    running = asyncio.create_task(stage.agent.run())
    try:
        await stage.until(lambda: stage.agent._open, "open")
        assert stage.agent._look_now("d")
        await stage.until(stage.looks, "a flood")
        assert stage.looks()[0].reason == "flood"
        stage.agent._name_noisy()
        stage.agent._name_noisy()
        assert stage.agent._changes._seen["noise", "d"] == (1, 1)
    finally:
        stage.agent.stop()
        await running
        liar.close()


async def test_the_loss_of_a_device_that_is_asked_by_snmp_alone_is_sampled(tmp_path: Path) -> None:
    liar = await Liar(lambda number, _ask, truth: ((0, truth),) if number > 1 else ()).serve()
    stage = Stage(tmp_path / "state", liar, retries=5)
    stage.silence_s = 1.0
    running = asyncio.create_task(stage.agent.run())
    try:
        await stage.until(lambda: stage.agent._open, "open")
        assert stage.agent._look_now("d")
        await stage.until(lambda: stage.samples, "samples")
        (rtt,), (loss,) = next(one[2] for one in stage.samples if one[0] == "snmp")
        assert rtt is None
        assert loss == (liar.asked - 1) / liar.asked
    finally:
        stage.agent.stop()
        await running
        liar.close()
