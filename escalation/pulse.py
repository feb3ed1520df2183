"""Is the county's side alive? Judged by its signed heartbeat alone (FAULTS F26).

Pure; times are monotonic real milliseconds. A retained heartbeat proves nothing, and one that was
heard before proves nothing either: only a newer one counts.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from wire.presence import Heartbeat

MISSED: Final = 3
FIRST_LIMIT_MS: Final = 90_000


class Health(StrEnum):
    """WAITING: not heard yet; LIVE; UNKNOWN: silent for three heartbeats."""

    WAITING = "waiting"
    LIVE = "live"
    UNKNOWN = "unknown"


class Pulse:
    """The county's heartbeat as one office client hears it."""

    def __init__(self, now_ms: int) -> None:
        self.health = Health.WAITING
        self.last: Heartbeat | None = None
        self._since_ms = now_ms
        self._limit_ms = FIRST_LIMIT_MS

    def heard(self, beat: Heartbeat, now_ms: int, *, retained: bool) -> bool:
        """Take a verified heartbeat; True when the health changed."""
        newer = self.last is None or (beat.session, beat.at_ms) > (
            self.last.session,
            self.last.at_ms,
        )
        if not newer:
            return False
        self.last = beat
        if retained:
            return False
        self._since_ms = now_ms
        self._limit_ms = MISSED * beat.every_ms
        changed = self.health is not Health.LIVE
        self.health = Health.LIVE
        return changed

    def deadline(self) -> int | None:
        """When the silence becomes too long, or None when it already is."""
        return None if self.health is Health.UNKNOWN else self._since_ms + self._limit_ms

    def due(self, now_ms: int) -> bool:
        """Turn unknown when the silence is too long; True when that just happened."""
        deadline = self.deadline()
        if deadline is None or now_ms < deadline:
            return False
        self.health = Health.UNKNOWN
        return True

    def silent_ms(self, now_ms: int) -> int:
        """How long nothing was heard."""
        return now_ms - self._since_ms
