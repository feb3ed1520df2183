"""A folder or a feed of warnings, looked at every so often; each new message is handed on as it is.

Everything is bounded: bytes of a message, messages of a list, what is remembered. Lists (Atom,
RFC 4287; RSS 2.0) may link to messages on their own host alone; no redirection is followed.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urljoin, urlsplit
from xml.parsers import expat

import aiohttp
import structlog

from config.settings import CapSettings
from escalation.cap import MOST_BYTES

TIMEOUT_S: Final = 20.0
MOST_MESSAGES: Final = 50
MOST_SEEN: Final = 5000
Give = Callable[[str, bytes], object]


class ListError(ValueError):
    """A list of messages that is refused."""


class Feeds:
    """``run`` until cancelled; ``give(feed, raw)`` for each message not seen before."""

    def __init__(self, settings: CapSettings, give: Give) -> None:
        self._settings = settings
        self._give = give
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._fault = ""
        self._log = structlog.get_logger().bind(room="cap")

    async def run(self) -> None:
        """Look, wait, look again. A feed that cannot be read is said once, and when it is back."""
        while True:
            await self.look()
            await asyncio.sleep(self._settings.every_s)

    async def look(self) -> None:
        """One look at folder and feed."""
        fault = ""
        try:
            if self._settings.folder is not None:
                for name, raw in await asyncio.to_thread(files, Path(self._settings.folder)):
                    self._take(name, raw)
            if self._settings.url is not None:
                async with aiohttp.ClientSession(
                    timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)
                ) as session:
                    await self._ask(session, self._settings.url)
        except (OSError, ValueError, aiohttp.ClientError, TimeoutError) as error:
            fault = f"{type(error).__name__}: {error}"[:200]
        if fault != self._fault:
            self._fault = fault
            if fault:
                self._log.warning("feed of warnings cannot be read", error=fault)
            else:
                self._log.info("feed of warnings is read again")

    async def _ask(self, session: aiohttp.ClientSession, url: str) -> None:
        raw = await get(session, url)
        linked = links(raw, url)
        if linked is None:
            self._take(url, raw)
            return
        faults = []
        for link in linked:
            try:
                self._take(link, await get(session, link))
            except (ValueError, aiohttp.ClientError, TimeoutError) as error:
                faults.append(error)  # one that is gone does not hide those behind it
        if faults:
            raise faults[0]

    def _take(self, feed: str, raw: bytes) -> None:
        digest = hashlib.sha256(raw).hexdigest()
        if digest in self._seen:
            return
        self._seen[digest] = None
        if len(self._seen) > MOST_SEEN:
            self._seen.popitem(last=False)
        self._give("".join(c if c.isprintable() else "?" for c in feed[:200]), raw)


def files(folder: Path) -> list[tuple[str, bytes]]:
    """The newest messages in the folder (``.xml``, ``.cap``), by name; too large ones are cut.

    What is cut is no sound message any more, and is refused as such. Raises OSError.
    """
    found = [one for one in folder.iterdir() if one.suffix.lower() in {".xml", ".cap"}]
    newest = sorted(found, key=lambda one: one.stat().st_mtime)[-MOST_MESSAGES:]
    messages = []
    for path in sorted(newest):
        with path.open("rb") as file:
            messages.append((path.name, file.read(MOST_BYTES + 1)))
    return messages


async def get(session: aiohttp.ClientSession, url: str) -> bytes:
    """The body, bounded. Raises ValueError, aiohttp.ClientError."""
    async with session.get(url, allow_redirects=False) as answer:
        if answer.status != 200:
            raise ValueError(f"{url} answers {answer.status}")
        body = bytearray()
        async for part in answer.content.iter_chunked(65_536):
            body += part
            if len(body) > MOST_BYTES:
                raise ValueError(f"{url} is larger than {MOST_BYTES} bytes")
        return bytes(body)


def links(raw: bytes, base: str) -> list[str] | None:
    """The messages that an Atom or RSS list names, on the list's own host; None: it is no list.

    What is neither is handed on as it is, and refused there by name.
    """
    found: dict[str, None] = {}
    place: list[str] = []
    roots: list[str] = []

    def begin(name: str, attributes: dict[str, str]) -> None:
        place.append(name.rpartition(" ")[2])
        roots.append(place[0])
        if place[-1] == "link" and attributes.get("rel", "alternate") == "alternate":
            add(attributes.get("href", ""))

    def add(href: str) -> None:
        if href.strip() and ("entry" in place or "item" in place):
            found[urljoin(base, href.strip())] = None

    def text(data: str) -> None:
        if place[-2:] == ["item", "link"]:
            add(data)

    def refuse(*_: object) -> int:
        raise ListError("a document type in a list of warnings")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = begin
    parser.EndElementHandler = lambda _: place.pop()
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        parser.Parse(raw, True)  # noqa: FBT003  expat's own: that was all of it
    except ListError:
        raise
    except (expat.ExpatError, LookupError, ValueError):  # also an encoding of nobody's
        return None
    own = urlsplit(base)
    kept = [one for one in found if urlsplit(one)[:2] == own[:2]]
    return kept[:MOST_MESSAGES] if roots[:1] in (["feed"], ["rss"]) else None
