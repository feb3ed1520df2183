"""Remembered reply layouts: one comparison instead of decoding a reply that looks as it did.

A device's replies to one request keep their shape from poll to poll: the same lengths, OIDs and
types stand at the same offsets, only values and the request id differ. A layout splits a datagram
of the learnt size with one ``struct`` into header octets and values, and compares all headers at
once. If they are as learnt, every length, OID and type is proven to be what the strict decoder
(``snmp.decode_message``) accepted before, and only values remain to be checked.

Property: ``match`` gives what the strict decoder gives for the same datagram, or None.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from operator import itemgetter
from struct import Struct
from typing import Any, Final

from agent import ber
from agent.ber import RawValue
from agent.snmp import FIRST_ID, Message

_HIGH: Final = b"\x80"
_SIGNED_CODES: Final = {1: "b", 2: "h", 4: "i", 8: "q"}
_STRUCTS: Final = 2000
_CHUNKS: Final = 50_000
_LAYOUTS: Final = 5_000
_from_bytes: Final = int.from_bytes
Pick = Callable[[list[Any]], tuple[Any, ...]]


@dataclass(slots=True, eq=False)
class Layout:
    """The shape of one reply datagram of ``split.size`` octets.

    ``narrow`` picks the numbers of unsigned types that the struct read as signed (a negative one
    is refused), ``wide`` the unsigned ones of odd width, ``signed`` the INTEGERs of odd width;
    ``constants`` are values that are part of the headers (OIDs, absent objects), by place.
    """

    split: Struct
    headers: tuple[bytes, ...]
    tags: bytes
    narrow: Pick | None = None
    wide_at: tuple[int, ...] = ()
    wide: Pick | None = None
    signed: tuple[int, ...] = ()
    constants: tuple[tuple[int, RawValue], ...] = ()

    def match(self, data: bytes, request_id: int) -> list[RawValue] | None:
        """The values in ``data`` (of the learnt size), or None when it is not as learnt."""
        parts = self.split.unpack(data)
        if parts[1] != request_id or parts[::2] != self.headers:
            return None
        values = list(parts[3::2])
        if self.narrow is not None and min(self.narrow(values)) < 0:
            return None
        if self.wide is not None:
            octets = self.wide(values)
            if max(octets) >= _HIGH:
                return None
            for place, number in zip(self.wide_at, map(_from_bytes, octets), strict=True):
                values[place] = number
        for place in self.signed:
            values[place] = _from_bytes(values[place], "big", signed=True)
        for place, constant in self.constants:
            values.insert(place, constant)
        return values


@dataclass(slots=True)
class _Draft:
    """A layout in the making: format codes and the places of values that need more care."""

    codes: list[str] = field(default_factory=list)
    headers: list[bytes] = field(default_factory=list)
    narrow: list[int] = field(default_factory=list)
    wide: list[int] = field(default_factory=list)
    signed: list[int] = field(default_factory=list)
    constants: list[tuple[int, RawValue]] = field(default_factory=list)
    count: int = 0

    def header(self, octets: bytes) -> None:
        self.codes.append(f"{len(octets)}s")
        self.headers.append(octets)

    def number(self, tag: int, width: int) -> None:
        """Choose the code of a number of ``width`` octets."""
        if tag in ber.UNSIGNED and width == ber.UNSIGNED[tag] - 1:
            self.codes.append("I" if width == 4 else "Q")
        elif (code := _SIGNED_CODES.get(width)) is not None:
            self.codes.append(code)
            if tag in ber.UNSIGNED:
                self.narrow.append(self.count)
        else:
            self.codes.append(f"{width}s")
            (self.wide if tag in ber.UNSIGNED else self.signed).append(self.count)
        self.count += 1


class Layouts:
    """Makes layouts; equal ones, and equal structs, headers and tags, are shared by all devices."""

    def __init__(self) -> None:
        self._structs: dict[str, Struct] = {}
        self._chunks: dict[bytes, bytes] = {}
        self._known: dict[tuple[object, ...], Layout] = {}

    def learn(self, message: Message, data: bytes) -> Layout | None:
        """The layout of a reply that was decoded from ``data``; None when it is not learnable."""
        if message.request_id < FIRST_ID:
            return None
        draft = _Draft()
        draft.header(data[: message.id_at])
        draft.codes.append("I")
        at = message.id_at + 4
        for place, tag in enumerate(message.tags):
            start, stop = message.starts[place], message.stops[place]
            if tag == ber.OID or tag in ber.EMPTY:
                draft.constants.append((place, message.values[place]))
                continue
            if tag == ber.INTEGER and stop - start > 4:
                return None  # its range would have to be checked each time
            number = tag == ber.INTEGER or tag in ber.UNSIGNED
            if tag in ber.UNSIGNED and stop - start == ber.UNSIGNED[tag]:
                start += 1  # the leading zero octet belongs to the header
            draft.header(data[at:start])
            if number:
                draft.number(tag, stop - start)
            else:
                draft.codes.append(f"{stop - start}s")
                draft.count += 1
            at = stop
        if at < len(data):
            draft.header(data[at:])
        return self._layout(draft, bytes(message.tags))

    def _layout(self, draft: _Draft, tags: bytes) -> Layout:
        if len(self._structs) > _STRUCTS:
            self._structs.clear()
        if len(self._chunks) > _CHUNKS:
            self._chunks.clear()
        code = ">" + "".join(draft.codes)
        split = self._structs.get(code) or self._structs.setdefault(code, Struct(code))
        share = self._chunks.setdefault
        headers = tuple(share(octets, octets) for octets in draft.headers)
        key = (code, headers, tags, *draft.constants)
        known = self._known.get(key)
        if known is not None:
            return known
        if len(self._known) > _LAYOUTS:
            self._known.clear()
        made = self._known[key] = Layout(
            split=split,
            headers=headers,
            tags=share(tags, tags),
            narrow=_pick(draft.narrow),
            wide_at=_twice(draft.wide),
            wide=_pick(draft.wide),
            signed=tuple(draft.signed),
            constants=tuple(draft.constants),
        )
        return made


def _twice(places: list[int]) -> tuple[int, ...]:
    """A single place doubled, so that picking always gives a tuple."""
    return tuple(places * 2 if len(places) == 1 else places)


def _pick(places: list[int]) -> Pick | None:
    return itemgetter(*_twice(places)) if places else None
