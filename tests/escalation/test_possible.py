"""What the pages offer as buttons is what the desk would carry out, and by the same roles."""

from __future__ import annotations

from escalation.desk import Desk
from tests.escalation.county import T0, charter, order, situation, verdict
from wire.notice import Verb

DUTY, DIRECTOR = "zhang", "li"


def offered(desk: Desk) -> list[Verb]:
    return [verb for verb, _ in desk.possible(T0)]


def test_the_offer_follows_the_warning() -> None:
    desk = Desk(charter())
    assert desk.possible(T0) == ()
    desk.assess(T0, situation(verdict("scenario2", "II", operators={"cmcc": "full"})))
    assert desk.case
    warning = desk.case.id
    assert offered(desk) == [Verb.PROPOSE, Verb.ISSUE, Verb.WITHDRAW]
    roles = dict(desk.possible(T0))
    assert "duty" in roles[Verb.PROPOSE]
    assert "duty" not in roles[Verb.ISSUE]
    desk.command(T0, order(Verb.PROPOSE, warning, DUTY), DUTY)
    assert offered(desk) == [Verb.ISSUE, Verb.WITHDRAW]
    desk.command(T0, order(Verb.ISSUE, warning, DIRECTOR), DIRECTOR)
    assert offered(desk) == [Verb.LIFT]
    desk.command(T0, order(Verb.LIFT, warning, DIRECTOR), DIRECTOR)
    assert offered(desk) == []
