"""The collector as the pages' ``Source``: boards made from what each turn judged again.

Everything here runs in the collector's own loop, between its turns. A turn costs it the ids that
were judged; a board is made when somebody asks, from those ids alone.
"""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any, Final, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import TypeAdapter

from collector import inforce
from collector.analysis import analyse
from collector.analysis_sheets import Report, reported
from collector.asking import requests
from collector.base import World
from collector.closing import closing
from collector.consequence import counts
from collector.county import County
from collector.explain import NoSuchThingError, explain
from collector.explanation import Explanation
from collector.io.history import HistoryDown
from collector.io.restore import Unusable
from collector.io.segments import Span, TooEarlyError
from collector.model import COMMAND, AlarmSaid, Input, OfficeCommand, Row
from collector.period import Period
from collector.web import alarmview
from collector.web import worldview as view
from collector.web.chart import lines
from collector.web.outcomes import answered, outcome_of, refused_outcome
from collector.web.past import Past
from collector.web.source import (
    Alarm,
    Board,
    Changed,
    Detail,
    DeviceState,
    Invented,
    NextStep,
    NoMoment,
    NoticeState,
    Outcome,
    Series,
    SiteState,
    Transition,
    WarningState,
)
from config.settings import WebSettings
from escalation import moments
from escalation.effects import Effect, Record
from escalation.report import Line
from escalation.warning import State as Stage
from transport.sign import open_signed
from wire.alarm import AlarmAction
from wire.codec import Refused
from wire.notice import Bilingual, Command, Signed, Verb
from wire.topics import Topics

WEB: Final = "web"
"""The sender of orders given on the pages; their lane is the office clients' own."""

FRESH_MS: Final = 5000
"""Real milliseconds after which pages are told of fresh data though nothing changed."""

STAGES: Final = {
    Stage.DRAFTED: Bilingual(zh="草案", en="drafted"),
    Stage.PROPOSED: Bilingual(zh="已提请", en="proposed"),
    Stage.ISSUED: Bilingual(zh="已发布", en="issued"),
    Stage.UPDATED: Bilingual(zh="已调整", en="updated"),
}
NOT_YET: Final = Outcome(
    accepted=False,
    word="not_yet",
    text=Bilingual(
        zh="存储刚刚新建或恢复，正在向办公室核对通知编号，请一分钟后再下达",
        en="the store is new or restored and asks the offices which notices they hold: "
        "order again in a minute",
    ),
)
_COMMAND: Final = TypeAdapter(Command)
_ACTION: Final = TypeAdapter(AlarmAction)


class Lines(Protocol):
    """The history, as far as charts need it."""

    async def series(
        self, device: str, metric: str, instance: str, from_ms: int, to_ms: int
    ) -> list[tuple[int, float]]:
        """The values in [from_ms, to_ms], oldest first. Raises HistoryDown."""
        ...


def _no_journal(warning: str) -> list[Line]:
    raise KeyError(warning)


def _no_rows(asked: Period) -> tuple[list[Line], int]:
    return [], asked.to_ms


async def _no_moment(at_ms: int, _target: str) -> Explanation | None:
    raise TooEarlyError(Span(at_ms, at_ms))


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the collector lends to the pages.

    ``submit`` puts an input into the next turn and gives its effects once they are committed;
    ``post`` hands a message to the broker (False: no connection); ``pending`` tells how many
    notices an office has not receipted yet; ``journal`` reads what a warning's report is made of
    (it blocks; KeyError: no such warning), ``rows`` what an analysis is (it blocks too); ``then``
    explains a thing as of a moment (``collector.io.then``).
    """

    world: World
    history: Lines
    topics: Topics
    trusted: Mapping[str, Ed25519PublicKey]
    session: int
    scale: float
    now_ms: Callable[[], int]
    monotonic: Callable[[], float]
    submit: Callable[[Input], Awaitable[list[Effect]]]
    post: Callable[[str, bytes], bool]
    pending: Callable[[], int]
    journal: Callable[[str], list[Line]] = _no_journal
    rows: Callable[[Period], tuple[list[Line], int]] = _no_rows
    then: Callable[[int, str], Awaitable[Explanation | None]] = _no_moment


@dataclass
class LiveSource:
    """``collector.web.source.Source`` over a running collector."""

    hooks: Hooks
    settings: WebSettings
    past: Past = field(default_factory=Past)

    def __post_init__(self) -> None:
        self._world = self.hooks.world
        self._listeners: list[Callable[[Changed], None]] = []
        self._numbers = count(1)
        self._revision = 0
        self._told_at = 0.0
        self._waiting: dict[str, None] | None = None  # None: everything is to be looked at
        self._stale = True
        self._county: County | None = None
        self._positions = _positions(self.settings.positions)
        self._receipted: dict[int, int] = {}
        self._devices: dict[str, DeviceState] = {}
        self._sites: dict[str, SiteState] = {}
        self._alarms: dict[str, tuple[Alarm, ...]] = {}
        self._board = self._make()

    # ── What the collector calls ─────────────────────────────────────────────────────────────────

    def turned(self, now_ms: int, effects: list[Effect]) -> None:
        """A turn is over and committed."""
        self.past.take(now_ms, effects)
        judged = self._world.judged
        if self._world.county is not self._county:
            self._waiting = None
        elif self._waiting is not None:
            self._waiting |= judged
        self._stale = True
        fresh = self.hooks.monotonic() - self._told_at > FRESH_MS / 1000
        if not (judged or effects or fresh):
            return
        self._told_at = self.hooks.monotonic()
        changed = None if self._waiting is None else frozenset(judged)
        for listener in self._listeners:
            listener(changed)

    # ── Source ───────────────────────────────────────────────────────────────────────────────────

    def board(self) -> Board:
        if self._stale:
            self._board = self._make()
        return self._board

    def now_ms(self) -> int:
        return self.hooks.now_ms()

    @property
    def scale(self) -> float:
        return self.hooks.scale

    def subscribe(self, callback: Callable[[Changed], None]) -> Callable[[], None]:
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback)

    async def detail(self, device: str) -> Detail:
        self.board()
        known = view.metrics(self._world.county)
        moments = [*self.past.transitions(device), *view.events(self._world, device)]
        moments.sort(key=lambda one: one.at_ms, reverse=True)
        by, takes = view.both_ways(self._world, device)
        readings = view.readings(self._world, device, known)
        return Detail(tuple(moments), readings, by, takes, view.points(self._world, device))

    async def series(self, device: str, from_ms: int, to_ms: int) -> Series:
        try:
            return await lines(self._world, self.hooks.history, device, (from_ms, to_ms))
        except HistoryDown:
            return Series()

    async def why(self, target: str) -> Explanation | None:
        try:
            return explain(self._world, self.now_ms(), target)
        except NoSuchThingError:
            return None

    async def why_then(self, target: str, at_ms: int) -> Explanation | None:
        try:
            return await self.hooks.then(at_ms, target)
        except TooEarlyError as fault:
            first, last = (moments.shown(one) for one in fault.span)
            zh = f"{moments.shown(at_ms)} 的输入不在库中；现有 {first} 至 {last}"
            en = f"inputs are retained from {first} to {last}"
            raise NoMoment(Bilingual(zh=zh, en=en)) from fault
        except Unusable as fault:
            raise NoMoment(Bilingual(zh="当时的输入无法读取", en=str(fault))) from fault

    async def report(self, warning: str) -> tuple[dict[str, Any], str] | None:
        try:
            lines = await asyncio.to_thread(self.hooks.journal, warning)
            return closing(self._world.county, lines, warning)
        except KeyError:
            return None

    async def analysis(self, asked: Period) -> Report:
        lines, begun_ms = await asyncio.to_thread(self.hooks.rows, asked)
        county, now_ms = self._world.county, self.now_ms()
        made = await asyncio.to_thread(analyse, county, lines, asked, begun_ms, now_ms)
        return reported(county, made, self.settings.name or "")

    async def command(self, signed: Signed) -> Outcome:
        try:
            raw = signed.model_dump_json().encode()
            command, key = open_signed(raw, "command", self.hooks.trusted, _COMMAND)
            self._here(command)
        except Refused as refused:
            return refused_outcome(refused)
        if self._world.state.asking:
            return NOT_YET
        row = Row(WEB, COMMAND, self.hooks.session, next(self._numbers))
        return answered(await self.hooks.submit(OfficeCommand(row, command, key)), command.id)

    async def alarm_action(self, signed: Signed) -> Outcome:
        try:
            raw = signed.model_dump_json().encode()
            action, key = open_signed(raw, "alarm_action", self.hooks.trusted, _ACTION)
            self._here(action)
        except Refused as refused:
            return refused_outcome(refused)
        effects = await self.hooks.submit(AlarmSaid(action, key))
        if self._waiting is not None:
            self._waiting |= dict.fromkeys(name.partition("|")[0] for name in action.alarms)
        self._stale = True
        for effect in effects:
            if isinstance(effect, Record) and effect.kind == "alarm_action":
                return outcome_of(effect.data["outcome"])
        return outcome_of("unknown_target")

    async def look_now(self, device: str) -> Outcome:
        wishes = requests(self._world, self.hooks.topics, self.now_ms(), (device,))
        asked = [self.hooks.post(topic, wish.model_dump_json().encode()) for topic, wish in wishes]
        if not any(asked):
            return Outcome(
                accepted=False,
                word="no_agent",
                text=Bilingual(
                    zh="现在没有采集代理可以探测此设备", en="no agent can look at this device now"
                ),
            )
        text = Bilingual(zh="已请采集代理立即探测", en="the agent was asked to look at once")
        return Outcome(accepted=True, word="asked", text=text)

    def invented_people(self) -> tuple[Invented, ...]:
        folder = self.settings.drill_keys
        if folder is None or not self.hooks.topics.tree.startswith("drill-"):
            return ()
        found = []
        for person in self._world.county.register.people:
            path = Path(folder) / f"{person.key}.key"
            if path.is_file():
                found.append(Invented(person.account, person.key, path.read_text()))
        return tuple(found)

    # ── The board ────────────────────────────────────────────────────────────────────────────────

    def _make(self) -> Board:
        """The newest board; rows that nothing happened to are the former ones."""
        world, now_ms = self._world, self.now_ms()
        if world.county is not self._county:
            self._county = world.county
            name = self.settings.name or world.county.plan.document.title
            self._static = view.static(world.county, self._positions, name)
            self._waiting = None
        waiting, self._waiting = self._waiting, {}
        self._stale = False
        self._rows(waiting)
        self._revision += 1
        situation = world.situation
        return Board(
            revision=self._revision,
            at_ms=now_ms,
            county=world.county.register.county,
            tree=world.county.bundle.tree,
            static=self._static,
            devices=self._devices,
            sites=self._sites,
            operators=view.operators(world),
            systems=view.systems(world),
            cells=view.cells(world),
            sources=tuple(
                view.source(world, name, row)
                for name, row in sorted(world.state.agents.items())
                if name in world.county.sources
            ),
            alarms=self._all_alarms(),
            verdict=view.verdict(world),
            evidence=situation.evidence if situation else (),
            policy=situation.policy if situation else (),
            warning=self._warning(now_ms),
            notices=self._notices(now_ms),
            entered=view.entered(world),
            threats=tuple(world.desk.threats.values()),
            reports=self.past.over,
            remarks=view.standing_remarks(world, now_ms),
            rules=inforce.rules(world),
            seen=self._seen,
            windows=lambda: alarmview.windows(self._world),
            counts=lambda: counts(self._world),
            shelf=alarmview.shelf(world),
            maintained=len(world.covered),
        )

    def _seen(self, device: str) -> int | None:
        return view.seen(self._world, device)

    def _rows(self, waiting: Mapping[str, None] | None) -> None:
        """Bring devices, sites and their alarms up to date; former boards keep their own."""
        world, county = self._world, self._world.county
        everything = waiting is None
        judged = [*county.devices, *county.sites] if waiting is None else list(waiting)
        if not judged:
            return
        devices = {} if everything else dict(self._devices)
        sites = {} if everything else dict(self._sites)
        alarms = {} if everything else dict(self._alarms)
        for name in judged:
            if name in county.devices:
                devices[name] = now = view.device(world, name)
                self._moved(name, self._devices.get(name), now)
                held = (*alarmview.alarms(world, name), *alarmview.cleared(world, name))
                if held:
                    alarms[name] = held
                else:
                    alarms.pop(name, None)
            if name in county.sites:
                sites[name] = view.site(world, name)
        self._devices, self._sites, self._alarms = devices, sites, alarms

    def _moved(self, name: str, before: DeviceState | None, now: DeviceState) -> None:
        if before is not None and before.state is not now.state:
            at_ms = now.since_ms or self.now_ms()
            self.past.moved(name, Transition(at_ms, before.state, now.state, now.why))

    def _all_alarms(self) -> tuple[Alarm, ...]:
        """Raised ones, and those that are over until they are purged."""
        return tuple(alarm for held in self._alarms.values() for alarm in held)

    def _warning(self, now_ms: int) -> WarningState | None:
        case = self._world.desk.case
        if case is None:
            return None
        standing = case.issued or case.draft
        return WarningState(
            id=case.id,
            state=case.state.value,
            state_name=STAGES[case.state],
            since_ms=case.opened_ms,
            scenario=standing.warning,
            level=standing.level,
            expires_ms=case.expires_ms,
            steps=tuple(
                NextStep(verb, case.id, tuple(sorted(roles)))
                for verb, roles in self._world.desk.possible(now_ms)
            )
            + self._ahead(case.id),
            log=self.past.of(case.id),
        )

    def _ahead(self, warning: str) -> tuple[NextStep, ...]:
        """The projected level stands beside the observed one, one click away (PLAN section 2)."""
        desk = self._world.desk
        roles = desk.roles(Verb.PROPOSE)
        found = NextStep(Verb.PROPOSE, warning, tuple(sorted(roles)), projected=True)
        return (found,) if desk.ahead else ()

    def _notices(self, now_ms: int) -> tuple[NoticeState, ...]:
        """Newest first; one is receipted when fewer are pending than came after it."""
        upto = self._world.desk.last_number - self.hooks.pending()
        self._receipted = {
            one.number: self._receipted.get(one.number, now_ms)
            for one in self.past.notices
            if one.number <= upto
        }
        return tuple(
            replace(one, receipted_ms=self._receipted.get(one.number))
            for one in reversed(self.past.notices)
        )

    def _here(self, said: Command | AlarmAction) -> None:
        topics = self.hooks.topics
        if (said.county, said.tree) != (topics.county, topics.tree):
            raise Refused("wrong_tree", f"an order for {said.county}/{said.tree}")


def _positions(path: Path | object | None) -> dict[str, tuple[int, int]]:
    """The schematic map's places. Raises OSError, ValueError with the line."""
    if path is None:
        return {}
    found = {}
    with Path(str(path)).open(encoding="utf-8-sig", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), 2):
            try:
                found[row["id"]] = (round(float(row["x"])), round(float(row["y"])))
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(f"{path} line {number}: id, x and y are needed") from error
    return found
