"""The World as plain JSON, for pages and ``wanglou status``: a projection that changes nothing."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from collector import inforce, offices
from collector.base import World
from collector.consequence import counts
from collector.identity import refused_lives
from collector.sight import as_of, disagree, in_sight, points
from collector.state import AgentState, Blind, Status
from collector.tally import Count
from collector.vitals import stuck
from collector.words import device_cause
from collector.world import charter as charter_of
from collector.would import would
from escalation.facts import FACT, level_name, scenario_name
from escalation.load import load
from escalation.page import STATES

Json = dict[str, Any]


def board(world: World, now_ms: int, *, devices: bool = True) -> Json:
    """Everything that is known at ``now_ms``; ``devices`` false leaves the long list out."""
    state, situation = world.state, world.situation
    shown: Json = {
        "county": world.county.register.county,
        "tree": world.county.bundle.tree,
        "at_ms": now_ms,
        "config_hash": world.county.hash,
        "rules": _rules(world),
        "warning": world.desk.open_warning,
        "standing": standing(world),
        "expected": expected(world),
        "last_notice": world.desk.last_number,
        "load": asdict(load(world.desk.sent, now_ms)),
        "verdict": situation.verdict.model_dump(mode="json") if situation else None,
        "operators": {name: operator(world, name) for name in world.county.operators},
        "facts": {
            key.removeprefix(FACT): asdict(row)
            for key, row in world.desk.attested.items()
            if key.startswith(FACT)
        },
        "systems": {
            name: {
                "name": known.name,
                "impact": state.systems[name].impact,
                "since_ms": state.systems[name].since_ms,
                "attested": attested(world, name),
            }
            for name, known in world.county.systems.items()
        },
        "sources": {name: source(world, name, row) for name, row in sorted(state.agents.items())},
        "devices_by_state": by_state(world),
        "counts": counts(world)._asdict(),
        "disagreeing": disagreeing(world),
        "sites": [fact.model_dump(mode="json") for fact in situation.sites] if situation else [],
        "evidence": list(situation.evidence) if situation else [],
        "threats": [asdict(one) for one in world.desk.threats.values()],
        "offices": {name: office_of(world, name) for name in world.county.bundle.offices},
        "receipts": {
            office: {"epoch": epoch, "seq": seq, "at_ms": at_ms}
            for office, (epoch, seq, at_ms) in state.receipts.items()
        },
    }
    if devices:
        shown["devices"] = {name: device(world, name) for name in world.county.devices}
    return shown


def _rules(world: World) -> Json:
    found = inforce.rules(world)
    return found._asdict() | {"said": found.said.model_dump()}


def standing(world: World) -> Json | None:
    """The open warning in the plan's words: its state, scenario and level; None without one."""
    case = world.desk.case
    if case is None:
        return None
    charter = charter_of(world.county)
    held = case.issued or case.draft
    return {
        "state": STATES[case.state]._asdict(),
        "scenario": scenario_name(charter, held.warning)._asdict(),
        "level": level_name(charter, held.level)._asdict(),
        "opened_ms": case.opened_ms,
        "rules": inforce.named(world.county),
        "rules_in_force": inforce.named(world.newest),
    }


def expected(world: World) -> Json | None:
    """The names of the projected scenario and level; None where nothing worse is likely."""
    ahead = world.situation.verdict.projected if world.situation else None
    if ahead is None:
        return None
    charter = charter_of(world.county)
    return {
        "scenario": scenario_name(charter, ahead.warning)._asdict(),
        "level": level_name(charter, ahead.level)._asdict(),
    }


def operator(world: World, name: str) -> Json:
    count = world.tally.operators.get(name, Count())
    row = world.state.operators[name]
    return {
        "name": world.county.operator_names[name],
        "impact": row.impact,
        "trial": name in world.county.trial,
        "would": _would(world, name),
        "since_ms": row.since_ms,
        "sites": count.sites,
        "out": count.out,
        "at_risk": count.at_risk,
        "unknown": count.unknown,
        "rules": sorted(rule for rule, hold in row.rules.items() if hold.active),
        "attested": attested(world, name),
    }


def _would(world: World, name: str) -> Json | None:
    """What an operator in trial would be judged as; None for all others."""
    found = would(world, name)
    if found is None:
        return None
    said = found._asdict()
    if found.warning:
        charter = charter_of(world.county)
        said["warning"] = scenario_name(charter, found.warning)._asdict()
        said["level"] = level_name(charter, found.level)._asdict()
    return said


def attested(world: World, name: str) -> Json | None:
    """What a person stated of it, and the measured state that superseded it, if any (PLAN 1)."""
    row = world.desk.attested.get(name)
    return asdict(row) if row else None


def source(world: World, agent: str, row: AgentState) -> Json:
    """An agent: how it is, what it said that was not its to say, what the register misses."""
    watched = world.tally.watched.get(agent, {})
    return {
        "operator": world.county.sources[agent].operator,
        "state": row.blind.value or "ok",
        "since_ms": row.blind_ms,
        "heard_ms": row.heard_ms if row.blind is not Blind.NEVER else None,
        "session": row.session,
        "version": row.version,
        "devices": len(watched),
        "missed": sorted(row.missed),
        "skew_ms": row.skew_ms,
        "bad_stamps": row.stamps,
        "clock_off": row.clock_off,
        "samples_given_up": row.given_up,
        "no_space": row.no_space,
        "waiting": {name: mark.waiting for name, mark in row.lanes.items() if mark.waiting},
        "stuck": stuck(row),
        "clones_refused": len(refused_lives(row)),
        "poisoned": row.poisoned,
        "unregistered": row.unregistered,
        "foreign": row.foreign,
    }


def office_of(world: World, name: str) -> Json:
    """An office client: whether anybody there hears us, by its own signed presence."""
    row = offices.office(world, name)
    return {
        "state": row.blind.value or "ok",
        "since_ms": row.blind_ms,
        "heard_ms": row.heard_ms if row.blind is not Blind.NEVER else None,
        "session": row.session,
    }


def device(world: World, name: str) -> Json:
    row, title = world.state.devices.get(name), world.county.devices[name].name
    if row is None:
        return {"name": title, "state": Status.NEW.value}
    alarms = {
        key: {
            "phase": alarm.phase.value,
            "since_ms": alarm.began_ms or alarm.since_ms,
            "said": alarm.said,
            "unknown": not in_sight(world, name, row, key.partition("|")[0], key.partition("|")[2]),
        }
        for key, alarm in row.alarms.items()
        if alarm.phase != "clear" or alarm.flapping_ms is not None
    }
    return {
        "name": title,
        "state": row.status.value,
        "since_ms": row.since_ms,
        "as_of_ms": as_of(world, row, name),
        "cause": device_cause(world, row),
        "points": points(world, name, row),
        "hidden_by": row.hidden_by,
        "alarms": alarms,
    }


def disagreeing(world: World) -> list[str]:
    """Devices that one vantage point reaches and another does not."""
    return [
        name
        for name, row in world.state.devices.items()
        if len(row.views) > 1 and disagree(points(world, name, row))
    ]


def by_state(world: World) -> dict[str, int]:
    """How many devices are in each state; a device nobody ever spoke of is new."""
    counts = dict.fromkeys((status.value for status in Status), 0)
    for row in world.state.devices.values():
        counts[row.status.value] += 1
    counts[Status.NEW.value] += len(world.county.devices) - len(world.state.devices)
    return counts
