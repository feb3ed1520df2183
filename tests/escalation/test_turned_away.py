"""Orders that nobody signed whom the county knows: answered, recorded, never obeyed."""

from __future__ import annotations

import pytest

from escalation.answers import REFUSALS, REMEDIES
from escalation.authority import UNVERIFIED, Outcome
from escalation.desk import Desk
from tests.escalation.county import MINUTE, T0, charter, order
from tests.escalation.test_desk import drafted, notices, records
from wire.notice import NoticeKind, Verb


@pytest.mark.parametrize("outcome", sorted(UNVERIFIED))
def test_the_office_reads_which_key_and_that_nothing_was_done(outcome: Outcome) -> None:
    desk = drafted()
    before = desk.standing
    effects = desk.turn_away(
        T0 + 1, order(Verb.ISSUE, desk.open_warning or "", "li"), "k7", outcome
    )
    (notice,) = notices(effects)
    assert notice.notice_kind is NoticeKind.DECISION
    assert notice.decision is not None
    assert (notice.decision.accepted, notice.decision.outcome) == (False, outcome.value)
    for text in (notice.text.zh, notice.text.en):
        assert "k7" in text
    assert REFUSALS[outcome].zh in notice.text.zh
    assert REMEDIES[outcome].zh in notice.text.zh
    assert desk.standing == before
    (record,) = records(effects, "command")
    assert (record["key"], record["outcome"]) == ("k7", outcome.value)


def test_the_same_one_is_recorded_and_told_once() -> None:
    desk = drafted()
    said = order(Verb.ACK, "N-000001", "li")
    assert desk.turn_away(T0, said, "k7", Outcome.UNKNOWN_KEY)
    assert desk.turn_away(T0 + 1, said, "k7", Outcome.UNKNOWN_KEY) == []


def test_a_forgery_does_not_stand_in_the_way_of_the_real_order() -> None:
    desk = drafted()
    real = order(Verb.PROPOSE, desk.open_warning or "", "zhang")
    desk.turn_away(T0, real, "zhang", Outcome.BAD_SIGNATURE)
    (notice,) = notices(desk.command(T0 + 1, real, "zhang"))
    assert notice.decision is not None
    assert notice.decision.accepted


def test_a_flood_of_them_is_recorded_and_not_told() -> None:
    desk = Desk(charter())
    most = charter().clocks.flood_most
    told = [
        len(notices(desk.turn_away(T0 + n, said, "k7", Outcome.UNKNOWN_KEY)))
        for n, said in enumerate(order(Verb.ACK, f"N-{n:06d}", "li") for n in range(1, most + 4))
    ]
    assert told == [1] * most + [0] * 3
    last = order(Verb.ACK, "N-9", "li")
    later = desk.turn_away(T0 + 11 * MINUTE, last, "k7", Outcome.UNKNOWN_KEY)
    assert len(notices(later)) == 1
