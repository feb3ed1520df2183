"""The office clients as the county hears them: there, offline, silent, never connected (F26)."""

from __future__ import annotations

import pytest

from collector import world as worlds
from collector.board import board
from collector.county import County
from collector.model import (
    Held,
    OfficeSeen,
    Reconfigured,
    Resumed,
    Row,
    Started,
    decode_input,
    encode_input,
)
from collector.state import Blind
from config.io.load import load_policy
from config.settings import AgentOptions, CollectorOptions, OfficeOptions
from escalation.pulse import FIRST_LIMIT_MS, MISSED
from tests.collector.small import Hand, county, devices, register
from wire.notice import NoticeKind
from wire.observation import Outcome
from wire.presence import Alive, LaneState

LIMIT_S = 90
SHIPPED_S = 30.0


def two() -> County:
    made = county(register(sites=4))
    return County(made.bundle.model_copy(update={"offices": ("east", "west")}))


class Clients:
    """Office clients by their words."""

    def __init__(self, made: County | None = None) -> None:
        self.hand = Hand.of(made)
        self.beats: dict[str, int] = {}

    def say(
        self, office: str, *, session: int = 1, online: bool = True, retained: bool = False
    ) -> OfficeSeen:
        self.beats[office] = self.beats.get(office, 0) + 1
        said = Alive(
            sender=office,
            session=session,
            online=online,
            at_ms=self.hand.now,
            beat=self.beats[office],
            every_ms=30_000,
        )
        given = OfficeSeen(office, said, retained)
        self.hand.turn(given)
        return given

    def later(self, seconds: float) -> None:
        """Time goes by and no agent says anything; what is due falls due."""
        end = self.hand.now + round(seconds * 1000)
        while (due := self.hand.world.next_deadline()) is not None and due <= end:
            self.hand.now = max(self.hand.now, due)
            self.hand.turn()
        self.hand.now = end

    def words(self, office: str = "office") -> list[object]:
        return [one["word"] for one in self.hand.records("office") if one["office"] == office]

    def state(self, office: str = "office") -> str:
        found: str = board(self.hand.world, self.hand.now)["offices"][office]["state"]
        return found

    def told(self) -> list[str]:
        return [
            one.subject.zh
            for one in self.hand.notices()
            if one.notice_kind is NoticeKind.HEALTH and "办公室客户端" in one.subject.zh
        ]


def test_shipped_settings_say_unknown_within_ninety_seconds_everywhere() -> None:
    assert AgentOptions.model_fields["alive_every_s"].default == SHIPPED_S
    assert CollectorOptions.model_fields["heartbeat_every_s"].default == SHIPPED_S
    assert OfficeOptions.model_fields["alive_every_s"].default == SHIPPED_S
    assert load_policy().time.blind_notice_s == LIMIT_S
    assert MISSED * SHIPPED_S * 1000 == FIRST_LIMIT_MS == LIMIT_S * 1000


def test_an_agent_and_an_office_that_say_nothing_are_unknown_after_ninety_seconds() -> None:
    """In simulated time: not a moment before the limit, and at once when it has passed."""
    clients = Clients()
    hand = clients.hand
    hand.everyone()
    clients.say("office")
    hand.turn(hand.alive("agent-cmcc"))
    hand.pass_s(LIMIT_S - 1)
    assert (clients.state(), hand.status("cmcc-d1")) == ("ok", "ok")
    hand.pass_s(0.999)
    assert clients.state() == "ok"
    hand.pass_s(0.001)
    assert clients.state() == "silent"
    hand.pass_s(LIMIT_S, silent=("agent-cmcc",))
    assert hand.status("cmcc-d1") == "unknown"
    assert hand.world.state.agents["agent-cmcc"].blind is Blind.SILENT
    clients.say("office")
    assert clients.words() == ["heard", "silent", "heard"]


def test_nobody_connected_yet_is_not_lost() -> None:
    clients = Clients(two())
    clients.later(10 * LIMIT_S)
    assert (clients.state("east"), clients.state("west")) == ("never", "never")
    assert not clients.hand.records("office")
    assert not clients.told()


def test_a_last_will_is_offline_and_one_of_an_older_session_is_nothing() -> None:
    clients = Clients()
    clients.say("office", session=2)
    clients.say("office", session=1, online=False)
    assert clients.state() == "ok"
    clients.say("office", session=2, online=False)
    assert clients.state() == "offline"


def test_what_was_said_before_is_no_sign_of_life() -> None:
    clients = Clients()
    said = clients.say("office")
    clients.later(LIMIT_S - 1)
    clients.hand.turn(said)
    clients.hand.turn(OfficeSeen(said.office, said.alive, retained=True))
    clients.later(1)
    assert clients.state() == "silent"


def test_the_other_office_hears_of_it_once_and_of_the_return() -> None:
    clients = Clients(two())
    hand = clients.hand
    clients.say("east")
    clients.say("west")
    for _ in range(8):
        clients.later(30)
        clients.say("east")
    assert clients.told() == ["办公室客户端失联：west"] * 2  # to either of the two
    clients.say("west")
    assert clients.told()[2:] == ["办公室客户端已恢复：west"] * 2
    assert {one.recipient for one in hand.notices()} == {"east", "west"}


def test_a_restart_of_the_client_is_no_interruption_and_comings_and_goings_are_no_flood() -> None:
    clients = Clients(two())
    clients.say("east")
    for session in range(1, 40):
        clients.say("west", session=session)
        clients.later(20)
        clients.say("west", session=session, online=False)
        clients.later(20)
        clients.say("east")
    assert not clients.told()
    for session in range(40, 50):
        clients.say("west", session=session)
        clients.later(20)
        clients.say("west", session=session, online=False)
        for _ in range(5):
            clients.later(20)
            clients.say("east")
    assert 2 <= len([one for one in clients.told() if "失联" in one]) / 2 <= 3


def test_one_office_alone_has_nobody_else_to_be_told() -> None:
    clients = Clients()
    clients.say("office")
    clients.later(20 * LIMIT_S)
    assert clients.words() == ["heard", "silent"]
    assert not clients.told()


@pytest.mark.parametrize("given", [Started(2), Resumed(600_000)])
def test_silence_counts_from_our_own_start(given: Started | Resumed) -> None:
    clients = Clients()
    clients.say("office")
    clients.hand.now += 600_000
    clients.hand.turn(given)
    clients.later(LIMIT_S - 1)
    assert clients.state() == "ok"
    clients.later(1)
    assert clients.state() == "silent"


def test_an_office_that_left_the_settings_is_forgotten_and_a_snapshot_keeps_the_rest() -> None:
    clients = Clients(two())
    clients.say("east")
    clients.say("west")
    world = clients.hand.world
    raw = worlds.dump(world)
    assert worlds.dump(worlds.load(raw, lambda _: world.county)) == raw
    one = County(world.county.bundle.model_copy(update={"offices": ("east",)}))
    worlds.reconfigure(world, clients.hand.now, one, Reconfigured(one.hash))
    assert world.state.offices.keys() == {"east"}
    clients.hand.turn(OfficeSeen("west", Alive(sender="west", session=9, online=True, at_ms=0)))
    assert world.state.offices.keys() == {"east"}


def test_the_input_goes_through_the_store() -> None:
    for number, retained in ((None, False), (7, True)):
        said = Alive(sender="o", session=1, online=True, at_ms=1, beat=3, number=number)
        given = OfficeSeen("o", said, retained)
        assert decode_input(*encode_input(given)) == given


# ── An agent that is heard and gets nothing through ──────────────────────────────────────────────


def lanes(hand: Hand, beat: int, *marks: tuple[str, int, int], session: int = 1) -> None:
    states = tuple(
        LaneState(lane=lane, epoch=1, last_seq=last, acked_seq=acked) for lane, last, acked in marks
    )
    given = hand.alive("agent-cmcc", session=session)
    said = given.alive.model_copy(update={"beat": beat, "lanes": states})
    hand.turn(type(given)(said))


def test_heard_but_stuck_is_told_from_well() -> None:
    hand = Hand.of()
    hand.everyone()
    for beat, (state, sample) in enumerate([(3, 5), (7, 5), (8, 5), (9, 6), (10, 6)], start=1):
        lanes(hand, beat, ("state", state, 3), ("sample", 9, sample))
        hand.now += 30_000
    shown = board(hand.world, hand.now)["sources"]["agent-cmcc"]
    # The sample lane moved at the fourth word; of the state lane nothing came through since then.
    assert shown["stuck"] == ["state"]
    assert shown["waiting"] == {"state": 7, "sample": 3}
    assert [one["lanes"] for one in hand.records("stuck")] == [{"state": 7}]
    lanes(hand, 6, ("state", 10, 10), ("sample", 9, 9))
    assert hand.records("stuck")[-1]["lanes"] == {}
    assert board(hand.world, hand.now)["sources"]["agent-cmcc"]["waiting"] == {}


def test_a_new_session_begins_the_wait_anew_and_a_word_said_again_counts_for_nothing() -> None:
    hand = Hand.of()
    hand.everyone()
    lanes(hand, 1, ("state", 9, 3))
    hand.now += 600_000
    lanes(hand, 1, ("state", 9, 3))
    heard_ms = hand.world.state.agents["agent-cmcc"].heard_ms
    assert heard_ms < hand.now
    lanes(hand, 1, ("state", 9, 3), session=2)
    assert hand.world.state.agents["agent-cmcc"].heard_ms == hand.now
    assert not hand.records("stuck")


# ── Numbers of a store whose past is unknown (F21) ───────────────────────────────────────────────


def holds(hand: Hand, office: str, number: int, warning: str = "") -> OfficeSeen:
    said = Alive(
        sender=office,
        session=1,
        online=True,
        at_ms=hand.now,
        beat=number + 1,
        number=number,
        warning=warning or None,
    )
    return OfficeSeen(office, said)


def fresh(made: County | None = None) -> Hand:
    hand = Hand.of(made)
    hand.turn(Started(2, wait=True))
    return hand


def outage(hand: Hand) -> None:
    hand.everyone()
    hand.looks(Outcome.NO_ANSWER, *devices("cmcc", 1, 2))
    hand.pass_s(600)


def test_nothing_is_numbered_before_the_offices_have_said_what_they_hold() -> None:
    hand = fresh(two())
    outage(hand)
    assert not hand.notices()
    hand.turn(holds(hand, "east", 41))
    assert not hand.notices()
    hand.turn(holds(hand, "west", 44, "W-20261124-002"))
    numbers = [one.number for one in hand.notices() if one.recipient == "east"]
    assert numbers == list(range(45, 45 + len(numbers)))
    (gap,) = hand.records("gap")
    assert (gap["from"], gap["to"], gap["office"]) == (1, 44, "west")


def test_a_county_that_is_new_begins_with_one() -> None:
    hand = fresh()
    outage(hand)
    hand.turn(holds(hand, "office", 0))
    assert hand.notices()[0].number == 1
    assert not hand.records("gap")
    assert not hand.records("numbers")


def test_where_an_office_does_not_speak_numbers_jump_above_every_past() -> None:
    hand = fresh(two())
    outage(hand)
    hand.turn(holds(hand, "east", 41))
    hand.turn(Held())
    (jump,) = hand.records("numbers")
    assert jump["unheard"] == ["west"]
    above = jump["above"]
    assert isinstance(above, int)
    numbers = [one.number for one in hand.notices() if one.recipient == "east"]
    assert numbers == list(range(above + 1, above + 1 + len(numbers)))
    assert [one["to"] for one in hand.records("gap")] == [41]
    told = len(hand.notices())
    hand.turn(holds(hand, "west", 43))  # what is missing here beside: told, and numbers go on
    hand.turn(holds(hand, "west", 43))
    assert [(one["from"], one["to"]) for one in hand.records("gap")] == [(1, 41), (42, 43)]
    (first, second) = hand.notices()[told:]
    assert first.number == second.number == numbers[-1] + 1
    # A store that is lost again a minute later begins above all of these.
    again = fresh(two())
    again.now = hand.now + 60_000
    again.turn(Held())
    (jump,) = again.records("numbers")
    assert isinstance(jump["above"], int)
    assert jump["above"] > hand.world.desk.last_number


def test_a_retained_word_of_an_office_ends_no_waiting() -> None:
    hand = fresh()
    said = holds(hand, "office", 41)
    hand.turn(OfficeSeen(said.office, said.alive, retained=True))
    assert hand.world.state.asking == ["office"]


def test_nothing_falls_due_again_and_again_while_numbers_wait() -> None:
    hand = fresh()
    outage(hand)
    due = hand.world.next_deadline()
    assert due is None or due > hand.now


def test_an_order_waits_with_its_sender() -> None:
    hand = fresh()
    row = Row("office", "command", 1, 1)
    assert worlds.waits(hand.world, row)
    assert not worlds.fresh(hand.world, row)
    hand.turn(holds(hand, "office", 0))
    assert worlds.fresh(hand.world, row)
