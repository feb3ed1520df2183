"""Damaged datagrams: bits flipped, octets cut, doubled, replaced, lengths forged."""

from __future__ import annotations

import random
from collections.abc import Iterator


def mutants(data: bytes, count: int, seed: int) -> Iterator[bytes]:
    """``count`` damaged copies of ``data``; the same ones for the same seed."""
    source = random.Random(seed)
    for _ in range(count):
        damaged = bytearray(data)
        for _ in range(source.choice((1, 1, 1, 2, 5))):
            _damage(damaged, source)
        yield bytes(damaged)


def _damage(data: bytearray, source: random.Random) -> None:
    if not data:
        data += source.randbytes(3)
        return
    at = source.randrange(len(data))
    match source.randrange(6):
        case 0:
            data[at] ^= 1 << source.randrange(8)
        case 1:
            data[at] = source.choice((0x00, 0x7F, 0x80, 0x81, 0x84, 0xFF, 0x30, 0x02))
        case 2:
            del data[at:]
        case 3:
            del data[at : at + source.randrange(1, 8)]
        case 4:
            data[at:at] = data[at : at + source.randrange(1, 30)]
        case _:
            data[at:at] = source.randbytes(source.randrange(1, 6))
