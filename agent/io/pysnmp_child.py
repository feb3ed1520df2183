"""pysnmp's process seen from the agent: requests go in, replies come out, it is kept alive."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from typing import Any, Final

from agent.query import Access, SnmpLook

GRACE_S: Final = 15.0
"""Beyond a request's own time-out the process is taken for stuck; discovery repeats within it."""
RESTART_S: Final = 1.0
READ: Final = 65_536
BACKLOG: Final = 1024 * 1024
"""Octets that may wait for the process to read them."""

ENDED: Final = "WorkerEnded"
STUCK: Final = "WorkerStuck"


class Child:
    """Started by the first request, and again by a later one after it has ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._told: dict[Access, int] = {}
        self._serial = 0
        self._out = bytearray()
        self._line = bytearray()
        self._ended_s = float("-inf")

    async def ask(
        self, look: SnmpLook, message: bytes, level: str, *, fresh: bool, bare: bool
    ) -> dict[str, Any]:
        """The reply to a version 2c message, as ``agent.io.pysnmp_worker`` tells it."""
        loop = asyncio.get_running_loop()
        if self._process is None and not self._start(loop):
            return {"error": ENDED}
        self._serial += 1
        number = self._serial
        future: asyncio.Future[dict[str, Any]] = loop.create_future()
        self._waiting[number] = future
        self._send(loop, self._order(number, look, message, level, fresh=fresh, bare=bare))
        try:
            async with asyncio.timeout(look.timeout_s + GRACE_S):
                return await future
        except TimeoutError:
            return {"error": STUCK}
        finally:
            self._waiting.pop(number, None)

    def close(self) -> None:
        """End the process. Idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        loop = asyncio.get_event_loop()
        loop.remove_reader(process.stdout)
        loop.remove_writer(process.stdin)
        process.kill()
        process.wait()
        process.stdout.close()
        process.stdin.close()
        self._told.clear()
        self._out.clear()
        self._line.clear()
        for future in self._waiting.values():
            if not future.done():
                future.set_result({"error": ENDED})

    def _start(self, loop: asyncio.AbstractEventLoop) -> bool:
        if loop.time() - self._ended_s < RESTART_S:
            return False
        process = subprocess.Popen(
            [sys.executable, "-m", "agent.io.pysnmp_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        os.set_blocking(process.stdin.fileno(), False)
        os.set_blocking(process.stdout.fileno(), False)
        loop.add_reader(process.stdout, self._readable)
        self._process = process
        return True

    def _lost(self) -> None:
        """The process has ended by itself."""
        self._ended_s = asyncio.get_running_loop().time()
        self.close()

    def _order(
        self, number: int, look: SnmpLook, message: bytes, level: str, *, fresh: bool, bare: bool
    ) -> bytes:
        order: dict[str, Any] = {
            "n": number,
            "fresh": fresh,
            "bare": bare,
            "to": [look.address, look.port],
            "level": level,
            "timeout": look.timeout_s,
            "ask": message.hex(),
        }
        known = self._told.get(look.access)
        if known is None:
            known = self._told[look.access] = len(self._told)
            order["access"] = _told(look.access)
        order["as"] = known
        return json.dumps(order).encode() + b"\n"

    def _send(self, loop: asyncio.AbstractEventLoop, octets: bytes) -> None:
        self._out += octets
        if len(self._out) > BACKLOG:  # it reads no more
            self._lost()
            return
        if len(self._out) == len(octets):
            self._writable(loop)

    def _writable(self, loop: asyncio.AbstractEventLoop) -> None:
        process = self._process
        if process is None:
            return
        assert process.stdin is not None
        try:
            done = os.write(process.stdin.fileno(), self._out)
        except BlockingIOError:
            done = 0
        except OSError:
            self._lost()
            return
        del self._out[:done]
        if self._out:
            loop.add_writer(process.stdin, self._writable, loop)
        else:
            loop.remove_writer(process.stdin)

    def _readable(self) -> None:
        process = self._process
        assert process is not None
        assert process.stdout is not None
        try:
            octets = os.read(process.stdout.fileno(), READ)
        except BlockingIOError:
            return
        if not octets:
            self._lost()
            return
        self._line += octets
        *lines, rest = self._line.split(b"\n")
        self._line = bytearray(rest)
        for line in lines:
            reply = json.loads(line)
            future = self._waiting.get(reply.pop("n"))
            if future is not None and not future.done():
                future.set_result(reply)


def _told(access: Access) -> dict[str, str]:
    """The access for the other process."""
    user = access.user
    told = {"version": access.version.value, "context": "", "context_engine": ""}
    if user is None:
        return told | {"community": access.community.hex()}
    return told | {
        "name": user.name.hex(),
        "auth": user.auth.value if user.auth else "",
        "auth_password": user.auth_password.hex(),
        "priv": user.priv.value if user.priv else "",
        "priv_password": user.priv_password.hex(),
        "context": user.context.hex(),
        "context_engine": user.context_engine.hex(),
    }
