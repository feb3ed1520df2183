"""What waits for a person's acknowledgement, and when the office is reminded of it.

One reminder at a time, of everything that waits, ever more slowly up to a cap: the true thing is
said once and not forgotten (ISA-18.2: load on people; FAULTS F19: never given up). A newer draft
of the same kind takes the place of the older; whoever acknowledges a later notice of the warning
has seen the earlier ones. What is over is not reminded of by itself.

Pure: works on the desk's state; the desk asks when, tells, and notes that it was told.
"""

from __future__ import annotations

from typing import Final

from escalation.charter import Clocks
from escalation.state import Awaiting, DeskState
from wire.notice import AwaitingFact, NoticeKind

KINDS: Final = {
    "level": NoticeKind.LEVEL_DRAFT,
    "warning": NoticeKind.WARNING_DRAFT,
    "incident": NoticeKind.INCIDENT,
}
"""What can wait, by topic; the most urgent first where the limits are alike."""

DRAFTS: Final = frozenset({"level", "warning"})

COVERING: Final = frozenset(
    {
        *(NoticeKind.WARNING_DRAFT, NoticeKind.LEVEL_DRAFT, NoticeKind.DECISION),
        *(NoticeKind.RECOVERY, NoticeKind.REMINDER),
    }
)
"""Kinds that speak of the warning: who acknowledges one has seen what waited before it."""

MOST_LATER: Final = 500
_MOST_STEPS: Final = 20


def wait(state: DeskState, item: Awaiting) -> None:
    """From now on ``item`` waits, in place of an older one of its topic.

    A draft begins the count of reminders anew; an incident's notice only where nothing waited.
    """
    others = [other for other in state.awaiting if other.topic != item.topic]
    if item.topic in DRAFTS or not others:
        state.remind_from_ms, state.reminders = item.since_ms, 0
    state.awaiting = [*others, item]


def told(state: DeskState, number: int, kind: NoticeKind) -> None:
    """Remember which notices came after what waits, so that one of them can cover it."""
    if state.awaiting and kind in COVERING | {NoticeKind.INCIDENT}:
        state.later[number] = kind
        while len(state.later) > MOST_LATER:
            del state.later[next(iter(state.later))]


def acknowledge(state: DeskState, number: int) -> None:
    """Somebody has seen notice ``number``: it waits no more, nor what it covers."""
    kind = state.later.get(number)
    _keep(state, [item for item in state.awaiting if not _covers(number, kind, item)])


def _covers(number: int, kind: NoticeKind | None, item: Awaiting) -> bool:
    if item.number >= number:
        return item.number == number
    return kind in COVERING or (kind is NoticeKind.INCIDENT and item.topic == "incident")


def settle(state: DeskState) -> None:
    """Who acts on the warning has seen all that was told."""
    _keep(state, [])


def incident_over(state: DeskState) -> None:
    """A closed incident waits for nobody; the drafts that it left behind still do."""
    _keep(state, [item for item in state.awaiting if item.topic != "incident"])


def _keep(state: DeskState, items: list[Awaiting]) -> None:
    state.awaiting = items
    if not items:
        state.reminders, state.later = 0, {}


def due_at(state: DeskState, clocks: Clocks, *, over: bool) -> int | None:
    """When the next reminder is due (ms); None when nothing is to be reminded of.

    ``over``: the incident's trouble is gone, so that its notice alone is worth no reminder.
    """
    limits = [item.limit_s for item in state.awaiting if item.topic in DRAFTS or not over]
    if not limits:
        return None
    return state.remind_from_ms + pace_s(clocks, min(limits), state.reminders) * 1000


def pace_s(clocks: Clocks, limit_s: int, reminders: int) -> int:
    """Seconds from one reminder to the next: the limit, then ever more, up to the cap."""
    grown: int = limit_s * clocks.remind_factor ** min(reminders, _MOST_STEPS)
    return min(grown, max(limit_s, clocks.remind_most_s))


def listed(state: DeskState) -> list[Awaiting]:
    """What waits, the most urgent and newest first."""
    order = list(KINDS)
    return sorted(
        state.awaiting, key=lambda item: (item.limit_s, order.index(item.topic), -item.number)
    )


def facts(items: list[Awaiting]) -> tuple[AwaitingFact, ...]:
    """The same for machines."""
    return tuple(
        AwaitingFact(notice=item.notice, notice_kind=KINDS[item.topic], since_ms=item.since_ms)
        for item in items
    )


def reminded(state: DeskState, now_ms: int) -> None:
    """A reminder leaves now; the next one comes later."""
    state.remind_from_ms = now_ms
    state.reminders += 1
