from typing import Any

from config.io.load import load_policy


def test_the_shipped_policy_loads_with_a_ground_for_every_number() -> None:
    policy = load_policy()
    kinds = ("plan", "law", "std", "practice", "prop")
    parts: list[Any] = [policy.site, policy.cell, policy.spread, policy.flap, policy.time]
    parts += [getattr(policy.operator, name) for name in type(policy.operator).model_fields]
    parts += [policy.system.full, policy.system.partial, *policy.alarms, *policy.signals]
    assert all(part.src.startswith(kinds) for part in parts)
    assert len(policy.hash) == 64


def test_the_shipped_alarm_types_are_those_of_the_tower_profile_and_ours() -> None:
    policy = load_policy()
    ids = {alarm.id for alarm in policy.alarms}
    assert len(ids) == len(policy.alarms) == 26
    assert len(policy.signals) == 3
    assert ids >= {"device-unreachable", "snmp-failure", "device-rebooted", "mains-failure"}
    causes = {a.probable_cause_no for a in policy.alarms if a.probable_cause_no is not None}
    assert causes <= {*range(1, 158), *range(201, 208)}
