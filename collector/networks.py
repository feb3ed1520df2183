"""Operators and information systems: none, partial, full or unknown (PLAN section 4).

Every reason (share of sites, a whole town, users, a key unit, egress) is a rule with its own hold;
several may be raised at once. Clear lower and later. Unknown neither raises nor clears.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from collector.base import World
from collector.county import WEIGHT_UNIT
from collector.decide import Impact
from collector.hold import Delays, Event, Hold, begun, move
from collector.inhibit import unreachable
from collector.state import NetworkState, Onset
from collector.tally import Cell, Count, Depends, Towns
from config.policy import HeldShare, ShareRule, Src, UsersRule
from config.register import Needs
from wire.notice import PolicyLine

VISIBLE: Final = "min_visible"
PARTIAL: Final = "partial"
FULL: Final = "full"


class Judged(NamedTuple):
    """One rule now: it holds (bad), or does not.

    ``since_ms``: when what it measures began; None: when it was first judged bad.
    """

    bad: bool
    delays: Delays
    since_ms: int | None = None


class Counted(NamedTuple):
    """What the rules of one operator are judged on."""

    sites: Count
    towns: Towns
    egress: Depends


def counted(world: World, operator: str) -> Counted:
    """The operator's counts as they are now."""
    tally = world.tally
    return Counted(
        tally.operators.get(operator, Count()),
        tally.towns.get(operator, Towns()),
        tally.egress.get(operator, Depends()),
    )


def operator_rules(
    world: World, operator: str, holds: dict[str, Hold], on: Counted | None = None
) -> dict[str, Judged]:
    """All rules of one operator, judged on its counts (or on those of ``on``)."""
    policy = world.county.policy.operator
    count, towns, egress = on or counted(world, operator)
    partial_clear = policy.partial_share.clear_hold_s
    full_clear = policy.full_share.clear_hold_s

    def share(name: str, rule: ShareRule) -> Judged:
        active = name in holds and holds[name].active
        limit = (rule.clear_below if active else rule.raise_share) * count.weight
        bad = count.weight_out > 0 and count.weight_out >= limit
        return Judged(bad, _delays(rule.hold_s, rule.clear_hold_s))

    def users(rule: UsersRule) -> Judged:
        bad = count.weight_out >= rule.users * WEIGHT_UNIT
        return Judged(bad, _delays(rule.for_s, partial_clear))

    def of(rule: HeldShare, part: int, whole: int, clear_s: int) -> Judged:
        return Judged(part > 0 and part >= rule.share * whole, _delays(rule.hold_s, clear_s))

    visible = count.weight - count.weight_unknown
    unseen = count.weight > 0 and visible < policy.min_visible.share * count.weight
    return {
        "partial_share": share("partial_share", policy.partial_share),
        "partial_town": Judged(towns.out > 0, _delays(policy.partial_town.hold_s, partial_clear)),
        "partial_users_long": users(policy.partial_users_long),
        "partial_users_any": users(policy.partial_users_any),
        "partial_key_unit": Judged(
            count.key_units_out > 0, _delays(policy.partial_key_unit.hold_s, partial_clear)
        ),
        "full_share": share("full_share", policy.full_share),
        "full_egress": Judged(
            0 < egress.counted == egress.down, _delays(policy.full_egress.hold_s, full_clear)
        ),
        "full_towns": of(policy.full_towns, towns.out, towns.counted, full_clear),
        VISIBLE: Judged(unseen, _delays(policy.min_visible.hold_s, policy.min_visible.hold_s)),
    }


def system_rules(world: World, system: str) -> dict[str, Judged]:
    """A system's rules. ``all``: it stands while one device does; ``any``: one lost, all lost.

    The rules measure its main function themselves (PLAN section 4), so their holds run from the
    devices' first failed looks, hidden ones included, once these are confirmed: one cause takes
    down sites and systems within one step of the spread, in whatever order the looks arrive.
    """
    policy = world.county.policy
    count = world.tally.systems.get(system, Depends())
    clear_s = policy.operator.partial_share.clear_hold_s
    begun_ms = sorted(_failed(world, system)) if count.down else []
    hit = system_hit(world, system, count)
    whole = hit is Impact.FULL
    enough = min(_enough(world, system, count), len(begun_ms) - 1)
    whole_ms = begun_ms[enough] if whole and begun_ms else None
    part_ms = begun_ms[0] if begun_ms else None
    return {
        FULL: Judged(whole, _delays(policy.system.full.hold_s, clear_s), whole_ms),
        PARTIAL: Judged(
            hit is not Impact.NONE, _delays(policy.system.partial.hold_s, clear_s), part_ms
        ),
    }


def system_hit(world: World, system: str, count: Depends) -> Impact:
    """What so many devices down do to the system: full, partial or none."""
    known = world.county.systems[system]
    if not count.down:
        return Impact.NONE
    match known.needs:
        case Needs.ANY:
            whole = True
        case Needs.K_OF_N:
            whole = count.counted - count.down < min(known.at_least or 1, count.counted)
        case Needs.WEIGHTED:
            rule = world.county.policy.system.weighted
            if count.weight_down < rule.partial_share * count.weight:
                return Impact.NONE
            whole = count.weight_down >= rule.full_share * count.weight
        case _:
            whole = count.down == count.counted
    return Impact.FULL if whole else Impact.PARTIAL


def _enough(world: World, system: str, count: Depends) -> int:
    """Which of the failures, in order of time, was one too many; by weight: the last."""
    known = world.county.systems[system]
    match known.needs:
        case Needs.ANY:
            return 0
        case Needs.K_OF_N:
            failed = count.counted - min(known.at_least or 1, count.counted)
            return min(failed, count.down - 1)
        case _:
            return -1


def _failed(world: World, system: str) -> Iterator[int]:
    """When each device of the system that is down gave no answer for the first time."""
    for device in world.county.systems[system].devices:
        alarm = unreachable(world, device)
        if alarm is not None and alarm.active and device not in world.covered:
            yield max(alarm.since_ms, world.state.hush.over_ms.get(device, 0))


def judge_operator(world: World, now_ms: int, operator: str) -> None:
    """Judge one operator's rules on its counts."""
    row = world.state.operators.setdefault(operator, NetworkState(since_ms=now_ms))
    for name, judged in operator_rules(world, operator, row.rules).items():
        _feel(world, now_ms, ("operator", operator, name), row, judged)
    settle_operator(world, now_ms, operator, row)


def judge_system(world: World, now_ms: int, system: str) -> None:
    row = world.state.systems.setdefault(system, NetworkState(since_ms=now_ms))
    for name, judged in system_rules(world, system).items():
        _feel(world, now_ms, ("system", system, name), row, judged)
    settle_system(world, now_ms, system, row)


def rule_due(world: World, now_ms: int, kind: str, network: str, rule: str) -> None:
    """A rule's hold is over."""
    rows = world.state.operators if kind == "operator" else world.state.systems
    row = rows.get(network)
    if row is None or rule not in row.rules:
        return
    if kind == "operator":
        delays = operator_rules(world, network, row.rules)[rule].delays
    elif network in world.county.systems:
        delays = system_rules(world, network)[rule].delays
    else:
        return
    hold = row.rules[rule]
    if move(hold, now_ms, Event.DUE, delays):
        world.arm(hold.due_ms, kind, network, rule)
    if kind == "operator":
        settle_operator(world, now_ms, network, row)
    else:
        settle_system(world, now_ms, network, row)


def settle_operator(world: World, now_ms: int, operator: str, row: NetworkState) -> None:
    """The operator's state from its raised rules: what is observed goes before what is not seen."""
    count = world.tally.operators.get(operator, Count())
    raised = [name for name, hold in row.rules.items() if hold.active]
    if operator not in world.county.judged or operator not in world.county.with_sites:
        impact = Impact.ABSENT
    elif any(name.startswith(FULL) for name in raised):
        impact = Impact.FULL
    elif any(name.startswith(PARTIAL) for name in raised):
        impact = Impact.PARTIAL
    elif VISIBLE in raised or not count.sites:
        impact = Impact.UNKNOWN
    else:
        impact = Impact.NONE
    _settle(world, now_ms, ("operator", operator), row, impact)


def settle_system(world: World, now_ms: int, system: str, row: NetworkState) -> None:
    known = world.county.systems[system]
    count = world.tally.systems.get(system, Depends())
    raised = [name for name, hold in row.rules.items() if hold.active]
    operators = {world.county.operator_of.get(device) for device in known.devices}
    if not operators & world.county.judged:
        impact = Impact.ABSENT
    elif FULL in raised:
        impact = Impact.FULL
    elif PARTIAL in raised:
        impact = Impact.PARTIAL
    elif not count.counted and world.covered.intersection(known.devices):
        impact = Impact.ABSENT  # all of it in maintenance: nobody is to say
    elif not count.counted or count.unknown:
        impact = Impact.UNKNOWN
    else:
        impact = Impact.NONE
    old = row.impact
    _settle(world, now_ms, ("system", system), row, impact)
    was, now = _affected(old), _affected(row.impact)
    if was is not now:
        turned(world, now_ms, ("sys", system), affected=now)


def turned(world: World, now_ms: int, cell: Cell, *, affected: bool) -> None:
    """A cell became affected, or is so no longer: the material of the spread (PLAN section 3)."""
    world.stale_verdict = True
    if affected:
        world.state.onsets.append(Onset(now_ms, list(cell)))
        return
    for onset in world.state.onsets:
        if onset.over_ms is None and onset.cell == list(cell):
            onset.over_ms = now_ms


def _affected(impact: str) -> bool:
    return impact in {Impact.PARTIAL, Impact.FULL}


def _feel(
    world: World, now_ms: int, key: tuple[str, str, str], row: NetworkState, judged: Judged
) -> None:
    kind, network, name = key
    hold = row.rules.get(name)
    if hold is None and not judged.bad:
        return
    if hold is None:
        hold = row.rules[name] = Hold()
    was = hold.active
    moved = move(hold, now_ms, Event.BAD if judged.bad else Event.GOOD, judged.delays)
    if judged.bad and judged.since_ms is not None:
        moved |= begun(hold, now_ms, judged.since_ms, judged.delays)
    if moved:
        world.arm(hold.due_ms, kind, network, name)
        world.stale_verdict |= hold.active is not was


def _settle(
    world: World, now_ms: int, key: tuple[str, str], row: NetworkState, impact: Impact
) -> None:
    if row.impact == impact:
        return
    world.record(
        "impact",
        of=key[0],
        id=key[1],
        was=row.impact,
        word=impact.value,
        rules=sorted(name for name, hold in row.rules.items() if hold.active),
        at_ms=now_ms,
    )
    row.impact, row.since_ms = impact.value, now_ms
    world.stale_verdict = True


def _delays(raise_s: int, clear_s: int) -> Delays:
    return Delays(raise_s * 1000, clear_s * 1000)


def policy_lines(world: World) -> tuple[PolicyLine, ...]:
    """Our own numbers that took part in the present states, each once."""
    policy = world.county.policy
    lines: dict[str, tuple[str, Src]] = {}
    if any(share.out for share in world.tally.site_shares.values()):
        lines["site.out_hold_s"] = (f"{policy.site.out_hold_s}", policy.site.src)
    for kind, rows in (("operator", world.state.operators), ("system", world.state.systems)):
        for row in rows.values():
            for name in sorted(n for n, hold in row.rules.items() if hold.active):
                rule = getattr(getattr(policy, kind), name)
                numbers = rule.model_dump(exclude={"src"})
                value = " ".join(f"{key}={number:g}" for key, number in numbers.items())
                lines[f"{kind}.{name}"] = (value, rule.src)
    return tuple(PolicyLine(path=p, value=v, src=s) for p, (v, s) in sorted(lines.items()))
