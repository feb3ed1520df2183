"""Unix sockets in a process's own folder: found by whoever may enter the folder."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def short(folder: Path, name: str) -> Iterator[str]:
    """A path to ``name`` that fits into 108 bytes, however long the folder's own is (unix(7))."""
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{held}/{name}"
    finally:
        os.close(held)
