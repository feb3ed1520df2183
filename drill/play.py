"""Playing a story: what is due now, what was heard, what has become of each step. Pure.

The shell asks ``turn(now_ms)`` for actions and carries them out, tells ``heard`` of each notice
that the office has verified, and sleeps until ``next_ms()`` or the next notice. People act one
after the other, as they would: nobody issues what was not proposed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from drill.orders import Order
from drill.story import Act, AgentOrder, Expect, Step, Story
from wire.notice import Notice, NoticeKind, Verb


class State(StrEnum):
    """Of a step. ``sent``: a person's command is on its way."""

    WAITING = "waiting"
    SENT = "sent"
    DONE = "done"
    FAILED = "failed"


@dataclass(slots=True)
class Told:
    """What has become of a step."""

    step: Step
    state: State = State.WAITING
    at_ms: int | None = None
    why: str = ""
    command: str | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """A person's command to be signed and sent now; ``number`` names the step."""

    number: int
    act: Act
    target: str


Action = Order | AgentOrder | Command


@dataclass(slots=True)
class Player:
    """A story from ``start_ms`` (domain) on."""

    story: Story
    start_ms: int
    steps: list[Told] = field(init=False)
    notices: list[Notice] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.steps = [Told(step) for step in self.story.steps]

    @property
    def over(self) -> bool:
        """Whether no step is open any more."""
        return all(told.state in {State.DONE, State.FAILED} for told in self.steps)

    @property
    def failed(self) -> list[Told]:
        return [told for told in self.steps if told.state is State.FAILED]

    def next_ms(self) -> int | None:
        """When a step begins or its window ends next; None when no step is open."""
        moments: list[int] = []
        for told in self.steps:
            if told.state in {State.WAITING, State.SENT}:
                begin, end = self._window(told.step)
                started = told.state is State.SENT or told.at_ms is not None
                moments.append(end + 1 if started else begin)
        return min(moments, default=None)

    def heard(self, notice: Notice) -> None:
        """A notice that the office has verified and receipted."""
        self.notices.append(notice)

    def sent(self, number: int, command: str) -> None:
        """The command of step ``number`` has this id."""
        self.steps[number].command = command

    def refused(self, number: int, why: str, now_ms: int) -> None:
        """The command of step ``number`` could not even be sent."""
        self._end(self.steps[number], State.FAILED, now_ms, why)

    def turn(self, now_ms: int) -> list[Action]:
        """What is to be done now; what was heard until now is judged."""
        actions: list[Action] = []
        busy = False
        for number, told in enumerate(self.steps):
            if told.state in {State.DONE, State.FAILED}:
                continue
            begin, _ = self._window(told.step)
            if now_ms < begin:
                busy = busy or told.step.people is not None
                continue
            if told.step.people is None:
                actions += self._machine(told, now_ms)
            elif not busy:
                actions += self._person(number, told, told.step.people, now_ms)
                busy = told.state in {State.WAITING, State.SENT}
        return actions

    def close(self, now_ms: int, why: str) -> None:
        """End the story: what is open has failed, but for limits that were kept until now."""
        for told in self.steps:
            if told.state in {State.WAITING, State.SENT}:
                kept = told.step.expect is not None and told.step.expect.most is not None
                self._end(told, State.DONE if kept else State.FAILED, now_ms, "" if kept else why)

    def _machine(self, told: Told, now_ms: int) -> list[Action]:
        step = told.step
        if step.expect:
            self._judge(told, step.expect, now_ms)
            return []
        self._end(told, State.DONE, now_ms)
        return [*step.equipment, *step.agents]

    def _judge(self, told: Told, expect: Expect, now_ms: int) -> None:
        begin, end = self._window(told.step)
        told.at_ms = now_ms
        found = [
            notice
            for notice in self.notices
            if begin <= notice.at_ms <= end and matches(expect, notice)
        ]
        if expect.most is not None:
            if len(found) > expect.most:
                why = f"{len(found)} such notices, at most {expect.most} were to come"
                self._end(told, State.FAILED, now_ms, why)
            elif now_ms > end:
                self._end(told, State.DONE, now_ms, f"{len(found)} of at most {expect.most}")
        elif found:
            self._end(told, State.DONE, found[0].at_ms, found[0].subject.zh)
        elif now_ms > end:
            self._end(told, State.FAILED, now_ms, "no such notice came in time")

    def _person(self, number: int, told: Told, act: Act, now_ms: int) -> list[Action]:
        told.at_ms = now_ms
        if told.state is State.SENT:
            self._answered(told, act, now_ms)
        elif target := self._target(act):
            told.state = State.SENT
            return [Command(number, act, target)]
        _, end = self._window(told.step)
        if told.state in {State.WAITING, State.SENT} and now_ms > end:
            why = "no answer" if told.state is State.SENT else f"no {act.on} to act on"
            self._end(told, State.FAILED, now_ms, why)
        return []

    def _answered(self, told: Told, act: Act, now_ms: int) -> None:
        for notice in self.notices:
            decision = notice.decision
            if decision is None or told.command is None or decision.command != told.command:
                continue
            as_meant = decision.accepted is not act.refused
            outcome = f"{decision.outcome}, warning {decision.state}"
            self._end(told, State.DONE if as_meant else State.FAILED, now_ms, outcome)
            return

    def _target(self, act: Act) -> str | None:
        """The open warning's id, the newest notice's of the kind, or what is attested."""
        if act.verb is Verb.ATTEST:
            return act.on
        for notice in reversed(self.notices):
            if act.on == "warning" and notice.warning_id:
                return notice.warning_id
            if act.on == notice.notice_kind:
                return notice.id
        return None

    def _window(self, step: Step) -> tuple[int, int]:
        begin = self.start_ms + step.at * 1000
        return begin, min(begin + step.within * 1000, self.start_ms + self.story.lasts * 1000)

    def _end(self, told: Told, state: State, at_ms: int, why: str = "") -> None:
        told.state, told.at_ms, told.why = state, at_ms, why


def matches(expect: Expect, notice: Notice) -> bool:
    """Whether the notice has everything that is expected of it."""
    return (
        (expect.notice is None or notice.notice_kind is expect.notice)
        and _verdict_fits(expect, notice)
        and _decision_fits(expect, notice)
        and len(notice.sites) >= expect.sites_min
        and _places_fit(expect, notice)
        and any(expect.says in text for text in _texts(notice))
    )


def _verdict_fits(expect: Expect, notice: Notice) -> bool:
    verdict = notice.verdict
    if expect.warning is None and expect.level is None and not expect.operators:
        return True
    return (
        verdict is not None
        and expect.warning in {None, verdict.warning}
        and expect.level in {None, verdict.level}
        and expect.operators.items() <= verdict.operators.items()
    )


def _places_fit(expect: Expect, notice: Notice) -> bool:
    """What the notice says of sites and devices; only news of the incident lists them all."""
    wrong = {site.site for site in notice.sites if site.state == "out"}
    wrong |= {one.device for one in notice.devices if one.state in {"down", "hidden"}}
    causes = [*(one.cause for one in notice.sites), *(one.cause for one in notice.devices)]
    lists = notice.notice_kind in {NoticeKind.INCIDENT, NoticeKind.RECOVERY}
    return (
        (not expect.cause or any(expect.cause in cause for cause in causes))
        and (expect.hurt is None or expect.hurt in wrong)
        and (expect.healed is None or (lists and expect.healed not in wrong))
    )


def _decision_fits(expect: Expect, notice: Notice) -> bool:
    decision = notice.decision
    if expect.verb is None and expect.state is None:
        return True
    return (
        decision is not None
        and expect.verb in {None, decision.verb}
        and expect.state in {None, decision.state}
    )


def _texts(notice: Notice) -> Iterable[str]:
    return (notice.subject.zh, notice.text.zh, notice.subject.en, notice.text.en)


def kinds_heard(notices: Iterable[Notice]) -> dict[NoticeKind, int]:
    """How many notices of each kind."""
    found: dict[NoticeKind, int] = {}
    for notice in notices:
        found[notice.notice_kind] = found.get(notice.notice_kind, 0) + 1
    return found
