"""Looks and readings become alarms (RFC 8632: resource, type, qualifier).

Could not look changes nothing but freshness; unknown neither raises nor clears. A delay that ends
while nobody sees the device is suspended and begins anew when somebody does. Flapping lets an
alarm raise as ever and holds back its clearing; leaving it records the net change (FAULTS F28).
Cleared alarms stay in the list, with their last changes, until they are purged.
"""

from __future__ import annotations

from typing import Final

from collector import flapping, inhibit
from collector.base import World
from collector.county import REBOOTED, SNMP_FAILURE, UNREACHABLE
from collector.hold import Event, Phase, move, resume, suspend
from collector.sight import confirmed, patience_ms, reach
from collector.state import Alarm, DeviceState, StatusChange
from collector.timers import TimerKey
from config.profile import Hint

MOST_CHANGES: Final = 32
"""Status changes kept per alarm (RFC 8632 max-alarm-status-changes, its default)."""


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


def rejudge(world: World, now_ms: int) -> None:
    """Values that stand are judged by the thresholds in force now; the next Tick goes on."""
    for device, row in world.state.devices.items():
        if row.known and device in world.county.devices:
            for key, held in list(row.readings.items()):
                metric, _, instance = key.partition("|")
                judge_reading(world, now_ms, device, metric, instance, held.value)


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
    return _waits(world, now_ms, device, row, alarm)


def _waits(world: World, now_ms: int, device: str, row: DeviceState, alarm: Alarm) -> int | None:
    """Until when the word of a device that gives no answer waits for that of others."""
    began_ms = alarm.moved_ms + world.county.delays(UNREACHABLE).raise_ms
    if inhibit.cut_off(world, device):
        return inhibit.waits_until(world, now_ms, device)
    if now_ms < began_ms:
        return began_ms
    if not confirmed(world, device, row):
        latest = began_ms + patience_ms(world, row)
        if latest > now_ms:
            _doubt(world, now_ms, device, row)
            return latest
    above = inhibit.stale_above(world, device, alarm.moved_ms)
    wait_ms = inhibit.look_by(world, above) if above else 0
    if began_ms + wait_ms <= now_ms:
        return None
    for parent in above:
        _ask(world, now_ms, parent, device, wait_ms)
    return began_ms + wait_ms


def _ask(world: World, now_ms: int, parent: str, device: str, wait_ms: int) -> None:
    """Have the parent looked at: once for all of its children within the time that they wait."""
    asked = world.state.asked.get(parent)
    if not asked or now_ms - max(asked.values()) >= wait_ms:
        asked = world.state.asked[parent] = {}
        world.wishes[parent] = None
    asked[device] = now_ms
    _doubt(world, now_ms, device, world.state.devices[parent])


def _doubt(world: World, now_ms: int, device: str, looked_at: DeviceState) -> None:
    """The device's word waits for the next round of those who look at ``looked_at``."""
    for agent in looked_at.views:
        source = world.state.agents.get(agent)
        if source is not None:
            source.doubted[device] = now_ms


def heard_of(world: World, now_ms: int, device: str) -> None:
    """A look has spoken of a device: children whose word waited for it need wait no longer."""
    for child in world.state.asked.pop(device, ()):
        confirm(world, now_ms, child)


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

    Their delays end here; ``_later`` puts them back where a path is left. With
    ``inhibit.waits_until`` this makes a fault and all that it takes down one event, in whatever
    order the polls arrived within the hold (FAULTS F34).
    """
    for child in world.county.children.get(device, ()):
        alarm = inhibit.unreachable(world, child)
        if alarm is not None and alarm.phase is Phase.PENDING and alarm.due_ms is not None:
            alarm.due_ms = now_ms
            world.arm(now_ms, "alarm", child, UNREACHABLE)


def flap_due(world: World, now_ms: int, device: str, type_id: str, qualifier: str) -> None:
    """Its penalty has decayed: flapping is over, the net change is told."""
    row = world.state.devices.get(device)
    alarm = row.alarms.get(f"{type_id}|{qualifier}") if row else None
    if alarm is None or alarm.flapping_ms is None or type_id not in world.county.types:
        return
    over_ms = alarm.changed_ms + flapping.lasts_ms(alarm.penalty, world.county.policy.flap)
    if now_ms < over_ms and not inhibit.steady_again(world, alarm):
        world.arm(over_ms, "flap", device, type_id, qualifier)
        return
    since, alarm.flapping_ms = alarm.flapping_ms, None
    behind, alarm.behind = alarm.behind, []
    if not behind:
        _note(world, now_ms, type_id, alarm, "settled")
        world.record(
            "flapping_over",
            device=device,
            type=type_id,
            qualifier=qualifier,
            since_ms=since,
            bad=alarm.bad,
        )
        for other, kind in inhibit.with_it(world, device) if type_id == UNREACHABLE else ():
            world.arm(now_ms, "flap", other, kind)
    world.dirty[device] = None
    due(world, now_ms, device, type_id, qualifier)


def _edge(world: World, now_ms: int, device: str, key: tuple[str, str], alarm: Alarm) -> None:
    """Count a change of judgement; many quick ones are flapping.

    Where what it hangs on flaps, that is called flapping, and it is not: but its clearing is held
    back as well, so that neither is told again and again.
    """
    rule = world.county.policy.flap
    alarm.penalty = flapping.changed(alarm.penalty, now_ms - alarm.changed_ms, rule)
    alarm.changed_ms = now_ms
    if alarm.flapping_ms is None and not flapping.begins(alarm.penalty, rule):
        return
    began, was = alarm.flapping_ms is None, alarm.behind
    alarm.flapping_ms = now_ms if began else alarm.flapping_ms
    alarm.behind = inhibit.flaps_with(world, now_ms, device, key[0])
    if not alarm.behind and (began or was):
        _note(world, now_ms, key[0], alarm, "flapping")
        world.record("flapping", device=device, type=key[0], qualifier=key[1], at_ms=now_ms)
    if began or alarm.behind != was:
        world.dirty[device] = None
    world.arm(now_ms + flapping.lasts_ms(alarm.penalty, rule), "flap", device, *key)


def _note(world: World, now_ms: int, type_id: str, alarm: Alarm, word: str) -> None:
    """Append to the alarm's status-change list; the journal has all of it."""
    severity = world.county.types[type_id].severity.value
    alarm.changes.append(StatusChange(now_ms, word, severity, alarm.said))
    del alarm.changes[:-MOST_CHANGES]


def purge_due(world: World, now_ms: int, device: str, type_id: str, qualifier: str) -> None:
    """A cleared alarm has been kept for its time."""
    row = world.state.devices.get(device)
    name = f"{type_id}|{qualifier}"
    alarm = row.alarms.get(name) if row else None
    if row is None or alarm is None or alarm.phase is not Phase.CLEAR:
        return
    at_ms = purge_ms(world, alarm)
    if alarm.flapping_ms is not None or now_ms < at_ms:
        world.arm(max(at_ms, now_ms + 1000), "purge", device, type_id, qualifier)
        return
    purge(world, device, name)


def purge_ms(world: World, alarm: Alarm) -> int:
    """When a cleared alarm is forgotten."""
    return alarm.moved_ms + world.county.policy.purge.after_s * 1000


def wind(world: World) -> None:
    """Timers that a snapshot of an older version does not have: of alarms that it had cleared."""
    for device, row in world.state.devices.items():
        for name, alarm in row.alarms.items():
            type_id, _, qualifier = name.partition("|")
            key = TimerKey("purge", device, type_id, qualifier)
            if alarm.phase is Phase.CLEAR and world.timers.get(key) is None:
                world.timers.set(key, purge_ms(world, alarm))


def purge(world: World, device: str, name: str) -> None:
    """Forget a cleared alarm (``type|qualifier``), its history, and who cared for it."""
    type_id, _, qualifier = name.partition("|")
    del world.state.devices[device].alarms[name]
    world.state.cares.pop(f"{device}|{name}", None)
    world.arm(None, "purge", device, type_id, qualifier)
    world.dirty[device] = None


def _moved(
    world: World, now_ms: int, device: str, key: tuple[str, str], alarm: Alarm, *, was: bool
) -> None:
    world.arm(alarm.due_ms, "alarm", device, *key)
    over = alarm.phase is Phase.CLEAR
    world.arm(purge_ms(world, alarm) if over else None, "purge", device, *key)
    world.dirty[device] = None
    if alarm.active is not was:
        _note(world, now_ms, key[0], alarm, "raised" if alarm.active else "cleared")
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
