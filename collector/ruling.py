"""Changing the rules is an act: who may, whether a second person agrees, and from when. Pure.

A change is signed by its author with the reason and the moment from which it is to be in force;
where the settings ask for it, another account approves the very same payload. What was approved is
what comes into force, whatever the files on disk say by then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from collector.county import County
from collector.rulechange import RuleApproval, RuleChange
from collector.world import charter
from escalation.authority import in_office
from escalation.charter import Charter, Member
from wire.notice import Bilingual


class Word(StrEnum):
    """Where a change stands; only what is DUE may come into force."""

    IN_FORCE = "in_force"
    DUE = "due"
    LATER = "later"
    UNAPPROVED = "unapproved"
    STALE = "stale"
    FOREIGN = "foreign"
    NO_ROLE = "no_role"


SAID: Mapping[Word, Bilingual] = {
    Word.IN_FORCE: Bilingual(zh="现行", en="in force"),
    Word.DUE: Bilingual(zh="可生效", en="comes into force"),
    Word.LATER: Bilingual(zh="未到生效时间", en="not yet in force"),
    Word.UNAPPROVED: Bilingual(zh="待另一人批准", en="waits for another account's approval"),
    Word.STALE: Bilingual(
        zh="提交后现行规则已变，须重新提交", en="made against other rules: submit it again"
    ),
    Word.FOREIGN: Bilingual(zh="属于另一个县或另一棵树", en="of another county or tree"),
    Word.NO_ROLE: Bilingual(zh="提交人无权变更规则", en="its author may not change the rules"),
}


@dataclass(frozen=True, slots=True)
class Sheet:
    """A change as it lies in its file: ``digest`` of its payload, keys that signed."""

    change: RuleChange
    key: str
    digest: str
    approvals: tuple[tuple[RuleApproval, str], ...] = ()


def may(person: Member | None, key: str, roles: Iterable[str], now_ms: int) -> bool:
    """Whether this account signed with its own key, is in office and has one of the roles."""
    return (
        person is not None
        and person.key == key
        and in_office(person, now_ms)
        and not set(roles).isdisjoint(person.roles)
    )


def approved_by(sheet: Sheet, people: Charter, roles: Iterable[str], now_ms: int) -> str:
    """The account that approved the change: another than its author's; empty: nobody yet."""
    wanted = tuple(roles)
    for said, key in sheet.approvals:
        fits = (said.county, said.tree) == (sheet.change.county, sheet.change.tree)
        other = said.account != sheet.change.account and said.change == sheet.digest
        if fits and other and may(people.member(said.account), key, wanted, now_ms):
            return said.account
    return ""


def stand(sheet: Sheet, county: County, *, roles: Iterable[str], second: bool, now_ms: int) -> Word:
    """Where the change stands under ``county``, the configuration in force.

    People are those of the register in force: a change cannot appoint who approves it.
    """
    change, wanted = sheet.change, tuple(roles)
    people = charter(county)
    if change.hash == county.hash:
        return Word.IN_FORCE
    if (change.county, change.tree) != (county.register.county, county.bundle.tree):
        return Word.FOREIGN
    if not may(people.member(change.account), sheet.key, wanted, now_ms):
        return Word.NO_ROLE
    if change.was != county.hash:
        return Word.STALE
    if second and not approved_by(sheet, people, wanted, now_ms):
        return Word.UNAPPROVED
    return Word.LATER if now_ms < change.from_ms else Word.DUE
