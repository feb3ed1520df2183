"""The collector's process: one task owns the World, everything else hands it over or carries away.

A turn: take what has arrived (bounded), read the clock once, step the World for each input and
once for the turn's end, commit inputs, journal and notices in one transaction; only then
acknowledge and send. Samples go their own way (``collector.io.samples``).
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

from collector import past
from collector import world as worlds
from collector.asking import requests
from collector.gate import OFFICE, Gate
from collector.identity import IDENTITY, refused
from collector.io import copied, pictures, reports, retention, rules
from collector.io.begin import Opened, open_collector
from collector.io.configured import database
from collector.io.feeds import Feeds
from collector.io.journal import analysis_lines, begun_ms, closing_lines, open_readonly
from collector.io.publisher import Publisher
from collector.io.samples import SampleWorker
from collector.io.store import NOTICE_LANE, OfficeOutbox
from collector.model import (
    AliveSeen,
    BirthSeen,
    CapSaid,
    Held,
    Input,
    OfficeCommand,
    Poison,
    Receipted,
    Received,
    Resumed,
    Tick,
    TurnedAway,
)
from collector.period import Period
from collector.state import Blind
from config.settings import CollectorSettings, WebSettings
from escalation.effects import Effect
from escalation.report import Line
from transport import frames
from transport.delivery import Acked, Peer
from transport.io import log as logs
from transport.io.clock import Onward
from transport.io.hop import SendingHop
from transport.io.link import Link, MakeLink, Message
from transport.io.notify import Notifier
from transport.io.quarantine import Quarantine
from transport.sign import sign
from wire.base import AgentId, OfficeId, OperatorId
from wire.codec import Refused
from wire.notice import Notice, Receipt, Signed
from wire.presence import Alive, Heartbeat
from wire.topics import Topics

BATCH: Final = 500
"""Inputs of one turn at most."""

BATCH_OCTETS: Final = 100_000
"""Octets of one turn's messages: some 800 looks, which take about 40 ms."""

QUIET_PASSES: Final = 3
"""Passes of the loop without an arrival after which a turn begins."""

COLLECTIONS: Final = (5_000, 2, 2000)
"""Thresholds of the garbage collector. The World is large and has no cycles: what stands at the
start is never looked through, later rows seldom; else that is a third of a large turn. A middle
collection looks through what two young ones left, in about 10 ms."""

INBOX: Final = 20_000
"""Rows that wait for their turn; more is dropped, and its sender sends it again."""

PULSE_S: Final = 2.0
"""The owner's task wakes as often, to see that it did."""

PAUSE_S: Final = 5.0
"""Woken so much too late, the process was stopped: what was said meanwhile has to be heard."""

SNAPSHOT_EVERY: Final = 20_000
ALIVE_EVERY_S: Final = 30.0
FAREWELL_S: Final = 2.0
UNHEARD_S: Final = 90.0
"""Without any broker offices are waited for no longer either, where the store lost its past."""


class Collector:
    """One county's collector; ``run`` until cancelled, then ``close``."""

    def __init__(self, opened: Opened, *, link: MakeLink = Link) -> None:
        settings = opened.settings
        self.world = opened.world
        self.store = opened.store
        self.history = opened.history
        self.counts: Counter[str] = Counter()
        self._settings = settings
        self._keys = opened.keys
        self._session = opened.session
        self._clock = opened.clock
        self._topics = Topics(settings.county.county, settings.county.tree)
        self._log = logs.get("collector")
        self._changes = logs.Changes(self._log)
        self._notifier = Notifier()
        self._inbox: deque[Message] = deque()
        self._wake = asyncio.Event()
        self._onward = Onward(self._clock, self.store.last_ms)
        self._ready = False
        self._leaving = False
        self._work = 0
        self._picture_due = asyncio.Event()
        self._gate = Gate(
            self._topics,
            self.world.county,
            {office.id: office.key for office in settings.collector.offices},
            opened.keys.trusted,
        )
        state_dir = Path(settings.collector.state_dir)
        self._quarantine = Quarantine(state_dir / "quarantine")
        self._link = link(
            settings.broker,
            client_id=settings.collector.key,
            subscriptions=(
                *self._topics.collector_subscriptions(),
                self._topics.view_page("+", "+"),
            ),
            will=lambda: self._alive(online=False),
            on_message=self._arrived,
            on_connected=self._connected,
            on_disconnected=self._disconnected,
        )
        self._hops: dict[str, SendingHop] = {
            office.id: self._hop(OfficeId(office.id)) for office in settings.collector.offices
        }
        self._views = Publisher(
            self._link,
            self._topics,
            self.world,
            session=self._session,
            every_ms=round(settings.collector.heartbeat_every_s * 1000),
            now_ms=self.now_ms,
            busy=lambda: bool(self._inbox or self._orders),
        )
        self._orders: deque[tuple[Input, asyncio.Future[list[Effect]]]] = deque()
        self._watch: Callable[[int, list[Effect]], None] | None = None
        self._samples = SampleWorker(
            self._gate,
            opened.history,
            self.store,
            self._quarantine,
            queue_rows=settings.history.queue_rows,
            send_ack=self._acknowledge,
            now_ms=self.now_ms,
            store_epoch=self.world.state.store,
        )

    def now_ms(self) -> int:
        """Domain time; it never goes back nor stands still, whatever the wall clock does."""
        return self._onward.now_ms()

    async def run(self) -> None:
        """Serve until cancelled; whatever part fails ends the whole (FAULTS F11)."""
        self._notifier.ready()
        self._patient(UNHEARD_S)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._own())
            tasks.create_task(self._link.run())
            tasks.create_task(self._samples.run())
            tasks.create_task(self._beat())
            tasks.create_task(self._views.run())
            if self._settings.cap is not None:
                tasks.create_task(Feeds(self._settings.cap, self._said_by_feed).run())
            tasks.create_task(self._pictures())
            if self._settings.rules.signed:
                tasks.create_task(self._rules())
            tasks.create_task(
                retention.keep(self.store, self.history, self._settings.retention, self.now_ms)
            )
            if self._settings.reports.periods or self._settings.reports.trial:
                tasks.create_task(self._reports())
            for hop in self._hops.values():
                tasks.create_task(hop.run())
            if self._settings.web is not None:
                tasks.create_task(self._pages(self._settings.web))

    async def farewell(self) -> None:
        """Say that we go, while the link is still up."""
        self._notifier.stopping()
        self._leaving = True  # a sign of life that is due meanwhile must not take it back
        gone = self._alive(online=False)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                await self._link.publish(gone.topic, gone.payload, retain=True)

    async def close(self) -> None:
        """The clean stop: a snapshot, so that the next start replays nothing."""
        while self.world.behind:
            self._turn([])
        self.store.snapshot(self.world, self.now_ms())
        self.store.close()
        await self.history.close()
        self._log.info("stopped", journal=self.store.journal_n)

    # ── The owner of the World ───────────────────────────────────────────────────────────────────

    async def _own(self) -> None:
        while True:
            paused_s = await self._sleep()
            if paused_s > PAUSE_S:
                self._log.error("did not run", seconds=round(paused_s))
                self._submit(Resumed(round(paused_s * 1000)))
            await self._gather()
            self._wake.clear()
            self._turn(self._batch())
            if self._inbox or self._orders:
                self._wake.set()
            self._notifier.alive(self._clock.monotonic())
            await asyncio.sleep(0)

    def _batch(self) -> list[Message]:
        """What one turn takes: so many messages and octets at most, one message at least."""
        batch: list[Message] = []
        octets = 0
        while self._inbox and len(batch) < BATCH and octets < BATCH_OCTETS:
            batch.append(self._inbox.popleft())
            octets += len(batch[-1].payload)
        return batch

    async def _gather(self) -> None:
        """Let in what is on its way already, so that one commit serves it all.

        A burst comes a row per pass of the loop, and a commit costs far more than a pass.
        """
        quiet, before = 0, len(self._inbox)
        while before and quiet < QUIET_PASSES and before < BATCH:
            await asyncio.sleep(0)
            quiet = quiet + 1 if len(self._inbox) == before else 0
            before = len(self._inbox)

    async def _sleep(self) -> float:
        """Until something arrives, a deadline of the World is due or it is time for a pulse.

        Returns by how many seconds it was woken too late.
        """
        deadline = self.world.next_deadline()
        waits = [min(PULSE_S, self._notifier.every_s or PULSE_S)]
        if deadline is not None:
            waits.append(self._clock.to_real((deadline - self.now_ms()) / 1000))
        wait_s = max(0.0, min(waits))
        until = self._clock.monotonic() + wait_s
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._wake.wait()
        return self._clock.monotonic() - until

    def _turn(self, batch: list[Message]) -> None:
        """One turn of the World, in one transaction; acknowledgements and sending after it."""
        now_ms = self.now_ms()
        inputs: list[Input] = []
        effects: list[Effect] = []
        receipts: list[Receipt] = []
        for message in batch:
            given = self._admit(message, receipts)
            if given is not None and self._is_news(given):
                effects += worlds.step(self.world, now_ms, given)
                inputs.append(given)
        orders = [self._orders.popleft() for _ in range(min(BATCH, len(self._orders)))]
        resolve = self.store.resolve
        answers = [worlds.step(self.world, now_ms, given, resolve) for given, _ in orders]
        for (given, _), own in zip(orders, answers, strict=True):
            inputs.append(given)
            effects += own
        deadline = self.world.next_deadline()
        if inputs or (deadline is not None and deadline <= now_ms):
            inputs.append(Tick())
            effects += worlds.step(self.world, now_ms, inputs[-1])
            self._commit(now_ms, inputs, effects)
            for (_, order), own in zip(orders, answers, strict=True):
                if not order.done():
                    order.set_result(own)
            self._turned(now_ms, effects)
        for peer, acked in self.world.receiver.committed():
            self._acknowledge(peer.sender, peer.lane, acked)
        for receipt in receipts:
            self._receipted(receipt)
        self._ask()
        self._turn_away(inputs)

    async def _pictures(self) -> None:
        """Snapshots when they are due: taken between two turns, made ready in a thread."""
        path = database(self._settings)
        while True:
            await self._picture_due.wait()
            if self.world.behind:
                self._picture_due.clear()  # the turn that leaves nothing asks for it again
                continue
            self._work = 0
            self._picture_due.clear()
            made = await self._picture(path)
            if made is not None:
                self.store.keep_picture(*made, self.now_ms())

    async def _picture(self, path: Path) -> tuple[pictures.Draft, pictures.Picture] | None:
        """The World as it is now, made ready beside the loop; a large one by a child process."""
        if len(self.world.state.devices) >= copied.FROM:
            draft, file = self.store.mark(), path.with_name("picture.part")
            child = copied.begin(self.world, file)
            picture = await asyncio.to_thread(copied.finish, child, file, path, draft)
            if picture is not None:
                return draft, picture
            self._log.warning("no picture from the child process, made here")
            if self.world.behind:
                self._work = pictures.SNAPSHOT_WORK  # the next turn that leaves nothing asks again
                return None
        draft = self.store.draft(self.world)
        return draft, await asyncio.to_thread(pictures.develop_beside, path, draft)

    def _ask(self) -> None:
        """Have agents look again at devices behind which others gave no answer (FAULTS F34)."""
        if self.world.wishes:
            wishes, self.world.wishes = self.world.wishes, {}
            for topic, wish in requests(self.world, self._topics, self.now_ms(), wishes):
                self._link.post(topic, wish.model_dump_json().encode())

    def _turn_away(self, inputs: list[Input]) -> None:
        """Tell second processes of one identity that they are refused (FAULTS F14)."""
        for given in inputs:
            match given:
                case BirthSeen(birth, retained=False) if refused(self.world, birth):
                    agent, life = birth.agent, birth.life
                case AliveSeen(alive, retained=False) if refused(self.world, alive):
                    agent, life = alive.sender, alive.life
                case _:
                    continue
            self._changes.note(("clone", agent), life, "second agent refused", agent=agent)
            self._acknowledge(agent, IDENTITY, Acked(0, 0, refused=True, check=life))

    def _commit(self, now_ms: int, inputs: list[Input], effects: list[Effect]) -> None:
        if self.store.commit(now_ms, inputs, effects, self._sign):
            for hop in self._hops.values():
                hop.wake()
        self._work += pictures.work(inputs)
        behind = self.store.last_input - self.store.last_snapshot
        if self._work >= pictures.SNAPSHOT_WORK or behind >= SNAPSHOT_EVERY:
            self._picture_due.set()

    def _submit(self, given: Input) -> asyncio.Future[list[Effect]]:
        """Put an input into the next turn; its effects, once they are committed."""
        order: asyncio.Future[list[Effect]] = asyncio.get_running_loop().create_future()
        self._orders.append((given, order))
        self._wake.set()
        return order

    async def _rules(self) -> None:
        """Bring signed changes of the rules into force when they are approved and due."""
        trusted, every_s = self._keys.trusted, self._settings.rules.every_s
        while True:
            inforce, now_ms = self.world.newest, self.now_ms()
            found = await asyncio.to_thread(
                rules.due, self._settings, trusted, inforce, now_ms, self._log
            )
            if found is not None and self.world.newest is inforce:
                county, change = found
                self.store.keep(county, self.now_ms())
                await self._submit(change)
                self._gate.serve(self.world.county)
                self._log.info("rules in force", config=county.hash, by=change.account)
            await asyncio.sleep(every_s)

    def _said_by_feed(self, feed: str, raw: bytes) -> None:
        self._submit(CapSaid(feed, raw))

    def _turned(self, now_ms: int, effects: list[Effect]) -> None:
        """Tell views and pages; whatever goes wrong there is their own trouble."""
        self._views.turned()
        if self._watch is None:
            return
        try:
            self._watch(now_ms, effects)
        except Exception as error:  # noqa: BLE001  the watch goes on without its pages
            self._changes.note("pages", repr(error), "the pages missed a turn", error=repr(error))

    def _sign(self, notice: Notice) -> Signed:
        return sign(notice, "notice", self._keys.own)

    def _admit(self, message: Message, receipts: list[Receipt]) -> Input | None:
        """The input in a message; what is refused is set aside, counted and named."""
        try:
            admitted = self._gate.admit(message.topic, message.payload, retained=message.retain)
        except Refused as refused:
            self._set_aside(message, refused)
            return None
        if admitted.refused is not None:
            self._set_aside(message, admitted.refused)
        if admitted.receipt is not None:
            receipts.append(admitted.receipt)
            receipt = admitted.receipt
            if receipt.number:
                return Held(receipt.office, receipt.number, receipt.warning or "")
            return Receipted(receipt.office, receipt.epoch, receipt.seq)
        return admitted.given

    def _is_news(self, given: Input) -> bool:
        """Repeats are answered and kept out of the fold, and so are receipts of nothing new."""
        match given:
            case Received(row) | Poison(row) | OfficeCommand(row) | TurnedAway(row):
                if worlds.fresh(self.world, row):
                    return True
                if not worlds.waits(self.world, row):
                    peer = Peer(row.sender, row.lane)
                    self.world.receiver.judge(peer, row.epoch, row.seq, row.check, row.after)
                return False
            case Receipted(office, epoch, seq):
                known = self.world.state.receipts.get(office, (0, 0, 0))
                return (epoch, seq) > (known[0], known[1])
            case Held():
                return past.awaited(self.world, given)
        return True

    def _receipted(self, receipt: Receipt) -> None:
        acked = Acked(
            receipt.epoch, receipt.seq, receipt.refused, receipt.again, receipt.check, receipt.store
        )
        self._hops[receipt.office].acknowledged(acked)

    def _set_aside(self, message: Message, refused: Refused) -> None:
        self.counts[refused.reason] += 1
        self._quarantine.put(
            message.payload,
            refused,
            topic=message.topic,
            sender=self._gate.sender(message.topic),
            at_ms=self.now_ms(),
        )

    # ── The link ─────────────────────────────────────────────────────────────────────────────────

    def _arrived(self, message: Message) -> None:
        """Hand over at once; rows beyond the bound are dropped, presence is not."""
        if self._gate.is_sample(message.topic):
            self._samples.offer(message)
            return
        if self._views.hears(message):
            return
        if len(self._inbox) >= INBOX and message.topic.endswith(("/state", "/command")):
            self.counts["inbox full"] += 1
            self._changes.note("inbox", "full", "inbox full, rows left with their senders")
            return
        self._inbox.append(message)
        self._wake.set()

    async def _connected(self) -> None:
        self._post(self._alive(online=True))
        for peer in self.world.receiver.peers():
            acked = self.world.receiver.answer(peer, again=True)
            self._acknowledge(peer.sender, peer.lane, acked)
        self._samples.resume()
        self._post(self._heartbeat())
        for hop in self._hops.values():
            hop.connected()
        self._views.connected()
        self._log.info("connected")
        if not self._ready:
            self._ready = True
            self._patient(self._settings.collector.heartbeat_every_s)
            self._log.info("ready", session=self._session, config=self.world.county.hash)

    def _patient(self, seconds: float) -> None:
        asyncio.get_running_loop().call_later(seconds, self._unheard)

    def _unheard(self) -> None:
        """Not every office has said what it holds: nobody is waited for any longer."""
        if self.world.state.damage or self.world.state.asking:
            self._submit(Held())

    def _disconnected(self, reason: str) -> None:
        for hop in self._hops.values():
            hop.disconnected()
        self._log.warning("disconnected", reason=reason)

    def _acknowledge(self, sender: str, lane: str, acked: Acked) -> None:
        source = self.world.county.sources.get(sender)
        if source is not None:
            topic = self._topics.agent(OperatorId(source.operator), AgentId(sender), "ack")
        elif sender in self._hops:
            topic = self._topics.office(OfficeId(sender), "ack")
        else:
            return
        self._link.post(topic, frames.ack_payload(lane, acked))

    def _post(self, message: Message) -> None:
        self._link.post(message.topic, message.payload, retain=message.retain)

    def _hop(self, office: OfficeId) -> SendingHop:
        """The courier of one office: repeats until its signed receipt."""
        return SendingHop(
            sender=self._settings.collector.key,
            lane=NOTICE_LANE,
            topic=self._topics.office(office, "notice"),
            outbox=OfficeOutbox(self.store, office),
            link=self._link,
            clock=self._clock,
        )

    # ── Signs of life ────────────────────────────────────────────────────────────────────────────

    def _alive(self, *, online: bool) -> Message:
        key = self._settings.collector.key
        alive = Alive(
            sender=key,
            session=self._session,
            online=online and not self._leaving,
            at_ms=self.now_ms(),
            every_ms=round(ALIVE_EVERY_S * 1000),
        )
        topic = f"{self._topics.base}/{OFFICE}/{key}/alive"
        return Message(topic, alive.model_dump_json().encode(), retain=True)

    def _heartbeat(self) -> Message:
        """The signed sign of life, by which an office knows that we see (FAULTS F26)."""
        situation, state = self.world.situation, self.world.state
        beat = Heartbeat(
            county=self._settings.county.county,
            at_ms=self.now_ms(),
            session=self._session,
            every_ms=round(self._settings.collector.heartbeat_every_s * 1000),
            notices_seq=self.world.desk.last_number,
            journal_head=self.store.journal_head,
            warning=situation.verdict.warning if situation else "none",
            level=situation.verdict.level if situation else "none",
            agents_silent=tuple(
                agent for agent, row in sorted(state.agents.items()) if row.blind is not Blind.SEES
            ),
        )
        payload = sign(beat, "heartbeat", self._keys.own).model_dump_json().encode()
        return Message(self._topics.heartbeat, payload, retain=True)

    async def _beat(self) -> None:
        """A heartbeat every so often. The owner's task proves by its own turns that it lives."""
        next_alive = self._clock.monotonic() + ALIVE_EVERY_S
        while True:
            await asyncio.sleep(self._settings.collector.heartbeat_every_s)
            self._post(self._heartbeat())
            self._views.beat()
            if self._clock.monotonic() >= next_alive:
                next_alive += ALIVE_EVERY_S
                self._post(self._alive(online=True))

    async def _reports(self) -> None:
        """Have the regular reports written when their time has come."""
        settings = self._settings
        name = (settings.web.name if settings.web else None) or ""
        writer = reports.Writer(settings.reports, database(settings), name)
        await writer.keep(
            self.now_ms, lambda: begun_ms(self.store.db), lambda: bool(self.world.county.trial)
        )

    # ── The pages ────────────────────────────────────────────────────────────────────────────────

    async def _pages(self, settings: WebSettings) -> None:
        """Serve the pages; an address that cannot be bound is said once and tried again."""
        from collector.io import then  # noqa: PLC0415  only who serves pages
        from collector.web.live import Hooks, LiveSource  # noqa: PLC0415  only who serves pages
        from collector.web.run import pages, tail  # noqa: PLC0415  as above

        hooks = Hooks(
            world=self.world,
            history=self.history,
            topics=self._topics,
            trusted=self._keys.trusted,
            session=self._session,
            scale=self._clock.scale,
            now_ms=self.now_ms,
            monotonic=self._clock.monotonic,
            submit=self._submit,
            post=lambda topic, payload: self._link.post(topic, payload) is not None,
            pending=lambda: max(hop.pending for hop in self._hops.values()),
            journal=self._closing_lines,
            rows=self._analysis_lines,
            then=lambda at_ms, target: then.ask(database(self._settings), at_ms, target),
        )
        source = LiveSource(hooks, settings)
        source.past.replay(tail(self.store.db))
        self._watch = source.turned
        await pages(source, settings, self._log)

    def _closing_lines(self, warning: str) -> list[Line]:
        """Read in a thread of the pages, with a connection of its own."""
        with contextlib.closing(open_readonly(database(self._settings))) as db:
            return closing_lines(db, warning)

    def _analysis_lines(self, asked: Period) -> tuple[list[Line], int]:
        with contextlib.closing(open_readonly(database(self._settings))) as db:
            return analysis_lines(db, asked)


async def serve(settings: CollectorSettings, stop: asyncio.Event) -> None:
    """Run a collector until ``stop`` is set; raises what went wrong before or while serving."""
    collector = Collector(open_collector(settings))
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTIONS)
    running = asyncio.create_task(collector.run())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if running.done():
        await running  # raises: the process ends, nothing is acknowledged that is not on disk
    await collector.farewell()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    await collector.close()
