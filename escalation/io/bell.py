"""One office client per state folder, and how a command reaches the one that runs.

A lock file (flock) says who may talk to the broker: two sessions with one identity would throw
each other out. A command is first committed to ``office.db``; then its process rings at a Unix
socket and hears the outcome there. A socket rather than a watched file or a polled database: the
kernel tells at once whether anybody listens, nothing goes stale after a crash, and the caller
hears the end of its own command without asking again and again. Who finds nobody listening takes
the lock and sends the command itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Final

from transport.io.local import short
from transport.io.lock import Taken, only_one
from wire.base import ID_PATTERN

LOCK: Final = "office.lock"
SOCKET: Final = "office.sock"
_LINE_MOST: Final = 256

Answering = Callable[[str], Awaitable[str]]
"""From a command's id to the outcome, as soon as it is known."""


class Busy(Exception):  # noqa: N818  it says what is the case
    """Another office client runs on this state folder."""


@contextlib.contextmanager
def lock(state_dir: Path) -> Iterator[None]:
    """Be the one client of ``state_dir`` while the block runs. Raises Busy."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(only_one(state_dir / LOCK))
        except Taken as error:
            raise Busy(f"another office client runs on {state_dir}") from error
        yield


@contextlib.asynccontextmanager
async def serve(state_dir: Path, answering: Answering) -> AsyncIterator[None]:
    """Listen for commands; call only with the lock, a socket left by a crash is replaced."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.LimitOverrunError):
            line = (await reader.readline()).decode("ascii", "replace").strip()
            if _is_id(line):
                writer.write((await _unless_gone(reader, answering(line)) + "\n").encode())
                await writer.drain()
        writer.close()

    with short(state_dir, SOCKET) as path:
        server = await asyncio.start_unix_server(talk, path, limit=_LINE_MOST)
        os.chmod(path, 0o600)  # noqa: PTH101  one system call on a path of /proc
        try:
            async with server:
                yield
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)  # noqa: PTH108  same


async def ring(state_dir: Path, command: str) -> str | None:
    """Tell the running client about ``command`` and wait for the outcome; None: nobody listens.

    The caller limits the time. None also when the client ends before it has an answer.
    """
    try:
        with short(state_dir, SOCKET) as path:
            reader, writer = await asyncio.open_unix_connection(path)
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    try:
        writer.write(f"{command}\n".encode())
        await writer.drain()
        return (await reader.readline()).decode("ascii", "replace").strip() or None
    except ConnectionError:
        return None
    finally:
        writer.close()


async def _unless_gone(reader: asyncio.StreamReader, answer: Awaitable[str]) -> str:
    """Await the answer, but not longer than the caller does; empty when the caller has gone."""
    work = asyncio.ensure_future(answer)
    gone = asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        return work.result() if work.done() else ""
    finally:
        work.cancel()
        gone.cancel()


def _is_id(line: str) -> bool:
    return re.match(ID_PATTERN, line) is not None
