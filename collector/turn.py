"""The end of a turn: what is due, whatever follows from what changed, then the desk.

One Tick does a bounded amount of work (``SLICE``) and leaves the rest to the next, which the
shell steps at once: so a hundred thousand devices that fall silent together never hold up whoever
else is served by the same loop. The bounds are counts, never clocks: a replay cuts the same
slices. While a rest waits, nothing is assessed (for ``BEHIND_S`` at most), so that what is told
is told of the whole.

Bounded are judgements of devices, deadlines, and reviews of devices whose agent was lost or came
back. What stands above devices (towns, operators, systems) is few.
"""

from __future__ import annotations

from typing import Final

from collector import (
    assess,
    condition,
    impact,
    inhibit,
    intake,
    networks,
    offices,
    quiet,
)
from collector.base import World
from collector.timers import TimerKey

SLICE: Final = 500
"""Devices, deadlines or reviews of one Tick; about 40 ms."""

BEHIND_S: Final = 2.0
"""Real seconds after which the county is assessed though a rest waits."""

FEW: Final = 2000
"""Facts (sites and devices out of order) up to which each change of one is assessed at once."""

PER_S: Final = 50_000
"""Facts that are looked through in a second of real time: more of them are assessed less often."""


def tick(world: World, now_ms: int) -> None:
    """One slice; what is left makes ``world.behind``."""
    world.judged = {}
    if world.behind_ms is None:
        world.behind_ms = now_ms
    if _deadlines(world, now_ms) and propagate(world, now_ms):
        world.behind_ms = None
    behind_ms = 0 if world.behind_ms is None else now_ms - world.behind_ms
    if world.behind_ms is not None and behind_ms < world.county.real_ms(BEHIND_S):
        return
    if world.behind_ms is not None:
        world.behind_ms = now_ms
    if world.state.asking:
        return  # what is told is numbered, and where numbers go on is not known yet
    _assess(world, now_ms)
    quiet.plan(world, now_ms)
    deadline = world.desk.next_deadline()
    if deadline is not None and deadline <= now_ms:
        world.effects.extend(world.desk.due(now_ms))


def _assess(world: World, now_ms: int) -> None:
    """At once where it is about more than single sites and devices; those of many in a while."""
    if world.stale_facts and not world.stale_verdict:
        due_ms = facts_due(world)
        world.stale_verdict = due_ms <= now_ms
        world.arm(due_ms if due_ms > now_ms else None, "facts")
    if world.stale_verdict:
        world.stale_facts = False
        assess.assess(world, now_ms)


def facts_due(world: World) -> int:
    """When changed sites and devices are worth an assessment, which looks through all of them."""
    facts = len(world.tally.site_facts) + len(world.tally.device_facts)
    if facts <= FEW or world.situation is None:
        return 0
    return world.situation.at_ms + world.county.real_ms(facts / PER_S)


def _deadlines(world: World, now_ms: int) -> bool:
    """What is due falls due, in order; whether all is done.

    Where that shows that an agent sees its devices no longer, or again, they are judged by that
    before anything else falls due.
    """
    for _ in range(SLICE):
        if world.unreviewed:
            device, _ = world.unreviewed.popitem()
            if len(world.device(device).views) > 1:
                world.dirty[device] = None  # known as before, but what is read of it may not be
            condition.review(world, now_ms, device)
        elif taken := world.timers.pop_due(now_ms, 1):
            due(world, now_ms, taken[0])
        else:
            return True
    return False


def due(world: World, now_ms: int, key: TimerKey) -> None:
    match key.kind:
        case "alarm":
            condition.due(world, now_ms, key.a, key.b, key.c)
        case "flap":
            condition.flap_due(world, now_ms, key.a, key.b, key.c)
        case "shelf" | "window" | "announce":
            quiet.due(world, now_ms, key)
        case "purge":
            condition.purge_due(world, now_ms, key.a, key.b, key.c)
        case "stale":
            intake.stale_due(world, now_ms, key.a, key.b)
        case "agent":
            intake.agent_due(world, now_ms, key.a)
        case "office":
            offices.due(world, now_ms, key.a)
        case "operator" | "system":
            networks.rule_due(world, now_ms, key.kind, key.a, key.b)
        case _:
            world.stale_verdict = True


def propagate(world: World, now_ms: int) -> bool:
    """Along what changed: devices, sites, towns, operators, systems; whether all is done."""
    left, wave = SLICE, world.wave
    touched = impact.Touched()
    while left and (wave or world.dirty):
        if not wave:
            wave.begin(sorted(world.dirty))
            world.dirty = {}
        devices = inhibit.take(world, left)
        left -= len(devices)
        inhibit.refresh(world, devices)
        impact.judge_devices(world, now_ms, devices, touched)
        world.judged.update(dict.fromkeys(devices))
    impact.judge_sites(world, now_ms, touched)
    world.judged.update(touched.sites)
    for cell, affected in impact.judge_cells(world, touched):
        networks.turned(world, now_ms, cell, affected=affected)
    for operator in touched.operators:
        networks.judge_operator(world, now_ms, operator)
    for system in touched.systems:
        networks.judge_system(world, now_ms, system)
    return not (wave or world.dirty)
