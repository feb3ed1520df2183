"""How much may be asked of a device at once, in words that outlive a restart. Pure.

Only what is less than anybody is asked for is worth a word. A table is known by its columns, so
that another profile's words are not taken for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final

SCALARS: Final = "get"
_MARK_OCTETS: Final = 6

Words = dict[str, list[int]]
"""Of one device: objects in a GET; of each table repetitions, columns together, patience."""


def mark(columns: Sequence[bytes]) -> str:
    """A short name for the table with these columns."""
    return blake2b(b"\0".join(columns), digest_size=_MARK_OCTETS).hexdigest()


def read(found: Any) -> dict[str, Words]:
    """The words of each device in a document; what is none is left out."""
    devices = found.items() if isinstance(found, dict) else ()
    return {
        device: {name: numbers for name, numbers in words.items() if _sound(name, numbers)}
        for device, words in devices
        if isinstance(words, dict)
    }


def _sound(name: str, numbers: Any) -> bool:
    if not isinstance(numbers, list) or any(type(one) is not int or one < 0 for one in numbers):
        return False
    return len(numbers) == (1 if name == SCALARS else 3) and numbers[0] > 0
