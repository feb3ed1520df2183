"""Events on the wire: closed, bounded, and apart from what decides."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from agent.lanes import state_bodies
from wire.observation import Event, EventSource, Look, Method, Outcome, StateBody

BODY = TypeAdapter(StateBody)
MS = st.integers(0, 2**47)


@settings(max_examples=100)
@given(
    source=st.sampled_from(EventSource),
    kind=st.text(min_size=1, max_size=512),
    text=st.text(max_size=512),
    count=st.integers(1, 2**53),
    from_ms=MS,
    at_ms=MS,
    look=st.none() | st.sampled_from(Outcome),
    changed=st.integers(0, 2**53),
)
def test_there_and_back(**said: object) -> None:
    event = Event.model_validate({"device": "d1", **said})
    ((raw, count),) = state_bodies([event])
    assert (BODY.validate_json(raw).items, count) == ((event,), 1)


@pytest.mark.parametrize(
    "wrong",
    [{"count": 0}, {"kind": ""}, {"kind": "x" * 513}, {"source": "rumour"}, {"more": 1},
     {"changed": -1}, {"device": "a b"}],
)  # fmt: skip
def test_what_no_event_is(wrong: dict[str, object]) -> None:
    good = {"device": "d1", "source": "trap", "kind": "linkDown", "from_ms": 1, "at_ms": 2}
    Event.model_validate(good, strict=False)
    with pytest.raises(ValidationError):
        Event.model_validate(good | wrong, strict=False)


def test_events_have_rows_of_their_own() -> None:
    """So a collector that does not know them sets these aside and takes the looks."""
    event = Event(device="d", source=EventSource.TRAP, kind="linkDown", from_ms=1, at_ms=1)
    look = Look(device="d", method=Method.ICMP, outcome=Outcome.MEASURED, since_ms=1, at_ms=1)
    bodies = [BODY.validate_json(raw).items for raw, _ in state_bodies([event, look, event, look])]
    assert bodies == [(look, look), (event, event)]
