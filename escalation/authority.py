"""Whose word counts: whether this account, with this key, may give this order now.

Authority belongs to organs and roles, not to persons (PLAN section 5). Only the wrong authority is
refused; a decision against the evidence is carried out and recorded with it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Final

from escalation.charter import Charter, Member
from escalation.state import Case
from escalation.warning import IN_FORCE
from wire.alarm import AlarmAction
from wire.notice import Command, Verb

CHINA: Final = timezone(timedelta(hours=8), "CST")
"""China Standard Time; the country has had no summer time since 1991."""


class Outcome(StrEnum):
    """What became of an order: accepted, or the one reason for its refusal."""

    ACCEPTED = "accepted"
    WRONG_COUNTY = "wrong_county"
    UNKNOWN_ACCOUNT = "unknown_account"
    WRONG_KEY = "wrong_key"
    NOT_VALID = "not_valid"
    NO_ROLE = "no_role"
    SAME_ACCOUNT = "same_account"
    UNKNOWN_TARGET = "unknown_target"
    CLOSED = "closed"
    NOT_POSSIBLE = "not_possible"
    NOTHING_NEW = "nothing_new"
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    MEASURED = "measured"
    TOO_LATE = "too_late"
    NOT_ATTESTED = "not_attested"
    NO_SUCH_VALUE = "no_such_value"
    BEFORE_LOSS = "before_loss"
    KEY_UNIT = "key_unit"
    TOO_LONG = "too_long"
    TOO_MUCH = "too_much"
    TAKEN = "taken"


UNVERIFIED: Final = frozenset({Outcome.UNKNOWN_KEY, Outcome.BAD_SIGNATURE})
"""Nobody knows who gave such an order: it may be anyone's, whatever account it names."""


def identify(charter: Charter, command: Command | AlarmAction, key: str, now_ms: int) -> Outcome:
    """Whether this is who it says, with their own key, in office today (the county's day)."""
    if (command.county, command.tree) != (charter.county, charter.tree):
        return Outcome.WRONG_COUNTY
    person = charter.member(command.account)
    if person is None:
        return Outcome.UNKNOWN_ACCOUNT
    if person.key != key:
        return Outcome.WRONG_KEY
    return Outcome.ACCEPTED if in_office(person, now_ms) else Outcome.NOT_VALID


def in_office(person: Member, now_ms: int) -> bool:
    today = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(CHINA).date()
    begun = person.valid_from is None or person.valid_from <= today
    return begun and (person.valid_to is None or today <= person.valid_to)


def needed(charter: Charter, verb: Verb, case: Case | None) -> frozenset[str]:
    """The roles that may give this order for this warning.

    A draft may be dropped, as lifted or as withdrawn, by whoever may withdraw; a warning that is
    in force ends only by those who may lift it (3.6: the unit that issued it).
    """
    roles = charter.verbs.get(verb, frozenset())
    if verb is Verb.WITHDRAW and case is not None and case.state in IN_FORCE:
        return charter.verbs.get(Verb.LIFT, frozenset())
    if verb is Verb.LIFT and case is not None and case.state not in IN_FORCE:
        return roles | charter.verbs.get(Verb.WITHDRAW, frozenset())
    return roles


def permit(charter: Charter, command: Command, case: Case | None) -> Outcome:
    """Whether this (identified) account has the role and is not confirming its own proposal."""
    person = charter.member(command.account)
    assert person is not None
    if needed(charter, command.verb, case).isdisjoint(person.roles):
        return Outcome.NO_ROLE
    if command.verb is Verb.ISSUE and case is not None and _own_proposal(charter, person, case):
        return Outcome.SAME_ACCOUNT
    return Outcome.ACCEPTED


def _own_proposal(charter: Charter, person: Member, case: Case) -> bool:
    """Whoever may propose does not issue alone: not their own proposal, and not without one."""
    if case.proposed_by is not None:
        return case.proposed_by == person.account
    may_propose = charter.verbs.get(Verb.PROPOSE, frozenset())
    return not may_propose.isdisjoint(person.roles)
