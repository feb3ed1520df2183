"""The county's side of the office hop, for tests: a real desk, outbox and link, and a liar."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from config.settings import (
    BrokerSettings,
    OfficeOptions,
    OfficeSettings,
    TreeSettings,
)
from escalation.desk import Desk
from escalation.effects import Effect, EmitNotice
from escalation.situation import Situation
from tests.escalation.county import charter
from transport import frames
from transport.delivery import Acked, Peer, Receiver
from transport.io.clock import Clock
from transport.io.hop import SendingHop
from transport.io.keys import load_key, load_trusted, new_key, trust
from transport.io.link import Link, Message
from transport.io.outbox import Outbox, Quota, Row
from transport.sign import SigningKey, open_signed, sign
from wire.base import OfficeId
from wire.notice import Command, Notice, Receipt
from wire.presence import Heartbeat
from wire.topics import Topics

COUNTY, OFFICE = "140522", OfficeId("office")
TOPICS = Topics(COUNTY)
_RECEIPT = TypeAdapter(Receipt)
_COMMAND = TypeAdapter(Command)


def make_keys(folder: Path) -> None:
    """``county/`` and ``office/`` with keys that trust each other; people's keys at the office."""
    for name in ("collector", "stranger"):
        new_key(folder / "county", name)
    for name in ("office", "zhang", "li", "wang"):
        public = new_key(folder / "office", name)
        trust(folder / "county", public)
    trust(folder / "office", folder / "county" / "collector.pub")


def settings(folder: Path, port: int) -> OfficeSettings:
    return OfficeSettings(
        office=OfficeOptions(
            id=OFFICE, state_dir=folder / "state", keys_dir=folder / "office", key="office"
        ),
        county=TreeSettings(county=COUNTY),
        broker=BrokerSettings(port=port),
    )


def toml(folder: Path, port: int) -> Path:
    """The same settings as a file."""
    path = folder / "office.toml"
    path.write_text(
        '[office]\nid = "office"\nstate_dir = "state"\nkeys_dir = "office"\nkey = "office"\n'
        f'[county]\ncounty = "{COUNTY}"\n[broker]\nport = {port}\n',
        encoding="utf-8",
    )
    return path


@dataclass
class CountySide:
    """A desk behind a real outbox and link; ``receipts`` and ``commands`` are what came back."""

    folder: Path
    port: int
    link: Link = field(init=False)
    receipts: list[Receipt] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    beat: int = 0

    def __post_init__(self) -> None:
        self.clock = Clock()
        self.key: SigningKey = load_key(self.folder / "county", "collector")
        self.stranger: SigningKey = load_key(self.folder / "county", "stranger")
        self.trusted = load_trusted(self.folder / "county")
        self.desk = Desk(charter())
        self.outbox = Outbox.open(
            self.folder / "county.db",
            now_s=lambda: self.clock.wall_ms() // 1000,
            quotas={"notice": Quota(10_000_000)},
        )
        self.receiver = Receiver(store=1)
        self.ready = asyncio.Event()
        self.came = asyncio.Event()
        self.link = Link(
            BrokerSettings(port=self.port),
            client_id="collector",
            subscriptions=TOPICS.collector_subscriptions(),
            on_message=self.arrived,
            on_connected=self.connected,
            on_disconnected=lambda _: self.hop.disconnected(),
        )
        self.hop = SendingHop(
            sender="collector",
            lane="notice",
            topic=TOPICS.office(OFFICE, "notice"),
            outbox=self.outbox,
            link=self.link,
            clock=self.clock,
        )

    async def connected(self) -> None:
        self.hop.connected()
        self.ready.set()

    def arrived(self, message: Message) -> None:
        leaf = TOPICS.parse(message.topic)
        if leaf is None:
            return
        if leaf.leaf == "receipt":
            receipt, key = open_signed(message.payload, "receipt", self.trusted, _RECEIPT)
            assert key == "office"
            self.receipts.append(receipt)
            names = Acked._fields
            self.hop.acknowledged(Acked(*(getattr(receipt, name) for name in names)))
        elif leaf.leaf == "command":
            self.take_command(message)
        self.came.set()

    def take_command(self, message: Message) -> None:
        envelope = frames.unwrap(message.payload)
        verdict = self.receiver.judge(envelope.peer, envelope.epoch, envelope.seq, envelope.check)
        if verdict.applied:
            command, key = open_signed(envelope.body, "command", self.trusted, _COMMAND)
            self.commands.append(command)
            self.send(self.desk.command(self.clock.now_ms(), command, key))
        for peer, acked in self.receiver.committed():
            self.link.post(TOPICS.office(OFFICE, "ack"), frames.ack_payload(peer.lane, acked))

    def assess(self, situation: Situation) -> list[Notice]:
        return self.send(self.desk.assess(self.clock.now_ms(), situation))

    def send(self, effects: list[Effect]) -> list[Notice]:
        notices = [effect.notice for effect in effects if isinstance(effect, EmitNotice)]
        for notice in notices:
            self.queue(self.signed(notice))
        return notices

    def signed(self, notice: Notice, key: SigningKey | None = None) -> bytes:
        return sign(notice, "notice", key or self.key).model_dump_json().encode()

    def queue(self, body: bytes) -> None:
        self.outbox.append({"notice": [Row("notice", self.clock.now_ms(), body)]})
        self.hop.wake()

    async def inject(self, body: bytes, *, seq: int, epoch: int | None = None) -> None:
        """Say something outside the protocol, as a lying broker or client could."""
        where = self.outbox.lane("notice").epoch if epoch is None else epoch
        payload = frames.wrap(
            Peer("collector", "notice"), epoch=where, seq=seq, sent_ms=1, check=0, body=body
        )
        assert await self.link.publish(TOPICS.office(OFFICE, "notice"), payload)

    async def heartbeat(
        self, *, every_ms: int = 30_000, retain: bool = False, said: int | None = None
    ) -> bytes:
        """``said``: the number it claims to have come to, the desk's own by default."""
        self.beat += 1
        beat = Heartbeat(
            county=COUNTY,
            at_ms=self.clock.now_ms(),
            session=self.beat,
            every_ms=every_ms,
            notices_seq=self.desk.last_number if said is None else said,
            journal_head="",
            warning="none",
            level="none",
        )
        payload = sign(beat, "heartbeat", self.key).model_dump_json().encode()
        assert await self.link.publish(TOPICS.heartbeat, payload, retain=retain)
        return payload


@contextlib.asynccontextmanager
async def county_side(folder: Path, port: int) -> AsyncIterator[CountySide]:
    """A connected county; stopped at the end."""
    county = CountySide(folder, port)
    tasks = [asyncio.create_task(county.link.run()), asyncio.create_task(county.hop.run())]
    try:
        async with asyncio.timeout(60):
            await county.ready.wait()
        yield county
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        county.outbox.close()
