"""Every state of four operators and up to three systems against the specification.

A place of a state is none, partial, full, absent, unknown, or unknown and overdue; the spread is
no, yes, unknown, or unknown and overdue: 6^4 * (1 + 6 + 6^2 + 6^3) * 4 = 1,342,656 states, each
under both ways of counting the tower company and 24 sets of entered facts. No symmetry is used to
leave one out. What unknowns may turn out as is tried out in full, once per set of states.

Registers of up to fifty systems are asked by how many of them are in each place, because their
order says nothing: none, one or three partial, full, absent, unknown and overdue, alone or with all
the rest in order, beside every state of the operators (the three that serve in any order): 653,184
registers, under both countings, the facts in turn.

    python -m tests.collector.exhaust               every state, the facts in turn; two minutes
    python -m tests.collector.exhaust --facts       every state under each set of facts: an hour
    python -m tests.collector.exhaust --facts 3/12  the third twelfth of the sets of facts
    python -m tests.collector.exhaust --registers   every register; a minute
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import combinations_with_replacement, islice, product
from typing import Final, NamedTuple

from collector.decide import Decider, DecisionInput
from config.io.plan import load_plan
from tests.collector.oracle import LEVELS, OPERATORS, WARNINGS, Facts, Said, known

PLACES: Final = ("none", "partial", "full", "absent", "unknown", "overdue")
SPREADS: Final = ("no", "yes", "unknown", "overdue")
SYSTEMS: Final = tuple(states for n in range(4) for states in product(PLACES, repeat=n))
STATES: Final = len(PLACES) ** 4 * len(SYSTEMS) * len(SPREADS)
COMPLETE: Final = ("none", "partial", "full")
FACTS: Final = tuple(
    Facts(*values) for values in product((False, True), (False, True), (False, True), LEVELS)
)
LARGEST: Final = 50
NAMES: Final = tuple(f"systems[{n}]" for n in range(LARGEST))
MANY: Final = (0, 1, 3)
REGISTERS: Final = 56 * 6 * len(MANY) ** 5 * 2 * len(SPREADS)


class Range(NamedTuple):
    """The mildest and the worst warning and level, as numbers."""

    best_warning: int
    worst_warning: int
    best_level: int
    worst_level: int


@cache
def said(
    operators: tuple[str, ...],
    systems: tuple[str, ...],
    spread: str,
    merged: bool,  # noqa: FBT001  a key of the table
    facts: Facts,
) -> Said:
    return known(operators, systems, spread == "yes", merged, facts)


@cache
def extremes(
    operators: tuple[str, ...],
    systems: tuple[str, ...],
    spread: str,
    merged: bool,  # noqa: FBT001  a key of the table
    facts: Facts,
) -> Range:
    """Over everything that the unknowns may turn out as, by trying it; systems are sorted."""
    if spread == "unknown":
        below = [extremes(operators, systems, end, merged, facts) for end in ("no", "yes")]
    elif "unknown" in operators:
        at = operators.index("unknown")
        below = [
            extremes((*operators[:at], end, *operators[at + 1 :]), systems, spread, merged, facts)
            for end in COMPLETE
        ]
    elif "unknown" in systems:
        rest = [*systems]
        rest.remove("unknown")
        below = [
            extremes(operators, tuple(sorted([*rest, end])), spread, merged, facts)
            for end in COMPLETE
        ]
    else:
        one = said(operators, systems, spread, merged, facts)
        warning, level = WARNINGS.index(one.warning), LEVELS.index(one.level)
        return Range(warning, warning, level, level)
    return Range(
        min(one.best_warning for one in below),
        max(one.worst_warning for one in below),
        min(one.best_level for one in below),
        max(one.worst_level for one in below),
    )


class State(NamedTuple):
    """One state as the table numbers it."""

    operators: tuple[str, ...]
    systems: tuple[str, ...]
    spread: str


def states() -> Iterator[State]:
    """Every one of them."""
    for operators in product(PLACES, repeat=4):
        for systems in SYSTEMS:
            for spread in SPREADS:
                yield State(operators, systems, spread)


SEEN: Final = dict(zip(PLACES, (*PLACES[:5], "unknown"), strict=True)) | {"no": "no", "yes": "yes"}
"""A place without saying whether it is overdue."""
LATE: Final = {"overdue": "full", "unknown": "none", "absent": "none"}


def wanted(state: State, merged: bool, facts: Facts) -> tuple[object, ...]:  # noqa: FBT001  a key of the table
    """What the specification says of a state."""
    operators = tuple(SEEN[one] for one in state.operators)
    systems = tuple(SEEN[one] for one in state.systems)
    spread = SEEN[state.spread]
    span = extremes(_plain(operators), tuple(sorted(_plain(systems))), spread, merged, facts)
    touched = any(one in {"partial", "full"} for one in (*operators, *systems))
    # Blindness alone proposes nothing: overdue counts beside something that is known to be hit.
    late = {**LATE, "overdue": "full" if touched else "none"}
    ends = {"unknown": "no", "overdue": "yes" if touched else "no"}
    shown = said(
        tuple(late.get(one, one) for one in state.operators),
        tuple(sorted(late.get(one, one) for one in state.systems)),
        ends.get(state.spread, state.spread),
        merged,
        facts,
    )
    waiting = [one for one in (*state.operators, *state.systems, state.spread)
               if one == "unknown" or (one == "overdue" and not touched)]  # fmt: skip
    differs = span.best_warning != span.worst_warning or span.best_level != span.worst_level
    return (
        shown.warning,
        shown.level,
        (WARNINGS[span.best_warning], WARNINGS[span.worst_warning]),
        (LEVELS[span.best_level], LEVELS[span.worst_level]),
        bool(waiting) and differs,
        shown.literal_warning,
        shown.literal_level,
    )


def _plain(states_: tuple[str, ...]) -> tuple[str, ...]:
    return tuple("none" if one == "absent" else one for one in states_)


def got(decider: Decider, state: State, merged: bool, facts: Facts) -> tuple[object, ...]:  # noqa: FBT001  a key of the table
    """What the program says of it."""
    names = (*OPERATORS, *NAMES)
    late = [
        name
        for name, one in zip(names, (*state.operators, *state.systems), strict=False)
        if one == "overdue"
    ]
    if state.spread == "overdue":
        late.append("spread")
    decision = decider.decide(
        DecisionInput(
            operators={n: SEEN[s] for n, s in zip(OPERATORS, state.operators, strict=True)},
            systems={n: SEEN[s] for n, s in zip(NAMES, state.systems, strict=False)},
            spread=SEEN[state.spread],
            overdue=frozenset(late),
            counting="merged" if merged else "literal",
            facts=frozenset(
                word
                for word in ("major_risk", "beyond_operator", "beyond_county")
                if getattr(facts, word)
            ),
            levels={"hq_level": facts.hq_level},
        )
    )
    return (
        decision.warning,
        decision.level,
        decision.warning_range,
        decision.level_range,
        decision.pending,
        decision.literal_warning,
        decision.literal_level,
    )


def check(*, step: int = 1) -> int:
    """Hold every ``step``-th state against the specification; how many were. AssertionError.

    Each is asked under both countings, each time with the next set of facts.
    """
    decider, count = Decider(load_plan()), 0
    for state in islice(states(), 0, None, step):
        for merged in (False, True):
            _hold(decider, state, merged, FACTS[(count // 2 + 7 * merged) % len(FACTS)])
            count += 1
    return count


def check_all(part: int = 1, parts: int = 1) -> int:
    """Every state under both countings and each set of facts; or that part of the sets alone."""
    decider, count = Decider(load_plan()), 0
    for merged, facts in product((False, True), FACTS[part - 1 :: parts]):
        extremes.cache_clear()
        for state in states():
            _hold(decider, state, merged, facts)
            count += 1
    return count


class Register(NamedTuple):
    """A state by how many systems are in each place, in the order of PLACES."""

    operators: tuple[str, ...]
    systems: tuple[int, ...]
    spread: str

    @property
    def state(self) -> State:
        systems = [place for place, n in zip(PLACES, self.systems, strict=True) for _ in range(n)]
        return State(self.operators, tuple(systems), self.spread)


def registers() -> Iterator[Register]:
    """Every one of them."""
    for serving in combinations_with_replacement(PLACES, 3):
        for tower in PLACES:
            for counts in product(MANY, repeat=5):
                for rest in (0, LARGEST - sum(counts)):
                    for spread in SPREADS:
                        yield Register((*serving, tower), (rest, *counts), spread)


@lru_cache(maxsize=50_000)
def span(
    operators: tuple[str, ...],
    systems: tuple[int, int, int, int],
    spread: str,
    merged: bool,  # noqa: FBT001  a key of the table
    facts: Facts,
) -> Range:
    """Over everything that the unknowns may turn out as; of systems: partial, full, unknown, all.

    Of those unknown each number may turn out partial, and each of the rest full.
    """
    partial, full, unknown, size = systems
    turned = [(p, f) for p in range(unknown + 1) for f in range(unknown + 1 - p)]
    found = [
        said(chosen, _counted(partial + p, full + f, size), end, merged, facts)
        for chosen in product(*(COMPLETE if one == "unknown" else (one,) for one in operators))
        for p, f in turned
        for end in (("no", "yes") if spread == "unknown" else (spread,))
    ]
    warnings = [WARNINGS.index(one.warning) for one in found]
    levels = [LEVELS.index(one.level) for one in found]
    return Range(min(warnings), max(warnings), min(levels), max(levels))


@cache
def _counted(partial: int, full: int, size: int) -> tuple[str, ...]:
    """Of those that are in order one is enough: it says that not all are hit."""
    return ("full",) * full + ("partial",) * partial + ("none",) * min(1, size - partial - full)


def wanted_of(one: Register, merged: bool, facts: Facts) -> tuple[object, ...]:  # noqa: FBT001  a key of the table
    """What the specification says of a register."""
    none, partial, full, absent, unknown, overdue = one.systems
    size = none + partial + full + absent + unknown + overdue
    operators = _plain(tuple(SEEN[word] for word in one.operators))
    found = span(
        operators, (partial, full, unknown + overdue, size), SEEN[one.spread], merged, facts
    )
    touched = bool(partial + full) or any(word in {"partial", "full"} for word in one.operators)
    late = {**LATE, "overdue": "full" if touched else "none"}
    ends = {"unknown": "no", "overdue": "yes" if touched else "no"}
    shown = said(
        tuple(late.get(word, word) for word in one.operators),
        _counted(partial, full + (overdue if touched else 0), size),
        ends.get(one.spread, one.spread),
        merged,
        facts,
    )
    words = (*one.operators, one.spread)
    open_ones = unknown + words.count("unknown")
    open_ones += 0 if touched else overdue + words.count("overdue")
    differs = found.best_warning != found.worst_warning or found.best_level != found.worst_level
    return (
        shown.warning,
        shown.level,
        (WARNINGS[found.best_warning], WARNINGS[found.worst_warning]),
        (LEVELS[found.best_level], LEVELS[found.worst_level]),
        open_ones > 0 and differs,
        shown.literal_warning,
        shown.literal_level,
    )


def check_registers(*, step: int = 1) -> int:
    """Hold every ``step``-th register against the specification; how many. AssertionError."""
    decider, count = Decider(load_plan()), 0
    for one in islice(registers(), 0, None, step):
        for merged in (False, True):
            facts = FACTS[(count // 2 + 7 * merged) % len(FACTS)]
            answer = got(decider, one.state, merged, facts)
            assert answer == wanted_of(one, merged, facts), (one, merged, facts, answer)
            count += 1
    return count


def _hold(decider: Decider, state: State, merged: bool, facts: Facts) -> None:  # noqa: FBT001  a key of the table
    answer = got(decider, state, merged, facts)
    assert answer == wanted(state, merged, facts), (state, merged, facts, answer)


if __name__ == "__main__":
    if "--registers" in sys.argv:
        held = f"{check_registers():,} questions on {REGISTERS:,} registers"
    else:
        which = [int(one) for word in sys.argv[2:] for one in word.split("/")]
        asked = check_all(*which) if "--facts" in sys.argv else check()
        held = f"{asked:,} questions on {STATES:,} states"
    sys.stdout.write(f"{held}: all as specified\n")
