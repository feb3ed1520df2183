"""The last word of an agent that ends stands: it is not online, whatever is due meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.presence import Identity
from tests.agent.test_state_first import BASE, made
from tests.peers import Mosquitto, mosquitto
from transport.io.link import Link, Message
from wire.presence import Alive

pytestmark = pytest.mark.peers

LIMIT_S = 60.0


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path) as started:
        yield started


async def test_a_sign_of_life_behind_the_farewell_takes_nothing_back(
    tmp_path: Path, broker: Mosquitto
) -> None:
    up = made(tmp_path / "state", broker.port, Identity("a1", "1", 30_000, "h", ("d1",), 300))
    heard: asyncio.Queue[Message] = asyncio.Queue()
    ear = Link(
        up.link._broker,
        client_id="ear",
        on_message=heard.put_nowait,
        subscriptions=(f"{BASE}/alive",),
    )
    tasks = [asyncio.create_task(up.run())]
    try:
        async with asyncio.timeout(LIMIT_S):
            await up._born.wait()
            await up.farewell()
            assert await up._say(online=True)  # the heartbeat's turn, before the end comes
            tasks.append(asyncio.create_task(ear.run()))  # hears what is retained
            said = Alive.model_validate_json((await heard.get()).payload)
        assert not said.online
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        up.close()
