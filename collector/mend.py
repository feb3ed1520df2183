"""JSON that another version wrote, read as far as this version understands it (FAULTS F23).

An upgrade or a rollback must never keep the collector from starting. What is unknown is left out,
what is missing takes its default, and a row that makes no sense without what it lacks is left out
as a whole. Everything that was left out is named, so that the caller can say it aloud.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

import orjson
from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")

ROUNDS: Final = 50
"""Each round may go one level up from what it left out before; nothing nests that deep."""

_GONE: Final = object()
Path = tuple[str | int, ...]


def mended(adapter: TypeAdapter[T], raw: bytes) -> tuple[T, list[str]]:
    """The value in ``raw`` JSON, and the paths that were left out.

    Raises ValueError when nothing sensible remains: no JSON, or a lack at the top.
    """
    try:
        return adapter.validate_json(raw, strict=True), []
    except ValidationError:
        pass  # the long way, in which faults are cut out one by one
    document = orjson.loads(raw)
    cut: dict[Path, None] = {}
    for _ in range(ROUNDS):
        try:
            value = adapter.validate_json(orjson.dumps(document), strict=True)
        except ValidationError as error:
            paths = {_to_cut(document, fault["loc"]) for fault in error.errors()}
            if () in paths:
                raise ValueError(f"too little remains: {error.errors()[0]['msg']}") from error
            _cut(document, paths)
            cut.update(dict.fromkeys(sorted(paths, key=repr)))
        else:
            return value, [".".join(map(str, path)) for path in cut]
    raise ValueError("too many faults")


def _to_cut(document: Any, loc: Path) -> Path:
    """As far as ``loc`` leads: to the value at fault, or to the row that lacks one.

    A location may name more than the document has (a union's member, a key's own fault).
    """
    path: Path = ()
    here: Any = document
    for part in loc:
        known: Any = here if type(here) in {dict, list} else ()
        try:
            here = known[part]
        except (LookupError, TypeError):
            break
        path = (*path, part)
    return path


def _cut(document: Any, paths: set[Path]) -> None:
    """Remove what the paths lead to, the innermost first."""
    holders: list[list[Any]] = []
    for path in sorted(paths, key=len, reverse=True):
        holder: Any = document
        for part in path[:-1]:
            holder = holder[part]
        if isinstance(path[-1], int):
            holder[path[-1]] = _GONE
            holders.append(holder)
        else:
            del holder[path[-1]]
    for holder in holders:
        holder[:] = [item for item in holder if item is not _GONE]
