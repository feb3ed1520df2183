"""Who cares for an alarm: acknowledgement, notes, assignment (RFC 8632 operator states).

A technician's word never raises, clears or hides an alarm. It belongs to one raise: an alarm that
comes again has to be acknowledged again.
"""

from __future__ import annotations

from typing import Final

from collector.base import World
from collector.state import Alarm, Care, CareNote
from escalation.authority import Outcome
from wire.alarm import AlarmAction, AlarmVerb

MOST_NOTES: Final = 50
"""Notes kept per alarm; the journal has all of them."""


MOST_REMEMBERED: Final = 5000
"""Ids of words kept to recognise a repetition."""


def said(world: World, now_ms: int, action: AlarmAction, key: str) -> None:
    """One signed word (``key`` verified by the shell) on some alarms; recorded either way.

    The same word again changes nothing and is answered as it was the first time.
    """
    outcome = world.desk.identify(now_ms, action, key)
    hit: list[str] = []
    known = world.state.words.get(action.id) if outcome is Outcome.ACCEPTED else None
    if known is not None:
        outcome = Outcome(known)
    elif outcome is Outcome.ACCEPTED:
        prune(world)
        hit = [name for name in action.alarms if active(world, name) is not None]
        outcome = _judge(world, action, hit)
        _remember(world.state.words, action.id, outcome)
    if outcome is Outcome.ACCEPTED:
        for name in hit:
            _apply(world, now_ms, name, action)
    world.record(
        "alarm_action",
        action=action.model_dump(mode="json"),
        key=key,
        outcome=outcome.value,
        alarms=len(hit),
        repeated=known is not None,
    )


def _remember(words: dict[str, str], ident: str, outcome: Outcome) -> None:
    words[ident] = outcome.value
    while len(words) > MOST_REMEMBERED:
        del words[next(iter(words))]


def _judge(world: World, action: AlarmAction, hit: list[str]) -> Outcome:
    known = {person.account for person in world.county.register.people}
    if not hit or (action.assignee is not None and action.assignee not in known):
        return Outcome.UNKNOWN_TARGET
    return Outcome.ACCEPTED


def active(world: World, name: str) -> Alarm | None:
    """The alarm of that id (``device|type|qualifier``), if it is raised or flaps."""
    device, _, alarm_name = name.partition("|")
    row = world.state.devices.get(device)
    alarm = row.alarms.get(alarm_name) if row else None
    return alarm if alarm and (alarm.active or alarm.flapping_ms is not None) else None


def care_of(world: World, name: str, alarm: Alarm) -> Care | None:
    """What was said of this raise of the alarm; None when nothing was."""
    care = world.state.cares.get(name)
    return care if care is not None and care.since_ms == alarm.since_ms else None


def _apply(world: World, now_ms: int, name: str, action: AlarmAction) -> None:
    alarm = active(world, name)
    assert alarm is not None
    care = care_of(world, name, alarm)
    if care is None:
        care = world.state.cares[name] = Care(alarm.since_ms)
    note = CareNote(now_ms, action.account, action.verb.value, action.text)
    match action.verb:
        case AlarmVerb.ACK:
            care.acked = note
        case AlarmVerb.UNACK:
            care.acked = None
        case AlarmVerb.ASSIGN:
            care.assignee = action.assignee
        case AlarmVerb.NOTE:
            pass
    care.notes = [*care.notes, note][-MOST_NOTES:]


def prune(world: World) -> None:
    """Forget what was said of alarms that are over."""
    world.state.cares = {
        name: care for name, care in world.state.cares.items() if active(world, name) is not None
    }
