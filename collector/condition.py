"""Looks and readings become alarms (RFC 8632: resource, type, qualifier).

Could not look changes nothing but freshness; unknown neither raises nor clears. A delay that ends
while nobody sees the device is suspended and begins anew when somebody does. Flapping lets an
alarm raise as ever and holds back its clearing; leaving it records the net change (FAULTS F28).
"""

from __future__ import annotations

from collector import inhibit
from collector.base import World
from collector.county import REBOOTED, SNMP_FAILURE, UNREACHABLE
from collector.hold import Event, Phase, move, resume, suspend
from collector.sight import confirmed, patience_ms, reach
from collector.state import Alarm, DeviceState
from config.profile import Hint


def review(world: World, now_ms: int, device: str) -> None:
    """Judge the device anew from the views that count now."""
    row = world.device(device)
    found = reach(world, device, row)
    if found.answered:
        commission(world, now_ms, device, row)
    if row.known is not found.known:
        row.known = found.known
        world.dirty[device] = None
    if found.known:
        _resume(world, now_ms, device, row)
    if row.commissioned_ms is None:
        return
    if found.reachable is not None:
        feel(world, now_ms, device, (UNREACHABLE, ""), bad=not found.reachable)
    if found.snmp is not None:
        feel(world, now_ms, device, (SNMP_FAILURE, ""), bad=not found.snmp)


def commission(world: World, now_ms: int, device: str, row: DeviceState) -> None:
    """It has answered, so that its silence means something from here on (FAULTS F33)."""
    if row.commissioned_ms is None:
        row.commissioned_ms = now_ms
        world.record("commissioned", device=device, at_ms=now_ms)
        world.dirty[device] = None


def judge_reading(
    world: World,
    now_ms: int,
    device: str,
    metric: str,
    instance: str,
    value: float | None,
) -> None:
    """Judge a value by every alarm hint of its metric; no such object says nothing.

    A value of a device that is silent now proves that it answered once: so an agent tells a
    collector whose store was lost during an outage (FAULTS F21).
    """
    if value is None:
        return
    row = world.device(device)
    if row.commissioned_ms is None:
        commission(world, now_ms, device, row)
        review(world, now_ms, device)
    verdicts: dict[str, bool] = {}
    for hint in world.county.hints.get(metric, ()):
        bad = judge_value(threshold(world, hint), value)
        if bad is not None:
            verdicts[hint.alarm] = verdicts.get(hint.alarm, False) or bad
    for alarm, bad in verdicts.items():
        feel(world, now_ms, device, (alarm, instance), bad=bad, said=f"{metric}={value:g}")


def restarted(world: World, now_ms: int, device: str) -> None:
    """It came up anew: an alarm for a moment; devices that go on restarting are flapping."""
    if REBOOTED in world.county.types and world.device(device).commissioned_ms is not None:
        for bad in (True, False):
            feel(world, now_ms, device, (REBOOTED, ""), bad=bad)


def threshold(world: World, hint: Hint) -> Hint:
    """The hint with the policy's own numbers for the type, where it has some (DESIGN)."""
    kind = world.county.types[hint.alarm]
    if kind.above is None and kind.below is None:
        return hint
    return hint.model_copy(
        update={"values": (), "above": kind.above, "below": kind.below, "clear": kind.clear}
    )


def judge_value(hint: Hint, value: float) -> bool | None:
    """Bad, good, or None between raise and clear value (hysteresis)."""
    if hint.values:
        return value in hint.values
    if hint.above is not None:
        if value > hint.above:
            return True
        return False if hint.clear is None or value <= hint.clear else None
    if hint.below is not None:
        if value < hint.below:
            return True
        return False if hint.clear is None or value >= hint.clear else None
    return None


def feel(
    world: World, now_ms: int, device: str, key: tuple[str, str], *, bad: bool, said: str = ""
) -> None:
    """One judgement of one alarm (``key``: type and qualifier)."""
    type_id, qualifier = key
    row = world.device(device)
    alarm = row.alarms.get(f"{type_id}|{qualifier}")
    if alarm is None:
        if not bad:
            return
        alarm = row.alarms[f"{type_id}|{qualifier}"] = Alarm()
    if alarm.bad is not bad:
        alarm.bad, alarm.said = bad, said if bad else alarm.said
        alarm.began_ms = 0 if bad else alarm.began_ms
        _edge(world, now_ms, device, key, alarm)
    was = alarm.active
    if move(alarm, now_ms, Event.BAD if bad else Event.GOOD, world.county.delays(type_id)):
        _moved(world, now_ms, device, key, alarm, was=was)


def due(world: World, now_ms: int, device: str, type_id: str, qualifier: str) -> None:
    """The alarm's delay is over."""
    row = world.state.devices.get(device)
    alarm = row.alarms.get(f"{type_id}|{qualifier}") if row else None
    if row is None or alarm is None or type_id not in world.county.types:
        return
    if alarm.due_ms is None or now_ms < alarm.due_ms:
        return
    key = (type_id, qualifier)
    later = _later(world, now_ms, device, (type_id, row), alarm)
    if later is not None:
        alarm.due_ms = later
    elif not row.known:
        suspend(alarm)
        world.dirty[device] = None
    elif alarm.phase is Phase.CLEARING and alarm.flapping_ms is not None:
        return  # its clearing waits for the flapping to end
    else:
        was = alarm.active
        if move(alarm, now_ms, Event.DUE, world.county.delays(type_id)):
            _moved(world, now_ms, device, key, alarm, was=was)
            if type_id == UNREACHABLE and alarm.active:
                _take_along(world, now_ms, device)
        return
    world.arm(alarm.due_ms, "alarm", device, type_id, qualifier)


def _later(
    world: World, now_ms: int, device: str, of: tuple[str, DeviceState], alarm: Alarm
) -> int | None:
    """When to look again: settling after a start, a child's parents, a second round's word."""
    type_id, row = of
    if now_ms < world.state.settle_until_ms:
        return world.state.settle_until_ms
    if type_id != UNREACHABLE or alarm.phase is not Phase.PENDING or not row.known:
        return None
    waits = inhibit.waits_until(world, now_ms, device)
    if waits is not None or confirmed(world, device, row):
        return waits
    latest = alarm.moved_ms + world.county.delays(type_id).raise_ms + patience_ms(world, row)
    if latest <= now_ms:
        return None
    for agent in row.views:
        source = world.state.agents.get(agent)
        if source is not None:
            source.doubted[device] = now_ms
    return latest


def confirm(world: World, now_ms: int, device: str) -> None:
    """A round is over: a word that only waited for it need wait no longer."""
    alarm = inhibit.unreachable(world, device)
    if alarm is None or alarm.phase is not Phase.PENDING or alarm.due_ms is None:
        return
    if confirmed(world, device, world.device(device)):
        alarm.due_ms = now_ms
        world.arm(now_ms, "alarm", device, UNREACHABLE)


def _take_along(world: World, now_ms: int, device: str) -> None:
    """What is cut off behind a device that was just raised, and gives no answer, is raised too.

    With ``inhibit.waits_until`` this makes a fault and all that it takes down one event, in
    whatever order the polls arrived within the hold (FAULTS F34).
    """
    below = [device]
    while below:
        for child in world.county.children.get(below.pop(), ()):
            alarm = inhibit.unreachable(world, child)
            if alarm is None or alarm.phase is not Phase.PENDING or alarm.due_ms is None:
                continue
            if inhibit.cut_off(world, child) and not inhibit.waits_until(world, now_ms, child):
                alarm.due_ms = now_ms
                move(alarm, now_ms, Event.DUE, world.county.delays(UNREACHABLE))
                _moved(world, now_ms, child, (UNREACHABLE, ""), alarm, was=False)
                below.append(child)


def flap_due(world: World, now_ms: int, device: str, type_id: str, qualifier: str) -> None:
    """Quiet for the flap rule's hold: flapping is over, the net change is told."""
    row = world.state.devices.get(device)
    alarm = row.alarms.get(f"{type_id}|{qualifier}") if row else None
    if alarm is None or alarm.flapping_ms is None or type_id not in world.county.types:
        return
    since, alarm.flapping_ms, alarm.edges = alarm.flapping_ms, None, []
    world.record(
        "flapping_over",
        device=device,
        type=type_id,
        qualifier=qualifier,
        since_ms=since,
        bad=alarm.bad,
    )
    world.dirty[device] = None
    due(world, now_ms, device, type_id, qualifier)


def _edge(world: World, now_ms: int, device: str, key: tuple[str, str], alarm: Alarm) -> None:
    """Count a change of judgement; enough of them in the window is flapping."""
    rule = world.county.policy.flap
    alarm.edges = [*alarm.edges[-(rule.transitions - 1) :], now_ms]
    dense = len(alarm.edges) == rule.transitions and now_ms - alarm.edges[0] <= rule.window_s * 1000
    if dense and alarm.flapping_ms is None:
        alarm.flapping_ms = now_ms
        world.record("flapping", device=device, type=key[0], qualifier=key[1], at_ms=now_ms)
        world.dirty[device] = None
    if alarm.flapping_ms is not None:
        world.arm(now_ms + rule.hold_s * 1000, "flap", device, *key)


def _moved(
    world: World, now_ms: int, device: str, key: tuple[str, str], alarm: Alarm, *, was: bool
) -> None:
    world.arm(alarm.due_ms, "alarm", device, *key)
    world.dirty[device] = None
    if alarm.active is not was:
        world.record(
            "alarm",
            device=device,
            type=key[0],
            qualifier=key[1],
            word="raised" if alarm.active else "cleared",
            since_ms=alarm.since_ms,
            at_ms=now_ms,
            said=alarm.said,
        )


def _resume(world: World, now_ms: int, device: str, row: DeviceState) -> None:
    """Somebody sees the device again: suspended delays begin anew."""
    for name, alarm in row.alarms.items():
        type_id, _, qualifier = name.partition("|")
        if type_id in world.county.types and resume(alarm, now_ms, world.county.delays(type_id)):
            world.arm(alarm.due_ms, "alarm", device, type_id, qualifier)
            world.dirty[device] = None
