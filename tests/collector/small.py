"""A small county by code, and a hand that speaks for its agents."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from collector import world as worlds
from collector.base import World
from collector.county import Bundle, County
from collector.model import (
    AliveSeen,
    BirthSeen,
    Input,
    OfficeCommand,
    Received,
    Row,
    Started,
    Tick,
)
from config.io.load import load_policy
from config.io.plan import load_plan
from config.plan import Plan
from config.policy import Policy
from config.profile import Hint, Metric, Profile, Table
from config.register import (
    Contact,
    ContactKind,
    Device,
    InformationSystem,
    Register,
    Site,
    Source,
    Town,
)
from escalation.effects import Effect, EmitNotice, Record
from wire.notice import Notice, Verdict
from wire.observation import Look, Method, Outcome, Reading, Round, StateBody, StateItem
from wire.presence import Alive, Birth

T0 = 1_800_000_000_000
"""Domain ms at which every test begins."""

PLAN = load_plan()
POLICY = load_policy()
OPERATORS = ("cmcc", "cucc", "ctcc", "tower")

POWER = Profile(
    id="power",
    title="rectifier",
    scalars=(
        Metric(
            name="mains",
            oid="1.3.6.1.4.1.9.1.0",
            watched=True,
            alarm=Hint(alarm="mains-failure", values=(2,)),
        ),
        Metric(
            name="temperature",
            oid="1.3.6.1.4.1.9.2.0",
            watched=True,
            alarm=Hint(alarm="temperature-high", above=38, clear=35),
        ),
    ),
    tables=(
        Table(
            name="interfaces",
            columns=(
                Metric(
                    name="oper-status",
                    oid="1.3.6.1.2.1.2.2.1.8",
                    watched=True,
                    alarm=Hint(alarm="link-down", values=(2, 7)),
                ),
            ),
        ),
    ),
)


def register(
    *,
    sites: int = 10,
    towns: int = 2,
    operators: tuple[str, ...] = OPERATORS,
    systems: tuple[InformationSystem, ...] = (),
    parents: Mapping[str, tuple[str, ...]] | None = None,
    extra: tuple[Device, ...] = (),
) -> Register:
    """``sites`` sites per operator over ``towns`` towns, one device each: ``cmcc-s1`` / ``-d1``."""
    parents = parents or {}
    codes = [f"14052210{n}" for n in range(1, towns + 1)]
    rows = [
        Site(
            id=f"{operator}-s{n}",
            name=f"{operator}站{n}",
            operator=operator,
            town=codes[(n - 1) % towns],
            hub=n == 1,
        )
        for operator in operators
        for n in range(1, sites + 1)
    ]
    devices = [
        Device(
            id=site.id.replace("-s", "-d"),
            name=f"{site.name}主机",
            site=site.id,
            parents=parents.get(site.id.replace("-s", "-d"), ()),
        )
        for site in rows
    ]
    return Register(
        county="140522",
        towns=tuple(Town(code=code, name=f"第{n}镇") for n, code in enumerate(codes, 1)),
        sites=tuple(rows),
        devices=(*devices, *extra),
        systems=systems,
        contacts=(
            Contact(name="移动", phone="0356-4220001", kind=ContactKind.OPERATOR, operator="cmcc"),
        ),
        sources=tuple(Source(agent=f"agent-{o}", operator=o) for o in operators),
    )


def county(reg: Register | None = None, *, policy: Policy = POLICY, plan: Plan = PLAN) -> County:
    return County(
        Bundle(
            register_=reg or register(),
            plan=plan,
            policy=policy,
            profiles=(POWER,),
            offices=("office",),
        )
    )


@dataclass
class Hand:
    """Feeds a World turn by turn and keeps what came out."""

    world: World
    now: int = T0
    effects: list[Effect] = field(default_factory=list)
    inputs: list[tuple[int, Input]] = field(default_factory=list)
    seqs: dict[str, int] = field(default_factory=dict)
    rounds: int = 0

    @classmethod
    def of(cls, made: County | None = None) -> Self:
        hand = cls(worlds.new(made or county(), store=1, now_ms=T0))
        hand.turn(Started(1))
        return hand

    def turn(self, *given: Input) -> list[Effect]:
        """One turn of the shell: the inputs, then Ticks until nothing is left; its effects."""
        made: list[Effect] = []
        waiting: list[Input] = [*given, Tick()]
        for one in waiting:
            made += worlds.step(self.world, self.now, one)
            self.inputs.append((self.now, one))
            if one is waiting[-1] and self.world.behind:
                waiting.append(Tick())
        self.effects += made
        return made

    def say(self, agent: str, *items: StateItem) -> Received:
        self.seqs[agent] = self.seqs.get(agent, 0) + 1
        return Received(Row(agent, "state", 1, self.seqs[agent]), StateBody(items=items))

    def look(
        self, device: str, outcome: Outcome = Outcome.MEASURED, method: Method = Method.ICMP
    ) -> Look:
        return Look(
            device=device, method=method, outcome=outcome, since_ms=self.now, at_ms=self.now
        )

    def looks(self, outcome: Outcome, *devices: str) -> list[Effect]:
        """Both methods' outcome at ``devices``, each said by its operator's agent; one turn."""
        return self.turn(
            *(
                self.say(
                    agent_of(device),
                    self.look(device, outcome, Method.ICMP),
                    self.look(device, outcome, Method.SNMP),
                )
                for device in devices
            )
        )

    def reading(self, device: str, metric: str, value: float | None, instance: str = "") -> Input:
        return self.say(
            agent_of(device),
            Reading(device=device, metric=metric, instance=instance, value=value, at_ms=self.now),
        )

    def round(self, agent: str, *missed: str, interval_ms: int = 30_000) -> Received:
        self.rounds += 1
        return self.say(
            agent,
            Round(
                number=self.rounds,
                interval_ms=interval_ms,
                started_ms=self.now,
                ended_ms=self.now,
                looked=1,
                missed=missed,
            ),
        )

    def birth(
        self, agent: str, session: int = 1, without: frozenset[str] = frozenset()
    ) -> BirthSeen:
        """Its whole inventory, but for those that it has given up."""
        operator = agent.removeprefix("agent-")
        devices = self.world.county.operator_of
        return BirthSeen(
            Birth(
                agent=agent,
                session=session,
                at_ms=self.now,
                version="1",
                interval_ms=30_000,
                inventory_hash="x",
                devices=tuple(
                    d for d, owner in devices.items() if owner == operator and d not in without
                ),
                lanes=(),
            )
        )

    def alive(self, agent: str, *, session: int = 1, online: bool = True) -> AliveSeen:
        return AliveSeen(
            Alive(sender=agent, session=session, online=online, at_ms=self.now, every_ms=30_000)
        )

    def everyone(self, *agents: str) -> None:
        """All agents are born and measure all their devices."""
        for source in self.world.county.sources.values():
            if agents and source.agent not in agents:
                continue
            devices = [
                d for d, owner in self.world.county.operator_of.items() if owner == source.operator
            ]
            items: list[StateItem] = [
                self.look(d, Outcome.MEASURED, m) for d in devices for m in Method
            ]
            batch = [self.birth(source.agent)]
            self.turn(*batch, self.say(source.agent, *items), self.round(source.agent))

    def pass_s(self, seconds: float, *, silent: tuple[str, ...] = (), step_s: int = 30) -> None:
        """Time goes by; every agent that is not ``silent`` does its rounds; deadlines fall due."""
        end = self.now + round(seconds * 1000)
        while self.now < end:
            due = self.world.next_deadline()
            nearest = end if due is None else max(self.now, due)
            grid = self.now + step_s * 1000 - (self.now - T0) % (step_s * 1000)
            self.now = min(end, grid, nearest)
            speaking = [a for a in self.world.county.sources if a not in silent]
            known = [a for a in speaking if self.world.agent(a).session]
            if due is not None and self.now >= due:
                self.turn()
            if (self.now - T0) % (step_s * 1000) == 0 or self.now == end:
                self.turn(*(self.round(agent) for agent in known))

    def notices(self) -> list[Notice]:
        return [effect.notice for effect in self.effects if isinstance(effect, EmitNotice)]

    def records(self, kind: str) -> list[dict[str, object]]:
        return [e.data for e in self.effects if isinstance(e, Record) and e.kind == kind]

    def impact(self, operator: str) -> str:
        return self.world.state.operators[operator].impact

    def verdict(self) -> Verdict:
        assert self.world.situation is not None
        return self.world.situation.verdict

    def status(self, device: str) -> str:
        return self.world.state.devices[device].status.value


def agent_of(device: str) -> str:
    return f"agent-{device.split('-', maxsplit=1)[0]}"


def devices(operator: str, *numbers: int) -> list[str]:
    return [f"{operator}-d{n}" for n in numbers]


def shuffled(items: list[str], seed: int) -> list[str]:
    return random.Random(seed).sample(items, len(items))


__all__ = ["Hand", "OfficeCommand", "agent_of", "county", "devices", "register", "shuffled"]
