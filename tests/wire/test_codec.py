"""The codec's limits: what travels is bounded, what was unpacked may be larger."""

import pytest
from pydantic import TypeAdapter

from wire.codec import MAX_INFLATED, MAX_PAYLOAD, Refused, decode, decode_json, pack

TEXTS = TypeAdapter(list[str])


def test_a_deflated_payload_may_inflate_over_the_wires_limit() -> None:
    raw = TEXTS.dump_json(["x" * 100] * 3000)
    assert len(raw) > MAX_PAYLOAD
    assert len(decode(TEXTS, pack(raw))) == 3000
    with pytest.raises(Refused, match="limit"):
        decode(TEXTS, raw)


def test_what_was_unpacked_is_judged_by_its_inflated_size() -> None:
    """A notice with a thousand devices travels in 20 kB and is 270 kB of JSON (FAULTS F36)."""
    raw = TEXTS.dump_json(["x" * 100] * 3000)
    assert len(decode_json(TEXTS, raw)) == 3000
    with pytest.raises(Refused) as caught:
        decode_json(TEXTS, b"[" + b" " * MAX_INFLATED + b"]")
    assert caught.value.reason == "too_large"


def test_wrong_models_are_named() -> None:
    with pytest.raises(Refused) as caught:
        decode_json(TEXTS, b"[1]")
    assert caught.value.reason == "bad_model"
