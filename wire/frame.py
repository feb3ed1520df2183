"""What the delivery protocol puts around a row: frame and acknowledgement."""

from __future__ import annotations

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import Field

from wire.base import Epoch, Id, Ms, Seq, Wire
from wire.observation import GapBody, SampleBody, StateBody

BodyT = TypeVar("BodyT")

Token = Annotated[int, Field(ge=0, lt=2**32)]
"""32 bits that tell a row from another one under the same number; 0 says nothing."""

Seq1 = Annotated[int, Field(ge=1, le=2**53)]
"""The number of a row; 0 is no row."""


class Frame(Wire, Generic[BodyT]):
    """One row of an outbox on its way: sender, lane, epoch and sequence say which.

    Sequences start at 1 in each epoch and have no holes. ``sent_ms`` is the sender's wall clock
    at sending (for skew, never for rules). ``check`` is the row's token, fixed when the row was
    written; the receiver keeps the last committed one and returns it in its ``Ack``. ``after`` is
    the token of the row before, said while that is not acknowledged: it must be what the receiver
    holds under that number. ``body`` is the last key of the object (``transport.frames``). A row of
    lane ``history`` says which row of lane ``state`` it was written as: (``was_epoch``,
    ``was_seq``).
    """

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
    body: BodyT


class Ack(Wire):
    """Cumulative: every row of ``epoch`` up to ``seq`` is committed at the receiver.

    ``refused`` tells the sender that its epoch is older than the receiver's (``epoch``): it must
    take a newer one and number its pending rows again (FAULTS F13). ``again`` asks for the rows
    after ``seq`` once more: some are missing here. ``check`` is the token of row ``seq``: where
    it differs from the sender's own, the sender's outbox came back from an old copy. ``store``
    is the epoch of the receiver's store: it rises when that store was lost or restored, and
    acknowledgements of an older store are void.
    """

    v: Literal[1] = 1
    kind: Literal["ack"] = "ack"
    lane: Id
    epoch: Epoch
    seq: Seq
    refused: bool = False
    again: bool = False
    check: Token = 0
    store: Epoch = 0


StateFrame = Frame[StateBody]
SampleFrame = Frame[Annotated[SampleBody | GapBody, Field(discriminator="kind")]]
