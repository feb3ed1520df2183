"""What can happen to the World: its inputs, and how they are kept in the store.

Every input that changes the World is one of these, in one order; the World is their fold. All
stamps of arrival are domain milliseconds given by the shell.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter, ValidationError

from wire.alarm import AlarmAction
from wire.base import Epoch, Id, Wire
from wire.codec import Refused, explain
from wire.frame import Token
from wire.notice import Command
from wire.observation import StateBody
from wire.presence import Alive, Birth


class InputKind(StrEnum):
    """The ``kind`` column of the input table."""

    RECEIVED = "received"
    POISON = "poison"
    BIRTH = "birth"
    ALIVE = "alive"
    OFFICE = "office"
    COMMAND = "command"
    TURNED_AWAY = "turned_away"
    RECEIPT = "receipt"
    ALARM_SAID = "alarm_said"
    STARTED = "started"
    CONFIG = "config"
    RESUMED = "resumed"
    HELD = "held"
    CAP = "cap"
    TICK = "tick"


@dataclass(frozen=True, slots=True)
class Row:
    """Which row of which peer's lane an input came in; ``check`` is the row's token.

    A row of lane ``history`` was written as row ``was_seq`` of epoch ``was_epoch`` of ``state``.
    ``after`` (the token of the row before) decides whether the row is news; what is no news is not
    kept, and so it is not kept either.
    """

    sender: str
    lane: str
    epoch: int
    seq: int
    check: int = 0
    was_epoch: int = 0
    was_seq: int = 0
    after: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Received:
    """A row of an agent's state lane. ``raw`` is the JSON of ``body`` as it came."""

    row: Row
    body: StateBody
    raw: bytes = field(default=b"", repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Poison:
    """A row whose header is sound and whose body is not: set aside, counted, stepped over.

    Refusing it for ever would hold up everything behind it (nothing lost: the shell has it).
    """

    row: Row
    reason: str


@dataclass(frozen=True, slots=True)
class BirthSeen:
    """``retained``: the broker's copy, said to whoever subscribes: nobody knows since when."""

    birth: Birth
    retained: bool = False


@dataclass(frozen=True, slots=True)
class AliveSeen:
    """An agent's presence, or its Last Will when ``alive.online`` is false."""

    alive: Alive
    retained: bool = False


@dataclass(frozen=True, slots=True)
class OfficeSeen:
    """An office client's presence, whose signature the shell has verified, or its Last Will."""

    office: str
    alive: Alive
    retained: bool = False


@dataclass(frozen=True, slots=True)
class OfficeCommand:
    """A person's command whose signature by ``key`` was verified by the shell."""

    row: Row
    command: Command
    key: str


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """An office's command whose signature is not of a key that we trust.

    ``key`` is the key that it names; ``reason``, of ``escalation.authority.Outcome``, says why.
    """

    row: Row
    command: Command
    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Receipted:
    """An office client's signed word that it has the notices up to ``seq`` (of ``epoch``)."""

    office: str
    epoch: int
    seq: int


@dataclass(frozen=True, slots=True)
class Held:
    """An office's signed word that it holds notices up to ``number``, warnings up to ``warning``.

    Of no office: none has spoken in time since the start, so that nothing waits for it any more.
    """

    office: str = ""
    number: int = 0
    warning: str = ""


@dataclass(frozen=True, slots=True)
class CapSaid:
    """A message of a feed of warnings as it came, not looked at yet (``escalation.cap``)."""

    feed: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class AlarmSaid:
    """A technician's word on alarms whose signature by ``key`` was verified by the shell."""

    action: AlarmAction
    key: str


@dataclass(frozen=True, slots=True)
class Started:
    """This process began to look: silence and delays count from here (FAULTS F17).

    ``losses`` say what of the World could not be brought back, ``anew`` where what no World could
    be made from is kept now: inputs up to number ``upto``. ``ask``: notices may have been numbered
    that the store does not know, so that what the offices hold is heard first (``Held``);
    ``wait``: until then nothing is numbered (``collector.past``).
    """

    session: int
    version: str = ""
    losses: tuple[str, ...] = ()
    anew: str = ""
    upto: int = 0
    ask: bool = False
    wait: bool = False


@dataclass(frozen=True, slots=True)
class Resumed:
    """This process did not run for so many real ms: what was said meanwhile is on its way (F17)."""

    paused_ms: int


@dataclass(frozen=True, slots=True)
class Reconfigured:
    """Another configuration is in force from here on; the store keeps it under its hash.

    Where somebody signed for it: who made and who approved it, why, and how many rule stories
    were told to it and went otherwise.
    ``pin``: an open warning keeps the rules that it was judged by; ``whole``: an open incident
    does too, and profiles are of the rules (journals of before have neither).
    """

    config_hash: str
    account: str = ""
    approved: str = ""
    reason: str = ""
    stories: int = 0
    failed: int = 0
    pin: bool = False
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Tick:
    """The end of a turn: what is due falls due, and the county is assessed once."""


Input = (
    Received
    | Poison
    | BirthSeen
    | AliveSeen
    | OfficeSeen
    | OfficeCommand
    | TurnedAway
    | Receipted
    | Held
    | CapSaid
    | AlarmSaid
    | Started
    | Resumed
    | Reconfigured
    | Tick
)


class _Row(Wire):
    sender: Id
    lane: Id
    epoch: Epoch
    seq: Epoch
    check: Token = 0
    was_epoch: Epoch = 0
    was_seq: Epoch = 0


class _Poison(_Row):
    reason: Annotated[str, Field(max_length=500)]


class _Command(_Row):
    key: Id
    command: Command


class _TurnedAway(_Command):
    reason: Id


class _Receipt(Wire):
    office: Id
    epoch: Epoch
    seq: Epoch


class _OfficeSeen(Wire):
    office: Id
    alive: Alive
    retained: bool = False


class _Held(Wire):
    office: str
    number: Epoch
    warning: str


class _AlarmSaid(Wire):
    key: Id
    action: AlarmAction


class _Started(Wire):
    session: int
    version: str = ""
    losses: tuple[str, ...] = ()
    anew: str = ""
    upto: int = 0
    ask: bool = False
    wait: bool = False


class _Resumed(Wire):
    paused_ms: int


class _Config(Wire):
    config_hash: str
    account: str = ""
    approved: str = ""
    reason: str = ""
    stories: int = 0
    failed: int = 0
    pin: bool = False
    whole: bool = False


_RETAINED: Final = b"\nretained"

STATE_BODY: Final = TypeAdapter(StateBody)
_CUT: Final = b"\n"
"""Between a row's header and its body; neither has a line feed (JSON escapes it)."""


def read_body(raw: bytes) -> StateBody:
    """The state rows in ``raw`` JSON. Raises Refused with the first faults named (F30)."""
    try:
        return STATE_BODY.validate_json(raw)
    except ValidationError as error:
        raise Refused("bad_model", explain(error)) from error


def _row(row: Row) -> dict[str, str | int]:
    origin = {"was_epoch": row.was_epoch, "was_seq": row.was_seq} if row.was_epoch else {}
    return {
        "sender": row.sender,
        "lane": row.lane,
        "epoch": row.epoch,
        "seq": row.seq,
        "check": row.check,
        **origin,
    }


def _to_row(model: _Row) -> Row:
    return Row(
        model.sender,
        model.lane,
        model.epoch,
        model.seq,
        model.check,
        model.was_epoch,
        model.was_seq,
    )


def encode_input(given: Input) -> tuple[InputKind, bytes]:  # noqa: C901, PLR0911, PLR0912  one line per kind
    """The row of the input table that ``decode_input`` reads back."""
    match given:
        case Received(row, body, raw):
            # A line feed between tokens is legal JSON, inside a string it never stands bare.
            body_json = (raw or STATE_BODY.dump_json(body)).replace(b"\n", b" ")
            head = _Row.model_validate(_row(row)).model_dump_json(exclude_unset=True).encode()
            return InputKind.RECEIVED, head + _CUT + body_json
        case Poison(row, reason):
            poison = _Poison.model_validate({**_row(row), "reason": reason[:500]})
            return InputKind.POISON, poison.model_dump_json().encode()
        case BirthSeen(birth, retained):
            return InputKind.BIRTH, birth.model_dump_json().encode() + _RETAINED * retained
        case AliveSeen(alive, retained):
            return InputKind.ALIVE, alive.model_dump_json().encode() + _RETAINED * retained
        case OfficeSeen(office, alive, retained):
            seen = _OfficeSeen(office=office, alive=alive, retained=retained)
            return InputKind.OFFICE, seen.model_dump_json(exclude_defaults=True).encode()
        case OfficeCommand(row, command, key):
            model = _Command.model_validate({**_row(row), "key": key, "command": command})
            return InputKind.COMMAND, model.model_dump_json().encode()
        case TurnedAway(row, command, key, reason):
            fields = {**_row(row), "key": key, "command": command, "reason": reason}
            away = _TurnedAway.model_validate(fields)
            return InputKind.TURNED_AWAY, away.model_dump_json().encode()
        case Receipted(office, epoch, seq):
            receipt = _Receipt(office=office, epoch=epoch, seq=seq)
            return InputKind.RECEIPT, receipt.model_dump_json().encode()
        case AlarmSaid(action, key):
            word = _AlarmSaid(key=key, action=action)
            return InputKind.ALARM_SAID, word.model_dump_json().encode()
        case Started():
            started = _Started(**asdict(given)).model_dump_json(exclude_defaults=True)
            return InputKind.STARTED, started.encode()
        case CapSaid(feed, raw):
            return InputKind.CAP, feed.encode() + _CUT + raw
        case Held():
            return InputKind.HELD, _Held(**asdict(given)).model_dump_json().encode()
        case Resumed(paused_ms):
            return InputKind.RESUMED, _Resumed(paused_ms=paused_ms).model_dump_json().encode()
        case Reconfigured():
            config = _Config(**asdict(given)).model_dump_json(exclude_defaults=True)
            return InputKind.CONFIG, config.encode()
        case Tick():
            return InputKind.TICK, b""


def decode_input(kind: str, blob: bytes) -> Input:  # noqa: C901, PLR0911, PLR0912  one line per kind
    """The input in a row of the input table. Raises ValueError when it is none of ours."""
    match InputKind(kind):
        case InputKind.RECEIVED:
            head, _, body = blob.partition(_CUT)
            return Received(_to_row(_Row.model_validate_json(head)), read_body(body), body)
        case InputKind.POISON:
            poison = _Poison.model_validate_json(blob)
            return Poison(_to_row(poison), poison.reason)
        case InputKind.BIRTH:
            said, _, copy = blob.partition(_CUT)
            return BirthSeen(Birth.model_validate_json(said), bool(copy))
        case InputKind.ALIVE:
            said, _, copy = blob.partition(_CUT)
            return AliveSeen(Alive.model_validate_json(said), bool(copy))
        case InputKind.OFFICE:
            seen = _OfficeSeen.model_validate_json(blob)
            return OfficeSeen(seen.office, seen.alive, seen.retained)
        case InputKind.COMMAND:
            model = _Command.model_validate_json(blob)
            return OfficeCommand(_to_row(model), model.command, model.key)
        case InputKind.TURNED_AWAY:
            away = _TurnedAway.model_validate_json(blob)
            return TurnedAway(_to_row(away), away.command, away.key, away.reason)
        case InputKind.RECEIPT:
            receipt = _Receipt.model_validate_json(blob)
            return Receipted(receipt.office, receipt.epoch, receipt.seq)
        case InputKind.ALARM_SAID:
            word = _AlarmSaid.model_validate_json(blob)
            return AlarmSaid(word.action, word.key)
        case InputKind.STARTED:
            return Started(**_Started.model_validate_json(blob).model_dump())
        case InputKind.CAP:
            feed, _, raw = blob.partition(_CUT)
            return CapSaid(feed.decode(), raw)
        case InputKind.HELD:
            return Held(**_Held.model_validate_json(blob).model_dump())
        case InputKind.RESUMED:
            return Resumed(_Resumed.model_validate_json(blob).paused_ms)
        case InputKind.CONFIG:
            return Reconfigured(**_Config.model_validate_json(blob).model_dump())
        case InputKind.TICK:
            return Tick()


def decode_row(blob: bytes) -> Row | None:
    """Which row an input came in, though the rest of it cannot be read; None: in none."""
    head = blob.partition(_CUT)[0]
    try:
        found = json.loads(head)
        return _to_row(
            _Row.model_validate({name: found[name] for name in _Row.model_fields if name in found})
        )
    except (ValueError, LookupError, TypeError):
        return None


Lane = Literal["state", "history", "sample", "notice", "command"]
STATE: Final[Lane] = "state"
HISTORY: Final[Lane] = "history"
SAMPLE: Final[Lane] = "sample"
NOTICE: Final[Lane] = "notice"
COMMAND: Final[Lane] = "command"
