"""From the farm killing a device to the office's receipt, in a county of 1,000 devices.

Real processes, an agent per operator, looks every 5 s. Domain time runs sixty times as fast, so
that folding of notices (10 s of it at least) adds under 0.2 s; looks and answers take the time
that they take. The holds of sites and devices are 0, so what is told comes on top of any hold.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

import aiomqtt
import orjson

from bench.figures import Figure, Target
from bench.ground import needs_mosquitto, scratch, wait_ready
from config.io.load import DATA
from drill import estate
from drill.broker import HOST, broker
from drill.children import Children, wanglou
from drill.county import County, Kind
from drill.farm import Where
from drill.grow import generate
from drill.hand import Hand, farmhand
from drill.orders import Do, Order
from transport import frames
from wire.codec import unpack
from wire.topics import Topics

SCALE: Final = 60.0
INTERVAL_S: Final = 5.0
SPACE_S: Final = 1.5
"""A kill so often on average, each at a random moment."""

PATIENCE_S: Final = 60.0
PART: Final = "kill to receipt"
_TREE: Final = "drill-bench"


@dataclass
class Ear:
    """Hears at the broker which devices were told as down, and when that was receipted."""

    topics: Topics
    told: dict[int, set[str]] = field(default_factory=dict)
    receipted: dict[str, float] = field(default_factory=dict)
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, topic: str, payload: bytes) -> None:
        leaf = self.topics.parse(topic)
        if leaf is None:
            return
        if leaf.leaf == "notice":
            envelope = frames.unwrap(payload)
            notice = inside(envelope.body)
            down = {one["device"] for one in notice["devices"] if one["state"] == "down"}
            self.told[envelope.seq] = down
        elif leaf.leaf == "receipt":
            upto = inside(unpack(payload))["seq"]
            for seq in [seq for seq in self.told if seq <= upto]:
                for device in self.told.pop(seq):
                    self.receipted.setdefault(device, time.monotonic())
            self.heard.set()


def inside(signed: bytes) -> dict[str, Any]:
    """What was signed; the signature is not looked at."""
    return dict(orjson.loads(orjson.loads(signed)["payload"]))


async def figures(*, kills: int) -> list[Figure]:
    """The median and the 99th percentile."""
    took = sorted(await _kills(kills))
    last = max(0, -(-99 * len(took) // 100) - 1)
    name = f"{kills} kills, looks every {INTERVAL_S:g} s"
    return [
        Figure(PART, f"{name}: p50", "s", (took[len(took) // 2],)),
        Figure(PART, f"{name}: p99", "s", (took[last],), Target(10.0)),
    ]


async def _kills(count: int) -> list[float]:
    """Seconds from each of ``count`` kills to its receipt. TimeoutError when one is never told."""
    chance = Random(7)
    killed: dict[str, float] = {}
    with scratch() as folder:
        async with _county(folder) as (county, hand, ear):
            for device in victims(county, count, chance):
                await asyncio.sleep(chance.uniform(0, 2 * SPACE_S))
                killed[device] = time.monotonic()
                await hand.order(Order(do=Do.KILL, devices=(device,)))
            async with asyncio.timeout(PATIENCE_S):
                while not killed.keys() <= ear.receipted.keys():
                    await ear.heard.wait()
                    ear.heard.clear()
    return [ear.receipted[device] - at for device, at in killed.items()]


def victims(county: County, count: int, chance: Random) -> Sequence[str]:
    """A radio unit of so many base stations: nothing hangs on it."""
    found = {box.site: box.id for box in county.boxes if box.kind is Kind.BBU}
    return chance.sample(list(found.values()), count)


@asynccontextmanager
async def _county(folder: Path) -> AsyncIterator[tuple[County, Hand, Ear]]:
    """All processes of the county, every agent's first round committed."""
    needs_mosquitto()
    county, anchor_ms = generate(), time.time_ns() // 1_000_000
    logs = folder / "log"
    logs.mkdir(parents=True)
    children = Children(logs)
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(broker(children, logs))
        stack.push_async_callback(children.close)
        hand = await stack.enter_async_context(
            farmhand(children, seed=1, where=Where.LOOPBACK, scale=SCALE, anchor_ms=anchor_ms)
        )
        terms = estate.Terms(
            tree=_TREE,
            broker_port=server.port,
            farm_where=Where.LOOPBACK,
            farm_port=hand.port,
            scale=SCALE,
            anchor_ms=anchor_ms,
            interval_s=INTERVAL_S,
        )
        files = estate.write(folder, county, terms)
        _policy(files)
        ear = Ear(Topics(county.atlas.county.id, _TREE))
        await stack.enter_async_context(_listening(ear, server.port))
        await _start(children, files)
        # Everything was seen twice, and the delays after a start are over.
        await asyncio.sleep(2 * INTERVAL_S + 2)
        yield county, hand, ear


async def _start(children: Children, files: estate.Estate) -> None:
    commands = {
        "collector": ["collector", "run", "--config", str(files.collector)],
        "office": ["office", "watch", "--json", "--config", str(files.office)],
    }
    for operator in files.operators:
        commands[operator] = ["agent", "run", "--config", str(files.agent(operator))]
    for name, argv in commands.items():
        await wait_ready(await children.start(name, [*wanglou(), *argv]))


@asynccontextmanager
async def _listening(ear: Ear, port: int) -> AsyncIterator[None]:
    async with aiomqtt.Client(HOST, port, identifier="bench-ear") as client:
        for leaf in ("notice", "receipt"):
            await client.subscribe(f"{ear.topics.base}/office/+/{leaf}", qos=1)

        async def listen() -> None:
            async for message in client.messages:
                payload = message.payload
                assert isinstance(payload, bytes)
                ear.take(str(message.topic), payload)

        task = asyncio.create_task(listen())
        try:
            yield
        finally:
            task.cancel()


def _policy(files: estate.Estate) -> None:
    """The shipped policy without holds, and with as little folding as it allows."""
    text = policy(hold_s=0)
    (files.root / "policy.toml").write_text(text, encoding="utf-8")
    settings = files.collector.read_text(encoding="utf-8")
    line = 'register = "register"\n'
    assert line in settings
    files.collector.write_text(settings.replace(line, f'{line}policy = "policy.toml"\n'))


def policy(*, hold_s: int) -> str:
    """The shipped policy with one hold for devices and sites, and the least folding."""
    text = (DATA / "policy.toml").read_text(encoding="utf-8")
    for name, value in (("out_hold_s", hold_s), ("fold_s", 10), ("fold_most_s", 10)):
        text = _set(text, name, value)
    text = _set(text, "flood_most", 1000)
    for alarm in ("site-out", "device-unreachable"):
        place = text.index(f'id = "{alarm}"')
        text = text[:place] + _set(text[place:], "raise_delay_s", hold_s)
    return text


def _set(text: str, name: str, value: int) -> str:
    """The first line ``name = …`` with another value."""
    made, count = re.subn(rf"(?m)^{name} = \d+$", f"{name} = {value}", text, count=1)
    if not count:
        raise ValueError(f"the policy has no {name}")
    return made
