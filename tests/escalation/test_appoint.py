from __future__ import annotations

from tests.escalation.county import charter
from wire.notice import Verb


def test_the_shipped_plan_as_the_desk_reads_it() -> None:
    made = charter()
    assert made.scenario_order == ("none", "scenario3", "scenario2", "scenario1")
    assert made.level_order == ("none", "II", "I")
    assert made.verbs.keys() == set(Verb)
    assert made.operators["cmcc"].zh == "移动公司"
    assert made.headquarters.zh == "县指挥部"
    first = made.level("I")
    assert first is not None
    assert first.ack_s == 300
    assert first.starters is not None
    assert first.starters.zh == "总指挥"
    assert first.circle is not None
    assert first.circle.zh == "同时通报县政府、各成员单位"
    assert made.gaps["GL2-scenario"].judgement == "4.4.2(3)"
