"""Reminders: one at a time, of all that waits, ever more slowly, never given up (FAULTS F19)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escalation import reminders
from escalation.charter import Clocks
from escalation.desk import Desk
from escalation.effects import Effect, EmitNotice
from escalation.situation import Situation
from escalation.state import Awaiting, DeskState
from tests.escalation.county import (
    CALM,
    FULL,
    MINUTE,
    ORDERS,
    PARTIAL,
    T0,
    charter,
    device,
    order,
    silent,
    site,
    situation,
    verdict,
)
from wire.notice import Notice, NoticeKind, Verb

HOUR = 60 * MINUTE
CAP_MS = charter().clocks.remind_most_s * 1000
FLOOD_MS = charter().clocks.flood_window_s * 1000
K = NoticeKind
DRAFTS = {K.WARNING_DRAFT, K.LEVEL_DRAFT}

SMALL = situation(verdict(), sites=(site(1),), devices=(device(1),))
MORE = situation(verdict(), sites=(site(1), site(2)), devices=(device(1), device(2)))
WORST = situation(
    verdict("scenario1", "I", operators=dict.fromkeys(("cmcc", "cucc", "ctcc", "tower"), "full")),
    sites=tuple(site(number) for number in range(9)),
)
DARK = situation(FULL.verdict, sites=FULL.sites, devices=FULL.devices, blind=(silent(),))


def notices(effects: list[Effect]) -> list[Notice]:
    return [effect.notice for effect in effects if isinstance(effect, EmitNotice)]


def run_until(desk: Desk, end_ms: int) -> list[Notice]:
    """Every deadline up to ``end_ms``, at its own moment."""
    done: list[Notice] = []
    for _ in range(10_000):
        at = desk.next_deadline()
        if at is None or at > end_ms:
            return done
        done += notices(desk.due(at))
    raise AssertionError("the desk never comes to rest")


def reminded(told: list[Notice]) -> list[Notice]:
    return [notice for notice in told if notice.notice_kind is K.REMINDER]


def minutes(told: list[Notice]) -> list[int]:
    return [(notice.at_ms - T0) // MINUTE for notice in reminded(told)]


def seen(first: Situation) -> tuple[Desk, list[Notice]]:
    desk = Desk(charter())
    return desk, notices(desk.assess(T0, first))


def ack(desk: Desk, at_ms: int, target: str) -> None:
    (answer,) = notices(desk.command(at_ms, order(Verb.ACK, target, "zhang"), "zhang"))
    assert answer.decision
    assert answer.decision.accepted


def waiting(desk: Desk) -> set[str]:
    return {item["topic"] for item in json.loads(desk.to_json())["awaiting"]}


def test_the_interval_doubles_up_to_an_hour_and_reminders_never_end() -> None:
    desk, _ = seen(FULL)
    told = run_until(desk, T0 + 72 * HOUR)
    assert minutes(told)[:6] == [10, 30, 70, 130, 190, 250]
    assert told[-1].at_ms > T0 + 71 * HOUR


def test_one_reminder_lists_everything_urgent_and_newest_first() -> None:
    desk, _ = seen(FULL)
    (told,) = run_until(desk, T0 + 10 * MINUTE)
    assert [(item.notice, item.notice_kind) for item in told.awaiting] == [
        ("N-000003", K.LEVEL_DRAFT),
        ("N-000002", K.WARNING_DRAFT),
        ("N-000001", K.INCIDENT),
    ]
    assert {item.since_ms for item in told.awaiting} == {T0}
    assert all(item.notice in told.text.zh for item in told.awaiting)
    assert "11月23日 14:35再次催办" in told.text.zh


def test_a_newer_draft_takes_the_place_of_the_older_and_begins_anew() -> None:
    desk, _ = seen(PARTIAL)  # incident 1, scenario 3 in 2: 30 min
    assert minutes(run_until(desk, T0 + 40 * MINUTE)) == [30]
    worse = notices(desk.assess(T0 + 45 * MINUTE, FULL))  # 4 and 5: 10 min
    assert [notice.notice_kind for notice in worse] == [K.WARNING_DRAFT, K.LEVEL_DRAFT]
    told = reminded(run_until(desk, T0 + 80 * MINUTE))
    assert minutes(told) == [55, 75]
    assert [item.notice for item in told[0].awaiting] == ["N-000005", "N-000004", "N-000001"]


def test_an_incident_that_is_over_is_not_reminded_of() -> None:
    desk, _ = seen(SMALL)
    desk.assess(T0 + 5 * MINUTE, CALM)
    assert reminded(run_until(desk, T0 + 24 * HOUR)) == []
    assert waiting(desk) == set()


def test_an_incident_that_goes_on_is_reminded_of() -> None:
    desk, _ = seen(SMALL)
    assert minutes(run_until(desk, T0 + 3 * HOUR)) == [30, 90, 150]


def test_a_draft_is_reminded_of_after_recovery_and_says_what_is_left_to_do() -> None:
    desk, _ = seen(FULL)
    desk.assess(T0 + 5 * MINUTE, CALM)
    told = reminded(run_until(desk, T0 + 2 * HOUR))
    assert minutes(told) == [10, 30, 70]
    assert "异常已消除：请核实后撤回草案并记明原因" in told[-1].text.zh
    assert [item.notice for item in told[-1].awaiting] == ["N-000003", "N-000002"]


@pytest.mark.parametrize(
    ("kind", "left"),
    [
        (K.INCIDENT, {"warning", "level"}),
        (K.HEALTH, {"incident", "warning", "level"}),
        (K.DECISION, set()),
        (K.RECOVERY, set()),
        (K.REMINDER, set()),
    ],
)
def test_who_acknowledges_a_later_notice_has_seen_the_earlier_ones(
    kind: NoticeKind, left: set[str]
) -> None:
    desk, _ = seen(FULL)
    more = situation(FULL.verdict, sites=(*FULL.sites, site(50)), devices=FULL.devices)
    told = notices(desk.command(T0 + 1, order(Verb.ISSUE, "W-20261123-001", "zhang"), "zhang"))
    told += notices(desk.assess(T0 + 2 * MINUTE, more))
    told += notices(desk.assess(T0 + 3 * MINUTE, DARK))
    told += run_until(desk, T0 + 15 * MINUTE)
    wanted = next(notice for notice in told if notice.notice_kind is kind)
    assert waiting(desk) == {"incident", "warning", "level"}
    ack(desk, T0 + 16 * MINUTE, wanted.id)
    assert waiting(desk) == left


@pytest.mark.parametrize(
    ("number", "left"),
    [
        (1, {"warning", "level"}),
        (2, {"level"}),
        (3, set()),
    ],
)
def test_a_draft_covers_what_was_told_before_it(number: int, left: set[str]) -> None:
    desk, _ = seen(FULL)
    ack(desk, T0 + 1, f"N-{number:06d}")
    assert waiting(desk) == left


def test_a_superseded_draft_covers_nothing_newer() -> None:
    desk, _ = seen(PARTIAL)
    desk.assess(T0 + 1, FULL)
    ack(desk, T0 + 2, "N-000002")
    assert waiting(desk) == {"warning", "level"}


@pytest.mark.parametrize("verb", [Verb.PROPOSE, Verb.ISSUE, Verb.WITHDRAW, Verb.LIFT])
def test_who_acts_on_the_warning_has_seen_its_drafts(verb: Verb) -> None:
    desk, _ = seen(FULL)
    account = "zhang" if verb is Verb.PROPOSE else "wang"
    desk.command(T0 + 5, order(verb, "W-20261123-001", account), account)
    assert waiting(desk) == set()
    assert [n for n in run_until(desk, T0 + 5 * HOUR) if n.awaiting] == []


def test_a_refused_order_acknowledges_nothing() -> None:
    desk, _ = seen(FULL)
    desk.command(T0 + 5, order(Verb.PROPOSE, "W-20261123-001", "zhao"), "zhao")
    assert waiting(desk) == {"incident", "warning", "level"}


def test_what_waited_is_remembered_with_a_bound() -> None:
    state = DeskState()
    reminders.wait(state, Awaiting("warning", "N-000001", 1, T0, 600))
    for number in range(2, 2000):
        reminders.told(state, number, K.DECISION)
    assert len(state.later) == reminders.MOST_LATER
    reminders.acknowledge(state, 3)  # too old to know what it was: covers nothing but itself
    assert len(state.awaiting) == 1
    reminders.acknowledge(state, 1999)
    assert (state.awaiting, state.later) == ([], {})


@pytest.mark.parametrize(
    ("limit_s", "count", "wanted"),
    [(300, 0, 300), (300, 1, 600), (300, 4, 3600), (600, 9999, 3600), (7200, 3, 7200)],
)
def test_the_pace(limit_s: int, count: int, wanted: int) -> None:
    assert reminders.pace_s(Clocks(), limit_s, count) == wanted


# ── Whatever happens ─────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Step:
    """Look at ``what`` (None: at nothing new), then let ``wait`` minutes pass."""

    what: Situation | None
    wait: int
    order: Verb | None = None


LOOKS = [CALM, PARTIAL, FULL, WORST, SMALL, MORE, DARK, None]
silence = st.lists(st.builds(Step, st.sampled_from(LOOKS), st.integers(0, 200)), max_size=20)
orders = st.lists(
    st.builds(Step, st.sampled_from(LOOKS), st.integers(0, 90), st.sampled_from([None, *ORDERS])),
    max_size=20,
)


def play(desk: Desk, steps: list[Step]) -> tuple[list[Notice], int]:
    """All that was told, and when it ended."""
    now, told = T0, []
    for number, step in enumerate(steps):
        now += 1000
        if step.what is not None:
            told += notices(desk.assess(now, step.what))
        if step.order is not None:
            target = f"N-{desk.last_number:06d}"
            if step.order is not Verb.ACK:
                target = desk.open_warning or "W-20261123-009"
            said = order(step.order, target, "wang", ident=f"c{number}")
            told += notices(desk.command(now, said, "wang"))
        end = now + step.wait * MINUTE
        told += run_until(desk, end)
        now = end
    return told, now


@given(silence)
@settings(deadline=None, max_examples=100)
def test_unacknowledged_drafts_are_reminded_of_within_the_cap_and_not_too_often(
    steps: list[Step],
) -> None:
    told, end = play(Desk(charter()), steps)
    drafts = [n.at_ms for n in told if n.notice_kind in DRAFTS]
    if drafts:  # nobody ever acknowledges, so from the first draft on one always waits
        marks = [*drafts, *(n.at_ms for n in told if n.awaiting and n.at_ms > drafts[0])]
        for one, other in pairwise([*sorted(marks), end]):
            assert other - one <= CAP_MS + FLOOD_MS
    begun = len([n for n in told if n.notice_kind in DRAFTS | {K.INCIDENT}])
    hours = (end - T0) / HOUR
    assert len(reminded(told)) <= 5 * begun + hours


@given(orders)
@settings(deadline=None, max_examples=100)
def test_nothing_is_reminded_of_after_its_acknowledgement(steps: list[Step]) -> None:
    desk = Desk(charter())
    told, _ = play(desk, steps)
    acked: set[str] = set()
    for notice in told:
        assert acked.isdisjoint(item.notice for item in notice.awaiting)
        said = notice.decision
        if said is None or not said.accepted:
            continue
        if said.verb is Verb.ACK:
            acked.add(said.target)
        else:
            acked.update(other.id for other in told if other.number < notice.number)
    again = Desk.from_json(charter(), desk.to_json())
    assert again.to_json() == desk.to_json()
