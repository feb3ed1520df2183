"""What the delivery protocol puts around a row: frame and acknowledgement."""

from __future__ import annotations

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import Field

from wire.base import Epoch, Id, Ms, Seq, Wire
from wire.observation import GapBody, SampleBody, StateBody

BodyT = TypeVar("BodyT")


class Frame(Wire, Generic[BodyT]):
    """One row of an outbox on its way: sender, lane, epoch and sequence say which.

    Sequences start at 1 in each epoch and have no holes. ``sent_ms`` is the sender's wall clock
    at sending (for skew, never for rules).
    """

    v: Literal[1] = 1
    sender: Id
    lane: Id
    epoch: Epoch
    seq: Annotated[int, Field(ge=1, le=2**53)]
    sent_ms: Ms
    body: BodyT


class Ack(Wire):
    """Cumulative: every row of ``epoch`` up to ``seq`` is committed at the receiver.

    ``refused`` tells the sender that its epoch is older than the receiver's (``epoch``): it must
    take a newer one and number its pending rows again (FAULTS F13).
    """

    v: Literal[1] = 1
    kind: Literal["ack"] = "ack"
    lane: Id
    epoch: Epoch
    seq: Seq
    refused: bool = False


StateFrame = Frame[StateBody]
SampleFrame = Frame[Annotated[SampleBody | GapBody, Field(discriminator="kind")]]
