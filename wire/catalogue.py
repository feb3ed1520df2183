"""Every topic and every payload there is, as one table: for schemas, the manual and the tests.

A topic is written below the base ``wanglou/1/{tree}/{county}`` with its variable levels in braces.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter

from wire.alarm import AlarmAction
from wire.frame import Ack, Frame, SampleFrame, StateFrame
from wire.notice import Command, Notice, Receipt, Signed
from wire.presence import Alive, Birth, Heartbeat
from wire.request import LookRequest
from wire.view import (
    CountyIndex,
    DeviceView,
    IndexPage,
    OpenWarning,
    OperatorIndex,
    OperatorSummary,
    SiteView,
    WarningIndex,
)

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True)
class Payload:
    """A payload's model by its schema's name."""

    name: str
    model: Any
    says: str


@dataclass(frozen=True, slots=True)
class TopicLine:
    """A topic: what stands on it, who writes and who reads it by the shipped access list.

    ``inside`` names the payload within the signed envelope.
    """

    topic: str
    payload: str
    writer: str
    readers: tuple[str, ...]
    retained: bool = False
    inside: str = ""


PAYLOADS: Final = {
    one.name: one
    for one in (
        Payload("state-frame", StateFrame, "a row of an agent's state lane"),
        Payload("sample-frame", SampleFrame, "a row of an agent's sample lane"),
        Payload("ack", Ack, "how far a lane's rows are committed"),
        Payload("look-request", LookRequest, "a wish to look at devices at once"),
        Payload("birth", Birth, "what an agent looks at, at each connection"),
        Payload("alive", Alive, "presence; its Last Will says offline"),
        Payload("signed", Signed, "an Ed25519 signature around a payload"),
        Payload("heartbeat", Heartbeat, "the collector's sign of life, signed"),
        Payload("notice-frame", Frame[Signed], "a row of the notice lane: a signed notice"),
        Payload("notice", Notice, "one notice to one recipient, signed"),
        Payload("receipt", Receipt, "how far an office has its notices, signed"),
        Payload("command-frame", Frame[Signed], "a row of the command lane: a signed command"),
        Payload("command", Command, "a person's order, signed"),
        Payload("alarm-action", AlarmAction, "a technician's word on alarms, signed; by the pages"),
        Payload("county-index", CountyIndex, "operators and totals"),
        Payload("operator-index", OperatorIndex, "how much there is, how fresh, which revision"),
        Payload("index-page", IndexPage, "ids that have a topic"),
        Payload("operator-summary", OperatorSummary, "one operator's network in figures"),
        Payload("site-view", SiteView, "one site"),
        Payload("device-view", DeviceView, "one device, where disclosed"),
        Payload("open-warning", OpenWarning, "the open warning, or that there is none"),
        Payload("warning-index", WarningIndex, "which warnings are open"),
    )
}

AGENT: Final = "agent"
COLLECTOR: Final = "collector"
OFFICE: Final = "office"
OPERATOR: Final = "operator"
"""Who takes part: an agent, the collector, an office client, a reader of one operator's."""

TOPICS: Final = tuple(
    TopicLine(*line)
    for line in (
        ("{operator}/{agent}/state", "state-frame", AGENT, (COLLECTOR,)),
        ("{operator}/{agent}/sample", "sample-frame", AGENT, (COLLECTOR,)),
        ("{operator}/{agent}/birth", "birth", AGENT, (COLLECTOR,), True),
        ("{operator}/{agent}/alive", "alive", AGENT, (COLLECTOR,), True),
        ("{operator}/{agent}/ack", "ack", COLLECTOR, (AGENT,)),
        ("{operator}/{agent}/request", "look-request", COLLECTOR, (AGENT,)),
        ("office/{office}/notice", "notice-frame", COLLECTOR, (OFFICE,), False, "notice"),
        ("office/{office}/receipt", "signed", OFFICE, (COLLECTOR,), False, "receipt"),
        ("office/{office}/command", "command-frame", OFFICE, (COLLECTOR,), False, "command"),
        ("office/{office}/ack", "ack", COLLECTOR, (OFFICE,)),
        ("office/{office}/alive", "alive", OFFICE, (COLLECTOR,), True),
        ("office/collector/alive", "alive", COLLECTOR, (COLLECTOR,), True),
        ("office/heartbeat", "signed", COLLECTOR, (OFFICE,), True, "heartbeat"),
        ("view/index", "county-index", COLLECTOR, (OPERATOR, OFFICE), True),
        ("view/{operator}/index", "operator-index", COLLECTOR, (OPERATOR, OFFICE), True),
        (
            "view/{operator}/index/{page}",
            "index-page",
            COLLECTOR,
            (OPERATOR, OFFICE, COLLECTOR),
            True,
        ),
        ("view/{operator}/summary", "operator-summary", COLLECTOR, (OPERATOR, OFFICE), True),
        ("view/{operator}/sites/{site}", "site-view", COLLECTOR, (OPERATOR, OFFICE), True),
        ("view/{operator}/devices/{device}", "device-view", COLLECTOR, (OPERATOR, OFFICE), True),
        ("warning/open", "open-warning", COLLECTOR, (OFFICE,), True),
        ("warning/index", "warning-index", COLLECTOR, (OFFICE,), True),
    )
)


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema of a payload, made from its model. Raises KeyError."""
    payload = PAYLOADS[name]
    made: dict[str, Any] = TypeAdapter(payload.model).json_schema()
    head = {"$schema": DIALECT, "$id": f"urn:wanglou:1:{name}", "title": name}
    return {**head, **{key: value for key, value in made.items() if key != "title"}}


def topics_of(name: str) -> tuple[str, ...]:
    """The topics on which a payload stands, alone, in a frame or signed."""
    return tuple(line.topic for line in TOPICS if name in {line.payload, line.inside})
