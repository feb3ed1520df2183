"""Child processes that can never outlive us: own process group, killed when this process dies.

Each has its output in a file of its own, or read line by line. Linux only (PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

PR_SET_PDEATHSIG: Final = 1
STOP_S: Final = 10.0
"""How long a child may take to stop when asked; then it is killed."""

_libc = ctypes.CDLL(None, use_errno=True)


class ChildEnded(Exception):  # noqa: N818  it says what happened
    """A child ended that should not have; the text has the end of its output."""


def _bind_to(parent: int) -> Callable[[], None]:
    """What the child does before exec: die with the parent, even if that has just died."""

    def bind() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return bind


@dataclass
class Child:
    """One child. ``log`` holds its errors, and its output too unless someone reads the lines."""

    name: str
    process: asyncio.subprocess.Process
    log: Path
    stopping: bool = False

    @property
    def running(self) -> bool:
        return self.process.returncode is None

    def tail(self, lines: int = 15) -> str:
        """The end of its log."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""

    def signal(self, number: signal.Signals) -> None:
        """To its whole process group; nothing happens when it has ended."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    async def kill(self) -> None:
        """SIGKILL, and wait."""
        self.stopping = True
        self.signal(signal.SIGKILL)
        await self.process.wait()

    async def stop(self, limit_s: float = STOP_S) -> None:
        """SIGTERM, then SIGKILL when it takes too long."""
        self.stopping = True
        self.signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(limit_s):
                await self.process.wait()
        except TimeoutError:
            await self.kill()


@dataclass
class Children:
    """All children of one run."""

    folder: Path
    running: list[Child] = field(default_factory=list)

    async def start(
        self, name: str, argv: Sequence[str], *, piped: bool = False, fds: Sequence[int] = ()
    ) -> Child:
        """Start a child; ``piped``: its standard output is ours to read. May raise OSError.

        ``fds`` are open files that it inherits under their numbers.
        """
        log = self.folder / f"{name}.log"
        with log.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if piped else errors,
                stderr=errors,
                pass_fds=fds,
                start_new_session=True,
                limit=16 * 1024 * 1024,
                preexec_fn=_bind_to(os.getpid()),
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        child = Child(name, process, log)
        self.running.append(child)
        return child

    def ended(self) -> list[Child]:
        """Children that ended without having been asked to."""
        return [child for child in self.running if not child.running and not child.stopping]

    def forget(self, child: Child) -> None:
        self.running.remove(child)

    async def close(self) -> None:
        """Stop all of them, whatever happens meanwhile: the first started (the broker) last."""
        try:
            for some in (self.running[1:], self.running[:1]):
                await asyncio.gather(*(child.stop() for child in some))
        finally:
            for child in self.running:
                child.signal(signal.SIGKILL)
            self.running.clear()


def wanglou() -> list[str]:
    """How to start the one command: the script beside this Python, else through Python."""
    script = Path(sys.executable).with_name("wanglou")
    if script.exists() and os.access(script, os.X_OK):
        return [str(script)]
    return [sys.executable, "-c", "from cli.main import main; main()"]
