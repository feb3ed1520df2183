"""Why it was so at a moment that is over: one question at a time, because it folds the inputs.

Whoever asks waits for ``WAIT_S``; what takes longer goes on and is there when it is asked again, so
that a page never holds a request open for longer than its service worker waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from collector.explanation import Explanation
from collector.web.guard import RefusedRequest
from collector.web.source import NoMoment
from escalation import moments

WAIT_S: Final = 3.0

Key = tuple[str, str]
"""What, and when as it was written."""


class WhyQuery(BaseModel):
    """``at``: domain milliseconds, or as people write it: 14:05, 11-24 14:05, -2h; empty: now."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: Annotated[str, Field(max_length=40)] = ""


def meant(query: WhyQuery, now_ms: int) -> int | None:
    """The moment that is asked for; None: now. Raises RefusedRequest 400."""
    if not query.at:
        return None
    try:
        at_ms = int(query.at) if query.at.isdecimal() else moments.parse(query.at, now_ms)
    except (ValueError, OverflowError) as error:
        zh, en = f"看不懂时间“{query.at}”", f"no moment; write {moments.FORMS}"
        raise RefusedRequest(400, "bad_moment", zh, en) from error
    if at_ms > now_ms:
        raise RefusedRequest(400, "not_come", "这一时刻还没有到", "that moment has not come yet")
    return at_ms


class Reader:
    """The question that is being answered, or was answered last."""

    def __init__(self) -> None:
        self._key: Key | None = None
        self._at_ms = 0
        self._task: asyncio.Future[Explanation | None] | None = None

    async def ask(
        self, key: Key, at_ms: int, make: Callable[[], Awaitable[Explanation | None]]
    ) -> Explanation | None:
        """The answer to ``key``. Raises RefusedRequest 503 while it, or another, is worked out."""
        task = self._task
        if task is None or (task.done() and (self._key, self._at_ms) != (key, at_ms)):
            self._key, self._at_ms = key, at_ms
            task = self._task = asyncio.ensure_future(make())
            task.add_done_callback(lambda one: one.cancelled() or one.exception())
        if self._key != key:
            raise RefusedRequest(503, "busy", "正在回查，请稍后再试", "another one is being read")
        await asyncio.wait({task}, timeout=WAIT_S)
        if not task.done():
            raise RefusedRequest(503, "reading", "正在读取当时的输入…", "reading the inputs …")
        if (task.cancelled() or task.exception() is not None) and self._task is task:
            self._task = None
        try:
            return task.result()
        except NoMoment as fault:
            raise RefusedRequest(404, "no_moment", fault.said.zh, fault.said.en) from fault

    async def close(self) -> None:
        """End what is being read."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
