"""Publishes the retained topics: a few at a time, never in the way of notices and acknowledgements.

The next few go out only when the broker has taken those before, so a slow broker or a thin line
makes changes coalesce (``collector.retained``) and never fills a queue that others wait in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from collector.base import World
from collector.retained import Retained, Told
from transport.io import log as logs
from transport.io.link import Link, Message
from wire.topics import Topics

FEW: Final = 16
"""Messages on their way at once: about 8 kB before a notice that comes in between."""

STAND_BACK: Final = 20
"""Turns of the World that go before the next few at most, so that views go on under load."""

AGAIN_S: Final = 5.0
"""How long to leave a broker alone that refuses them."""


class Publisher:
    """Run as a task. ``turned`` after each commit, ``connected`` and ``beat`` by the collector.

    ``busy`` tells that the World's owner has something to do. Whatever goes wrong in here is
    logged once and leaves the collector alone.
    """

    def __init__(
        self,
        link: Link,
        topics: Topics,
        world: World,
        *,
        session: int,
        every_ms: int,
        now_ms: Callable[[], int],
        busy: Callable[[], bool],
    ) -> None:
        self._link = link
        self._topics = topics
        self._world = world
        self._retained = Retained(topics, world, session=session, every_ms=every_ms)
        self._now_ms = now_ms
        self._busy = busy
        self._wake = asyncio.Event()
        self._changes = logs.Changes(logs.get("publisher"))

    async def run(self) -> None:
        """Publish what is due, for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._link.connected and self._retained.waiting:
                await self._stand_back()
                await self._few()

    def turned(self) -> None:
        """A turn of the World is over and committed."""
        try:
            self._retained.note(self._world)
        except Exception as error:  # noqa: BLE001  the watch goes on without its views
            self._changes.note("note", repr(error), "views missed a turn", error=repr(error))
        self._wake.set()

    def connected(self) -> None:
        """The broker may have lost everything: all of it again."""
        self._retained.again(self._world)
        self._wake.set()

    def beat(self) -> None:
        self._retained.beat()
        self._wake.set()

    def hears(self, message: Message) -> bool:
        """Whether the message is an index page; one that the broker held is looked through."""
        prefix = f"{self._topics.base}/view/"
        levels = message.topic.removeprefix(prefix).split("/")
        if not message.topic.startswith(prefix) or len(levels) != 3 or levels[1] != "index":
            return False
        if message.retain:
            self._retained.held(message.topic, message.payload)
            self._wake.set()
        return True

    async def _stand_back(self) -> None:
        """What has arrived is answered first."""
        for _ in range(STAND_BACK):
            await asyncio.sleep(0)
            if not self._busy():
                break

    async def _few(self) -> None:
        try:
            told = self._retained.take(self._world, self._now_ms(), FEW)
        except Exception as error:  # noqa: BLE001  as above; what could not be shown is left out
            self._changes.note("take", repr(error), "a view could not be made", error=repr(error))
            return
        sent = [(one, self._link.post(one.topic, one.payload, retain=True)) for one in told]
        refused: list[Told] = []
        for one, answer in sent:
            if answer is None or not await answer:
                refused.append(one)
        if refused and self._link.connected:
            self._changes.note("refused", "yes", "the broker refuses views", topic=refused[0].topic)
            await asyncio.sleep(AGAIN_S)
        elif told:
            self._changes.forget("refused")
        self._retained.failed(refused)
