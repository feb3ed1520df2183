"""The county in a box: farm, broker, agents, collector and office client, and a story told to them.

Every process is the real one, started as on a real host, with settings of its own; the farm and the
story live here. What happens is told as ``Happening``s; at the end stands a ``Report`` that says
which link of the chain or which step of the story did not hold. Nothing outlives ``Box.run``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiomqtt
from pydantic import TypeAdapter, ValidationError

from drill import closing
from drill.broker import HOST, Broker, answers, broker
from drill.chain import NOTICE_LINKS, PEOPLE_LINKS, TITLES, Chain, Link
from drill.children import Child, ChildEnded, Children, wanglou
from drill.county import County
from drill.estate import Estate, Terms, write
from drill.farm import Where, tun_allowed
from drill.grow import generate
from drill.hand import Hand, farmhand
from drill.orders import Order
from drill.play import Command, Player, State
from drill.report import Happening, Report
from drill.story import AgentDo, AgentOrder, Story
from transport.io.clock import Clock
from wire.notice import Attested, Notice
from wire.topics import Topics

__all__ = ["Box", "BoxFault", "Options", "wanglou"]

READY_S: Final = 90.0
"""Real seconds that the county may take until every agent is heard and committed."""

GRACE_S: Final = 15.0
"""Real seconds after the last step for what is still under way."""

_NOTICE: Final = TypeAdapter(Notice)


class BoxFault(Exception):  # noqa: N818  it says what did not work
    """The box could not be set up, or a process of it ended; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to run. ``where`` None: a TUN device where it is allowed, else loopback."""

    scale: float
    interval_s: float
    where: Where | None = None
    web_port: int | None = None
    stay: bool = False


@dataclass
class Box:
    """One run. ``tell`` hears every happening; ``url`` is where the pages are, if they are."""

    story: Story
    folder: Path
    options: Options
    tell: Callable[[Happening], None]

    def __post_init__(self) -> None:
        self.county: County = generate(self.story.seed)
        wall_ms = time.time_ns() // 1_000_000
        self.clock = Clock(self.options.scale, wall_ms)
        self.hand: Hand | None = None
        self.topics = Topics(self.county.atlas.county.id, "drill-box")
        self.chain = Chain(self.topics, frozenset(self.county.roots))
        self.children = Children(self.folder / "log")
        self.player: Player | None = None
        self.notices: list[Notice] = []
        self.agents: dict[str, Child] = {}
        self.news = asyncio.Event()
        self.began = time.monotonic()
        self.errands: set[asyncio.Task[None]] = set()
        self.broken: str | None = None
        self.report: Report | None = None
        self.untold: list[str] = []

    @property
    def url(self) -> str | None:
        """The address of the pages."""
        port = self.options.web_port
        return f"http://{HOST}:{port}/" if port else None

    @property
    def elapsed_s(self) -> float:
        """Real seconds since the box was opened."""
        return self._real_s()

    async def run(self) -> Report:
        """Set everything up, tell the story, take everything down. Raises BoxFault."""
        (self.folder / "log").mkdir(parents=True, exist_ok=True)
        try:
            async with self._ground() as (server, where, estate):
                await self._open(estate)
                await self._play(estate)
                report = self.report = self._report(server, where)
                self._say("end", *report.verdict(), good=report.good)
                while self.options.stay:
                    await self._news(None)
                    self._check()
                return report
        except (ChildEnded, TimeoutError, aiomqtt.MqttError) as error:
            raise BoxFault(str(error) or "it took too long") from error

    # ── Setting up ───────────────────────────────────────────────────────────────────────────────

    @asynccontextmanager
    async def _ground(self) -> AsyncIterator[tuple[Broker, Where, Estate]]:
        """Farm, broker, run directory, ear; all processes end with it."""
        where = self.options.where
        if where is None:
            where = Where.TUN if tun_allowed(self.county) else Where.LOOPBACK
        assert self.clock.anchor_ms is not None
        async with contextlib.AsyncExitStack() as stack:
            server = await stack.enter_async_context(broker(self.children, self.folder / "log"))
            stack.push_async_callback(self._close)
            hand = await stack.enter_async_context(
                farmhand(
                    self.children,
                    seed=self.story.seed,
                    where=where,
                    scale=self.options.scale,
                    anchor_ms=self.clock.anchor_ms,
                )
            )
            self.hand = hand
            self._say_where(where)
            self._say("box", f"MQTT {server.kind} {HOST}:{server.port}", f"broker: {server.kind}")
            terms = Terms(
                tree=self.topics.tree,
                broker_port=server.port,
                farm_where=where,
                farm_port=hand.port,
                scale=self.options.scale,
                anchor_ms=self.clock.anchor_ms,
                interval_s=self.options.interval_s,
                web_port=self.options.web_port,
            )
            estate = write(self.folder, self.county, terms)
            await stack.enter_async_context(self._ear(server.port))
            yield server, where, estate

    async def _close(self) -> None:
        for errand in list(self.errands):
            errand.cancel()
        await asyncio.gather(*self.errands, return_exceptions=True)
        await self.children.close()

    def _say_where(self, where: Where) -> None:
        size = f"{len(self.county.sites)} 个站点 {len(self.county.boxes)} 台设备"
        english = f"{len(self.county.sites)} sites, {len(self.county.boxes)} devices"
        self._say("box", f"模拟县域：{size}", f"simulated county: {english}")
        if where is Where.LOOPBACK:
            self._say(
                "box",
                "ICMP：看不了（需要 root 和 TUN 设备），只用 SNMP",
                "ICMP: could not look (needs root and a TUN device); SNMP alone speaks",
            )

    @asynccontextmanager
    async def _ear(self, port: int) -> AsyncIterator[None]:
        """Listen at the broker as any MQTT client could, but for the samples."""
        async with aiomqtt.Client(HOST, port, identifier="drill-ear", timeout=20) as client:
            # QoS 0: what is only counted needs no acknowledgement, and never holds up the broker.
            await client.subscribe([(topic, 0) for topic in self.chain.filters()])
            listening = self._errand(self._listen(client))
            try:
                yield
            finally:
                listening.cancel()

    async def _listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            link = self.chain.topic(str(message.topic), self._real_s())
            if link:
                self._told(link, str(message.topic))

    async def _open(self, estate: Estate) -> None:
        """Start the county's processes and wait until each agent's first round is committed."""
        await self._start("collector", ["collector", "run", "--config", str(estate.collector)])
        office = await self._start(
            "office", ["office", "watch", "--config", str(estate.office), "--json"], piped=True
        )
        self._errand(self._office(office))
        for operator in estate.operators:
            await self._agent(estate, operator)
        try:
            async with asyncio.timeout(READY_S):
                while not self.chain.ready():
                    await self._news(None)
                    self._check()
        except TimeoutError:
            missing = "; ".join(self.chain.missing((Link.BORN, Link.POLLED, Link.COMMITTED)))
            raise BoxFault(f"not ready after {READY_S:.0f} s: {missing}{self._logs()}") from None

    async def _start(self, name: str, argv: Sequence[str], *, piped: bool = False) -> Child:
        child = await self.children.start(name, [*wanglou(), *argv], piped=piped)
        self._errand(self._watch(child))
        return child

    async def _agent(self, estate: Estate, operator: str) -> None:
        name = f"agent-{operator}"
        argv = ["agent", "run", "--config", str(estate.agent(operator))]
        self.agents[operator] = await self._start(name, argv)

    # ── The story ────────────────────────────────────────────────────────────────────────────────

    async def _play(self, estate: Estate) -> None:
        if self.url and self.options.web_port and await answers(self.options.web_port):
            self._say("box", f"网页：{self.url}", f"pages: {self.url}")
        config = self.folder / "collector.toml"
        self._say("box", f"查看：wanglou status --config {config}", f"its settings: {config}")
        player = self.player = Player(self.story, self.clock.now_ms())
        self._say("box", f"故事开始：{self.story.title.zh}", f"story: {self.story.title.en}")
        for notice in self.notices:
            player.heard(notice)
        last = player.start_ms + self.story.lasts * 1000
        while not player.over and self.clock.now_ms() <= last:
            before = [told.state for told in player.steps]
            for action in player.turn(self.clock.now_ms()):
                await self._act(estate, player, action)
            self._changed(player, before)
            if not player.over:
                await self._news(min(player.next_ms() or last, last))
            self._check()
        if closing.needed(player.steps) and not player.failed:
            await self._closing(estate, player)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                while [link for link in self._links() if self._waits_for(link)]:
                    await self._news(None)
        before = [told.state for told in player.steps]
        player.close(self.clock.now_ms(), "the story was over")
        self._changed(player, before)

    async def _closing(self, estate: Estate, player: Player) -> None:
        """The closing report, as the office would ask for it."""
        try:
            found = await closing.reported(estate.collector, self.folder)
            self.untold = list(closing.untold(found, player.steps))
        except (OSError, ValueError, TimeoutError, KeyError) as error:
            self.untold = [str(error) or type(error).__name__]
        if not self.untold:
            self.chain.mark(Link.REPORTED, found["warning"], self._real_s())
            zh, en = TITLES[Link.REPORTED]
            self._say("link", f"{zh}：{found['warning']}", en, good=True)

    def _waits_for(self, link: Link) -> bool:
        return link is not Link.REPORTED and bool(self.chain.missing([link]))

    def _open_links(self) -> list[str]:
        return self.chain.missing(self._links())

    def _links(self) -> list[Link]:
        """The links that this story needs."""
        people = any(step.people for step in self.story.steps)
        notices = people or bool(self.notices)
        told = any(step.expect and step.expect.most is None for step in self.story.steps)
        left_out = set() if people else set(PEOPLE_LINKS)
        left_out |= set() if notices or told else set(NOTICE_LINKS)
        left_out |= set() if self.player and closing.needed(self.player.steps) else {Link.REPORTED}
        return [link for link in Link if link not in left_out]

    async def _act(
        self, estate: Estate, player: Player, action: Order | AgentOrder | Command
    ) -> None:
        if isinstance(action, Order):
            assert self.hand
            await self.hand.order(action)
        elif isinstance(action, AgentOrder):
            agent = self.agents[action.agent]
            if action.do is AgentDo.KILL:
                await agent.kill()
                self.children.forget(agent)
            else:
                await self._agent(estate, action.agent)
        else:
            self._errand(self._command(estate, player, action))

    async def _command(self, estate: Estate, player: Player, command: Command) -> None:
        """Sign and send as the person would: ``wanglou office VERB TARGET --as ACCOUNT``."""
        act = command.act
        argv = [*wanglou(), "office", act.verb.value, command.target]
        if act.state is not None:
            argv += ["withdraw" if act.state is Attested.WITHDRAWN else act.state.value]
            argv += ["--source", act.source] if act.source else []
        argv += ["--config", str(estate.office), "--as", act.account, "--json", "--wait", "30"]
        argv += ["--reason", act.reason] if act.reason else []
        child = await self.children.start(f"command-{command.number}", argv, piped=True)
        child.stopping = True  # it ends by itself
        assert child.process.stdout
        try:
            async for line in child.process.stdout:
                said = _object(line)
                if isinstance(said.get("command"), str):
                    player.sent(command.number, said["command"])
                    self.news.set()
            await child.process.wait()
        finally:
            child.signal(signal.SIGKILL)
            self.children.forget(child)
        if player.steps[command.number].command is None:
            why = child.tail(3) or f"exit status {child.process.returncode}"
            player.refused(command.number, why, self.clock.now_ms())
            self.news.set()

    async def _office(self, office: Child) -> None:
        """The office client's words, one JSON object per line."""
        assert office.process.stdout
        async for line in office.process.stdout:
            said = _object(line)
            if said.get("type") == "notice":
                self._noticed(said)
            elif said.get("type") == "command":
                self.chain.mark(Link.ANSWERED, str(said.get("account")), self._real_s())
            self.news.set()

    def _noticed(self, said: dict[str, Any]) -> None:
        fields = {name: said[name] for name in Notice.model_fields if name in said}
        try:
            notice = _NOTICE.validate_json(json.dumps(fields))
        except ValidationError as error:
            self._say(
                "notice", f"看不懂的通知：{error}", "a notice that cannot be read", good=False
            )
            return
        self.chain.mark(Link.VERIFIED, notice.recipient, self._real_s())
        self.notices.append(notice)
        if self.player:
            self.player.heard(notice)
        self._say("notice", notice.subject.zh, notice.subject.en)

    # ── Bookkeeping ──────────────────────────────────────────────────────────────────────────────

    def _errand(self, what: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(what)
        self.errands.add(task)
        task.add_done_callback(self._errand_done)
        return task

    def _errand_done(self, task: asyncio.Task[None]) -> None:
        self.errands.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self.broken = self.broken or f"{type(error).__name__}: {error}"
        self.news.set()

    async def _watch(self, child: Child) -> None:
        await child.process.wait()

    def _check(self) -> None:
        """Raise BoxFault when a process ended that should not have, or an errand failed."""
        if ended := self.children.ended():
            child = ended[0]
            raise BoxFault(
                f"{child.name} ended with status {child.process.returncode}:\n{child.tail()}"
            )
        if self.broken:
            raise BoxFault(self.broken)

    def _logs(self) -> str:
        tails = [f"\n— {child.name}:\n{child.tail(5)}" for child in self.children.running]
        return "".join(tail for tail in tails if tail)

    async def _news(self, until_ms: int | None) -> None:
        """Until something was heard, or domain time ``until_ms``; at most a second."""
        wait = 1.0
        if until_ms is not None:
            wait = min(wait, max(0.0, self.clock.to_real((until_ms - self.clock.now_ms()) / 1000)))
        # Not wait_for: before Python 3.12 it swallows a cancellation that meets the result.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait + 0.005):
                await self.news.wait()
        self.news.clear()

    def _real_s(self) -> float:
        return time.monotonic() - self.began

    def _changed(self, player: Player, before: list[State]) -> None:
        """Tell of the steps that ended."""
        for told, was in zip(player.steps, before, strict=True):
            if told.state is not was and told.state in {State.DONE, State.FAILED}:
                say = told.step.meaning
                why = f"：{told.why}" if told.state is State.FAILED else ""
                self._say("step", say.zh + why, say.en, good=told.state is State.DONE)

    def _told(self, link: Link, topic: str) -> None:
        zh, en = TITLES[link]
        self.news.set()
        who = topic.removeprefix(self.topics.base + "/").rsplit("/", 1)[0]
        self._say("link", f"{zh}：{who}", en, good=True)

    def _say(self, kind: str, zh: str, en: str, *, good: bool | None = None) -> None:
        self.tell(Happening(kind, self.clock.now_ms(), self._real_s(), zh, en, good))

    def _report(self, server: Broker, where: Where) -> Report:
        assert self.player
        faults = [*self._open_links(), *(f"{Link.REPORTED}: {one}" for one in self.untold)]
        faults += [
            f"{told.step.say.zh if told.step.say else told.step.kinds}: {told.why}"
            for told in self.player.failed
        ]
        return Report(
            story=self.story.id,
            scale=self.options.scale,
            broker=server.kind,
            where=where,
            real_s=self._real_s(),
            chain=self.chain,
            links=self._links(),
            steps=self.player.steps,
            start_ms=self.player.start_ms,
            notices=self.notices,
            faults=faults,
        )


def _object(line: bytes) -> dict[str, Any]:
    """A line of JSON as an object; an empty one when it is none."""
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
