"""FAULTS F10 at the county: the collector's disk is really full (a tmpfs, and someone fills it)."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.test_full_disk import fill
from tests.collector.house import House, Speaker, running
from tests.collector.small import register
from tests.peers import mosquitto
from wire.observation import Look, Method, Outcome, StateBody

pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system"),
]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with mosquitto(tmp_path) as broker:
        made = House(tmp_path, broker.port, register(sites=2))
        disk = tmp_path / "state"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)], check=True)
        yield made
        made.close()
        subprocess.run(["umount", "-l", str(disk)], check=True)


def body(device: str, since_ms: int = 1) -> StateBody:
    look = Look(
        device=device,
        method=Method.ICMP,
        outcome=Outcome.MEASURED,
        reason=os.urandom(30).hex(),
        since_ms=since_ms,
        at_ms=since_ms,
    )
    return StateBody(items=(look,))


async def test_with_a_full_disk_nothing_is_acknowledged_and_room_heals_all(house: House) -> None:
    await asyncio.to_thread(house.start)
    agent = Speaker(house, "cmcc", "agent-cmcc")
    async with running(agent):
        agent.say(body("cmcc-d1"))
        await agent.drained()
        fill(house.folder / "state" / "junk")
        assert house.process is not None
        said = 0
        async with asyncio.timeout(60):
            while house.process.poll() is None:
                said += 1
                agent.say(body("cmcc-d2", since_ms=said))
                await asyncio.sleep(0.005)
        assert house.process.returncode != 0
        assert agent.hops["state"].pending > 0
        house._gone()
        (house.folder / "state" / "junk").unlink()
        await asyncio.to_thread(house.start)
        await agent.drained()
    assert house.end(signal.SIGTERM) == 0
    assert house.status()["devices_by_state"]["ok"] == 2  # type: ignore[index]
    assert house.cli("journal", "verify").returncode == 0
    assert "full" in str(house.log)
