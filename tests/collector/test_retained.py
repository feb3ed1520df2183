"""After any sequence of changes the retained tree is the full projection, and no word more."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from collector import world as worlds
from collector.county import County
from collector.due import Due, Key, Rank
from collector.model import Input, Reconfigured, Tick
from collector.retained import Retained
from config.register import Device, InformationSystem, Register, Source
from escalation.effects import Effect
from tests.collector.small import OPERATORS, T0, Hand, county, register
from tests.collector.test_maintenance import ZHAO, enter
from wire.observation import Look, Method, Outcome
from wire.topics import Topics
from wire.view import (
    DeviceView,
    Disclosure,
    IndexPage,
    OpenWarning,
    OperatorIndex,
    SiteView,
    View,
)

TOPICS = Topics("140522")
ADDRESS = "10.77.66.55"
SYSNAME = "ZTE-CANARY-SW1"
LEVELS = dict(zip(OPERATORS, (Disclosure.SITE, Disclosure.DEVICE, Disclosure.FULL), strict=False))
SYSTEMS = (InformationSystem(id="egov", name="电子政务外网", devices=("cmcc-d1", "cucc-d1")),)
VIEWS = TypeAdapter[View](View)


def made(*, sites: int = 4, levels: dict[str, Disclosure] | None = None) -> County:
    """cmcc discloses sites, cucc devices, ctcc all, tower what is usual."""
    levels = LEVELS if levels is None else levels
    plain: Register = register(
        sites=sites,
        parents={"cmcc-d2": ("cmcc-d1",), "ctcc-d2": ("ctcc-d1",), "ctcc-d3": ("cmcc-d1",)},
        systems=SYSTEMS,
        extra=(Device(id="tower-p1", name="电源", site="tower-s1", main=False),),
    )
    sources = tuple(
        Source(agent=f"agent-{o}", operator=o, disclose=levels.get(o, Disclosure.SITE))
        for o in OPERATORS
    )
    return county(plain.model_copy(update={"sources": sources}))


FULL = made()
FEWER = made(sites=3, levels={"ctcc": Disclosure.SITE, "tower": Disclosure.DEVICE})


@dataclass
class Broker:
    """What an MQTT broker keeps of retained messages."""

    held: dict[str, bytes] = field(default_factory=dict)
    cleared: list[str] = field(default_factory=list)

    def publish(self, topic: str, payload: bytes) -> None:
        if payload:
            self.held[topic] = payload
        else:
            self.held.pop(topic, None)
            self.cleared.append(topic)

    def shown(self) -> dict[str, dict[str, Any]]:
        """Every payload, valid by its model, without what only counts or dates it."""
        found = {}
        for topic, payload in self.held.items():
            view = json.loads(VIEWS.dump_json(VIEWS.validate_json(payload)))
            found[topic] = {k: v for k, v in view.items() if k not in {"rev", "at_ms", "as_of_ms"}}
        return found


@dataclass
class Turner(Hand):
    """A hand whose turns are noted, as the collector does after each commit."""

    noting: Retained | None = None

    def turn(self, *given: Input) -> list[Effect]:
        made = super().turn(*given)
        if self.noting is not None:
            self.noting.note(self.world)
        return made


def retained(hand: Hand, session: int = 1) -> Retained:
    return Retained(TOPICS, hand.world, session=session, every_ms=30_000)


def drain(hand: Hand, one: Retained, broker: Broker, most: int = 16) -> None:
    while one.waiting:
        for told in one.take(hand.world, hand.now, most):
            broker.publish(told.topic, told.payload)


def full(hand: Hand) -> dict[str, dict[str, Any]]:
    """The whole tree from nothing."""
    fresh, broker = retained(hand), Broker()
    fresh.again(hand.world)
    drain(hand, fresh, broker)
    return broker.shown()


def hostile(hand: Hand, dice: random.Random, device: str) -> Look:
    """A look whose texts name what must not leave."""
    return Look(
        device=device,
        method=dice.choice(list(Method)),
        outcome=dice.choice(list(Outcome)),
        since_ms=hand.now,
        at_ms=hand.now,
        reason=f"{SYSNAME} timeout"[:64],
        detail=f"no answer from {ADDRESS} ({SYSNAME})",
    )


def some_event(hand: Hand, dice: random.Random) -> None:
    known = hand.world.county
    device = dice.choice(sorted(known.operator_of))
    agent = f"agent-{known.operator_of[device]}"
    match dice.randrange(10):
        case 0 | 1:
            hand.looks(dice.choice([Outcome.MEASURED, Outcome.NO_ANSWER]), device)
        case 2:
            hand.turn(hand.say(agent, hostile(hand, dice, device)))
        case 3:
            hand.turn(hand.reading(device, "mains", dice.choice([1, 2])))
        case 4:
            hand.turn(hand.reading(device, "oper-status", dice.choice([1, 2]), SYSNAME))
        case 5:
            hand.turn(hand.reading(device, "ups_minutes_remaining", dice.randrange(200)))
        case 6:
            session = hand.world.agent(agent).session + dice.choice([0, 1])
            hand.turn(hand.alive(agent, session=session, online=dice.random() < 0.5))
        case 7:
            hand.turn(hand.birth(agent, session=hand.world.agent(agent).session + 1))
        case _:
            hand.now += dice.choice([1, 60_000, 181_000, 2_000_000])
            hand.turn(*(hand.round(a) for a in known.sources if dice.random() < 0.7))


def reconfigured(hand: Hand, dice: random.Random) -> None:
    target = dice.choice([FULL, FEWER])
    worlds.step(hand.world, hand.now, Reconfigured(target.hash), lambda _: target)
    worlds.step(hand.world, hand.now, Tick())


def some_mishap(hand: Hand, one: Retained, broker: Broker, dice: random.Random) -> Retained:
    """Broker or collector die, the configuration changes, or only a heartbeat is due."""
    match dice.randrange(4):
        case 0:
            reconfigured(hand, dice)
            one.note(hand.world)
        case 1:  # the broker dies and comes back with nothing
            broker.held.clear()
            one.again(hand.world)
        case 2:  # the collector dies; the broker still has everything
            one = retained(hand)
            one.again(hand.world)
            for topic in [topic for topic in broker.held if "/index/" in topic]:
                one.held(topic, broker.held[topic])
        case 3:
            one.beat()
    return one


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_the_retained_set_is_the_full_projection_whatever_happened(seed: int) -> None:
    dice = random.Random(seed)
    hand = Turner.of(FULL)
    one, broker = retained(hand), Broker()
    hand.noting = one
    one.again(hand.world)
    if dice.random() < 0.7:
        hand.everyone()
    for _ in range(60):
        if dice.random() < 0.15:
            hand.noting = one = some_mishap(hand, one, broker, dice)
        else:
            some_event(hand, dice)
        told = one.take(hand.world, hand.now, dice.choice([0, 0, 1, 5, 16]))
        if dice.random() < 0.1:
            one.failed(told)
            continue
        for message in told:
            broker.publish(message.topic, message.payload)
    one.beat()
    drain(hand, one, broker)
    assert broker.shown() == full(hand)
    nothing_leaks(hand.world.county, broker)
    revisions_are_told(broker)


def nothing_leaks(known: County, broker: Broker) -> None:
    levels = {source.operator: source.disclose for source in known.sources.values()}
    for topic, payload in broker.held.items():
        text = payload.decode()
        operator = topic.split("/")[5]
        if levels.get(operator) is not Disclosure.FULL:
            assert ADDRESS not in text, topic
            assert SYSNAME not in text, topic
        if levels.get(operator) is Disclosure.SITE:
            assert "/devices/" not in topic
            assert f"{operator}-d" not in text, topic


def revisions_are_told(broker: Broker) -> None:
    for operator in OPERATORS:
        base = f"{TOPICS.base}/view/{operator}/"
        index = OperatorIndex.model_validate_json(broker.held[f"{base}index"])
        revs = [json.loads(p).get("rev", 0) for t, p in broker.held.items() if t.startswith(base)]
        assert index.rev == max(revs)
        pages = [broker.held[f"{base}index/{n}"] for n in range(1, index.pages + 1)]
        named = [IndexPage.model_validate_json(page) for page in pages]
        there = {t.removeprefix(base) for t in broker.held if t.startswith(base)}
        sites = {f"sites/{site}" for page in named for site in page.sites}
        devices = {f"devices/{device}" for page in named for device in page.devices}
        assert sites | devices == {t for t in there if t.startswith(("sites/", "devices/"))}
        assert (len(sites), len(devices)) == (index.sites, index.devices)


def began(known: County = FULL) -> tuple[Turner, Retained, Broker]:
    hand = Turner.of(known)
    hand.everyone()
    one, broker = retained(hand), Broker()
    one.again(hand.world)
    drain(hand, one, broker)
    hand.noting = one
    return hand, one, broker


def outage(hand: Hand, *devices: str) -> None:
    hand.looks(Outcome.NO_ANSWER, *devices)
    hand.pass_s(400)


def test_a_turn_that_changes_nothing_publishes_nothing() -> None:
    hand, one, _ = began()
    hand.everyone()
    assert one.take(hand.world, hand.now, 16) == []
    assert one.waiting == 0


def test_a_topic_that_changes_often_is_told_once_in_its_latest_state() -> None:
    hand, one, broker = began()
    for _ in range(3):
        outage(hand, "cucc-d1")
        hand.looks(Outcome.MEASURED, "cucc-d1")
        hand.pass_s(400)
        outage(hand, "cucc-d1")
    told = one.take(hand.world, hand.now, 64)
    site = [t for t in told if t.key == Key("site", "cucc", "cucc-s1")]
    assert len(site) == 1
    view = SiteView.model_validate_json(site[0].payload)
    assert (view.state, view.cause, view.mains) == ("out", "unreachable", None)
    for message in told:
        broker.publish(message.topic, message.payload)
    drain(hand, one, broker)
    assert broker.shown() == full(hand)


def test_what_is_not_in_order_goes_first_at_a_connection() -> None:
    hand, one, _ = began()
    outage(hand, "tower-d3", "ctcc-d4")
    one.again(hand.world)
    order = []
    while one.waiting:
        order += [told.key for told in one.take(hand.world, hand.now, 16)]
    assert order[0] == Key("open", "warning")
    sites = [key.name for key in order if key.kind == "site"]
    assert set(sites[:2]) == {"tower-s3", "ctcc-s4"}
    assert order.index(Key("device", "ctcc", "ctcc-d4")) < order.index(
        Key("site", "cmcc", "cmcc-s1")
    )


def test_a_burst_is_taken_in_small_bites() -> None:
    known = made(sites=250, levels=dict.fromkeys(OPERATORS, Disclosure.DEVICE))
    hand, one, broker = began(known)
    devices = [device for device in known.devices if device.startswith(("cmcc-d", "cucc-d"))]
    outage(hand, *devices)
    assert one.waiting >= 1000
    bites = 0
    while one.waiting:
        bite = one.take(hand.world, hand.now, 16)
        assert len(bite) <= 16
        bites += 1
        for told in bite:
            broker.publish(told.topic, told.payload)
    assert bites >= 1000 / 16
    assert broker.shown() == full(hand)


def test_the_least_disclosing_source_of_an_operator_counts() -> None:
    plain = register(sites=1)
    more = Source(agent="second", operator="cmcc", disclose=Disclosure.FULL)
    less = Source(agent="agent-cucc", operator="cucc", disclose=Disclosure.DEVICE)
    sources = (*(s for s in plain.sources if s.operator != "cucc"), more, less)
    hand, _, broker = began(county(plain.model_copy(update={"sources": sources})))
    assert not [t for t in broker.held if "/cmcc/devices/" in t]
    device = broker.held[TOPICS.view_device("cucc", "cucc-d1")]
    assert DeviceView.model_validate_json(device).detail is None
    assert hand.world.county.sources["second"].disclose is Disclosure.FULL


def test_an_operator_without_a_source_is_not_connected() -> None:
    plain = register(sites=1)
    some = tuple(source for source in plain.sources if source.operator != "ctcc")
    _, _, broker = began(county(plain.model_copy(update={"sources": some})))
    site = SiteView.model_validate_json(broker.held[TOPICS.view_site("ctcc", "ctcc-s1")])
    assert (site.state, site.since_ms, site.as_of_ms) == ("not_connected", None, None)
    assert broker.shown()[TOPICS.view_summary("ctcc")]["impact"] == "absent"
    assert broker.shown()[TOPICS.view_county]["sites"]["not_connected"] == 1


@pytest.mark.parametrize(
    ("readings", "mains", "battery", "cause"),
    [
        ({}, None, None, "none"),
        ({"mains": 1}, "on", None, "none"),
        ({"mains": 2, "ups_minutes_remaining": 87.6}, "lost", None, "power"),
    ],
)
def test_mains_and_battery_where_they_are_measured(
    readings: dict[str, float], mains: str | None, battery: str | None, cause: str
) -> None:
    hand, one, broker = began()
    hand.turn(*(hand.reading("tower-p1", name, value) for name, value in readings.items()))
    hand.pass_s(400)
    hand.looks(Outcome.MEASURED, "tower-p1")
    one.again(hand.world)
    drain(hand, one, broker)
    site = SiteView.model_validate_json(broker.held[TOPICS.view_site("tower", "tower-s1")])
    assert (site.mains, site.battery, site.cause.value) == (mains, battery, cause)
    assert site.battery_min == (88 if "ups_minutes_remaining" in readings else None)


def test_a_battery_that_runs_down_is_told_with_the_next_beat() -> None:
    hand, one, broker = began()
    hand.turn(hand.reading("tower-p1", "mains", 2))
    hand.pass_s(400)
    drain(hand, one, broker)
    hand.turn(hand.reading("tower-p1", "ups_minutes_remaining", 40))
    one.beat()
    drain(hand, one, broker)
    site = SiteView.model_validate_json(broker.held[TOPICS.view_site("tower", "tower-s1")])
    assert (site.state, site.mains, site.battery_min) == ("at_risk", "lost", 40)


def test_a_ups_that_stopped_answering_tells_nothing_but_that_the_mains_was_lost() -> None:
    hand, one, broker = began()
    mains, minutes = ("tower-p1", "mains", 2), ("tower-p1", "ups_minutes_remaining", 40)
    hand.turn(hand.reading(*mains), hand.reading(*minutes))
    hand.turn(hand.reading("tower-d2", "mains", 1), hand.reading("tower-d2", *minutes[1:]))
    hand.pass_s(400)
    outage(hand, "tower-p1", "tower-d2")
    drain(hand, one, broker)
    lost = SiteView.model_validate_json(broker.held[TOPICS.view_site("tower", "tower-s1")])
    assert (lost.mains, lost.battery_min) == ("lost", None)
    dark = SiteView.model_validate_json(broker.held[TOPICS.view_site("tower", "tower-s2")])
    assert (dark.state, dark.mains, dark.battery_min) == ("out", None, None)


def test_the_open_warning_and_that_there_is_none() -> None:
    hand, one, broker = began()
    calm = OpenWarning.model_validate_json(broker.held[TOPICS.warning("open")])
    assert (calm.id, calm.state, calm.scenario, calm.level) == ("none", "none", "none", "none")
    outage(hand, "cmcc-d1", "cmcc-d3")
    drain(hand, one, broker)
    opened = OpenWarning.model_validate_json(broker.held[TOPICS.warning("open")])
    assert hand.world.desk.case is not None
    assert opened.id == hand.world.desk.case.id
    assert (opened.state, opened.scenario) == ("drafted", "scenario3")
    assert opened.drafted == opened.observed
    assert opened.rules
    assert opened.clauses
    assert broker.shown()[TOPICS.warning("index")]["open"] == [opened.id]
    beat = {t.topic for t in _beat(hand, one)}
    assert TOPICS.warning("index") in beat
    assert TOPICS.warning("open") not in beat


def _beat(hand: Hand, one: Retained) -> list[Any]:
    one.beat()
    told = []
    while one.waiting:
        told += one.take(hand.world, hand.now, 16)
    return told


def test_a_persons_order_changes_the_open_warning_though_the_situation_stays() -> None:
    hand, one, broker = began()
    outage(hand, "cmcc-d1", "cmcc-d3")
    drain(hand, one, broker)
    case = hand.world.desk.case
    assert case is not None
    case.expires_ms = T0 + 10**9  # what an order would do
    one.note(hand.world)
    drain(hand, one, broker)
    assert broker.shown()[TOPICS.warning("open")]["expires_ms"] == T0 + 10**9


def test_why_nobody_is_told_is_told_and_when_that_is_over() -> None:
    """Of what is in order too; only the topics that it is about are published."""
    basis = FULL.register.model_copy(update={"people": (ZHAO,)})
    hand, one, broker = began(county(basis))
    site, device = "view/ctcc/sites/ctcc-s2", "view/ctcc/devices/ctcc-d2"

    def marks() -> dict[str, str]:
        drain(hand, one, broker)
        shown = {topic: json.loads(raw) for topic, raw in broker.held.items() if raw}
        return {
            topic.partition("/140522/")[2]: body["quiet"]
            for topic, body in shown.items()
            if "quiet" in body
        }

    assert marks() == {}
    enter(hand, "site:ctcc-s2")
    assert marks() == {site: "maintenance", device: "maintenance"}
    again = retained(hand, session=2)
    again.again(hand.world)
    drain(hand, again, fresh := Broker())
    assert {t for t, b in fresh.held.items() if b"quiet" in b} == {
        t for t, b in broker.held.items() if b"quiet" in b
    }
    outage(hand, "ctcc-d2")
    assert marks() == {site: "maintenance", device: "maintenance"}
    hand.looks(Outcome.MEASURED, "ctcc-d2")
    hand.pass_s(3 * 3600)
    assert marks() == {}


def test_an_operator_in_trial_is_marked_with_all_that_it_has() -> None:
    sources = tuple(
        one.model_copy(update={"trial": one.operator == "ctcc"}) for one in FULL.register.sources
    )
    basis = FULL.register.model_copy(update={"sources": sources})
    _, _, broker = began(county(basis))
    shown = {topic.partition("/view/")[2]: json.loads(raw) for topic, raw in broker.held.items()}
    assert shown["ctcc/summary"]["trial"] is True
    assert "trial" not in shown["cucc/summary"]
    assert {topic for topic, body in shown.items() if body.get("quiet") == "trial"} == {
        topic for topic in shown if topic.startswith(("ctcc/sites/", "ctcc/devices/"))
    }


def test_pages_that_are_not_ours_are_left_alone() -> None:
    hand, one, _ = began()
    page = IndexPage(operator="cmcc", page=1, pages=1, sites=("old",), devices=()).model_dump_json()
    one.held("elsewhere", page.encode())
    one.held(TOPICS.view_page("cmcc", 1), b"\xff no page")
    assert one.waiting == 0
    one.held(TOPICS.view_page("cmcc", 1), page.encode())
    told = one.take(hand.world, hand.now, 16)
    assert [(t.topic, t.payload) for t in told] == [(TOPICS.view_site("cmcc", "old"), b"")]


def test_an_operator_that_left_is_cleared_whole() -> None:
    hand, one, _ = began()
    page = IndexPage(operator="gone", page=1, pages=1, sites=("s",), devices=("d",))
    one.held(TOPICS.view_page("gone", 1), page.model_dump_json().encode())
    cleared = {t.topic for t in one.take(hand.world, hand.now, 16) if not t.payload}
    base = f"{TOPICS.base}/view/gone"
    assert cleared == {f"{base}/{leaf}" for leaf in (
        "summary", "index", "index/1", "sites/s", "devices/d",
    )}  # fmt: skip


def test_many_ids_are_on_several_pages() -> None:
    plain = register(sites=1)
    extra = tuple(
        Device(id=f"cmcc-x{n}", name="x", site="cmcc-s1", main=False) for n in range(4500)
    )
    sources = tuple(s.model_copy(update={"disclose": Disclosure.DEVICE}) for s in plain.sources)
    known = plain.model_copy(update={"devices": (*plain.devices, *extra), "sources": sources})
    hand = Turner.of(county(known))
    one, broker = retained(hand), Broker()
    one.again(hand.world)
    drain(hand, one, broker)
    revisions_are_told(broker)
    index = OperatorIndex.model_validate_json(broker.held[TOPICS.view_index("cmcc")])
    assert (index.sites, index.devices, index.pages) == (1, 4501, 3)
    assert max(map(len, broker.held.values())) < 262_144


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(list(Rank)), st.integers(0, 8)), max_size=60))
def test_each_waits_once_and_only_moves_forward(puts: list[tuple[Rank, int]]) -> None:
    due, best = Due(), dict[int, Rank]()
    for rank, number in puts:
        due.put(Key("site", "o", str(number)), rank)
        best[number] = min(rank, best.get(number, rank))
    assert len(due) == len(best)
    popped = []
    while (key := due.pop()) is not None:
        popped.append(int(key.name))
    assert sorted(popped) == sorted(best)
    assert [best[number] for number in popped] == sorted(best.values())
