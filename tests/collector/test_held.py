"""What an office holds and the county's store does not (FAULTS F21), without any process."""

from __future__ import annotations

import pytest

from collector.model import Held, OfficeCommand, Row, Started, decode_input, encode_input
from tests.collector.house import LI
from tests.collector.small import T0, Hand, county, devices, register
from wire.notice import Command, NoticeKind, Receipt, Verb
from wire.observation import Outcome


def receipt(**more: object) -> Receipt:
    said: dict[str, object] = {"office": "office", "lane": "notice", "epoch": 1, "seq": 2}
    return Receipt.model_validate({**said, "at_ms": 3, **more})


def test_a_receipt_that_says_nothing_more_is_the_same_to_older_readers() -> None:
    assert "number" not in receipt().model_dump_json()
    assert "warning" not in receipt().model_dump_json()
    said = receipt(number=7, warning="W-20261124-003")
    assert Receipt.model_validate_json(said.model_dump_json()) == said


@pytest.mark.parametrize(
    "given",
    [
        Held("office", 7, "W-20261124-003"),
        Held(),
        Started(3),
        Started(3, "1", ("x",), "y", 4, ask=True, wait=True),
    ],
)
def test_inputs_go_through_the_store(given: Held | Started) -> None:
    kind, blob = encode_input(given)
    assert decode_input(kind, blob) == given


def test_a_start_without_loss_is_the_same_to_older_readers() -> None:
    assert b"ask" not in encode_input(Started(3, "1"))[1]


def day(hand: Hand) -> str:
    return hand.world.desk._clerk.warning_id(hand.now).split("-")[1]


def test_numbers_and_warnings_go_on_above_what_the_office_holds() -> None:
    today = day(Hand.of())
    hand = Hand.of(county(register(sites=4)))
    hand.everyone()
    hand.turn(Held("office", 41, f"W-{today}-006"))
    (gap,) = hand.records("gap")
    assert (gap["from"], gap["to"], gap["office"]) == (1, 41, "office")
    (told,) = hand.notices()
    assert (told.number, told.notice_kind) == (42, NoticeKind.HEALTH)
    assert "N-000001 号至 N-000041 号通知不在县级存储中" in told.subject.zh
    assert f"W-{today}-006" in told.text.zh
    hand.looks(Outcome.NO_ANSWER, *devices("cmcc", 1, 2))
    hand.pass_s(1200)
    drafted = [one for one in hand.notices() if one.notice_kind is NoticeKind.WARNING_DRAFT]
    assert drafted[0].warning_id == f"W-{today}-007"
    numbers = [one.number for one in hand.notices()]
    assert numbers == list(range(42, 42 + len(numbers)))


@pytest.mark.parametrize("given", [Held("office", 3, "no warning of ours"), Held()])
def test_what_is_known_changes_nothing(given: Held) -> None:
    hand = Hand.of()
    hand.turn(Held("office", 3, "W-20200101-004"))
    told = len(hand.notices())
    hand.turn(given)
    assert len(hand.notices()) == told
    assert day(hand) > "20200101"


@pytest.mark.parametrize("heard", [Held("office", 9, ""), Held()])
def test_what_was_lost_is_told_once_the_office_has_spoken_or_nobody_did(heard: Held) -> None:
    hand = Hand.of()
    hand.turn(Started(2, "1", losses=("a snapshot",), ask=True))
    assert not hand.notices()
    hand.turn(heard)
    numbers = [one.number for one in hand.notices()]
    assert numbers == ([10, 11] if heard.number else [1])
    assert "有损失" in hand.notices()[-1].subject.zh
    hand.turn(Held())
    assert len(hand.notices()) == len(numbers)


def test_an_order_from_before_the_loss_is_refused_by_name_and_a_new_one_is_not() -> None:
    hand = Hand.of(county(register(sites=4).model_copy(update={"people": (LI,)})))
    hand.everyone()
    hand.looks(Outcome.NO_ANSWER, *devices("cmcc", 1, 2))
    hand.pass_s(1200)
    hand.turn(Held("office", hand.world.desk.last_number + 5, ""))
    warning = next(one.warning_id for one in hand.notices() if one.warning_id)
    assert warning is not None
    for seq, at_ms in enumerate((T0, hand.now), start=1):
        command = Command(
            id=f"c{seq}",
            county=hand.world.county.register.county,
            tree=hand.world.county.bundle.tree,
            account="li",
            verb=Verb.PROPOSE,
            target=warning,
            at_ms=at_ms,
        )
        hand.turn(OfficeCommand(Row("office", "command", 1, seq, seq), command, "li"))
    outcomes = [one.decision.outcome for one in hand.notices() if one.decision is not None]
    assert outcomes == ["before_loss", "accepted"]
