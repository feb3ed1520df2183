"""Parents hide children: a device all of whose parents are cut off is no alarm of its own.

It is counted in the impact and shown with its cause (PLAN section 4, two counts). The verdict
does not depend on the order in which polls arrive within the hold (FAULTS F34): a parent that is
being watched (its delay runs) hides as much as one that is raised, and a child's word waits for
such a parent, at most as long as the parent's own delay.
"""

from __future__ import annotations

from collections.abc import Iterable

from collector.base import World
from collector.county import UNREACHABLE
from collector.hold import Phase
from collector.state import Alarm

_KEY = f"{UNREACHABLE}|"


def unreachable(world: World, device: str) -> Alarm | None:
    """The device's unreachable alarm, unless it is clear."""
    row = world.state.devices.get(device)
    alarm = row.alarms.get(_KEY) if row else None
    return alarm if alarm is not None and alarm.phase is not Phase.CLEAR else None


def suspect(world: World, device: str) -> bool:
    """Raised, or pending with somebody still looking."""
    alarm = unreachable(world, device)
    return alarm is not None and (alarm.active or alarm.due_ms is not None)


def cut_off(world: World, device: str) -> bool:
    """Whether it has parents and every one of them is suspect."""
    known = world.county.devices.get(device)
    return bool(known and known.parents) and all(
        suspect(world, parent) for parent in world.county.devices[device].parents
    )


def causes(world: World, device: str) -> list[str]:
    """The devices at the root of what cuts ``device`` off; empty: it is not hidden.

    In a ring whose every member is down and that hangs on nothing there is no root: then all of
    them speak for themselves.
    """
    if not cut_off(world, device):
        return []
    roots: set[str] = set()
    met = {device}
    above = list(world.county.devices[device].parents)
    while above:
        parent = above.pop()
        if parent in met:
            continue
        met.add(parent)
        if cut_off(world, parent):
            above.extend(world.county.devices[parent].parents)
        else:
            roots.add(parent)
    return sorted(roots)


def waits_until(world: World, now_ms: int, device: str) -> int | None:
    """How long the word of a child waits for its parents' delays; None: it need not."""
    if not cut_off(world, device):
        return None
    alarms = [unreachable(world, parent) for parent in world.county.devices[device].parents]
    ends = [a.due_ms for a in alarms if a and a.phase is Phase.PENDING and a.due_ms is not None]
    latest = max(ends, default=now_ms)
    return latest if latest > now_ms else None


def refresh(world: World, changed: Iterable[str]) -> dict[str, None]:
    """Judge anew who is hidden, below every changed device; all devices to look at again."""
    touched: dict[str, None] = dict.fromkeys(changed)
    ahead = list(touched)
    while ahead:
        device = ahead.pop()
        for child in world.county.children.get(device, ()):
            if child not in touched and unreachable(world, child) is not None:
                touched[child] = None
                ahead.append(child)
    for device in touched:
        row = world.state.devices.get(device)
        if row is not None:
            alarm = unreachable(world, device)
            row.hidden_by = causes(world, device) if alarm and alarm.active else []
    return touched
