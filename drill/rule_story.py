"""Rule stories: a timeline as data, told to the rules alone, and what must come of it.

A story is a TOML file of steps, each at its time: what is *observed*, what people *decide*, what is
then *expected*. No process runs and no clock; a day takes a fraction of a second. The stories
beside the shipped policy say of every clause and rule of the shipped plan what it does, so that
whoever edits a rule sees what else changes (``docs/RULES.md``).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from collector.county import County
from config.base import Config
from config.faults import ConfigError, Fault, did_you_mean, error, refuse, unreadable
from config.io.shipped import DATA
from config.io.toml import Document, build, read_document
from config.plan import Plan
from config.policy import Policy
from config.profile import Profile
from drill.people import PEOPLE
from drill.rule_county import (
    NoSuchNumberError,
    NoSuchPlaceError,
    Setting,
    amended,
    county_of,
    devices_of,
)
from drill.story import Line, Moment
from wire.base import Id
from wire.notice import STATING, NoticeKind, Verb

RULES: Final = DATA / "rules"
"""The shipped stories, one file each."""

FAULT: Final = re.compile(r"F[0-9]{1,2}")
"""A row of the table of faults that the design withstands."""

Places = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=80)], ...], Field()]


class Said(Config):
    """A watched value of each place: ``metric`` by the profiles' names."""

    of: Annotated[str, Field(min_length=1, max_length=80)]
    metric: Id
    value: float | None
    instance: Annotated[str, Field(max_length=64)] = ""


class Flap(Config):
    """It answers and does not, in turn, every ``every_s`` for ``for_s`` seconds."""

    of: Annotated[str, Field(min_length=1, max_length=80)]
    every_s: Annotated[int, Field(ge=1, le=3600)]
    for_s: Annotated[int, Field(ge=1, le=86_400)]


class Observe(Config):
    """What the agents see from here on; or that they, or the collector, do not.

    ``no_answer`` and ``answer`` (to ICMP and SNMP), ``no_snmp`` (ICMP only), ``refused`` (SNMP says
    no), ``unseen`` (the agent could not look): places. ``mains_lost``, ``mains_back``,
    ``battery_empty``, ``battery_back``: what a site's power plant tells. ``silent`` agents say
    nothing, ``offline`` ones took leave, ``speaking`` ones say all they know; ``garbled`` ones send
    a row with a number that is none. ``restarted`` devices came up anew. ``collector``: its process
    stops or starts; while it is stopped nobody hears anything. ``policy``: other numbers are in
    force from here on, by their place in the file (``operator.full_share.raise_share``).
    """

    no_answer: Places = ()
    answer: Places = ()
    no_snmp: Places = ()
    refused: Places = ()
    unseen: Places = ()
    mains_lost: Places = ()
    mains_back: Places = ()
    battery_empty: Places = ()
    battery_back: Places = ()
    readings: tuple[Said, ...] = ()
    flap: tuple[Flap, ...] = ()
    restarted: Places = ()
    silent: tuple[Id, ...] = ()
    offline: tuple[Id, ...] = ()
    speaking: tuple[Id, ...] = ()
    garbled: tuple[Id, ...] = ()
    policy: dict[Annotated[str, Field(max_length=80)], float] = Field(default_factory=dict)
    collector: Literal["stop", "start"] | None = None


class Threatens(Config):
    """What a threat from outside may hit (``state``: to what degree); towns by their codes."""

    what: Annotated[str, Field(min_length=1, max_length=200)]
    operators: tuple[Id, ...] = ()
    systems: tuple[Id, ...] = ()
    towns: tuple[Id, ...] = ()
    spread: bool = False


class Decide(Config):
    """A person's order. ``on``: the open warning, the newest notice of a kind (ack), or a name.

    Attest says the ``state`` of an operator or system, fact the value of a fact of the plan (or of
    ``spread``), both with a ``source``; threat what ``on`` (an id of one's own) may hit, or, with
    the state ``withdrawn``, that it is over. ``projected``: the projected level is proposed.
    ``outcome`` is what must become of the order.
    """

    account: Id
    verb: Annotated[Verb, Field(strict=False)]
    on: Id = "warning"
    state: Id | None = None
    source: Annotated[str, Field(max_length=200)] = ""
    valid_s: Annotated[int, Field(ge=60, le=86_400)] | None = None
    reason: Annotated[str, Field(max_length=200)] = ""
    threat: Threatens | None = None
    projected: bool = False
    outcome: Id = "accepted"


Kinds = tuple[Annotated[NoticeKind, Field(strict=False)], ...]
Words = tuple[Annotated[str, Field(min_length=1, max_length=200)], ...]


class Expect(Config):
    """What must be true now; only what is written is looked at.

    Of the verdict: ``warning`` to ``systems`` (operators and systems: those named; rules and
    clauses: exactly these; ``projected`` and ``projected_level``: what is likely to come, ``none``
    where nothing more is). ``drafted``: the scenario of the open warning's draft. ``sites`` and
    ``devices`` by their word. ``case``: the state of the
    open warning, ``none`` without one.

    Of the notices since the last expectation: ``notices`` exactly these kinds, in any order
    (``nothing``: none), ``most`` no more than so many; ``says`` stands in one of them, in Chinese
    or English, ``never_says`` in none. ``told`` counts kinds since the story began. ``office``: how
    an office client sees the county, ``live`` or ``unknown``. ``refused``: how many rows of an
    agent could not be read, were set aside and counted.
    """

    warning: Id | None = None
    level: Id | None = None
    warning_range: tuple[Id, Id] | None = None
    level_range: tuple[Id, Id] | None = None
    literal_warning: bool | None = None
    literal_level: bool | None = None
    pending: bool | None = None
    projected: Id | None = None
    projected_level: Id | None = None
    drafted: Id | None = None
    rules: tuple[Id, ...] | None = None
    clauses: Words | None = None
    spread: Id | None = None
    operators: dict[Id, Id] = Field(default_factory=dict)
    systems: dict[Id, Id] = Field(default_factory=dict)
    sites: dict[Id, Id] = Field(default_factory=dict)
    devices: dict[Id, Id] = Field(default_factory=dict)
    case: Id | None = None
    notices: Kinds | None = None
    nothing: Literal[True] | None = None
    most: Annotated[int, Field(ge=0)] | None = None
    told: dict[Annotated[NoticeKind, Field(strict=False)], int] = Field(default_factory=dict)
    says: Words = ()
    never_says: Words = ()
    office: Literal["live", "unknown"] | None = None
    refused: dict[Id, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)

    def given(self) -> dict[str, Any]:
        """What was written."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class Step(Config):
    """One moment; in it first what is observed, then what is decided, then what is expected."""

    at: Moment
    observe: Observe | None = None
    decide: Decide | None = None
    expect: Expect | None = None


class RuleStory(Config):
    """A whole story. ``proves``: clauses and rules of the plan, rows of the table of faults."""

    title: Line
    proves: Annotated[Words, Field(min_length=1)]
    county: Setting = Setting()
    interval_s: Annotated[int, Field(ge=1, le=3600)] = 30
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=1000)]


def shipped() -> list[Path]:
    """The shipped stories' files."""
    return sorted(RULES.glob("*.toml"))


def find(name: str) -> Path:
    """The file of a shipped story, or ``name`` itself when it is a path. Raises ConfigError."""
    if name.endswith(".toml"):
        return Path(name)
    known = {path.stem: path for path in shipped()}
    if name in known:
        return known[name]
    fault = unreadable(name, "没有这个规则故事", "no such rule story", did_you_mean(name, known))
    raise ConfigError([fault])


class Told:
    """A story that was read, sound in its county; ``document`` knows the line of every word."""

    def __init__(self, story: RuleStory, county: County, document: Document) -> None:
        self.story = story
        self.county = county
        self.document = document

    @property
    def name(self) -> str:
        return Path(self.document.file).stem


def load(path: Path, plan: Plan, policy: Policy, profiles: tuple[Profile, ...]) -> Told:
    """The story in a file, under these rules. Raises ConfigError with every fault and its line."""
    document = read_document(path)
    story = build(RuleStory, document)
    county = county_of(story.county, plan, policy, profiles)
    refuse(list(_faults(story, county, document)))
    return Told(story, county, document)


def _faults(story: RuleStory, county: County, document: Document) -> Iterator[Fault]:
    plan = county.plan
    rules = {rule.id for item in (*plan.scenarios, *plan.levels) for rule in item.rules}
    clauses = {clause.id for clause in plan.clauses}
    for word in story.proves:
        if word not in rules | clauses and not FAULT.fullmatch(word):
            yield _unknown(document, ("proves",), word, rules | clauses)
    for number, step in enumerate(story.steps):
        here = ("steps", number)
        if step.observe is None and step.decide is None and step.expect is None:
            yield error(document.place(here), "这一步什么也没有写", "the step says nothing")
        if number and step.at < story.steps[number - 1].at:
            yield error(document.place((*here, "at")), "时间早于上一步", "is before the last step")
        yield from _observed(step.observe or Observe(), county, document, here)
        if step.decide is not None:
            yield from _decided(step.decide, county, document, here)
        if step.expect is not None:
            yield from _expected(step.expect, county, document, here, rules | clauses)


Here = tuple[str | int, ...]
PLACES: Final = (
    "no_answer", "answer", "no_snmp", "refused", "unseen",
    "mains_lost", "mains_back", "battery_empty", "battery_back",
)  # fmt: skip


def _observed(seen: Observe, county: County, document: Document, here: Here) -> Iterator[Fault]:
    words = [(name, word) for name in PLACES for word in getattr(seen, name)]
    words += [("readings", one.of) for one in seen.readings]
    words += [("flap", one.of) for one in seen.flap]
    words += [("restarted", one) for one in seen.restarted]
    known = [*county.operators, *county.systems, *county.sites, *county.devices]
    for name, word in words:
        try:
            found = devices_of(county, word)
        except NoSuchPlaceError:
            yield _unknown(document, (*here, "observe", name), word, known)
        else:
            if not found:
                yield error(
                    document.place((*here, "observe", name)),
                    f"“{word}”不含任何设备",
                    f'"{word}" means no device',
                )
    for name in ("silent", "offline", "speaking", "garbled"):
        for word in getattr(seen, name):
            if word not in county.sources:
                yield _unknown(document, (*here, "observe", name), word, county.sources)
    metrics = {*county.hints, *county.policy.power.watched.difference(county.policy.power.load)}
    for one in seen.readings:
        if one.metric not in metrics:
            yield _unknown(document, (*here, "observe", "readings"), one.metric, metrics)
    yield from _amended(seen, county, document, here)


def _amended(seen: Observe, county: County, document: Document, here: Here) -> Iterator[Fault]:
    try:
        amended(county.policy, seen.policy)
    except NoSuchNumberError as wrong:
        yield _unknown(document, (*here, "observe", "policy"), str(wrong), wrong.known)


def _decided(act: Decide, county: County, document: Document, here: Here) -> Iterator[Fault]:
    accounts = [person.account for person in PEOPLE]
    if act.account not in accounts:
        yield _unknown(document, (*here, "decide", "account"), act.account, accounts)
    networks = [*county.plan_operators, *county.systems]
    facts = [*(fact.id for fact in county.plan.facts), "spread"]
    known = {
        Verb.ATTEST: networks,
        Verb.FACT: facts,
        Verb.ACK: [*NoticeKind],
    }.get(act.verb, ["warning"])
    if act.verb is not Verb.THREAT and act.on not in known:
        yield _unknown(document, (*here, "decide", "on"), act.on, known)
    if (act.state is not None) is not (act.verb in STATING):
        yield error(
            document.place((*here, "decide")),
            "attest、fact 和 threat 要写 state，其他指令不写",
            "attest, fact and threat say a state, and no other order does",
        )
    if (act.threat is not None) is not (act.verb is Verb.THREAT and act.state != "withdrawn"):
        yield error(
            document.place((*here, "decide")),
            "threat 要写 threat 表，撤回和其他指令不写",
            "a threat says what it may hit, and no other order does",
        )


def _expected(
    wanted: Expect, county: County, document: Document, here: Here, proved: set[str]
) -> Iterator[Fault]:
    plan = county.plan
    scenarios = ["none", *(one.id for one in plan.scenarios)]
    levels = ["none", *(one.id for one in plan.levels)]
    impacts = ["none", "partial", "full", "unknown", "absent"]
    rows: list[tuple[str, str, Collection[str]]] = []
    for name, known in (("warning", scenarios), ("level", levels)):
        value, both = getattr(wanted, name), getattr(wanted, f"{name}_range") or ()
        rows += [(name, value, known)] if value is not None else []
        rows += [(f"{name}_range", one, known) for one in both]
    rows += [("rules", one, proved) for one in wanted.rules or ()]
    rows += [("clauses", one, proved) for one in wanted.clauses or ()]
    named: tuple[tuple[str, Collection[str]], ...] = (
        ("operators", county.operators),
        ("systems", county.systems),
        ("sites", county.sites),
        ("devices", county.devices),
    )
    rows += [(name, one, ids) for name, ids in named for one in getattr(wanted, name)]
    rows += [("refused", one, county.sources) for one in wanted.refused]
    for states in (wanted.operators, wanted.systems):
        rows += [("operators", one, impacts) for one in states.values()]
    if wanted.spread is not None:
        rows.append(("spread", wanted.spread, ["no", "yes", "unknown"]))
    for name, word, among in rows:
        if word not in among:
            yield _unknown(document, (*here, "expect", name), word, among)


def _unknown(document: Document, loc: Here, word: str, known: Iterable[str]) -> Fault:
    return error(
        document.place(loc), f"没有“{word}”", f'there is no "{word}"', did_you_mean(word, known)
    )
