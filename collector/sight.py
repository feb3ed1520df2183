"""Who sees a device now, and what follows from the looks of all who see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from collector.base import World
from collector.county import REBOOTED, SNMP_FAILURE, UNREACHABLE
from collector.state import Blind, DeviceState, LookState, View
from wire.observation import Method, Outcome
from wire.reasons import NO_LISTENER

VANTAGE_POINTS: Final = 2
"""A device is unreachable when min(2, those who look) of its vantage points say so (PLAN 4)."""


class Reach(NamedTuple):
    """Judged from all views that count; None where they say nothing either way.

    ``reachable``: answers something. ``snmp``: answers SNMP, judged only where ICMP is answered.
    ``answered``: some view has an answer of the device.
    """

    known: bool
    reachable: bool | None
    snmp: bool | None
    answered: bool


def sees(world: World, agent: str, device: str, view: View) -> bool:
    """Whether the agent's view of the device is to be counted on now."""
    row = world.state.agents.get(agent)
    if row is None or row.blind is not Blind.SEES or view.stale:
        return False
    if view.word_ms >= row.back_ms:
        return True
    return row.round_ms is not None and device not in row.missed


def as_of(world: World, row: DeviceState, device: str) -> int:
    """The arrival of the last word about the device, its agents' rounds included; 0: never."""
    latest = 0
    for agent, view in row.views.items():
        source = world.state.agents.get(agent)
        latest = max(latest, view.word_ms)
        if source is not None and source.round_ms is not None and device not in source.missed:
            latest = max(latest, source.round_ms)
    return latest


def _said(look: LookState | None) -> Outcome | None:
    if look is None or look.outcome is Outcome.COULD_NOT_LOOK:
        return None
    return look.outcome


def judge_view(view: View) -> tuple[bool | None, bool | None]:
    """(reachable, answers SNMP) by one view.

    A refusal by SNMP is an answer of the device itself, and so is its host's word that nothing
    listens at the port; one of ICMP (prohibited) is a router's. SNMP measured with ICMP unanswered:
    reachable, ICMP is filtered on the way.
    """
    icmp = _said(view.looks.get(Method.ICMP))
    snmp = _said(view.looks.get(Method.SNMP))
    if snmp is Outcome.MEASURED:
        return True, True
    if icmp is Outcome.MEASURED:
        return True, None if snmp is None else False
    if snmp is Outcome.REFUSED or (snmp is not None and _no_listener(view)):
        return True, False
    if Outcome.NO_ANSWER in (icmp, snmp) and icmp is not Outcome.REFUSED:
        return False, None
    return None, None


def _no_listener(view: View) -> bool:
    look = view.looks.get(Method.SNMP)
    return look is not None and look.reason == NO_LISTENER


def points(world: World, device: str, row: DeviceState) -> dict[str, bool | None]:
    """What each vantage point says now: reachable, not, or (None) nothing."""
    return {
        agent: judge_view(view)[0] if sees(world, agent, device, view) else None
        for agent, view in sorted(row.views.items())
    }


def disagree(said: Mapping[str, bool | None]) -> bool:
    """Whether one vantage point is answered and another is not."""
    return {True, False} <= set(said.values())


def confirmed(world: World, device: str, row: DeviceState) -> bool:
    """Whether a later round than the one of the first no answer has looked again.

    Where rounds are as long as the delay, one lost reply would be an outage. Both stamps compared
    are the agent's own, so its clock need not be right.
    """
    for agent, view in row.views.items():
        source = world.state.agents.get(agent)
        if source is None or not sees(world, agent, device, view):
            continue
        silent = [look for look in view.looks.values() if look.outcome is Outcome.NO_ANSWER]
        if silent and device not in source.missed:
            first = max(look.said_ms for look in silent)
            last = max(look.at_ms for look in silent)
            if source.round_started_ms > first or last > first:
                return True
    return False


def patience_ms(world: World, row: DeviceState) -> int:
    """How long the word of a device waits for such a round: three of its longest intervals."""
    sources = (world.state.agents.get(agent) for agent in row.views)
    longest = max((source.interval_ms for source in sources if source is not None), default=0)
    return world.county.real_ms(3 * longest / 1000)


def reach(world: World, device: str, row: DeviceState) -> Reach:
    """Judge the device from all the views that count."""
    views = [v for agent, v in row.views.items() if sees(world, agent, device, v)]
    answers = [judge_view(view) for view in views]
    enough = min(VANTAGE_POINTS, len(row.views))
    denied = sum(reachable is False for reachable, _ in answers)
    answered = any(reachable is True for reachable, _ in answers)
    reachable: bool | None = None
    if views and denied >= enough:
        reachable = False
    elif answered:
        reachable = True
    speaking = [snmp for _, snmp in answers if snmp is not None]
    snmp = None if not speaking or reachable is False else any(speaking)
    return Reach(bool(views) and reachable is not None, reachable, snmp, answered)


def in_sight(world: World, device: str, row: DeviceState, type_id: str, qualifier: str) -> bool:
    """Whether what an alarm is about can be seen now; if not, it neither goes on nor is over.

    A silent device says nothing of its own values, one that refuses SNMP neither; so does one
    whose object has gone (a reading without a value).
    """
    if type_id == UNREACHABLE or not row.known:
        return row.known
    if type_id == SNMP_FAILURE:
        return reach(world, device, row).snmp is not None
    if not _reads(world, device, row):
        return False
    if type_id == REBOOTED:
        return True
    held = (
        row.readings.get(f"{metric}|{qualifier}")
        for metric in world.county.metrics_of.get(type_id, ())
    )
    return any(one is not None and one.value is not None for one in held)


def _reads(world: World, device: str, row: DeviceState) -> bool:
    """Whether some agent that counts was answered by SNMP, and could look since."""
    looks = (
        view.looks.get(Method.SNMP)
        for agent, view in row.views.items()
        if sees(world, agent, device, view)
    )
    return any(one and one.outcome is Outcome.MEASURED and not one.blind for one in looks)
