"""Whatever happens in whatever order: people decide, numbers have no holes, snapshots are exact."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from escalation.desk import Desk
from escalation.effects import Effect, EmitNotice, Record
from escalation.situation import Situation
from escalation.warning import MACHINE, Event, State
from tests.escalation.county import (
    CALM,
    FULL,
    MINUTE,
    ORDERS,
    PARTIAL,
    RANK,
    T0,
    charter,
    device,
    order,
    silent,
    site,
    situation,
    verdict,
)  # fmt: skip
from wire.notice import Verb

UNCOUNTED = {"warning_draft", "level_draft", "decision"}


@dataclass(frozen=True)
class See:
    what: Situation


@dataclass(frozen=True)
class Say:
    verb: Verb
    account: str
    number: int


@dataclass(frozen=True)
class Wait:
    minutes: int


DARK = situation(
    verdict(operators={"cmcc": "unknown"}, spread="unknown", worst=("scenario1", "I")),
    sites=(site(1, "unknown"),),
    blind=(silent("cmcc-noc", "cmcc"),),
)
WORST = situation(
    verdict("scenario1", "I", operators=dict.fromkeys(("cmcc", "cucc", "ctcc", "tower"), "full")),
    sites=tuple(site(number) for number in range(9)),
)
SMALL = situation(verdict(), devices=(device(1), device(2, "snmp_fault")))

steps = st.lists(
    st.one_of(
        st.sampled_from([CALM, PARTIAL, FULL, DARK, WORST, SMALL]).map(See),
        st.builds(
            Say, st.sampled_from(ORDERS), st.sampled_from(["zhang", "li", "wang", "x"]),
            st.integers(1, 3),
        ),
        st.integers(1, 40).map(Wait),
    ),
    max_size=25,
)  # fmt: skip


@dataclass
class Run:
    desk: Desk
    now: int = T0
    said: int = 0

    def take(self, step: See | Say | Wait) -> list[Effect]:
        self.now += 1000
        match step:
            case See(what):
                return self.desk.assess(self.now, what)
            case Say(verb, account, number):
                self.said += 1
                target = f"N-{number:06d}" if verb is Verb.ACK else f"W-20261123-{number:03d}"
                command = order(verb, target, account, ident=f"c{self.said}")
                return self.desk.command(self.now, command, account)
            case Wait(minutes):
                return self._wait(self.now + minutes * MINUTE)

    def _wait(self, until: int) -> list[Effect]:
        done: list[Effect] = []
        for _ in range(500):
            at = self.desk.next_deadline()
            if at is None or at > until:
                self.now = until
                return done
            self.now = max(self.now, at)
            due = self.desk.due(self.now)
            assert due or self.desk.next_deadline() != at, "a deadline that does nothing"
            done += due
        raise AssertionError("the desk never comes to rest")


@given(steps)
@settings(deadline=None)
def test_only_people_move_a_warning_and_numbers_have_no_holes(
    given_steps: list[See | Say | Wait],
) -> None:
    run = Run(Desk(charter()))
    numbers: list[int] = []
    counted: list[int] = []
    for step in given_steps:
        for effect in run.take(step):
            if isinstance(effect, EmitNotice):
                numbers.append(effect.notice.number)
                if effect.notice.notice_kind.value not in UNCOUNTED:
                    counted.append(effect.notice.at_ms)
            elif effect.kind == "warning":
                machine = Event(effect.data["event"]) in MACHINE
                assert machine == (effect.data["by"] == "machine")
                assert isinstance(step, Say) or machine
    assert numbers == list(range(1, len(numbers) + 1))
    ten_minutes = 10 * MINUTE
    assert all(sum(at - ten_minutes < other <= at for other in counted) <= 10 for at in counted)


@given(steps)
@settings(deadline=None)
def test_a_rise_is_told_in_the_same_turn(given_steps: list[See | Say | Wait]) -> None:
    run = Run(Desk(charter()))
    for step in given_steps:
        run.take(step)
        if isinstance(step, See):
            known = run.desk.standing[0]
            assert RANK.index(known) >= RANK.index(step.what.verdict.warning)


@given(steps, st.integers(0, 25))
@settings(deadline=None)
def test_a_snapshot_mid_way_changes_nothing(given_steps: list[See | Say | Wait], cut: int) -> None:
    one, other = Run(Desk(charter())), Run(Desk(charter()))
    for number, step in enumerate(given_steps):
        if number == cut:
            other.desk = Desk.from_json(charter(), other.desk.to_json())
        assert one.take(step) == other.take(step)
    assert one.desk.to_json() == other.desk.to_json()


@given(st.lists(st.sampled_from([PARTIAL, FULL, DARK]), min_size=1, max_size=10))
@settings(deadline=None)
def test_while_something_may_be_wrong_lifting_is_never_suggested(seen: list[Situation]) -> None:
    run = Run(Desk(charter()))
    effects = run.take(See(FULL))
    for what in seen:
        effects += run.take(See(what))
        effects += run.take(Wait(45))
    lowered = [e.data["to"] for e in effects if isinstance(e, Record) and e.kind == "draft"]
    assert ["none", "none"] not in lowered
    assert run.desk.standing[1] is State.DRAFTED
