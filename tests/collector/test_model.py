from __future__ import annotations

import pytest

from collector.model import (
    AlarmSaid,
    AliveSeen,
    BirthSeen,
    Input,
    OfficeCommand,
    Poison,
    Receipted,
    Received,
    Reconfigured,
    Row,
    Started,
    Tick,
    TurnedAway,
    decode_input,
    encode_input,
    read_body,
)
from wire.alarm import AlarmAction, AlarmVerb
from wire.codec import Refused
from wire.notice import Command, Verb
from wire.observation import Look, Method, Outcome, Reading, StateBody
from wire.presence import Alive, Birth

ROW = Row("agent-1", "state", 3, 4, 5)
BODY = StateBody(
    items=(
        Look(device="d", method=Method.ICMP, outcome=Outcome.REFUSED, since_ms=1, at_ms=2),
        Reading(device="d", metric="m", instance="a\nb|c", value=2.0, at_ms=3),
    )
)
INPUTS: tuple[Input, ...] = (
    Received(ROW, BODY),
    Poison(ROW, "bad_model: 读不懂"),
    BirthSeen(
        Birth(
            agent="a",
            session=1,
            at_ms=1,
            version="1",
            interval_ms=30_000,
            inventory_hash="",
            devices=("d",),
            lanes=(),
        )
    ),
    AliveSeen(Alive(sender="a", session=1, online=False, at_ms=1)),
    OfficeCommand(
        Row("office", "command", 1, 1),
        Command(
            id="c", county="140522", tree="live", account="li", verb=Verb.ACK, target="n", at_ms=1
        ),
        "li",
    ),
    TurnedAway(
        Row("office", "command", 1, 1),
        Command(
            id="c", county="140522", tree="live", account="li", verb=Verb.ACK, target="n", at_ms=1
        ),
        "li",
        "unknown_key",
    ),
    Receipted("office", 1, 2),
    AlarmSaid(
        AlarmAction(
            id="a",
            county="140522",
            tree="live",
            account="zhao",
            verb=AlarmVerb.ACK,
            alarms=("d|link-down|a\nb",),
            text="已派人",
            at_ms=1,
        ),
        "zhao",
    ),
    Started(7),
    Started(8, "0.2+abc", ("input 7 cannot be read",), "aside_9", 9),
    Reconfigured("abc"),
    Tick(),
)


@pytest.mark.parametrize("given", INPUTS, ids=lambda given: type(given).__name__)
def test_every_input_comes_back_from_its_row(given: Input) -> None:
    kind, blob = encode_input(given)
    assert decode_input(kind.value, blob) == given


def test_the_body_is_kept_as_it_came() -> None:
    raw = BODY.model_dump_json(indent=1).encode()
    kind, blob = encode_input(Received(ROW, BODY, raw))
    assert decode_input(kind.value, blob) == Received(ROW, BODY)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999", '"5"', "true", '{"a":1}', "[1]"])
def test_a_value_that_is_no_number_is_refused_with_the_place(value: str) -> None:
    item = f'{{"t":"reading","device":"d","metric":"m","value":{value},"at_ms":1}}'
    with pytest.raises(Refused) as told:
        read_body(f'{{"kind":"state","items":[{item}]}}'.encode())
    assert told.value.reason == "bad_model"


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(Refused, match="extra: Extra inputs"):
        read_body(b'{"kind":"state","items":[],"extra":1}')


def test_a_row_of_another_kind_is_no_input() -> None:
    with pytest.raises(ValueError, match="gossip"):
        decode_input("gossip", b"")
