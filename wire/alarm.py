"""A technician's signed word on alarms: acknowledge, note, assign (RFC 8632 operator states).

It travels as ``Signed`` with the context ``alarm_action``. It changes who cares for an alarm,
never the alarm: raising and clearing are the collector's alone.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from wire.base import Id, Ms, Wire

AlarmKey = Annotated[str, Field(min_length=1, max_length=300)]
"""Resource, type and qualifier of an alarm as one text."""


class AlarmVerb(StrEnum):
    """What a technician can say of an alarm."""

    ACK = "ack"
    UNACK = "unack"
    NOTE = "note"
    ASSIGN = "assign"


class AlarmAction(Wire):
    """One word of ``account`` on up to 500 alarms; ``assignee`` (an account) only to assign."""

    kind: Literal["alarm_action"] = "alarm_action"
    id: Id
    county: Id
    tree: Id
    account: Id
    verb: AlarmVerb
    alarms: Annotated[tuple[AlarmKey, ...], Field(min_length=1, max_length=500)]
    text: Annotated[str, Field(max_length=2000)] = ""
    assignee: Id | None = None
    at_ms: Ms
