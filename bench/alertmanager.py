"""One parent goes down with all behind it: how soon one notice tells so, beside Alertmanager.

Both hear of every device, in the same shuffled order and as fast as they take it, and send one
notice, which names the cause alone, to a listener on loopback.

* **Alertmanager** (Debian's, alone, loopback, a store of its own) gets an alert per device, 500 in
  a POST to ``/api/v2/alerts``; ``group_by`` the hub, one inhibition of what is behind a hub by the
  hub itself, ``group_wait`` = ``group_interval`` = the hold. The notice comes by its webhook.
* **Ours** is the real collector behind mosquitto: rows of 500 devices, each looked at by ICMP and
  SNMP, leave an agent's real outbox. Its shipped policy with one hold for devices and sites, the
  same as above; a second later another round says the same by its marker, as one round's silence is
  not believed. The notice is the incident notice, read at the broker; an office client receipts it.

Equal: number of devices and their order, the hold, one notice with one cause, loopback; what sends
and what listens are other processes and not counted. New processes each round, in turn.

Not equal: Alertmanager is told what is an alert and, on a label, what is behind what, and matches;
it keeps its alerts in memory and loses them with its process. Ours judges: two looks per device (so
twice the words), a condition with a hold of its own per device, the dependency graph, sites and
operators, the plan's scenario (which here is drafted as well); every row is committed to disk
before it is acknowledged, and the notice is signed and kept until receipted. ``group_wait`` begins
with a group's first alert, our hold with what the cause's own look says.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, NamedTuple

import aiohttp
import aiomqtt
import orjson
from aiohttp import web

from bench import hop, latency, town
from bench.figures import Figure, ratio
from bench.ground import TREE, Ground, cpu_s, ground, memory_mb, scratch
from bench.peers import OWN, program
from bench.sender import BATCH
from collector.county import Bundle
from config.register import Device, Register, Site, Source, Town
from drill.broker import HOST, free_port
from drill.children import Child, ChildEnded, Children
from transport import frames
from wire.topics import Topics

AGENT: Final = town.OPERATORS[0]
PACKAGE: Final = "prometheus-alertmanager"
PATIENCE_S: Final = 120.0
SETTLE_S: Final = 2.0
"""So long after the notice a second one would be seen, and CPU still counts."""

STARTED_S: Final = Bundle.model_fields["settle_s"].default + 1.0
"""The collector's delays wait so long after its start; nobody starts it for an outage."""

_TICK_S: Final = 0.01
_HUB: Final = f"{AGENT}-s0-router"


class Load(NamedTuple):
    """How many devices, what is waited for before telling, how many rounds of each."""

    devices: int
    hold_s: int
    rounds: int


FULL: Final = Load(10_000, 10, 3)
QUICK: Final = Load(2_000, 5, 1)


class Took(NamedTuple):
    """One round: from the first and the last event to the notice, its cost, what it said."""

    first_s: float
    last_s: float
    cpu_s: dict[str, float]
    peak_mb: dict[str, float]
    notices: int
    named: int


@dataclass
class Heard:
    """The notices that came: when, and how many devices each names as down."""

    notices: list[tuple[float, int]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, named: int) -> None:
        self.notices.append((time.monotonic(), named))
        self.news.set()

    async def first(self) -> None:
        """Until the first one. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE_S):
            await self.news.wait()


async def figures(load: Load) -> list[Figure]:
    """Seconds, CPU seconds and MB of both, and their ratios."""
    binary = program(PACKAGE)
    devices = [device.id for device in register(load.devices).devices]
    Random(5).shuffle(devices)
    theirs, ours = [], []
    for _ in range(load.rounds):
        theirs.append(await _alertmanager(binary, devices, load))
        ours.append(await _collector(devices, load))
    return list(_told(load, theirs, ours))


def register(devices: int) -> Register:
    """One operator's ``devices`` devices, four at a site, all behind the first site's router."""
    towns = tuple(
        Town(code=f"{town.CODE}{100 + number}", name=f"第{number}镇")
        for number in range(town.TOWNS)
    )
    sites = tuple(
        Site(
            id=f"{AGENT}-s{number}",
            name=f"站{number}",
            operator=AGENT,
            town=towns[number % town.TOWNS].code,
            hub=not number,
        )
        for number in range(-(-devices // 4))
    )
    made = (device for site in sites for device in _devices(site.id))
    return Register(
        county=town.CODE,
        towns=towns,
        sites=sites,
        devices=tuple(device for device, _ in zip(made, range(devices), strict=False)),
        sources=(Source(agent=AGENT, operator=AGENT),),
    )


def _devices(site: str) -> Iterator[Device]:
    router = f"{site}-router"
    for kind in ("router", "radio", "switch", "power"):
        name = f"{site}-{kind}"
        above = _HUB if name == router else router
        parents = () if name == _HUB else (above,)
        yield Device(id=name, name=name, site=site, parents=parents, main=name == router)


# -- Alertmanager -------------------------------------------------------------------------------


async def _alertmanager(binary: str, devices: Sequence[str], load: Load) -> Took:
    bodies = list(posts(devices))
    with scratch() as folder:
        async with _webhook() as (heard, hook):
            children = Children(folder)
            try:
                child, url = await _start(children, binary, settings(hook, load.hold_s))
                async with aiohttp.ClientSession() as session:
                    await _until_ready(session, child, url)
                    return await _measured(
                        heard, {"process": child}, lambda: _post(session, url, bodies)
                    )
            finally:
                await children.close()


def settings(hook: str, hold_s: int) -> str:
    """Alertmanager's settings (JSON is YAML): one group per hub, what is behind it inhibited."""
    route = {
        "receiver": "hook",
        "group_by": ["hub"],
        "group_wait": f"{hold_s}s",
        "group_interval": f"{hold_s}s",
    }
    inhibit = {
        "source_matchers": ['role="hub"'],
        "target_matchers": ['role="behind"'],
        "equal": ["hub"],
    }
    receiver = {"name": "hook", "webhook_configs": [{"url": hook, "send_resolved": False}]}
    whole = {"route": route, "inhibit_rules": [inhibit], "receivers": [receiver]}
    return orjson.dumps(whole).decode()


def posts(devices: Sequence[str]) -> Iterator[bytes]:
    """An alert per device, as many in a body as in a row of ours."""
    alerts = [
        {
            "labels": {
                "alertname": "DeviceUnreachable",
                "device": device,
                "site": device.rpartition("-")[0],
                "operator": AGENT,
                "hub": _HUB,
                "role": "hub" if device == _HUB else "behind",
            },
            "annotations": {"summary": f"{device} answers neither ICMP nor SNMP"},
        }
        for device in devices
    ]
    for at in range(0, len(alerts), BATCH):
        yield orjson.dumps(alerts[at : at + BATCH])


async def _start(children: Children, binary: str, said: str) -> tuple[Child, str]:
    file, port = children.folder / "alertmanager.yml", free_port()
    file.write_text(said)
    argv = [
        binary,
        f"--config.file={file}",
        f"--storage.path={children.folder / 'data'}",
        f"--web.listen-address={HOST}:{port}",
        "--cluster.listen-address=",
        "--log.level=warn",
    ]
    return await children.start("alertmanager", argv), f"http://{HOST}:{port}"


async def _until_ready(session: aiohttp.ClientSession, child: Child, url: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if not child.running:
                raise ChildEnded(f"{child.name} ended:\n{child.tail()}")
            try:
                async with session.get(f"{url}/-/ready") as reply:
                    if reply.ok:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)


async def _post(
    session: aiohttp.ClientSession, url: str, bodies: Sequence[bytes]
) -> tuple[float, float]:
    """Post all; the moments just before the first and the last one."""
    moments = []
    head = {"Content-Type": "application/json"}
    for body in bodies:
        moments.append(time.monotonic())
        async with session.post(f"{url}/api/v2/alerts", data=body, headers=head) as reply:
            reply.raise_for_status()
    return moments[0], moments[-1]


@asynccontextmanager
async def _webhook() -> AsyncIterator[tuple[Heard, str]]:
    """A receiver of Alertmanager's notifications, and its address."""
    heard, port = Heard(), free_port()

    async def take(request: web.Request) -> web.Response:
        heard.note(len((await request.json(loads=orjson.loads))["alerts"]))
        return web.Response()

    app = web.Application(client_max_size=2**26)
    app.router.add_post("/", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port).start()
        yield heard, f"http://{HOST}:{port}/"
    finally:
        await runner.cleanup()


# -- ours ---------------------------------------------------------------------------------------


async def _collector(devices: Sequence[str], load: Load) -> Took:
    with scratch() as folder:
        async with ground(folder) as place, _listening(place.port) as heard:
            (folder / "policy.toml").write_text(latency.policy(hold_s=load.hold_s))
            place.write_county(register(load.devices), policy="policy.toml")
            place.write_agent(AGENT, [])
            collector = await place.start("collector", "collector", "run")
            await place.start("office", "office", "watch", "--json")
            sender = await _sender(place, devices)
            await _say(sender, "measured")
            await asyncio.sleep(STARTED_S)
            processes = {"collector": collector, "broker": place.children.running[0]}
            return await _measured(heard, processes, lambda: _say(sender, "no_answer"))


async def _sender(place: Ground, devices: Sequence[str]) -> Child:
    names = place.folder / "devices"
    names.write_text(",".join(devices))
    config = str(place.config(f"agent-{AGENT}"))
    return await hop.piped(place, [str(OWN), "-m", "bench.sender", config, f"@{names}"])


async def _say(sender: Child, outcome: str) -> tuple[float, float]:
    """Have every device told of; the moments of the first and the last row."""
    process: Any = sender.process
    process.stdin.write(f"all {outcome}\n".encode())
    line = await asyncio.wait_for(process.stdout.readline(), PATIENCE_S)
    if not line:
        raise ChildEnded(f"the sender ended:\n{sender.tail()}")
    first, last = map(float, line.split())
    return first, last


@asynccontextmanager
async def _listening(port: int) -> AsyncIterator[Heard]:
    """Hears the incident notices at the broker, each once however often it is sent."""
    heard, seen = Heard(), set[str]()
    topic = f"{Topics(town.CODE, TREE).base}/office/+/notice"

    async def listen(client: aiomqtt.Client) -> None:
        async for message in client.messages:
            payload = message.payload
            assert isinstance(payload, bytes)
            notice = latency.inside(frames.unwrap(payload).body)
            if notice["notice_kind"] == "incident" and notice["id"] not in seen:
                seen.add(notice["id"])
                heard.note(sum(one["state"] == "down" for one in notice["devices"]))

    async with aiomqtt.Client(HOST, port, identifier="bench-ear") as client:
        await client.subscribe(topic, qos=1)
        task = asyncio.create_task(listen(client))
        try:
            yield heard
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


# -- both ---------------------------------------------------------------------------------------


async def _measured(heard: Heard, processes: dict[str, Child], send: Callable[[], Any]) -> Took:
    """Send the events, wait for the notice and a little longer. Raises TimeoutError."""
    before = {name: cpu_s(child) for name, child in processes.items()}
    first, last = await send()
    await heard.first()
    await asyncio.sleep(SETTLE_S)
    at, named = heard.notices[0]
    return Took(
        at - first,
        at - last,
        {name: max(cpu_s(one) - before[name], _TICK_S) for name, one in processes.items()},
        {name: memory_mb(one, peak=True) for name, one in processes.items()},
        len(heard.notices),
        named,
    )


def _told(load: Load, theirs: Sequence[Took], ours: Sequence[Took]) -> Iterator[Figure]:
    part = f"{load.devices:,} behind one parent, hold {load.hold_s} s"
    both = {"Alertmanager": theirs, "ours": ours}
    for name, rounds in both.items():
        said = (f"notices: {one.notices}, devices named in it: {one.named}" for one in rounds)
        notices = "; ".join(dict.fromkeys(said))
        times = tuple(one.last_s for one in rounds)
        yield Figure(part, f"{name}: last event to the notice", "s", times, None, notices)
    for name, rounds in both.items():
        times = tuple(one.first_s - load.hold_s for one in rounds)
        yield Figure(part, f"{name}: first event to the notice, less the hold", "s", times)
    yield from _beside(part, "CPU", "s", both, lambda one: one.cpu_s)
    yield from _beside(part, "peak memory", "MB", both, lambda one: one.peak_mb)


def _beside(
    part: str,
    what: str,
    unit: str,
    both: dict[str, Sequence[Took]],
    of: Callable[[Took], dict[str, float]],
) -> Iterator[Figure]:
    """What all of each side's processes take together, and the ratio."""
    made = []
    for name, rounds in both.items():
        parts = "; ".join(
            ", ".join(f"{process} {value:.2f}" for process, value in of(one).items())
            for one in rounds
        )
        sums = tuple(sum(of(one).values()) for one in rounds)
        made.append(Figure(part, f"{name}: {what}", unit, sums, None, parts))
    yield from made
    yield ratio(made[1], made[0])
