"""Both ends of a narrow link, each in its own process: ``narrow_world.py send|hear FOLDER …``.

``send`` is the agent's real uplink with a backlog of six hours in its outbox; ``hear`` judges and
acknowledges as a collector does and says what it heard, one JSON line each. Their stamps are of
the one monotonic clock of the machine.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from pydantic import TypeAdapter

from agent.io.uplink import STATE, Uplink
from agent.presence import Identity
from agent.present import LookNow, ReadingNow, bodies
from config.settings import AgentSettings, BrokerSettings
from transport import frames
from transport.delivery import Receiver
from transport.io.clock import Clock
from transport.io.link import Link, Message
from transport.io.outbox import Row
from wire.observation import Look, Looks, Method, Outcome, Readings, Round, StateBody

BASE = "wanglou/1/live/140522/cmcc/a1"
BACKLOG_S = 6 * 3600
WATCHED = ("battery_voltage", "temperature", "mains", "load")
ADDRESS = "10.98.0.1"
_BODY = TypeAdapter(StateBody)


def say(event: str, **more: object) -> None:
    sys.stdout.write(json.dumps({"event": event, "at": time.monotonic(), **more}) + "\n")
    sys.stdout.flush()


def names(count: int) -> tuple[str, ...]:
    return tuple(f"cmcc-yc-{number:05d}" for number in range(count))


def backlog(devices: tuple[str, ...], now_ms: int) -> list[Row]:
    """A round every 30 s, and two changes per device and hour, in rows of four."""
    changes = len(devices) * 2 * BACKLOG_S // 3600
    rows = []
    for number in range(changes // 4):
        at_ms = now_ms - BACKLOG_S * 1000 + number * BACKLOG_S * 1000 * 4 // changes
        items: list[Look | Round] = [
            Look(
                device=devices[(number * 4 + of) * 7 % len(devices)],
                method=Method.SNMP,
                outcome=Outcome.NO_ANSWER if (number + of) % 2 else Outcome.MEASURED,
                since_ms=at_ms + of,
                at_ms=at_ms + of,
            )
            for of in range(4)
        ]
        if number % 7 == 0:
            items.append(
                Round(
                    number=number,
                    interval_ms=30_000,
                    started_ms=at_ms,
                    ended_ms=at_ms,
                    looked=len(devices),
                )
            )
        body = StateBody(items=tuple(items)).model_dump_json().encode()
        rows.append(Row(STATE, at_ms, body, len(items)))
    return rows


async def send(folder: Path, count: int) -> None:
    devices = names(count)
    options = {"id": "a1", "operator": "cmcc", "state_dir": folder, "inventory": folder / "i.toml"}
    settings = AgentSettings.model_validate(
        {
            "agent": options,
            "county": {"county": "140522"},
            "broker": {"host": ADDRESS, "port": 1883, "keepalive_s": 4},
        }
    )
    clock = Clock()

    def standing() -> Iterator[list[tuple[bytes, int]]]:
        say("connack")
        now_ms = clock.now_ms()
        looks = [
            LookNow(
                device,
                method,
                Outcome.NO_ANSWER if number % 50 == 0 else Outcome.MEASURED,
                "timeout" if number % 50 == 0 else "",
                now_ms - 7919 * number % 9_000_000,
            )
            for number, device in enumerate(devices)
            for method in Method
        ]
        readings = [
            ReadingNow(device, metric, "", (at * 37 + place * 101) % 997 / 10)
            for at, device in enumerate(devices)
            for place, metric in enumerate(WATCHED)
        ]
        return iter([bodies(looks, readings, now_ms)])

    who = Identity("a1", "1", 30_000, "h" * 64, devices, 30_000)
    up = Uplink(settings, who, clock, None, standing)
    rows = backlog(devices, clock.now_ms())
    for at in range(0, len(rows), 1000):
        up.append(rows[at : at + 1000], [])
    say("ready", rows=len(rows), bytes=up.outbox.lane(STATE).bytes)
    up_lost = up._disconnected

    def lost(reason: str) -> None:
        say("lost", reason=reason)
        up_lost(reason)

    up.link._on_disconnected = lost
    await up.run()


async def hear(_folder: Path, _count: int) -> None:
    receiver = Receiver(store=1)

    def arrived(message: Message) -> None:
        frame = frames.unwrap(message.payload)
        if receiver.judge(frame.peer, frame.epoch, frame.seq, frame.check, frame.after).applied:
            items = _BODY.validate_json(frame.body).items
            known = sum(len(item.devices) for item in items if isinstance(item, Looks))
            values = sum(len(item.device) for item in items if isinstance(item, Readings))
            say("row", lane=frame.lane, known=known, values=values)
        for peer, acked in receiver.committed():
            link.post(f"{BASE}/ack", frames.ack_payload(peer.lane, acked))

    async def connected() -> None:
        say("ready")

    link = Link(
        BrokerSettings(host=ADDRESS),
        client_id="collector",
        subscriptions=(f"{BASE}/state",),
        on_message=arrived,
        on_connected=connected,
    )
    await link.run()


if __name__ == "__main__":
    role = {"send": send, "hear": hear}[sys.argv[1]]
    asyncio.run(role(Path(sys.argv[2]), int(sys.argv[3])))
