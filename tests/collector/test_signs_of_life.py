"""Agent, collector, office client: the silence of each is *unknown* to the next, by itself.

Real processes, stopped with SIGSTOP so that nobody says goodbye; heartbeats come every second
instead of every thirty, so three of them are missed after 3 s instead of 90 (FAULTS F26), and the
agent's keepalive is 2 s, so that its Last Will speaks for it after 3. Nobody's will speaks for
the stopped office client: its own silence does. Then each is killed.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

import config
from bench import town
from bench.ground import TREE
from collector.io.journal import journal, open_readonly
from config.settings import BrokerSettings
from drill.children import Child
from tests.chaos import histories
from tests.chaos.devices import PROFILE, Devices
from tests.collector.test_backup import House
from tests.peers import Mosquitto, mosquitto
from transport.io.keys import load_trusted, new_key, trust
from transport.io.link import Link, Message
from transport.sign import open_signed
from wire.base import AgentId, OperatorId
from wire.presence import Alive, Heartbeat
from wire.topics import Topics

pytestmark = [pytest.mark.peers, pytest.mark.timeout(300)]

AGENT = town.OPERATORS[0]
POLICY = Path(config.__file__).parent / "data" / "policy.toml"
LIMIT_S = 90.0
_HEARTBEAT = TypeAdapter(Heartbeat)


def test_the_silence_of_each_part_is_unknown_to_the_next(tmp_path: Path) -> None:
    register = town.register(0, (AGENT,))
    names = [device.id for device in register.devices]
    addresses = [f"127.80.0.{number + 1}" for number in range(len(names))]
    with mosquitto(tmp_path) as broker, Devices(addresses) as devices:
        house = House(tmp_path, broker.port, devices, names)
        limit = re.sub(r"(?m)^blind_notice_s = .*$", "blind_notice_s = 3", POLICY.read_text())
        (tmp_path / "policy.toml").write_text(limit)
        house.place.write_county(
            register, profiles_dir="profiles", policy="policy.toml", heartbeat_every_s=1.0
        )
        (tmp_path / "profiles").mkdir()
        (tmp_path / "profiles" / "count.toml").write_text(PROFILE)
        rows = [
            (name, address, devices.port, "read", "count", "no")
            for name, address in zip(names, addresses, strict=True)
        ]
        trust(tmp_path / "keys", new_key(tmp_path, AGENT))
        house.place.write_agent(
            AGENT,
            rows,
            interval_s=1,
            alive_every_s=1.0,
            profiles_dir="profiles",
            key=f"{AGENT}.key",
        )
        office = house.place.config("office")
        office.write_text(office.read_text().replace("[office]\n", "[office]\nalive_every_s = 1\n"))
        config = house.place.config(f"agent-{AGENT}")
        config.write_text(config.read_text().replace("[broker]\n", "[broker]\nkeepalive_s = 2\n"))
        asyncio.run(Chain(house, broker).run())


class Chain:
    """One of each, and what they say of each other."""

    def __init__(self, house: House, broker: Mosquitto) -> None:
        self.house = house
        self.broker = broker
        self.beats: list[Heartbeat] = []
        self.trusted = load_trusted(house.folder / "office-keys")
        self.link = Link(
            BrokerSettings(port=broker.port),
            client_id="ear",
            subscriptions=(Topics(town.CODE, TREE).heartbeat,),
            on_message=self.heard,
        )

    def heard(self, message: Message) -> None:
        if not message.retain:
            beat, key = open_signed(message.payload, "heartbeat", self.trusted, _HEARTBEAT)
            assert key == "collector"
            self.beats.append(beat)

    async def run(self) -> None:
        house = self.house
        listening = asyncio.create_task(self.link.run())
        try:
            collector = await house.up("collector", "collector", "run")
            office = await house.up("office", "office", "watch", "--json")
            agent = await house.up(f"agent-{AGENT}", "agent", "run")
            await self.until(lambda: set(histories.applied(house.county)) == set(house.names))
            await self.until(lambda: health(office) == "live")
            await self.agent_falls_silent(agent)
            await self.collector_falls_silent(collector, office)
            await self.office_falls_silent(office)
            await self.nobody_is_believed_without_a_signature()
            agent, collector, office = await self.each_is_killed(agent, collector, office)
            self.broker.kill()
            await self.until(lambda: health(office) == "unknown")
            self.broker.restart()
            await self.until(lambda: health(office) == "live")
            await collector.stop()
            house.children.forget(collector)
            await asyncio.to_thread(self.verified)
        finally:
            listening.cancel()
            for child in house.children.running:
                child.signal(signal.SIGCONT)
            await house.children.close()

    async def agent_falls_silent(self, agent: Child) -> None:
        """Unknown, never out; the next heartbeat says so, signed."""
        await self.until(lambda: self.beats[-1].agents_silent == ())
        agent.signal(signal.SIGSTOP)
        await self.until(lambda: self.beats[-1].agents_silent == (AGENT,))
        assert not self.entries("incident")
        agent.signal(signal.SIGCONT)
        await self.until(lambda: self.beats[-1].agents_silent == ())

    async def collector_falls_silent(self, collector: Child, office: Child) -> None:
        """The office client says by itself that it knows nothing, and when that is over."""
        collector.signal(signal.SIGSTOP)
        await self.until(lambda: health(office) == "unknown")
        collector.signal(signal.SIGCONT)
        await self.until(lambda: health(office) == "live")

    async def office_falls_silent(self, office: Child) -> None:
        """The county says so in its journal and to whoever asks; that is no incident."""
        await self.until(lambda: self.office_words()[-1] == "heard")
        office.signal(signal.SIGSTOP)
        await self.until(lambda: self.office_words()[-1] == "silent")
        shown = await asyncio.to_thread(self.house.command, "status", "--json")
        assert json.loads(shown.stdout)["offices"][town.OFFICE]["state"] == "silent"
        assert not self.entries("incident")
        office.signal(signal.SIGCONT)
        await self.until(lambda: self.office_words()[-1] == "heard")

    async def nobody_is_believed_without_a_signature(self) -> None:
        """An agent whose key is trusted cannot be said to be gone by anybody else."""
        topic = Topics(town.CODE, TREE).agent(OperatorId(AGENT), AgentId(AGENT), "alive")
        lie = Alive(sender=AGENT, session=2**52, online=False, at_ms=0).model_dump_json().encode()
        assert await self.link.publish(topic, lie)
        folder = self.house.county.parent / "quarantine"
        await self.until(
            lambda: any(b'"unsigned"' in one.read_bytes() for one in folder.glob("*.refused"))
        )
        # Believed, its session would be above all that the agent has, for ever.
        heard = len(self.beats)
        await self.until(lambda: len(self.beats) > heard + 1 and self.beats[-1].agents_silent == ())

    async def each_is_killed(
        self, agent: Child, collector: Child, office: Child
    ) -> tuple[Child, Child, Child]:
        """SIGKILL: the next one knows, and knows again when it is back."""
        house = self.house
        await agent.kill()
        house.children.forget(agent)
        await self.until(lambda: self.beats[-1].agents_silent == (AGENT,))
        agent = await house.up(f"agent-{AGENT}", "agent", "run")
        await self.until(lambda: self.beats[-1].agents_silent == ())
        await office.kill()
        house.children.forget(office)
        await self.until(lambda: self.office_words()[-1] in {"offline", "silent"})
        office = await house.up("office", "office", "watch", "--json")
        await self.until(lambda: self.office_words()[-1] == "heard")
        await self.until(lambda: health(office) == "live")
        await collector.kill()
        house.children.forget(collector)
        await self.until(lambda: health(office) == "unknown")
        collector = await house.up("collector", "collector", "run")
        await self.until(lambda: health(office) == "live")
        return agent, collector, office

    def office_words(self) -> list[str]:
        return [one["word"] for one in self.entries("office")]

    def verified(self) -> None:
        """The last heartbeat's head is in the journal, and is missed where the tail was cut."""
        head = self.beats[-1].journal_head
        sound = self.house.command("journal", "verify", "--head", head)
        assert sound.returncode == 0, sound.stdout
        with closing(sqlite3.connect(self.house.county)) as db, db:
            (last,) = db.execute("SELECT n FROM journal WHERE hash = ?", (head,)).fetchone()
            db.execute("DELETE FROM journal WHERE n >= ?", (last,))
        cut = self.house.command("journal", "verify", "--head", head)
        assert cut.returncode == 1
        assert "its tail was cut" in cut.stdout

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(LIMIT_S):
            while True:
                try:
                    if condition():
                        return
                except (sqlite3.OperationalError, FileNotFoundError, LookupError):
                    pass  # not there yet
                await asyncio.sleep(0.1)

    def entries(self, kind: str) -> list[dict[str, Any]]:
        with closing(open_readonly(self.house.county)) as db:
            return [json.loads(row.json) for row in journal(db) if row.kind == kind]


def health(office: Child) -> str:
    """What the office client said last about the county's side, without being asked."""
    lines = [line for line in office.log.read_text().splitlines() if '"type":"health"' in line]
    return str(json.loads(lines[-1])["state"])
