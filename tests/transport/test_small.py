"""Clock, frames, quarantine, log."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from transport import frames
from transport.delivery import Acked, Peer
from transport.io import log as logs
from transport.io.clock import Clock, Onward
from transport.io.quarantine import Quarantine
from wire.codec import Refused, decode
from wire.frame import SampleFrame, StateFrame
from wire.observation import Look, Method, Outcome, StateBody

PEER = Peer("a1", "state")
LOOK = Look(device="d1", method=Method.ICMP, outcome=Outcome.MEASURED, since_ms=1, at_ms=2)


def test_a_wrapped_frame_is_the_model_of_the_wire() -> None:
    body = StateBody(items=(LOOK,)).model_dump_json().encode()
    payload = frames.wrap(PEER, epoch=7, seq=3, sent_ms=9, check=5, body=body)
    frame = decode(TypeAdapter(StateFrame), payload)
    assert (frame.sender, frame.epoch, frame.seq, frame.check) == ("a1", 7, 3, 5)
    assert frame.body.items == (LOOK,)
    envelope = frames.unwrap(payload)
    assert (envelope.peer, envelope.body, envelope.after) == (PEER, body, 0)
    behind = frames.wrap(PEER, epoch=7, seq=3, sent_ms=9, check=5, body=body, after=4, was=(6, 2))
    assert decode(TypeAdapter(StateFrame), behind).after == 4
    envelope = frames.unwrap(behind)
    assert (envelope.check, envelope.after, envelope.was) == (5, 4, (6, 2))


def test_a_gap_record_is_a_row_of_the_sample_lane() -> None:
    body = b'{"kind":"gap","from_ms":1,"to_ms":1,"rows":3,"reason":"quota"}'
    payload = frames.wrap(Peer("a1", "sample"), epoch=7, seq=3, sent_ms=9, check=5, body=body)
    assert decode(TypeAdapter(SampleFrame), payload).body.kind == "gap"


@given(st.binary(max_size=6000).map(lambda raw: json.dumps(raw.hex()).encode()))
def test_any_body_comes_back(body: bytes) -> None:
    payload = frames.wrap(PEER, epoch=1, seq=1, sent_ms=0, check=0, body=body)
    assert frames.unwrap(payload).body == body


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b"[]",
        b"\x78garbage",
        b'{"v":1,"sender":"a","lane":"l","epoch":1,"seq":0,"sent_ms":0,"body":{}}',
        b'{"v":1,"sender":"a/b","lane":"l","epoch":1,"seq":1,"sent_ms":0,"body":{}}',
        b'{"v":2,"sender":"a","lane":"l","epoch":1,"seq":1,"sent_ms":0,"body":{}}',
        b'{"v":1,"sender":"a","lane":"l","epoch":1,"seq":1,"sent_ms":0,"more":1,"body":{}}',
        b'{"v":1,"sender":"a","lane":"l","epoch":1,"seq":1.5,"sent_ms":0,"body":{}}',
        b'{"v":1,"sender":"a","lane":"l","epoch":1,"seq":1,"sent_ms":0,"body":{}',
    ],
)
def test_what_is_no_frame_is_refused(payload: bytes) -> None:
    if payload.endswith(b'"body":{}'):
        assert frames.unwrap(payload).body == b"{"  # the body's own model refuses it
        return
    with pytest.raises(Refused):
        frames.unwrap(payload)


@given(st.binary(max_size=300))
def test_noise_is_refused_or_read_but_never_raises_anything_else(noise: bytes) -> None:
    for read in (frames.unwrap, frames.read_ack):
        try:
            read(noise)
        except Refused:
            continue


def test_an_acknowledgement_comes_back() -> None:
    acked = Acked(7, 9, refused=True, again=False, check=5, store=3)
    assert frames.read_ack(frames.ack_payload("state", acked)) == ("state", acked)


def test_domain_time_runs_faster_from_the_anchor_on() -> None:
    wall = Clock().now_ms()
    clock = Clock(60, wall - 1000)
    assert 0 <= clock.now_ms() - (wall - 1000) - 60_000 < 60_000
    assert clock.to_domain(2) == 120
    assert clock.to_real(120) == 2
    with pytest.raises(ValueError, match="anchor"):
        Clock(60)


def test_the_quarantine_keeps_the_newest_and_counts_all(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path / "q", most=3)
    for number in range(5):
        refused = Refused("bad_model", f"number {number}")
        quarantine.put(b"x" * 100_000, refused, topic="t", sender="a1", at_ms=number)
    files = sorted((tmp_path / "q").iterdir())
    assert len(files) == 3
    head, _, payload = files[-1].read_bytes().partition(b"\n")
    assert json.loads(head) == {
        "at_ms": 4,
        "sender": "a1",
        "topic": "t",
        "reason": "bad_model",
        "text": "number 4",
        "bytes": 100_000,
    }
    assert len(payload) == 65_536
    assert quarantine.counts["a1", "bad_model"] == 5
    Quarantine(tmp_path / "q", most=3).put(
        b"", Refused("empty", "empty"), topic="t", sender="a1", at_ms=9
    )
    assert len(list((tmp_path / "q").iterdir())) == 3


def test_only_changes_are_logged() -> None:
    with structlog.testing.capture_logs() as lines:
        changes = logs.Changes(logs.get("room"))
        for state in ("bad", "bad", "bad", "worse", "good", "good"):
            changes.note("key", state, f"it is {state}")
    said: list[tuple[str, Any]] = [(line["event"], line.get("former_times")) for line in lines]
    assert said == [("it is bad", None), ("it is worse", 3), ("it is good", None)]


class _Hands(Clock):
    """A clock whose hands are set by the test; seconds and milliseconds."""

    wall = 1_000_000_000
    mono = 0.0

    def now_ms(self) -> int:
        return self.wall

    def monotonic(self) -> float:
        return self.mono


def test_domain_time_goes_on_where_the_wall_clock_was_set_back() -> None:
    clock = _Hands()
    onward = Onward(clock, 0)
    assert onward.now_ms() == clock.wall
    clock.wall -= 7_200_000  # two hours back
    seen = [onward.now_ms()]
    for _ in range(2400):
        clock.wall += 60_000
        clock.mono += 60.0
        seen.append(onward.now_ms())
    steps = {later - earlier for earlier, later in pairwise(seen)}
    assert min(steps) > 0
    assert max(steps) == 60_000
    assert seen[60] - seen[0] == 60 * 54_000
    assert seen[-1] == clock.wall  # caught up after twenty hours


def test_domain_time_follows_a_wall_clock_that_is_set_forward_and_never_goes_back() -> None:
    clock = _Hands()
    onward = Onward(clock, clock.wall + 500)
    assert onward.now_ms() == clock.wall + 500
    clock.wall += 3_600_000
    assert onward.now_ms() == clock.wall
