"""Two agents with one identity through a real broker (FAULTS F14); a stopped collector (F17)."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import config
from agent.io.uplink import Uplink
from agent.presence import Identity
from collector.io.journal import journal, open_readonly
from config.settings import AgentSettings
from tests.collector.house import SCALE, House
from tests.collector.small import register
from tests.peers import mosquitto
from transport.io.clock import Clock

pytestmark = pytest.mark.peers

AGENT = "agent-cmcc"
POLICY = Path(config.__file__).parent / "data" / "policy.toml"
LIMIT_S = 90.0


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with mosquitto(tmp_path) as broker:
        made = House(tmp_path, broker.port, register(sites=2))
        made.start()
        yield made
        made.close()


def uplink(house: House, name: str) -> Uplink:
    folder = house.folder / name
    options = {
        "id": AGENT,
        "operator": "cmcc",
        "state_dir": folder,
        "inventory": folder / "inventory.toml",
        "alive_every_s": 0.3,
    }
    settings = AgentSettings.model_validate(
        {
            "agent": options,
            "county": {"county": house.register.county, "tree": "drill-t"},
            "broker": {"port": house.port, "keepalive_s": 5},
            "clock": {"scale": SCALE, "anchor_ms": house.anchor_ms},
        }
    )
    who = Identity(AGENT, "1", 30_000, "h", ("cmcc-d1",), 300)
    return Uplink(settings, who, Clock(SCALE, house.anchor_ms))


def entries(house: House, kind: str) -> list[dict[str, object]]:
    db = open_readonly(house.folder / "state" / "county.db")
    try:
        return [json.loads(entry.json) for entry in journal(db) if entry.kind == kind]
    finally:
        db.close()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not condition():  # noqa: ASYNC110  it happens in another process
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("client_id", [AGENT, "another-client"])
async def test_the_second_agent_of_one_identity_is_refused_and_named(
    house: House, client_id: str
) -> None:
    first, second = uplink(house, "first"), uplink(house, "second")
    second.link._client_id = client_id
    tasks = [asyncio.create_task(first.run())]
    try:
        await until(first._born.is_set)
        await until(lambda: any("heard" in str(one) for one in entries(house, "source")))
        tasks.append(asyncio.create_task(second.run()))
        await until(lambda: second.link._away_until)
        await until(first._born.is_set)
        (entry,) = entries(house, "cloned")
        assert entry["agent"] == AGENT
        assert (entry["refused"], entry["kept"]) == (second._who.life, first._who.life)
        await until(lambda: not second.link.connected)
        assert not first.link._away_until
        shown = json.dumps(house.status())
        assert '"clones_refused": 1' in shown
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        first.close()
        second.close()


async def test_a_collector_that_was_stopped_hears_before_it_judges(house: House) -> None:
    """Stopped for longer than makes an agent silent: what was said meanwhile is heard first."""
    limit = re.sub(r"(?m)^blind_notice_s = .*$", "blind_notice_s = 5", POLICY.read_text())
    (house.folder / "policy.toml").write_text(limit)
    text = house.config.read_text()
    settings = text.replace("[collector]", '[collector]\npolicy = "policy.toml"')
    house.config.write_text(settings)
    house.end(signal.SIGTERM)
    house.start()
    up = uplink(house, "only")
    running = asyncio.create_task(up.run())
    assert house.process is not None
    try:
        await until(up._born.is_set)
        await until(lambda: any("heard" in str(one) for one in entries(house, "source")))
        house.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(11)  # twice the limit, and less than the broker's patience
        house.process.send_signal(signal.SIGCONT)
        await until(lambda: entries(house, "resumed"))
        assert not [one for one in entries(house, "source") if one.get("word") == "silent"]
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        up.close()
