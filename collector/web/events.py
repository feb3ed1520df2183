"""Server-sent events: which ids changed, coalesced, with nothing that can grow.

Each listener holds one bounded set of changed ids. A slow one gets fewer, larger events; one that
does not read at all is let go. The collector's owner task only adds ids to sets.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from aiohttp import web

from collector.web.guard import HEADERS, RefusedRequest
from collector.web.model import Change
from collector.web.source import Changed, Source

MOST_LISTENERS: Final = 500
MOST_IDS: Final = 200
"""More changed ids than these are told as "everything"."""

GATHER_S: Final = 0.5
"""Real seconds between two events to one listener."""

ALIVE_S: Final = 10.0
"""Real seconds after which a silent stream says that it is alive."""

STUCK_S: Final = 20.0
"""Real seconds for which a listener may not read."""


class Listener:
    """What one stream still has to tell."""

    def __init__(self) -> None:
        self.ids: set[str] | None = set()
        self.woken = asyncio.Event()
        self.closed = False

    def add(self, changed: Changed) -> None:
        if changed is None or self.ids is None or len(self.ids) + len(changed) > MOST_IDS:
            self.ids = None
        else:
            self.ids |= changed
        self.woken.set()

    def take(self) -> tuple[str, ...] | None:
        """The ids gathered so far; None: everything."""
        ids, self.ids = self.ids, set()
        self.woken.clear()
        return None if ids is None else tuple(sorted(ids))


class Hub:
    """All streams of one application."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._listeners: set[Listener] = set()
        self._unsubscribe = source.subscribe(self._changed)

    def __len__(self) -> int:
        return len(self._listeners)

    def _changed(self, changed: Changed) -> None:
        for listener in self._listeners:
            listener.add(changed)

    def close(self) -> None:
        """End all streams."""
        self._unsubscribe()
        for listener in self._listeners:
            listener.closed = True
            listener.woken.set()

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """``GET /api/v1/events``."""
        if len(self._listeners) >= MOST_LISTENERS:
            raise RefusedRequest(503, "too_many", "连接太多，请稍后", "too many listeners")
        response = web.StreamResponse(
            headers=HEADERS
            | {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store"}
        )
        await response.prepare(request)
        listener = Listener()
        self._listeners.add(listener)
        try:
            with suppress(ConnectionError, TimeoutError):
                await self._tell(response, listener)
        finally:
            self._listeners.discard(listener)
        return response

    async def _tell(self, response: web.StreamResponse, listener: Listener) -> None:
        await self._write(response, b"retry: 2000\n\n" + self._event("hello", ()))
        while not listener.closed:
            try:
                async with asyncio.timeout(ALIVE_S):
                    await listener.woken.wait()
            except TimeoutError:
                await self._write(response, self._event("alive", ()))
                continue
            await self._write(response, self._event("change", listener.take()))
            await asyncio.sleep(GATHER_S)

    def _event(self, name: str, ids: tuple[str, ...] | None) -> bytes:
        source = self._source
        change = Change(
            revision=source.board().revision,
            now_ms=source.now_ms(),
            scale=source.scale,
            ids=ids,
        )
        return f"event: {name}\ndata: {change.model_dump_json()}\n\n".encode()

    async def _write(self, response: web.StreamResponse, data: bytes) -> None:
        async with asyncio.timeout(STUCK_S):
            await response.write(data)
