"""The World is a fold: ``step`` applies one input and says what follows from it.

Deterministic: the same inputs with the same stamps give the same World and the same effects. The
shell calls ``step`` for each input of a turn and once more with ``Tick`` at the turn's end; what
is due falls due there, and the county is assessed at most once (DESIGN "Decisions taken" 4).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import orjson

from collector import (
    care,
    condition,
    history,
    identity,
    impact,
    intake,
    maintenance,
    networks,
    offices,
    past,
    refusal,
    rows,
    shelf,
    turn,
    warned,
)
from collector.base import Wave, World
from collector.changes import changes, parts
from collector.county import County
from collector.mend import mended
from collector.model import (
    COMMAND,
    HISTORY,
    STATE,
    AlarmSaid,
    AliveSeen,
    BirthSeen,
    CapSaid,
    Held,
    Input,
    OfficeCommand,
    OfficeSeen,
    Poison,
    Receipted,
    Received,
    Reconfigured,
    Resumed,
    Row,
    Started,
    Tick,
    TurnedAway,
)
from collector.state import CODEC, State
from collector.timers import TimerKey, Timers
from escalation.appoint import charter_of
from escalation.authority import Outcome
from escalation.charter import Charter
from escalation.desk import Desk
from escalation.effects import Effect
from escalation.state import STATE as DESK
from escalation.state import DeskState, RulesAct
from transport.delivery import Peer, Receiver, Verdict, Watermark, judge
from wire.notice import STATING

Resolve = Callable[[str], County]
"""The configuration of a hash; the store keeps every one that was ever in force."""

FORMAT: Final = 1

__all__ = ["Read", "World", "dump", "fresh", "load", "new", "read", "state_hash", "step"]


class Read(NamedTuple):
    """A World from a snapshot, and the paths that this version could not take over."""

    world: World
    dropped: list[str]


def new(county: County, *, store: int, now_ms: int, number: int = 0) -> World:
    """A World that has seen nothing; ``store`` is the epoch of its store (``wire.frame.Ack``).

    Notices are numbered after ``number``, the last one of a store before.
    """
    desk = Desk(charter(county), DeskState(number=number))
    world = World(county, State(store=store), desk, Receiver(store=store))
    enter(world, now_ms)
    return world


def charter(county: County) -> Charter:
    """What the desk must know of the configuration."""
    return charter_of(
        county.plan,
        county.policy,
        county.register,
        county=county.register.county,
        tree=county.bundle.tree,
        recipients=county.bundle.offices,
        rules=county.rules,
    )


def step(world: World, now_ms: int, given: Input, resolve: Resolve | None = None) -> list[Effect]:
    """Apply one input; the effects in the order in which they must happen.

    ``resolve`` is needed for ``Reconfigured`` alone; without it that raises ValueError.
    """
    world.effects = []
    match given:
        case Received() | Poison() | OfficeCommand() | TurnedAway():
            if accept(world, given.row):
                _row(world, now_ms, given)
        case BirthSeen() | AliveSeen() | OfficeSeen():
            _presence(world, now_ms, given)
        case Receipted(office, epoch, seq):
            receipted(world, now_ms, office, (epoch, seq))
        case AlarmSaid() | CapSaid():
            _heard(world, now_ms, given)
        case Started() | Resumed() | Held():
            _started(world, now_ms, given)
        case Reconfigured():
            if resolve is None:
                raise ValueError("a changed configuration needs somebody who knows it")
            reconfigure(world, now_ms, resolve(given.config_hash), given)
        case Tick():
            follow_rules(world, now_ms)
            turn.tick(world, now_ms)
    return world.effects


def _heard(world: World, now_ms: int, given: AlarmSaid | CapSaid) -> None:
    match given:
        case AlarmSaid(action, key):
            care.said(world, now_ms, action, key)
        case CapSaid():
            warned.said(world, now_ms, given)


def _row(world: World, now_ms: int, given: Received | Poison | OfficeCommand | TurnedAway) -> None:
    match given:
        case Received():
            rows.received(world, now_ms, given)
        case Poison(row, reason):
            poisoned(world, row, reason)
        case OfficeCommand(_, command, key):
            word, judged, why = command.word, None, None
            if word is not None:
                judged = care.said(world, now_ms, word, key)
                why = refusal.reason(world, word, judged)
            world.effects.extend(world.desk.command(now_ms, command, key, judged, why))
            world.stale_verdict |= command.verb in STATING
        case TurnedAway(_, command, key, reason):
            made = world.desk.turn_away(now_ms, command, key, Outcome(reason))
            world.effects.extend(made)


def _started(world: World, now_ms: int, given: Started | Resumed | Held) -> None:
    if isinstance(given, Held):
        past.held(world, now_ms, given)
        return
    if isinstance(given, Resumed):
        world.record("resumed", paused_ms=given.paused_ms, at_ms=now_ms)
        intake.started(world, now_ms)
        offices.started(world)
        return
    said: dict[str, Any] = {"session": given.session, "config": world.county.hash, "at_ms": now_ms}
    if given.version:
        said["version"] = given.version
    if given.losses:
        said["losses"] = list(given.losses)
    world.wishes = {}  # of the time before
    world.state.session = given.session
    world.record("started", **said)
    if given.anew:
        world.record("store_anew", kept=given.anew, upto=given.upto, store=world.state.store)
    past.begun(world, now_ms, given)
    world.stale_verdict = True
    intake.started(world, now_ms)
    offices.started(world)


def _presence(world: World, now_ms: int, given: BirthSeen | AliveSeen | OfficeSeen) -> None:
    match given:
        case OfficeSeen():
            offices.seen(world, now_ms, given)
            said = offices.holds(given)
            if said is not None and past.awaited(world, said):
                past.held(world, now_ms, said)
        case BirthSeen(birth, retained) if birth.agent in world.state.agents:
            if identity.speaks(world, now_ms, birth, retained=retained):
                intake.born(world, now_ms, birth, retained=retained)
        case AliveSeen(alive, retained) if alive.sender in world.state.agents:
            if identity.speaks(world, now_ms, alive, retained=retained):
                intake.alive(world, now_ms, alive, retained=retained)


def waits(world: World, row: Row) -> bool:
    """Whether nothing can be said about the row yet; its sender sends it again.

    So with a lane of somebody who is not enrolled, and with history whose state lane has not
    begun the epoch after it: what of it was applied there is not known before. An order waits
    while nothing can be numbered, its answer neither.
    """
    if row.lane == COMMAND:
        return bool(world.state.asking)
    if row.lane == HISTORY:
        mark = world.receiver.mark(Peer(row.sender, STATE))
        return row.sender not in world.state.agents or mark.epoch <= row.was_epoch
    return row.lane == STATE and row.sender not in world.state.agents


def fresh(world: World, row: Row) -> bool:
    """Whether the row would be applied now; if not, it is none of the fold's business."""
    if waits(world, row):
        return False
    mark = world.receiver.mark(Peer(row.sender, row.lane))
    return judge(mark, row.epoch, row.seq, row.after).applied


def accept(world: World, row: Row) -> bool:
    """Judge the row by its lane's watermark; False when it was applied before, or is too early.

    A row of history that was applied as one of the state lane is stepped over.
    """
    if waits(world, row):
        return False
    peer = Peer(row.sender, row.lane)
    before = world.receiver.mark(peer)
    verdict = world.receiver.judge(peer, row.epoch, row.seq, row.check, row.after)
    if verdict is Verdict.NEW_EPOCH and row.sender in world.state.agents:
        world.record("epoch", agent=row.sender, lane=row.lane, epoch=row.epoch)
        if row.lane == STATE and before.epoch:
            history.ended(world, row.sender, before.epoch, before.seq)
    if verdict.applied:
        world.state.marks[f"{row.sender} {row.lane}"] = (row.epoch, row.seq, row.check)
    return verdict.applied and not history.known(world, row)


def receipted(world: World, now_ms: int, office: str, upto: tuple[int, int]) -> None:
    """Note how far an office client has verified and stored its notices."""
    known = world.state.receipts.get(office)
    if known is None or (known[0], known[1]) < upto:
        world.state.receipts[office] = (*upto, now_ms)
        world.record("receipt", office=office, epoch=upto[0], seq=upto[1], at_ms=now_ms)


def poisoned(world: World, row: Row, reason: str) -> None:
    """Step over a row that nobody can read: it is set aside, counted and named."""
    agent = world.state.agents.get(row.sender)
    if agent is not None:
        agent.poisoned += 1
    else:
        world.state.offices_poisoned += 1
    world.record("refused", sender=row.sender, lane=row.lane, seq=row.seq, reason=reason)


def enter(world: World, now_ms: int) -> None:
    """Take the configuration in: rows for agents, operators and systems, counts from scratch.

    Rows of what still exists stay as they are, their timers go on. Of an operator without any
    source nothing is known: it is not connected, neither good nor bad (PLAN section 1).
    """
    county, state = world.county, world.state
    state.devices = {
        d: row for d, row in state.devices.items() if county.operator_of.get(d) in county.connected
    }
    for device, row in state.devices.items():
        kept = {n: a for n, a in row.alarms.items() if n.partition("|")[0] in county.types}
        row.alarms = kept
        own = county.agents_of.get(county.operator_of[device], frozenset())
        row.views = {agent: view for agent, view in row.views.items() if agent in own}
    state.power = {d: row for d, row in state.power.items() if d in state.devices}
    spoken_of = {county.devices[device].site for device in state.devices}
    state.sites = {site: row for site, row in state.sites.items() if site in spoken_of}
    state.operators = {o: row for o, row in state.operators.items() if o in county.operators}
    state.systems = {s: row for s, row in state.systems.items() if s in county.systems}
    for operator in state.operators.keys() - county.connected:
        state.operators[operator].rules = {}
    intake.enrol(world, now_ms)
    shelf.review(world, now_ms)
    maintenance.review(world, now_ms)
    offices.enrol(world)
    world.dirty, world.wave, world.unreviewed = dict.fromkeys(state.devices), Wave(), {}
    impact.rebuild(world)
    intake.forget(world)
    _realign(world, now_ms)
    state.asked = {d: waiting for d, waiting in state.asked.items() if d in state.devices}
    for device in state.devices:
        condition.review(world, now_ms, device)
    for operator in county.operators:
        networks.judge_operator(world, now_ms, operator)
    for system in county.systems:
        networks.judge_system(world, now_ms, system)
    world.stale_verdict = True


def _realign(world: World, now_ms: int) -> None:
    """Onsets of cells that the configuration made affected, or that are no cells of it any more.

    Else an outage that left the register would stand among the steps of the spread for ever.
    """
    affected = {cell for cell, word in world.tally.cell_words.items() if word.affected}
    affected |= {("sys", system) for system in world.state.systems}  # judged by their own state
    standing = {(o.cell[0], o.cell[1]) for o in world.state.onsets if o.over_ms is None}
    for cell in sorted(standing - affected):
        networks.turned(world, now_ms, cell, affected=False)
    for cell in sorted(cell for cell in affected - standing if cell[0] != "sys"):
        networks.turned(world, now_ms, cell, affected=True)


def reconfigure(world: World, now_ms: int, county: County, given: Reconfigured) -> None:
    """Another configuration from here on: built whole, then one reference swapped.

    ``given.pin``: an open warning or incident goes on under its own plan, policy and profiles, in
    the newest register, until it is over or a person has it follow (FAULTS F23).
    """
    if county.hash == world.newest.hash:
        return
    _journalled(world, now_ms, county, given)
    world.newest, rules = county, world.county.rules
    kept: tuple[str | None, str | None] = (None, None)
    if given.pin and _ruled_otherwise(world.county, county, whole=given.whole):
        kept = world.desk.pin(rules, incident=given.whole)
    pinned = any(kept)
    world.desk.offer(county.rules if pinned else "")
    if pinned:
        warning, incident = kept
        world.record(
            "pinned",
            warning=warning,
            incident=incident,
            rules=rules,
            newest=county.rules,
            at_ms=now_ms,
        )
    _swap(world, now_ms, county.under(world.county, profiles=given.whole) if pinned else county)


def _journalled(world: World, now_ms: int, county: County, given: Reconfigured) -> None:
    """Who changed what, and why; an act that nobody signed for says so."""
    was, by = world.newest, given.account
    signed: dict[str, object] = {"unsigned": True}
    if by:
        signed = {
            "by": by,
            "approved": given.approved,
            "reason": given.reason,
            "stories": given.stories,
            "failed": given.failed,
        }
    found = changes(was, county)
    world.record(
        "configuration", was=was.hash, hash=county.hash, at_ms=now_ms, changes=found, **signed
    )
    differ = parts(was, county)
    act = RulesAct(county.rules, now_ms, differ, by, given.approved, given.reason)
    world.desk.ruled(act)


def _ruled_otherwise(was: County, now: County, *, whole: bool) -> bool:
    """Whether the rules differ; ``whole`` false: plan or policy do."""
    if whole:
        return was.rules != now.rules
    return (was.plan, was.policy) != (now.plan, now.policy)


def follow_rules(world: World, now_ms: int) -> None:
    """What kept other rules is over, or is judged by those in force now: everything is."""
    if world.newest is world.county or world.desk.pinned:
        return
    world.desk.offer("")
    world.record("rules_in_force", rules=world.newest.rules, at_ms=now_ms)
    _swap(world, now_ms, world.newest)


def _swap(world: World, now_ms: int, county: County) -> None:
    was, world.county = world.county, county
    world.desk = Desk.from_json(charter(county), world.desk.to_json())
    enter(world, now_ms)
    if (county.hints, county.types) != (was.hints, was.types):
        # Values that are not said again would stay judged by the old thresholds.
        condition.rejudge(world, now_ms)


def dump(world: World) -> bytes:
    """The whole World as JSON, between two turns. ``load`` gives it back exactly.

    Raises ValueError while a Tick has left a rest (``World.behind``).
    """
    if world.dirty or world.behind:
        raise ValueError("a World is dumped between turns, and not while a rest waits")
    document: dict[str, Any] = {
        "format": FORMAT,
        "config": world.county.hash,
        "newest": world.newest.hash,
        "stale": world.stale_verdict,
        "stale_facts": world.stale_facts,
        "state": orjson.Fragment(CODEC.dump_json(world.state)),
        "timers": [[due_ms, *key] for due_ms, key in world.timers.rows()],
        "desk": orjson.Fragment(world.desk.to_json()),
    }
    return orjson.dumps(document)


def load(raw: bytes, resolve: Resolve) -> World:
    """The World that ``dump`` wrote, as far as this version understands it (``read``)."""
    return read(raw, resolve).world


def read(raw: bytes, resolve: Resolve, *, at_ms: int = 0) -> Read:
    """The World that ``dump`` wrote at ``at_ms``, and what could not be taken over.

    Raises ValueError when it is no snapshot, is of another format, or too little of it remains;
    KeyError when nobody knows its configuration. Where ``resolve`` gives another one in its
    place, the World is fitted into that.
    """
    document = orjson.loads(raw)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError("no snapshot of this format")
    county = resolve(document["config"])
    state, dropped = mended(CODEC, orjson.dumps(document["state"]))
    said, lost = mended(DESK, orjson.dumps(document.get("desk", {})))
    dropped = [f"state.{path}" for path in dropped] + [f"desk.{path}" for path in lost]
    marks = {Peer(*peer.split(" ", 1)): Watermark(*mark) for peer, mark in state.marks.items()}
    desk = Desk(charter(county), said)
    world = World(county, state, desk, Receiver(store=state.store, marks=marks))
    world.situation = said.situation
    if document.get("newest", document["config"]) != document["config"]:
        world.newest = resolve(document["newest"])
    rows = document.get("timers")
    world.timers = Timers((row[0], TimerKey(*row[1:])) for row in rows or ())
    if rows is None:
        _wind(world)
    condition.wind(world)
    maintenance.index(world)
    impact.rebuild(world)
    world.stale_verdict = document.get("stale", True)
    world.stale_facts = document.get("stale_facts", False)
    if dropped or county.hash != document["config"] or not _whole(world):
        enter(world, at_ms)
        while not turn.propagate(world, at_ms):
            pass
    return Read(world, dropped)


def _whole(world: World) -> bool:
    """Whether there is a row for everything in the configuration that has one from its start."""
    county, state = world.county, world.state
    return (
        county.sources.keys() == state.agents.keys()
        and state.operators.keys() >= set(county.operators)
        and state.systems.keys() >= county.systems.keys()
    )


def _wind(world: World) -> None:
    """Timers from the rows that they belong to, where a snapshot has none."""
    for device, row in world.state.devices.items():
        for name, alarm in row.alarms.items():
            type_id, _, qualifier = name.partition("|")
            world.arm(alarm.due_ms, "alarm", device, type_id, qualifier)
    for kind, networks_ in (("operator", world.state.operators), ("system", world.state.systems)):
        for name, network in networks_.items():
            for rule, hold in network.rules.items():
                world.arm(hold.due_ms, kind, name, rule)


def state_hash(world: World) -> str:
    """SHA-256 of everything the World remembers, independent of the order of its rows."""
    return hash_of(dump(world))


def hash_of(raw: bytes) -> str:
    """``state_hash`` of the World that ``dump`` made ``raw`` of."""
    ordered = orjson.dumps(orjson.loads(raw), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(ordered).hexdigest()
