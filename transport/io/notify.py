"""Word to systemd: ready, stopping, alive (sd_notify(3)); silent where there is no systemd.

The watchdog must be fed by real progress: call ``alive`` where a turn of work ended, never from
a timer of its own.
"""

from __future__ import annotations

import os
import socket
import time
from typing import Final

READY: Final = b"READY=1"
RELOADING: Final = b"RELOADING=1"
STOPPING: Final = b"STOPPING=1"
ALIVE: Final = b"WATCHDOG=1"


class Notifier:
    """The notification socket of this process; ``every_s`` is half of the watchdog's limit.

    ``alive(now_s)`` sends at most once per ``every_s`` (monotonic seconds), so it may be called
    in every turn.
    """

    def __init__(self, environ: dict[str, str] | None = None) -> None:
        given = os.environ if environ is None else environ
        self._path = given.get("NOTIFY_SOCKET", "")
        self._next_s = 0.0
        limit_us = given.get("WATCHDOG_USEC", "")
        self.every_s = int(limit_us) / 2_000_000 if limit_us.isdigit() else 0.0

    def _send(self, word: bytes) -> None:
        if not self._path:
            return
        # An abstract socket's name begins with a zero byte, written "@" in the environment.
        path = "\0" + self._path[1:] if self._path.startswith("@") else self._path
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.settimeout(0)
            try:
                sock.sendto(word, path)
            except OSError:
                # A full or vanished socket must not stop the work; the watchdog will tell.
                return

    def ready(self, status: str = "") -> None:
        """Started, or done with a reload; ``status`` is a line for ``systemctl status``."""
        line = " ".join(status.split())[:200]
        self._send(READY + (f"\nSTATUS={line}".encode() if line else b""))

    def reloading(self) -> None:
        """Another configuration is being read, until ``ready``."""
        now_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send(RELOADING + f"\nMONOTONIC_USEC={now_us}".encode())

    def stopping(self) -> None:
        self._send(STOPPING)

    def alive(self, now_s: float) -> None:
        """Tell the watchdog that a turn of real work ended at ``now_s`` (monotonic)."""
        if self.every_s and now_s >= self._next_s:
            self._next_s = now_s + self.every_s
            self._send(ALIVE)
