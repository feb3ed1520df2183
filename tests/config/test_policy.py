from typing import Any

from collector.hold import Delays
from config.check_agent import check_policy
from config.check_profile import clearing
from config.faults import Kind, Place
from config.io.load import load_policy
from config.profile import Hint
from tests.collector.small import county


def test_the_shipped_policy_loads_with_a_ground_for_every_number() -> None:
    policy = load_policy()
    kinds = ("plan", "law", "std", "practice", "prop")
    parts: list[Any] = [policy.site, policy.cell, policy.spread, policy.flap, policy.time]
    parts += [getattr(policy.operator, name) for name in type(policy.operator).model_fields]
    parts += [policy.system.full, policy.system.partial, *policy.alarms, *policy.signals]
    assert all(part.src.startswith(kinds) for part in parts)
    assert len(policy.hash) == 64


def test_flapping_that_could_not_begin_and_shelves_longer_than_the_longest_are_refused() -> None:
    policy = load_policy()
    flap = policy.flap.model_copy(update={"hold_s": 600})
    shelf = policy.shelf.model_copy(update={"usual_s": 700_000})
    wrong = policy.model_copy(update={"flap": flap, "shelf": shelf})
    assert check_policy(policy, lambda loc: Place(".".join(map(str, loc)))) == []
    found = check_policy(wrong, lambda loc: Place(".".join(map(str, loc))))
    assert [fault.place.file for fault in found] == ["flap.hold_s", "shelf.usual_s"]


def test_a_threshold_without_hysteresis_is_noted_and_one_that_clears_above_it_refused() -> None:
    hints = (
        (Hint(alarm="a", above=38, clear=35), None),
        (Hint(alarm="a", above=38), Kind.NOTE),
        (Hint(alarm="a", above=0), None),
        (Hint(alarm="a", above=38, clear=39), Kind.ERROR),
        (Hint(alarm="a", below=47, clear=46), Kind.ERROR),
        (Hint(alarm="a", below=47, clear=48), None),
    )
    for hint, kind in hints:
        found = [fault.kind for fault in clearing(hint, Place("x"))]
        assert found == ([kind] if kind else [])


def test_a_type_without_delays_has_those_of_its_severity() -> None:
    policy = load_policy()
    bare = [
        one.model_copy(update={"raise_delay_s": None, "clear_delay_s": None})
        for one in policy.alarms
        if one.id == "temperature-high"
    ]
    rest = [one for one in policy.alarms if one.id != "temperature-high"]
    made = county(policy=policy.model_copy(update={"alarms": (*bare, *rest)}))
    assert made.delays("temperature-high") == Delays(180_000, 20_000)
    assert made.delays("smoke") == Delays(60_000, 20_000)


def test_the_shipped_alarm_types_are_those_of_the_tower_profile_and_ours() -> None:
    policy = load_policy()
    ids = {alarm.id for alarm in policy.alarms}
    assert len(ids) == len(policy.alarms) == 26
    assert len(policy.signals) == 3
    assert ids >= {"device-unreachable", "snmp-failure", "device-rebooted", "mains-failure"}
    causes = {a.probable_cause_no for a in policy.alarms if a.probable_cause_no is not None}
    assert causes <= {*range(1, 158), *range(201, 208)}
