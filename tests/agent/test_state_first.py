"""FAULTS F8 through a real broker: how everything stands, then what is new, history last."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from pydantic import TypeAdapter

from agent.io import uplink as uplinks
from agent.io.uplink import HISTORY, SAMPLE, STATE, Uplink
from agent.presence import Identity
from agent.present import LookNow, bodies
from config.settings import AgentSettings
from tests.peers import hang_up, mosquitto
from transport import frames
from transport.delivery import Receiver
from transport.io.clock import Clock
from transport.io.outbox import Row
from wire.codec import decode
from wire.observation import Look, Looks, Method, Outcome, StateBody
from wire.presence import Birth

pytestmark = pytest.mark.peers

BASE = "wanglou/1/live/140522/cmcc/a1"
STATE_BODY = TypeAdapter(StateBody)
DEVICES = tuple(f"d{number}" for number in range(300))
LIMIT_S = 60.0


class Ear:
    """The collector's end: rows in the order in which they came, with lane and origin."""

    def __init__(self, port: int) -> None:
        self.receiver = Receiver(store=1)
        self.rows: list[tuple[str, tuple[int, int], bytes]] = []
        self.births: list[Birth] = []
        self.deaf = False
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="collector")
        self.client.on_connect = self._connected
        self.client.on_message = self._arrived
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def _connected(self, *_: object) -> None:
        for leaf in ("state", "sample", "birth"):
            self.client.subscribe(f"{BASE}/{leaf}", 1)

    def _arrived(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        payload = bytes(message.payload)
        if message.topic.endswith("birth"):
            self.births.append(decode(TypeAdapter(Birth), payload))
            return
        if self.deaf:
            return
        frame = frames.unwrap(payload)
        if self.receiver.judge(
            frame.peer, frame.epoch, frame.seq, frame.check, frame.after
        ).applied:
            self.rows.append((frame.lane, frame.was, frame.body))
        self.answer()

    def answer(self, *, again: bool = False) -> None:
        for peer, acked in self.receiver.committed():
            self.client.publish(f"{BASE}/ack", frames.ack_payload(peer.lane, acked), 1)
        for peer in self.receiver.peers() if again else ():
            acked = self.receiver.answer(peer, again=True)
            self.client.publish(f"{BASE}/ack", frames.ack_payload(peer.lane, acked), 1)

    def close(self) -> None:
        hang_up(self.client)

    def lanes(self) -> list[str]:
        return [lane for lane, _, _ in self.rows]


def made(folder: Path, port: int, who: Identity, down: tuple[str, ...] = ()) -> Uplink:
    options = {"id": "a1", "operator": "cmcc", "state_dir": folder, "inventory": folder / "i.toml"}
    settings = AgentSettings.model_validate(
        {"agent": options, "county": {"county": "140522"}, "broker": {"port": port}}
    )
    clock = Clock()

    def standing() -> Iterator[list[tuple[bytes, int]]]:
        looks = [
            LookNow(
                device,
                Method.ICMP,
                Outcome.NO_ANSWER if device in down else Outcome.MEASURED,
                "timeout" if device in down else "",
                1000,
            )
            for device in who.devices
        ]
        return iter([bodies(looks, [], clock.now_ms())])

    return Uplink(settings, who, clock, None, standing)


def who(devices: tuple[str, ...] = DEVICES) -> Identity:
    return Identity("a1", "1", 1000, "h", devices, 30_000)


def change(number: int, at_ms: int) -> Row:
    look = Look(
        device=f"d{number % 300}",
        method=Method.ICMP,
        outcome=Outcome.NO_ANSWER,
        since_ms=at_ms,
        at_ms=at_ms,
        reason=f"n{number}",
    )
    return Row(STATE, at_ms, StateBody(items=(look,)).model_dump_json().encode())


async def until(condition: Callable[[], object], what: str) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not condition():  # noqa: ASYNC110  what it waits for is in another thread
            await asyncio.sleep(0.01)
    assert what


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uplinks, "SAID_EVERY_S", 0.0)
    monkeypatch.setattr(uplinks, "UNHEARD_S", 0.0)


def numbers(ear: Ear) -> list[int]:
    """The changes in their order, whatever the lane."""
    rows = [STATE_BODY.validate_json(body).items for lane, _, body in ear.rows if lane != SAMPLE]
    return [int(item.reason[1:]) for row in rows for item in row if isinstance(item, Look)]


async def test_how_it_stands_then_what_is_new_then_what_was(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        up = made(tmp_path, broker.port, who(), down=("d7",))
        now = up._clock.now_ms()
        long_ago = now - 6 * 3_600_000
        assert up.append([change(n, long_ago + n) for n in range(500)], [])
        assert up.append([], [Row(SAMPLE, long_ago, b'{"kind":"sample"}')])
        ear = Ear(broker.port)
        running = asyncio.create_task(up.run())
        try:
            await until(lambda: ear.rows, "the first row")
            at = len(ear.rows)
            assert up.append([change(999, up._clock.now_ms())], [])
            await until(lambda: len(ear.rows) >= 500 + 3, "all of it")
            await until(up.hops[HISTORY].idle.is_set, "history is acknowledged")
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            up.close()
            ear.close()
    first = STATE_BODY.validate_json(ear.rows[0][2]).items
    assert ear.lanes()[0] == STATE
    assert isinstance(first[0], Looks)
    assert (first[0].outcome, first[0].devices) == (Outcome.NO_ANSWER, ("d7",))
    assert isinstance(first[1], Looks)
    assert len(first[1].devices) == 299
    assert ear.lanes().index(HISTORY) > 0
    assert ear.lanes().index(SAMPLE) > 0
    ahead = uplinks._WINDOWS[HISTORY].rows + uplinks._WINDOWS[STATE].rows  # on its way already
    assert STATE in ear.lanes()[at : at + ahead + 40]  # what is new does not wait behind six hours
    told = [n for n in numbers(ear) if n != 999]
    assert told == list(range(500))
    origins = [was for lane, was, _ in ear.rows if lane == HISTORY]
    assert [seq for _, seq in origins] == list(range(1, 501))
    assert len({epoch for epoch, _ in origins}) == 1


@pytest.mark.usefixtures("soon")
async def test_a_collector_that_comes_back_is_told_the_present_first(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        up = made(tmp_path, broker.port, who())
        ear = Ear(broker.port)
        running = asyncio.create_task(up.run())
        try:
            await until(lambda: ear.rows, "the beginning")
            await until(up.hops[STATE].idle.is_set, "acknowledged")
            ear.deaf = True
            long_ago = up._clock.now_ms() - 3_600_000
            assert up.append([change(n, long_ago + n) for n in range(200)], [])
            before = len(ear.rows)
            ear.deaf = False
            ear.answer(again=True)
            await until(lambda: len(ear.rows) >= before + 201, "everything")
            await until(up.hops[HISTORY].idle.is_set, "history is acknowledged")
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            up.close()
            ear.close()
    later = ear.rows[before:]
    new = [lane for lane, was, _ in later]
    assert set(new) == {STATE, HISTORY}
    # The receiver knows by the origin what it had applied before the lane was retired.
    seen = [was for lane, was, _ in later if lane == HISTORY]
    assert len(seen) == len(set(seen))
    assert sorted(set(numbers(ear))) == list(range(200))


async def test_killed_in_the_middle_nothing_is_lost(tmp_path: Path) -> None:
    got: list[int] = []
    with mosquitto(tmp_path) as broker:
        ear = Ear(broker.port)
        for life in range(4):
            up = made(tmp_path, broker.port, who(DEVICES[:5]))
            long_ago = up._clock.now_ms() - 3_600_000
            rows = [change(n, long_ago + n) for n in range(life * 100, life * 100 + 100)]
            assert up.append(rows, [])
            running = asyncio.create_task(up.run())
            before = len(ear.rows)
            await until(partial(lambda at: len(ear.rows) > at, before + 20), "some of it")
            if life == 3:
                await until(up.hops[HISTORY].idle.is_set, "all of it")
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            up.outbox.db.close()  # as a SIGKILL leaves it
        got = numbers(ear)
        ear.close()
    assert got == list(range(400))


async def test_samples_wait_for_the_last_step_and_the_loop_for_none(tmp_path: Path) -> None:
    """Very many devices are told step by step; what is seen meanwhile stands between the steps."""
    with mosquitto(tmp_path) as broker:
        up = made(tmp_path, broker.port, who())
        down = LookNow("d1", Method.ICMP, Outcome.NO_ANSWER, "timeout", 1000)
        turns = 0

        def steps() -> Iterator[list[tuple[bytes, int]]]:
            nonlocal turns
            for number in range(10):
                assert turns >= number  # the loop had its turn since the step before
                turns = number
                asyncio.get_running_loop().call_soon(turned)
                yield list(bodies([down._replace(device=f"d{number}")], [], 2000))

        def turned() -> None:
            nonlocal turns
            turns += 1
            assert up.append([change(turns, up._clock.now_ms())], [])

        up._standing = steps
        assert up.append([], [Row(SAMPLE, 1, b'{"kind":"sample"}')])
        ear = Ear(broker.port)
        running = asyncio.create_task(up.run())
        try:
            await until(lambda: SAMPLE in ear.lanes(), "the samples")
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            up.close()
            ear.close()
    rows = [STATE_BODY.validate_json(body).items[0] for lane, _, body in ear.rows if lane == STATE]
    told = [one.devices[0] for one in rows if isinstance(one, Looks)]
    assert told == [f"d{number}" for number in range(10)]
    assert numbers(ear)[:9] == list(range(1, 10))
    last = max(at for at, (lane, _, body) in enumerate(ear.rows) if lane == STATE and b"d9" in body)
    assert ear.lanes().index(SAMPLE) > last


async def test_a_very_large_inventory_follows_in_the_state_lane(tmp_path: Path) -> None:
    import hashlib  # noqa: PLC0415  for ids that do not compress

    names = tuple(hashlib.sha256(str(n).encode()).hexdigest()[:40] for n in range(14_000))
    with mosquitto(tmp_path) as broker:
        up = made(tmp_path, broker.port, who(names))
        up._standing = lambda: iter(())
        ear = Ear(broker.port)
        running = asyncio.create_task(up.run())
        try:
            await until(lambda: len(ear.rows) >= 5, "five parts")
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            up.close()
            ear.close()
    (birth,) = ear.births
    assert birth.apart
    assert birth.devices == ()
    parts = [STATE_BODY.validate_json(body).items[0] for _, _, body in ear.rows]
    assert [name for part in parts for name in getattr(part, "devices", ())] == list(names)
