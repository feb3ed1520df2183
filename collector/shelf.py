"""Shelving (RFC 8632 section 2.6): an alarm that a person hides for a time, with name and reason.

A shelved alarm is judged on as ever and stands in a list of its own. It makes no notice and does
not count in the news of devices; what is true does not change: its site and its operator go on
being counted, so that an impact is told whatever is shelved. Never at a key unit (6.3).
"""

from __future__ import annotations

from typing import Final

from collector.base import World
from collector.county import SNMP_FAILURE, UNREACHABLE
from collector.hushed import Ended, Shelved
from collector.state import DeviceState, Status
from escalation.authority import Outcome
from wire.alarm import AlarmAction

MOST: Final = 5000
"""Shelved alarms at one time."""


def shelve(world: World, now_ms: int, action: AlarmAction) -> tuple[Outcome, list[str]]:
    """Put alarms on a shelf; refused as a whole where one is a key unit's, or unknown."""
    policy, shelf = world.county.policy.shelf, world.state.hush.shelf
    hit = [name for name in action.alarms if known(world, name)]
    valid_s = action.valid_s or policy.usual_s
    outcome = Outcome.ACCEPTED
    if len(hit) < len(action.alarms):
        outcome = Outcome.UNKNOWN_TARGET
    elif any(key_unit(world, name.partition("|")[0]) for name in hit):
        outcome = Outcome.KEY_UNIT
    elif valid_s > policy.most_s:
        outcome = Outcome.TOO_LONG
    elif len(shelf.keys() | set(hit)) > MOST:
        outcome = Outcome.TOO_MUCH
    elif action.at_ms + valid_s * 1000 <= now_ms:
        outcome = Outcome.TOO_LATE
    if outcome is not Outcome.ACCEPTED:
        return outcome, []
    until_ms = min(action.at_ms, now_ms) + valid_s * 1000
    for name in hit:
        shelf[name] = Shelved(action.name, action.text, action.account, now_ms, until_ms)
        world.arm(until_ms, "shelf", name)
        _touch(world, name)
    return outcome, hit


def unshelve(world: World, _now_ms: int, action: AlarmAction) -> tuple[Outcome, list[str]]:
    """Take alarms off the shelf before their time."""
    hit = [name for name in action.alarms if name in world.state.hush.shelf]
    for name in hit:
        _take(world, name)
    return (Outcome.ACCEPTED if hit else Outcome.UNKNOWN_TARGET), hit


def due(world: World, now_ms: int, name: str) -> None:
    """The shelf's time is over: the alarm counts again, and the office is told."""
    held = world.state.hush.shelf.get(name)
    if held is None:
        return
    if now_ms < held.until_ms:
        world.arm(held.until_ms, "shelf", name)
        return
    _take(world, name)
    world.record("shelf", event="expired", alarm=name, name=held.name, by=held.account)
    over = world.state.hush.ended
    for one in over:
        if (one.kind, one.name, one.account) == ("shelf", held.name, held.account):
            one.ids.append(name)
            return
    over.append(Ended("shelf", held.name, held.account, now_ms, [name]))


def review(world: World, now_ms: int) -> None:
    """Another configuration: what became a key unit's is not hidden any more."""
    for name in sorted(world.state.hush.shelf):
        if not known(world, name):
            _take(world, name)
        elif key_unit(world, name.partition("|")[0]):
            held = _take(world, name)
            world.record("shelf", event="key_unit", alarm=name, name=held.name, by=held.account)
            world.state.hush.ended.append(Ended("shelf", held.name, held.account, now_ms, [name]))


def silenced(world: World, device: str, row: DeviceState) -> bool:
    """Whether all that speaks for the device's state is shelved."""
    shelf = world.state.hush.shelf
    if not shelf:
        return False
    speaking = [
        f"{device}|{name}"
        for name, alarm in row.alarms.items()
        if (alarm.active or alarm.flapping_ms is not None) and _carries(row, name)
    ]
    return bool(speaking) and all(name in shelf for name in speaking)


def _carries(row: DeviceState, name: str) -> bool:
    """Whether the alarm is what puts the device in its state."""
    type_id = name.partition("|")[0]
    if row.status is Status.DOWN:
        return type_id == UNREACHABLE
    if row.status is Status.SNMP_FAULT:
        return type_id == SNMP_FAILURE
    return row.status is Status.ALARM


def key_unit(world: World, device: str) -> bool:
    """Whether the device stands at a key unit's site."""
    known = world.county.devices.get(device)
    return known is not None and world.county.sites[known.site].key_unit


def known(world: World, name: str) -> bool:
    """Whether there is such a device and such a type of alarm."""
    device, _, alarm = name.partition("|")
    return device in world.county.devices and alarm.partition("|")[0] in world.county.types


def _take(world: World, name: str) -> Shelved:
    held = world.state.hush.shelf.pop(name)
    world.arm(None, "shelf", name)
    _touch(world, name)
    return held


def _touch(world: World, name: str) -> None:
    device = name.partition("|")[0]
    if device in world.state.devices:
        world.dirty[device] = None
    world.stale_verdict = True
