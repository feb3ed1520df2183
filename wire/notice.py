"""Notices to the office, their receipts, and people's commands; all of them signed.

A notice is one message to one recipient that must be receipted by a machine and acknowledged by
a person (PLAN section 1). The text is for people, the machine fields beside it say everything
the text was made from: inputs, rules, clauses, policy lines, evidence.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from wire.alarm import AlarmAction
from wire.base import Epoch, Id, Ms, Seq, Wire

Text = Annotated[str, Field(max_length=8000)]
Line = Annotated[str, Field(max_length=500)]


class NoticeKind(StrEnum):
    """The closed list of notice kinds (DESIGN "Notice kinds")."""

    HEALTH = "health"
    INCIDENT = "incident"
    WARNING_DRAFT = "warning_draft"
    LEVEL_DRAFT = "level_draft"
    DECISION = "decision"
    REMINDER = "reminder"
    RECOVERY = "recovery"
    TASK = "task"


class Bilingual(Wire):
    """Chinese first, English beside it."""

    zh: Text
    en: Text


def spoken(said: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    """``said`` without those of ``names`` that say nothing: the same to older readers."""
    return {name: value for name, value in said.items() if value or name not in names}


class PowerFact(Wire):
    """A site without mains since ``lost_ms``, and when it goes dark.

    ``dark_ms`` is the best guess, ``low_ms`` and ``high_ms`` its interval; null where nobody can
    say. ``ground``: ups (it says so), slope (of the voltage, over ``over_s`` seconds), capacity
    (the last known), fuel (of its generator). ``generator``: one runs. ``keys`` and ``people``:
    key units and users that go dark with it, those behind it included.
    """

    lost_ms: Ms
    dark_ms: Ms | None = None
    low_ms: Ms | None = None
    high_ms: Ms | None = None
    ground: Id | None = None
    over_s: Annotated[int, Field(ge=0)] = 0
    generator: bool = False
    keys: Annotated[int, Field(ge=0)] = 0
    people: Annotated[int, Field(ge=0)] = 0


class SiteFact(Wire):
    """One site in a notice's evidence. ``state``: out, at_risk, unknown, ok.

    ``power`` is written only where the mains are lost.
    """

    site: Id
    name: Line
    operator: Id
    town: Id
    state: Id
    since_ms: Ms
    cause: Line = ""
    key_unit: bool = False
    power: PowerFact | None = None

    @model_serializer(mode="wrap")
    def _written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return spoken(write(self), ("power",))


class DeviceFact(Wire):
    """One device that is out of order.

    ``state``: down, flapping, snmp_fault, hidden, unknown, alarm. ``refused``: for an snmp_fault
    that is a refusal, why (a key of wire.reasons.REASONS, or "refused").
    """

    device: Id
    name: Line
    site: Id
    operator: Id
    state: Id
    since_ms: Ms
    cause: Line = ""
    refused: Id | None = None


class PolicyLine(Wire):
    """One of our own numbers that took part, with its ground (thresholds.yaml ``src``)."""

    path: Line
    value: Line
    src: Line


class Projected(Wire):
    """What is likely to come: the same function on what will be dark, and on threats (PLAN 2).

    ``operators`` and ``systems`` hold those that would be worse than now. ``at_ms`` is when this
    scenario and level are first reached (with its interval), null where no battery decides it:
    a threat, or nobody knows; ``by_then`` are those of them hit at that moment, the others come
    after it, within the horizon. ``sites`` go dark by themselves, ``behind`` with them; ``threats``
    are the ids of those counted.
    """

    warning: Id
    level: Id
    spread: Id
    operators: dict[Id, Id]
    systems: dict[Id, Id]
    by_then: tuple[Id, ...] = ()
    at_ms: Ms | None = None
    low_ms: Ms | None = None
    high_ms: Ms | None = None
    sites: Annotated[int, Field(ge=0)] = 0
    behind: Annotated[int, Field(ge=0)] = 0
    threats: tuple[Id, ...] = ()
    rules: tuple[Id, ...] = ()
    clauses: tuple[Line, ...] = ()


class Verdict(Wire):
    """What the decision function said, and on which inputs (PLAN section 2).

    ``projected`` is written only where more is likely to come than is observed.

    States are none, partial, full, unknown or absent; spread is no, yes or unknown. The scenario
    and level ids come from the plan file; ``none`` stands for nothing.
    """

    operators: dict[Id, Id]
    systems: dict[Id, Id]
    spread: Id
    warning: Id
    level: Id
    warning_range: tuple[Id, Id]
    level_range: tuple[Id, Id]
    pending: bool
    literal_warning: bool
    literal_level: bool
    rules: tuple[Id, ...]
    clauses: tuple[Line, ...]
    projected: Projected | None = None

    @model_serializer(mode="wrap")
    def _written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return spoken(write(self), ("projected",))


class Verb(StrEnum):
    """What a person at the office can order (PLAN section 5)."""

    ACK = "ack"
    PROPOSE = "propose"
    ISSUE = "issue"
    WITHDRAW = "withdraw"
    LIFT = "lift"
    ADOPT = "adopt"
    ATTEST = "attest"
    FACT = "fact"
    THREAT = "threat"
    ALARM = "alarm"


STATING: Final = frozenset({Verb.ATTEST, Verb.FACT, Verb.THREAT})
"""Orders that state something, with its source and term; of no warning."""

DAY_S: Final = 86_400


class ThreatWord(Wire):
    """What may hit the county from outside: what it is, and what of the county it may hit.

    ``towns`` are hit in the networks of ``operators``, or of all where none is named.
    ``from_ms``: when it begins (null: now).
    """

    what: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
    operators: Annotated[tuple[Id, ...], Field(max_length=50)] = ()
    systems: Annotated[tuple[Id, ...], Field(max_length=500)] = ()
    towns: Annotated[tuple[Id, ...], Field(max_length=500)] = ()
    spread: bool = False
    from_ms: Ms | None = None

    @model_validator(mode="after")
    def _hits(self) -> Self:
        if not (self.operators or self.systems or self.towns):
            raise ValueError(
                "外部威胁应写明可能影响的企业、系统或乡镇 / "
                "a threat names operators, systems or towns that it may hit"
            )
        return self


class Attested(StrEnum):
    """What a person says of an operator or a system that nobody sees; or takes back."""

    NONE = "none"
    PARTIAL = "partial"
    FULL = "full"
    WITHDRAWN = "withdrawn"


class Decision(Wire):
    """What became of a person's command (notice kind ``decision``).

    ``outcome`` is ``accepted`` or the reason of the refusal in one word; ``state`` is the
    warning's state afterwards, ``none`` when the command was about no warning.
    """

    command: Id
    account: Id
    verb: Verb
    target: Id
    accepted: bool
    outcome: Id
    state: Id


class AwaitingFact(Wire):
    """A notice that nobody has acknowledged since ``since_ms`` (notice kind ``reminder``)."""

    notice: Id
    notice_kind: NoticeKind
    since_ms: Ms


class Notice(Wire):
    """One notice to one recipient.

    ``number`` rises by one per county and is inside the signature: the office refuses a number
    that it has (replay) and names the hole when one is missing (FAULTS S6). ``text`` has three
    lines first: what happened, what is not known, what to do now.
    """

    kind: Literal["notice"] = "notice"
    id: Id
    number: Annotated[int, Field(ge=1)]
    county: Id
    tree: Id
    notice_kind: NoticeKind
    at_ms: Ms
    recipient: Id
    warning_id: Id | None = None
    subject: Bilingual
    text: Bilingual
    verdict: Verdict | None = None
    decision: Decision | None = None
    awaiting: Annotated[tuple[AwaitingFact, ...], Field(max_length=100)] = ()
    sites: Annotated[tuple[SiteFact, ...], Field(max_length=5000)] = ()
    devices: Annotated[tuple[DeviceFact, ...], Field(max_length=5000)] = ()
    policy: tuple[PolicyLine, ...] = ()
    evidence: tuple[Line, ...] = ()
    config_hash: Annotated[str, Field(max_length=64)] = ""


class Receipt(Wire):
    """The office client's signed word that it verified and stored rows up to ``seq``.

    The fields beside these are those of ``wire.frame.Ack``. ``number`` and ``warning`` (the newest
    of each that it holds) are said, and written at all, only where the county's heartbeat has not
    come as far: its store was lost, or an old copy was put back (FAULTS F21).
    """

    kind: Literal["receipt"] = "receipt"
    office: Id
    lane: Id
    epoch: Epoch
    seq: Seq
    refused: bool = False
    again: bool = False
    check: Annotated[int, Field(ge=0, lt=2**32)] = 0
    store: Epoch = 0
    at_ms: Ms
    number: Annotated[int, Field(ge=0, le=2**53)] = 0
    warning: Id | None = None

    @model_serializer(mode="wrap")
    def _written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return spoken(write(self), HELD_FIELDS)


HELD_FIELDS: Final = ("number", "warning")
ATTESTED_FIELDS: Final = ("state", "source", "valid_s", "threat", "projected", "word")


class Command(Wire):
    """A person's signed command. ``target``: a notice (ack), a warning, or what is stated.

    Attest and fact alone have ``state``: of the operator or information system ``target`` (a word
    of ``Attested``), or the value of the plan's fact ``target`` (``yes``, ``no``, a level);
    ``withdrawn`` takes it back. ``source`` is who said so, ``valid_s`` seconds from the signing
    (None: as the policy says). A threat (``target``: its id) says of ``threat`` to what degree:
    partial or full. ``projected``: the projected scenario and level are proposed. ``word`` is a
    word on alarms or maintenance windows (of ``target``), the same person's. All written only
    where they say something, so that other orders are the same to older readers.
    """

    kind: Literal["command"] = "command"
    id: Id
    county: Id
    tree: Id
    account: Id
    verb: Verb
    target: Id
    reason: Annotated[str, Field(max_length=2000)] = ""
    state: Id | None = None
    source: Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    valid_s: Annotated[int, Field(ge=60, le=7 * DAY_S)] | None = None
    threat: ThreatWord | None = None
    projected: bool = False
    word: AlarmAction | None = None
    at_ms: Ms

    @model_validator(mode="after")
    def _worded(self) -> Self:
        word = self.word
        if (word is not None) is not (self.verb is Verb.ALARM):
            raise ValueError("a word on alarms goes with the order alarm, and with no other")
        if word is not None and (word.id, word.account, word.county, word.tree) != (
            self.id,
            self.account,
            self.county,
            self.tree,
        ):
            raise ValueError("a word on alarms is of the order's own id, person and county")
        return self

    @model_validator(mode="after")
    def _attested(self) -> Self:
        if (self.state is not None) is not (self.verb in STATING):
            raise ValueError("attest and fact say a state, and no other order does")
        if self.verb is Verb.ATTEST and self.state not in set(Attested):
            raise ValueError(f"an attested state is one of {', '.join(Attested)}")
        if self.verb is not Verb.THREAT and (self.valid_s or 0) > DAY_S:
            raise ValueError(
                "登记的有效期最长一天 / what a person attests or judges holds for a day at most"
            )
        threatens = self.verb is Verb.THREAT and self.state != Attested.WITHDRAWN
        if (self.threat is not None) is not threatens:
            raise ValueError("a threat says what it may hit, and no other order does")
        if threatens and self.state not in {Attested.PARTIAL, Attested.FULL}:
            raise ValueError("a threat's degree is partial or full")
        if self.projected and self.verb is not Verb.PROPOSE:
            raise ValueError("only a proposal can be of what is projected")
        said = self.state is not None and self.state != Attested.WITHDRAWN
        if said and not self.source.strip():
            raise ValueError(
                "登记应写明依据（--source） / what a person states has a source: who said so"
            )
        if not said and (self.valid_s is not None or (self.source and self.state is None)):
            raise ValueError("only what a person states has a source and a term")
        return self

    @model_serializer(mode="wrap")
    def _written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return spoken(write(self), ATTESTED_FIELDS)


class Signed(Wire):
    r"""A payload and its Ed25519 signature by the key ``key``.

    The signature covers ``b"wanglou/1/" + context + b"\n" + payload`` in UTF-8, where the
    context is the payload's kind, so that a receipt can never pass for a command.
    """

    kind: Literal["signed"] = "signed"
    context: Literal[
        "notice", "receipt", "command", "heartbeat", "alarm_action", "birth", "alive", "rules"
    ]
    key: Id
    sig: Annotated[str, Field(max_length=128)]
    payload: Annotated[str, Field(max_length=1_000_000)]
