"""One process for one state directory (FAULTS F14: the second is refused)."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from agent.devices import AgentFault


class Lock:
    """Holds the state directory for this process alone while it is entered."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / "agent.lock"
        self._file: IO[str] | None = None

    def __enter__(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a+")
        except OSError as error:
            raise AgentFault(
                f"状态目录不能使用 / the state directory {self._path.parent} cannot be used: "
                f"{error.strerror}"
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise AgentFault(
                f"该状态目录已有采集代理在运行 / another agent runs with the state directory "
                f"{self._path.parent}"
            ) from error
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
