"""No orphans: children end with us, whatever ends us."""

import asyncio
import signal
import sys
from pathlib import Path

import aiomqtt
import pytest

from drill.broker import answers, mosquitto_path
from drill.children import Children

pytestmark = pytest.mark.peers

PARENT = """
import asyncio, sys
from pathlib import Path
from drill.broker import broker
from drill.children import Children

async def main():
    folder = Path(sys.argv[1])
    children = Children(folder)
    async with broker(children, folder) as server:
        sleeper = await children.start("sleeper", ["sleep", "600"])
        print(server.port, children.running[0].process.pid, sleeper.process.pid, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""

EMBEDDED = """
import asyncio, sys
from pathlib import Path
from drill import broker
from drill.children import Children

async def main():
    folder = Path(sys.argv[1])
    broker.mosquitto_path = lambda: None
    async with broker.broker(Children(folder), folder) as server:
        assert server.kind == "amqtt"
        print(server.port, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""

DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(600)
"""


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


async def gone(pid: int) -> None:
    while alive(pid):  # noqa: ASYNC110  another process tells no event
        await asyncio.sleep(0.02)


@pytest.mark.skipif(mosquitto_path() is None, reason="mosquitto is not installed")
async def test_children_die_with_a_killed_parent(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout
    line = await asyncio.wait_for(parent.stdout.readline(), 60)
    port, *pids = map(int, line.split())
    assert await answers(port)
    parent.send_signal(signal.SIGKILL)
    await parent.wait()
    async with asyncio.timeout(60):
        for pid in pids:
            await gone(pid)
    assert not await answers(port)


async def test_close_stops_even_a_stubborn_child(tmp_path: Path) -> None:
    children = Children(tmp_path)
    stubborn = await children.start("stubborn", [sys.executable, "-c", DEAF], piped=True)
    assert stubborn.process.stdout
    assert await stubborn.process.stdout.readline() == b"deaf\n"
    await stubborn.stop(limit_s=0.1)
    assert not stubborn.running
    assert children.ended() == []
    await children.close()


async def test_a_child_that_ends_is_noticed(tmp_path: Path) -> None:
    children = Children(tmp_path)
    child = await children.start("brief", [sys.executable, "-c", "raise SystemExit('so be it')"])
    await child.process.wait()
    assert children.ended() == [child]
    assert "so be it" in child.tail()
    await children.close()


async def test_without_mosquitto_there_is_still_a_port(tmp_path: Path) -> None:
    """In a process of its own: what amqtt leaves open is not ours to warn about."""
    children = Children(tmp_path)
    child = await children.start(
        "amqtt", [sys.executable, "-W", "ignore", "-c", EMBEDDED, str(tmp_path)], piped=True
    )
    try:
        assert child.process.stdout
        port = int(await asyncio.wait_for(child.process.stdout.readline(), 60) or b"0")
        assert port, child.tail()
        async with aiomqtt.Client("127.0.0.1", port, timeout=60) as client:
            await client.subscribe("wanglou/#", qos=1)
            await client.publish("wanglou/x", b"hello", qos=1, retain=True)
            message = await asyncio.wait_for(anext(client.messages), 60)
            assert message.payload == b"hello"
    finally:
        await children.close()
