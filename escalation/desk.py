"""The office's desk at the county: what to tell whom, which warning stands, who may order what.

Pure and serialisable: no clock, no file, no socket. The World calls it and carries out the
effects in the same transaction as its own state. Whatever is drafted here is a draft; nothing is
proposed onwards, issued, withdrawn or lifted without a person's command (PLAN section 1).

One turn looks at the situation and at what was told last, and tells the difference:

* an *incident* opens at once and is told once; what follows is folded into its next line;
* a scenario or level that rises is drafted and told at once, never folded, never held back;
* one that falls is only *suggested* down, after the hold (``escalation.holds``);
* silent sources are told apart from outages: blindness proposes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from escalation import answers, attest, reminders, render, threat
from escalation.authority import Outcome, identify, needed
from escalation.charter import NONE, Charter, rank
from escalation.clerk import Clerk
from escalation.dark import drafted, expected
from escalation.effects import Effect, Record
from escalation.facts import View
from escalation.feed import Read
from escalation.holds import lowered, ripe_at, suggestion_due, track
from escalation.orders import (
    ahead_of,
    obey,
    possible,
    possible_ahead,
    renew_from,
    transition,
    turn_away,
)
from escalation.page import Rendered
from escalation.picture import Change, bound, compare, follow, picture, something_wrong
from escalation.situation import Situation, Threat
from escalation.state import (
    STATE,
    Attestation,
    Case,
    DeskState,
    Incident,
    Picture,
    RulesAct,
    Standing,
)
from escalation.warning import IN_FORCE, Event, State, step
from escalation.words import Both
from wire.alarm import AlarmAction
from wire.notice import Command, NoticeKind, Verb, Verdict


class _Look(NamedTuple):
    """One look at the incident: from which situation, against which telling."""

    situation: Situation
    told: Picture | None
    picture: Picture
    change: Change


class Desk:
    """One county's desk.

    ::

        desk = Desk(charter)  # or Desk.from_json(charter, raw)
        effects = desk.assess(now_ms, situation)  # whenever the situation changed
        effects = desk.command(now_ms, command, verified_key_id="li.key")
        effects = desk.due(now_ms)  # at or after desk.next_deadline()

    All stamps are domain milliseconds UTC. Effects are in the order in which they must happen.
    """

    def __init__(self, charter: Charter, state: DeskState | None = None) -> None:
        self._charter = charter
        self._state = state or DeskState()
        self._clerk = Clerk(charter, self._state)
        self._looked: _Look | None = None

    def assess(self, now_ms: int, situation: Situation) -> list[Effect]:
        """The situation changed. Calling it again with the same one tells nothing twice."""
        state = self._state
        state.situation = situation
        worst = bound(self._charter, situation.verdict)
        track(state.scenario_below, self._charter.scenario_order, worst.warning, now_ms)
        track(state.level_below, self._charter.level_order, worst.level, now_ms)
        if state.incident is not None:
            follow(state.incident, situation)
        return self._turn(now_ms)

    def may(self, account: str, verb: Verb) -> bool:
        """Whether the account has a role that may give this order."""
        person, roles = self._charter.member(account), self._charter.verbs.get(verb, frozenset())
        return person is not None and not roles.isdisjoint(person.roles)

    def command(
        self,
        now_ms: int,
        command: Command,
        verified_key_id: str,
        judged: Outcome | None = None,
        why: Both | None = None,
    ) -> list[Effect]:
        """A person's order, whose signature by ``verified_key_id`` the caller has checked.

        ``judged``: what became of it elsewhere (a word on alarms); only answered here.
        ``why``: the sentence for its refusal, where there is more to say than the outcome does.

        Never raises: an order that is refused gives a ``command`` record and a decision notice
        that says why. The same command id again changes nothing and tells nothing.
        """
        effects = obey(self._clerk, now_ms, command, verified_key_id, judged, why)
        return [*effects, *self._turn(now_ms)]

    def turn_away(self, now_ms: int, command: Command, key: str, outcome: Outcome) -> list[Effect]:
        """An order whose signature by ``key`` could not be verified: refused and answered."""
        return turn_away(self._clerk, now_ms, command, key, outcome)

    def due(self, now_ms: int) -> list[Effect]:
        """Do what has fallen due by ``now_ms``: each thing once, however late (FAULTS F17)."""
        return self._turn(now_ms)

    def health(self, now_ms: int, page: Callable[[View], Rendered]) -> list[Effect]:
        """Tell the office something about the county's own side (``escalation.damage``)."""
        return self._clerk.tell(now_ms, NoticeKind.HEALTH, page(self._clerk.view(now_ms)))

    def room_at(self) -> int:
        """From when the flood limit lets one more notice leave; 0: at once."""
        return self._clerk.room_at()

    def resume(self, now_ms: int, number: int, warning: str) -> None:
        """Go on after what an office holds of a store that was lost (``escalation.damage``)."""
        self._clerk.resume(number, warning)
        self._state.orders_from_ms = now_ms

    def jump(self, now_ms: int, number: int) -> None:
        """Go on above what any store before can have come to (``escalation.damage``)."""
        self._clerk.jump(now_ms, number)

    def offer(self, rules: str) -> None:
        """Other rules are in force than those that judge what is open; empty: none are."""
        self._state.offered = rules

    def ruled(self, act: RulesAct) -> None:
        """Somebody, or nobody who signed for it, changed the configuration."""
        self._state.act = act

    @property
    def act(self) -> RulesAct | None:
        """The last change of the configuration; None where the store began with this one."""
        return self._state.act

    def pin(self, rules: str, *, incident: bool) -> tuple[str | None, str | None]:
        """The open warning and incident keep ``rules``; their ids, None where there is none.

        ``incident`` false: only a warning does.
        """
        self._state.whole = incident
        case, running = self._state.case, self._state.incident if incident else None
        if case is not None:
            case.rules = case.rules or rules
        if running is not None:
            running.rules = running.rules or rules
        return case.id if case else None, running.id if running else None

    @property
    def pinned(self) -> str:
        """The open warning or incident that is not judged by the rules in force; else empty."""
        case, incident = self._state.case, self._state.incident
        if not self._state.offered:
            return ""
        if case is not None:
            return case.id
        return incident.id if incident is not None and incident.rules else ""

    @property
    def offered(self) -> str:
        """The rules by which a person may have what is open judged from now on."""
        return self._state.offered

    def stand_in(self, now_ms: int, measured: Mapping[str, str]) -> attest.Review:
        """What stands in for what is not ``measured`` now, by operator or system."""
        return attest.review(self._state, now_ms, measured)

    def threatened(self, now_ms: int) -> threat.Review:
        """The threats from outside that stand, and those whose term has just ended."""
        return threat.review(self._state, now_ms)

    def told_by_feed(self, now_ms: int, said: Read) -> list[Effect]:
        """A feed of warnings speaks: threats entered, proposed or taken back, and the office told.

        Nothing where it says what it said before.
        """
        records = threat.fed(self._state, now_ms, said)
        if not records or said.threat is None or said.threat.id not in self._state.threats:
            return list(records)
        told = [said.threat]
        return [*records, *self.health(now_ms, lambda view: threat.announced(view, told))]

    def is_over(self, threat: str) -> bool:
        """Whether this threat of a feed was taken back, replaced or dismissed before."""
        return threat in self._state.threats_over

    @property
    def ahead(self) -> Standing | None:
        """The projected scenario and level, where they could be proposed; else None."""
        case = self._state.case
        if case is None or possible_ahead(self._clerk, case) is not Outcome.ACCEPTED:
            return None
        return ahead_of(self._clerk)

    def roles(self, verb: Verb) -> frozenset[str]:
        """The roles that may give this order for the open warning."""
        return needed(self._charter, verb, self._state.case)

    @property
    def threats(self) -> Mapping[str, Threat]:
        """The threats that stand, to be read only; proposed ones included."""
        return self._state.threats

    @property
    def sent(self) -> Sequence[int]:
        """When the last day's notices left."""
        return self._state.sent

    @property
    def attested(self) -> Mapping[str, Attestation]:
        """What people stated, to be read only: in force, or superseded within its term."""
        return self._state.attested

    def next_deadline(self) -> int | None:
        """The earliest moment (ms) at which ``due`` has something to do, or None."""
        if self._state.situation is None:
            return None
        moments = (
            self._suggest_at(),
            self._news_at(),
            self._health_at(),
            self._expiry_at(),
            self._remind_at(),
            self._closing_at(),
        )
        return min((moment for moment in moments if moment is not None), default=None)

    @property
    def open_warning(self) -> str | None:
        """The id of the open warning (for heartbeat and board), or None."""
        return self._state.case.id if self._state.case else None

    @property
    def standing(self) -> tuple[str, State]:
        """The scenario last drafted or suggested, and the open warning's state."""
        case = self._state.case
        return self._state.known.warning, case.state if case else State.NONE

    def identify(self, now_ms: int, said: Command | AlarmAction, key: str) -> Outcome:
        """Whether this is who it says, with their own key, in office today."""
        return identify(self._charter, said, key, now_ms)

    @property
    def case(self) -> Case | None:
        """The open warning as it stands, to be read only; None when there is none."""
        return self._state.case

    def possible(self, now_ms: int) -> tuple[tuple[Verb, frozenset[str]], ...]:
        """What may be ordered for the open warning now, and the roles that may (for buttons)."""
        return possible(self._clerk, now_ms)

    @property
    def last_number(self) -> int:
        """The number of the last notice."""
        return self._state.number

    def to_json(self) -> bytes:
        """The whole state of the desk, without the charter; the exact counterpart of from_json."""
        return STATE.dump_json(self._state)

    @classmethod
    def from_json(cls, charter: Charter, raw: bytes) -> Desk:
        """The desk that ``to_json`` wrote, under the charter now in force. Raises ValueError."""
        return cls(charter, STATE.validate_json(raw))

    # ── One turn ─────────────────────────────────────────────────────────────────────────────────

    def _turn(self, now_ms: int) -> list[Effect]:
        if self._state.situation is None:
            return []
        return [
            *self._open(now_ms),
            *self._draft(now_ms),
            *self._suggest(now_ms),
            *self._remind(now_ms),  # where the flood limit leaves room for one, it is this
            *self._news(now_ms),
            *self._health(now_ms),
            *self._expiry(now_ms),
            *self._closing(now_ms),
        ]

    @property
    def _situation(self) -> Situation:
        assert self._state.situation is not None
        return self._state.situation

    @property
    def _verdict(self) -> Verdict:
        return self._situation.verdict

    def _open(self, now_ms: int) -> list[Effect]:
        """The first thing out of order opens an incident (4.2: record first)."""
        state = self._state
        if state.incident is not None or not something_wrong(self._situation):
            return []
        state.incident = Incident(self._clerk.incident_id(now_ms), now_ms)
        if state.offered and state.whole:
            state.incident.rules = self._charter.rules
        follow(state.incident, self._situation)
        record = Record("incident", {"id": state.incident.id, "event": "opened"})
        return [record, *self._news(now_ms)]

    def _draft(self, now_ms: int) -> list[Effect]:
        """What rose is drafted and told at once; a level also when the plan's words come in."""
        state, verdict = self._state, self._verdict
        scenarios, levels = self._charter.scenario_order, self._charter.level_order
        before = state.known
        warning, coming = drafted(self._charter, verdict), expected(self._charter, verdict)
        up = rank(scenarios, warning) > rank(scenarios, before.warning)
        came = (  # what was projected is observed now
            state.expected
            and before.warning != NONE
            and rank(scenarios, verdict.warning) >= rank(scenarios, before.warning)
        )
        level_up = rank(levels, verdict.level) > rank(levels, before.level)
        grounded = (
            verdict.level == before.level != NONE
            and verdict.literal_level
            and not state.known_literal
            and state.case is not None
        )
        if not (up or came or level_up or grounded):
            return []
        if up or came:
            state.expected = coming
        state.known = Standing(
            warning if up else before.warning, verdict.level if level_up else before.level
        )
        if level_up or grounded:
            state.known_literal = verdict.literal_level
        effects: list[Effect] = [self._redraft(now_ms)]
        if up or came:
            effects += self._tell_warning(now_ms, before)
        if level_up or grounded:
            effects += self._tell_level(now_ms, before)
        return effects

    def _redraft(self, now_ms: int) -> Record:
        """Open a warning, or bring the draft of the open one up to date."""
        state = self._state
        case, event = state.case, Event.REDRAFT
        if case is None:
            event = Event.DRAFT
            case = Case(self._clerk.warning_id(now_ms), State.NONE, now_ms, state.known)
            case.rules = self._charter.rules
            state.case = case
        was, case.state = case.state, step(case.state, event)
        case.draft = state.known
        return transition(case, was, event, "machine")

    def _tell_warning(self, now_ms: int, before: Standing) -> list[Effect]:
        of = self._state.known.warning
        limit = self._charter.ack_s(self._charter.scenario(of))
        page = render.warning_draft(self._clerk.view(now_ms), before=before.warning, ack_s=limit)
        return self._clerk.tell_and_wait(now_ms, "warning", page, limit_s=limit, of=of)

    def _tell_level(self, now_ms: int, before: Standing) -> list[Effect]:
        of = self._verdict.level
        limit = self._charter.ack_s(self._charter.level(of))
        page = render.level_draft(self._clerk.view(now_ms), before=before.level, ack_s=limit)
        return self._clerk.tell_and_wait(now_ms, "level", page, limit_s=limit, of=of)

    # ── Down: only suggested ─────────────────────────────────────────────────────────────────────

    @property
    def _hold_ms(self) -> int:
        return self._charter.clocks.hold_s * 1000

    def _suggest_at(self) -> int | None:
        state, charter = self._state, self._charter
        known, hold = state.known, self._hold_ms
        return suggestion_due(
            (
                *ripe_at(state.scenario_below, charter.scenario_order, known.warning, hold),
                *ripe_at(state.level_below, charter.level_order, known.level, hold),
            ),
            hold,
        )

    def _suggest(self, now_ms: int) -> list[Effect]:
        """After the hold a lowering (or lifting) is suggested; without a warning just noted."""
        at = self._suggest_at()
        if at is None or now_ms < at:
            return []
        state, charter, before = self._state, self._charter, self._state.known
        hold = self._hold_ms
        state.known = Standing(
            lowered(state.scenario_below, charter.scenario_order, before.warning, hold, now_ms),
            lowered(state.level_below, charter.level_order, before.level, hold, now_ms),
        )
        state.known_literal = self._verdict.literal_level
        case, now = state.case, state.known
        data = {
            "event": "suggested_down",
            "warning": case.id if case else None,
            "from": [before.warning, before.level],
            "to": [now.warning, now.level],
        }
        record = Record("draft", data)
        if case is None:
            return [record]
        if not now.nothing:
            case.draft = now
        view = self._clerk.view(now_ms)
        page = render.lowering(view, before=before, hold_s=charter.clocks.hold_s)
        return [record, *self._clerk.tell(now_ms, NoticeKind.RECOVERY, page)]

    # ── Device news, folded ──────────────────────────────────────────────────────────────────────

    def _look(self) -> _Look:
        """The incident's picture and what is new in it; made once per situation and telling."""
        incident, situation = self._state.incident, self._situation
        assert incident is not None
        look = self._looked
        if look is None or look.situation is not situation or look.told is not incident.told:
            now = picture(self._charter, incident, situation)
            change = compare(self._charter, incident.told or Picture(), now)
            look = self._looked = _Look(situation, incident.told, now, change)
        return look

    def _news_at(self) -> int | None:
        """When the incident's next line may leave; None when there is nothing new to tell."""
        incident = self._state.incident
        if incident is None:
            return None
        look = self._look()
        now = look.picture
        if incident.told is None:
            return None if now.clear else self._clerk.room_at()
        if not look.change:
            return None
        clocks = self._charter.clocks
        fold_s = min(clocks.fold_s * 2 ** min(incident.followups, 10), clocks.fold_most_s)
        fold_s = clocks.fold_s if now.clear else fold_s
        return max(incident.told_ms + fold_s * 1000, self._clerk.room_at())

    def _news(self, now_ms: int) -> list[Effect]:
        at = self._news_at()
        if at is None or now_ms < at:
            return []
        incident = self._state.incident
        assert incident is not None
        view, limit = self._clerk.view(now_ms), self._charter.clocks.incident_ack_s
        if incident.told is None:
            page = render.incident(view, number=0, ack_s=limit)
            return self._clerk.tell_and_wait(now_ms, "incident", page, limit_s=limit)
        change, hold_s = self._look().change, self._charter.clocks.hold_s
        if change.worse:
            incident.lines += 1
            page = render.incident(view, number=incident.lines, ack_s=limit)
            return self._clerk.tell(now_ms, NoticeKind.INCIDENT, page)
        page = render.recovering(view, better=len(change.better), hold_s=hold_s)
        return self._clerk.tell(now_ms, NoticeKind.RECOVERY, page)

    def _closing_at(self) -> int | None:
        """When the incident can be closed: in order, and told so, for the hold."""
        incident = self._state.incident
        if incident is None or not self._look().picture.clear:
            return None
        if incident.told is None:
            return 0
        if incident.clear_since_ms is None or not incident.told.clear:
            return None
        return incident.clear_since_ms + self._hold_ms

    def _closing(self, now_ms: int) -> list[Effect]:
        incident = self._state.incident
        if incident is None:
            return []
        if not self._look().picture.clear:
            incident.clear_since_ms = None
            return []
        if incident.clear_since_ms is None:
            incident.clear_since_ms = now_ms
        at = self._closing_at()
        if at is None or now_ms < at:
            return []
        state = self._state
        state.incident = None
        reminders.incident_over(state)
        event = "closed" if incident.told else "never_told"
        return [Record("incident", {"id": incident.id, "event": event})]

    # ── Sources, acknowledgements, expiry ────────────────────────────────────────────────────────

    def _health_at(self) -> int | None:
        state = self._state
        if {source.agent for source in self._situation.blind} == state.blind.keys():
            return None
        fold_ms = self._charter.clocks.fold_s * 1000
        free = 0 if state.blind_ms is None else state.blind_ms + fold_ms
        return max(free, self._clerk.room_at())

    def _health(self, now_ms: int) -> list[Effect]:
        """Sources that fell silent, and those that are back, in one notice."""
        at = self._health_at()
        if at is None or now_ms < at:
            return []
        state = self._state
        blind = {source.agent: source for source in self._situation.blind}
        fell = [source for agent, source in blind.items() if agent not in state.blind]
        back = [agent for agent in state.blind if agent not in blind]
        state.blind = {agent: source.since_ms for agent, source in blind.items()}
        state.blind_ms = now_ms
        record = Record("health", {"silent": [source.agent for source in fell], "back": back})
        page = render.health(self._clerk.view(now_ms), fell=fell, back=back)
        return [record, *self._clerk.tell(now_ms, NoticeKind.HEALTH, page)]

    def _expiry_at(self) -> int | None:
        case = self._state.case
        if case is None or case.state not in IN_FORCE or case.expires_ms is None:
            return None
        if case.expiry_told == 0:
            return renew_from(self._clerk, case)
        return case.expires_ms if case.expiry_told == 1 else None

    def _expiry(self, now_ms: int) -> list[Effect]:
        """An issued warning past its term is overdue for renewal, never gone (PLAN section 5)."""
        at, case = self._expiry_at(), self._state.case
        if at is None or now_ms < at or case is None or case.expires_ms is None:
            return []
        case.expiry_told = 2 if now_ms >= case.expires_ms else 1
        page = answers.expiry(self._clerk.view(now_ms), expires_ms=case.expires_ms)
        return self._clerk.tell(now_ms, NoticeKind.REMINDER, page)

    def _remind_at(self) -> int | None:
        over = self._state.incident is None or self._look().picture.clear
        at = reminders.due_at(self._state, self._charter.clocks, over=over)
        return None if at is None else max(at, self._clerk.room_at())

    def _remind(self, now_ms: int) -> list[Effect]:
        """One reminder of everything that nobody has acknowledged."""
        at = self._remind_at()
        if at is None or now_ms < at:
            return []
        state, clerk = self._state, self._clerk
        ident, items = clerk.next_notice(), reminders.listed(state)
        reminders.reminded(state, now_ms)
        again = self._remind_at()
        page = answers.reminder(
            clerk.view(now_ms), items, ident=ident, number=state.reminders, again_ms=again or now_ms
        )
        record = Record("reminder", {"notices": [item.notice for item in items], "by": ident})
        told = clerk.tell(now_ms, NoticeKind.REMINDER, page, awaiting=reminders.facts(items))
        return [record, *told]
