"""Bytes to models and back, with limits and reasons.

A payload is UTF-8 JSON, or the same deflated (zlib, first byte 0x78) when that is worth it.
Whatever does not decode is refused with a reason that can be counted and shown; the caller sets
the payload aside (FAULTS F30, S2).
"""

from __future__ import annotations

import zlib
from typing import Final, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

M = TypeVar("M")

MAX_PAYLOAD: Final = 262_144
"""Bytes of a payload on the wire; the broker's limit is set a little above it."""

MAX_INFLATED: Final = 4 * 1024 * 1024
DEFLATE_OVER: Final = 2048
_ZLIB: Final = 0x78
_LEVEL: Final = 1
"""zlib's fastest: a fifth of the time of its default for a twentieth more octets."""

# What a payload deflated here ends with, before its checksum (RFC 1950, RFC 1951): a flush, which
# leaves the deflated octets whole, and the empty last block.
_END: Final = b"\x00\x00\xff\xff\x03\x00"
_BEGIN: Final = zlib.compress(b"", _LEVEL)[:2]
_SUM_OCTETS: Final = 4
_BLOCK_MOST: Final = 0xFFFF


class Refused(ValueError):  # noqa: N818  it is a verdict about a payload, not a fault of ours
    """A payload that was not accepted. ``reason`` is a short machine word, the text says why."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


def encode(model: BaseModel, *, deflate: bool = True) -> bytes:
    """The payload of ``model``; deflated when it is large and ``deflate`` allows it."""
    return pack(model.model_dump_json().encode(), deflate=deflate)


def pack(raw: bytes, *, deflate: bool = True) -> bytes:
    """Deflate ``raw`` JSON when it is over ``DEFLATE_OVER`` bytes."""
    if deflate and len(raw) > DEFLATE_OVER:
        deflater = zlib.compressobj(_LEVEL)
        return deflater.compress(raw) + deflater.flush(zlib.Z_FULL_FLUSH) + deflater.flush()
    return raw


def around(head: bytes, body: bytes, tail: bytes, packed: bytes) -> bytes:
    """``pack(head + body + tail)`` where ``packed`` is ``pack(body)``: it is not deflated again."""
    if packed[:2] != _BEGIN or packed[-10:-_SUM_OCTETS] != _END or len(head) > _BLOCK_MOST:
        return pack(b"".join((head, body, tail)))
    check = zlib.adler32(tail, zlib.adler32(body, zlib.adler32(head)))
    return b"".join(
        (
            _BEGIN,
            _stored(head, last=False),
            packed[2 : -_SUM_OCTETS - 2],
            _stored(tail, last=True),
            check.to_bytes(_SUM_OCTETS, "big"),
        )
    )


def _stored(raw: bytes, *, last: bool) -> bytes:
    """``raw`` as a block that is not compressed (RFC 1951 section 3.2.4)."""
    size = len(raw)
    lengths = size.to_bytes(2, "little") + (size ^ _BLOCK_MOST).to_bytes(2, "little")
    return bytes((last,)) + lengths + raw


def unpack(payload: bytes) -> bytes:
    """The JSON bytes of a payload. Raises Refused: too_large, bad_deflate, empty."""
    if not payload:
        raise Refused("empty", "payload is empty")
    if len(payload) > MAX_PAYLOAD:
        raise Refused("too_large", f"payload has {len(payload)} bytes, the limit is {MAX_PAYLOAD}")
    if payload[0] != _ZLIB:
        return payload
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(payload, MAX_INFLATED)
    except zlib.error as error:
        raise Refused("bad_deflate", f"deflated payload is damaged: {error}") from error
    if inflater.unconsumed_tail or not inflater.eof:
        raise Refused("too_large", f"payload inflates over {MAX_INFLATED} bytes or is cut short")
    return raw


def decode(adapter: TypeAdapter[M], payload: bytes) -> M:
    """The model in ``payload``. Raises Refused with the first faults named."""
    return decode_json(adapter, unpack(payload))


def decode_json(adapter: TypeAdapter[M], raw: bytes) -> M:
    """The model in JSON that was unpacked before: the body of a frame, a signed payload.

    Only its inflated size is limited; a payload's own limit was for the wire. Raises Refused.
    """
    if len(raw) > MAX_INFLATED:
        raise Refused("too_large", f"JSON has {len(raw)} bytes, the limit is {MAX_INFLATED}")
    try:
        return adapter.validate_json(raw)
    except ValidationError as error:
        raise Refused("bad_model", explain(error)) from error
    except RecursionError as error:
        raise Refused("bad_model", "nested too deeply") from error


def explain(error: ValidationError, most: int = 3) -> str:
    """The first faults of a validation as one line: ``body.items.0.value: not a number``."""
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    said = [
        f"{'.'.join(str(part) for part in fault['loc']) or '(top)'}: {fault['msg']}"
        for fault in faults[:most]
    ]
    more = len(faults) - most
    return "; ".join(said) + (f"; and {more} more" if more > 0 else "")
