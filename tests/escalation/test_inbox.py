from __future__ import annotations

import pytest

from escalation.inbox import JUMP, Arrival, Held, Numbering, Tail, arrival, late_by, numbering
from transport.delivery import Verdict


@pytest.mark.parametrize(
    ("place", "held", "wanted"),
    [
        (Verdict.ACCEPT, None, Arrival.NEW),
        (Verdict.NEW_EPOCH, None, Arrival.NEW),
        (Verdict.DUPLICATE, None, Arrival.NEW),
        (Verdict.GAP, None, Arrival.WAIT),
        (Verdict.OLD_EPOCH, None, Arrival.WAIT),
        (Verdict.DUPLICATE, Held(7, 3), Arrival.KNOWN),
        (Verdict.ACCEPT, Held(7, 3), Arrival.REPLAYED),
        (Verdict.ACCEPT, Held(6, 3), Arrival.KNOWN),  # numbered again in a newer epoch
        (Verdict.NEW_EPOCH, Held(6, 3), Arrival.KNOWN),
    ],
)
def test_arrival(place: Verdict, held: Held | None, wanted: Arrival) -> None:
    assert arrival(place, 7, held) is wanted


@pytest.mark.parametrize(
    ("number", "last", "holes", "taken", "wanted"),
    [
        (1, 0, set(), False, Numbering()),
        (90, 0, set(), False, Numbering()),  # an office that joined later
        (5, 4, set(), False, Numbering()),
        (8, 4, set(), False, Numbering(missing=(5, 6, 7))),
        (6, 8, {5, 6, 7}, False, Numbering(filled=True)),
        (9, 8, {9}, False, Numbering(filled=True)),  # the heartbeat had told that it is missing
        (12, 8, {9, 10}, False, Numbering(missing=(11,))),
        (4, 8, set(), True, Numbering(reused=True)),
        (9, 8, set(), True, Numbering(reused=True)),
    ],
)
def test_numbering(
    number: int,
    last: int,
    holes: set[int],
    taken: bool,  # noqa: FBT001  a row of the table
    wanted: Numbering,
) -> None:
    assert numbering(number, last, holes, taken=taken) == wanted


def test_a_huge_hole_is_bounded() -> None:
    assert len(numbering(JUMP + 1, 1, set(), taken=False).missing) == 1000


def test_a_county_that_numbers_on_above_everything_leaves_no_holes() -> None:
    assert numbering(JUMP + 2, 1, set(), taken=False) == Numbering()
    tail = Tail()
    assert list([tail.heard(2**40, 1) for _ in range(3)][-1]) == [2**40]


@pytest.mark.parametrize(
    ("beats", "wanted"),
    [
        # (the heartbeat says, held here) …, and what is missing after the last
        ([(12, 12), (12, 12), (12, 12)], []),
        ([(12, 11), (12, 11)], []),
        ([(12, 11), (12, 11), (12, 11)], [12]),
        ([(12, 9), (12, 9), (12, 9)], [10, 11, 12]),
        ([(12, 9), (12, 10), (12, 10)], []),  # they still come in
        ([(12, 11), (12, 11), (12, 12)], []),
        ([(12, 11), (13, 11), (13, 11)], [12]),  # 13 may still be on its way
        ([(12, 11), (13, 11), (13, 11), (13, 11), (13, 11)], [12, 13]),
        ([(12, 0), (12, 0), (12, 0), (12, 0)], []),  # an office that joined later
        ([(12, 0), (13, 0), (13, 0), (13, 0)], [13]),
        ([(0, 0), (1, 0), (1, 0), (1, 0)], [1]),
        ([(5, 11), (5, 11), (5, 11)], []),  # the county's store was restored
    ],
)
def test_a_hole_at_the_end_is_named_after_two_more_heartbeats(
    beats: list[tuple[int, int]], wanted: list[int]
) -> None:
    tail = Tail()
    assert list([tail.heard(said, last) for said, last in beats][-1]) == wanted


def test_a_huge_hole_at_the_end_is_bounded() -> None:
    tail = Tail()
    missing = [tail.heard(JUMP, 1) for _ in range(3)][-1]
    assert (len(missing), missing[-1]) == (1000, JUMP)


def test_lateness_is_real_time_whatever_the_drill_s_scale() -> None:
    assert late_by(0, 120_000, 1.0) == 0
    assert late_by(0, 120_001, 1.0) == 120_001
    assert late_by(0, 120_001, 60.0) == 0
    assert late_by(0, 60 * 130_000, 60.0) == 130_000
    assert late_by(1_000_000, 0, 1.0) == 0
