from __future__ import annotations

import pytest

from collector.sight import judge_view
from collector.state import LookState, View
from wire.observation import Method, Outcome

M, N, R, C = Outcome.MEASURED, Outcome.NO_ANSWER, Outcome.REFUSED, Outcome.COULD_NOT_LOOK


@pytest.mark.parametrize(
    ("icmp", "snmp", "reachable", "answers_snmp"),
    [
        (M, M, True, True),
        (M, None, True, None),
        (M, N, True, False),
        (M, R, True, False),
        (M, C, True, None),
        (N, M, True, True),  # ICMP filtered on the way
        (N, N, False, None),
        (N, None, False, None),
        (N, C, False, None),
        (N, R, True, False),  # a refusal by SNMP is the device's own answer
        (None, M, True, True),
        (None, N, False, None),
        (None, R, True, False),
        (R, None, None, None),  # a router's word, not the device's
        (R, N, None, None),
        (C, N, False, None),
        (C, C, None, None),
        (C, None, None, None),
        (None, None, None, None),
    ],
)
def test_two_methods_make_one_judgement(
    icmp: Outcome | None, snmp: Outcome | None, *, reachable: bool | None, answers_snmp: bool | None
) -> None:
    looks = {
        method: LookState(outcome, 0, 0)
        for method, outcome in ((Method.ICMP, icmp), (Method.SNMP, snmp))
        if outcome is not None
    }
    assert judge_view(View(0, looks)) == (reachable, answers_snmp)
