"""An inventory in columns says the same as its targets."""

from __future__ import annotations

import pickle
from ipaddress import ip_address

from agent.roster import Roster
from agent.schedule import Turns, turns_of
from config.inventory import EngineKind, Inventory, Target

TARGETS = (
    Target(device="b", address=ip_address("10.0.0.1"), credential="c", profiles=("generic",)),
    Target(device="a", address=ip_address("10.0.0.2"), credential="c", profiles=("generic",)),
    Target(device="d", address=ip_address("2001:db8::1"), interval_s=5.0),
    Target(device="c", address=ip_address("10.0.0.3"), credentials=("c", "e"), port=1161,
           icmp=False, engine=EngineKind.PYSNMP),
)  # fmt: skip


def test_targets_in_columns() -> None:
    made = Roster.of(Inventory(targets=TARGETS, hash="h"), 30.0)
    assert pickle.loads(pickle.dumps(made)) == made
    assert made.devices == ["b", "a", "d", "c"]
    assert made.addresses == ["10.0.0.1", "10.0.0.2", "2001:db8::1", "10.0.0.3"]
    assert list(made.kinds) == [0, 0, 1, 2]
    first, second, third = made.known
    assert (first.port, first.candidates, first.icmp, first.interval_s) == (161, ("c",), True, 30.0)
    assert (second.profiles, second.interval_s) == ((), 5.0)
    assert (third.port, third.candidates, third.engine) == (1161, ("c", "e"), EngineKind.PYSNMP)


def test_turns_are_those_of_the_intervals() -> None:
    made = Roster.of(Inventory(targets=TARGETS), 30.0)
    found = [
        Turns(every, phases, [made.devices[number] for number in targets])
        for every, phases, targets in made.orders
    ]
    assert found == turns_of({"b": 30_000, "a": 30_000, "d": 5000, "c": 30_000})
