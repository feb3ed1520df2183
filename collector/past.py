"""Numbers go on where a store's past is not known (FAULTS F21).

A store that is empty, restored from a copy or damaged may have given notices of which it knows
nothing, and a number must never stand for two notices. Until every office has said what it holds,
nothing is numbered: neither is the county told anything nor an order taken. An office says so
with each of its signed words. Who has not within the first heartbeat is waited for no longer:
numbers then jump above the seconds since 2020, where no store before can have come that has given
fewer than one notice a second (docs/adr/0019).
"""

from __future__ import annotations

from collector.base import World
from collector.model import Held, Started
from collector.state import Lost
from escalation.damage import damaged, floor_of, resume


def begun(world: World, now_ms: int, given: Started) -> None:
    """A process begins on a store whose past may be lost."""
    damage = "anew" if given.anew else "losses" if given.losses else ""
    world.state.damage = damage or world.state.damage
    if given.wait:
        world.state.asking = list(world.county.bundle.offices)
        world.state.lost = Lost()
    elif damage and not given.ask:
        held(world, now_ms, Held())


def missed(world: World, given: Held) -> bool:
    """Whether an office holds notices of which this store knows nothing."""
    lost = world.state.lost
    if lost.to and given.number <= lost.to:
        return given.number > lost.known
    return given.number > world.desk.last_number


def awaited(world: World, given: Held) -> bool:
    """Whether what the office holds changes anything."""
    return bool(world.state.damage or world.state.asking) or missed(world, given)


def held(world: World, now_ms: int, given: Held) -> None:
    """Go on above what offices hold; then tell what the store has lost."""
    state = world.state
    if state.asking:
        if given.number > state.lost.number:
            state.lost = Lost(given.office, given.number, given.warning)
        if given.office:
            state.asking = [office for office in state.asking if office != given.office]
            if state.asking:
                return
        _go_on(world, now_ms)
    elif missed(world, given):
        _gap(world, now_ms, given)
    if state.damage:
        anew, state.damage = state.damage == "anew", ""
        world.effects.extend(damaged(world.desk, now_ms, anew=anew))


def _go_on(world: World, now_ms: int) -> None:
    """Nothing waits any more: number on, above what no office can hold if one has not spoken."""
    state = world.state
    best, unheard, state.asking = state.lost, state.asking, []
    known, state.lost = world.desk.last_number, Lost()
    if unheard:
        floor = floor_of(now_ms)
        world.desk.jump(now_ms, floor)
        state.lost = Lost(known=known, to=world.desk.last_number)
        world.record(
            "numbers", known=known, above=world.desk.last_number, unheard=unheard, at_ms=now_ms
        )
    said = Held(best.office, best.number, best.warning)
    if said.number > known:
        _gap(world, now_ms, said, known=known)
    world.stale_verdict = True


def _gap(world: World, now_ms: int, given: Held, known: int | None = None) -> None:
    """Notices that an office holds and this store does not; each of them is named once."""
    lost = world.state.lost
    if known is None:
        known = lost.known if given.number <= lost.to else world.desk.last_number
    if given.number <= lost.to:
        lost.known = given.number
    span = known + 1, given.number
    world.record(
        "gap",
        office=given.office,
        **{"from": span[0], "to": span[1]},
        warning=given.warning,
        at_ms=now_ms,
    )
    world.effects.extend(resume(world.desk, now_ms, span, given.warning))
