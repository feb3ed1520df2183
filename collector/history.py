"""What an agent saw while nobody heard it: it corrects when things began and raises nothing (F8).

How things stand has come before (``collector.rows``), so the past can only say since when. Looks
come in the order in which they were made: the same outcome as now moves the beginning back, any
other one in between moves it to where it was.
"""

from __future__ import annotations

from typing import Final

from collector import intake
from collector.base import World
from collector.county import UNREACHABLE
from collector.model import HISTORY, Received, Row
from collector.state import Alarm, DeviceState, LookState, Stamp, judge_stamp
from wire.observation import Event, Look, Looks, Method, Outcome

EPOCHS_KEPT: Final = 64
"""Ended epochs of an agent's state lane that are remembered."""


def ended(world: World, agent: str, epoch: int, seq: int) -> None:
    """The agent's state lane went on in a newer epoch after row (``epoch``, ``seq``)."""
    kept = world.agent(agent).ended
    kept[epoch] = max(seq, kept.get(epoch, 0))
    for old in sorted(kept)[:-EPOCHS_KEPT]:
        del kept[old]


def known(world: World, row: Row) -> bool:
    """Whether a row of history was applied before its lane was retired."""
    if row.lane != HISTORY:
        return False
    return row.was_seq <= world.agent(row.sender).ended.get(row.was_epoch, 0)


def recalled(world: World, now_ms: int, given: Received) -> None:
    """Apply a row of an agent's history."""
    agent = given.row.sender
    for item in given.body.items:
        if isinstance(item, Look):
            _look(world, now_ms, agent, item)
        elif isinstance(item, Looks):
            for look in spread(item):
                _look(world, now_ms, agent, look)
        elif isinstance(item, Event) and intake.device_allowed(world, now_ms, agent, item.device):
            intake.happened(world, item)


def spread(item: Looks, since_ms: int | None = None) -> list[Look]:
    """The single looks of columns; ``since_ms`` where these have none (else their own stamp)."""
    since = item.since_ms or (item.at_ms if since_ms is None else since_ms,) * len(item.devices)
    return [
        Look.model_construct(
            device=device,
            method=method,
            outcome=item.outcome,
            since_ms=begun_ms,
            at_ms=item.at_ms,
            reason=item.reason,
        )
        for device, begun_ms in zip(item.devices, since, strict=True)
        for method in item.methods
    ]


def _look(world: World, now_ms: int, agent: str, look: Look) -> None:
    row = world.state.devices.get(look.device)
    view = row.views.get(agent) if row else None
    now = view.looks.get(look.method) if view else None
    if row is None or now is None:
        intake.device_allowed(world, now_ms, agent, look.device)
        return
    said_ms = now.said_ms
    if look.since_ms >= said_ms:
        return
    if look.outcome is now.outcome:
        if _sound(world, now_ms, agent, look) and look.since_ms < now.since_ms:
            now.told_ms, now.since_ms = said_ms, look.since_ms
    elif now.told_ms:
        now.since_ms, now.told_ms = now.told_ms, 0
    past = (look.outcome, look.reason)
    if now.past != past:
        now.past = past
        world.record(
            "history",
            agent=agent,
            device=look.device,
            method=look.method.value,
            outcome=look.outcome.value,
            reason=look.reason,
            since_ms=look.since_ms,
            at_ms=now_ms,
        )
    _began(world, look.device, row)


def _sound(world: World, now_ms: int, agent: str, look: Look) -> bool:
    """Whether the look's own stamp can be believed as far as a beginning goes (FAULTS F16)."""
    wrong = world.agent(agent).clock_off
    return not wrong and judge_stamp(look.since_ms, now_ms) is Stamp.GOOD


def _began(world: World, device: str, row: DeviceState) -> None:
    """Since when an unreachable device really is, by the agents' own stamps: for people alone."""
    alarm: Alarm | None = row.alarms.get(f"{UNREACHABLE}|")
    if alarm is None or not alarm.bad:
        return
    silent = list(_silent(row))
    told = any(look.told_ms for look in silent)
    began_ms = max((look.since_ms for look in silent), default=0) if told else 0
    if began_ms and began_ms >= alarm.since_ms:
        began_ms = 0
    if alarm.began_ms != began_ms:
        alarm.began_ms = began_ms
        world.dirty[device] = None


def _silent(row: DeviceState) -> list[LookState]:
    looks = [view.looks.get(method) for view in row.views.values() for method in Method]
    return [one for one in looks if one is not None and one.outcome is Outcome.NO_ANSWER]
