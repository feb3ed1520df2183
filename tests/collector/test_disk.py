"""FAULTS F11: fsync returns EIO: nothing is acknowledged, the process ends, the next goes on."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.collector.house import House, Speaker, running
from tests.collector.small import register
from tests.peers import mosquitto, stop
from wire.observation import Look, Method, Outcome, StateBody

pytestmark = pytest.mark.peers


@contextmanager
def failing_syncs(pid: int) -> Iterator[None]:
    """Every fsync and fdatasync of the process fails with EIO while inside."""
    tracer = subprocess.Popen(
        [
            "strace",
            "-f",
            "-p",
            str(pid),
            "-e",
            "trace=fsync,fdatasync",
            "-e",
            "inject=fsync,fdatasync:error=EIO",
        ],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    assert tracer.stderr is not None
    for line in tracer.stderr:
        if b"attached" in line:
            break
    try:
        yield
    finally:
        stop(tracer)


async def test_a_disk_that_refuses_ends_the_process_and_loses_nothing(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        house = House(tmp_path, broker.port, register(sites=2))
        house.start()
        agent = Speaker(house, "cmcc", "agent-cmcc")
        look = Look(
            device="cmcc-d1",
            method=Method.ICMP,
            outcome=Outcome.MEASURED,
            since_ms=1,
            at_ms=1,
        )
        try:
            async with running(agent):
                agent.say(StateBody(items=(look,)))
                await agent.drained()
                assert house.process is not None
                with failing_syncs(house.process.pid):
                    agent.say(StateBody(items=(look.model_copy(update={"device": "cmcc-d2"}),)))
                    assert await asyncio.to_thread(house.process.wait, 60) != 0
                assert agent.hops["state"].pending == 1
                house._gone()
                await asyncio.to_thread(house.start)
                await agent.drained()
            assert house.end(signal.SIGTERM) == 0
        finally:
            house.close()
        assert house.status()["devices_by_state"]["ok"] == 2  # type: ignore[index]
