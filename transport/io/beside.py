"""What lies beside an outbox file: its high-water mark, and room that is kept for it.

The mark says how far each lane was acknowledged when it was last written. It is never ahead of
the outbox that belongs to it, so an outbox that is behind its mark is an old copy (FAULTS F13).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

_MARKS = TypeAdapter(dict[str, tuple[int, int]])


class HighWater:
    """``NAME.mark``: epoch and last acknowledged number of each lane. One process writes it."""

    def __init__(self, outbox: Path) -> None:
        self._path = outbox.with_name(f"{outbox.name}.mark")

    def read(self) -> dict[str, tuple[int, int]]:
        """The marks; none when there is no file, or none that can be read."""
        try:
            return _MARKS.validate_json(self._path.read_bytes())
        except (OSError, ValidationError):
            return {}

    def write(self, marks: dict[str, tuple[int, int]]) -> None:
        """Replace the file as a whole; a full disk keeps the old one, which is only less."""
        new = self._path.with_name(f"{self._path.name}.new")
        with contextlib.suppress(OSError):
            new.write_text(json.dumps(marks), encoding="ascii")
            new.replace(self._path)


class Reserve:
    """``NAME.reserve``: disk space that is given back when nothing else is left (FAULTS F10)."""

    def __init__(self, outbox: Path, size: int) -> None:
        self._path = outbox.with_name(f"{outbox.name}.reserve")
        self._size = size

    def hold(self) -> bool:
        """Take the space when there is much more of it; whether it is held."""
        if self._path.exists():
            return True
        try:
            if shutil.disk_usage(self._path.parent).free < 2 * self._size:
                return False
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                os.posix_fallocate(handle, 0, self._size)
            finally:
                os.close(handle)
        except OSError:
            self._path.unlink(missing_ok=True)
            return False
        return True

    def release(self) -> bool:
        """Give the space back when the disk itself is full; whether that gave any."""
        try:
            if shutil.disk_usage(self._path.parent).free > self._size:
                return False
            self._path.unlink()
        except OSError:
            return False
        return True
