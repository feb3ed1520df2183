"""Looks again, rest for the long dead, and no false word under loss."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.suspicion import AGAIN_MOST, AT_ONCE, CONFIRMS, FIRST_MS, LONG, Suspicion
from wire.observation import Method, Outcome

ICMP, SNMP = Method.ICMP, Method.SNMP
FINE, SILENT = Outcome.MEASURED, Outcome.NO_ANSWER
DEAD = {ICMP: SILENT, SNMP: SILENT}
ALIVE = {ICMP: FINE, SNMP: FINE}


def follow(suspicion: Suspicion, outcomes: dict[Method, Outcome], until_ms: int) -> list[int]:
    """Look again as asked, always with these outcomes; when, and that the third one confirms."""
    times: list[int] = []
    while (due := suspicion.deadline()) is not None and due <= until_ms:
        (again,) = suspicion.due(due)
        times.append(due)
        assert again == ("d", len(times) == CONFIRMS)
        suspicion.ended("d", outcomes, due)
    return times


def test_a_first_miss_is_looked_at_again_ever_more_slowly_and_not_for_ever() -> None:
    suspicion = Suspicion()
    assert suspicion.turn("d")
    suspicion.ended("d", DEAD, 0)
    times = follow(suspicion, DEAD, 10**9)
    assert times == [FIRST_MS * (2**number - 1) for number in range(1, AGAIN_MOST + 1)]


def test_the_first_answer_ends_it() -> None:
    suspicion = Suspicion()
    suspicion.ended("d", DEAD, 0)
    assert suspicion.silent("d", SNMP)
    suspicion.due(FIRST_MS)
    suspicion.ended("d", ALIVE, FIRST_MS + 5)
    assert suspicion.deadline() is None
    assert suspicion.doubted == 0
    assert not suspicion.silent("d", SNMP)


def test_a_turn_takes_the_place_of_a_look_again() -> None:
    suspicion = Suspicion()
    suspicion.ended("d", DEAD, 0)
    assert suspicion.turn("d")
    assert suspicion.due(10**6) == []
    suspicion.ended("d", DEAD, 5000)
    assert suspicion.deadline() == 5000 + FIRST_MS


def test_a_device_that_answers_icmp_alone_is_looked_at_again_but_never_rests() -> None:
    suspicion = Suspicion()
    for turn in range(3 * LONG):
        assert suspicion.turn("d")
        suspicion.ended("d", {ICMP: FINE, SNMP: SILENT}, turn * 30_000)
        assert suspicion.silent("d", SNMP)
        assert not suspicion.silent("d", ICMP)


def test_a_second_method_that_falls_silent_is_a_miss_of_its_own() -> None:
    suspicion = Suspicion()
    suspicion.ended("d", {ICMP: FINE, SNMP: SILENT}, 0)
    follow(suspicion, {ICMP: FINE, SNMP: SILENT}, 10**9)
    assert suspicion.deadline() is None
    suspicion.ended("d", DEAD, 10**9)
    assert suspicion.deadline() == 10**9 + FIRST_MS


def test_what_could_not_be_looked_at_says_nothing() -> None:
    suspicion = Suspicion()
    suspicion.ended("d", {ICMP: Outcome.COULD_NOT_LOOK}, 0)
    assert suspicion.doubted == 0
    suspicion.ended("d", DEAD, 0)
    suspicion.ended("d", {ICMP: Outcome.COULD_NOT_LOOK, SNMP: Outcome.COULD_NOT_LOOK}, 5)
    assert suspicion.silent("d", ICMP)
    assert suspicion.deadline() == FIRST_MS


def test_a_refusal_is_an_answer() -> None:
    suspicion = Suspicion()
    suspicion.ended("d", {SNMP: Outcome.REFUSED}, 0)
    assert suspicion.doubted == 0


@pytest.mark.parametrize(("most", "gaps"), [(1, {1}), (2, {1, 2}), (5, {1, 2, 4, 5})])
def test_the_long_dead_rest_and_the_first_answer_ends_that(most: int, gaps: set[int]) -> None:
    suspicion = Suspicion(rest_turns=most)
    looked: list[int] = []
    for turn in range(40 * LONG):
        if suspicion.turn("d"):
            looked.append(turn)
            suspicion.ended("d", DEAD, turn * 30_000)
    assert {later - before for before, later in pairwise(looked)} == gaps
    assert looked[: LONG + 1][-1] <= LONG + 1  # nobody rests before
    while not suspicion.turn("d"):
        pass
    suspicion.ended("d", ALIVE, 0)
    assert all(suspicion.turn("d") for _ in range(5))


def test_of_many_only_so_many_are_under_way_together() -> None:
    suspicion = Suspicion()
    for number in range(3 * AT_ONCE):
        suspicion.ended(f"d{number}", DEAD, 0)
    seen: set[str] = set()
    for outcome in (DEAD, ALIVE, {ICMP: Outcome.COULD_NOT_LOOK}):
        part = suspicion.due(FIRST_MS)
        assert len(part) == AT_ONCE
        assert suspicion.due(FIRST_MS) == []
        seen |= {again.device for again in part}
        for again in part[1:]:
            suspicion.ended(again.device, outcome, FIRST_MS)
        suspicion.forget([part[0].device])
    assert len(seen) == 3 * AT_ONCE
    assert suspicion.due(FIRST_MS) == []
    assert not suspicion._again


def test_who_left_is_forgotten() -> None:
    suspicion = Suspicion()
    suspicion.ended("d", DEAD, 0)
    suspicion.forget(["d", "e"])
    assert suspicion.deadline() is None
    assert suspicion.due(10**6) == []


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.sampled_from(["turn", "alive", "dead", "icmp", "due"]))
    )
)
def test_in_any_order_nothing_is_asked_twice_and_the_number_of_looks_is_bounded(
    events: list[tuple[int, str]],
) -> None:
    suspicion = Suspicion()
    now, deaths, again = 0, 0, 0
    for number, event in events:
        now += 700
        name = f"d{number}"
        if event == "turn":
            suspicion.turn(name)
        elif event == "due":
            found = [one.device for one in suspicion.due(now)]
            assert len(found) == len(set(found))
            again += len(found)
        else:
            deaths += event != "alive"
            kinds = {"alive": ALIVE, "dead": DEAD, "icmp": {ICMP: FINE, SNMP: SILENT}}
            suspicion.ended(name, kinds[event], now)
        assert len(suspicion._heap) <= deaths + 1
    assert again <= deaths * AGAIN_MOST


def test_a_third_of_all_packets_lost_and_no_living_device_is_left_silent() -> None:
    """FAULTS F7: SNMP alone with one repeat; of the first look's words only the last one counts."""
    source = random.Random(1)
    misses = looks = left = 0
    for number in range(2000):
        name, suspicion = f"d{number}", Suspicion()
        for turn in range(10):
            suspicion.turn(name)
            due: int | None = turn * 300_000
            first = True
            while due is not None:
                outcome = SILENT if source.random() < 0.3 and source.random() < 0.3 else FINE
                suspicion.ended(name, {SNMP: outcome}, due)
                misses += first and outcome is SILENT
                looks += not first
                first, due = False, suspicion.deadline()
                if due is not None:
                    suspicion.due(due)
            left += suspicion.silent(name, SNMP)
    assert misses > 1500
    assert misses <= looks < 1.2 * misses
    assert left == 0
