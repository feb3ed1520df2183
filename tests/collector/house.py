"""A collector as a process in a directory of its own, and real peers that speak to it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter

from config.register import Person, Register
from config.settings import BrokerSettings
from drill import estate
from tests.peers import stop
from transport import frames
from transport.delivery import Acked, Peer, Receiver
from transport.io.clock import Clock
from transport.io.hop import SendingHop
from transport.io.keys import load_key, load_trusted, new_key, trust
from transport.io.link import Link, Message
from transport.io.outbox import Outbox, Quota, Row
from transport.sign import open_signed, sign
from wire.notice import Command, Notice, Receipt, Signed, Verb
from wire.presence import Alive, Birth, Heartbeat

WANGLOU = Path(sys.executable).parent / "wanglou"
SCALE = 600.0
"""A hold of 180 s passes in 0.3 s."""
AGAIN_S = 1.0
KEEPALIVE_S = 40
"""Nobody is taken for dead by the broker while this process, or the machine, stands still."""

LI = Person(account="li", name="李四", organ="县工业和信息化局", roles=("duty",), key="li")
_NOTICE = TypeAdapter(Notice)
_BEAT = TypeAdapter(Heartbeat)
_HEADS = {
    "towns": ("code", "name"),
    "sites": ("id", "name", "operator", "town", "weight", "key_unit", "hub"),
    "devices": ("id", "name", "site", "parents", "main", "egress"),
    "systems": ("id", "name", "devices", "needs", "at_least", "shares", "organ"),
    "people": ("account", "name", "organ", "roles", "key"),
    "contacts": ("name", "phone", "kind", "operator", "town"),
    "sources": ("agent", "operator", "disclose"),
}


@dataclass
class House:
    """The files of one collector, and its process."""

    folder: Path
    port: int
    register: Register
    influxdb_url: str | None = None
    anchor_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    process: subprocess.Popen[bytes] | None = None
    log: list[dict[str, object]] = field(default_factory=list)
    reader: threading.Thread = field(default_factory=threading.Thread)

    def __post_init__(self) -> None:
        keys, office = self.folder / "keys", self.folder / "office-keys"
        trust(office, new_key(keys, "collector"))
        for name in ("office", "li", "stranger"):
            public = new_key(office, name)
            if name != "stranger":
                trust(keys, public)
        tables = self.folder / "register"
        tables.mkdir()
        for name, heads in _HEADS.items():
            rows: Sequence[BaseModel] = getattr(self.register, name)
            if rows:
                estate._csv(tables / f"{name}.csv", heads, rows)
        options = {
            "state_dir": "state",
            "register": "register",
            "keys_dir": "keys",
            "offices": [{"id": "office", "key": "office"}],
            "heartbeat_every_s": 0.3,
        }
        history = {"influxdb_url": self.influxdb_url} if self.influxdb_url else {}
        estate._toml(
            self.config,
            {
                "collector": options,
                "county": {"county": self.register.county, "tree": "drill-t"},
                "broker": {"port": self.port, "keepalive_s": KEEPALIVE_S},
                "history": history,
                "clock": {"scale": SCALE, "anchor_ms": self.anchor_ms},
            },
        )

    @property
    def config(self) -> Path:
        return self.folder / "collector.toml"

    @property
    def base(self) -> str:
        return f"wanglou/1/drill-t/{self.register.county}"

    @property
    def clock(self) -> Clock:
        return Clock(SCALE, self.anchor_ms)

    def start(self) -> None:
        """Start the process; returns when its log says ready."""
        self.process = subprocess.Popen(
            [WANGLOU, "collector", "run", "--config", self.config],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        ready = threading.Event()
        self.reader = threading.Thread(target=self._read, args=(self.process, ready), daemon=True)
        self.reader.start()
        if not ready.wait(60):
            raise RuntimeError(f"the collector is not ready: {self.log}")

    def _read(self, process: subprocess.Popen[bytes], ready: threading.Event) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            try:
                said = json.loads(line)
            except ValueError:
                said = {"event": line.decode()}
            self.log.append(said)
            if said.get("event") == "ready":
                ready.set()
        ready.set()

    def end(self, sig: int) -> int:
        """Send ``sig`` and wait; the exit code."""
        assert self.process is not None
        self.process.send_signal(sig)
        code = self.process.wait(60)
        self._gone()
        return code

    def _gone(self) -> None:
        """Its pipe is closed once all of its log was read."""
        assert self.process is not None
        self.reader.join(60)
        stop(self.process)
        self.process = None

    def close(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self._gone()

    def cli(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run another command of wanglou on the same configuration."""
        return subprocess.run(
            [WANGLOU, *words, "--config", str(self.config)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def status(self) -> dict[str, object]:
        done = self.cli("status", "--json")
        assert done.returncode == 0, done.stderr
        found: dict[str, object] = json.loads(done.stdout)
        return found

    def quarantined(self) -> list[str]:
        files = sorted((self.folder / "state" / "quarantine").glob("*.refused"))
        return [json.loads(file.read_bytes().partition(b"\n")[0])["reason"] for file in files]


class Speaker:
    """An agent's sending side: a real outbox, link and hop, with rows by the test's hand."""

    def __init__(self, house: House, operator: str, agent: str) -> None:
        self.house = house
        self.topic = f"{house.base}/{operator}/{agent}"
        self.agent = agent
        quotas = {lane: Quota(10_000_000) for lane in ("state", "sample")}
        self.outbox = Outbox.open(
            house.folder / f"{agent}.db", now_s=lambda: time.time_ns() // 10**9, quotas=quotas
        )
        self.session = self.outbox.next_counter("session")
        self.link = Link(
            BrokerSettings(port=house.port, keepalive_s=KEEPALIVE_S),
            client_id=agent,
            on_message=self._arrived,
            subscriptions=(f"{self.topic}/ack",),
            will=lambda: Message(f"{self.topic}/alive", self._alive(online=False), retain=True),
            on_connected=self._connected,
            on_disconnected=self._disconnected,
        )
        self.hops = {
            lane: SendingHop(
                sender=agent,
                lane=lane,
                topic=f"{self.topic}/{lane}",
                outbox=self.outbox,
                link=self.link,
                clock=house.clock,
            )
            for lane in quotas
        }
        self.tasks: list[asyncio.Task[None]] = []

    def _alive(self, *, online: bool) -> bytes:
        alive = Alive(
            sender=self.agent,
            session=self.session,
            online=online,
            at_ms=self.house.clock.now_ms(),
            every_ms=600_000,  # it is said once
        )
        return alive.model_dump_json().encode()

    def _arrived(self, message: Message) -> None:
        lane, acked = frames.read_ack(message.payload)
        self.hops[lane].acknowledged(acked)

    async def _connected(self) -> None:
        register = self.house.register
        sites = {site.id: site.operator for site in register.sites}
        operator = self.topic.split("/")[-2]
        birth = Birth(
            agent=self.agent,
            session=self.session,
            at_ms=self.house.clock.now_ms(),
            version="test",
            interval_ms=30_000,
            inventory_hash="",
            devices=tuple(d.id for d in register.devices if sites[d.site] == operator),
            lanes=(),
        )
        self.link.post(f"{self.topic}/birth", birth.model_dump_json().encode())
        self.link.post(f"{self.topic}/alive", self._alive(online=True), retain=True)
        for hop in self.hops.values():
            hop.connected()

    def _disconnected(self, reason: str) -> None:
        assert reason
        for hop in self.hops.values():
            hop.disconnected()

    def say(self, body: BaseModel, lane: str = "state") -> None:
        row = Row(lane, self.house.clock.now_ms(), body.model_dump_json().encode())
        self.outbox.append({lane: [row]})
        self.hops[lane].wake()

    async def drained(self) -> None:
        """Until everything said is acknowledged: committed at the other end."""
        async with asyncio.timeout(60):
            for hop in self.hops.values():
                await hop.idle.wait()


class Office:
    """The office's receiving side: verifies, keeps, receipts; and sends commands."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.keys = house.folder / "office-keys"
        self.trusted = load_trusted(self.keys)
        self.own = load_key(self.keys, "office")
        self.notices: list[Notice] = []
        self.beats: list[Heartbeat] = []
        self.receiver = Receiver(store=1)
        self.acks: list[Acked] = []
        self._ordered = (0, b"")
        self._again_s = 0.0
        self.link = Link(
            BrokerSettings(port=house.port, keepalive_s=KEEPALIVE_S),
            client_id="office",
            on_message=self._arrived,
            subscriptions=(
                f"{house.base}/office/office/notice",
                f"{house.base}/office/office/ack",
                f"{house.base}/office/heartbeat",
            ),
        )

    def _arrived(self, message: Message) -> None:
        if message.topic.endswith("/heartbeat"):
            beat, _ = open_signed(message.payload, "heartbeat", self.trusted, _BEAT)
            self.beats.append(beat)
        elif message.topic.endswith("/ack"):
            self.acks.append(frames.read_ack(message.payload)[1])
        else:
            self._notice(frames.unwrap(message.payload))

    def _notice(self, envelope: frames.Envelope) -> None:
        verdict = self.receiver.judge(
            envelope.peer, envelope.epoch, envelope.seq, envelope.check, envelope.after
        )
        if verdict.applied:
            notice, key = open_signed(envelope.body, "notice", self.trusted, _NOTICE)
            assert key == "collector"
            self.notices.append(notice)
        for peer, acked in self.receiver.committed():
            receipt = Receipt(
                office="office",
                lane=peer.lane,
                at_ms=self.house.clock.now_ms(),
                **acked._asdict(),
            )
            payload = sign(receipt, "receipt", self.own).model_dump_json().encode()
            self.link.post(f"{self.house.base}/office/office/receipt", payload)

    async def hears(self, condition: Callable[[], bool]) -> None:
        """Until ``condition()``; an order without an answer is sent again, as every sender does."""
        async with asyncio.timeout(60):
            while not condition():
                if not self._answered(self._ordered[0]) and time.monotonic() > self._again_s:
                    self._send_order()
                await asyncio.sleep(0.05)

    async def until(self, *kinds: str) -> list[Notice]:
        """Until a notice of each of ``kinds`` has come."""
        await self.hears(
            lambda: set(kinds) <= {notice.notice_kind.value for notice in self.notices}
        )
        return self.notices

    async def until_acked(self, seq: int) -> None:
        """Until the order is answered."""
        await self.hears(lambda: self._answered(seq))

    async def until_receipted(self) -> None:
        """Until the county has the receipt of all that has come here."""

        def receipted(shown: dict[str, Any]) -> bool:
            return bool(shown["receipts"].get("office", {}).get("seq") == len(self.notices))

        async with asyncio.timeout(60):
            while not receipted(await asyncio.to_thread(self.house.status)):  # noqa: ASYNC110  it happens in another process
                await asyncio.sleep(0.05)

    def _answered(self, seq: int) -> bool:
        return seq == 0 or any(acked.seq >= seq for acked in self.acks)

    def _send_order(self) -> None:
        self._again_s = time.monotonic() + AGAIN_S
        self.link.post(f"{self.house.base}/office/office/command", self._ordered[1])

    def order(self, seq: int, verb: Verb, target: str, *, key: str = "li") -> None:
        command = Command(
            id=f"c{seq}",
            county=self.house.register.county,
            tree="drill-t",
            account="li",
            verb=verb,
            target=target,
            at_ms=self.house.clock.now_ms(),
        )
        signed: Signed = sign(command, "command", load_key(self.keys, key))
        payload = frames.wrap(
            Peer("office", "command"),
            epoch=1,
            seq=seq,
            sent_ms=self.house.clock.now_ms(),
            check=seq,
            body=signed.model_dump_json().encode(),
        )
        self._ordered = (seq, payload)
        self._send_order()


@asynccontextmanager
async def running(*parts: Speaker | Office) -> AsyncIterator[None]:
    """Links and hops of all parts run inside."""
    tasks: list[asyncio.Task[None]] = []
    try:
        for part in parts:
            tasks.append(asyncio.create_task(part.link.run()))
            if isinstance(part, Speaker):
                tasks += [asyncio.create_task(hop.run()) for hop in part.hops.values()]
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for part in parts:
            if isinstance(part, Speaker):
                part.outbox.close()
