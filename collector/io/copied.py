"""A large World's picture, made by a copy of this process (fork), as Redis saves its data.

Dumping a hundred thousand devices takes a second, and no thread helps: it holds the interpreter.
A fork costs some ten milliseconds; the child sees the World as it was at that moment and does
nothing but dump, hash and compress it into a file. It opens no database, writes no log, answers no
signal, and leaves by ``os._exit``.
"""

from __future__ import annotations

import gc
import hashlib
import os
import signal
import time
import warnings
import zlib
from contextlib import closing
from pathlib import Path
from typing import Final

from collector import world as worlds
from collector.base import World
from collector.io.journal import inputs_hash, open_readonly
from collector.io.pictures import Draft, Picture

FROM: Final = 2000
"""Devices from which on a World is large; a smaller one is dumped in 20 ms."""

PATIENCE_S: Final = 120.0
_STEP_S: Final = 0.02


def begin(world: World, path: Path) -> int:
    """Fork the child that writes the picture to ``path``; its process id."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads: the child needs none of them
        child = os.fork()
    if child == 0:
        code = 1
        try:
            _child(world, path)
            code = 0
        finally:
            os._exit(code)
    return child


def _child(world: World, path: Path) -> None:
    signal.set_wakeup_fd(-1)  # it is the parent's loop that listens there
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # sockets and databases are the parent's alone
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    gc.disable()
    os.nice(5)
    raw = worlds.dump(world)
    blob = zlib.compress(raw, 1)
    with path.open("wb") as file:
        file.write(f"{worlds.hash_of(raw)}\n{hashlib.sha256(blob).hexdigest()}\n".encode())
        file.write(blob)


def finish(child: int, path: Path, database: Path, draft: Draft) -> Picture | None:
    """Wait for the child and take its picture, in a thread; None when it came to nothing."""
    try:
        with closing(open_readonly(database)) as db:
            inputs = inputs_hash(db, draft.after, draft.upto)
        until = time.monotonic() + PATIENCE_S
        while True:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                break
            if time.monotonic() > until:
                os.kill(child, signal.SIGKILL)
            time.sleep(_STEP_S)
        if status != 0:
            return None
        state_hash, digest, blob = path.read_bytes().split(b"\n", 2)
    finally:
        path.unlink(missing_ok=True)
    if hashlib.sha256(blob).hexdigest() != digest.decode():
        return None
    return Picture(state_hash.decode(), blob, digest.decode(), inputs)
