"""Loading in a process of its own, so that what loading takes does not stay with who runs for good.

An inventory of 100,000 targets takes 300 MB to read and check and half of that to keep: memory
that an allocator does not give back. A child reads it and hands over
no more than what is made of it.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


def apart(load: Callable[[], T]) -> T:
    """What ``load`` returns, done in a forked child; whatever fails there is done again here.

    So faults are raised as ``load`` raises them. To be called before threads and event loops.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        with suppress(BaseException), os.fdopen(writing, "wb") as out:
            os.close(reading)
            pickle.dump(load(), out, pickle.HIGHEST_PROTOCOL)
            status = 0
        os._exit(status)
    os.close(writing)
    found: list[T] = []
    with suppress(EOFError, pickle.UnpicklingError), os.fdopen(reading, "rb") as come:
        found.append(pickle.load(come))  # noqa: S301  our own child's
    _, ended = os.waitpid(child, 0)
    return found[0] if found and ended == 0 else load()
