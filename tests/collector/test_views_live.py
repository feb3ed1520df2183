"""Retained topics by the real collector at a real broker, read by mosquitto_sub."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from collector.assess import assess
from collector.io.configured import database, load_settings
from collector.io.store import Store, open_readonly
from collector.retained import Retained
from config.register import Register, Source
from config.settings import BrokerSettings
from drill import estate
from tests.collector.house import _HEADS, LI, House, Office, Speaker, running
from tests.collector.small import OPERATORS, register
from tests.peers import Mosquitto, mosquitto
from transport.io.link import Link, Message
from wire.observation import Look, Method, Outcome, Round, StateBody, StateItem
from wire.topics import Topics
from wire.view import Disclosure, View

pytestmark = pytest.mark.peers

VIEWS = TypeAdapter[View](View)
TREE_S = 60
LEVELS = {"cucc": Disclosure.DEVICE, "ctcc": Disclosure.FULL}


def county(*, sites: int = 4, levels: dict[str, Disclosure] | None = None) -> Register:
    levels = LEVELS if levels is None else levels
    sources = tuple(
        Source(agent=f"agent-{o}", operator=o, disclose=levels.get(o, Disclosure.SITE))
        for o in OPERATORS
    )
    return register(sites=sites).model_copy(update={"people": (LI,), "sources": sources})


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path) as running_broker:
        yield running_broker


@pytest.fixture
def house(tmp_path: Path, broker: Mosquitto) -> Iterator[House]:
    made = House(tmp_path, broker.port, county())
    yield made
    made.close()


def looks(house: House, outcome: Outcome, *devices: str) -> StateBody:
    now = house.clock.now_ms()
    items: list[StateItem] = [
        Look(device=d, method=method, outcome=outcome, since_ms=now, at_ms=now)
        for d in devices
        for method in Method
    ]
    marker = Round(number=1, interval_ms=30_000, started_ms=now, ended_ms=now, looked=len(devices))
    return StateBody(items=(*items, marker))


def all_of(house: House, operator: str) -> list[str]:
    return [d.id for d in house.register.devices if d.id.startswith(f"{operator}-")]


async def all_well(house: House) -> list[Speaker]:
    return [Speaker(house, operator, f"agent-{operator}") for operator in OPERATORS]


def bare(payload: bytes) -> dict[str, Any]:
    """What a payload says, valid by its model, without what only counts or dates it."""
    view = json.loads(VIEWS.dump_json(VIEWS.validate_json(payload)))
    return {k: v for k, v in view.items() if k not in {"rev", "at_ms", "as_of_ms", "session"}}


async def subscribed(house: House, topics: int) -> dict[str, dict[str, Any]]:
    """What mosquitto_sub gets of the retained tree: ``topics`` of them, or what comes in 2 s."""
    process = await asyncio.create_subprocess_exec(
        *("mosquitto_sub", "-p", str(house.port), "-F", "%t %p", "--retained-only", "-W", "2"),
        *("-t", f"{house.base}/view/#", "-t", f"{house.base}/warning/#"),
        *("-C", str(topics)),
        stdout=subprocess.PIPE,
    )
    said, _ = await process.communicate()
    found = {}
    for line in said.splitlines():
        topic, _, payload = line.partition(b" ")
        found[topic.decode()] = bare(payload)
    return found


def projected(house: House) -> dict[str, dict[str, Any]]:
    """The whole tree of what the collector has committed."""
    settings = load_settings(house.config)
    store = Store(open_readonly(database(settings)), now_s=lambda: 0)
    world = store.restore().world
    if world.situation is None:
        assess(world, store.last_ms)
    store.close()
    topics = Topics(house.register.county, "drill-t")
    one = Retained(topics, world, session=0, every_ms=300)
    one.again(world)
    found = {}
    while one.waiting:
        found.update({t.topic: bare(t.payload) for t in one.take(world, store.last_ms, 16)})
    return found


async def settled(house: House) -> dict[str, dict[str, Any]]:
    """The retained tree, once it is the projection of what is committed."""
    until = asyncio.get_running_loop().time() + TREE_S
    while True:
        expected = projected(house)
        found = await subscribed(house, len(expected))
        if found == expected:
            return found
        if asyncio.get_running_loop().time() > until:
            assert found == expected


async def test_the_tree_is_the_projection_and_is_built_again_after_a_kill(
    house: House, broker: Mosquitto
) -> None:
    house.start()
    agents = await all_well(house)
    async with running(*agents):
        for operator, agent in zip(OPERATORS, agents, strict=True):
            agent.say(looks(house, Outcome.MEASURED, *all_of(house, operator)))
            await agent.drained()
        calm = await settled(house)
        base = f"{house.base}/view"
        assert {view["state"] for t, view in calm.items() if "/sites/" in t} == {"ok"}
        assert calm[f"{house.base}/warning/open"]["id"] == "none"
        assert {t.split("/")[5] for t in calm if "/devices/" in t} == {"cucc", "ctcc"}
        agents[0].say(looks(house, Outcome.NO_ANSWER, "cmcc-d1", "cmcc-d2"))
        await agents[0].drained()
        agents[0].say(looks(house, Outcome.MEASURED, "cmcc-d3"))  # the next round: they still are
        async with asyncio.timeout(TREE_S):
            while True:
                dark = await settled(house)
                if dark[f"{house.base}/warning/open"]["state"] == "drafted":
                    break
        assert dark[f"{base}/cmcc/sites/cmcc-s1"]["state"] == "out"
        broker.restart()
        again = await settled(house)
        assert again[f"{base}/cmcc/sites/cmcc-s2"]["state"] == "out"
        assert again[f"{house.base}/warning/open"]["state"] == "drafted"
        assert again.keys() == calm.keys()


async def test_what_left_the_register_or_is_disclosed_no_more_is_cleared(house: House) -> None:
    house.start()
    agents = await all_well(house)
    async with running(*agents):
        agents[1].say(looks(house, Outcome.MEASURED, *all_of(house, "cucc")))
        await agents[1].drained()
        before = await settled(house)
        assert await asyncio.to_thread(house.end, signal.SIGKILL) == -signal.SIGKILL
        fewer = county(sites=3, levels={"cucc": Disclosure.SITE, "ctcc": Disclosure.DEVICE})
        for name in ("sites", "devices", "sources"):
            table = house.folder / "register" / f"{name}.csv"
            estate._csv(table, _HEADS[name], getattr(fewer, name))
        house.register = fewer
        await asyncio.to_thread(house.start)
        after = await settled(house)
    gone = before.keys() - after.keys()
    assert f"{house.base}/view/cmcc/sites/cmcc-s4" in gone
    assert {t for t in before if "/cucc/devices/" in t} <= gone
    assert after[f"{house.base}/view/ctcc/devices/ctcc-d1"]["detail"] is None
    assert not after.keys() - before.keys()


async def test_a_burst_of_changes_waits_behind_acknowledgements(
    tmp_path: Path, broker: Mosquitto
) -> None:
    levels = dict.fromkeys(OPERATORS, Disclosure.DEVICE)
    house = House(tmp_path, broker.port, county(sites=250, levels=levels))
    order: list[str] = []

    def hear(message: Message) -> None:
        order.append(message.topic.removeprefix(f"{house.base}/"))

    watcher = Link(
        BrokerSettings(port=broker.port),
        client_id="watcher",
        on_message=hear,
        subscriptions=(f"{house.base}/#",),
    )
    watching = asyncio.create_task(watcher.run())
    try:
        house.start()
        agents, office = await all_well(house), Office(house)
        async with running(*agents, office):
            for operator, agent in zip(OPERATORS, agents, strict=True):
                for rows in (all_of(house, operator)[:125], all_of(house, operator)[125:]):
                    agent.say(looks(house, Outcome.MEASURED, *rows))
            for agent in agents:
                await agent.drained()
            tree = await settled(house)
            assert len(tree) > 2000
    finally:
        house.close()
        watching.cancel()
    for operator in OPERATORS:
        heard = [topic for topic in order if "/sites/" in topic or "/devices/" in topic
                 or topic.startswith(f"{operator}/agent-{operator}/")]  # fmt: skip
        for at, topic in enumerate(heard):
            if topic.endswith("/state"):
                waits = heard[at + 1 : heard.index(f"{operator}/agent-{operator}/ack", at + 1)]
                assert sum("view" in one for one in waits) < len(heard) / 8
