"""Birth, death and heartbeats: who is there, in which session, how far it has come."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from wire.base import Epoch, Id, Ms, Seq, Span, Tally, Wire


class LaneState(Wire):
    """Where a lane's outbox stands: the epoch, the last row written, the last acknowledged."""

    lane: Id
    epoch: Epoch
    last_seq: Seq
    acked_seq: Seq


class Birth(Wire):
    """An agent's first word of a session: what it looks at, by id (DESIGN "Ownership").

    ``session`` is the agent's session counter, kept on disk and raised at each connection; the
    Last Will carries the same number, so a late Will cannot kill a newer session (PLAN 7, MQTT).
    It is retained, for a collector that comes later. ``life`` tells two processes with one
    identity apart (FAULTS F14): drawn anew at each start. ``apart``: the devices are too many for
    a payload and follow in the state lane.
    """

    kind: Literal["birth"] = "birth"
    agent: Id
    session: Annotated[int, Field(ge=1, le=2**53)]
    at_ms: Ms
    version: Annotated[str, Field(max_length=64)]
    interval_ms: Span
    inventory_hash: Annotated[str, Field(max_length=64)]
    devices: Annotated[tuple[Id, ...], Field(max_length=200_000)]
    lanes: tuple[LaneState, ...]
    life: Tally = 0
    apart: bool = False


class Alive(Wire):
    """Retained presence of a process; ``online=False`` is published by its Last Will.

    ``given_up`` counts the samples that an agent's outbox gave up since the process began,
    ``no_space`` says that not even state rows go to its disk (FAULTS F10). ``beat`` counts the
    words of a session, so that one said again is known whatever the clock does; 0 says nothing.
    ``lanes`` is the watermark: what the sender produced and how much of it was acknowledged.
    ``number`` and ``warning`` are the newest that an office holds (None: it says nothing).
    """

    kind: Literal["alive"] = "alive"
    sender: Id
    session: Tally
    online: bool
    at_ms: Ms
    every_ms: Span = 30_000
    life: Tally = 0
    given_up: Tally = 0
    no_space: bool = False
    beat: Tally = 0
    lanes: Annotated[tuple[LaneState, ...], Field(max_length=16)] = ()
    number: Seq | None = None
    warning: Id | None = None


class Heartbeat(Wire):
    """The collector's signed sign of life to the office (FAULTS F26).

    ``state`` is the open warning in one word for a client that has nothing else;
    ``journal_head`` anchors the decision journal (FAULTS S7).
    """

    kind: Literal["heartbeat"] = "heartbeat"
    county: Id
    at_ms: Ms
    session: Tally
    every_ms: Span = 30_000
    notices_seq: Seq
    journal_head: Annotated[str, Field(max_length=64)]
    warning: Id
    level: Id
    agents_silent: tuple[Id, ...] = ()
