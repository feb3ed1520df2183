"""A farm in a process of its own (``drill.serve``), and the hand that gives it orders."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from drill.children import ChildEnded, Children
from drill.farm import Where
from drill.orders import Order

READY_S: Final = 60.0
ANSWER_S: Final = 20.0


@dataclass
class Hand:
    """Orders to a running farm, one at a time. ``port`` is where its devices listen."""

    port: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def order(self, order: Order) -> int:
        """Carry out an order; how many things it touched. Raises ChildEnded when it was refused."""
        said = await self._say(order.model_dump_json(exclude_defaults=True))
        if "error" in said:
            raise ChildEnded(f"the farm refused {order.do}: {said['error']}")
        return int(said["touched"])

    async def _say(self, line: str) -> dict[str, Any]:
        self.writer.write(line.encode() + b"\n")
        async with asyncio.timeout(ANSWER_S):
            answer = await self.reader.readline()
        if not answer:
            raise ChildEnded("the farm has ended")
        return dict(json.loads(answer))


@asynccontextmanager
async def farmhand(
    children: Children, *, seed: int, where: Where, scale: float, anchor_ms: int
) -> AsyncIterator[Hand]:
    """A farm as a child, ready. Raises ChildEnded or TimeoutError."""
    ours, theirs = socket.socketpair()
    argv = [sys.executable, "-m", "drill.serve", "--control-fd", str(theirs.fileno())]
    argv += ["--seed", str(seed), "--where", where.value]
    argv += ["--scale", str(scale), "--anchor-ms", str(anchor_ms)]
    with theirs:
        child = await children.start("farm", argv, piped=True, fds=(theirs.fileno(),))
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    try:
        assert child.process.stdout
        async with asyncio.timeout(READY_S):
            line = await child.process.stdout.readline()
        if not line:
            await child.process.wait()
            raise ChildEnded(f"the farm ended:\n{child.tail()}")
        yield Hand(int(json.loads(line)["port"]), reader, writer)
    finally:
        writer.close()
