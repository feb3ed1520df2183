"""What makes no notice now, because it is shelved or stands in a maintenance window.

Its facts stay in the tally and on the pages; the desk does not get to see them, but for their
number and for what it has told of them before: that went into a window, it did not recover.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from collector import maintenance, shelf
from collector.base import World
from collector.maintenance import QUIET, covers
from collector.shelf import silenced
from collector.state import DeviceState, SiteWord
from collector.timers import TimerKey
from escalation.over import Over, over
from escalation.situation import Quiet

TRIAL: Final = "trial"
MAINTENANCE: Final = "maintenance"
SHELVED: Final = "shelved"
ANNOUNCE: Final = TimerKey("announce")
WAIT_MS: Final = 1000


def of_device(world: World, device: str, row: DeviceState) -> str:
    """Why nobody is told of the device; empty: it speaks."""
    if maintenance.on_trial(world, device):
        return TRIAL
    if covers(world, device, row):
        return MAINTENANCE
    return SHELVED if silenced(world, device, row) else ""


def note_device(world: World, device: str, row: DeviceState) -> None:
    """Keep whether it is quiet; it was judged a moment ago."""
    bad = row.status not in QUIET
    if not bad:
        world.state.hush.over_ms.pop(device, None)
    _note(world, world.tally.quiet_devices, device, of_device(world, device, row) if bad else "")


def note_site(world: World, site: str, word: SiteWord, loud: SiteWord) -> None:
    """Keep whether the site is quiet: without its quiet devices (``loud``) nothing is wrong."""
    bad = word in {SiteWord.OUT, SiteWord.AT_RISK, SiteWord.UNKNOWN}
    why = ""
    if bad and loud in {SiteWord.OK, SiteWord.NEW}:
        marks = {world.tally.quiet_devices.get(d) for d in world.county.site_devices.get(site, ())}
        why = next((word for word in (TRIAL, MAINTENANCE) if word in marks), SHELVED)
    _note(world, world.tally.quiet_sites, site, why)


def _note(world: World, held: dict[str, str], name: str, why: str) -> None:
    if held.get(name, "") == why:
        return
    if why:
        held[name] = why
    else:
        del held[name]
    world.stale_verdict = True


def speaking(world: World, devices: Iterable[str], *, counted: bool = False) -> list[str]:
    """The devices that are not quiet; ``counted``: that stand in no window."""
    rows = world.state.devices
    return [
        device
        for device in devices
        if (row := rows.get(device)) is None
        or not (covers(world, device, row) if counted else of_device(world, device, row))
    ]


def device_mark(world: World, device: str) -> str:
    """What a device stands in, out of order or not: maintenance, trial, shelved; or nothing."""
    held = world.tally.quiet_devices.get(device)
    if held:
        return held
    if maintenance.on_trial(world, device):
        return TRIAL
    row = world.state.devices.get(device)
    well = row is not None and row.status in QUIET
    return MAINTENANCE if well and device in world.covered else ""


def site_mark(world: World, site: str) -> str:
    """The same of a site; of one in order: all that could put it out stands in a window."""
    county, held = world.county, world.tally.quiet_sites.get(site)
    if held:
        return held
    if county.sites[site].operator in county.trial:
        return TRIAL
    devices = county.site_devices.get(site, ())
    main = [one for one in devices if county.devices[one].main] or devices
    marks = {device_mark(world, one) for one in main}
    return MAINTENANCE if marks == {MAINTENANCE} and site not in world.tally.site_facts else ""


def any_quiet(world: World) -> bool:
    """Whether there is a shelf, an open window or an operator in trial at all."""
    return bool(world.covered or world.state.hush.shelf or world.county.trial)


def since_ms(world: World, devices: Iterable[str], began_ms: int) -> int:
    """From when trouble that began in a window counts: from the window's end (FAULTS F35)."""
    over_ms = world.state.hush.over_ms
    return max([began_ms, *(over_ms.get(device, 0) for device in devices)]) if over_ms else began_ms


def summary(world: World) -> Quiet:
    """What the desk is told of it."""
    tally = world.tally
    return Quiet(
        sites=tuple(sorted(tally.quiet_sites)),
        devices=tuple(sorted(tally.quiet_devices)),
        shelved=len(world.state.hush.shelf),
        maintained=len(world.covered),
    )


def due(world: World, now_ms: int, key: TimerKey) -> None:
    """A shelf's or a window's edge, or the telling of what is over."""
    match key.kind:
        case "shelf":
            shelf.due(world, now_ms, key.a)
        case "window":
            maintenance.due(world, now_ms, key.a)
        case _:
            announce(world, now_ms)


def announce(world: World, now_ms: int) -> None:
    """Tell the office of shelves and windows that are over, folded into one notice."""
    ended = world.state.hush.ended
    if not ended:
        return
    at_ms = world.desk.room_at()
    if world.state.asking:  # what is told is numbered, and from where on is not known yet
        at_ms = now_ms + WAIT_MS
    if at_ms > now_ms:
        world.arm(at_ms, "announce")
        return
    told = [_over(world, one.kind, one.name, one.account, one.ids) for one in ended]
    world.state.hush.ended = []
    world.effects.extend(world.desk.health(now_ms, lambda view: over(view, told)))


def plan(world: World, now_ms: int) -> None:
    """Something may be over: it is told once the fold's time has gathered what else is."""
    if world.state.hush.ended and world.timers.get(ANNOUNCE) is None:
        world.arm(now_ms + world.county.policy.notice.fold_s * 1000, "announce")


def _over(world: World, kind: str, name: str, account: str, ids: list[str]) -> Over:
    """Plain words for the text: what is still not in order."""
    devices = dict.fromkeys(one.partition("|")[0] for one in ids)
    if kind == "shelf":
        still = [one for one in ids if _active(world, one)]
        names = [_alarm_name(world, one) for one in still]
    else:
        rows = world.state.devices
        still = [d for d in devices if (row := rows.get(d)) and row.status not in QUIET]
        names = [world.county.devices[d].name for d in still if d in world.county.devices]
    return Over(kind, name, account, len(devices), tuple(names))


def _active(world: World, name: str) -> bool:
    device, _, key = name.partition("|")
    row = world.state.devices.get(device)
    alarm = row.alarms.get(key) if row else None
    return alarm is not None and (alarm.active or alarm.flapping_ms is not None)


def _alarm_name(world: World, name: str) -> str:
    device, type_id, _ = name.split("|", 2)
    known, kind = world.county.devices.get(device), world.county.types.get(type_id)
    return f"{known.name if known else device}「{kind.name_zh if kind else type_id}」"
