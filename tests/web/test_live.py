"""The pages over a real World, turn by turn: boards, words, orders, what is kept of the past."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector.explanation import Explanation
from collector.io.restore import Unusable
from collector.io.segments import Span, TooEarlyError
from collector.model import Input
from collector.web import lists
from collector.web.index import Index, Moment
from collector.web.live import Hooks, LiveSource
from collector.web.past import Past
from collector.web.source import Board, Changed, NoMoment, State
from collector.web.summary import summary
from config.register import Device, Person
from config.settings import WebSettings
from escalation.effects import Effect, Record
from tests.collector.small import T0, Hand, county, register
from transport.sign import Context, SigningKey, sign
from wire.alarm import AlarmAction, AlarmVerb
from wire.maintenance import Window
from wire.notice import Command, Signed, Verb
from wire.observation import Event, EventSource
from wire.observation import Outcome as Saw
from wire.request import LookRequest
from wire.topics import Topics

LI = Person(account="li", name="李四", organ="县指挥部办公室", roles=("duty",), key="li")
WANG = Person(account="wang", name="王五", organ="县政府", roles=("commander",), key="wang")
KEYS = {name: Ed25519PrivateKey.generate() for name in ("li", "wang", "stranger")}


@dataclass
class Telling(Hand):
    """A hand that tells the pages of every turn."""

    source: LiveSource | None = None

    def turn(self, *given: Input) -> list[Effect]:
        effects = super().turn(*given)
        if self.source is not None:
            self.source.turned(self.now, effects)
        return effects


@dataclass
class House:
    """A World in the test's hand, and the pages' source over it."""

    hand: Telling
    posted: list[tuple[str, bytes]] = field(default_factory=list)
    pending: int = 0
    ids: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.source = self.hand.source = LiveSource(self.hooks(), WebSettings())

    def hooks(self) -> Hooks:
        return Hooks(
            world=self.hand.world,
            history=Nothing(),
            topics=Topics("140522", "live"),
            trusted={name: KEYS[name].public_key() for name in ("li", "wang")},
            session=7,
            scale=1.0,
            now_ms=lambda: self.hand.now,
            monotonic=lambda: self.hand.now / 1000,
            submit=self.submit,
            post=self.post,
            pending=lambda: self.pending,
        )

    def post(self, topic: str, payload: bytes) -> bool:
        self.posted.append((topic, payload))
        return True

    def submit(self, given: Input) -> Awaitable[list[Effect]]:
        answer: asyncio.Future[list[Effect]] = asyncio.get_running_loop().create_future()
        answer.set_result(self.hand.turn(given))
        return answer

    def board(self) -> Board:
        return self.source.board()

    def see(self, outcome: Saw, *devices: str, then_s: float = 0) -> None:
        self.hand.looks(outcome, *devices)
        self.hand.pass_s(then_s)

    def order(self, verb: Verb, target: str, account: str = "li", key: str = "") -> Signed:
        command = Command(
            id=f"web-{next(self.ids)}", county="140522", tree="live", account=account,
            verb=verb, target=target, reason="研判", at_ms=self.hand.now,
        )  # fmt: skip
        return signed(command, "command", key or account)

    def word(self, verb: AlarmVerb, account: str = "li", **fields: Any) -> Signed:
        action = AlarmAction(
            id=f"a-{next(self.ids)}", county="140522", tree="live", account=account, verb=verb,
            at_ms=self.hand.now, **fields,
        )  # fmt: skip
        return signed(action, "alarm_action", account)


class Nothing:
    async def series(
        self, _device: str, metric: str, _instance: str, from_ms: int, to_ms: int
    ) -> list[tuple[int, float]]:
        if metric != "rtt_ms":
            return []
        return [(at, 1.0 if at % 2 else 9.0) for at in range(from_ms, to_ms, 30_001)]


def signed(payload: Command | AlarmAction, context: Context, key: str) -> Signed:
    return sign(payload, context, SigningKey(key, KEYS[key]))


@pytest.fixture
def house() -> House:
    switch = Device(id="cmcc-x9", name="交换机", site="cmcc-s1", parents=("cmcc-d1",), main=False)
    held = register(sites=4, extra=(switch,)).model_copy(update={"people": (LI, WANG)})
    hand = Telling.of(county(held))
    assert isinstance(hand, Telling)
    hand.everyone()
    made = House(hand)
    hand.pass_s(60)
    return made


def figures(board: Board) -> tuple[int, int, int, int]:
    counts = summary(Moment(board, Index(board.static))).devices
    return counts.ok, counts.alarm, counts.down, counts.unknown


async def test_an_outage_and_its_end(house: House) -> None:
    before = house.board()
    assert figures(before) == (17, 0, 0, 0)
    house.see(Saw.NO_ANSWER, "cmcc-d1", "cmcc-x9", "cmcc-d2", then_s=600)
    board = house.board()
    assert figures(board) == (14, 0, 3, 0)
    assert figures(before) == (17, 0, 0, 0)  # a board never changes
    causes = summary(Moment(board, Index(board.static))).causes
    assert (causes.faults, causes.devices) == (2, 3)
    assert [(one.device, one.hides) for one in causes.first] == [("cmcc-d1", 1), ("cmcc-d2", 0)]
    hidden = board.devices["cmcc-x9"]
    assert (hidden.state, hidden.cause) == (State.DOWN, "cmcc-d1")
    assert "cmcc站1主机" in hidden.why.zh
    assert "cmcc站1主机" in hidden.why.en
    assert board.sites["cmcc-s1"].state is State.DOWN
    assert {alarm.device for alarm in board.alarms} == {"cmcc-d1", "cmcc-d2"}  # not the child's
    assert board.operators["cmcc"].impact == "partial"
    assert board.warning
    assert board.warning.state == "drafted"
    assert board.notices[0].number > board.notices[-1].number
    assert board.seen("cmcc-d3") == house.hand.now

    house.see(Saw.MEASURED, "cmcc-d1", "cmcc-x9", "cmcc-d2", then_s=600)
    board = house.board()
    assert figures(board) == (17, 0, 0, 0)
    assert {alarm.device for alarm in board.alarms if alarm.cleared_ms} >= {"cmcc-d1", "cmcc-d2"}
    detail = await house.source.detail("cmcc-d1")
    assert [one.after for one in detail.transitions][:2] == [State.OK, State.DOWN]


async def test_a_trap_stands_in_the_devices_history(house: House) -> None:
    trap = Event(
        device="cmcc-d1",
        source=EventSource.TRAP,
        kind="linkDown",
        from_ms=house.hand.now,
        at_ms=house.hand.now,
        look=Saw.MEASURED,
        changed=1,
    )
    house.hand.turn(house.hand.say("agent-cmcc", trap))
    (one,) = (await house.source.detail("cmcc-d1")).transitions
    assert (one.before, one.after, one.at_ms) == (State.OK, State.OK, trap.at_ms)
    assert one.why.en == "trap linkDown; verified by look: measured, 1 changed"


def test_a_silent_agent_makes_unknown_not_down(house: House) -> None:
    house.hand.pass_s(1200, silent=("agent-cucc",))
    board = house.board()
    assert figures(board) == (13, 0, 0, 4)
    assert board.devices["cucc-d1"].state is State.UNKNOWN
    silent = next(one for one in board.sources if one.operator == "cucc")
    assert silent.silent_since_ms


def test_a_reading_raises_an_alarm_with_its_value(house: House) -> None:
    house.hand.turn(house.hand.reading("cmcc-d3", "temperature", 44.0))
    house.hand.pass_s(600)
    board = house.board()
    assert board.devices["cmcc-d3"].state is State.ALARM
    assert board.sites["cmcc-s3"].state is State.ALARM
    (alarm,) = board.alarms
    assert "44" in alarm.text.zh
    assert alarm.title.en


async def test_a_signed_order_is_carried_out_and_told(house: House) -> None:
    house.see(Saw.NO_ANSWER, "cmcc-d1", "cmcc-d2", then_s=600)
    warning = house.board().warning
    assert warning
    assert warning.steps[0].verb is Verb.PROPOSE
    outcome = await house.source.command(house.order(Verb.PROPOSE, warning.id))
    assert outcome.accepted
    assert warning.id in outcome.text.zh
    now = house.board().warning
    assert now
    assert now.state == "proposed"
    assert now.log[-1].account == "li"
    assert now.log[-1].reason == "研判"
    first = house.board().notices[-1].id
    assert (await house.source.command(house.order(Verb.ACK, first))).accepted
    assert house.board().notices[-1].acked_by == "li"


async def test_orders_that_are_refused_say_why(house: House) -> None:
    house.see(Saw.NO_ANSWER, "cmcc-d1", "cmcc-d2", then_s=600)
    warning = house.board().warning
    assert warning
    issue = await house.source.command(house.order(Verb.ISSUE, warning.id))
    assert (issue.accepted, issue.word) == (False, "no_role")
    stranger = await house.source.command(house.order(Verb.PROPOSE, warning.id, key="stranger"))
    assert (stranger.accepted, stranger.word) == (False, "unknown_key")
    other = await house.source.command(house.order(Verb.PROPOSE, warning.id, "li", key="wang"))
    assert (other.accepted, other.word) == (False, "wrong_key")
    forged = house.order(Verb.PROPOSE, warning.id)
    forged = forged.model_copy(update={"payload": forged.payload.replace("研判", "算了")})
    assert (await house.source.command(forged)).word == "bad_signature"
    order = house.order(Verb.PROPOSE, warning.id)
    assert (await house.source.command(order)).accepted
    assert (await house.source.command(order)).word == "repeated"


async def test_technicians_words(house: House) -> None:
    house.see(Saw.NO_ANSWER, "cmcc-d1", "cmcc-d2", then_s=600)
    names = tuple(alarm.id for alarm in house.board().alarms)
    action = AlarmAction(
        id="a-1", county="140522", tree="live", account="li", verb=AlarmVerb.ACK, alarms=names,
        text="已派人", at_ms=house.hand.now,
    )  # fmt: skip
    assert (await house.source.alarm_action(signed(action, "alarm_action", "li"))).accepted
    assert {alarm.acked.text for alarm in house.board().alarms if alarm.acked} == {"已派人"}
    refused = await house.source.alarm_action(signed(action, "alarm_action", "wang"))
    assert refused.word == "wrong_key"
    gone = action.model_copy(update={"alarms": ("nowhere|x|",)})
    assert (await house.source.alarm_action(signed(gone, "alarm_action", "li"))).text.zh


async def test_what_is_shelved_closed_cleared_or_in_a_window_has_its_list(house: House) -> None:
    house.see(Saw.NO_ANSWER, "cmcc-d1", "cmcc-d2", "cmcc-d3", "cmcc-d4", then_s=600)
    ids = {name: f"cmcc-{name}|device-unreachable|" for name in ("d1", "d2", "d3", "d4")}
    window = Window(
        id="w-1", targets=("site:cmcc-s3",), start_ms=house.hand.now - 1000,
        end_ms=house.hand.now + 3_600_000, name="割接", reason="工单",
    )  # fmt: skip
    for verb, fields in (
        (AlarmVerb.SHELVE, {"alarms": (ids["d1"],), "name": "搬迁", "text": "待拆除"}),
        (AlarmVerb.CLOSE, {"alarms": (ids["d2"],)}),
        (AlarmVerb.MAINTAIN, {"alarms": (), "window": window}),
    ):
        assert (await house.source.alarm_action(house.word(verb, **fields))).accepted, verb
    house.see(Saw.MEASURED, "cmcc-d4", then_s=600)
    moment = Moment(house.board(), Index(house.board().static))

    def of(show: str) -> set[str | None]:
        query = lists.AlarmQuery.model_validate({"show": show})
        found = [lists.alarm_item(moment, one) for one in lists.alarms(moment, query)]
        return {one.device for one in found if one.type == "device-unreachable"}

    assert of("shelved") == {"cmcc-d1"}
    assert of("closed") == {"cmcc-d2"}
    assert of("open") == {"cmcc-d3"}
    assert of("unacked") == set()  # it is in maintenance and waits for nobody
    assert of("cleared") == {"cmcc-d4"}
    home = summary(moment)
    assert (home.alarms_unacked, home.maintained, home.shelved) == (0, 1, 1)
    assert moment.device("cmcc-d3").quiet == "maintenance"
    shown = lists.maintenance(moment)
    assert [(one.id, one.state, one.devices, one.wrong) for one in shown.windows] == [
        ("w-1", "open", 1, 1)
    ]
    assert shown.windows[0].targets[0].zh == "站点 cmcc站3"
    assert [(one.name, one.person) for one in shown.shelf] == [("搬迁", LI.name)]
    raised = next(one for one in house.board().alarms if one.id == ids["d1"])
    assert (raised.cause, raised.cause_no) == ("unavailable", 14)
    assert [one.word for one in raised.changes] == ["raised"]
    purge = house.word(AlarmVerb.PURGE, alarms=(ids["d4"],))
    assert (await house.source.alarm_action(purge)).accepted
    assert ids["d4"] not in {one.id for one in house.board().alarms}


async def test_look_now_asks_the_agents_that_watch(house: House) -> None:
    assert (await house.source.look_now("cmcc-d1")).accepted
    (topic, payload) = house.posted[0]
    assert topic == "wanglou/1/live/140522/cmcc/agent-cmcc/request"
    assert LookRequest.model_validate_json(payload).devices == ("cmcc-d1",)


async def test_series_on_one_grid(house: House) -> None:
    now = house.hand.now
    series = await house.source.series("cmcc-d1", now - 86_400_000, now)
    (line,) = series.lines
    assert len(series.at_ms) == len(line.values) <= 1441
    assert None not in line.values[:-2]


def test_receipts_are_counted_from_the_end(house: House) -> None:
    house.see(Saw.NO_ANSWER, "cmcc-d1", "cmcc-d2", then_s=600)
    house.pending = 1
    newest, *older = house.board().notices
    assert newest.receipted_ms is None
    assert all(one.receipted_ms for one in older)


def test_boards_from_changes_equal_boards_from_scratch(house: House) -> None:
    """Whatever happens in whatever order, the incremental board is the whole one."""
    chance = random.Random(20261123)
    devices = list(house.hand.world.county.devices)
    heard: list[Changed] = []
    house.source.subscribe(heard.append)
    for _ in range(60):
        some = chance.sample(devices, chance.randint(1, 4))
        house.see(chance.choice([Saw.MEASURED, Saw.NO_ANSWER]), *some)
        if chance.random() < 0.3:
            value = chance.choice([1.0, 2.0])
            house.hand.turn(house.hand.reading(some[0], "mains", value))
        silent = (f"agent-{chance.choice(['cmcc', 'tower'])}",) if chance.random() < 0.3 else ()
        house.hand.pass_s(chance.choice([30, 120, 400]), silent=silent)
        board, whole = house.board(), LiveSource(house.hooks(), WebSettings()).board()
        assert board.devices == whole.devices
        assert board.sites == whole.sites
        by_id = {one.id: one for one in board.alarms}
        assert len(by_id) == len(board.alarms)
        assert by_id == {one.id: one for one in whole.alarms}
    assert heard


def test_the_journal_s_tail_gives_the_past_back(house: House) -> None:
    house.see(Saw.NO_ANSWER, "cmcc-d1", "cmcc-d2", then_s=600)
    house.see(Saw.MEASURED, "cmcc-d1", "cmcc-d2", then_s=600)
    again = Past()
    again.replay(
        (house.hand.now, effect.kind, orjson.dumps(effect.data).decode())
        for effect in house.hand.effects
        if isinstance(effect, Record) and effect.kind in {"notice", "warning", "command", "alarm"}
    )
    past = house.source.past
    assert [one.id for one in again.notices] == [one.id for one in past.notices]
    assert [line.what for _, line in again.log] == [line.what for _, line in past.log]
    assert [one.after for one in again.transitions("cmcc-d1")] == [State.OK, State.DOWN]


async def test_why_is_answered_from_the_world_as_it_is(house: House) -> None:
    house.see(Saw.NO_ANSWER, "cmcc-d1", then_s=600)
    found = await house.source.why("cmcc")
    assert found is not None
    assert (found.why.state, found.at_ms) == ("partial", house.hand.now)
    assert await house.source.why("nobody") is None


@pytest.mark.parametrize(
    ("fault", "said"),
    [(TooEarlyError(Span(T0, T0 + 60_000)), "现有"), (Unusable("damaged"), "无法读取")],
)
async def test_a_moment_of_which_there_is_no_world_says_so(
    house: House, fault: Exception, said: str
) -> None:
    async def then(_at_ms: int, _target: str) -> Explanation | None:
        raise fault

    source = LiveSource(replace(house.hooks(), then=then), WebSettings())
    with pytest.raises(NoMoment) as told:
        await source.why_then("warning", T0)
    assert said in told.value.said.zh
