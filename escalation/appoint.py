"""From plan, policy and register to the charter under which the desk works."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from config.plan import Ground, Level, OrganKind, Plan, Recipients, Scenario
from config.policy import Policy
from config.register import Register
from escalation.charter import Charter, Clocks, EnteredFact, Gap, Member, Term
from wire.notice import Bilingual, Verb

MEMBERS: Final = Bilingual(zh="各成员单位", en="every member unit")
KEY_UNITS: Final = Bilingual(zh="相关重点单位", en="the key units concerned")
OPERATORS: Final = Bilingual(zh="相关企业", en="the operators concerned")
SPREAD: Final = EnteredFact(Bilingual(zh="扩散性", en="spread"), ("yes", "no"))
"""A person's word on the spread wins over what is seen (PLAN section 3)."""


def charter_of(
    plan: Plan,
    policy: Policy,
    register: Register,
    *,
    county: str,
    tree: str,
    recipients: Iterable[str],
    rules: str = "",
) -> Charter:
    """The desk's charter. ``recipients`` are the ids of the offices that get every notice.

    ``rules`` is the version of plan and policy, by their hash.
    """
    verbs = {Verb(item.verb): item for item in plan.authority if item.verb in set(Verb)}
    if Verb.FACT in verbs:  # a plan of before: whoever judges facts judges threats
        verbs.setdefault(Verb.THREAT, verbs[Verb.FACT])
    if Verb.ATTEST in verbs:  # a plan of before: whoever attests may keep announced work quiet
        verbs.setdefault(Verb.ALARM, verbs[Verb.ATTEST])
    if Verb.ISSUE in verbs:  # whoever issues a warning answers for the rules it is judged by
        verbs.setdefault(Verb.ADOPT, verbs[Verb.ISSUE])
    return Charter(
        county=county,
        tree=tree,
        recipients=tuple(recipients),
        scenarios=tuple(_term(plan, policy, item) for item in reversed(plan.scenarios)),
        levels=tuple(_level(plan, policy, item) for item in reversed(plan.levels)),
        verbs={verb: frozenset(item.roles) for verb, item in verbs.items()},
        verb_clauses={verb: item.clause for verb, item in verbs.items()},
        headquarters=_headquarters(plan),
        roles={role.id: role.name for role in plan.roles},
        people=_people(register),
        operators={
            operator.id: Bilingual(zh=operator.organ, en=operator.name.en)
            for operator in plan.operators
        },
        systems={system.id: system.name for system in register.systems},
        towns={town.code: town.name for town in register.towns},
        facts=entered_facts(plan),
        gaps={
            rule.id: Gap(item.id, rule.judgement, rule.says)
            for item in (*plan.scenarios, *plan.levels)
            for rule in item.rules
            if rule.ground is Ground.GAP
        },
        clocks=_clocks(policy),
        rules=rules,
    )


def entered_facts(plan: Plan) -> dict[str, EnteredFact]:
    """The facts that only people can enter: the spread, and those of the plan."""
    levels = tuple(level.id for level in plan.levels)
    return {"spread": SPREAD} | {
        fact.id: EnteredFact(fact.name, levels if fact.kind == "level" else ("yes",))
        for fact in plan.facts
    }


def _headquarters(plan: Plan) -> Bilingual:
    found = (organ.name for organ in plan.organs if organ.kind is OrganKind.HEADQUARTERS)
    return Bilingual(zh=next(found, "县指挥部"), en="the county headquarters")


def _people(register: Register) -> tuple[Member, ...]:
    return tuple(
        Member(
            person.account,
            person.name,
            person.organ,
            person.roles,
            person.key,
            person.valid_from,
            person.valid_to,
        )
        for person in register.people
    )


def _term(plan: Plan, policy: Policy, item: Scenario) -> Term:
    return Term(
        id=item.id,
        name=item.name,
        clause=item.clause,
        ack_s=policy.notice.ack_s.get(item.id, policy.notice.ack_other_s),
        circle=_circle(plan, item.recipients),
    )


def _level(plan: Plan, policy: Policy, item: Level) -> Term:
    term = _term(plan, policy, item)
    names = [role.name for role in plan.roles if role.id in item.started_by]
    starters = Bilingual(
        zh="或".join(name.zh for name in names), en=" or ".join(name.en for name in names)
    )
    return Term(
        id=term.id,
        name=term.name,
        clause=term.clause,
        ack_s=term.ack_s,
        starters=starters if names else None,
        circle=term.circle,
    )


def _circle(plan: Plan, recipients: Recipients | None) -> Bilingual | None:
    """Who is told beside the headquarters, in the plan's words."""
    if recipients is None:
        return None
    headquarters = _headquarters(plan).zh
    names = [Bilingual(zh=name, en=name) for name in recipients.organs if name != headquarters]
    circles = (
        (recipients.all_members, MEMBERS),
        (recipients.key_units, KEY_UNITS),
        (recipients.operators_concerned, OPERATORS),
    )
    names += [name for wanted, name in circles if wanted]
    if not names:
        return None
    zh, en = "、".join(name.zh for name in names), ", ".join(name.en for name in names)
    return Bilingual(zh=f"同时通报{zh}", en=f"and tell {en}")


def _clocks(policy: Policy) -> Clocks:
    return Clocks(
        hold_s=policy.time.downgrade_hold_s,
        fold_s=policy.notice.fold_s,
        fold_most_s=policy.notice.fold_most_s,
        incident_ack_s=policy.notice.ack_other_s,
        flood_most=policy.notice.flood_most,
        flood_window_s=policy.notice.flood_window_s,
        expires_s=policy.time.warning_expires_s,
        renew_s=policy.time.renew_before_s,
        remind_factor=policy.notice.remind.factor,
        remind_most_s=policy.notice.remind.most_s,
        attested_s=policy.time.attested_state_s,
        threat_s=policy.threat.valid_s,
    )
