from __future__ import annotations

import pytest

from escalation.authority import Outcome, identify, needed, permit
from escalation.state import Case, Standing
from escalation.warning import State
from tests.escalation.county import T0, charter, order
from wire.notice import Verb

W = "W-20261123-001"
DRAFT = Standing("scenario2", "II")


def case(state: State, *, proposed_by: str | None = None) -> Case:
    return Case(W, state, T0, DRAFT, proposed_by=proposed_by)


@pytest.mark.parametrize(
    ("account", "key", "outcome"),
    [
        ("zhang", "zhang", Outcome.ACCEPTED),
        ("zhang", "wang", Outcome.WRONG_KEY),
        ("nobody", "zhang", Outcome.UNKNOWN_ACCOUNT),
        ("zhao", "zhao", Outcome.NOT_VALID),
    ],
)
def test_who_it_is(account: str, key: str, outcome: Outcome) -> None:
    assert identify(charter(), order(Verb.ACK, "N-000001", account), key, T0) is outcome


def test_a_command_of_another_county_or_drill_is_refused() -> None:
    command = order(Verb.ACK, "N-000001", "zhang").model_copy(update={"tree": "drill-1"})
    assert identify(charter(), command, "zhang", T0) is Outcome.WRONG_COUNTY


def test_the_last_day_of_office_counts_in_the_county_s_time() -> None:
    command = order(Verb.ACK, "N-000001", "zhao")
    end = 1_782_835_200_000  # 2026-07-01 00:00 in the county
    assert identify(charter(), command, "zhao", end - 1) is Outcome.ACCEPTED
    assert identify(charter(), command, "zhao", end) is Outcome.NOT_VALID


@pytest.mark.parametrize(
    ("verb", "account", "state", "proposed_by", "outcome"),
    [
        (Verb.PROPOSE, "zhang", State.DRAFTED, None, Outcome.ACCEPTED),
        (Verb.PROPOSE, "wang", State.DRAFTED, None, Outcome.NO_ROLE),
        (Verb.ISSUE, "zhang", State.PROPOSED, "zhang", Outcome.NO_ROLE),
        (Verb.ISSUE, "li", State.PROPOSED, "zhang", Outcome.ACCEPTED),
        (Verb.ISSUE, "li", State.PROPOSED, "li", Outcome.SAME_ACCOUNT),
        # Two hats: who may propose does not issue a draft that nobody else has proposed.
        (Verb.ISSUE, "li", State.DRAFTED, None, Outcome.SAME_ACCOUNT),
        (Verb.ISSUE, "wang", State.DRAFTED, None, Outcome.ACCEPTED),
        (Verb.WITHDRAW, "li", State.DRAFTED, None, Outcome.ACCEPTED),
        (Verb.WITHDRAW, "zhang", State.DRAFTED, None, Outcome.NO_ROLE),
        (Verb.WITHDRAW, "wang", State.ISSUED, None, Outcome.ACCEPTED),
        (Verb.LIFT, "wang", State.ISSUED, None, Outcome.ACCEPTED),
        (Verb.LIFT, "zhang", State.ISSUED, None, Outcome.NO_ROLE),
        (Verb.LIFT, "li", State.DRAFTED, None, Outcome.ACCEPTED),
    ],
)
def test_roles(
    verb: Verb, account: str, state: State, proposed_by: str | None, outcome: Outcome
) -> None:
    standing = case(state, proposed_by=proposed_by)
    assert permit(charter(), order(verb, W, account), standing) is outcome


def test_a_warning_in_force_ends_only_by_those_who_may_lift() -> None:
    both = {needed(charter(), verb, case(State.ISSUED)) for verb in (Verb.LIFT, Verb.WITHDRAW)}
    assert both == {frozenset({"commander", "deputy"})}
