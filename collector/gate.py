"""What comes in over the broker: who may say what, and where it goes.

The broker's access list already separates identities; here the topic, the frame's sender and the
register are held against each other once more, so that a lying agent is refused and named even
where that list is wrong (FAULTS S3). Pure: bytes in, a verdict out; ``Refused`` says why not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import Field, TypeAdapter, ValidationError

from collector.county import County
from collector.model import (
    COMMAND,
    HISTORY,
    NOTICE,
    SAMPLE,
    STATE,
    AliveSeen,
    BirthSeen,
    Input,
    OfficeCommand,
    OfficeSeen,
    Poison,
    Received,
    Row,
    TurnedAway,
    read_body,
)
from escalation.authority import Outcome
from transport.frames import Envelope, unwrap
from transport.sign import Context, open_signed, verify
from wire.codec import Refused, decode, decode_json, explain
from wire.notice import Command, Receipt, Signed
from wire.observation import Block, GapBody, SampleBody
from wire.presence import Alive, Birth
from wire.topics import Leaf, Topics

_BIRTH: Final[TypeAdapter[Signed | Birth]] = TypeAdapter(
    Annotated[Signed | Birth, Field(discriminator="kind")]
)
_ALIVE: Final[TypeAdapter[Signed | Alive]] = TypeAdapter(
    Annotated[Signed | Alive, Field(discriminator="kind")]
)
_RECEIPT: Final = TypeAdapter(Receipt)
_COMMAND: Final = TypeAdapter(Command)
_SIGNED: Final = TypeAdapter(Signed)
_SAMPLES: Final[TypeAdapter[SampleBody | GapBody]] = TypeAdapter(SampleBody | GapBody)

T = TypeVar("T")
M = TypeVar("M", Birth, Alive)

OFFICE: Final = "office"
"""The branch of the office clients, where an agent has its operator."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """Where a payload goes: into the fold, to the courier, or nowhere.

    ``refused`` beside ``given``: the row is stepped over and its payload set aside.
    """

    given: Input | None = None
    receipt: Receipt | None = None
    refused: Refused | None = None


NOTHING: Final = Admitted()


class Gate:
    """One county's gate. ``offices`` maps office ids to the key ids that sign their receipts."""

    def __init__(
        self,
        topics: Topics,
        county: County,
        offices: Mapping[str, str],
        trusted: Mapping[str, Ed25519PublicKey],
    ) -> None:
        self.topics = topics
        self._county = county
        self._offices = offices
        self._trusted = trusted

    def serve(self, county: County) -> None:
        """Another configuration is in force from here on."""
        self._county = county

    def sender(self, topic: str) -> str:
        """Who speaks on this topic, for counting and naming."""
        leaf = self.topics.parse(topic)
        return f"{leaf.realm}/{leaf.peer}" if leaf else "?"

    def is_sample(self, topic: str) -> bool:
        return topic.endswith(f"/{SAMPLE}")

    def admit(self, topic: str, payload: bytes, *, retained: bool = False) -> Admitted:
        """Judge a payload of any leaf but the sample lane. Raises Refused."""
        leaf = self.topics.parse(topic)
        if leaf is None:
            raise Refused("unknown_topic", f"{topic} is none of ours")
        if not payload:
            return NOTHING  # a retained message was cleared
        if leaf.realm == OFFICE:
            return self._office(leaf, payload, retained=retained)
        self._enrolled(leaf)
        match leaf.leaf:
            case "state":
                return self._state(leaf, payload)
            case "birth":
                birth = self._said(leaf.peer, payload, "birth", _BIRTH)
                _same(leaf, birth.agent)
                return Admitted(BirthSeen(birth, retained))
            case "alive":
                alive = self._said(leaf.peer, payload, "alive", _ALIVE)
                _same(leaf, alive.sender)
                return Admitted(AliveSeen(alive, retained))
        raise Refused("unknown_topic", f"{topic} is none of ours")

    def samples(self, topic: str, payload: bytes) -> Envelope:
        """The frame of a sample row; its body is judged by ``blocks``. Raises Refused."""
        leaf = self.topics.parse(topic)
        if leaf is None:
            raise Refused("unknown_topic", f"{topic} is none of ours")
        self._enrolled(leaf)
        return _frame(leaf, payload, SAMPLE)

    def blocks(self, envelope: Envelope) -> tuple[tuple[Block, ...], int, GapBody | None]:
        """Samples in a row, how many rows of devices not its own were left out, or its gap.

        Raises Refused: bad_model.
        """
        try:
            body = _SAMPLES.validate_json(envelope.body)
        except ValidationError as error:
            raise Refused("bad_model", explain(error)) from error
        if isinstance(body, GapBody):
            return (), 0, body
        operator = self._county.sources[envelope.sender].operator
        kept: list[Block] = []
        left_out = 0
        for block in body.blocks:
            own = [self._county.operator_of.get(device) == operator for device in block.device]
            left_out += own.count(False)
            if all(own):
                kept.append(block)
            elif any(own):
                kept.append(_only(block, own))
        return tuple(kept), left_out, None

    def _enrolled(self, leaf: Leaf) -> None:
        source = self._county.sources.get(leaf.peer)
        if source is None:
            raise Refused("not_enrolled", f"agent {leaf.peer} is not in the register")
        if source.operator != leaf.realm:
            raise Refused(
                "lying_agent",
                f"agent {leaf.peer} is of {source.operator} and speaks as one of {leaf.realm}",
            )

    def _state(self, leaf: Leaf, payload: bytes) -> Admitted:
        envelope = _frame(leaf, payload, STATE, HISTORY)
        try:
            body = read_body(envelope.body)
        except Refused as refused:
            return Admitted(Poison(row_of(envelope), _reason(refused)), refused=refused)
        return Admitted(Received(row_of(envelope), body, envelope.body))

    def _office(self, leaf: Leaf, payload: bytes, *, retained: bool) -> Admitted:
        key = self._offices.get(leaf.peer)
        match leaf.leaf:
            case "receipt" if key is not None:
                known = {key: self._trusted[key]} if key in self._trusted else {}
                receipt, _ = open_signed(payload, "receipt", known, _RECEIPT)
                _same(leaf, receipt.office)
                if receipt.lane != NOTICE:
                    raise Refused("wrong_lane", f"no lane {receipt.lane} goes to an office")
                return Admitted(receipt=receipt)
            case "command" if key is not None:
                return self._command(leaf, payload)
            case "alive" if key is not None:
                alive = self._said(key, payload, "alive", _ALIVE)
                _same(leaf, alive.sender)
                return Admitted(OfficeSeen(leaf.peer, alive, retained))
            case "alive":
                return NOTHING  # our own, or of one that is in other settings
        raise Refused("not_enrolled", f"office {leaf.peer} is not in collector.toml")

    def _said(
        self, key: str, payload: bytes, context: Context, adapter: TypeAdapter[Signed | M]
    ) -> M:
        """What somebody says of themselves: signed, where the key ``key`` of theirs is trusted.

        Where none is, a signature says nothing and is not asked for. Raises Refused.
        """
        said = decode(adapter, payload)
        trusted = self._trusted.get(key)
        if not isinstance(said, Signed):
            if trusted is not None:
                raise Refused("unsigned", f"key {key} is trusted here and did not sign this")
            return said
        raw = said.payload.encode()
        if trusted is not None:
            raw = verify(said, context, {key: trusted})
        inside = decode_json(adapter, raw)
        if isinstance(inside, Signed):
            raise Refused("bad_model", f"a signed {context} inside a signature")
        return inside

    def _command(self, leaf: Leaf, payload: bytes) -> Admitted:
        envelope = _frame(leaf, payload, COMMAND)
        try:
            command, key = open_signed(envelope.body, "command", self._trusted, _COMMAND)
        except Refused as refused:
            return Admitted(_turned_away(envelope, refused), refused=refused)
        return Admitted(OfficeCommand(row_of(envelope), command, key))


def _turned_away(envelope: Envelope, refused: Refused) -> TurnedAway | Poison:
    """A command that can be read and answered, whoever signed it; else only stepped over."""
    row = row_of(envelope)
    if refused.reason in set(Outcome):
        try:
            signed = decode(_SIGNED, envelope.body)
            command = decode(_COMMAND, signed.payload.encode())
        except Refused:
            pass  # nobody can tell what to answer, and to which command
        else:
            return TurnedAway(row, command, signed.key, refused.reason)
    return Poison(row, _reason(refused))


def row_of(envelope: Envelope) -> Row:
    return Row(
        envelope.sender,
        envelope.lane,
        envelope.epoch,
        envelope.seq,
        envelope.check,
        *envelope.was,
        envelope.after,
    )


def _frame(leaf: Leaf, payload: bytes, *lanes: str) -> Envelope:
    envelope = unwrap(payload)
    _same(leaf, envelope.sender)
    if envelope.lane not in lanes:
        raise Refused("wrong_lane", f"a row of lane {envelope.lane} on the topic of {lanes[0]}")
    return envelope


def _same(leaf: Leaf, sender: str) -> None:
    if sender != leaf.peer:
        raise Refused("lying_agent", f"{leaf.peer} speaks as {sender}")


def _reason(refused: Refused) -> str:
    return f"{refused.reason}: {refused}"[:500]


def _only(block: Block, own: list[bool]) -> Block:
    """The rows of a block that ``own`` marks."""

    def of(column: tuple[T, ...]) -> tuple[T, ...]:
        return tuple(value for value, keep in zip(column, own, strict=True) if keep)

    return Block.model_construct(
        profile=block.profile,
        metrics=block.metrics,
        device=of(block.device),
        instance=of(block.instance),
        at_ms=of(block.at_ms),
        columns=tuple(of(column) for column in block.columns),
    )
