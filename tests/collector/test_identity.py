"""Two processes with one identity (FAULTS F14), clocks that are wrong (F15), a pause (F17)."""

from __future__ import annotations

import pytest

from collector.identity import refused, refused_lives
from collector.model import AliveSeen, BirthSeen, Resumed, decode_input, encode_input
from collector.state import Blind
from collector.world import dump, load
from tests.collector.small import Hand
from wire.presence import Alive, Birth

AGENT = "agent-cmcc"
A, B, C = 11, 22, 33


@pytest.fixture
def hand() -> Hand:
    hand = Hand.of()
    hand.everyone()
    return hand


def birth(hand: Hand, life: int, session: int, *, retained: bool = False, at: int = 0) -> BirthSeen:
    said = hand.birth(AGENT, session).birth
    given = said.model_copy(update={"life": life, "at_ms": at or hand.now})
    return BirthSeen(given, retained)


def alive(
    hand: Hand, life: int, session: int, *, online: bool = True, retained: bool = False
) -> AliveSeen:
    word = Alive(
        sender=AGENT, session=session, online=online, at_ms=hand.now, every_ms=30_000, life=life
    )
    return AliveSeen(word, retained)


def say(hand: Hand, *given: BirthSeen | AliveSeen) -> None:
    for one in given:
        hand.now += 1000
        word = one.birth if isinstance(one, BirthSeen) else one.alive
        later = word.model_copy(update={"at_ms": hand.now})
        hand.turn(type(one)(later, one.retained))  # type: ignore[arg-type]  # of its own kind


def start(hand: Hand) -> None:
    say(hand, birth(hand, A, 10), alive(hand, A, 10))


def test_a_restarted_agent_is_no_clone(hand: Hand) -> None:
    start(hand)
    for session, life in ((11, B), (12, C)):
        say(hand, alive(hand, life - 11, session - 1, online=False))
        say(hand, birth(hand, life, session), alive(hand, life, session))
    row = hand.world.agent(AGENT)
    assert row.life == C
    assert not refused_lives(row)
    assert not hand.records("cloned")


def test_two_with_different_client_ids_the_second_is_refused_and_named(hand: Hand) -> None:
    start(hand)
    say(hand, birth(hand, B, 20), alive(hand, B, 20))
    row = hand.world.agent(AGENT)
    assert row.life == B  # as after a restart
    say(hand, alive(hand, A, 10), alive(hand, A, 10))
    assert (row.life, refused_lives(row)) == (A, [B])
    (entry,) = hand.records("cloned")
    assert (entry["refused"], entry["kept"]) == (B, A)
    word = alive(hand, B, 20).alive
    assert refused(hand.world, word)
    session = row.session
    say(hand, alive(hand, B, 20), birth(hand, B, 21))
    assert (row.life, row.session) == (A, session)
    say(hand, alive(hand, A, 10))
    assert row.blind is Blind.SEES


def test_two_that_throw_each_other_out_the_second_is_refused(hand: Hand) -> None:
    start(hand)
    say(hand, alive(hand, A, 10, online=False), birth(hand, B, 20), alive(hand, B, 20))
    say(hand, alive(hand, B, 20, online=False), birth(hand, A, 21), alive(hand, A, 21))
    row = hand.world.agent(AGENT)
    assert (row.life, refused_lives(row)) == (A, [B])
    say(hand, alive(hand, A, 21, online=False), birth(hand, B, 22), alive(hand, B, 22))
    assert row.life == A
    say(hand, birth(hand, A, 23), alive(hand, A, 23))
    assert (row.life, row.blind) == (A, Blind.SEES)
    assert len(hand.records("cloned")) == 1


def test_a_refused_process_may_have_the_identity_when_the_holder_is_long_gone(hand: Hand) -> None:
    start(hand)
    say(hand, birth(hand, B, 20), alive(hand, A, 10), alive(hand, A, 10))
    hand.pass_s(1200, silent=(AGENT,))
    row = hand.world.agent(AGENT)
    assert row.blind is Blind.SILENT
    say(hand, birth(hand, B, 21), alive(hand, B, 21))
    assert (row.life, refused_lives(row), row.blind) == (B, [], Blind.SEES)


def test_what_the_broker_held_or_what_was_under_way_is_no_second_process(hand: Hand) -> None:
    start(hand)
    old = alive(hand, A, 10)
    say(hand, birth(hand, B, 20), alive(hand, B, 20))
    hand.turn(old, AliveSeen(old.alive, retained=True))
    say(hand, alive(hand, A, 10, online=False))  # its Last Will, late
    say(hand, alive(hand, A, 10, retained=True), alive(hand, A, 10, retained=True))
    row = hand.world.agent(AGENT)
    assert (row.life, refused_lives(row)) == (B, [])


def test_a_clone_that_its_supervisor_starts_again_and_again_is_refused_each_time(
    hand: Hand,
) -> None:
    start(hand)
    row = hand.world.agent(AGENT)
    for life in range(100, 120):
        say(hand, birth(hand, life, life), alive(hand, life, life))
        say(hand, alive(hand, A, 10), alive(hand, A, 10))
        assert row.life == A
        assert life in refused_lives(row)
        say(hand, alive(hand, life, life, online=False))


def test_many_lives_are_not_kept_for_ever(hand: Hand) -> None:
    start(hand)
    for life in range(100, 160):
        say(hand, birth(hand, life, life))
    assert len(hand.world.agent(AGENT).lives) <= 9
    raw = dump(hand.world)
    assert dump(load(raw, lambda _: hand.world.county)) == raw


@pytest.mark.parametrize("skew_ms", [-2 * 3_600_000, 365 * 86_400_000])
def test_a_wrong_clock_is_measured_shown_and_expires_nothing(hand: Hand, skew_ms: int) -> None:
    start(hand)
    row = hand.world.agent(AGENT)
    before = len(hand.notices())
    for beat in range(10):
        hand.now += 30_000
        word = alive(hand, A, 10 + beat).alive
        at = hand.now + skew_ms
        others = [hand.round(agent) for agent in hand.world.state.agents]
        hand.turn(AliveSeen(word.model_copy(update={"at_ms": at})), *others)
    assert row.skew_ms == skew_ms
    assert [entry["word"] for entry in hand.records("clock")] == ["off"]
    assert row.blind is Blind.SEES
    assert len(hand.notices()) == before
    hand.now += 1000
    hand.turn(alive(hand, A, 30))
    assert hand.records("clock")[-1]["word"] == "right"


def test_a_retained_word_measures_no_clock(hand: Hand) -> None:
    start(hand)
    row = hand.world.agent(AGENT)
    skew = row.skew_ms
    hand.turn(birth(hand, A, 11, retained=True, at=hand.now - 7_200_000))
    assert row.skew_ms == skew
    word = alive(hand, A, 12, retained=True).alive
    hand.turn(AliveSeen(word.model_copy(update={"at_ms": hand.now - 7_200_000}), retained=True))
    assert row.skew_ms == skew


def test_an_outbox_under_pressure_is_named_once_and_when_it_is_over(hand: Hand) -> None:
    start(hand)
    for given_up, no_space in ((0, False), (50, False), (90, False), (90, True), (90, False)):
        word = alive(hand, A, 10).alive
        hand.now += 1000
        more = {"at_ms": hand.now, "given_up": given_up, "no_space": no_space}
        hand.turn(AliveSeen(word.model_copy(update=more)))
    found = [(one["thinning"], one["no_space"]) for one in hand.records("outbox")]
    assert found == [(True, False), (False, True), (False, False)]
    assert hand.world.agent(AGENT).given_up == 90


def test_a_pause_of_ours_makes_nobody_silent(hand: Hand) -> None:
    hand.pass_s(60)
    hand.now += 3_600_000
    hand.turn(Resumed(3_600_000))
    assert all(row.blind is Blind.SEES for row in hand.world.state.agents.values())
    assert hand.records("resumed") == [{"paused_ms": 3_600_000, "at_ms": hand.now}]
    hand.turn(*(hand.round(agent) for agent in hand.world.state.agents))
    assert not hand.notices()


@pytest.mark.parametrize("retained", [False, True])
def test_presence_goes_through_the_journal(hand: Hand, retained: bool) -> None:  # noqa: FBT001
    for given in (
        birth(hand, A, 10, retained=retained),
        alive(hand, A, 10, retained=retained),
        Resumed(7),
    ):
        kind, blob = encode_input(given)
        assert decode_input(kind.value, blob) == given


def test_words_without_a_life_are_believed(hand: Hand) -> None:
    assert Birth.model_fields["life"].default == 0
    say(hand, birth(hand, 0, 10), birth(hand, 0, 11), alive(hand, 0, 11))
    assert hand.world.agent(AGENT).session == 11
