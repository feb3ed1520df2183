"""The codec's limits: what travels is bounded, what was unpacked may be larger."""

import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from wire.codec import (
    DEFLATE_OVER,
    MAX_INFLATED,
    MAX_PAYLOAD,
    Refused,
    around,
    decode,
    decode_json,
    pack,
    unpack,
)

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


@settings(max_examples=100)
@given(st.binary(max_size=100), st.binary(max_size=9000), st.integers(1, 3), st.binary(max_size=9))
def test_a_body_is_put_into_its_frame_without_deflating_it_again(
    head: bytes, body: bytes, times: int, tail: bytes
) -> None:
    body *= times
    payload = around(b"{" + head, body, tail, pack(body))
    assert unpack(payload) == b"{" + head + body + tail
    assert unpack(around(b"{" + head, body, tail, b"")) == b"{" + head + body + tail
    if len(body) > DEFLATE_OVER:
        assert zlib.decompress(payload) == b"{" + head + body + tail
        assert len(payload) < len(pack(body)) + len(head) + len(tail) + 20
