"""A story told to the World itself, without agents, broker or clock: minutes of story in seconds.

What agents would report is taken from the plant once per round; what the desk tells goes to the
player; people's commands go straight in. Good for writing stories and as a test of plan and policy;
the county in a box (``drill.box``) proves the chain between.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from collector import world as worlds
from collector.county import Bundle
from collector.county import County as Configured
from collector.model import AliveSeen, Input, Started
from config.plan import Plan
from config.policy import Policy
from config.profile import Profile
from drill.county import County, Kind
from drill.mib import battery_status, output_source, port_of
from drill.orders import Order
from drill.plant import Plant
from drill.play import Command, Player
from drill.register import register_of
from drill.story import AgentDo, AgentOrder, Story
from drill.voices import OFFICE, T0, Voices
from wire.notice import Command as Signed
from wire.notice import Notice
from wire.observation import Look, Method, Outcome, Reading, StateItem
from wire.presence import Alive


@dataclass(frozen=True, slots=True)
class Books:
    """The configuration that a rehearsal is judged by."""

    plan: Plan
    policy: Policy
    profiles: tuple[Profile, ...]


@dataclass
class Rehearsal:
    """One telling of a story, a round every ``round_ms`` of domain time."""

    story: Story
    county: County
    books: Books
    round_ms: int = 60_000
    now_ms: int = T0
    notices: list[Notice] = field(default_factory=list)

    def __post_init__(self) -> None:
        bundle = Bundle(
            register_=register_of(self.county),
            plan=self.books.plan,
            policy=self.books.policy,
            profiles=self.books.profiles,
            offices=(OFFICE,),
        )
        self.world = worlds.new(Configured(bundle), store=1, now_ms=self.now_ms)
        self.voices = Voices(self.world, self._heard)
        self.plant = Plant(self.county, self.now_ms)
        # A first round before the story begins, as agents would have been at work for long.
        self.player = Player(self.story, self.now_ms + 5 * self.round_ms)
        self.silent: set[str] = set()
        self.said: dict[tuple[str, str], float | int | None] = {}

    def tell(self) -> Player:
        """The whole story; the player knows what became of each step."""
        self._step(Started(1))
        for operator in self.county.roots:
            self._born(operator)
        end = self.player.start_ms + self.story.lasts * 1000
        while self.now_ms <= end and not self.player.over:
            self._round()
            self._act()
            self.now_ms += self.round_ms
        self.player.close(self.now_ms, "the story was over")
        return self.player

    def _act(self) -> None:
        for _ in range(10):  # an answer may free the next person
            actions = self.player.turn(self.now_ms)
            if not actions:
                return
            for action in actions:
                if isinstance(action, Order):
                    self.plant.carry_out(action, self.now_ms)
                elif isinstance(action, AgentOrder):
                    self._agent(action)
                else:
                    self._person(action)

    def _agent(self, order: AgentOrder) -> None:
        gone = order.do is AgentDo.KILL
        (self.silent.add if gone else self.silent.discard)(order.agent)
        if gone:
            alive = Alive(sender=order.agent, session=1, online=False, at_ms=self.now_ms)
            self._step(AliveSeen(alive))
        else:
            mine = {box.id for box in self.county.boxes if box.operator == order.agent}
            self.said = {key: said for key, said in self.said.items() if key[0] not in mine}
            self._born(order.agent)

    def _person(self, command: Command) -> None:
        act = command.act
        signed = Signed(
            id=f"rehearsed-{command.number}",
            county=self.county.atlas.county.id,
            tree="live",
            account=act.account,
            verb=act.verb,
            target=command.target,
            reason=act.reason,
            state=act.state,
            source=act.source,
            at_ms=self.now_ms,
        )
        self.player.sent(command.number, signed.id)
        self._step(self.voices.order(signed))

    def _step(self, given: Input) -> None:
        self.voices.turn(self.now_ms, given)

    def _heard(self, notice: Notice) -> None:
        self.notices.append(notice)
        self.player.heard(notice)

    def _born(self, operator: str) -> None:
        mine = [box.id for box in self.county.boxes if box.operator == operator]
        self._step(self.voices.birth(self.now_ms, operator, self.round_ms, mine))

    def _round(self) -> None:
        self.plant.advance(self.now_ms)
        for operator in self.county.roots:
            if operator in self.silent:
                continue
            items = [item for item in self._observed(operator) if self._new(item)]
            marker = self.voices.round(self.now_ms, self.round_ms, len(items))
            for row in self.voices.say(operator, [*items, marker]):
                self._step(row)

    def _new(self, item: StateItem) -> bool:
        """Whether the value differs from what was said last."""
        if isinstance(item, Look):
            key, value = (item.device, item.method.value), float(item.outcome is Outcome.MEASURED)
        elif isinstance(item, Reading):
            key, value = (item.device, f"{item.metric}|{item.instance}"), item.value or 0
        else:
            return True
        changed = self.said.get(key) != value
        self.said[key] = value
        return changed

    def _observed(self, operator: str) -> Iterator[StateItem]:
        now = self.now_ms
        for box in self.county.boxes:
            if box.operator != operator:
                continue
            for method, good in (
                (Method.ICMP, self.plant.answers(box.id)),
                (Method.SNMP, self.plant.answers_snmp(box.id)),
            ):
                outcome = Outcome.MEASURED if good else Outcome.NO_ANSWER
                yield Look(device=box.id, method=method, outcome=outcome, since_ms=now, at_ms=now)
            if self.plant.answers_snmp(box.id):
                for metric, instance, value in self._readings(box.id):
                    yield Reading(
                        device=box.id, metric=metric, instance=instance, value=value, at_ms=now
                    )

    def _readings(self, device: str) -> Iterator[tuple[str, str, int]]:
        """Watched readings that can raise an alarm (profiles ``ups`` and ``interfaces``)."""
        box = self.county.box[device]
        if box.kind is Kind.POWER:
            status = battery_status(self.plant, box)
            yield "ups_battery_status", "", status
            yield "ups_battery_depleted", "", status
            yield "ups_output_source", "", output_source(self.plant, box)
            yield "ups_minutes_remaining", "", round(self.plant.power_of(device).minutes_left)
        elif box.kind is Kind.ROUTER:
            for index in range(1, len(self.plant.ends(device)) + 1):
                port = port_of(self.plant, box, index)
                yield "if_link", f"GE0/0/{index}", 1 if port is None or port.up else 2
