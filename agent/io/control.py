"""A Unix socket in the state directory, at which the running agent is asked how it is doing.

A line in, a line out; whoever may enter the state directory may ask. Nothing can be changed here.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from transport.io.local import short
from transport.io.log import Log

SOCKET: Final = "agent.sock"
LIMIT_S: Final = 5.0
_LINE_MOST: Final = 256
ANSWER_MOST: Final = 4 * 1024 * 1024


class Control:
    """From ``start``, with the state directory's lock held, to ``close``.

    ``answers`` by the word that is asked. A socket left by a crash is replaced.
    """

    def __init__(
        self, state_dir: Path, answers: Mapping[str, Callable[[], bytes]], log: Log
    ) -> None:
        self._folder = state_dir
        self._answers = answers
        self._log = log
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; a folder that will have no socket is told, and ends nothing else."""
        try:
            with short(self._folder, SOCKET) as path:
                self._server = await asyncio.start_unix_server(self._talk, path, limit=_LINE_MOST)
                os.chmod(path, 0o600)  # noqa: PTH101  one system call on a path of /proc
        except OSError as error:
            self._log.warning("no socket to be asked at", reason=error.strerror or str(error))

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
            with contextlib.suppress(OSError), short(self._folder, SOCKET) as path:
                os.unlink(path)  # noqa: PTH108  same

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(TimeoutError, ConnectionError, ValueError):
            async with asyncio.timeout(LIMIT_S):
                word = (await reader.readline()).decode("ascii", "replace").strip()
                answer = self._answers.get(word)
                writer.write((answer() if answer else b'{"error":"unknown"}') + b"\n")
                await writer.drain()
        writer.close()


def ask(state_dir: Path, word: str) -> bytes | None:
    """What the agent on ``state_dir`` answers; None: nobody listens. Raises OSError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(LIMIT_S)
        try:
            with short(state_dir, SOCKET) as path:
                sock.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        sock.sendall(f"{word}\n".encode())
        found = bytearray()
        while not found.endswith(b"\n") and len(found) < ANSWER_MOST:
            more = sock.recv(65_536)
            if not more:
                return None
            found += more
        return bytes(found)
