"""Maintenance windows (维护窗口): announced work makes no noise, and hides nothing that is true.

What a window covers is judged on and shown, marked 维护中. It counts in no share, is affected in no
impact and makes no notice: like what is not connected it stands apart, with its number. What hangs
on covered devices alone and is cut off with them is covered for as long as that is so. Key units
are never covered. At the end everything is judged anew: what persists counts from then (F35).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from collector.base import World
from collector.county import County
from collector.hushed import Ended, Entered
from collector.recurrence import following, running
from collector.shelf import key_unit
from collector.state import DeviceState, Status
from escalation.authority import Outcome
from wire.alarm import AlarmAction
from wire.maintenance import Kind, Target, Window, target_of

MOST: Final = 500
"""Windows that people have entered and that are not over."""

QUIET: Final = frozenset({Status.OK, Status.NEW})


def known(world: World) -> dict[str, Window]:
    """Every window that is not over, by id: the register's, and those that people entered."""
    found = {one.id: one for one in world.county.register.windows}
    for ident, one in world.state.hush.windows.items():
        found.setdefault(ident, _window(ident, one))
    return found


def _window(ident: str, one: Entered) -> Window:
    return Window(
        id=ident,
        targets=tuple(one.targets),
        start_ms=one.start_ms,
        end_ms=one.end_ms,
        rrule=one.rrule,
        name=one.name,
        reason=one.reason,
    )


def enter(world: World, now_ms: int, action: AlarmAction) -> tuple[Outcome, list[str]]:
    """A person announces work. Refused by name: too long, too late, hiding too much."""
    window = action.window
    assert window is not None
    outcome = _judge(world, now_ms, window)
    if outcome is not Outcome.ACCEPTED:
        return outcome, []
    world.state.hush.windows[window.id] = Entered(
        list(window.targets),
        window.start_ms,
        window.end_ms,
        window.name,
        window.reason,
        action.account,
        now_ms,
        window.rrule,
    )
    due(world, now_ms, window.id)
    return outcome, []


def _judge(world: World, now_ms: int, window: Window) -> Outcome:
    policy = world.county.policy.maintenance
    first = window.start_ms if window.end_ms > now_ms else following(window, now_ms)
    if window.id in known(world):
        return Outcome.TAKEN
    if not all(exists(world, text) for text in window.targets):
        return Outcome.UNKNOWN_TARGET
    if first is None or _of_key_units_alone(world, window):
        return Outcome.TOO_LATE if first is None else Outcome.KEY_UNIT
    if (
        window.end_ms - window.start_ms > policy.longest_s * 1000
        or first - now_ms > policy.ahead_s * 1000
    ):
        return Outcome.TOO_LONG
    beside = _running_at(world, max(first, now_ms))
    if len(world.state.hush.windows) >= MOST or hides_too_much(world, [window, *beside]):
        return Outcome.TOO_MUCH
    return Outcome.ACCEPTED


def _running_at(world: World, at_ms: int) -> list[Window]:
    return [one for one in known(world).values() if running(one, at_ms) is not None]


def end(world: World, now_ms: int, action: AlarmAction) -> tuple[Outcome, list[str]]:
    """A person says that the work is over: of a window that was entered, with all to come.

    Of the register's windows the occurrence that runs is over; the rest is the register's.
    """
    hush, ident = world.state.hush, action.target
    assert ident is not None
    if ident not in known(world):
        return Outcome.UNKNOWN_TARGET, []
    if ident not in hush.windows and ident not in hush.open:
        return Outcome.NOT_POSSIBLE, []
    hush.windows.pop(ident, None)
    if ident in hush.open:
        hush.cut[ident] = hush.open[ident][0]
    due(world, now_ms, ident, by=action.account)
    return Outcome.ACCEPTED, []


def due(world: World, now_ms: int, ident: str, *, by: str = "") -> None:
    """A window's edge: it opens, closes, or is over for good. ``by``: a person ended it."""
    hush, window = world.state.hush, known(world).get(ident)
    span = running(window, now_ms) if window is not None else None
    if span is not None and hush.cut.get(ident) == span[0]:
        span = None
    was = hush.open.get(ident)
    if was is not None and was != span:
        _close(world, now_ms, ident, by)
    if window is not None and span is not None and was != span:
        _open(world, now_ms, window, span)
    ends = span[1] if span is not None else None
    begins = following(window, now_ms) if window is not None else None
    edges = [edge for edge in (ends, begins) if edge is not None]
    world.arm(min(edges, default=None), "window", ident)
    if not edges:
        hush.windows.pop(ident, None)
        hush.cut.pop(ident, None)


def _open(world: World, now_ms: int, window: Window, span: tuple[int, int]) -> None:
    """It begins, unless it and those that run already hide too much: then it covers nothing."""
    hush, windows = world.state.hush, known(world)
    beside = [windows[one] for one in hush.open if one in windows and one != window.id]
    account = _account(world, window.id)
    if hides_too_much(world, [window, *beside]):
        hush.cut[window.id] = span[0]
        hush.ended.append(Ended("refused", window.name, account, now_ms, []))
        world.record("window", event="refused", id=window.id, name=window.name, at_ms=now_ms)
        return
    hush.open[window.id] = span
    hush.names[window.id] = (window.name, account)
    hush.covers[window.id] = covered_by(world, window)
    index(world)
    _touch(world, hush.covers[window.id])
    world.record(
        "window",
        event="opened",
        id=window.id,
        name=window.name,
        targets=window.targets,
        until_ms=span[1],
        at_ms=now_ms,
    )


def _close(world: World, now_ms: int, ident: str, by: str) -> None:
    """It is over: what it covered is judged anew, and what is not in order counts from now."""
    hush = world.state.hush
    del hush.open[ident]
    name, account = hush.names.pop(ident)
    devices = hush.covers.pop(ident)
    index(world)
    for device in _with_hanging(world, devices):
        row = world.state.devices.get(device)
        if row is not None and row.status not in QUIET and device not in world.covered:
            hush.over_ms[device] = now_ms
    _touch(world, devices)
    hush.ended.append(Ended("window", name, account, now_ms, devices))
    world.record("window", event="closed", id=ident, name=name, by=by, at_ms=now_ms)


def _account(world: World, ident: str) -> str:
    entered = world.state.hush.windows.get(ident)
    return entered.account if entered is not None else ""


def _touch(world: World, devices: Iterable[str]) -> None:
    for device in devices:
        if device in world.state.devices:
            world.dirty[device] = None
    world.stale_verdict = True


def review(world: World, now_ms: int) -> None:
    """Another configuration: windows come, go and cover anew."""
    hush, windows = world.state.hush, known(world)
    hush.cut = {ident: at_ms for ident, at_ms in hush.cut.items() if ident in windows}
    hush.over_ms = {d: at_ms for d, at_ms in hush.over_ms.items() if d in world.state.devices}
    for ident in hush.open:
        if ident in windows:
            hush.covers[ident] = covered_by(world, windows[ident])
        else:
            hush.covers[ident] = [d for d in hush.covers[ident] if d in world.county.devices]
    index(world)
    for ident in sorted({*windows, *hush.open}):
        due(world, now_ms, ident)


# ── What a window covers ─────────────────────────────────────────────────────────────────────────


def exists(world: World, text: str) -> bool:
    """Whether there is what a window's target names."""
    county = world.county
    target = target_of(text)
    match target.kind:
        case Kind.DEVICE:
            return target.id in county.devices
        case Kind.SITE:
            return target.id in county.sites
        case Kind.OPERATOR:
            return target.id in county.operators and (
                not target.town or target.town in county.town_names
            )


def _of_key_units_alone(world: World, window: Window) -> bool:
    """Whether the window covers nothing because all that it names is of key units (6.3)."""
    return not covered_by(world, window) and any(
        key_unit(world, device) for device in _named(world.county, window.parsed)
    )


def covered_by(world: World, window: Window) -> list[str]:
    """The devices of a window's targets, key units' left out (6.3)."""
    return targeted(world.county, window.parsed)


def targeted(county: County, targets: Iterable[Target]) -> list[str]:
    """The devices that ``targets`` name, key units' left out; of what is unknown none."""
    return sorted(
        one
        for one in _named(county, targets)
        if one in county.devices and not county.sites[county.devices[one].site].key_unit
    )


def _named(county: County, targets: Iterable[Target]) -> dict[str, None]:
    found: dict[str, None] = {}
    for target in targets:
        match target.kind:
            case Kind.DEVICE:
                found[target.id] = None
            case Kind.SITE:
                found |= dict.fromkeys(county.site_devices.get(target.id, ()))
            case Kind.OPERATOR:
                found |= dict.fromkeys(
                    device
                    for site in county.register.sites
                    if site.operator == target.id and target.town in {"", site.town}
                    for device in county.site_devices.get(site.id, ())
                )
    return found


def index(world: World) -> None:
    """``World.covered`` from the windows that are open."""
    world.covered = {device for devices in world.state.hush.covers.values() for device in devices}


def on_trial(world: World, device: str) -> bool:
    """Whether the device's operator is in trial: judged and shown, and nobody is told."""
    return world.county.operator_of.get(device) in world.county.trial


def covers(world: World, device: str, row: DeviceState) -> bool:
    """Whether the device stands in an open window, or is cut off by what does alone.

    All of an operator in trial (试运行) stands apart in the same way, key units too.
    """
    if on_trial(world, device):
        return True
    if not world.covered:
        return False
    if device in world.covered:
        return True
    return (
        row.status is Status.HIDDEN
        and bool(row.hidden_by)
        and world.covered.issuperset(row.hidden_by)
        and not key_unit(world, device)
    )


def hides_too_much(world: World, windows: Iterable[Window]) -> bool:
    """Whether these together hide more of an operator's weighted sites than the policy lets."""
    covered = {device for one in windows for device in covered_by(world, one)}
    hidden = _with_hanging(world, covered)
    county, most = world.county, world.county.policy.maintenance.share_most
    total: dict[str, int] = {}
    dark: dict[str, int] = {}
    touched = {county.operator_of[device] for device in hidden}
    for site in county.register.sites:
        if site.operator in touched:
            weight = county.weights[site.id]
            total[site.operator] = total.get(site.operator, 0) + weight
            main = [d for d in county.site_devices.get(site.id, ()) if county.devices[d].main]
            if not site.key_unit and any(device in hidden for device in main):
                dark[site.operator] = dark.get(site.operator, 0) + weight
    return any(weight > most * total[operator] for operator, weight in dark.items())


def _with_hanging(world: World, covered: Iterable[str]) -> set[str]:
    """These devices and all that can be reached through them alone."""
    hidden = set(covered)
    ahead = list(hidden)
    while ahead:
        for child in world.county.children.get(ahead.pop(), ()):
            if child not in hidden and hidden.issuperset(world.county.devices[child].parents):
                hidden.add(child)
                ahead.append(child)
    return hidden
