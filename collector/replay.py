"""The same inputs through edited rules: what would have been told, and when.

Two Worlds are folded side by side by the very code that runs: one as it was, one under the edited
configuration from the first moment on. The edited one is also woken at its own deadlines, where the
collector was at work. People's orders were given to what they saw: one that speaks of a notice or a
warning goes to its counterpart, and is left out where there is none. Nothing is written anywhere.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from collector import condition
from collector import world as worlds
from collector.base import World
from collector.county import County
from collector.model import Held, Input, OfficeCommand, OfficeSeen, Poison, Resumed, Started, Tick
from config.plan import Plan
from config.policy import Policy
from config.profile import Hint
from config.register import Register
from escalation.effects import Effect, EmitNotice
from wire.notice import Bilingual, Notice, NoticeKind, Verb

MOST_WAKINGS: Final = 10_000
"""Ticks of the edited World between two recorded turns."""

LEFT_OUT: Final = "left out of the replay"


@dataclass(frozen=True, slots=True)
class Edit:
    """What is put in the place of what was in force; None: as it was.

    ``counted``: the operators in trial (试运行) count and speak like all others.
    """

    plan: Plan | None = None
    policy: Policy | None = None
    register: Register | None = None
    counted: bool = False

    def __bool__(self) -> bool:
        return any((self.plan, self.policy, self.register, self.counted))

    def county(self, county: County) -> County:
        """The configuration with the edit in it."""
        changed = {
            "plan": self.plan,
            "policy": self.policy,
            "register_": self.register,
        }
        given = {name: one for name, one in changed.items() if one is not None}
        if self.counted:
            books = self.register or county.register
            enrolled = tuple(one.model_copy(update={"trial": False}) for one in books.sources)
            given["register_"] = books.model_copy(update={"sources": enrolled})
        return County(county.bundle.model_copy(update=given)) if given else county


Key = tuple[str, str, int]
"""What is told: the notice's kind, of what, and the how manieth of these it is."""


class Told(NamedTuple):
    """One notice of a run."""

    at_ms: int
    id: str
    key: Key
    subject: Bilingual


class Course(NamedTuple):
    """From here on the verdict is this."""

    at_ms: int
    warning: str
    level: str


@dataclass
class Side:
    """One of the two Worlds and what it said."""

    world: World
    told: list[Told] = field(default_factory=list)
    course: list[Course] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    by_key: dict[Key, str] = field(default_factory=dict)
    by_id: dict[str, Key] = field(default_factory=dict)

    def step(self, at_ms: int, given: Input, resolve: worlds.Resolve) -> None:
        for effect in worlds.step(self.world, at_ms, given, resolve):
            self._heard(effect)
        if isinstance(given, Tick):
            self._judged(at_ms)

    def _heard(self, effect: Effect) -> None:
        if not isinstance(effect, EmitNotice) or effect.notice.id in self.by_id:
            return
        notice = effect.notice
        what = (notice.notice_kind.value, subject_of(notice))
        self.counts[what] += 1
        key = (*what, self.counts[what])
        self.by_key[key], self.by_id[notice.id] = notice.id, key
        self.told.append(Told(notice.at_ms, notice.id, key, notice.subject))

    def _judged(self, at_ms: int) -> None:
        situation = self.world.situation
        if situation is None:
            return
        now = (situation.verdict.warning, situation.verdict.level)
        if not self.course or self.course[-1][1:] != now:
            self.course.append(Course(at_ms, *now))


def subject_of(notice: Notice) -> str:
    """Of what a notice speaks, so that two runs can be held against each other."""
    match notice.notice_kind:
        case NoticeKind.WARNING_DRAFT if notice.verdict:
            return notice.verdict.warning
        case NoticeKind.LEVEL_DRAFT if notice.verdict:
            return notice.verdict.level
        case NoticeKind.DECISION if notice.decision:
            return notice.decision.command
        case NoticeKind.HEALTH:
            return notice.subject.zh
    return ""


class Replay:
    """Feed it every retained input in order; then ask what differs."""

    def __init__(self, world: World, at_ms: int, resolve: worlds.Resolve, edit: Edit) -> None:
        """``world`` as it was at ``at_ms``, between two turns; it is folded on."""
        self._resolve, self._edit = resolve, edit
        self._edited: dict[str, County] = {}
        self._turn: list[Input] = []
        self._warnings: dict[str, str] = {}
        self.left_out = 0
        self.samples: deque[Sample] = deque()
        other = worlds.read(worlds.dump(world), self._other, at_ms=at_ms).world
        self.base, self.edited = Side(world), Side(other)
        if edit:
            condition.rejudge(other, at_ms)
            self.edited.step(at_ms, Tick(), self._other)
        for side in (self.base, self.edited):
            side._judged(at_ms)  # noqa: SLF001  where each of them begins

    def _other(self, config_hash: str) -> County:
        """The edited configuration in the place of the one of that hash."""
        if config_hash not in self._edited:
            self._edited[config_hash] = self._edit.county(self._resolve(config_hash))
        return self._edited[config_hash]

    def take(self, at_ms: int, given: Input) -> None:
        """One input; a turn is worked off with its Tick."""
        self._turn.append(given)
        if not isinstance(given, Tick):
            return
        turn, self._turn = self._turn, []
        if not any(isinstance(one, Started | Resumed) for one in turn):
            self._sampled(at_ms)
            self._wake(at_ms)
        for one in turn:
            self.base.step(at_ms, one, self._resolve)
            self.edited.step(at_ms, self._translated(one), self._other)
        base, edited = self.base.world.desk.open_warning, self.edited.world.desk.open_warning
        if base and edited:
            self._warnings.setdefault(base, edited)

    def _sampled(self, before_ms: int) -> None:
        """Values of the history between those that were said, by the edited thresholds."""
        world = self.edited.world
        while self.samples and self.samples[0].at_ms < before_ms:
            one = self.samples.popleft()
            row = world.state.devices.get(one.device)
            if row is not None and row.known and one.alarm in world.county.types:
                self._wake(one.at_ms)
                key, said = (one.alarm, one.instance), f"{one.metric}={one.value:g}"
                condition.feel(world, one.at_ms, one.device, key, bad=one.bad, said=said)
                self.edited.step(one.at_ms, Tick(), self._other)

    def _wake(self, before_ms: int) -> None:
        """The edited World at its own deadlines, unless nobody was at work then."""
        late = self.base.world.next_deadline()
        for _ in range(MOST_WAKINGS):
            due = self.edited.world.next_deadline()
            if due is None or due >= before_ms or (late is not None and late <= due):
                return
            self.edited.step(due, Tick(), self._other)
            if self.edited.world.next_deadline() == due and not self.edited.world.behind:
                return

    def _held(self, number: int, warning: str | None) -> tuple[int, str | None]:
        """What an office would hold of the edited side; more than was told is more here too."""
        lost = max(0, number - self.base.world.desk.last_number)
        return self.edited.world.desk.last_number + lost, warning if lost else None

    def _translated(self, given: Input) -> Input:
        """An order to the counterpart of what it speaks of; what an office holds likewise."""
        if isinstance(given, Held):
            number, warning = self._held(given.number, given.warning)
            return replace(given, number=number, warning=warning or "")
        if isinstance(given, OfficeSeen) and given.alive.number is not None:
            number, warning = self._held(given.alive.number, given.alive.warning)
            said = given.alive.model_copy(update={"number": number, "warning": warning})
            return replace(given, alive=said)
        if not isinstance(given, OfficeCommand):
            return given
        command = given.command
        if command.verb in {Verb.ATTEST, Verb.FACT}:
            return given
        if command.verb is Verb.ACK:
            key = self.base.by_id.get(command.target)
            target = self.edited.by_key.get(key) if key else command.target
        else:
            here = command.target == self.base.world.desk.open_warning
            target = self._warnings.get(command.target)
            target = target or (self.edited.world.desk.open_warning if here else command.target)
        if target is None:
            self.left_out += 1
            return Poison(given.row, LEFT_OUT)
        return replace(given, command=command.model_copy(update={"target": target}))


# ── What differs ─────────────────────────────────────────────────────────────────────────────────


class Row(NamedTuple):
    """One notice in both runs; ``was`` or ``now`` None: only in the other one."""

    key: Key
    subject: Bilingual
    was_ms: int | None
    now_ms: int | None

    @property
    def differs(self) -> bool:
        return self.was_ms is None or self.now_ms is None or self.was_ms != self.now_ms


class Reached(NamedTuple):
    """When a scenario or level (or a worse one) was first judged in each run; None: never."""

    of: str
    id: str
    was_ms: int | None
    now_ms: int | None


@dataclass(frozen=True, slots=True)
class Difference:
    """What the edit changes. ``rows`` has every notice of either run, in order of time."""

    rows: tuple[Row, ...]
    reached: tuple[Reached, ...]
    was: int
    now: int
    left_out: int

    def __bool__(self) -> bool:
        return any(row.differs for row in self.rows) or any(
            one.was_ms != one.now_ms for one in self.reached
        )


def difference(replay: Replay) -> Difference:
    """Both runs held against each other."""
    base, edited = replay.base, replay.edited
    rows = [Row(one.key, one.subject, one.at_ms, _at(edited, one.key)) for one in base.told]
    rows += [
        Row(one.key, one.subject, None, one.at_ms)
        for one in edited.told
        if one.key not in base.by_key
    ]
    rows.sort(key=lambda row: min(one for one in (row.was_ms, row.now_ms) if one is not None))
    return Difference(
        rows=tuple(rows),
        reached=tuple(_reached(base, edited)),
        was=len(base.told),
        now=len(edited.told),
        left_out=replay.left_out,
    )


def _at(side: Side, key: Key) -> int | None:
    found = side.by_key.get(key)
    return next((one.at_ms for one in side.told if one.id == found), None) if found else None


def _reached(base: Side, edited: Side) -> Iterator[Reached]:
    """Every scenario and level of either plan that was reached, worst first."""
    for of in ("warning", "level"):
        orders = _order(base, of), _order(edited, of)
        for name in dict.fromkeys(name for order in orders for name in reversed(order)):
            was, now = _first(base, of, name), _first(edited, of, name)
            if was is not None or now is not None:
                yield Reached(of, name, was, now)


def _order(side: Side, of: str) -> list[str]:
    """The ids of the scenarios or levels, mildest first."""
    plan = side.world.county.plan
    items = plan.scenarios if of == "warning" else plan.levels
    return [item.id for item in reversed(items)]


def _first(side: Side, of: str, name: str) -> int | None:
    """When this one, or a worse one, was first judged."""
    order = _order(side, of)
    enough = order[order.index(name) :] if name in order else [name]
    return next((one.at_ms for one in side.course if getattr(one, of) in enough), None)


class Coarse(NamedTuple):
    """A threshold that was edited, and how finely its metric's values were said."""

    alarm: str
    metric: str
    delta: float


def coarse(was: County, now: County) -> Iterator[Coarse]:
    """Edited thresholds whose values the state lane says only in steps: finer is in the samples."""
    for name, kind in now.types.items():
        old = was.types.get(name)
        if old is not None and (old.above, old.below, old.clear) == (
            kind.above,
            kind.below,
            kind.clear,
        ):
            continue
        for profile in now.bundle.profiles:
            columns = (column for table in profile.tables for column in table.columns)
            for metric in (*profile.scalars, *columns):
                if metric.alarm and metric.alarm.alarm == name and metric.report_delta:
                    yield Coarse(name, metric.name, metric.report_delta)


class Sample(NamedTuple):
    """A value of the history at which an edited threshold says otherwise than before it."""

    at_ms: int
    device: str
    metric: str
    instance: str
    alarm: str
    value: float
    bad: bool


def wanted(world: World, rows: Iterable[Coarse]) -> Iterator[tuple[str, str, str, Hint]]:
    """The series (device, metric, instance) that a finer look needs, each with its threshold."""
    alarms = {(row.metric, row.alarm) for row in rows}
    for device, state in world.state.devices.items():
        for key in state.readings:
            metric, _, instance = key.partition("|")
            for hint in world.county.hints.get(metric, ()):
                if (metric, hint.alarm) in alarms:
                    yield device, metric, instance, condition.threshold(world, hint)


def crossings(
    series: tuple[str, str, str], hint: Hint, points: Iterable[tuple[int, float]]
) -> Iterator[Sample]:
    """Where a series, oldest first, passes the threshold or its clear value."""
    last: bool | None = None
    for at_ms, value in points:
        bad = condition.judge_value(hint, value)
        if bad is not None and bad is not last:
            last = bad
            device, metric, instance = series
            yield Sample(at_ms, device, metric, instance, hint.alarm, value, bad)
