"""Where and how figures were taken."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
from datetime import UTC, datetime
from pathlib import Path


def describe(command: str) -> dict[str, str]:
    """What a reader needs to judge the figures."""
    now = datetime.now(UTC)
    return {
        "date": f"{now:%Y-%m-%d %H:%M} UTC",
        "machine": f"{os.cpu_count()} cores, {_model()}, {_memory_gb():.0f} GB",
        "system": f"Linux {platform.release()}, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}",
        "command": command,
        "load before": load(),
    }


def load() -> str:
    """Processes that want to run, averaged over 1, 5 and 15 minutes."""
    return " ".join(f"{value:.2f}" for value in os.getloadavg())


def command() -> str:
    """The command line as a reader would type it."""
    return " ".join(["python -m bench", *sys.argv[1:]])


def _model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
