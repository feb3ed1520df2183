"""JSON integers have no bound; what is reckoned with has one (FAULTS F30)."""

import pytest
from pydantic import TypeAdapter, ValidationError

from wire.observation import Look, Reading, Round
from wire.presence import Alive, Birth

HUGE = "1" + "0" * 400
LOOK = '{"device":"d","method":"icmp","outcome":"measured","since_ms":1,"at_ms":1,"rtt_us":%s}'
READING = '{"device":"d","metric":"m","at_ms":1,"value":%s}'
ROUND = '{"number":%s,"interval_ms":%s,"started_ms":1,"ended_ms":1,"looked":%s}'
ALIVE = '{"sender":"a","session":%s,"online":true,"at_ms":1,"every_ms":%s}'
BIRTH = (
    '{"agent":"a","session":%s,"at_ms":1,"version":"1","interval_ms":%s,"inventory_hash":"",'
    '"devices":[],"lanes":[]}'
)


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (Look, LOOK % HUGE),
        (Reading, READING % HUGE),
        (Reading, READING % f"-{HUGE}"),
        (Round, ROUND % (HUGE, 1, 1)),
        (Round, ROUND % (1, HUGE, 1)),
        (Round, ROUND % (1, 1, HUGE)),
        (Alive, ALIVE % (HUGE, 1)),
        (Alive, ALIVE % (1, HUGE)),
        (Birth, BIRTH % (HUGE, 1)),
        (Birth, BIRTH % (1, HUGE)),
    ],
)
def test_an_integer_that_no_rule_could_reckon_with_is_refused(model: type, text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(model).validate_json(text)


@pytest.mark.parametrize("value", [2**64 - 1, -(2**63), 0, 1.5])
def test_what_a_device_can_measure_passes_as_it_is(value: float) -> None:
    said = Reading.model_validate_json(READING % value).value
    assert said == value
    assert type(said) is type(value)
