"""Stories: what happens to simulated equipment and what simulated people do, and what must follow.

A story is a TOML file of steps in domain time, each one of: ``equipment`` (orders to the plant),
``agents`` (an agent's process ends or starts again), ``people`` (a signed command as ``wanglou
office`` sends it), ``expect`` (a notice that must arrive, or must not). Stories never touch the
World. A story is judged whole when it is read: every fault at once, with its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from config.base import Config
from config.faults import ConfigError, Fault, did_you_mean, error, refuse, unreadable
from config.io.toml import Document, build, read_document
from drill import orders
from drill.county import County
from drill.orders import Order
from drill.people import PEOPLE
from wire.base import Id
from wire.notice import Attested, NoticeKind, Verb

_TIME: Final = re.compile(r"(\d{1,3}):([0-5]\d)(?::([0-5]\d))?")


def seconds(text: object) -> object:
    """``h:mm`` or ``h:mm:ss`` as seconds; anything else is left for the model to refuse."""
    found = _TIME.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return text
    hours, minutes, more = (int(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + more


def clock(seconds_: float) -> str:
    """Seconds as ``h:mm:ss``."""
    whole = round(seconds_)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


Moment = Annotated[int, BeforeValidator(seconds), Field(ge=0, le=1000 * 3600)]
"""Seconds of domain time since the story began, written ``h:mm`` or ``h:mm:ss``."""

Words = Annotated[str, Field(min_length=1, max_length=300)]


class Line(Config):
    """What a step means, for people: Chinese and English beside."""

    zh: Words
    en: Words


class AgentDo(StrEnum):
    KILL = "kill"
    START = "start"


class AgentOrder(Config):
    """An agent's process is killed (SIGKILL), or started again."""

    do: Annotated[AgentDo, Field(strict=False)]
    agent: Id


class Act(Config):
    """A person's command. ``on``: the open warning, or the newest notice of a kind (ack).

    ``refused``: the command must be refused (the wrong authority), not accepted. Attest goes
    ``on`` an operator or a system, with the ``state`` that ``source`` told by telephone.
    """

    account: Id
    verb: Annotated[Verb, Field(strict=False)]
    on: Id = "warning"
    reason: Annotated[str, Field(max_length=200)] = ""
    refused: bool = False
    state: Annotated[Attested, Field(strict=False)] | None = None
    source: Annotated[str, Field(max_length=200)] = ""


class Expect(Config):
    """A notice with all of this must arrive at the office inside the step's window.

    ``says`` stands in its subject or text, ``cause`` in why a site or device is out of order.
    ``operators`` are states that its verdict must give. ``hurt`` is a site or device that it must
    name as out of order, ``healed`` one that was and is not any more.
    ``most`` turns it round: no more than so many such notices in the whole window.
    """

    notice: Annotated[NoticeKind, Field(strict=False)] | None = None
    warning: Id | None = None
    level: Id | None = None
    verb: Annotated[Verb, Field(strict=False)] | None = None
    state: Id | None = None
    operators: dict[Id, Id] = Field(default_factory=dict)
    says: Annotated[str, Field(max_length=200)] = ""
    cause: Annotated[str, Field(max_length=200)] = ""
    hurt: Id | None = None
    healed: Id | None = None
    sites_min: Annotated[int, Field(ge=0)] = 0
    most: Annotated[int, Field(ge=0)] | None = None


class Step(Config):
    """One step at ``at``. What people do and what is expected may come up to ``within`` later."""

    at: Moment
    within: Moment = 1800
    say: Line | None = None
    equipment: tuple[Order, ...] = ()
    agents: tuple[AgentOrder, ...] = ()
    people: Act | None = None
    expect: Expect | None = None

    @property
    def kinds(self) -> list[str]:
        """Which of the four it is; a sound step is exactly one."""
        names = ("equipment", "agents", "people", "expect")
        return [name for name in names if getattr(self, name)]

    @property
    def meaning(self) -> Line:
        """What it says of itself, or what it is."""
        act = f" {self.people.account} {self.people.verb}" if self.people else ""
        return self.say or Line(zh=f"第 {clock(self.at)} 步{act}", en=f"{self.kinds[0]}{act}")


class Story(Config):
    """The whole story. ``scale`` and ``interval_s`` (real seconds) are what it is told at best."""

    id: Id
    title: Line
    about: Line
    lasts: Moment
    seed: Annotated[int, Field(ge=0)] = 1
    scale: Annotated[float, Field(ge=1, le=3600)] = 60.0
    interval_s: Annotated[float, Field(ge=1, le=3600)] = 3.0
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=1000)]


STORIES: Final = Path(str(files("drill"))) / "data" / "stories"
"""The shipped stories, one file each."""


def names() -> list[str]:
    """Ids of the shipped stories."""
    return sorted(path.stem for path in STORIES.glob("*.toml"))


def path_of(name: str) -> Path:
    """The file of a shipped story, or ``name`` itself when it is a path. Raises ConfigError."""
    if name.endswith(".toml"):
        return Path(name)
    if name in names():
        return STORIES / f"{name}.toml"
    raise ConfigError(
        [unreadable(name, "没有这个故事", "no such story", did_you_mean(name, names()))]
    )


def load(path: Path, county: County) -> Story:
    """The story in a file, sound in this county. Raises ConfigError with every fault."""
    document = read_document(path)
    story = build(Story, document)
    refuse(list(_faults(story, county, document)))
    return story


def _faults(story: Story, county: County, document: Document) -> Iterator[Fault]:
    for number, step in enumerate(story.steps):
        place = document.place(("steps", number))
        for said in _step_faults(story, step, county):
            yield error(place, f"第 {number + 1} 步不对", said)


def _step_faults(story: Story, step: Step, county: County) -> Iterator[str]:
    if len(step.kinds) != 1:
        what = ", ".join(step.kinds) or "nothing"
        yield f"a step is one of equipment, agents, people, expect; this is {what}"
    if step.at > story.lasts:
        yield f"begins at {clock(step.at)}, the story ends at {clock(story.lasts)}"
    for order in step.equipment:
        yield from orders.faults(order, county)
    accounts = {person.account for person in PEOPLE}
    if step.people:
        yield from _act_faults(step.people)
    for word, one, known in _named(step):
        among = {
            "account": accounts,
            "notice": {"warning", *NoticeKind},
            "place": county.site.keys() | county.box.keys(),
            "network": county.roots.keys() | {system.id for system in county.systems},
        }.get(known, county.roots)
        if one not in among:
            yield f"no {word} {one!r}" + _hint(one, among)


def _act_faults(act: Act) -> Iterator[str]:
    attests = act.verb is Verb.ATTEST
    if attests is not (act.state is not None):
        yield "attest says a state, and no other order does"
    if (act.state not in {None, Attested.WITHDRAWN}) is not bool(act.source):
        yield "an attested state has a source, and nothing else does"


def _named(step: Step) -> Iterator[tuple[str, str, str]]:
    """Every name in a step: what it is called, the name, among what it must be."""
    for agent in step.agents:
        yield "agent", agent.agent, "operator"
    if step.people:
        yield "account", step.people.account, "account"
        attests = step.people.verb is Verb.ATTEST
        yield (
            ("operator or system", step.people.on, "network")
            if attests
            else ("notice kind", step.people.on, "notice")
        )
    if step.expect:
        for one in filter(None, (step.expect.hurt, step.expect.healed)):
            yield "site or device", one, "place"
        for operator in step.expect.operators:
            yield "operator", operator, "operator"


def _hint(word: str, known: Iterable[str]) -> str:
    hint = did_you_mean(word, known)
    return f" ({hint})" if hint else ""
