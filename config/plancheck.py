"""Whether a plan holds together: references, the shape of its rules, oddities of its paper.

What the rules leave uncovered is proved elsewhere (``collector.plan_space``), with the decision
function itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from config.faults import Fault, Place, did_you_mean, error, note
from config.plan import (
    NOTHING,
    UNCHECKED,
    Ground,
    Level,
    OrganKind,
    Plan,
    Predicate,
    Rule,
    Scenario,
)
from config.positions import Loc

Locate = Callable[[Loc], Place]

LINE_KEYS: Final = frozenset({"operators", "systems", "spread", "overdue"})
"""Keys of a line for ``wanglou plan decide`` that every plan has."""

OPERATOR_WORDS: Final = frozenset({"systems", "spread", "sys"})
"""Words that stand beside operators in lists and cells."""

_MOBILE: Final = 11
"""Digits of a Chinese mobile number; it begins with 1."""


class _Reference(NamedTuple):
    loc: Loc
    word: str
    known: Iterable[str]
    zh: str
    en: str


def plan_faults(plan: Plan, locate: Locate) -> list[Fault]:
    """Every error of ``plan``, at its place; notes for rules that can never hold."""
    return [
        *_repeated(plan, locate),
        *_reserved(plan, locate),
        *_dangling(plan, locate),
        *(fault for loc, item in _items(plan) for fault in _shapes(plan, loc, item, locate)),
        *_numbers(plan, locate),
    ]


def _items(plan: Plan) -> Iterator[tuple[Loc, Scenario]]:
    for i, scenario in enumerate(plan.scenarios):
        yield ("scenarios", i), scenario
    for i, level in enumerate(plan.levels):
        yield ("levels", i), level


def _predicates(loc: Loc, item: Scenario) -> Iterator[tuple[Loc, Predicate]]:
    for i, predicate in enumerate(item.words):
        yield (*loc, "words", i), predicate
    for r, rule in enumerate(item.rules):
        for i, predicate in enumerate(rule.when):
            yield (*loc, "rules", r, "when", i), predicate


def _repeated(plan: Plan, locate: Locate) -> Iterator[Fault]:
    lists: dict[str, list[tuple[Loc, str]]] = {
        name: [((name, i), item.id) for i, item in enumerate(getattr(plan, name))]
        for name in (
            "operators", "facts", "scenarios", "levels", "clauses", "organs", "roles", "groups",
            "deadlines",
        )
    }  # fmt: skip
    lists["rules"] = [
        ((*loc, "rules", r), rule.id)
        for loc, item in _items(plan)
        for r, rule in enumerate(item.rules)
    ]
    lists["organs' names"] = [(("organs", i), o.name) for i, o in enumerate(plan.organs)]
    lists["verbs"] = [(("authority", i), a.verb) for i, a in enumerate(plan.authority)]
    for entries in lists.values():
        counted = Counter(word for _, word in entries)
        seen: set[str] = set()
        for loc, word in entries:
            if counted[word] > 1 and word in seen:
                yield error(locate(loc), f"“{word}”写了两次", f'"{word}" is there twice')
            seen.add(word)


def _reserved(plan: Plan, locate: Locate) -> Iterator[Fault]:
    keys = set(LINE_KEYS)
    if plan.counting is not None:
        keys.add(plan.counting.key)
        if plan.counting.key in LINE_KEYS:
            yield _taken(locate(("counting", "key")), plan.counting.key)
    for i, fact in enumerate(plan.facts):
        if fact.id in keys:
            yield _taken(locate(("facts", i, "id")), fact.id)
    for loc, item in _items(plan):
        if item.id == NOTHING:
            yield _taken(locate((*loc, "id")), item.id)
    for i, operator in enumerate(plan.operators):
        if operator.id in OPERATOR_WORDS:
            yield _taken(locate(("operators", i, "id")), operator.id)


def _taken(place: Place, word: str) -> Fault:
    return error(place, f"“{word}”另有含义，请改名", f'"{word}" means something else: rename it')


def _dangling(plan: Plan, locate: Locate) -> Iterator[Fault]:
    for loc, word, known, zh, en in (*_clause_references(plan), *_name_references(plan)):
        if word not in known:
            hint = did_you_mean(word, known)
            yield error(locate(loc), f"没有{zh}“{word}”", f'no {en} "{word}" in this plan', hint)


def _clause_references(plan: Plan) -> Iterator[_Reference]:
    known = [clause.id for clause in plan.clauses]
    found: list[tuple[Loc, str | None]] = []
    if plan.counting is not None:
        found.append((("counting", "clause"), plan.counting.clause))
    for name in ("facts", "roles", "authority", "deadlines"):
        found += [((name, i, "clause"), x.clause) for i, x in enumerate(getattr(plan, name))]
    for loc, item in _items(plan):
        found.append(((*loc, "clause"), item.clause))
        if item.recipients is not None:
            found.append(((*loc, "recipients", "clause"), item.recipients.clause))
        if isinstance(item, Level):
            found.append(((*loc, "start_clause"), item.start_clause))
        for r, rule in enumerate(item.rules):
            at = (*loc, "rules", r)
            found.append(((*at, "judgement"), rule.judgement))
            found += [((*at, "clauses", i), clause) for i, clause in enumerate(rule.clauses)]
    for loc, word in found:
        if word is not None:
            yield _Reference(loc, word, known, "条款", "clause")


def _name_references(plan: Plan) -> Iterator[_Reference]:
    organs = [organ.name for organ in plan.organs]
    roles = [role.id for role in plan.roles]
    scenarios = [scenario.id for scenario in plan.scenarios]
    facts = [fact.id for fact in plan.facts]
    if plan.counting is not None:
        operators = [operator.id for operator in plan.operators]
        merged = plan.counting.merged
        yield _Reference(("counting", "merged"), merged, operators, "企业", "operator")
    if plan.promises.level_from is not None:
        level_from = plan.promises.level_from
        yield _Reference(("promises", "level_from"), level_from, scenarios, "情形", "scenario")
    for loc, word in _organ_references(plan):
        yield _Reference(loc, word, organs, "单位", "organ")
    for loc, word in _role_references(plan):
        yield _Reference(loc, word, roles, "角色", "role")
    for outer, item in _items(plan):
        for loc, predicate in _predicates(outer, item):
            for key in ("facts", "facts_not"):
                for i, fact in enumerate(getattr(predicate, key)):
                    yield _Reference((*loc, key, i), fact, facts, "事实", "fact")
            if predicate.warning_min is not None:
                at = (*loc, "warning_min")
                yield _Reference(at, predicate.warning_min, scenarios, "情形", "scenario")


def _organ_references(plan: Plan) -> Iterator[tuple[Loc, str]]:
    for i, operator in enumerate(plan.operators):
        yield ("operators", i, "organ"), operator.organ
    for i, role in enumerate(plan.roles):
        yield ("roles", i, "organ"), role.organ
    for i, group in enumerate(plan.groups):
        yield ("groups", i, "lead"), group.lead
        for m, member in enumerate(group.members):
            yield ("groups", i, "members", m), member
    for loc, item in _items(plan):
        for i, organ in enumerate(item.recipients.organs if item.recipients else ()):
            yield (*loc, "recipients", "organs", i), organ


def _role_references(plan: Plan) -> Iterator[tuple[Loc, str]]:
    for i, authority in enumerate(plan.authority):
        for r, role in enumerate(authority.roles):
            yield ("authority", i, "roles", r), role
    for i, level in enumerate(plan.levels):
        for r, role in enumerate(level.started_by):
            yield ("levels", i, "started_by", r), role


def _shapes(plan: Plan, loc: Loc, item: Scenario, locate: Locate) -> Iterator[Fault]:
    """The shape of an item's rules and words."""
    for r, rule in enumerate(item.rules):
        yield from _grounds(rule, (*loc, "rules", r), locate)
    for at, predicate in _predicates(loc, item):
        yield from _bounds(predicate, at, locate, len(plan.operators))
        if at[2] == "rules":
            yield from _upper_bounds(predicate, at, locate)
        if not isinstance(item, Level):
            yield from _for_levels_only(plan, predicate, at, locate)


def _for_levels_only(plan: Plan, predicate: Predicate, at: Loc, locate: Locate) -> Iterator[Fault]:
    if predicate.warning_min is not None:
        yield error(
            locate((*at, "warning_min")),
            "只有响应级别可以引用预警情形",
            "only a level may ask for a warning",
        )
    valued = {fact.id for fact in plan.facts if fact.kind == "level"}
    for key in ("facts", "facts_not"):
        for fact in getattr(predicate, key):
            if fact in valued:
                yield error(
                    locate((*at, key)),
                    f"“{fact}”的值是响应级别，只能用于响应级别",
                    f'"{fact}" holds a level: only a level may ask for it',
                )


def _grounds(rule: Rule, loc: Loc, locate: Locate) -> Iterator[Fault]:
    if rule.ground is Ground.GAP and rule.judgement is None:
        yield error(
            locate((*loc, "judgement")),
            f"规则 {rule.id} 填补空缺，须写明由哪一条授权研判",
            f"rule {rule.id} fills a gap: name the clause that leaves it to judgement",
        )
    if rule.ground is not Ground.GAP and rule.judgement is not None:
        yield error(
            locate((*loc, "judgement")),
            f"规则 {rule.id} 不是填补空缺，不需要研判条款",
            f"rule {rule.id} fills no gap and needs no judgement clause",
        )
    if rule.ground is not Ground.GAP and not rule.clauses:
        yield error(
            locate((*loc, "clauses")),
            f"规则 {rule.id} 没有条款",
            f"rule {rule.id} names no clause",
        )
    if rule.ground is Ground.FACT and not all(predicate.facts for predicate in rule.when):
        yield error(
            locate((*loc, "when")),
            f"规则 {rule.id} 依据人工录入的事实，但没有写明是哪一项",
            f"rule {rule.id} rests on an entered fact but does not say which",
        )


def _upper_bounds(predicate: Predicate, loc: Loc, locate: Locate) -> Iterator[Fault]:
    """A rule may only ask for at least something, else more damage could mean less warning."""
    given = predicate.model_dump(exclude_none=True)
    upper = [key for key in given if key.endswith("_max")]
    upper += ["facts_not"] if predicate.facts_not else []
    upper += ["spread"] if predicate.spread == "no" else []
    for key in upper:
        yield error(
            locate((*loc, key)),
            f"规则只能设下限，{key} 会使影响扩大而预警降低；上限写在 words 中",
            f"a rule has lower bounds only: with {key}, more damage could mean less warning; "
            "upper bounds belong to words",
        )


def _bounds(predicate: Predicate, loc: Loc, locate: Locate, operators: int) -> Iterator[Fault]:
    given: dict[str, Any] = predicate.model_dump(exclude_none=True)
    if all(value == () for value in given.values()):
        yield error(locate(loc), "条件是空的，任何情况都成立", "an empty condition holds always")
    for key, most in given.items():
        least = given.get(key.removesuffix("_max") + "_min")
        if key.endswith("_max") and isinstance(least, int) and least > most:
            yield error(
                locate((*loc, key)),
                f"上限 {most} 小于下限 {least}",
                f"at most {most}, but at least {least}",
            )
    for key in ("operators_affected_min", "operators_full_min"):
        least = given.get(key)
        if isinstance(least, int) and least > operators:
            yield note(
                locate((*loc, key)),
                f"只有 {operators} 家企业，这一条件永远不成立",
                f"never holds: there are only {operators} operators",
            )


def _numbers(plan: Plan, locate: Locate) -> Iterator[Fault]:
    document = plan.document
    if document.revision_due is not None and document.revision_due <= document.issued:
        yield error(
            locate(("document", "revision_due")),
            "修订期限早于印发日期",
            "the revision is due before the plan was issued",
        )
    if plan.counting is not None and len(plan.operators) == 1:
        yield error(
            locate(("counting", "merged")),
            "没有其他企业可并入",
            "there is no other to count it into",
        )
    for i, deadline in enumerate(plan.deadlines):
        for r, before in enumerate(deadline.remind_before_s):
            if before >= deadline.limit_s:
                yield error(
                    locate(("deadlines", i, "remind_before_s", r)),
                    f"提醒提前量 {before} 秒不小于时限 {deadline.limit_s} 秒",
                    f"a reminder {before} s before the end of {deadline.limit_s} s is too early",
                )


def oddities(plan: Plan, locate: Locate, today: date) -> list[Fault]:
    """Notes on the paper itself; nothing invents what is not there."""
    found = [*_organ_oddities(plan, locate), *_group_oddities(plan, locate)]
    due = plan.document.revision_due
    if due is not None and due < today:
        found.append(
            note(
                locate(("document", "revision_due")),
                f"预案应于 {due} 前修订",
                f"the plan's own revision was due on {due}",
            )
        )
    unchecked = [clause.quote.startswith(UNCHECKED) for clause in plan.clauses]
    if any(unchecked):
        found.append(
            note(
                locate(("clauses", unchecked.index(True))),
                f"有 {sum(unchecked)} 条条款还没有与预案原文核对",
                f"{sum(unchecked)} clauses have not been held against the paper yet",
            )
        )
    found += [
        note(locate(("remarks", i)), f"{remark.where} {remark.says.zh}", remark.says.en)
        for i, remark in enumerate(plan.remarks)
    ]
    return found


def _organ_oddities(plan: Plan, locate: Locate) -> Iterator[Fault]:
    grouped = {name for group in plan.groups for name in (group.lead, *group.members)}
    for i, organ in enumerate(plan.organs):
        place, name = locate(("organs", i)), organ.name
        if organ.listed_as is not None:
            yield note(
                place,
                f"联络表中的“{organ.listed_as}”即“{name}”",
                f'the contact list calls {name} "{organ.listed_as}"',
            )
        if organ.member and organ.phone is None and organ.kind is not OrganKind.TOWN:
            yield note(place, f"成员单位{name}没有电话", f"member {name} has no number")
        if organ.phone and len(organ.phone) == _MOBILE and organ.phone.startswith("1"):
            yield note(place, f"{name}的电话是手机号", f"the number of {name} is a mobile")
        if organ.member and plan.groups and name not in grouped:
            yield note(place, f"成员单位{name}不在任何工作组", f"member {name} is in no group")
        if organ.phone and not organ.member:
            yield note(
                place, f"{name}在联络表中，但不是成员单位", f"{name} is in the list but no member"
            )


def _group_oddities(plan: Plan, locate: Locate) -> Iterator[Fault]:
    members = {organ.name for organ in plan.organs if organ.member}
    for i, group in enumerate(plan.groups):
        names: Sequence[str] = (group.lead, *group.members)
        for name in names:
            if name not in members:
                yield note(
                    locate(("groups", i)),
                    f"{group.name}中的{name}不是成员单位",
                    f"{name} is in {group.name} but no member",
                )
