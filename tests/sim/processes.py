"""The real processes on their virtual machines: agents, collector, office client."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
from copy import deepcopy
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from agent.app import Agent
from agent.devices import listed
from agent.reload import Setup
from collector.app import Collector
from collector.io.backup import back_up, put_back
from collector.io.begin import open_collector
from config.faults import ConfigError, Place, error
from config.traps import TrapAccess
from escalation.effects import EmitNotice
from escalation.io.office import Event, OfficeClient, notice_data
from escalation.io.office_keys import Keys
from escalation.io.office_store import OfficeStore
from tests.sim.house import OFFICE
from tests.sim.known import Known
from tests.sim.machine import Ground, Machine
from tests.sim.office_judge import PERHAPS
from tests.sim.truth import SIGHT, Sight, Truth
from transport.delivery import NOTHING, Peer
from transport.frames import Envelope
from transport.io.keys import load_key
from transport.io.outbox import OutboxFull, Quota, Row, Thinned, TooLarge
from transport.sign import sign
from wire.codec import unpack
from wire.notice import Command, Verb

if TYPE_CHECKING:
    pass


class AgentMachine(Machine):
    """``name`` with a tilde is a clone: another machine with the same identity."""

    def __init__(self, ground: Ground, name: str, truth: Truth, client: str = "") -> None:
        super().__init__(ground, name, client or name)
        self.sight = Sight(truth, Random(f"{ground.seed}/{name}/sight"))
        self.agent: Agent | None = None
        self.sample_quota: int | None = None
        self.state_dir = ground.house.folder / name
        self.interval_s = ground.house.size.interval_s
        self.without: frozenset[str] = frozenset()
        self.fault = ""
        """What is wrong with its files, so that a reload must be refused."""

    async def body(self) -> None:
        house = self.ground.house
        SIGHT.set(self.sight)
        agent = Agent(
            house.agent(self.name, self.interval_s),
            house.inventory(self.name, self.without),
            house.profiles,
            clock=self.clock,
            link=self.link(),
            files=self._files,
        )
        self.agent = agent
        running = asyncio.ensure_future(agent.run())
        await asyncio.sleep(0)
        if agent._uplink is not None:
            self._listen(agent)
        await running

    def _files(self) -> Setup:
        """What a SIGHUP makes it read."""
        if self.fault:
            self.ground.checker.counts["reloads refused"] += 1
            raise ConfigError([error(Place(str(self.state_dir)), "", self.fault)])
        house = self.ground.house
        settings = house.agent(self.name, self.interval_s)
        roster = listed(settings, house.inventory(self.name, self.without))
        self.ground.checker.counts["reloads"] += 1
        return Setup(settings, roster, house.profiles, TrapAccess())

    def reload(self) -> None:
        """SIGHUP."""
        if self.agent is not None and self.alive:
            self.context.run(self.agent._reloader.ask)

    def clone(self, *, same_client: bool) -> AgentMachine:
        """A second one of the same identity, with the same client id at the broker or another."""
        name = f"{self.name}~"
        shutil.rmtree(self.state_dir.with_name(name), ignore_errors=True)
        return AgentMachine(self.ground, name, self.sight.truth, self.name if same_client else name)

    def new_disk(self) -> None:
        """Its disk is replaced by an empty one."""
        self.ground.note("lost", self.name)
        for path in self.disk.folder.glob("agent.db*"):
            path.unlink()
        self.ground.checker.outbox_lost(self.name)

    def copy(self) -> tuple[dict[str, bytes], int]:
        """The outbox as it stands on disk, and how many rows it had been given by then."""
        files = {path.name: path.read_bytes() for path in self.disk.folder.glob("agent.db*")}
        files.pop("agent.db-shm", None)
        return files, self.ground.checker.copied(self.name, self._bodies(files))

    def old_disk(self, copy: tuple[dict[str, bytes], int], *, whole: bool) -> None:
        """An old copy is put back; ``whole``: with all that lies beside it, as of a machine."""
        files, end = copy
        self.ground.note("old", f"{self.name} {end} {whole}")
        for path in self.disk.folder.glob("agent.db*"):
            if whole or not path.name.endswith(".mark"):
                path.unlink()
        for name, content in files.items():
            if whole or not name.endswith(".mark"):
                (self.disk.folder / name).write_bytes(content)
        self.ground.checker.outbox_back(self.name, end, whole=whole)

    def _bodies(self, files: dict[str, bytes]) -> set[bytes]:
        """The rows that wait in copied files."""
        scratch = self.ground.house.folder / "looked-at"
        scratch.mkdir()
        for name, content in files.items():
            (scratch / name).write_bytes(content)
        with contextlib.closing(sqlite3.connect(scratch / "agent.db")) as db:
            found = {unpack(body) for (body,) in db.execute("SELECT body FROM outbox_row")}
        shutil.rmtree(scratch)
        return found

    def terminate(self) -> None:
        """SIGTERM."""
        if self.agent is not None and self.alive:
            self.agent.stop()

    def _listen(self, agent: Agent) -> None:
        """Tell the checker what the outbox was given, and what it said to that."""
        assert agent._uplink is not None
        box, checker = agent._uplink.outbox, self.ground.checker
        append = box.append
        if self.sample_quota is not None:
            box._quotas["sample"] = Quota(self.sample_quota, thin=True)

        def heard(batches: dict[str, Any]) -> tuple[Thinned, ...]:
            given: dict[str, list[Row]] = {lane: list(rows) for lane, rows in batches.items()}
            try:
                thinned = append(batches)
            except (OutboxFull, TooLarge):  # nothing was written, it says
                raise
            except BaseException:
                checker.appended(self.name, given, sure=False)
                raise
            checker.appended(self.name, given, sure=True)
            checker.thinned(self.name, thinned)
            return thinned

        box.append = heard  # type: ignore[method-assign]


class CollectorMachine(Machine):
    def __init__(self, ground: Ground) -> None:
        super().__init__(ground, "collector", "collector")
        self.collector: Collector | None = None
        self.end_at_notice = False
        """End it in one of the writes of its next turn that tells the office something."""
        self._stop: asyncio.Event | None = None

    async def body(self) -> None:
        opened = open_collector(self.ground.house.collector, clock=self.clock)
        collector = Collector(opened, link=self.link())
        self.collector = collector
        stop = self._stop = asyncio.Event()
        self._listen(collector)
        try:
            running = asyncio.ensure_future(collector.run())
            stopping = asyncio.ensure_future(stop.wait())
            try:
                await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if running.done():
                    await running
                await collector.farewell()
            finally:
                running.cancel()
                stopping.cancel()
                await asyncio.gather(running, stopping, return_exceptions=True)
            await collector.close()
        finally:
            collector.store.close()
            with contextlib.suppress(Exception):
                await collector.history.close()

    def terminate(self) -> None:
        if self._stop is not None and self.alive:
            self._stop.set()

    def _listen(self, collector: Collector) -> None:
        store, checker = collector.store, self.ground.checker
        commit, blocks = store.commit, collector._gate.blocks
        checker.collector_began(collector)

        def heard(now_ms: int, inputs: Any, effects: Any, sign: Any) -> int:
            given = (now_ms, inputs, effects, sign)
            if self.end_at_notice and any(isinstance(one, EmitNotice) for one in effects):
                self.end_at_notice = False
                self.disk.end_in = "county.db"
                self.disk.end_after = self.random.randint(1, 30)
            checker.committing = True
            count = commit(*given)
            checker.committing = False
            checker.committed(collector)
            return count

        def looked(envelope: Envelope) -> Any:
            found = blocks(envelope)
            if found[2] is not None:
                checker.gap(found[2].rows)
            return found

        collector._gate.blocks = looked  # type: ignore[method-assign]
        store.commit = heard  # type: ignore[method-assign]

    def restored(self) -> None:
        self.ground.checker.collector_over(self.collector)
        self.collector = None

    @property
    def database(self) -> Path:
        return self.disk.folder / "county.db"

    def copy(self, name: str) -> tuple[Path, Known] | None:
        """An online backup, and what the store says at its moment; None when there is no store."""
        path = self.ground.house.folder / "copies" / name
        if self.collector is None or not self.alive:
            return None
        back_up(self.database, path)
        return path, deepcopy(self.ground.checker.known)

    def old_store(self, path: Path, known: Known) -> None:
        """That copy becomes the store."""
        self.ground.note("restore", path.name)
        _, aside = put_back(path, self.database)
        for one in self.disk.folder.glob(f"{aside.name}*" if aside else ""):
            one.unlink()
        self._without(known, samples=False)

    def no_store(self, *, samples: bool) -> None:
        """The store is gone, perhaps with the history beside it."""
        self.ground.note("gone", f"{samples}")
        for path in self.disk.folder.glob("*.db*" if samples else "county.db*"):
            path.unlink()
        self._without(None, samples=samples)

    def _without(self, known: Known | None, *, samples: bool) -> None:
        self.collector = None
        self.ground.checker.store_lost(known, samples=samples)


class OfficeMachine(Machine):
    def __init__(self, ground: Ground) -> None:
        super().__init__(ground, OFFICE, OFFICE)
        self.client_: OfficeClient | None = None
        self.store: OfficeStore | None = None
        self.end_at_notice = False
        """End it in one of the writes of the next notice that it takes."""
        self._stop: asyncio.Event | None = None

    async def body(self) -> None:
        settings = self.ground.house.office
        folder = Path(settings.office.state_dir)
        store = self.store = OfficeStore(folder / "office.db", now_s=self.clock.wall_ms() // 1000)
        self._listen(store)
        try:
            for stored in store.unshown():
                self._hear(Event("notice", notice_data(stored), stored))
            client = self.client_ = OfficeClient(
                settings,
                store,
                Keys.load(settings),
                self._hear,
                clock=self.clock,
                link=self.link(),
            )
            stop = self._stop = asyncio.Event()
            running = asyncio.ensure_future(client.run())
            stopping = asyncio.ensure_future(stop.wait())
            try:
                await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if running.done():
                    await running
                await client.farewell()
            finally:
                running.cancel()
                stopping.cancel()
                await asyncio.gather(running, stopping, return_exceptions=True)
        finally:
            self.store = None
            store.close()

    def terminate(self) -> None:
        if self._stop is not None and self.alive:
            self._stop.set()

    def order(self, verb: Verb, target: str) -> None:
        """A person's signed order, put in the outbox (as ``wanglou office`` does)."""
        if not self.alive or self.store is None or self.client_ is None:
            return
        settings, checker = self.ground.house.office, self.ground.checker
        command = Command(
            id=f"c{len(checker.office.ordered) + 1}",
            county=settings.county.county,
            tree=settings.county.tree,
            account="li",
            verb=verb,
            target=target,
            at_ms=self.clock.now_ms(),
        )
        signed = sign(command, "command", load_key(self.ground.house.folder / "office-keys", "li"))
        try:
            self.store.add_command(command, signed, now_s=self.clock.wall_ms() // 1000)
        except sqlite3.Error:  # the disk refused it, and the person was told so
            checker.office.ordered[command.id] = PERHAPS
            return
        checker.office.ordered[command.id] = 0
        self.client_._hop.wake()

    def _hear(self, event: Event) -> None:
        """What the watch does: show it, and note that it was shown."""
        if self.life is None or self.life.dead or self.store is None:
            return
        judge = self.ground.checker.office
        judge.heard(event, received=self._received(event))
        if event.stored is not None:
            self.store.mark_shown(event.stored.no)
            judge.shown(event.stored.notice)

    def _received(self, event: Event) -> bool:
        """Whether the notice's row is one that the office had received before this turn."""
        if event.stored is None or self.store is None or self.client_ is None:
            return False
        held = self.store.held(event.stored.signed.payload)
        mark = self.client_._receiver._marks.get(Peer("collector", "notice"), NOTHING)
        return held is not None and (held.epoch, held.seq) <= (mark.epoch, mark.seq)

    def _listen(self, store: OfficeStore) -> None:
        add = store.add_notice

        def heard(*given: Any) -> int:
            if self.end_at_notice:
                self.end_at_notice = False
                self.disk.end_in = "office.db"
                self.disk.end_after = self.random.randint(1, 12)
            return add(*given)

        store.add_notice = heard  # type: ignore[assignment,method-assign]
