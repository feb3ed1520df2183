from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.decide import Spread
from collector.spread import SYSTEM, Cell, Ground, Onset, SpreadResult, spread, steps_of
from config.io.load import load_policy

POLICY = load_policy().spread
NOW = 100_000
"""Seconds; the tables count back from here."""

Row = tuple[int, str, str]


def judged(
    onsets: Sequence[Row],
    *,
    at_risk: Sequence[tuple[str, str]] = (),
    sight: float = 1.0,
    manual: Spread | None = None,
) -> SpreadResult:
    """``onsets`` are (seconds before now, operator, town)."""
    return spread(
        POLICY,
        NOW * 1000,
        onsets=[Onset((NOW - ago) * 1000, Cell(who, where)) for ago, who, where in onsets],
        at_risk=[Cell(*cell) for cell in at_risk],
        sight=sight,
        manual=manual,
    )


FIRST: Row = (4000, "cmcc", "a")


@pytest.mark.parametrize(
    ("onsets", "said", "ground"),
    [
        ([], "no", Ground.QUIET),
        ([FIRST], "no", Ground.QUIET),
        # A fresh first step is no growth, however many cells it has within 180 s.
        ([(180, "cmcc", "a"), (90, "cucc", "b"), (0, "ctcc", "c")], "no", Ground.QUIET),
        ([FIRST, (900, "cmcc", "b")], "unknown", Ground.UNSURE),
        ([FIRST, (900, "cmcc", "b"), (600, "cucc", "a")], "yes", Ground.GROWTH),
        ([FIRST, (900, SYSTEM, "x"), (600, SYSTEM, "y")], "yes", Ground.GROWTH),
        # The same system, operator and town again bring nothing new.
        ([FIRST, (900, SYSTEM, "x"), (600, SYSTEM, "x")], "unknown", Ground.UNSURE),
        ([FIRST, (3700, "cucc", "b"), (900, "cmcc", "b")], "no", Ground.QUIET),
        # Both within one step: one growth step only.
        ([FIRST, (900, "cmcc", "b"), (720, "cucc", "c")], "unknown", Ground.UNSURE),
        ([FIRST, (900, "cmcc", "b"), (719, "cucc", "c")], "yes", Ground.GROWTH),
        # Steps do not chain: the third onset is 340 s after the first of its would-be step.
        ([FIRST, (900, "cmcc", "b"), (730, "cucc", "c"), (560, "ctcc", "d")], "yes", Ground.GROWTH),
        # The edge of the window, 30 min, still counts; a second more does not.
        ([FIRST, (1800, "cmcc", "b"), (600, "cucc", "c")], "yes", Ground.GROWTH),
        ([FIRST, (1801, "cmcc", "b"), (600, "cucc", "c")], "unknown", Ground.UNSURE),
        ([FIRST, (1800, "cmcc", "b")], "unknown", Ground.UNSURE),
        ([FIRST, (1801, "cmcc", "b")], "no", Ground.QUIET),
        # What lies in the future is not known yet.
        ([FIRST, (900, "cmcc", "b"), (-1, "cucc", "c")], "unknown", Ground.UNSURE),
        # The order in which onsets are told does not matter.
        ([(600, "cucc", "a"), (900, "cmcc", "b"), FIRST], "yes", Ground.GROWTH),
    ],
)
def test_growth(onsets: list[Row], said: str, ground: Ground) -> None:
    result = judged(onsets)
    assert (result.spread, result.why.ground) == (said, ground)


@pytest.mark.parametrize(
    ("at_risk", "said"),
    [
        (("cmcc", "a"), "no"),
        (("cmcc", "b"), "yes"),
        (("tower", "a"), "yes"),
        ((SYSTEM, "x"), "no"),
    ],
)
def test_a_cell_at_risk_spreads_when_it_would_bring_new_ground(
    at_risk: tuple[str, str], said: str
) -> None:
    result = judged([FIRST], at_risk=[at_risk, at_risk])
    assert result.spread == said
    assert result.why.at_risk == ((Cell(*at_risk),) if said == "yes" else ())


@pytest.mark.parametrize(
    ("sight", "ago", "said", "overdue"),
    [
        (0.9, 4000, "no", False),
        (0.8999, 4000, "unknown", True),
        (0.0, 3600, "unknown", True),
        (0.0, 3599, "unknown", False),
    ],
)
def test_without_sight_no_cannot_be_said(
    sight: float, ago: int, said: str, *, overdue: bool
) -> None:
    result = judged([(ago, "cmcc", "a")], sight=sight)
    assert (result.spread, result.overdue) == (said, overdue)
    assert result.why.sight == sight


def test_blindness_with_nothing_affected_is_never_overdue() -> None:
    result = judged([], sight=0.0)
    assert (result.spread, result.overdue, result.why.ground) == ("unknown", False, Ground.BLIND)


@pytest.mark.parametrize("word", [Spread.YES, Spread.NO])
def test_a_persons_word_wins(word: Spread) -> None:
    growing = [FIRST, (900, "cmcc", "b"), (600, "cucc", "c")]
    for onsets in ([], growing):
        result = judged(onsets, at_risk=[("tower", "z")], sight=0.0, manual=word)
        assert (result.spread, result.overdue) == (word, False)
        assert result.why.ground is Ground.PERSON


def test_the_evidence_names_steps_cells_and_what_they_brought() -> None:
    why = judged([FIRST, (3900, "cucc", "a"), (900, "cmcc", "b"), (600, SYSTEM, "x")]).why
    assert [(s.at_ms // 1000, s.cells, s.new, s.growth) for s in why.steps] == [
        (NOW - 4000, (("cmcc", "a"), ("cucc", "a")), ("cmcc", "a", "cucc"), False),
        (NOW - 900, (("cmcc", "b"),), ("b",), True),
        (NOW - 600, ((SYSTEM, "x"),), ("x",), True),
    ]
    assert why.growth_steps == 2
    assert why.zh == "近30分钟内出现2次扩散"


def test_a_town_and_an_operator_of_one_name_are_two_things() -> None:
    result = judged([FIRST, (900, "a", "a")])
    assert result.why.steps[1].new == ("a",)


ONSETS = st.lists(
    st.tuples(
        st.integers(-300, 8000),
        st.sampled_from(("cmcc", "cucc", "ctcc", SYSTEM)),
        st.sampled_from("abc"),
    ),
    max_size=12,
)
RISKS = st.lists(st.tuples(st.sampled_from(("cmcc", "tower")), st.sampled_from("abz")), max_size=2)


def plainly(onsets: Sequence[Row], at_risk: Sequence[tuple[str, str]], sight: float) -> str:
    """The specification, the plain way."""
    past = sorted((NOW - ago, who, where) for ago, who, where in onsets if ago >= 0)
    steps: list[list[tuple[int, str, str]]] = []
    for onset in past:
        if steps and onset[0] - steps[-1][0][0] <= 180:
            steps[-1].append(onset)
        else:
            steps.append([onset])
    operators = [{w for _, w, _ in step if w != SYSTEM} for step in steps]
    towns = [{t for _, w, t in step if w != SYSTEM} for step in steps]
    systems = [{t for _, w, t in step if w == SYSTEM} for step in steps]
    growth = [
        step[0][0]
        for i, step in enumerate(steps)
        if i and any(kind[i] - set().union(*kind[:i]) for kind in (operators, towns, systems))
    ]
    recent = [t for t in growth if NOW - t <= 1800]
    all_operators, all_towns = set().union(*operators), set().union(*towns)
    if len(recent) >= 2 or any(o not in all_operators or t not in all_towns for o, t in at_risk):
        return "yes"
    return "no" if not recent and sight >= 0.9 else "unknown"


@given(onsets=ONSETS, at_risk=RISKS, sight=st.sampled_from((0.0, 0.89, 0.9, 1.0)))
def test_it_equals_the_specification(
    onsets: list[Row], at_risk: list[tuple[str, str]], sight: float
) -> None:
    result = judged(onsets, at_risk=at_risk, sight=sight)
    assert result.spread == plainly(onsets, at_risk, sight)
    first = [ago for ago, _, _ in onsets if ago >= 0]
    late = result.spread is Spread.UNKNOWN and bool(first) and max(first) >= 3600
    assert result.overdue == late


@given(onsets=ONSETS)
def test_steps_hold_every_past_onset_once_and_in_order(onsets: list[Row]) -> None:
    given_onsets = [Onset(ago, Cell(who, where)) for ago, who, where in onsets]
    steps = steps_of(given_onsets, 8000, 180)
    assert {cell for step in steps for cell in step.cells} == {o.cell for o in given_onsets}
    gaps = [b.at_ms - a.at_ms for a, b in pairwise(steps)]
    assert all(gap > 180 for gap in gaps)
    assert not steps or not steps[0].growth
