"""What sources say becomes looks, readings and freshness.

An agent is believed about the devices of its own operator alone; a silent agent makes its devices
unknown, never out (PLAN section 4). Rules use arrival; the sources' own stamps are kept with a
quality mark (FAULTS F16).
"""

from __future__ import annotations

from typing import Final

from collector import condition, power, vitals
from collector.base import World
from collector.state import (
    AgentState,
    Blind,
    EventState,
    LookState,
    ReadingState,
    Stamp,
    View,
    judge_stamp,
)
from wire.observation import Event, Look, Outcome, Reading, Round
from wire.presence import Alive, Birth

NAMED: Final = 1000
"""Unregistered or foreign devices that are listed per agent; the rest is only counted."""

MOST_READINGS: Final = 20_000
"""Watched values of one device that are kept: more than a switch of a thousand ports has."""

EVENTS: Final = 10
"""Events of one device that are kept."""

REST: Final = "…"
"""The row that counts what is over NAMED."""


def enrol(world: World, now_ms: int) -> None:
    """Give every source of the register a row; one never seen is unknown from here on."""
    agents = world.state.agents
    for gone in [agent for agent in agents if agent not in world.county.sources]:
        del agents[gone]
        world.arm(None, "agent", gone)
    for agent in world.county.sources:
        if agent not in agents:
            agents[agent] = AgentState(blind_ms=now_ms, heard_ms=now_ms, back_ms=now_ms)
            arm(world, agent)


def forget(world: World) -> None:
    """Nobody misses what he does not look at: devices that left the register, or his operator."""
    for agent, row in world.state.agents.items():
        watched = world.tally.watched.get(agent, {})
        for device in [device for device in row.missed if device not in watched]:
            del row.missed[device]
            world.arm(None, "stale", device, agent)
        row.doubted = {d: at_ms for d, at_ms in row.doubted.items() if d in watched}


def started(world: World, now_ms: int) -> None:
    """Count silence and delays from here: what was said meanwhile is on its way (F17)."""
    world.state.started_ms = now_ms
    world.state.settle_until_ms = now_ms + world.county.real_ms(world.county.bundle.settle_s)
    for agent in world.state.agents:
        arm(world, agent)


def device_allowed(world: World, now_ms: int, agent: str, device: str) -> bool:
    """Whether ``agent`` may speak of ``device``; if not, the item is counted and named."""
    county, row = world.county, world.agent(agent)
    owner = county.operator_of.get(device)
    if owner == county.sources[agent].operator:
        return True
    listed = row.unregistered if owner is None else row.foreign
    if device not in listed and len(listed) < NAMED:
        listed[device] = 0
        kind = "unregistered" if owner is None else "foreign_device"
        world.record(kind, agent=agent, device=device, owner=owner, at_ms=now_ms)
    name = device if device in listed else REST
    listed[name] = listed.get(name, 0) + 1
    return False


def stamped(row: AgentState, at_ms: int, now_ms: int) -> Stamp:
    stamp = judge_stamp(at_ms, now_ms)
    row.stamps += stamp is not Stamp.GOOD
    return stamp


def view_of(world: World, now_ms: int, agent: str, device: str) -> View:
    """The agent's view of the device; a word of its own has just arrived."""
    views = world.device(device).views
    view = views.get(agent)
    if view is None:
        view = views[agent] = View(word_ms=now_ms)
        world.tally.watched.setdefault(agent, {})[device] = None
    return view


def looked(world: World, now_ms: int, agent: str, look: Look) -> None:
    """A look that could not be made changes nothing but freshness."""
    row = world.agent(agent)
    view = view_of(world, now_ms, agent, look.device)
    old = view.looks.get(look.method)
    if look.outcome is Outcome.COULD_NOT_LOOK:
        if old is None:
            old = view.looks[look.method] = LookState(look.outcome, look.since_ms, look.at_ms)
        old.blind = look.reason or "could_not_look"
        world.dirty[look.device] = None
        if all(one.blind for one in view.looks.values()):
            missed(world, now_ms, agent, look.device)
    else:
        # What its history knew of the beginning holds as long as the agent says the same.
        same = old is not None and old.outcome is look.outcome and old.told_ms == look.since_ms
        kept = old if same else None
        view.looks[look.method] = LookState(
            outcome=look.outcome,
            since_ms=kept.since_ms if kept else look.since_ms,
            told_ms=kept.told_ms if kept else 0,
            at_ms=look.at_ms,
            reason=look.reason,
            detail=look.detail,
            rtt_us=look.rtt_us,
            stamp=stamped(row, look.at_ms, now_ms),
        )
        seen(world, now_ms, agent, look.device, view)
        said = (look.outcome, look.reason, look.detail)
        if old is None or old.blind or (old.outcome, old.reason, old.detail) != said:
            world.dirty[look.device] = None
    condition.review(world, now_ms, look.device)
    if look.outcome is not Outcome.COULD_NOT_LOOK:
        condition.heard_of(world, now_ms, look.device)


def reading(world: World, now_ms: int, agent: str, item: Reading) -> None:
    """A watched value: kept, and judged by the alarm hints of its metric."""
    view = view_of(world, now_ms, agent, item.device)
    seen(world, now_ms, agent, item.device, view)
    readings, key = world.device(item.device).readings, f"{item.metric}|{item.instance}"
    if key not in readings and len(readings) >= MOST_READINGS:
        crowded(world, now_ms, agent, item.device)
        return
    before = readings[key].value if key in readings else None
    if (before is None) is not (item.value is None):
        world.dirty[item.device] = None  # whether it is measured at all is shown
    readings[key] = ReadingState(
        item.value, item.at_ms, now_ms, stamped(world.agent(agent), item.at_ms, now_ms)
    )
    condition.review(world, now_ms, item.device)
    condition.judge_reading(world, now_ms, item.device, item.metric, item.instance, item.value)
    power.read(world, now_ms, item)


def happened(world: World, item: Event) -> None:
    """A trap or a trace: kept to be shown; what it led to came as looks and readings."""
    events = world.device(item.device).events
    events.append(
        EventState(
            item.source, item.kind, item.text, item.count, item.from_ms, item.at_ms,
            item.look, item.changed,
        )
    )  # fmt: skip
    del events[:-EVENTS]


def crowded(world: World, now_ms: int, agent: str, device: str) -> None:
    """A value too many is counted; that it happens is said once."""
    row = world.agent(agent)
    row.crowded += 1
    if row.crowded == 1:
        world.record("too_many_readings", agent=agent, device=device, at_ms=now_ms)


def seen(world: World, now_ms: int, agent: str, device: str, view: View) -> None:
    """The agent has a word of its own about the device: it is not missed any more."""
    view.word_ms = now_ms
    view.stale = False
    if world.agent(agent).missed.pop(device, None) is not None:
        world.arm(None, "stale", device, agent)


def missed(world: World, now_ms: int, agent: str, device: str) -> None:
    """The agent could not look: the device keeps its age, and is unknown once that is too old."""
    row = world.agent(agent)
    if device in row.missed:
        return
    view = world.device(device).views.get(agent)
    if view is None:
        return
    row.missed[device] = now_ms
    if row.round_ms is not None:
        view.word_ms = max(view.word_ms, row.round_ms)
    limit = world.county.silent_after(max(row.interval_ms, row.every_ms))
    world.arm(view.word_ms + limit, "stale", device, agent)


def stale_due(world: World, now_ms: int, device: str, agent: str) -> None:
    """Missed for longer than the limit: this agent does not see the device any more."""
    row = world.state.agents.get(agent)
    if row is None or device not in row.missed:
        return
    view = world.device(device).views.get(agent)
    if view is None:
        return
    view.stale = True
    world.dirty[device] = None  # where others see it, what only this agent read is out of sight
    condition.review(world, now_ms, device)


def round_done(world: World, now_ms: int, agent: str, marker: Round) -> None:
    """A round is over: whatever it did not miss is as fresh as the round."""
    row = world.agent(agent)
    if row.blind is Blind.STALLED:
        world.record("source", agent=agent, word="heard", was="stalled", since_ms=row.blind_ms)
        row.blind, row.blind_ms, row.back_ms = Blind.SEES, now_ms, now_ms
        said_anew(world, agent)
    first = row.round_ms is None
    still = set(marker.missed)
    for device in marker.missed:
        if world.county.operator_of.get(device) == world.county.sources[agent].operator:
            missed(world, now_ms, agent, device)
    row.round_ms = now_ms
    row.round_number, row.round_started_ms = marker.number, marker.started_ms
    row.interval_ms = max(1, marker.interval_ms)
    found = [device for device in row.missed if device not in still]
    for device in found:
        view = world.device(device).views.get(agent)
        if view is None or all(one.blind for one in view.looks.values()):
            continue
        seen(world, now_ms, agent, device, view)
        world.dirty[device] = None
        condition.review(world, now_ms, device)
    if first:
        world.unreviewed.update(world.tally.watched.get(agent, {}))
    doubted, row.doubted = row.doubted, {}
    for device in doubted:
        condition.confirm(world, now_ms, device)
    arm(world, agent)


def born(world: World, now_ms: int, birth: Birth, *, retained: bool = False) -> None:
    """An agent's new session: what it looks at from now on.

    A birth is retained: the broker gives it to us again whenever we connect, and that is no sign
    of life.
    """
    agent = birth.agent
    row = world.agent(agent)
    if birth.session < row.session:
        world.record("late_session", agent=agent, session=birth.session, known=row.session)
        return
    if birth.session == row.born:
        return
    anew = birth.session > row.session
    row.session = row.born = birth.session
    row.interval_ms = birth.interval_ms
    row.version = birth.version
    row.inventory_hash = birth.inventory_hash
    if not retained:
        vitals.clocked(world, now_ms, agent, birth.at_ms)
    if anew:
        heard(world, now_ms, agent)
    if not birth.apart:
        looks_at(world, now_ms, agent, list(birth.devices))


def looks_at(world: World, now_ms: int, agent: str, devices: list[str]) -> None:
    """The agent's whole inventory: what is in no register is named, what it gave up forgotten."""
    world.agent(agent).inventory = devices
    for device in devices:
        if device not in world.county.operator_of:
            device_allowed(world, now_ms, agent, device)
    given_up(world, now_ms, agent, frozenset(devices))


def given_up(world: World, now_ms: int, agent: str, inventory: frozenset[str]) -> None:
    """Devices that an agent does not look at any more: it is no vantage point of theirs."""
    watched = world.tally.watched.get(agent, {})
    for device in [device for device in watched if device not in inventory]:
        del watched[device]
        del world.device(device).views[agent]
        world.dirty[device] = None  # its cause may name what this agent saw
        if world.agent(agent).missed.pop(device, None) is not None:
            world.arm(None, "stale", device, agent)
        condition.review(world, now_ms, device)


def alive(world: World, now_ms: int, word: Alive, *, retained: bool = False) -> None:
    """Presence; a Last Will of an older session cannot kill a newer one (PLAN 7, MQTT).

    It is retained as well: the same word again says nothing.
    """
    row = world.agent(word.sender)
    known = (row.session, row.alive_ms)
    if word.session < row.session or (word.online and (word.session, word.at_ms) == known):
        return
    spoke = (word.life, word.session, word.beat)
    if word.online and word.beat and spoke[:2] == row.spoke[:2] and word.beat <= row.spoke[2]:
        return  # said before, whatever the clocks did since
    row.session = word.session
    row.every_ms = word.every_ms
    if word.online:
        row.alive_ms, row.spoke = word.at_ms, spoke
        if not retained:
            vitals.clocked(world, now_ms, word.sender, word.at_ms)
            vitals.watermarks(world, now_ms, word)
        vitals.pressed(world, now_ms, word)
        heard(world, now_ms, word.sender)
    elif row.blind in {Blind.SEES, Blind.STALLED}:
        lost(world, now_ms, word.sender, Blind.OFFLINE)


def heard(world: World, now_ms: int, agent: str) -> None:
    """Any word of the agent. After a silence its devices stay unknown until they are seen."""
    row = world.agent(agent)
    row.heard_ms = now_ms
    if row.blind in {Blind.NEVER, Blind.SILENT, Blind.OFFLINE}:
        world.record(
            "source", agent=agent, word="heard", was=row.blind.value, since_ms=row.blind_ms
        )
        row.blind, row.blind_ms = Blind.SEES, now_ms
        row.back_ms, row.round_ms = now_ms, None
        said_anew(world, agent)
        arm(world, agent)


def limits(world: World, agent: str) -> tuple[int, int]:
    """When the agent counts as silent, and when as stalled (no round), if nothing comes."""
    row, county = world.agent(agent), world.county
    from_ms = world.state.started_ms
    sign = row.back_ms if row.round_ms is None else row.round_ms
    silent = max(row.heard_ms, from_ms) + county.silent_after(row.every_ms)
    stalled = max(sign, from_ms) + county.silent_after(max(row.interval_ms, row.every_ms))
    return silent, stalled


def arm(world: World, agent: str) -> None:
    """Set the moment at which the agent would count as silent, or as stalled."""
    blind = world.agent(agent).blind
    silent, stalled = limits(world, agent)
    if blind is Blind.SEES:
        world.arm(min(silent, stalled), "agent", agent)
    elif blind in {Blind.STALLED, Blind.NEVER}:
        world.arm(silent, "agent", agent)
    else:
        world.arm(None, "agent", agent)


def agent_due(world: World, now_ms: int, agent: str) -> None:
    """The moment set by ``arm`` has come: silent, stalled, or heard since."""
    row = world.state.agents.get(agent)
    if row is None or row.blind in {Blind.SILENT, Blind.OFFLINE}:
        return
    silent, stalled = limits(world, agent)
    if row.blind is Blind.NEVER:
        world.stale_verdict = True
        world.arm(silent if now_ms < silent else None, "agent", agent)
    elif now_ms >= silent:
        lost(world, now_ms, agent, Blind.SILENT)
    elif now_ms >= stalled and row.blind is Blind.SEES:
        lost(world, now_ms, agent, Blind.STALLED)
    else:
        arm(world, agent)


def lost(world: World, now_ms: int, agent: str, why: Blind) -> None:
    """Nothing is to be seen through this agent: its devices are unknown, never out."""
    row = world.agent(agent)
    if row.blind is Blind.SEES:
        row.blind_ms = now_ms
    row.blind, row.round_ms = why, None
    world.record("source", agent=agent, word=why.value, heard_ms=row.heard_ms)
    said_anew(world, agent)
    world.unreviewed.update(world.tally.watched.get(agent, {}))
    arm(world, agent)


def said_anew(world: World, agent: str) -> None:
    """The cause sentences of an agent's devices name what is the matter with it."""
    world.stale_verdict = True
    world.dirty.update(world.tally.watched.get(agent, {}))
