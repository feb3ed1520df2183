"""The warning's life as one table (STYLE habit 4; plan 3.4-3.6, PLAN section 1).

The machine only drafts. Every other event is a person's command: the office proposes the draft
to the headquarters (提请), the headquarters issues, adjusts, withdraws or lifts. An event that is
not in the table is refused by name and changes nothing. No socket, no clock, no text here.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from wire.notice import Verb


class State(StrEnum):
    """Where a warning stands."""

    NONE = "none"
    DRAFTED = "drafted"
    PROPOSED = "proposed"
    ISSUED = "issued"
    UPDATED = "updated"
    LIFTED = "lifted"
    WITHDRAWN = "withdrawn"


class Event(StrEnum):
    """What can happen to it. ``draft`` and ``redraft`` are the machine's, the rest people's."""

    DRAFT = "draft"
    REDRAFT = "redraft"
    PROPOSE = "propose"
    ISSUE = "issue"
    WITHDRAW = "withdraw"
    LIFT = "lift"


OPEN: Final = frozenset({State.DRAFTED, State.PROPOSED, State.ISSUED, State.UPDATED})
IN_FORCE: Final = frozenset({State.ISSUED, State.UPDATED})
MACHINE: Final = frozenset({Event.DRAFT, Event.REDRAFT})

TABLE: Final[dict[tuple[State, Event], State]] = {
    (State.NONE, Event.DRAFT): State.DRAFTED,
    (State.DRAFTED, Event.REDRAFT): State.DRAFTED,
    (State.DRAFTED, Event.PROPOSE): State.PROPOSED,
    (State.DRAFTED, Event.ISSUE): State.ISSUED,
    (State.DRAFTED, Event.WITHDRAW): State.WITHDRAWN,
    (State.DRAFTED, Event.LIFT): State.LIFTED,
    (State.PROPOSED, Event.REDRAFT): State.PROPOSED,
    (State.PROPOSED, Event.PROPOSE): State.PROPOSED,
    (State.PROPOSED, Event.ISSUE): State.ISSUED,
    (State.PROPOSED, Event.WITHDRAW): State.WITHDRAWN,
    (State.PROPOSED, Event.LIFT): State.LIFTED,
    (State.ISSUED, Event.REDRAFT): State.ISSUED,
    (State.ISSUED, Event.PROPOSE): State.ISSUED,
    (State.ISSUED, Event.ISSUE): State.UPDATED,
    (State.ISSUED, Event.WITHDRAW): State.WITHDRAWN,
    (State.ISSUED, Event.LIFT): State.LIFTED,
    (State.UPDATED, Event.REDRAFT): State.UPDATED,
    (State.UPDATED, Event.PROPOSE): State.UPDATED,
    (State.UPDATED, Event.ISSUE): State.UPDATED,
    (State.UPDATED, Event.WITHDRAW): State.WITHDRAWN,
    (State.UPDATED, Event.LIFT): State.LIFTED,
}

BY_VERB: Final[dict[Verb, Event]] = {
    Verb.PROPOSE: Event.PROPOSE,
    Verb.ISSUE: Event.ISSUE,
    Verb.WITHDRAW: Event.WITHDRAW,
    Verb.LIFT: Event.LIFT,
}


class IllegalEventError(Exception):
    """``event`` is not possible in ``state``."""

    def __init__(self, state: State, event: Event) -> None:
        super().__init__(f"{event} is not possible in state {state}")
        self.state = state
        self.event = event


def step(state: State, event: Event) -> State:
    """The state after ``event``. Raises IllegalEventError."""
    try:
        return TABLE[state, event]
    except KeyError:
        raise IllegalEventError(state, event) from None
