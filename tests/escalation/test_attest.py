"""Attested states at the desk: who may, what is refused, how long they hold."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import ValidationError

from escalation.authority import Outcome
from escalation.desk import Desk
from escalation.effects import EmitNotice
from escalation.situation import Situation
from tests.escalation.county import MINUTE, T0, charter, order, silent, situation, verdict
from wire.notice import Attested, Command, Verb

HOURS = 60 * MINUTE
BLIND = situation(verdict(operators={"cucc": "unknown", "tower": "absent"}), blind=(silent(),))
UNSEEN = {"cucc": "unknown", "tower": "absent", "cmcc": "none", "ctcc": "none"}


def desk(seen: Situation = BLIND) -> Desk:
    systems = {"egov": "电子政务外网"}
    made = Desk(replace(charter(), systems=systems))
    made.assess(T0, seen)
    return made


def say(made: Desk, said: Command, *, now_ms: int = T0, key: str = "") -> str:
    effects = made.command(now_ms, said, key or said.account)
    decisions = [e.notice.decision for e in effects if isinstance(e, EmitNotice)]
    assert decisions[0] is not None
    return decisions[0].outcome


def attest(target: str = "cucc", account: str = "zhang", **more: int) -> Command:
    return order(Verb.ATTEST, target, account, said=Attested.PARTIAL, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "key", "outcome"),
    [
        (attest(), "", Outcome.ACCEPTED),
        (attest(account="li"), "", Outcome.ACCEPTED),
        (attest(account="wang"), "", Outcome.ACCEPTED),
        (attest("tower"), "", Outcome.ACCEPTED),
        (attest("cmcc"), "", Outcome.MEASURED),
        (attest("egov"), "", Outcome.MEASURED),
        (attest("nobody"), "", Outcome.UNKNOWN_TARGET),
        (attest(account="zhao"), "", Outcome.NOT_VALID),
        (attest(account="nobody"), "", Outcome.UNKNOWN_ACCOUNT),
        (attest(), "li", Outcome.WRONG_KEY),
        (attest(valid_s=60, at_ms=T0 - MINUTE), "", Outcome.TOO_LATE),
        (order(Verb.ATTEST, "cucc", "zhang"), "", Outcome.NOT_ATTESTED),
    ],
)
def test_who_may_attest_what(said: Command, key: str, outcome: Outcome) -> None:
    made = desk()
    assert say(made, said, key=key) == outcome
    assert bool(made.attested) is (outcome is Outcome.ACCEPTED)


def test_without_the_role_it_is_refused() -> None:
    made = Desk(replace(charter(), verbs={}))
    made.assess(T0, BLIND)
    assert say(made, attest()) == Outcome.NO_ROLE
    assert not made.attested


def test_it_holds_as_long_as_the_policy_or_the_person_says() -> None:
    made = desk()
    say(made, attest(at_ms=T0 + HOURS))  # a clock that is ahead lengthens nothing
    assert made.attested["cucc"].until_ms == T0 + 2 * HOURS
    say(made, attest("tower", valid_s=600))
    assert made.attested["tower"].until_ms == T0 + 10 * MINUTE
    assert set(made.stand_in(T0 + 10 * MINUTE - 1, UNSEEN).facts) == {"cucc", "tower"}
    found = made.stand_in(T0 + 10 * MINUTE, UNSEEN)
    assert (set(found.facts), found.expired) == ({"cucc"}, ("tower",))
    assert [line.data["event"] for line in found.records] == ["expired"]


def test_what_was_measured_since_never_stands_in_again() -> None:
    made = desk()
    say(made, attest())
    seen = made.stand_in(T0 + 1, UNSEEN | {"cucc": "none"})
    assert (seen.facts, [line.data["event"] for line in seen.records]) == ({}, ["superseded"])
    assert made.attested["cucc"].superseded_by == "none"
    lost = made.stand_in(T0 + 2, UNSEEN)
    assert (lost.facts, lost.records) == ({}, [])
    over = made.stand_in(T0 + 3 * HOURS, UNSEEN)
    assert (over.expired, over.records, dict(made.attested)) == ((), [], {})


def test_it_is_taken_back_once() -> None:
    made = desk()
    say(made, attest())
    back = order(Verb.ATTEST, "cucc", "li")
    assert say(made, back) == Outcome.ACCEPTED
    assert not made.attested
    assert say(made, back.model_copy(update={"id": "again"})) == Outcome.NOT_ATTESTED


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": None},
        {"source": " "},
        {"source": "王工\n【现在要做】"},
        {"verb": Verb.ACK},
        {"state": Attested.WITHDRAWN, "valid_s": 600},
        {"valid_s": 86_401},
    ],
)
def test_what_says_nothing_is_no_order(wrong: dict[str, object]) -> None:
    said = {name: getattr(attest(), name) for name in Command.model_fields}
    with pytest.raises(ValidationError):
        Command.model_validate(said | wrong)


def test_other_orders_are_written_as_before_and_this_one_is_read_back() -> None:
    assert "state" not in order(Verb.ACK, "N-000001", "zhang").model_dump(mode="json")
    assert "valid_s" not in order(Verb.ACK, "N-000001", "zhang").model_dump_json()
    said = attest(valid_s=600)
    assert Command.model_validate_json(said.model_dump_json()) == said
