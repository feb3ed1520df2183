"""How everything stands comes first; the past corrects beginnings and raises nothing (F8)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from random import Random

import pytest

from agent.present import LookNow, ReadingNow, bodies, inventory
from collector import world as worlds
from collector.county import UNREACHABLE
from collector.model import AliveSeen, Received, Row, decode_input, encode_input, read_body
from collector.world import dump, load
from tests.collector.small import Hand, agent_of, devices
from transport.delivery import Peer
from wire.observation import Look, Method, Outcome, StateBody, StateItem

AGENT = "agent-cmcc"
MIN = 60_000


@pytest.fixture
def hand() -> Hand:
    hand = Hand.of()
    hand.everyone()
    return hand


def present(hand: Hand, epoch: int, down: Iterable[str] = (), since_ms: int = 0) -> list[Received]:
    """The first rows of a new epoch of the state lane."""
    down = set(down)
    looks = [
        LookNow(
            device,
            method,
            Outcome.NO_ANSWER if device in down else Outcome.MEASURED,
            "timeout" if device in down else "",
            since_ms or hand.now,
        )
        for device in mine(hand)
        for method in Method
    ]
    return [
        Received(Row(AGENT, "state", epoch, seq), read_body(body), body)
        for seq, (body, _) in enumerate(bodies(looks, [], hand.now), start=1)
    ]


def mine(hand: Hand) -> list[str]:
    return [d for d, owner in hand.world.county.operator_of.items() if owner == "cmcc"]


def past(seq: int, was: tuple[int, int], *items: StateItem) -> Received:
    return Received(Row(AGENT, "history", 500, seq, 0, *was), StateBody(items=items))


def look(device: str, outcome: Outcome, since_ms: int) -> list[StateItem]:
    reason = "timeout" if outcome is Outcome.NO_ANSWER else ""
    return [
        Look(
            device=device,
            method=method,
            outcome=outcome,
            reason=reason,
            since_ms=since_ms,
            at_ms=since_ms,
        )
        for method in Method
    ]


def test_a_silence_then_the_present_then_its_beginning(hand: Hand) -> None:
    (device,) = devices("cmcc", 1)
    began = hand.now + 8 * MIN
    seq = hand.seqs[AGENT]
    hand.pass_s(6 * 3600, silent=(AGENT,))
    hand.turn(*present(hand, 2, [device], since_ms=hand.now - 5 * MIN))
    hand.seqs[AGENT] = 0  # rounds go on in the new epoch
    hand.turn(hand.alive(AGENT))
    assert hand.status(device) != "down"  # its delay runs from the arrival
    until = hand.now + 600_000
    count = 1
    while hand.now < until:
        hand.now += 30_000
        count += 1
        item = hand.round(AGENT).body.items
        hand.turn(Received(Row(AGENT, "state", 2, count), StateBody(items=item)))
    assert hand.status(device) == "down"
    raised = hand.world.state.devices[device].alarms[f"{UNREACHABLE}|"].since_ms
    told = len(hand.notices())
    hand.turn(past(1, (1, seq + 1), *look(device, Outcome.NO_ANSWER, began)))
    fact = hand.world.tally.device_facts[device]
    assert fact.since_ms == began
    assert len(hand.notices()) == told
    assert raised > began
    entries = hand.records("history")
    assert {(e["device"], e["since_ms"]) for e in entries} == {(device, began)}


def test_what_was_over_before_is_no_beginning_of_now(hand: Hand) -> None:
    (device,) = devices("cmcc", 1)
    seq = hand.seqs[AGENT]
    start = hand.now
    hand.pass_s(3600, silent=(AGENT,))
    now_since = start + 50 * MIN
    hand.turn(*present(hand, 2, [device], since_ms=now_since))
    hand.turn(
        past(1, (1, seq + 1), *look(device, Outcome.NO_ANSWER, start + 10 * MIN)),
        past(2, (1, seq + 2), *look(device, Outcome.MEASURED, start + 20 * MIN)),
    )
    view = hand.world.state.devices[device].views[AGENT]
    assert {one.since_ms for one in view.looks.values()} == {now_since}
    hand.turn(past(3, (1, seq + 3), *look(device, Outcome.NO_ANSWER, start + 40 * MIN)))
    assert {one.since_ms for one in view.looks.values()} == {start + 40 * MIN}
    assert {one.said_ms for one in view.looks.values()} == {now_since}


@pytest.mark.parametrize("wrong", ["1970", "clock off"])
def test_a_stamp_that_nobody_believes_moves_no_beginning(hand: Hand, wrong: str) -> None:
    (device,) = devices("cmcc", 1)
    seq, since_ms = hand.seqs[AGENT], hand.now
    hand.turn(*present(hand, 2, [device], since_ms=since_ms))
    if wrong == "clock off":
        late = hand.alive(AGENT, session=9).alive.model_copy(update={"at_ms": hand.now - 7_200_000})
        hand.turn(AliveSeen(late))
    stamp = 0 if wrong == "1970" else hand.now - 7_260_000
    hand.turn(past(1, (1, seq + 1), *look(device, Outcome.NO_ANSWER, stamp)))
    view = hand.world.state.devices[device].views[AGENT]
    assert {one.since_ms for one in view.looks.values()} == {since_ms}
    assert hand.records("history")  # kept, with its stamp


def test_history_alone_raises_and_clears_nothing(hand: Hand) -> None:
    seq = hand.seqs[AGENT]
    hand.turn(*present(hand, 2))
    before = {d: row.status for d, row in hand.world.state.devices.items()}
    random = Random(8)
    rows = []
    for number in range(1, 200):
        device = random.choice(mine(hand))
        outcome = random.choice((Outcome.NO_ANSWER, Outcome.MEASURED))
        rows.append(past(number, (1, seq + number), *look(device, outcome, hand.now - 1000)))
    hand.turn(*rows)
    hand.now += 3_600_000
    assert {d: row.status for d, row in hand.world.state.devices.items()} == before
    assert not [e for e in hand.records("alarm") if e["word"] == "raised"]
    assert not hand.notices()


def test_a_row_that_was_applied_before_its_lane_was_retired_is_stepped_over(hand: Hand) -> None:
    (device,) = devices("cmcc", 1)
    seq = hand.seqs[AGENT]
    first = hand.now - 1000
    hand.turn(*present(hand, 2, [device], since_ms=hand.now))
    known = past(1, (1, seq), *look(device, Outcome.NO_ANSWER, first))
    hand.turn(known)
    assert not hand.records("history")
    assert hand.world.receiver.mark(Peer(AGENT, "history")).seq == 1
    hand.turn(past(2, (1, seq + 1), *look(device, Outcome.NO_ANSWER, first)))
    assert len(hand.records("history")) == 2


def test_history_waits_until_the_state_lane_has_begun_anew(hand: Hand) -> None:
    seq = hand.seqs[AGENT]
    row = past(1, (1, seq + 1), *look("cmcc-d1", Outcome.NO_ANSWER, hand.now))
    assert worlds.waits(hand.world, row.row)
    assert not worlds.fresh(hand.world, row.row)
    hand.turn(row)
    assert hand.world.receiver.mark(Peer(AGENT, "history")).seq == 0
    hand.turn(*present(hand, 2))
    assert worlds.fresh(hand.world, row.row)


def test_rows_of_history_go_through_the_journal_and_the_snapshot(hand: Hand) -> None:
    row = past(1, (1, 9), *look("cmcc-d1", Outcome.NO_ANSWER, hand.now))
    kind, blob = encode_input(row)
    assert decode_input(kind.value, blob) == row
    head = json.loads(blob.partition(b"\n")[0])
    assert (head["was_epoch"], head["was_seq"]) == (1, 9)
    plain = Received(Row(AGENT, "state", 1, 1), row.body)
    assert b"was_" not in encode_input(plain)[1]
    hand.turn(*present(hand, 2, ["cmcc-d1"], since_ms=hand.now))
    hand.turn(past(1, (1, 10_000), *look("cmcc-d1", Outcome.NO_ANSWER, hand.now - 9)))
    raw = dump(hand.world)
    assert dump(load(raw, lambda _: hand.world.county)) == raw


def test_a_digest_leaves_a_beginning_that_is_known(hand: Hand) -> None:
    device = devices("cmcc", 2)[0]
    view = hand.world.state.devices[device].views[AGENT]
    before = {method: one.since_ms for method, one in view.looks.items()}
    hand.now += 3_600_000
    hand.turn(*present(hand, 2))
    assert {method: one.since_ms for method, one in view.looks.items()} == before
    assert {one.at_ms for one in view.looks.values()} == {hand.now}


def test_present_values_are_judged_like_readings(hand: Hand) -> None:
    (device,) = devices("cmcc", 1)
    looks = [LookNow(device, Method.ICMP, Outcome.MEASURED, "", hand.now)]
    ((body, count),) = bodies(looks, [ReadingNow(device, "some_metric", "", 7)], hand.now)
    assert count == 2
    hand.turn(Received(Row(AGENT, "state", 2, 1), read_body(body), body))
    assert hand.world.state.devices[device].readings["some_metric|"].value == 7


def test_the_worst_comes_first_and_a_thousand_devices_are_a_few_kilobytes() -> None:
    import zlib  # noqa: PLC0415  for this figure alone

    looks = [
        LookNow(
            f"cmcc-yc-{number:04d}",
            method,
            Outcome.NO_ANSWER if number % 50 == 0 else Outcome.MEASURED,
            "timeout" if number % 50 == 0 else "",
            1_795_000_000_000 + number * 7919,
        )
        for number in range(1000)
        for method in Method
    ]
    found = bodies(looks, [], 1_795_100_000_000)
    first = read_body(found[0][0]).items
    assert getattr(first[0], "outcome", None) is Outcome.NO_ANSWER
    assert sum(len(zlib.compress(body, 6)) for body, _ in found) < 8000


def test_an_inventory_of_many_parts_counts_when_it_is_whole(hand: Hand) -> None:
    names = [*mine(hand), *(f"new-{number:05d}" for number in range(7000))]
    rows = [
        Received(Row(AGENT, "state", 2, seq), read_body(body), body)
        for seq, (body, _) in enumerate(inventory(names), start=1)
    ]
    assert len(rows) == 3
    row = hand.world.agent(AGENT)
    before = list(row.inventory)
    hand.turn(*rows[:2])
    assert row.inventory == before
    hand.turn(rows[2])
    assert row.inventory == names
    assert row.parts == []
    assert agent_of("cmcc-d1") == AGENT
