"""People's orders: judged, applied, answered. Nothing here ever acts without one.

An order that is refused changes nothing; either way it is recorded together with the evidence at
that moment, and the office is told the outcome.
"""

from __future__ import annotations

import re
from typing import Any, Final

from escalation import answers, attest, reminders, threat
from escalation.authority import Outcome, identify, needed, permit
from escalation.clerk import Clerk
from escalation.effects import Effect, Record
from escalation.picture import worse_of
from escalation.state import Case, DeskState, Standing
from escalation.warning import BY_VERB, IN_FORCE, OPEN, Event, IllegalEventError, State, step
from escalation.words import Both
from wire.notice import STATING, Command, Decision, NoticeKind, Verb

MOST_REMEMBERED: Final = 5000
"""Command ids kept to recognise a repetition."""

MOST_CLOSED: Final = 200
NOTICE_ID: Final = re.compile(r"^N-(\d{6,12})$")


def obey(
    clerk: Clerk,
    now_ms: int,
    command: Command,
    key: str,
    judged: Outcome | None = None,
    why: Both | None = None,
) -> list[Effect]:
    """Judge and carry out one order; effects: records, then the decision notice.

    ``judged``: it was carried out, or refused, elsewhere (a word on alarms); it is answered here.
    """
    state = clerk.state
    if command.id in state.commands:
        return [Record("command_repeated", {"id": command.id, "was": state.commands[command.id]})]
    evidence = _evidence(state)
    outcome = judge(clerk, now_ms, command, key) if judged is None else judged
    effects: list[Effect] = []
    adopted: Standing | None = None
    if outcome is Outcome.ACCEPTED and judged is None:
        adopted, effects = _apply(clerk, now_ms, command)
    _remember(state, command, outcome)
    record = Record(
        "command",
        {
            "command": command.model_dump(mode="json"),
            "key": key,
            "outcome": outcome.value,
            "evidence": evidence,
        },
    )
    told = _answer(clerk, now_ms, command, outcome, adopted, why=why)
    _close(state)
    return [record, *effects, *told]


def turn_away(
    clerk: Clerk, now_ms: int, command: Command, key: str, outcome: Outcome
) -> list[Effect]:
    """Answer an order that nobody signed whom we know; recorded once, and it changes nothing.

    Its id is not remembered among the real ones, so that a forgery never stands in their way;
    and the office hears of ``flood_most`` of them at most in a flood window.
    """
    state, clocks = clerk.state, clerk.charter.clocks
    if command.id in state.turned_away:
        return []
    since = now_ms - clocks.flood_window_s * 1000
    state.turned_away = {i: at_ms for i, at_ms in state.turned_away.items() if at_ms > since}
    told = len(state.turned_away) < clocks.flood_most
    record = Record(
        "command",
        {
            "command": command.model_dump(mode="json"),
            "key": key,
            "outcome": outcome.value,
            "told": told,
        },
    )
    if not told:
        return [record]
    state.turned_away[command.id] = now_ms
    return [record, *_answer(clerk, now_ms, command, outcome, None, key=key)]


def judge(clerk: Clerk, now_ms: int, command: Command, key: str) -> Outcome:
    """What becomes of this order; changes nothing."""
    state, charter = clerk.state, clerk.charter
    outcome = identify(charter, command, key, now_ms)
    if outcome is not Outcome.ACCEPTED:
        return outcome
    case = state.case if state.case is not None and state.case.id == command.target else None
    outcome = permit(charter, command, case)
    if outcome is Outcome.ACCEPTED and _before_loss(state, command):
        outcome = Outcome.BEFORE_LOSS
    if outcome is not Outcome.ACCEPTED:
        return outcome
    if command.verb in STATING:
        judged = threat.judge if command.verb is Verb.THREAT else attest.judge
        return judged(clerk, now_ms, command)
    return _of_warning(clerk, now_ms, command, case)


def _of_warning(clerk: Clerk, now_ms: int, command: Command, case: Case | None) -> Outcome:
    """What becomes of a permitted order on a notice or the warning."""
    state = clerk.state
    if command.verb is Verb.ACK:
        return _known_notice(state, command.target)
    if command.verb is Verb.ADOPT and command.target in _open(state):
        return Outcome.ACCEPTED if state.offered else Outcome.NOTHING_NEW
    if case is None:
        return Outcome.CLOSED if command.target in state.closed else Outcome.UNKNOWN_TARGET
    if command.projected:
        return possible_ahead(clerk, case)
    return _possible(clerk, now_ms, command.verb, case)


def _open(state: DeskState) -> set[str]:
    """The ids of the open warning and the running incident."""
    return {one.id for one in (state.case, state.incident) if one is not None}


def _before_loss(state: DeskState, command: Command) -> bool:
    """Whether it may have been carried out, and the store that knew of it is lost."""
    return command.verb is not Verb.ACK and command.at_ms < state.orders_from_ms


def _known_notice(state: DeskState, target: str) -> Outcome:
    found = NOTICE_ID.match(target)
    known = found is not None and 1 <= int(found[1]) <= state.number
    return Outcome.ACCEPTED if known else Outcome.UNKNOWN_TARGET


def _possible(clerk: Clerk, now_ms: int, verb: Verb, case: Case) -> Outcome:
    try:
        step(case.state, BY_VERB[verb])
    except IllegalEventError:
        return Outcome.NOT_POSSIBLE
    in_force = case.state in IN_FORCE
    if verb is Verb.PROPOSE and case.draft in (case.proposed, case.issued if in_force else None):
        return Outcome.NOTHING_NEW
    if verb is Verb.ISSUE and in_force and _to_issue(clerk, case) == case.issued:
        renewable = renew_from(clerk, case)
        if renewable is None or now_ms < renewable:
            return Outcome.NOTHING_NEW
    return Outcome.ACCEPTED


def possible_ahead(clerk: Clerk, case: Case) -> Outcome:
    """Whether the projected scenario and level can be proposed: they say more, and anew."""
    coming = ahead_of(clerk)
    if coming is None or coming in (case.proposed, case.issued):
        return Outcome.NOTHING_NEW
    return Outcome.ACCEPTED


def ahead_of(clerk: Clerk) -> Standing | None:
    """The projected scenario and level where these are more than what is drafted; else None."""
    case, situation = clerk.state.case, clerk.state.situation
    ahead = situation.verdict.projected if situation else None
    if case is None or ahead is None:
        return None
    coming = _worse(clerk, case.draft, Standing(ahead.warning, ahead.level))
    return None if coming == case.draft else coming


def _worse(clerk: Clerk, one: Standing, other: Standing) -> Standing:
    charter = clerk.charter
    return Standing(
        worse_of(charter.scenario_order, one.warning, other.warning),
        worse_of(charter.level_order, one.level, other.level),
    )


def _to_issue(clerk: Clerk, case: Case) -> Standing:
    """The draft; what was proposed ahead of it where that is more."""
    return _worse(clerk, case.draft, case.proposed) if case.ahead and case.proposed else case.draft


def possible(clerk: Clerk, now_ms: int) -> tuple[tuple[Verb, frozenset[str]], ...]:
    """What may now be ordered for the open warning, and the roles that may; changes nothing.

    A draft is dropped as withdrawn; a warning in force ends by being lifted. The other word for
    each is possible too, and offered to nobody.
    """
    case = clerk.state.case
    if case is None:
        return ()
    ending = Verb.LIFT if case.state in IN_FORCE else Verb.WITHDRAW
    return tuple(
        (verb, needed(clerk.charter, verb, case))
        for verb in (Verb.PROPOSE, Verb.ISSUE, ending)
        if _possible(clerk, now_ms, verb, case) is Outcome.ACCEPTED
    )


def renew_from(clerk: Clerk, case: Case) -> int | None:
    """The moment from which an issued warning may be issued again unchanged."""
    if case.expires_ms is None:
        return None
    return case.expires_ms - clerk.charter.clocks.renew_s * 1000


def _apply(clerk: Clerk, now_ms: int, command: Command) -> tuple[Standing | None, list[Effect]]:
    if command.verb is Verb.ACK:
        reminders.acknowledge(clerk.state, int(command.target.removeprefix("N-")))
        return None, []
    if command.verb in STATING:
        applied = threat.apply if command.verb is Verb.THREAT else attest.apply
        return None, [applied(clerk, now_ms, command)]
    if command.verb is Verb.ADOPT:
        return None, [_adopt(clerk.state, command)]
    case = clerk.state.case
    assert case is not None
    event, before = BY_VERB[command.verb], case.state
    case.state = step(before, event)
    adopted: Standing | None = case.draft
    if event is Event.PROPOSE:
        adopted = ahead_of(clerk) if command.projected else case.draft
        case.proposed, case.proposed_by, case.ahead = adopted, command.account, command.projected
    elif event is Event.ISSUE:
        adopted = case.issued = _to_issue(clerk, case)
        case.issued_by, case.ahead = command.account, False
        case.proposed = case.proposed_by = None
        case.expires_ms = now_ms + clerk.charter.clocks.expires_s * 1000
        case.expiry_told = 0
    else:
        adopted = None
    reminders.settle(clerk.state)
    return adopted, [transition(case, before, event, command.account)]


def _adopt(state: DeskState, command: Command) -> Record:
    """From here on all that is open is judged by the rules in force (FAULTS F23)."""
    case, incident, rules = state.case, state.incident, state.offered
    was = (incident.rules if incident else "") or (case.rules if case else "")
    said: dict[str, Any] = {"warning": case.id if case else None}
    if case is not None:
        was, case.rules = case.rules, rules
    if incident is not None:
        incident.rules, said["incident"] = "", incident.id
    state.offered = ""
    said |= {"was": was, "rules": rules, "by": command.account, "reason": command.reason}
    return Record("rules", said)


def transition(case: Case, before: State, event: Event, by: str) -> Record:
    """The journal's line for one step of the warning machine."""
    return Record(
        "warning",
        {
            "id": case.id,
            "from": before.value,
            "to": case.state.value,
            "event": event.value,
            "by": by,
            "scenario": case.draft.warning,
            "level": case.draft.level,
        },
    )


def _answer(
    clerk: Clerk,
    now_ms: int,
    command: Command,
    outcome: Outcome,
    adopted: Standing | None,
    *,
    key: str = "",
    why: Both | None = None,
) -> list[Effect]:
    case = clerk.state.case
    decision = Decision(
        command=command.id,
        account=command.account,
        verb=command.verb,
        target=command.target,
        accepted=outcome is Outcome.ACCEPTED,
        outcome=outcome.value,
        state=(case.state if case else State.NONE).value,
    )
    page = answers.decision(
        clerk.view(now_ms), command=command, outcome=outcome, adopted=adopted, key=key, why=why
    )
    return clerk.tell(now_ms, NoticeKind.DECISION, page, decision=decision)


def _close(state: DeskState) -> None:
    """A warning that was lifted or withdrawn is open no more."""
    case = state.case
    if case is not None and case.state not in OPEN:
        state.closed = [*state.closed, case.id][-MOST_CLOSED:]
        state.case = None


def _remember(state: DeskState, command: Command, outcome: Outcome) -> None:
    state.commands[command.id] = outcome.value
    while len(state.commands) > MOST_REMEMBERED:
        del state.commands[next(iter(state.commands))]


def _evidence(state: DeskState) -> dict[str, Any]:
    """What was on the table when the order came: the verdict and what was out of order."""
    case, situation = state.case, state.situation
    return {
        "warning": case.id if case else None,
        "state": (case.state if case else State.NONE).value,
        "verdict": situation.verdict.model_dump(mode="json") if situation else None,
        "sites": [site.site for site in situation.sites] if situation else [],
        "devices": [device.device for device in situation.devices] if situation else [],
        "blind": [source.agent for source in situation.blind] if situation else [],
        "config_hash": situation.config_hash if situation else "",
    }
