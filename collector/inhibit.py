"""Parents hide children: a device to which no path is left is no alarm of its own.

It is counted in the impact and shown with its cause (PLAN section 4, two counts). A path leads up
from parent to parent to a root. It is interrupted by a device that gives no answer; one that
answers proves the path to itself; of one that nobody sees (or that never answered) its own paths
decide. So rings, diamonds and dual-homed sites need no rule of their own.

The verdict does not depend on the order in which polls arrive within the hold (FAULTS F34): a
parent that is being watched (its delay runs) hides as much as one that is raised, and a child's
word waits for such a parent, at most as long as the parent's own delay. Where the last word of
the parents is older than the child's silence, it waits, bounded, for a fresh look at them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from collector import flapping
from collector.base import World
from collector.county import SNMP_FAILURE, UNREACHABLE
from collector.hold import Phase
from collector.state import Alarm, DeviceState

_KEY = f"{UNREACHABLE}|"

LOOK_S: Final = 60
"""Real seconds that a child's word waits at most for a fresh look at its parents."""


def unreachable(world: World, device: str) -> Alarm | None:
    """The device's unreachable alarm, unless it is clear."""
    row = world.state.devices.get(device)
    alarm = row.alarms.get(_KEY) if row else None
    return alarm if alarm is not None and alarm.phase is not Phase.CLEAR else None


def suspect(world: World, device: str) -> bool:
    """Raised, or pending with somebody still looking."""
    alarm = unreachable(world, device)
    return alarm is not None and (alarm.active or alarm.due_ms is not None)


def unseen(world: World, device: str) -> bool:
    """Whether nobody can say if it answers: not seen now, or never in service (FAULTS F33)."""
    row = world.state.devices.get(device)
    return row is None or not row.known or row.commissioned_ms is None


class Above:
    """What stands above a device: the first on each path that says something of it.

    ``silent`` interrupt their paths (so do those that are ``also`` to); ``answering`` prove them.
    ``open``: some path is left, or may be, because a root that nobody sees is at its end.
    """

    def __init__(
        self, world: World, device: str, also: Callable[[str], bool] = lambda _: False
    ) -> None:
        self.silent: list[str] = []
        self.answering: list[str] = []
        self.open = False
        parents = world.county.parents
        met = {device}
        ahead = list(parents.get(device, ()))
        while ahead:
            parent = ahead.pop()
            if parent in met:
                continue
            met.add(parent)
            if suspect(world, parent) or also(parent):
                self.silent.append(parent)
            elif not unseen(world, parent):
                self.answering.append(parent)
                self.open = True
            elif further := parents.get(parent):
                ahead.extend(further)
            else:
                self.open = True

    @property
    def cut_off(self) -> bool:
        """Every path up is interrupted, and there was one."""
        return not self.open and bool(self.silent)


def cut_off(world: World, device: str) -> bool:
    """Whether it has parents, and no path up is left."""
    return bool(world.county.parents.get(device)) and Above(world, device).cut_off


def causes(world: World, device: str) -> list[str]:
    """The devices at the root of what cuts ``device`` off; empty: it is not hidden.

    A cut off device always has one: its last interrupter on a path to a root has the rest of that
    path left. (Of what hangs on no root no parent is believed, ``County.parents``.)
    """
    above = Above(world, device) if world.county.parents.get(device) else None
    if above is None or not above.cut_off:
        return []
    roots: set[str] = set()
    met = {device}
    ahead = above.silent
    while ahead:
        parent = ahead.pop()
        if parent in met:
            continue
        met.add(parent)
        further = Above(world, parent)
        if further.cut_off:
            ahead.extend(further.silent)
        else:
            roots.add(parent)
    return sorted(roots)


def flapping_above(world: World, now_ms: int, device: str) -> list[str]:
    """The flapping devices at the root of what makes ``device`` come and go; empty: it is itself.

    As with silence: every path up must be interrupted, by one that flaps or gives no answer.
    """
    roots: set[str] = set()
    met, ahead = {device}, [device]
    while ahead:
        one = ahead.pop()
        above = Above(world, one, lambda parent: _stirs(world, now_ms, parent))
        blinking = [] if above.open else [p for p in above.silent if _stirs(world, now_ms, p)]
        if not blinking and one != device:
            roots.add(one)
        for parent in blinking:
            if parent not in met:
                met.add(parent)
                ahead.append(parent)
    return sorted(roots)


def flaps_behind(row: DeviceState) -> list[str]:
    """The flapping devices with which it comes and goes, without being called flapping itself."""
    alarm = row.alarms.get(_KEY)
    return alarm.behind if alarm is not None else []


def flaps_with(world: World, now_ms: int, device: str, type_id: str) -> list[str]:
    """Whose flapping an alarm's is: of what it hangs on, of the device as a whole; empty: its own.

    A device that comes and goes loses and finds its SNMP each time.
    """
    if type_id not in {UNREACHABLE, SNMP_FAILURE}:
        return []
    above = flapping_above(world, now_ms, device)
    if not above and type_id == SNMP_FAILURE and _stirs(world, now_ms, device):
        return [device]
    return above


def steady_again(world: World, alarm: Alarm) -> bool:
    """Whether it came and went with others, and none of these flaps any more."""
    rows = (world.state.devices.get(one) for one in alarm.behind)
    held = [row.alarms.get(_KEY) for row in rows if row is not None]
    return bool(alarm.behind) and all(one is None or one.flapping_ms is None for one in held)


def with_it(world: World, device: str) -> Iterator[tuple[str, str]]:
    """The alarms, its own and those of what hangs on it, that came and went with ``device``."""
    met, ahead = {device}, [device]
    while ahead:
        one = ahead.pop()
        row = world.state.devices.get(one)
        for type_id in (UNREACHABLE, SNMP_FAILURE):
            alarm = row.alarms.get(f"{type_id}|") if row else None
            if alarm is not None and device in alarm.behind:
                yield one, type_id
        below = (child for child in world.county.children.get(one, ()) if child not in met)
        concerned = [child for child in below if _concerned(world, child)]
        met.update(concerned)
        ahead += concerned


def _stirs(world: World, now_ms: int, device: str) -> bool:
    row = world.state.devices.get(device)
    alarm = row.alarms.get(_KEY) if row else None
    if alarm is None:
        return False
    rule = world.county.policy.flap
    left = flapping.decayed(alarm.penalty, now_ms - alarm.changed_ms, rule)
    return alarm.flapping_ms is not None or flapping.stirs(left, rule)


def waits_until(world: World, now_ms: int, device: str) -> int | None:
    """How long the word of a child waits for its parents' delays; None: it need not."""
    if not world.county.parents.get(device):
        return None
    above = Above(world, device)
    if not above.cut_off:
        return None
    alarms = [unreachable(world, parent) for parent in above.silent]
    ends = [a.due_ms for a in alarms if a and a.phase is Phase.PENDING and a.due_ms is not None]
    latest = max(ends, default=now_ms)
    return latest if latest > now_ms else None


def stale_above(world: World, device: str, since_ms: int) -> list[str]:
    """Who has to be looked at before the device may speak for itself; empty: nobody.

    Where all that answers above it was last seen before ``since_ms``, it may be gone as well.
    """
    if not world.county.parents.get(device):
        return []
    above = Above(world, device)
    if not above.answering or any(_fresh(world, one, since_ms) for one in above.answering):
        return []
    return sorted(above.answering)


def _fresh(world: World, device: str, since_ms: int) -> bool:
    """Whether a look that began after ``since_ms`` (arrival) has spoken of the device."""
    for agent, view in world.state.devices[device].views.items():
        source = world.state.agents.get(agent)
        if view.word_ms > since_ms:
            return True
        if source is None or source.round_ms is None or device in source.missed:
            continue
        if source.round_ms - source.interval_ms > since_ms:
            return True
    return False


def look_by(world: World, devices: Iterable[str]) -> int:
    """Domain ms that a child's word waits at most for a look at ``devices``, its parents.

    A round of theirs, and no more than LOOK_S.
    """
    rows = (world.state.devices.get(device) for device in devices)
    agents = {agent for row in rows if row is not None for agent in row.views}
    known = (world.state.agents.get(agent) for agent in agents)
    longest = max((source.interval_ms for source in known if source is not None), default=0)
    return world.county.real_ms(min(LOOK_S, longest / 1000))


def refresh(world: World, devices: Iterable[str]) -> None:
    """Judge anew who is hidden, and by whom."""
    for device in devices:
        row = world.state.devices.get(device)
        if row is not None:
            alarm = unreachable(world, device)
            row.hidden_by = causes(world, device) if alarm and alarm.active else []


def take(world: World, most: int) -> list[str]:
    """The next devices of the wave, what is changed before what is below it."""
    wave, taken = world.wave, list[str]()
    while wave and len(taken) < most:
        device = wave.ahead.popleft()
        taken.append(device)
        for child in world.county.children.get(device, ()):
            if child not in wave.met and _concerned(world, child):
                wave.met.add(child)
                wave.ahead.append(child)
    return taken


def _concerned(world: World, child: str) -> bool:
    """Whether a change above may concern it, or what is below it."""
    row = world.state.devices.get(child)
    alarm = row.alarms.get(_KEY) if row else None
    speaks = alarm is not None and (alarm.phase is not Phase.CLEAR or bool(alarm.behind))
    return speaks or unseen(world, child)
