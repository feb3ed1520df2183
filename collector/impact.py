"""From devices to sites, towns, operators and systems (PLAN section 4), only along what changed.

Dirty devices are judged in a word each; their sites, then the towns, operators and systems that
these stand in, follow. Holds stay in the state, counts in the tally; ``rebuild`` makes the tally
from the state alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from collector import maintenance, power, quiet, words
from collector.base import World
from collector.county import SNMP_FAILURE, UNREACHABLE
from collector.inhibit import flaps_behind, unreachable
from collector.state import DeviceState, SiteState, SiteWord, Status
from collector.tally import (
    Cell,
    CellWord,
    Count,
    Depends,
    DeviceShare,
    SiteShare,
    Tally,
    Towns,
)
from config.policy import SiteEffect
from config.register import Device
from wire.notice import DeviceFact, SiteFact

LINE: Final = 480
"""Characters of a cause sentence that fit a notice's line."""

DEVICE_RANK: Final = {
    "down": 0,
    "flapping": 1,
    "snmp_fault": 1,
    "alarm": 2,
    "hidden": 3,
    "unknown": 4,
}
"""The order of devices that are out of order; those before ``alarm`` are news."""

_SITE_RANK: Final = {"out": 0, "at_risk": 1, "unknown": 2}

NO_DEVICE: Final = DeviceShare()
NO_SITE: Final = SiteShare()

FLAPPING: Final = "flapping"
"""A fact's state of its own: it answers and does not, too quickly to be called down (F28)."""


class Touched:
    """What follows from a change: ids whose counts moved, in the order of their moving."""

    def __init__(self) -> None:
        self.sites: dict[str, None] = {}
        self.cells: dict[Cell, None] = {}
        self.operators: dict[str, None] = {}
        self.systems: dict[str, None] = {}


def judge_devices(world: World, now_ms: int, devices: Iterable[str], touched: Touched) -> None:
    """Put each device in a word, move the counts that stand on it."""
    for device in devices:
        row = world.state.devices.get(device)
        if row is None or device not in world.county.devices:
            continue
        status = status_of(world, device, row)
        if status is not row.status:
            row.status, row.since_ms = status, now_ms
        place_device(world, device, row, touched)


def status_of(world: World, device: str, row: DeviceState) -> Status:
    """The worst that is true of the device. Down stays down when nobody looks any more."""
    if row.commissioned_ms is None:
        return Status.NEW
    alarm = unreachable(world, device)
    if alarm is not None and alarm.active:
        return Status.HIDDEN if row.hidden_by else Status.DOWN
    if not row.known:
        return Status.UNKNOWN
    if flaps(row) or flaps_behind(row):
        return Status.ALARM
    active = {
        name.partition("|")[0]: alarm.flapping_ms
        for name, alarm in row.alarms.items()
        if alarm.speaks
    }
    if SNMP_FAILURE in active:
        return Status.SNMP_FAULT
    return Status.ALARM if active else Status.OK


def flaps(row: DeviceState) -> bool:
    """Whether it answers and does not, in turn: that its SNMP does too is no fault of its own."""
    alarm = row.alarms.get(f"{UNREACHABLE}|")
    return alarm is not None and alarm.flapping_ms is not None and not alarm.behind


def place_device(world: World, device: str, row: DeviceState, touched: Touched) -> None:
    """Its share in the tally, its fact, and what has to follow."""
    county, tally = world.county, world.tally
    share = DeviceShare(
        counted=row.commissioned_ms is not None and not maintenance.covers(world, device, row),
        down=row.status in {Status.DOWN, Status.HIDDEN},
        unknown=row.status is Status.UNKNOWN,
    )
    old = tally.device_shares.get(device, NO_DEVICE)
    if share != old:
        tally.device_shares[device] = share
        if share == NO_DEVICE:
            del tally.device_shares[device]
        for system in county.systems_of.get(device, ()):
            count = tally.systems.setdefault(system, Depends())
            weight = county.parts.get((system, device), 0)
            count.add(old, -1, weight)
            count.add(share, 1, weight)
            touched.systems[system] = None
        if county.devices[device].egress:
            operator = county.operator_of[device]
            count = tally.egress.setdefault(operator, Depends())
            count.add(old, -1)
            count.add(share, 1)
            touched.operators[operator] = None
    cause = row.hidden_by[0] if row.status is Status.HIDDEN and row.hidden_by else ""
    world.tally.hide(device, world.county.operator_of[device], cause)
    _device_fact(world, device, row)
    quiet.note_device(world, device, row)
    touched.sites[county.devices[device].site] = None


def _device_fact(world: World, device: str, row: DeviceState) -> None:
    if row.status in {Status.OK, Status.NEW}:
        if world.tally.device_facts.pop(device, None) is not None:
            world.tally.ranked.drop(device)
            world.stale_facts = True
        return
    known = world.county.devices[device]
    alarm = unreachable(world, device)
    down = alarm is not None and row.status in {Status.DOWN, Status.HIDDEN}
    state = row.status.value
    if row.status is Status.ALARM and (flaps(row) or flaps_behind(row)):
        state = FLAPPING if flaps(row) else Status.HIDDEN.value
    operator = world.county.operator_of[device]
    since_ms = (alarm.began_ms or alarm.since_ms) if alarm is not None and down else row.since_ms
    since_ms = quiet.since_ms(world, (device,), since_ms)
    cause = words.device_cause(world, row)[:LINE]
    old = world.tally.device_facts.get(device)
    if old is not None and (old.state, old.since_ms, old.cause) == (state, since_ms, cause):
        return  # the rest is the configuration's, with which all facts are made anew
    fact = world.tally.device_facts[device] = DeviceFact(
        device=device,
        name=known.name,
        site=known.site,
        operator=operator,
        state=state,
        since_ms=since_ms,
        cause=cause,
        refused=words.refusal(row),
    )
    world.tally.ranked.put((DEVICE_RANK[state], since_ms, device), fact)
    world.stale_facts = True


def judge_sites(world: World, now_ms: int, touched: Touched) -> None:
    """Put each touched site in a word, move its town's and operator's counts."""
    for site in touched.sites:
        power.settle(world, site)
        share, word, cause = site_of(world, site)
        if share.out:
            power.learn(world, now_ms, site)
        row = world.state.sites.get(site)
        if row is None:
            row = world.state.sites[site] = SiteState(word, now_ms)
        elif row.word is not word:
            row.word, row.since_ms = word, now_ms
        place_site(world, site, share, touched)
        _site_fact(world, site, row, cause)


def site_of(world: World, site: str) -> tuple[SiteShare, SiteWord, str]:
    """The site's share, its word and why; devices in a maintenance window have no share."""
    devices = world.county.site_devices.get(site, ())
    share, word, cause = _site_of(world, site, devices)
    if not quiet.any_quiet(world):
        quiet.note_site(world, site, word, word)
        return share, word, cause
    if (counted := quiet.speaking(world, devices, counted=True)) != list(devices):
        share = _site_of(world, site, counted)[0]
    quiet.note_site(world, site, word, _site_of(world, site, quiet.speaking(world, devices))[1])
    return share, word, cause


def _site_of(world: World, site: str, devices: Iterable[str]) -> tuple[SiteShare, SiteWord, str]:
    """By these devices: out when a main one is unreachable (register)."""
    county = world.county
    out = unknown = at_risk = ""
    counted = False
    for device in devices:
        row = world.state.devices.get(device)
        if row is None or row.commissioned_ms is None:
            continue
        known = county.devices[device]
        counted = True
        if known.main and row.status in {Status.DOWN, Status.HIDDEN}:
            fact = world.tally.device_facts.get(device)  # it was judged before its site
            cause = fact.cause if fact else words.device_cause(world, row)
            out = out or f"「{known.name}」{cause}"
        elif known.main and not row.known:
            unknown = unknown or f"「{known.name}」{words.unseen(world, row)}"
        effects = _effects(world, row, known, carried=power.carried(world, site))
        out = out or effects.get(SiteEffect.OUT, "")
        at_risk = at_risk or effects.get(SiteEffect.AT_RISK, "")
        unknown = unknown or effects.get(SiteEffect.UNKNOWN, "")
    share = SiteShare(counted, bool(out), bool(unknown) and not out, bool(at_risk) and not out)
    if not counted:
        return SiteShare(), SiteWord.NEW, ""
    if out:
        return share, SiteWord.OUT, out
    if at_risk:
        return share, SiteWord.AT_RISK, at_risk
    return share, SiteWord.UNKNOWN if unknown else SiteWord.OK, unknown


def _effects(
    world: World, row: DeviceState, known: Device, *, carried: bool
) -> dict[SiteEffect, str]:
    """What the device's active alarms do to its site, with a sentence each.

    ``carried``: a generator runs, so that a loss of mains is no risk now.
    """
    found: dict[SiteEffect, str] = {}
    for name, alarm in row.alarms.items():
        type_id, _, qualifier = name.partition("|")
        kind = world.county.types.get(type_id)
        if kind is None or type_id == UNREACHABLE or not alarm.active:
            continue
        if kind.main_only and not known.main:
            continue
        if carried and power.tells(kind) and kind.site_effect is SiteEffect.AT_RISK:
            continue
        if kind.site_effect is not SiteEffect.NONE:
            detail = f"（{words.quoted(qualifier)}）" if qualifier else ""
            found.setdefault(kind.site_effect, f"告警「{kind.name_zh}」{detail}")
    return found


def place_site(world: World, site: str, share: SiteShare, touched: Touched) -> None:
    old = world.tally.site_shares.get(site, NO_SITE)
    if share == old:
        return
    world.tally.site_shares[site] = share
    if share == NO_SITE:
        del world.tally.site_shares[site]
    known = world.county.sites[site]
    weight = world.county.weights[site]
    cell = (known.operator, known.town)
    for count in (
        world.tally.cells.setdefault(cell, Count()),
        world.tally.operators.setdefault(known.operator, Count()),
    ):
        count.add(old, weight, key_unit=known.key_unit, sign=-1)
        count.add(share, weight, key_unit=known.key_unit, sign=1)
    touched.cells[cell] = None
    touched.operators[known.operator] = None


def _site_fact(world: World, site: str, row: SiteState, cause: str) -> None:
    if row.word in {SiteWord.OK, SiteWord.NEW}:
        if world.tally.site_facts.pop(site, None) is not None:
            world.tally.ranked_sites.drop(site)
            world.stale_facts = True
        return
    known = world.county.sites[site]
    state, cause = row.word.value, cause[:LINE]
    since_ms = quiet.since_ms(world, world.county.site_devices.get(site, ()), row.since_ms)
    old = world.tally.site_facts.get(site)
    if old is not None and (old.state, old.since_ms, old.cause) == (state, since_ms, cause):
        return  # as above
    fact = world.tally.site_facts[site] = SiteFact(
        site=site,
        name=known.name,
        operator=known.operator,
        town=known.town,
        state=state,
        since_ms=since_ms,
        cause=cause,
        key_unit=known.key_unit,
    )
    world.tally.ranked_sites.put(site_order(fact), fact)
    world.stale_facts = True


def site_order(fact: SiteFact) -> tuple[Any, ...]:
    """Key units first, then out before at risk before unknown; of these by what power is left."""
    power = fact.power if fact.state != "out" else None
    behind = (-power.keys, -power.people, power.dark_ms or 2**62) if power else (0, 0, 0)
    return (not fact.key_unit, _SITE_RANK[fact.state], *behind, fact.since_ms, fact.site)


def judge_cells(world: World, touched: Touched) -> list[tuple[Cell, bool]]:
    """Judge each touched town cell; those that became affected (True) or are no longer so."""
    turned = []
    for cell in touched.cells:
        word = cell_of(world, world.tally.cells.get(cell, Count()))
        old = world.tally.cell_words.get(cell, CellWord())
        if word == old:
            continue
        world.tally.cell_words[cell] = word
        towns = world.tally.towns.setdefault(cell[0], Towns())
        towns.add(old, -1)
        towns.add(word, 1)
        world.stale_verdict = True
        if word.affected is not old.affected:
            turned.append((cell, word.affected))
    return turned


def cell_of(world: World, count: Count) -> CellWord:
    """A town cell's word. ``settled``: the sites not seen could not change whether affected."""
    if not count.weight:
        return CellWord()
    rule = world.county.policy.cell
    town = world.county.policy.operator.partial_town.share

    def hit(sites: int, weight: int) -> bool:
        return sites >= rule.min_sites and weight >= rule.share_out * count.weight

    affected = hit(count.out, count.weight_out)
    return CellWord(
        counted=True,
        affected=affected,
        town_out=count.weight_out > 0 and count.weight_out >= town * count.weight,
        settled=affected
        or not hit(count.out + count.unknown, count.weight_out + count.weight_unknown),
        at_risk=not affected
        and hit(count.out + count.at_risk, count.weight_out + count.weight_at_risk),
    )


def rebuild(world: World) -> None:
    """The tally from the state alone: after a restart, and when the configuration changed."""
    world.tally = Tally()
    for device, row in world.state.devices.items():
        for agent in row.views:
            world.tally.watched.setdefault(agent, {})[device] = None
    touched = Touched()
    for device, row in world.state.devices.items():
        if device in world.county.devices:
            place_device(world, device, row, touched)
    for site in touched.sites:
        power.settle(world, site)
        share, word, cause = site_of(world, site)
        place_site(world, site, share, touched)
        _site_fact(world, site, world.state.sites.get(site) or SiteState(word, 0), cause)
    judge_cells(world, touched)
