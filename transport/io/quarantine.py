"""Payloads that were refused, set aside for inspection: bounded, counted, never in the way."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

import orjson

from transport.io import log as logs
from wire.codec import Refused

MOST_FILES: Final = 500
MOST_BYTES: Final = 65_536
"""Bytes kept of one payload."""


MOST_COUNTED: Final = 10_000
REST: Final = "…"
"""Senders and reasons that are counted apart; beyond that they are counted together."""


class Quarantine:
    """A folder of refused payloads, the newest ``most`` of them (FAULTS F30).

    A file has one JSON line that says when, from whom, where and why, then the payload's first
    64 KiB. ``counts`` has the number of refusals by (sender, reason) since the start. A folder
    that cannot be written (full disk) costs the sample, not the service.
    """

    def __init__(self, folder: Path, *, most: int = MOST_FILES) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self._folder = folder
        self._most = most
        self._changes = logs.Changes(logs.get("quarantine"))
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._next = 1 + max((int(path.stem) for path in self._files()), default=0)

    def put(self, payload: bytes, refused: Refused, *, topic: str, sender: str, at_ms: int) -> None:
        """Set ``payload`` aside because of ``refused``."""
        known = len(self.counts) < MOST_COUNTED or (sender, refused.reason) in self.counts
        self.counts[(sender, refused.reason) if known else (REST, refused.reason)] += 1
        self._changes.note(
            (sender, topic),
            refused.reason,
            "payload refused",
            sender=sender,
            topic=topic,
            reason=refused.reason,
            text=str(refused)[:500],
        )
        head = {
            "at_ms": at_ms,
            "sender": sender,
            "topic": topic,
            "reason": refused.reason,
            "text": str(refused)[:2000],
            "bytes": len(payload),
        }
        path = self._folder / f"{self._next:012d}.refused"
        self._next += 1
        try:
            path.write_bytes(orjson.dumps(head) + b"\n" + payload[:MOST_BYTES])
            (self._folder / f"{max(0, self._next - 1 - self._most):012d}.refused").unlink(
                missing_ok=True
            )
        except OSError as error:
            self._changes.note("disk", error.errno, "quarantine not written", error=str(error))

    def clear(self, sender: str, topic: str) -> None:
        """A good payload came: the next refusal of this sender is logged again."""
        self._changes.forget((sender, topic))

    def _files(self) -> list[Path]:
        return [path for path in self._folder.glob("*.refused") if path.stem.isdigit()]
