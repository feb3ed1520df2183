"""Frames as bytes: the header around stored body bytes, without encoding the body again.

A frame on the wire is the JSON of ``wire.frame.Frame`` with ``body`` as its last key, deflated
when large (``wire.codec``). ``unwrap`` checks the header strictly and hands the body on as the
bytes it came in; whoever applies it validates it against the lane's body model. So a frame with
a bad body can still be judged, set aside, counted and stepped over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from pydantic import TypeAdapter, ValidationError

from transport.delivery import Acked, Peer
from wire.base import Epoch, Id, Ms, Seq, Wire
from wire.codec import Refused, around, decode, explain, unpack
from wire.frame import Ack, Seq1, Token

_MARK: Final = b',"body":'
_HEADER_MOST: Final = 512


class _Header(Wire):
    v: Literal[1] = 1
    sender: Id
    lane: Id
    epoch: Epoch
    seq: Seq1
    sent_ms: Ms
    check: Token = 0
    after: Token = 0
    was_epoch: Epoch = 0
    was_seq: Seq = 0


_HEADER: Final = TypeAdapter(_Header)
_ACK: Final = TypeAdapter(Ack)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A frame's header and the JSON bytes of its body."""

    sender: str
    lane: str
    epoch: int
    seq: int
    sent_ms: int
    check: int
    body: bytes = field(repr=False)
    was: tuple[int, int] = (0, 0)
    after: int = 0

    @property
    def peer(self) -> Peer:
        return Peer(self.sender, self.lane)


def wrap(  # noqa: PLR0913  one each for the fields of the header
    peer: Peer,
    *,
    epoch: int,
    seq: int,
    sent_ms: int,
    check: int,
    body: bytes,
    after: int = 0,
    was: tuple[int, int] | None = None,
    packed: bytes = b"",
) -> bytes:
    """The payload of row (``epoch``, ``seq``) with ``body``, the JSON bytes of its body.

    ``after``: the token of the row before.
    ``was``: epoch and number under which it was written before its lane was retired. ``packed``:
    the body as ``wire.codec.pack`` made it, which saves making it again.
    """
    before = f'"after":{after},' if after else ""
    origin = "" if was is None else f'"was_epoch":{was[0]},"was_seq":{was[1]},'
    header = (
        f'{{"v":1,"sender":"{peer.sender}","lane":"{peer.lane}","epoch":{epoch},"seq":{seq},'
        f'"sent_ms":{sent_ms},"check":{check},{before}{origin}"body":'
    )
    return around(header.encode(), body, b"}", packed)


def unwrap(payload: bytes) -> Envelope:
    """The frame in ``payload``. Raises Refused: empty, too_large, bad_deflate, bad_frame."""
    raw = unpack(payload)
    cut = raw.find(_MARK, 0, _HEADER_MOST)
    if cut < 0 or not raw.endswith(b"}"):
        raise Refused("bad_frame", "no frame: it has no body as its last key")
    try:
        header = _HEADER.validate_json(raw[:cut] + b"}")
    except ValidationError as error:
        raise Refused("bad_frame", f"frame header: {explain(error)}") from error
    return Envelope(
        sender=header.sender,
        lane=header.lane,
        epoch=header.epoch,
        seq=header.seq,
        sent_ms=header.sent_ms,
        check=header.check,
        body=raw[cut + len(_MARK) : -1],
        was=(header.was_epoch, header.was_seq),
        after=header.after,
    )


def ack_payload(lane: str, acked: Acked) -> bytes:
    """The payload of an acknowledgement."""
    return Ack(lane=lane, **acked._asdict()).model_dump_json().encode()


def read_ack(payload: bytes) -> tuple[str, Acked]:
    """Lane and acknowledgement in ``payload``. Raises Refused."""
    ack = decode(_ACK, payload)
    return ack.lane, Acked(ack.epoch, ack.seq, ack.refused, ack.again, ack.check, ack.store)
