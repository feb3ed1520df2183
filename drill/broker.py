"""An MQTT port for a drill: mosquitto as a child where it is installed, else amqtt in process.

Loopback only, no persistence, nobody needs a password: a drill's broker carries nothing real.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from drill.children import Child, ChildEnded, Children

READY_S: Final = 15.0
MAX_PACKET: Final = 300_000
HOST: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Broker:
    """Where it listens, and which it is."""

    port: int
    kind: str


def mosquitto_path() -> str | None:
    """The mosquitto on PATH, or where Debian puts it (a user's PATH may lack sbin)."""
    return shutil.which("mosquitto") or shutil.which(
        "mosquitto", path=os.pathsep.join(("/usr/sbin", "/usr/local/sbin"))
    )


def free_port(wanted: int = 0) -> int:
    """A TCP port of loopback that is free now: ``wanted`` when it is."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted))
        except OSError:
            probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def broker(children: Children, folder: Path, port: int = 0) -> AsyncIterator[Broker]:
    """A broker that accepts connections. Raises ChildEnded or TimeoutError when it does not."""
    port = port or free_port()
    if path := mosquitto_path():
        child = await _mosquitto(children, folder, path, port)
        try:
            yield Broker(port, "mosquitto")
        finally:
            await child.stop()
            with contextlib.suppress(ValueError):
                children.forget(child)
        return
    async with _embedded(port):
        yield Broker(port, "amqtt")


async def _mosquitto(children: Children, folder: Path, path: str, port: int) -> Child:
    conf = folder / "mosquitto.conf"
    # As root mosquitto would change its user, and with that forget whose death ends it.
    user = "user root\n" if os.geteuid() == 0 else ""
    conf.write_text(
        f"{user}listener {port} {HOST}\nallow_anonymous true\npersistence false\n"
        f"max_packet_size {MAX_PACKET}\nlog_dest stderr\nlog_type error\nlog_type warning\n"
        "log_type notice\nset_tcp_nodelay true\nmax_queued_messages 100000\n"
    )
    child = await children.start("mosquitto", [path, "-c", str(conf)])
    try:
        async with asyncio.timeout(READY_S):
            await _accepts(child, port)
    except BaseException:
        await child.kill()
        children.forget(child)
        raise
    return child


async def _accepts(child: Child, port: int) -> None:
    while not await answers(port):
        if not child.running:
            raise ChildEnded(f"mosquitto ended:\n{child.tail()}")
        await asyncio.sleep(0.05)


async def answers(port: int) -> bool:
    """Whether something accepts connections at the port."""
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


@asynccontextmanager
async def _embedded(port: int) -> AsyncIterator[None]:
    from amqtt.broker import Broker as Amqtt  # noqa: PLC0415  an extra, needed only here

    config = {
        "listeners": {"default": {"type": "tcp", "bind": f"{HOST}:{port}", "max_connections": 100}},
        "plugins": {
            "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True},
        },
    }
    server = Amqtt(config)
    await server.start()
    try:
        yield
    finally:
        await server.shutdown()
