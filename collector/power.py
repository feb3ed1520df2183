"""Time to dark: when a site without mains loses its load, with an interval and its ground.

What the UPS says goes first (RFC 1628 upsEstimatedMinutesRemaining, which holds for a loss of the
mains at any moment), then the slope of the battery's voltage over its last readings, then the last
known capacity; a generator that runs stops the clock, its fuel sets another one. Nothing known is
None, never a guess. Numbers: policy, ``[power]``.

Pure; stamps are integer milliseconds of arrival, so an estimate is a moment and needs no clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from statistics import median
from typing import Final

from collector.base import World
from collector.dangers import AGED
from collector.state import Alarm, DeviceState, PowerState
from collector.tally import Dark, Lost, SiteShare
from config.policy import AlarmType, PowerPolicy, SiteEffect
from wire.observation import Reading

# Probable causes (RFC 3877): mains, battery discharging, battery low.
ON_BATTERY: Final = frozenset({106, 104, 112})

MOST_POINTS: Final = 12
"""Voltage readings kept per device; every second older one goes when there are more."""

LEAST_GAP_MS: Final = 30_000
"""Readings closer together than this are one point: the last."""

MOST_MIN: Final = 10_000.0
"""A UPS that does not know says any number; more than a week is none."""

SPENT_V: Final = 1.5
SPENT_MIN: Final = 5
"""So near to its end a battery was when its last word counts as that of a spent one."""

MINUTE_MS: Final = 60_000
UNIT: Final = 1000


class Ground(StrEnum):
    """What an estimate rests on, best first."""

    FUEL = "fuel"
    UPS = "ups"
    SLOPE = "slope"
    CAPACITY = "capacity"


def read(world: World, now_ms: int, item: Reading) -> None:
    """Keep a reading that tells of a battery; its device is judged again while on battery."""
    names = world.county.policy.power
    if item.metric not in names.watched or item.value is None:
        return
    row = world.device(item.device)
    since = since_of(world, row)
    if since is not None:
        world.dirty[item.device] = None
    if item.metric not in names.volts or not names.volts_least <= item.value <= names.volts_most:
        return
    held = world.state.power.setdefault(item.device, PowerState())
    held.volts = kept(held.volts if since is not None else [], (now_ms, float(item.value)))


def kept(points: list[tuple[int, float]], new: tuple[int, float]) -> list[tuple[int, float]]:
    """``points`` and a new one, thinned: the first and the last always stand."""
    if len(points) > 1 and new[0] - points[-2][0] < LEAST_GAP_MS:
        return [*points[:-1], new]
    points = [*points, new]
    return points if len(points) <= MOST_POINTS else [*points[:-2:2], *points[-2:]]


def since_of(world: World, row: DeviceState) -> int | None:
    """Since when this device runs on battery by its own alarms, those still pending included."""
    return min((alarm.since_ms for alarm in _alarms(world, row)), default=None)


def _alarms(world: World, row: DeviceState) -> list[Alarm]:
    found = []
    for name, alarm in row.alarms.items():
        if not alarm.bad:
            continue
        kind = world.county.types.get(name.partition("|")[0])
        if kind is not None and tells(kind):
            found.append(alarm)
    return found


def tells(kind: AlarmType) -> bool:
    """Whether an alarm of this type says that its site runs on battery."""
    return kind.probable_cause_no in ON_BATTERY and kind.site_effect is not SiteEffect.NONE


def carried(world: World, site: str) -> bool:
    """Whether a generator carries the site."""
    lost = world.tally.lost.get(site)
    return lost is not None and lost.carried


def settle(world: World, site: str) -> None:
    """Judge the power of a site whose devices changed."""
    found, old = judge(world, site), world.tally.lost.get(site)
    if found == old:
        return
    if old is not None and (found is None or found.carried):
        _fell(world, site, old)
    if found is None:
        del world.tally.lost[site]
    else:
        world.tally.lost[site] = found
    world.stale_verdict |= _told_apart(world, old, found)


def _fell(world: World, site: str, lost: Lost) -> None:
    """The mains are back: whether the battery fell faster than it is rated for is written down.

    By the far end of its interval, so that a slope that is steep at first accuses nobody.
    """
    rated, dark = world.county.sites[site].battery_min, lost.dark
    if rated is None or dark is None or dark.ground not in {Ground.UPS, Ground.SLOPE}:
        return
    if world.tally.site_shares.get(site, SiteShare()).out:
        return  # it did run out: the outage says so, and ``learn``
    minutes = (dark.high_ms - lost.since_ms) / MINUTE_MS
    if minutes < AGED * rated:
        said = {"minutes": round(minutes), "rated": round(rated), "ground": dark.ground}
        world.record("battery", event="fell", site=site, since_ms=lost.since_ms, **said)


def judge(world: World, site: str) -> Lost | None:
    """The site without mains, by the device that has least left; None where no mains is lost."""
    since: int | None = None
    darks: list[Dark] = []
    running = False
    for device in world.county.site_devices.get(site, ()):
        row = world.state.devices.get(device)
        if row is None or row.commissioned_ms is None:
            continue
        running |= runs(world, row)
        begun = since_of(world, row)
        if begun is None:
            continue
        since = begun if since is None else min(since, begun)
        dark = of_device(world, device, row, begun)
        if dark is not None:
            darks.append(dark)
    if since is None:
        return None
    return Lost(since, fuel(world, site) if running else min(darks, default=None), running)


def runs(world: World, row: DeviceState) -> bool:
    """Whether a generator says that it runs (policy: signal generator-running)."""
    value = _value(row, world.county.policy.power.generator)
    return value is not None and value > 0


def fuel(world: World, site: str) -> Dark | None:
    """When the generator's fuel ends, None where nobody measures it; the battery comes on top."""
    policy = world.county.policy.power
    for device in world.county.site_devices.get(site, ()):
        row = world.state.devices.get(device)
        if row is None:
            continue
        minutes = _value(row, policy.fuel_minutes)
        if minutes is None:
            continue
        at_ms = _arrived(row, policy.fuel_minutes) + round(minutes * MINUTE_MS)
        span = round(minutes * MINUTE_MS)
        low = at_ms - round(span * (1 - policy.estimate_low))
        return Dark(at_ms, low, at_ms + round(span * (policy.estimate_high - 1)), Ground.FUEL)
    return None


def of_device(world: World, device: str, row: DeviceState, since_ms: int) -> Dark | None:
    """When this device's battery ends, by the best ground there is."""
    policy = world.county.policy.power
    held = world.state.power.get(device, PowerState())
    sloped = slope(policy, held.volts, since_ms)
    said = _said(policy, row, since_ms)
    if said is None:
        return sloped or _capacity(world, device, row, since_ms)
    if sloped is not None and sloped.at_ms < said.low_ms:
        # The disconnect of the radios opens before the battery is spent.
        return said._replace(low_ms=sloped.low_ms)
    return said


def _said(policy: PowerPolicy, row: DeviceState, since_ms: int) -> Dark | None:
    """The UPS's own word. 0 minutes beside a charged battery is a UPS that does not know."""
    minutes = _value(row, policy.minutes)
    if minutes is None or not 0 <= minutes < MOST_MIN:
        return None
    charge = _value(row, policy.charge)
    if minutes == 0 and charge is not None and charge > policy.empty_percent:
        return None
    from_ms = max(since_ms, _arrived(row, policy.minutes))
    span = round(minutes * MINUTE_MS)
    slack = policy.slack_s * UNIT
    return Dark(
        from_ms + span,
        max(from_ms, from_ms + round(span * policy.estimate_low) - slack),
        from_ms + round(span * policy.estimate_high) + slack,
        Ground.UPS,
    )


def slope(policy: PowerPolicy, points: Sequence[tuple[int, float]], since_ms: int) -> Dark | None:
    """Where the voltage meets ``dark_v``: the median of the slopes between any two points.

    The later half of the points says how fast it falls now; the interval reaches from the steepest
    to the flattest tenth of all pairs, and no nearer than the policy's least.
    """
    used = [point for point in points if point[0] >= since_ms - LEAST_GAP_MS]
    if len(used) < policy.slope_points:
        return None
    over_ms = used[-1][0] - used[0][0]
    falls = _falls(used)
    if over_ms < policy.slope_least_s * UNIT or not falls:
        return None
    now = median(_falls(used[len(used) // 2 - 1 :]) or falls)
    last_ms, last_v = used[-1]
    left = max(0.0, last_v - policy.dark_v)
    steep, flat = falls[(9 * len(falls)) // 10], falls[len(falls) // 10]
    span = left / now
    low = min(left / max(steep, now), span * policy.slope_low)
    high = max(min(left / min(flat, now), 3 * span), span * policy.slope_high)
    slack = policy.slack_s * UNIT
    return Dark(
        last_ms + round(span),
        max(last_ms, last_ms + round(low) - slack),
        last_ms + round(high) + slack,
        Ground.SLOPE,
        over_ms // UNIT,
    )


def _falls(points: Sequence[tuple[int, float]]) -> list[float]:
    """Volts lost per millisecond between any two points, those that rise left out; sorted."""
    return sorted(
        (before[1] - after[1]) / (after[0] - before[0])
        for number, after in enumerate(points)
        for before in points[:number]
        if before[1] > after[1] and after[0] > before[0]
    )


def _capacity(world: World, device: str, row: DeviceState, since_ms: int) -> Dark | None:
    """The last known capacity, less by charge and load where these are known."""
    policy, held = world.county.policy.power, world.state.power.get(device, PowerState())
    minutes = held.capacity_min or world.county.sites[world.county.devices[device].site].battery_min
    if minutes is None:
        return None
    load = _value(row, policy.load)
    if load and held.load:
        minutes *= min(2.0, max(0.5, held.load / load))
    charge, from_ms = _value(row, policy.charge), since_ms
    if charge is not None:
        empty = policy.empty_percent
        minutes *= min(1.0, max(0.0, (charge - empty) / (100 - empty)))
        from_ms = max(since_ms, _arrived(row, policy.charge))
    span = minutes * MINUTE_MS
    return Dark(
        from_ms + round(span),
        from_ms + round(span * policy.capacity_low),
        from_ms + round(span * policy.capacity_high),
        Ground.CAPACITY,
    )


def learn(world: World, now_ms: int, site: str) -> None:
    """A site went out with its battery spent: so long it lasted, at this load. Once per loss."""
    if site not in world.tally.lost:
        return
    for device in world.county.site_devices.get(site, ()):
        row = world.state.devices.get(device)
        since = since_of(world, row) if row else None
        if row is None or since is None or not _spent(world, device, row):
            continue
        held = world.state.power.setdefault(device, PowerState())
        if held.learnt_ms < since < now_ms:
            world.record(
                "battery",
                event="spent",
                site=site,
                since_ms=since,
                minutes=round((now_ms - since) / MINUTE_MS),
                rated=round(held.capacity_min or 0),
            )
            held.capacity_min = (now_ms - since) / MINUTE_MS
            held.learnt_ms, held.load = now_ms, _value(row, world.county.policy.power.load)
    settle(world, site)


def _spent(world: World, device: str, row: DeviceState) -> bool:
    """Whether its battery was at its end by its last word; no other fault teaches anything."""
    policy, held = world.county.policy.power, world.state.power.get(device)
    minutes, charge = _value(row, policy.minutes), _value(row, policy.charge)
    return (
        (held is not None and bool(held.volts) and held.volts[-1][1] <= policy.dark_v + SPENT_V)
        or (minutes is not None and minutes <= SPENT_MIN)
        or (charge is not None and charge <= policy.empty_percent)
    )


def _told_apart(world: World, old: Lost | None, new: Lost | None) -> bool:
    """Whether the estimate moved enough to judge the county again."""
    if old is None or new is None or old.carried is not new.carried:
        return True
    if old.dark is None or new.dark is None:
        return old.dark is not new.dark
    moved = abs(new.dark.at_ms - old.dark.at_ms)
    return moved > world.county.policy.power.slack_s * UNIT


def _value(row: DeviceState, metrics: Sequence[str]) -> float | None:
    """The first of these metrics that the device has; several instances: the least."""
    for metric in metrics:
        held = row.readings.get(f"{metric}|")
        if held is not None and held.value is not None:
            return float(held.value)
    return None


def _arrived(row: DeviceState, metrics: Sequence[str]) -> int:
    for metric in metrics:
        held = row.readings.get(f"{metric}|")
        if held is not None and held.value is not None:
            return held.arrived_ms
    return 0
