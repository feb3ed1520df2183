"""Is anybody there to be told? The office clients by their own signed presence (FAULTS F26).

The county judges an office client as it judges an agent: a Last Will puts it offline at once,
silence for longer than the limit makes it silent. That is not an outage and changes no verdict:
it is written down and shown, and the other offices are told. One that never connected is not
lost: nobody has connected it yet.
"""

from __future__ import annotations

from typing import Final

from collector.base import World
from collector.model import Held, OfficeSeen
from collector.state import Blind, OfficeState
from escalation import chain

AGAIN_S: Final = 600
"""A client that comes and goes is told as lost no more often than this (real time)."""

LATER_S: Final = 5


def office(world: World, name: str) -> OfficeState:
    """The office's row; one of which nothing was ever heard is like a new one."""
    return world.state.offices.get(name, OfficeState())


def words(world: World) -> tuple[tuple[str, str], ...]:
    """Each office of the settings with why it is not to be counted on; empty when it is."""
    return tuple((name, office(world, name).blind.value) for name in world.county.bundle.offices)


def enrol(world: World) -> None:
    """Forget offices that the settings have no more."""
    offices = world.state.offices
    for gone in [name for name in offices if name not in world.county.bundle.offices]:
        del offices[gone]
        world.arm(None, "office", gone)


def started(world: World) -> None:
    """Count silence from the start of this process, or the end of its pause (FAULTS F17)."""
    for name in world.state.offices:
        arm(world, name)


def seen(world: World, now_ms: int, given: OfficeSeen) -> None:
    """Presence of an office client; what the broker says again, or says late, says nothing."""
    name, word = given.office, given.alive
    if name not in world.county.bundle.offices:
        return
    row = world.state.offices.setdefault(name, OfficeState())
    if word.session < row.session:
        return
    if not word.online:
        row.session = word.session
        if row.blind is Blind.SEES:
            lost(world, now_ms, name, Blind.OFFLINE)
        return
    if (word.session, word.beat) <= (row.session, row.beat):
        return
    row.session, row.beat, row.every_ms = word.session, word.beat, word.every_ms
    row.heard_ms = now_ms
    if row.blind is not Blind.SEES:
        back(world, now_ms, name)
    arm(world, name)


def holds(given: OfficeSeen) -> Held | None:
    """The newest notice and warning that the office says it holds; a stale copy says nothing."""
    word = given.alive
    if word.number is None or given.retained or not word.online:
        return None
    return Held(given.office, word.number, word.warning or "")


def arm(world: World, name: str) -> None:
    """Set the moment at which the office counts as silent, or at which that is told."""
    row, county = world.state.offices[name], world.county
    from_ms = max(row.heard_ms, world.state.started_ms)
    if row.blind is Blind.SEES:
        world.arm(from_ms + county.silent_after(row.every_ms), "office", name)
    elif row.blind is Blind.NEVER or row.told or len(county.bundle.offices) == 1:
        world.arm(None, "office", name)
    else:
        # Silence was waited for already; a restart of the client is no interruption.
        wait_ms = county.silent_after(0) if row.blind is Blind.OFFLINE else 0
        again_ms = row.told_ms + county.real_ms(AGAIN_S) if row.told_ms else 0
        world.arm(max(row.blind_ms + wait_ms, again_ms), "office", name)


def due(world: World, now_ms: int, name: str) -> None:
    """The moment set by ``arm`` has come: silent, or away for long enough to be told."""
    row, county = world.state.offices.get(name), world.county
    if row is None:
        return
    if row.blind is Blind.SEES:
        silent = max(row.heard_ms, world.state.started_ms) + county.silent_after(row.every_ms)
        if now_ms >= silent:
            lost(world, now_ms, name, Blind.SILENT)
        else:
            arm(world, name)
    elif world.state.asking:
        world.arm(now_ms + county.real_ms(LATER_S), "office", name)
    else:
        row.told, row.told_ms = True, now_ms
        told = world.desk.health(now_ms, lambda view: chain.lost(view, name, row.blind_ms))
        world.effects.extend(told)


def lost(world: World, now_ms: int, name: str, why: Blind) -> None:
    """Nobody there can be told: unknown whether anyone reads what we say."""
    row = world.state.offices[name]
    row.blind, row.blind_ms = why, now_ms
    world.record("office", office=name, word=why.value, heard_ms=row.heard_ms, at_ms=now_ms)
    arm(world, name)


def back(world: World, now_ms: int, name: str) -> None:
    """The office is heard again; the others are told where they were told of its absence."""
    row = world.state.offices[name]
    was_ms, told = row.blind_ms, row.told
    world.record("office", office=name, word="heard", was=row.blind.value, since_ms=was_ms)
    row.blind, row.blind_ms, row.told = Blind.SEES, now_ms, False
    if told and not world.state.asking:
        page = world.desk.health(now_ms, lambda view: chain.back(view, name, was_ms))
        world.effects.extend(page)
