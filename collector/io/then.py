"""Why it was judged so at a moment that is over: folded from the retained inputs and answered.

For the pages by a process of its own (``ask``): folding holds the interpreter for seconds, which a
thread of the collector would take from its turns.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict

from collector.explain import NoSuchThingError, explain
from collector.explanation import Explanation
from collector.io.restore import Unusable
from collector.io.segments import Segments, Span, TooEarlyError
from config.faults import ConfigError

PATIENCE_S: Final = 120.0


class Then(NamedTuple):
    """The explanation, and what is not as it was (``Restored.losses``)."""

    found: Explanation
    losses: tuple[str, ...]


def explained(segments: Segments, at_ms: int, target: str) -> Then:
    """Answer for a moment. Raises TooEarlyError, Unusable and NoSuchThingError."""
    restored = segments.world_at(at_ms)
    judged_ms = segments.judged_ms(at_ms)
    return Then(explain(restored.world, at_ms, target, judged_ms=judged_ms), restored.losses)


class _Said(BaseModel):
    """What the process prints: an explanation, or (from, to) where there is none that early."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    found: Explanation | None = None
    span: tuple[int, int] | None = None
    fault: str = ""


async def ask(database: Path, at_ms: int, target: str) -> Explanation | None:
    """``explained`` by a process of its own; None: nothing has this name.

    Raises TooEarlyError and Unusable.
    """
    if not target.isprintable():
        return None
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __name__, str(database), str(at_ms), target),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    except TimeoutError as error:
        raise Unusable("reading the retained inputs took too long") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise Unusable(f"the retained inputs could not be read: code {process.returncode}")
    said = _Said.model_validate_json(out)
    if said.span is not None:
        raise TooEarlyError(Span(*said.span))
    if said.fault:
        raise Unusable(said.fault)
    return said.found


def main(words: Sequence[str]) -> None:
    """``python -m collector.io.then DATABASE AT_MS TARGET``: one line of JSON."""
    with contextlib.suppress(OSError):  # a service may be forbidden to
        os.nice(5)
    path, at_ms, target = words
    sys.stdout.write(_answer(Path(path), int(at_ms), target).model_dump_json())


def _answer(path: Path, at_ms: int, target: str) -> _Said:
    with contextlib.closing(Segments(path)) as segments:
        try:
            return _Said(found=explained(segments, at_ms, target).found)
        except NoSuchThingError:
            return _Said()
        except TooEarlyError as fault:
            return _Said(span=fault.span)
        except (Unusable, ConfigError) as fault:
            return _Said(fault=str(fault))


if __name__ == "__main__":
    main(sys.argv[1:])
