"""A person's signed word on alarms: acknowledge, note, assign, close, shelve, purge (RFC 8632).

It travels as ``Signed`` with the context ``alarm_action``, or inside an office's ``Command``. It
changes who cares for an alarm and who is told of it, never the alarm: raising and clearing are the
collector's alone.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from wire.base import Id, Ms, Wire
from wire.maintenance import Window

AlarmKey = Annotated[str, Field(min_length=1, max_length=300)]
"""Resource, type and qualifier of an alarm as one text."""


class AlarmVerb(StrEnum):
    """What a person can say of alarms; the last two of a maintenance window (维护窗口)."""

    ACK = "ack"
    UNACK = "unack"
    NOTE = "note"
    ASSIGN = "assign"
    CLOSE = "close"
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    PURGE = "purge"
    MAINTAIN = "maintain"
    END = "end"


HUSHING: Final = frozenset(
    {AlarmVerb.SHELVE, AlarmVerb.UNSHELVE, AlarmVerb.PURGE, AlarmVerb.MAINTAIN, AlarmVerb.END}
)
"""Words that hide or forget something: for those roles alone that the policy names."""

OPTIONAL: Final = ("name", "valid_s", "older_s", "window", "target")


class AlarmAction(Wire):
    """One word of ``account`` on up to 500 alarms; ``assignee`` (an account) only to assign.

    To shelve needs a ``name`` and its reason in ``text``, for ``valid_s`` (None: as the policy
    says). Purge takes the cleared among ``alarms``, or all that were cleared ``older_s`` ago.
    Maintain enters ``window``; end is of the window ``target``. What says nothing is not written,
    so that other words are the same to older readers.
    """

    kind: Literal["alarm_action"] = "alarm_action"
    id: Id
    county: Id
    tree: Id
    account: Id
    verb: AlarmVerb
    alarms: Annotated[tuple[AlarmKey, ...], Field(max_length=500)]
    text: Annotated[str, Field(max_length=2000)] = ""
    assignee: Id | None = None
    name: Annotated[str, Field(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    valid_s: Annotated[int, Field(ge=60, le=31_536_000)] | None = None
    older_s: Annotated[int, Field(ge=0, le=31_536_000)] | None = None
    window: Window | None = None
    target: Id | None = None
    at_ms: Ms

    @model_validator(mode="after")
    def _fits(self) -> Self:
        verb = self.verb
        if (self.window is not None) is not (verb is AlarmVerb.MAINTAIN):
            raise ValueError("maintain says a window, and no other word does")
        if (self.target is not None) is not (verb is AlarmVerb.END):
            raise ValueError("end names the window, and no other word does")
        of_windows = verb in {AlarmVerb.MAINTAIN, AlarmVerb.END}
        by_age = verb is AlarmVerb.PURGE and self.older_s is not None
        if bool(self.alarms) is (of_windows or by_age):
            raise ValueError(
                "应写明告警编号，清理也可用 --older / "
                "a word is on alarms, on a window, or on what was cleared long ago"
            )
        if self.older_s is not None and verb is not AlarmVerb.PURGE:
            raise ValueError("only purge has an age")
        shelving = verb is AlarmVerb.SHELVE
        if shelving and not (self.name.strip() and self.text.strip()):
            raise ValueError("搁置应写明名称和理由 / a shelf has a name and a reason")
        if not shelving and (self.name or self.valid_s is not None):
            raise ValueError("only a shelf has a name and a term")
        return self

    @model_serializer(mode="wrap")
    def _written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        said: dict[str, Any] = write(self)
        return {k: v for k, v in said.items() if k not in OPTIONAL or v not in (None, "")}
