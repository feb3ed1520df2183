"""Structured logs on stderr: one JSON object a line, and only changes (STYLE habit 10)."""

from __future__ import annotations

import logging
import sys
from collections.abc import Hashable

import orjson
import structlog

Log = structlog.typing.FilteringBoundLogger


def setup(level: str = "info") -> None:
    """Set structlog up for this process; called once, by the command."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=orjson.dumps, default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )
    logging.getLogger("mqtt").setLevel(logging.ERROR)


def get(room: str, **bound: object) -> Log:
    """The log of a room, with what stands in each of its lines."""
    log: Log = structlog.get_logger(room=room, **bound)
    return log


class Changes:
    """Log the change, not the state: the first failure, a different one, the recovery.

    ``note`` logs when ``state`` differs from the last one of ``key`` and says how often the
    former one was seen; everything else is only counted. At most ``most`` keys are remembered.
    """

    def __init__(self, log: Log, *, most: int = 10_000) -> None:
        self._log = log
        self._most = most
        self._seen: dict[Hashable, tuple[Hashable, int]] = {}

    def note(
        self, key: Hashable, state: Hashable, event: str, *, level: str = "warning", **said: object
    ) -> bool:
        """Log ``event`` when ``state`` is new for ``key``; whether it was."""
        before, times = self._seen.get(key, (None, 0))
        if times and before == state:
            self._seen[key] = (state, times + 1)
            return False
        if len(self._seen) >= self._most and key not in self._seen:
            self._seen.pop(next(iter(self._seen)))
        self._seen[key] = (state, 1)
        extra = {"former_times": times} if times > 1 else {}
        self._log.log(logging.getLevelNamesMapping()[level.upper()], event, **said, **extra)
        return True

    def forget(self, key: Hashable) -> None:
        """The next ``note`` of ``key`` is a first one again."""
        self._seen.pop(key, None)
