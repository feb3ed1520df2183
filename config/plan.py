"""The county's plan as data: clauses, scenarios, levels, organs, roles, groups, deadlines.

The code knows no name of a scenario, a level, an operator or a fact: another county brings
another file. What a scenario or level covers is said by predicates of a closed vocabulary
(PLAN section 2); there is no expression language. Scenarios and levels are ordered, worst first.

* ``rules`` decide. A rule has lower bounds only, so the decision is monotone by construction; the
  result is the worst item one of whose rules holds (就高).
* ``words`` are the plan's own words, with lower and upper bounds. They decide nothing: they tell
  whether the plan's letter supports a result or a gap rule filled in.

Cross references and the shape of rules are judged by ``config.plancheck``.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from config.base import Config
from config.policy import Seconds
from wire.base import Id
from wire.notice import Bilingual

NOTHING: Final = "none"
"""The word for no warning and no level; no scenario or level may take it as its id."""

UNCHECKED: Final = "（待核对）"
"""Stands before the words of a clause that nobody has held against the paper yet."""

ClauseId = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,2}[A-Za-z0-9.()-]{0,15}$")]
"""A clause number of the plan, with a suffix where a clause holds several sentences: 3.3(2)."""

Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
"""A key of a line for ``wanglou plan decide``: a fact, or the counting option."""

Text = Annotated[str, Field(min_length=1, max_length=500)]
Count = Annotated[int, Field(ge=0, le=100_000)]
AtLeast = Annotated[int, Field(ge=1, le=100_000)] | Literal["all"]


class Document(Config):
    """The paper that the file transcribes. ``revision_due`` by its own clause (7.2)."""

    title: Text
    number: Text
    issuer: Text
    issued: date
    revision_due: date | None = None


class ClauseKind(StrEnum):
    """What software can do for a clause."""

    WATCH = "M"
    DECIDE = "D"
    NOTIFY = "N"
    REMIND = "R"
    RECORD = "L"
    GENERATE = "G"
    CONFIGURE = "C"
    PEOPLE = "H"


class Clause(Config):
    """One clause that software can carry out, watch, remind of or record, with its words."""

    id: ClauseId
    kind: ClauseKind
    actor: Text
    quote: Text
    software: Text
    trigger: Annotated[str, Field(max_length=200)] = ""


class Operator(Config):
    """One of the plan's operators (7.1). ``organ`` is its name among the organs."""

    id: Id
    name: Bilingual
    organ: Text


class Counting(Config):
    """The option ``key``: ``merged`` counts the operator of that name into the others.

    Merged: affected = max(affected others, 1 if it is affected), full likewise; ``all_affected``
    and ``"all"`` stay over every operator.
    """

    key: Word
    merged: Id
    default: Literal["literal", "merged"] = "literal"
    clause: ClauseId


class Fact(Config):
    """What only people can enter: a ``bool``, or a ``level`` (at least that level is due)."""

    id: Word
    kind: Literal["bool", "level"] = "bool"
    name: Bilingual
    clause: ClauseId


class Predicate(Config):
    """Bounds on the county's state; all that are given must hold.

    ``operators_…`` and ``systems_…`` count affected (partial or full) or full ones, ``affected_…``
    and ``full_…`` both together. ``"all"``: every one, and at least one. ``all_affected``: every
    operator and every registered system. ``facts`` must have been entered (a level-valued fact:
    with this level or a worse one), ``facts_not`` must not. ``warning_min`` (levels only): the
    warning is this scenario or a worse one.
    """

    operators_affected_min: AtLeast | None = None
    operators_affected_max: Count | None = None
    operators_full_min: AtLeast | None = None
    operators_full_max: Count | None = None
    systems_affected_min: AtLeast | None = None
    systems_affected_max: Count | None = None
    systems_full_min: AtLeast | None = None
    systems_full_max: Count | None = None
    affected_min: Annotated[int, Field(ge=1)] | None = None
    affected_max: Count | None = None
    full_min: Annotated[int, Field(ge=1)] | None = None
    full_max: Count | None = None
    all_affected: Literal[True] | None = None
    spread: Literal["yes", "no"] | None = None
    facts: tuple[Word, ...] = ()
    facts_not: tuple[Word, ...] = ()
    warning_min: Id | None = None


Alternatives = Annotated[tuple[Predicate, ...], Field(min_length=1, max_length=20)]


class Ground(StrEnum):
    """What a rule rests on: the plan's words, a judgement that fills a gap, an entered fact."""

    WORDS = "words"
    GAP = "gap"
    FACT = "fact"


class Rule(Config):
    """One reason for a scenario or level; it holds when any of ``when`` does.

    A gap rule names the clause that leaves the ``judgement`` to people; the notice says so.
    """

    id: Id
    ground: Ground
    clauses: tuple[ClauseId, ...] = ()
    judgement: ClauseId | None = None
    says: Bilingual
    when: Alternatives


class Recipients(Config):
    """Who is told by the plan: organs by name, and whole circles of units."""

    clause: ClauseId
    organs: tuple[Text, ...] = ()
    all_members: bool = False
    key_units: bool = False
    operators_concerned: bool = False


class Scenario(Config):
    """A warning scenario: its clause, the plan's own words, the rules that decide."""

    id: Id
    name: Bilingual
    clause: ClauseId
    words: Alternatives
    rules: Annotated[tuple[Rule, ...], Field(min_length=1, max_length=100)]
    recipients: Recipients | None = None


class Level(Scenario):
    """A response level, and the roles that may start it."""

    started_by: tuple[Id, ...] = ()
    start_clause: ClauseId | None = None


class Promises(Config):
    """What this plan says must hold for every state; ``wanglou plan check`` proves it.

    ``level_from``: a level is due exactly from this scenario on (but for entered facts).
    ``worst_implies_worst``: the worst scenario brings the worst level.
    """

    level_from: Id | None = None
    worst_implies_worst: bool = False


class OrganKind(StrEnum):
    HEADQUARTERS = "headquarters"
    OFFICE = "office"
    GOVERNMENT = "government"
    UNIT = "unit"
    OPERATOR = "operator"
    TOWN = "town"
    """The town of the incident: which one is known only then."""


class Organ(Config):
    """A unit of the plan. ``listed_as`` and ``phone`` are how the plan's annex prints it."""

    id: Id
    name: Text
    kind: OrganKind = OrganKind.UNIT
    member: bool = False
    listed_as: Text | None = None
    phone: Annotated[str, Field(pattern=r"^[0-9]{5,15}$")] | None = None
    seat: Text | None = None


class Role(Config):
    """A role that a person of ``organ`` holds; ``posts`` are the posts that the plan names."""

    id: Id
    name: Bilingual
    organ: Text
    posts: tuple[Text, ...] = ()
    clause: ClauseId


class Authority(Config):
    """Which roles may order ``verb`` (a word of ``wire.notice.Verb``), by which clause."""

    verb: Id
    roles: Annotated[tuple[Id, ...], Field(min_length=1)]
    clause: ClauseId


class Group(Config):
    """A working group (2.4): organs by name."""

    id: Id
    name: Text
    lead: Text
    members: Annotated[tuple[Text, ...], Field(min_length=1)]


class Deadline(Config):
    """A clock of the plan; ``remind_before_s`` before its end."""

    id: Id
    name: Bilingual
    limit_s: Seconds
    remind_before_s: tuple[Seconds, ...] = ()
    starts: Text
    clause: ClauseId


class Remark(Config):
    """An oddity of the paper that no check can see."""

    where: Text
    says: Bilingual


class Plan(Config):
    """The whole plan. ``hash`` is the SHA-256 of the file, filled in by the loader."""

    id: Id
    document: Document
    operators: Annotated[tuple[Operator, ...], Field(min_length=1, max_length=20)]
    counting: Counting | None = None
    facts: Annotated[tuple[Fact, ...], Field(max_length=16)] = ()
    scenarios: Annotated[tuple[Scenario, ...], Field(min_length=1, max_length=20)]
    levels: Annotated[tuple[Level, ...], Field(min_length=1, max_length=20)]
    promises: Promises = Promises()
    organs: tuple[Organ, ...] = ()
    roles: tuple[Role, ...] = ()
    authority: tuple[Authority, ...] = ()
    groups: tuple[Group, ...] = ()
    deadlines: tuple[Deadline, ...] = ()
    remarks: tuple[Remark, ...] = ()
    clauses: Annotated[tuple[Clause, ...], Field(min_length=1)]
    hash: str = ""
