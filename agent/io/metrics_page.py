"""The page with the agent's own figures, for a Prometheus on the same host (``[metrics]``).

One path, one method, nothing taken from outside but a request line; a connection has a few
seconds, and only a few are served at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from agent.exposition import CONTENT_TYPE
from config.settings import MetricsSettings
from transport.io.log import Log

PATH: Final = "/metrics"
LIMIT_S: Final = 5.0
AT_ONCE: Final = 8
_LINE_MOST: Final = 4096
_HEADERS_MOST: Final = 100


class MetricsPage:
    """From ``start`` to ``close``. A port that cannot be had is told, and ends nothing else."""

    def __init__(self, options: MetricsSettings | None, page: Callable[[], str], log: Log) -> None:
        self._options = options
        self._page = page
        self._log = log
        self._server: asyncio.Server | None = None
        self._talks = 0

    async def start(self) -> None:
        options = self._options
        if options is None:
            return
        try:
            self._server = await asyncio.start_server(
                self._talk, options.host, options.port, limit=_LINE_MOST
            )
        except OSError as error:
            said = error.strerror or str(error)
            self._log.error("metrics: no page", host=options.host, port=options.port, reason=said)
            return
        host, port = self._server.sockets[0].getsockname()[:2]
        self._log.info("metrics: listening", host=host, port=port)

    def close(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._talks += 1
        try:
            with contextlib.suppress(TimeoutError, ConnectionError, ValueError):
                async with asyncio.timeout(LIMIT_S):
                    writer.write(await self._answer(reader))
                    await writer.drain()
        finally:
            self._talks -= 1
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        """The answer to one request. Raises ValueError for a line that is too long."""
        words = (await reader.readline()).decode("latin-1").split()
        for _ in range(_HEADERS_MOST):
            if (await reader.readline()).strip() == b"":
                break
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return _reply("400 Bad Request", "")
        method, path, _ = words
        if self._talks > AT_ONCE:
            return _reply("503 Service Unavailable", "")
        if method not in {"GET", "HEAD"}:
            return _reply("405 Method Not Allowed", "")
        if path.partition("?")[0] != PATH:
            return _reply("404 Not Found", f"see {PATH}\n")
        return _reply("200 OK", self._page(), CONTENT_TYPE, bare=method == "HEAD")


def _reply(
    status: str, text: str, kind: str = "text/plain; charset=utf-8", *, bare: bool = False
) -> bytes:
    body = text.encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + (b"" if bare else body)
