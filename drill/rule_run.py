"""A rule story told to the World: each turn as the shell would make it, without any process.

Agents make a round every ``interval_s``; what changes is said at once; deadlines fall due at their
moment. Ten quiet minutes go before the story, as agents would have been at work for long.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from collector import world as worlds
from collector.base import World
from collector.county import County
from collector.model import AliveSeen, Input, Reconfigured, Started
from drill.rule_county import BEFORE_MS, amended, devices_of
from drill.rule_expect import LOOKUPS
from drill.rule_story import Decide, Expect, Observe, RuleStory, Step, Told
from drill.voices import T0, Voices
from escalation.effects import Effect, Record
from escalation.pulse import Pulse
from wire.notice import Command, Notice, ThreatWord, Verb, Verdict
from wire.observation import Event, EventSource, Look, Method, Outcome, Reading, StateItem
from wire.presence import Alive, Heartbeat

HEARTBEAT_MS: Final = 30_000

ANSWERS: Final = (Outcome.MEASURED, Outcome.MEASURED)
LOOKS: Final = {
    "no_answer": (Outcome.NO_ANSWER, Outcome.NO_ANSWER),
    "answer": ANSWERS,
    "no_snmp": (Outcome.MEASURED, Outcome.NO_ANSWER),
    "refused": (Outcome.MEASURED, Outcome.REFUSED),
    "unseen": (Outcome.COULD_NOT_LOOK, Outcome.COULD_NOT_LOOK),
}
"""What ICMP and SNMP say under each word of ``Observe``."""

POWER: Final = {
    "mains_lost": ("ups_output_source", 5),
    "mains_back": ("ups_output_source", 3),
    "battery_empty": ("ups_battery_depleted", 4),
    "battery_back": ("ups_battery_depleted", 2),
}
"""Words of the power plant as readings of profile ``ups`` (RFC 1628)."""


@dataclass(frozen=True, slots=True)
class Miss:
    """Something that was not as expected: which step, which word of it, on which line."""

    step: int
    field: str
    wanted: Any
    got: Any
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.field}: {self.wanted} → {self.got}"


@dataclass
class Run:
    """One telling."""

    told: Told
    misses: list[Miss] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.county = self.told.county
        self.now_ms = T0
        self.world: World = worlds.new(self.county, store=1, now_ms=T0)
        self.known = {self.county.hash: self.county}
        self.voices = Voices(self.world, self.notices.append, resolve=self.known.__getitem__)
        never = {d for one in self.story.county.never for d in devices_of(self.county, one)}
        self.looks = {d: ANSWERS for d in self.county.devices if d not in never}
        self.since: dict[tuple[str, Method], int] = {}
        self.values: dict[tuple[str, str, str], float | None] = {}
        self.quiet: set[str] = set()
        self.sessions = Counter(dict.fromkeys(self.county.sources, 1))
        self.stopped: bytes | None = None
        self.processes = 1
        self.flaps: list[tuple[int, str, str]] = []
        self.pulse = Pulse(T0)
        self.heard = 0
        self.orders = 0
        self.last_warning = "W-20000101-001"

    @property
    def story(self) -> RuleStory:
        return self.told.story

    def tell(self) -> list[Miss]:
        """The whole story; what was not as expected."""
        self._turn(Started(self.processes))
        for agent in self.county.sources:
            self._speak(agent)
        begin = T0 + BEFORE_MS
        self._advance(begin)
        self.notices.clear()
        for number, step in enumerate(self.story.steps):
            self._advance(begin + step.at * 1000)
            self._step(number, step)
        return self.misses

    def _step(self, number: int, step: Step) -> None:
        if step.observe is not None:
            self._observe(step.observe)
        if step.decide is not None:
            self._decide(number, step.decide)
        if step.expect is not None:
            self._expect(number, step.expect)

    # ── Time ─────────────────────────────────────────────────────────────────────────────────────

    def _advance(self, to_ms: int) -> None:
        interval = self.story.interval_s * 1000
        while self.now_ms < to_ms:
            grid = self.now_ms + interval - (self.now_ms - T0) % interval
            moments = [to_ms, grid]
            due = None if self.stopped is not None else self.world.next_deadline()
            if due is not None:
                moments.append(max(due, self.now_ms))
            if self.flaps:
                moments.append(max(self.flaps[0][0], self.now_ms))
            self.now_ms = min(moments)
            if due is not None and self.now_ms >= due:
                self._turn()
            if self.flaps and self.flaps[0][0] <= self.now_ms:
                self._flap()
            if (self.now_ms - T0) % interval == 0:
                self._rounds()
                self._beat()

    def _rounds(self) -> None:
        given: list[Input] = []
        for agent in self._speaking():
            marker = self.voices.round(self.now_ms, self.story.interval_s * 1000, 1)
            given += self.voices.say(agent, [marker])
        self._turn(*given)

    def _beat(self) -> None:
        """The signed heartbeat, as one office client hears it."""
        if self.stopped is None:
            beat = Heartbeat(
                county=self.county.register.county,
                at_ms=self.now_ms,
                session=self.processes,
                every_ms=HEARTBEAT_MS,
                notices_seq=self.world.desk.last_number,
                journal_head="",
                warning=self.world.desk.standing[0],
                level="none",
            )
            self.pulse.heard(beat, self.now_ms, retained=False)
        self.pulse.due(self.now_ms)

    def _turn(self, *given: Input) -> list[Effect]:
        if self.stopped is not None:
            return []
        effects = self.voices.turn(self.now_ms, *given)
        self.last_warning = self.world.desk.open_warning or self.last_warning
        return effects

    # ── What is observed ─────────────────────────────────────────────────────────────────────────

    def _observe(self, seen: Observe) -> None:
        if seen.collector == "stop":
            self.stopped = worlds.dump(self.world)
        changed: dict[str, list[StateItem]] = {}
        for word, pair in LOOKS.items():
            for device in self._devices(getattr(seen, word)):
                changed.setdefault(device, []).extend(self._look(device, pair))
        for device, metric, instance, value in self._readings(seen):
            self.values[device, metric, instance] = value
            changed.setdefault(device, []).append(self._reading(device, metric, instance))
        for device in self._devices(seen.restarted):
            changed.setdefault(device, []).append(self._restart(device))
        self._say(changed)
        for flap in seen.flap:
            for at_s in range(0, flap.for_s, flap.every_s):
                word = "answer" if at_s // flap.every_s % 2 else "no_answer"
                heapq.heappush(self.flaps, (self.now_ms + at_s * 1000, flap.of, word))
            heapq.heappush(self.flaps, (self.now_ms + flap.for_s * 1000, flap.of, "answer"))
        if self.flaps and self.flaps[0][0] <= self.now_ms:
            self._flap()
        self._agents(seen)
        self._itself(seen)

    def _agents(self, seen: Observe) -> None:
        self.quiet.update(seen.silent, seen.offline)
        for agent in seen.offline:
            session = self.sessions[agent]
            gone = Alive(sender=agent, session=session, online=False, at_ms=self.now_ms)
            self._turn(AliveSeen(gone))
        for agent in seen.speaking:
            self.quiet.discard(agent)
            self.sessions[agent] += 1
            self._speak(agent)
        self._turn(*(self.voices.garbled(agent) for agent in seen.garbled))

    def _itself(self, seen: Observe) -> None:
        """What becomes of the collector: other rules, a new process."""
        if seen.policy:
            self._amend(seen.policy)
        if seen.collector == "start" and self.stopped is not None:
            self._start()

    def _amend(self, numbers: Mapping[str, float]) -> None:
        """Other numbers are in force; what is open may keep its own (FAULTS F23)."""
        policy = amended(self.world.newest.policy, numbers)
        made = County(self.county.bundle.model_copy(update={"policy": policy}))
        self.known[made.hash] = made
        self._turn(Reconfigured(made.hash, pin=True, whole=True))

    def _start(self) -> None:
        """A new process of the collector: the World back from its store, then the agents' words."""
        assert self.stopped is not None
        self.world = worlds.load(self.stopped, self.known.__getitem__)
        self.voices.world = self.world
        self.stopped = None
        self.processes += 1
        self._turn(Started(self.processes))
        for agent in self._speaking():
            self._speak(agent)

    def _speak(self, agent: str) -> None:
        """An agent says what it looks at and how everything stands."""
        interval, session = self.story.interval_s * 1000, self.sessions[agent]
        mine = [d for d in self.county.devices if agent in self._agents_of(d)]
        items: list[StateItem] = []
        for device in mine:
            if device in self.looks:
                items += self._look(device, self.looks[device])
        items += [self._reading(*key) for key in self.values if key[0] in mine]
        marker = self.voices.round(self.now_ms, interval, len(items))
        birth = self.voices.birth(self.now_ms, agent, interval, mine, session)
        self._turn(birth, *self.voices.say(agent, [*items, marker]))

    def _say(self, changed: dict[str, list[StateItem]]) -> None:
        """What changed, said by each agent that looks at it; one turn."""
        items: dict[str, list[StateItem]] = {}
        for device, said in changed.items():
            for agent in self._agents_of(device):
                items.setdefault(agent, []).extend(said)
        given: list[Input] = []
        for agent in self._speaking():
            given += self.voices.say(agent, items.get(agent, ()))
        if given:
            self._turn(*given)

    def _flap(self) -> None:
        changed: dict[str, list[StateItem]] = {}
        while self.flaps and self.flaps[0][0] <= self.now_ms:
            _, place, word = heapq.heappop(self.flaps)
            for device in devices_of(self.county, place):
                changed.setdefault(device, []).extend(self._look(device, LOOKS[word]))
        self._say(changed)

    def _speaking(self) -> list[str]:
        return [agent for agent in self.county.sources if agent not in self.quiet]

    def _agents_of(self, device: str) -> frozenset[str]:
        return self.county.agents_of.get(self.county.operator_of[device], frozenset())

    def _devices(self, words: Iterable[str]) -> Iterator[str]:
        for word in words:
            yield from devices_of(self.county, word)

    def _readings(self, seen: Observe) -> Iterator[tuple[str, str, str, float | None]]:
        for word, (metric, value) in POWER.items():
            for device in self._devices(getattr(seen, word)):
                yield device, metric, "", value
        for said in seen.readings:
            for device in devices_of(self.county, said.of):
                yield device, said.metric, said.instance, said.value

    def _look(self, device: str, pair: tuple[Outcome, Outcome]) -> Iterator[Look]:
        before, self.looks[device] = self.looks.get(device), pair
        for method, outcome, was in zip(Method, pair, before or (None, None), strict=True):
            if was is not outcome:
                self.since[device, method] = self.now_ms
            since = self.since.setdefault((device, method), self.now_ms)
            yield Look(
                device=device, method=method, outcome=outcome, since_ms=since, at_ms=self.now_ms
            )

    def _restart(self, device: str) -> Event:
        return Event(
            device=device,
            source=EventSource.RESTART,
            kind="restarted",
            from_ms=self.now_ms,
            at_ms=self.now_ms,
        )

    def _reading(self, device: str, metric: str, instance: str) -> Reading:
        value = self.values[device, metric, instance]
        return Reading(
            device=device, metric=metric, instance=instance, value=value, at_ms=self.now_ms
        )

    # ── What is decided ──────────────────────────────────────────────────────────────────────────

    def _decide(self, number: int, act: Decide) -> None:
        self.orders += 1
        command = Command(
            id=f"order-{self.orders}",
            county=self.county.register.county,
            tree=self.county.bundle.tree,
            account=act.account,
            verb=act.verb,
            target=self._target(act),
            reason=act.reason,
            state=act.state,
            source=act.source,
            valid_s=act.valid_s,
            threat=ThreatWord(**act.threat.model_dump()) if act.threat else None,
            projected=act.projected,
            at_ms=self.now_ms,
        )
        effects = self._turn(self.voices.order(command))
        found = [one.data for one in effects if isinstance(one, Record) and one.kind == "command"]
        outcome = str(found[0]["outcome"]) if found else "unheard"
        if outcome != act.outcome:
            self._miss(number, "decide", "outcome", act.outcome, outcome)

    def _target(self, act: Decide) -> str:
        if act.verb is Verb.ACK:
            kinds = [one.id for one in self.notices if one.notice_kind == act.on]
            return kinds[-1] if kinds else "N-999999"
        return self.last_warning if act.on == "warning" else act.on

    # ── What is expected ─────────────────────────────────────────────────────────────────────────

    def _expect(self, number: int, wanted: Expect) -> None:
        new, self.heard = self.notices[self.heard :], len(self.notices)
        for name, value in wanted.given().items():
            got = LOOKUPS[name](self, value, new)
            if got is not None:
                self._miss(number, "expect", name, value, got)

    def _miss(self, number: int, part: str, name: str, wanted: object, got: object) -> None:
        line = self.told.document.place(("steps", number, part, name)).line
        self.misses.append(Miss(number, name, _plain(wanted), _plain(got), line))

    @property
    def verdict(self) -> Verdict:
        assert self.world.situation is not None
        return self.world.situation.verdict

    def site_word(self, site: str) -> str:
        row = self.world.state.sites.get(site)
        return row.word.value if row else "new"

    def device_word(self, device: str) -> str:
        row = self.world.state.devices.get(device)
        return row.status.value if row else "new"


def _plain(value: object) -> object:
    """Tuples as lists and enums as words, for people and JSON."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, str) else value
