"""What people say of alarms: who cares for them, and what is shelved or purged (RFC 8632).

A person's word never raises or clears an alarm. Acknowledgement, closing and notes belong to one
raise: an alarm that comes again is open again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from collector import condition, maintenance, shelf
from collector.base import World
from collector.hold import Phase
from collector.state import Alarm, Care, CareNote
from escalation.authority import Outcome
from wire.alarm import HUSHING, AlarmAction, AlarmVerb
from wire.notice import Verb

Done = tuple[Outcome, list[str]]
"""What became of a word, and the alarms that it touched."""

MOST_NOTES: Final = 50
"""Notes kept per alarm; the journal has all of them."""

MOST_REMEMBERED: Final = 5000
"""Ids of words kept to recognise a repetition."""


def said(world: World, now_ms: int, action: AlarmAction, key: str) -> Outcome:
    """One signed word (``key`` verified by the shell); recorded either way.

    The same word again changes nothing and is answered as it was the first time.
    """
    outcome = world.desk.identify(now_ms, action, key)
    hit: list[str] = []
    known = world.state.words.get(action.id) if outcome is Outcome.ACCEPTED else None
    if known is not None:
        outcome = Outcome(known)
    elif outcome is Outcome.ACCEPTED:
        prune(world)
        outcome, hit = _obeyed(world, now_ms, action)
        _remember(world.state.words, action.id, outcome)
    world.record(
        "alarm_action",
        action=action.model_dump(mode="json"),
        key=key,
        outcome=outcome.value,
        alarms=len(hit),
        repeated=known is not None,
    )
    return outcome


def _remember(words: dict[str, str], ident: str, outcome: Outcome) -> None:
    words[ident] = outcome.value
    while len(words) > MOST_REMEMBERED:
        del words[next(iter(words))]


def _obeyed(world: World, now_ms: int, action: AlarmAction) -> Done:
    """What became of the word, and the alarms that it touched."""
    if action.verb in HUSHING and not world.desk.may(action.account, Verb.ALARM):
        return Outcome.NO_ROLE, []
    return WORDS.get(action.verb, _cared)(world, now_ms, action)


def _cared(world: World, now_ms: int, action: AlarmAction) -> Done:
    known = {person.account for person in world.county.register.people}
    hit = [name for name in action.alarms if active(world, name) is not None]
    if not hit or (action.assignee is not None and action.assignee not in known):
        return Outcome.UNKNOWN_TARGET, []
    for name in hit:
        _apply(world, now_ms, name, action)
    return Outcome.ACCEPTED, hit


def found(world: World, name: str) -> Alarm | None:
    """The alarm of that id (``device|type|qualifier``), raised or cleared."""
    device, _, alarm_name = name.partition("|")
    row = world.state.devices.get(device)
    return row.alarms.get(alarm_name) if row else None


def active(world: World, name: str) -> Alarm | None:
    """The alarm of that id, if it is raised or flaps."""
    alarm = found(world, name)
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
            care.acked, care.closed = note, None
        case AlarmVerb.UNACK:
            care.acked = care.closed = None
        case AlarmVerb.CLOSE:
            care.acked, care.closed = None, note
        case AlarmVerb.ASSIGN:
            care.assignee = action.assignee
        case _:
            pass
    care.notes = [*care.notes, note][-MOST_NOTES:]
    world.dirty[name.partition("|")[0]] = None  # so that whoever shows it looks again


def _purged(world: World, now_ms: int, action: AlarmAction) -> Done:
    """Forget the cleared alarms that were named, or those cleared long enough ago."""
    names = list(action.alarms)
    if action.older_s is not None:
        names += [
            f"{device}|{name}"
            for device, row in sorted(world.state.devices.items())
            for name, alarm in row.alarms.items()
            if now_ms - alarm.moved_ms >= action.older_s * 1000
        ]
    hit = [
        name
        for name in dict.fromkeys(names)
        if (alarm := found(world, name)) is not None
        and alarm.phase is Phase.CLEAR
        and alarm.flapping_ms is None
    ]
    for name in hit:
        device, _, alarm_name = name.partition("|")
        condition.purge(world, device, alarm_name)
    return (Outcome.ACCEPTED if hit else Outcome.UNKNOWN_TARGET), hit


def prune(world: World) -> None:
    """Forget what was said of alarms that are over."""
    world.state.cares = {
        name: care for name, care in world.state.cares.items() if active(world, name) is not None
    }


WORDS: Final[Mapping[AlarmVerb, Callable[[World, int, AlarmAction], Done]]] = {
    AlarmVerb.SHELVE: shelf.shelve,
    AlarmVerb.UNSHELVE: shelf.unshelve,
    AlarmVerb.PURGE: _purged,
    AlarmVerb.MAINTAIN: maintenance.enter,
    AlarmVerb.END: maintenance.end,
}
"""Words that hide or forget; all others are of who cares for an alarm."""
