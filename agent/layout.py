"""Remembered reply layouts: one comparison instead of decoding a reply that looks as it did.

A device's replies to one request keep their shape from poll to poll: the same lengths, OIDs and
types stand at the same offsets, only values and the request id differ. A layout takes a datagram
of the learnt size as one number and cancels (exclusive or) what was learnt: every octet that is no
value must become 0, and so must the highest bit of a value that may not be negative. Then all
lengths, OIDs and types are proven to be what the strict decoder (``snmp.decode_message``) accepted
before, and one ``struct`` reads the values; those of 3, 5, 6 or 7 octets are the wider number that
begins in the zeros before them.

Property: ``match`` gives what the strict decoder gives for the same datagram, or None.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from operator import itemgetter
from struct import Struct
from typing import Any, Final

from agent import ber
from agent.ber import RawValue
from agent.snmp import FIRST_ID, Message

_WIDTHS: Final = {"B": 1, "H": 2, "I": 4, "Q": 8}
_UNSIGNED_CODES: Final = {
    octets: next((code, width - octets) for code, width in _WIDTHS.items() if width >= octets)
    for octets in range(1, 9)
}
"""How a number of so many octets is read, and how many zeros before it are read with it."""
_SIGNED_CODES: Final = {1: "b", 2: "h", 4: "i"}
_ID: Final = 4
_SIGN: Final = 0x80
_FORMS: Final = 2000
_LAYOUTS: Final = 5_000
_from_bytes: Final = int.from_bytes
_to_bytes: Final = int.to_bytes
Arrange = Callable[[tuple[Any, ...]], tuple[Any, ...]]


@dataclass(slots=True, eq=False)
class Layout:
    """The shape of one reply datagram of ``split.size`` octets.

    The bits of ``fixed`` must be those of ``learnt``, a datagram as a number (big-endian; its
    other bits are 0); the request id stands at ``id_at``. ``split`` reads the values, and
    ``arrange`` makes of them those of the varbinds where there is more to do.
    """

    split: Struct
    id_at: int
    fixed: int = field(repr=False)  # more digits than Python writes
    learnt: int = field(repr=False)
    tags: bytes
    arrange: Arrange | None = None

    def match(self, data: bytes, number: bytes) -> tuple[RawValue, ...] | None:
        """The values in ``data`` (of the learnt size), or None when it is not as learnt.

        ``number``: the request id, four octets.
        """
        rest = _from_bytes(data) ^ self.learnt
        if rest & self.fixed or not data.startswith(number, self.id_at):
            return None
        found = self.split.unpack(_to_bytes(rest, len(data)))
        return found if self.arrange is None else self.arrange(found)


@dataclass(slots=True)
class _Draft:
    """A layout in the making: format codes, fixed bits, and values that need more care.

    ``at`` is behind the last value; ``signed`` has places among the codes, ``constants`` among
    the values.
    """

    fixed: bytearray
    at: int = 0
    codes: list[str] = field(default_factory=list)
    signed: list[int] = field(default_factory=list)
    constants: dict[int, RawValue] = field(default_factory=dict)

    def octets(self, start: int, stop: int, code: str) -> None:
        """A value that is read as it stands."""
        self.fixed[start:stop] = bytes(stop - start)
        self.codes.append(f"{start - self.at}x{code}")
        self.at = stop

    def natural(self, start: int, stop: int, sign: int) -> None:
        """A number that is not negative, as its first bit says unless ``sign`` is 0."""
        code, before = _UNSIGNED_CODES[stop - start]
        self.fixed[start:stop] = bytes(stop - start)
        self.fixed[start] = sign
        self.codes.append(f"{start - before - self.at}x{code}")
        self.at = stop

    def integer(self, start: int, stop: int, *, negative: bool) -> None:
        """An INTEGER of at most 4 octets."""
        code = _SIGNED_CODES.get(stop - start)
        if code is not None:
            self.octets(start, stop, code)
        elif negative:
            self.signed.append(len(self.codes))
            self.octets(start, stop, "3s")
        else:
            self.natural(start, stop, _SIGN)

    def arrange(self) -> Arrange | None:
        """What puts what was read in its places; None when it is there."""
        constants = self.constants
        if not self.signed and not constants:
            return None
        read, behind = count(), count(len(self.codes))
        values = range(len(self.codes) + len(constants))
        order = [next(behind if place in constants else read) for place in values]
        signed = tuple(self.signed)
        return partial(_arranged, signed, tuple(constants.values()), picker(order))


def _arranged(
    signed: tuple[int, ...],
    constants: tuple[RawValue, ...],
    pick: Arrange,
    found: tuple[Any, ...],
) -> tuple[RawValue, ...]:
    """The values of all varbinds; ``signed`` are the places of octets that are an INTEGER."""
    if signed:
        read = list(found)
        for place in signed:
            read[place] = _from_bytes(read[place], signed=True)
        found = tuple(read)
    return pick(found + constants)


def picker(places: Sequence[int]) -> Arrange:
    """What takes the values at these places of a tuple."""
    if len(places) == 1:  # a getter of one gives no tuple
        place = places[0]
        return lambda found: (found[place],)
    return itemgetter(*places)


class Layouts:
    """Makes layouts; equal ones, and their equal parts, are shared by all devices."""

    def __init__(self) -> None:
        self._forms: dict[tuple[str, int, bytes], tuple[Struct, int, bytes]] = {}
        self._known: dict[tuple[object, ...], Layout] = {}

    def learn(self, message: Message, data: bytes) -> Layout | None:
        """The layout of a reply that was decoded from ``data``; None when it is not learnable."""
        if message.request_id < FIRST_ID:
            return None
        draft = _Draft(bytearray(b"\xff") * len(data))
        draft.fixed[message.id_at : message.id_at + _ID] = bytes(_ID)
        spans = zip(message.tags, message.starts, message.stops, strict=True)
        for place, (tag, start, stop) in enumerate(spans):
            most = ber.UNSIGNED.get(tag)
            if most is not None:
                if stop - start == most:
                    start += 1  # noqa: PLW2901  a leading zero octet is fixed
                draft.natural(start, stop, 0 if stop - start == most - 1 else _SIGN)
            elif tag == ber.INTEGER:
                if stop - start > 4:
                    return None  # its range would have to be checked each time
                draft.integer(start, stop, negative=data[start] >= _SIGN)
            elif tag == ber.OID or tag in ber.EMPTY:
                draft.constants[place] = message.values[place]
            else:
                draft.octets(start, stop, f"{stop - start}s")
        return self._layout(draft, data, message)

    def _layout(self, draft: _Draft, data: bytes, message: Message) -> Layout:
        if len(self._forms) > _FORMS:
            self._forms.clear()
        if len(self._known) > _LAYOUTS:
            self._known.clear()
        code = f">{''.join(draft.codes)}{len(data) - draft.at}x"
        key = (code, _from_bytes(draft.fixed), bytes(message.tags))
        split, fixed, tags = self._forms.get(key) or self._forms.setdefault(
            key, (Struct(code), *key[1:])
        )
        learnt = _from_bytes(data) & fixed
        known = self._known.get((split, learnt, *draft.constants.items()))
        if known is None:
            known = Layout(split, message.id_at, fixed, learnt, tags, draft.arrange())
            self._known[split, learnt, *draft.constants.items()] = known
        return known
