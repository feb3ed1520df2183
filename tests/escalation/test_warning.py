from __future__ import annotations

from itertools import product

import pytest

from escalation.warning import (
    BY_VERB,
    IN_FORCE,
    MACHINE,
    OPEN,
    TABLE,
    Event,
    IllegalEventError,
    State,
    step,
)
from wire.notice import STATING, Verb

D, P, I, U = State.DRAFTED, State.PROPOSED, State.ISSUED, State.UPDATED  # noqa: E741  column heads
L, W = State.LIFTED, State.WITHDRAWN

ROWS = {
    #                  draft        redraft  propose  issue  withdraw  lift
    State.NONE: (D, None, None, None, None, None),
    State.DRAFTED: (None, D, P, I, W, L),
    State.PROPOSED: (None, P, P, I, W, L),
    State.ISSUED: (None, I, I, U, W, L),
    State.UPDATED: (None, U, U, U, W, L),
    State.LIFTED: (None,) * 6,
    State.WITHDRAWN: (None,) * 6,
}


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)))
def test_every_pair_of_state_and_event(state: State, event: Event) -> None:
    wanted = ROWS[state][list(Event).index(event)]
    if wanted is None:
        with pytest.raises(IllegalEventError, match=f"{event} is not possible in state {state}"):
            step(state, event)
    else:
        assert step(state, event) is wanted


def test_the_machine_only_drafts() -> None:
    for (state, event), after in TABLE.items():
        if event in MACHINE:
            assert after is (State.DRAFTED if state is State.NONE else state)


def test_nothing_leaves_a_closed_warning() -> None:
    closed = set(State) - OPEN - {State.NONE}
    assert not [pair for pair in TABLE if pair[0] in closed]
    assert IN_FORCE < OPEN


def test_every_verb_but_the_acknowledgement_is_an_event() -> None:
    others = {Verb.ACK, Verb.ADOPT, Verb.ALARM, *STATING}
    assert BY_VERB.keys() == set(Verb) - others
    assert set(BY_VERB.values()) == set(Event) - MACHINE
