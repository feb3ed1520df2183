from __future__ import annotations

import pytest

from escalation.inbox import Arrival, Held, Numbering, arrival, late_by, numbering
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
    assert len(numbering(2**40, 1, set(), taken=False).missing) == 1000


def test_lateness_is_real_time_whatever_the_drill_s_scale() -> None:
    assert late_by(0, 120_000, 1.0) == 0
    assert late_by(0, 120_001, 1.0) == 120_001
    assert late_by(0, 120_001, 60.0) == 0
    assert late_by(0, 60 * 130_000, 60.0) == 130_000
    assert late_by(1_000_000, 0, 1.0) == 0
