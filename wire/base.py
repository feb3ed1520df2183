"""What all wire models share: strictness, ids, stamps."""

from __future__ import annotations

from typing import Annotated, NewType

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
"""One MQTT topic level, one file name, one word on a terminal."""

_Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]

AgentId = NewType("AgentId", str)
DeviceId = NewType("DeviceId", str)
SiteId = NewType("SiteId", str)
OperatorId = NewType("OperatorId", str)
TownCode = NewType("TownCode", str)
SystemId = NewType("SystemId", str)
OfficeId = NewType("OfficeId", str)
AccountId = NewType("AccountId", str)
KeyId = NewType("KeyId", str)

Id = _Id
"""An id field of a model; narrow it with one of the NewTypes above in signatures."""

Ms = Annotated[int, Field(ge=0, le=253_402_300_799_999)]
"""Milliseconds since 1970-01-01 UTC, up to the year 9999."""

Epoch = Annotated[int, Field(ge=0, le=2**53)]
Seq = Annotated[int, Field(ge=0, le=2**53)]

Tally = Annotated[int, Field(ge=0, le=2**53)]
"""A count, or a duration that nobody waits for; JSON integers have no bound of their own."""

Span = Annotated[int, Field(gt=0, le=400 * 86_400_000)]
"""Milliseconds between two signs of life or rounds: up to 400 days."""

Number = float | Annotated[int, Field(ge=-(2**63), lt=2**64)] | None
"""A measured value; an integer is one of 64 bits (Counter64 is the widest that SNMP has)."""


class Wire(BaseModel):
    """Base of every model on the wire: strict, frozen, closed, finite."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", allow_inf_nan=False, ser_json_inf_nan="null"
    )
