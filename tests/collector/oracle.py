"""The decision function of the county's plan, written straight from its specification.

Knows nothing of the plan file: an independent second opinion.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

OPERATORS = ("cmcc", "cucc", "ctcc", "tower")
WARNINGS = ("none", "scenario3", "scenario2", "scenario1")
LEVELS = ("none", "II", "I")


@dataclass(frozen=True)
class Facts:
    major_risk: bool = False
    beyond_operator: bool = False
    beyond_county: bool = False
    hq_level: str = "none"


NO_FACTS = Facts()


@dataclass(frozen=True)
class Said:
    warning: str
    level: str
    literal_warning: bool
    literal_level: bool


@cache
def known(
    operators: tuple[str, ...],
    systems: tuple[str, ...],
    spread: bool,  # noqa: FBT001  a table's column
    merged: bool,  # noqa: FBT001  a table's column
    facts: Facts,
) -> Said:
    """The decision on a fully known state; ``tower`` stands last among the operators."""
    hit = [state in ("partial", "full") for state in operators]
    down = [state == "full" for state in operators]
    a_s = sum(state in ("partial", "full") for state in systems)
    f_s = sum(state == "full" for state in systems)
    a_o, f_o = sum(hit), sum(down)
    dark = all(down)
    everything = all(hit) and a_s == len(systems)
    if merged:
        a_o, f_o = max(sum(hit[:3]), int(hit[3])), max(sum(down[:3]), int(down[3]))
    impact = a_o + a_s > 0
    inside3 = (
        not spread and a_o <= 1 and f_o == 0 and a_s <= 2 and f_s == 0 and not facts.major_risk
    )
    if not impact:
        warning = "none"
    elif (everything and spread) or dark:
        warning = "scenario1"
    elif inside3:
        warning = "scenario3"
    else:
        warning = "scenario2"
    if warning in ("none", "scenario3"):
        level = "none"
    elif warning == "scenario1" or (spread and f_o + f_s >= 1) or f_o >= 3 or f_s >= 3:
        level = "I"
    else:
        level = "II"
    if facts.beyond_operator and level == "none":
        level = "II"
    if facts.beyond_county:
        level = "I"
    level = max(level, facts.hq_level, key=LEVELS.index)

    words = {
        "none": True,
        "scenario1": everything and spread,
        "scenario2": (f_o >= 1 or f_s >= 2) and spread,
        "scenario3": inside3 and impact,
    }
    grounded = (level == "I" and (facts.beyond_county or facts.hq_level == "I")) or (
        level == "II" and (facts.beyond_operator or facts.hq_level == "II")
    )
    level_words = {
        "none": True,
        "I": (everything or f_o >= 1 or f_s >= 2) and spread,
        "II": not spread and f_o + f_s > 0 and f_o <= 2 and f_s <= 2,
    }
    return Said(
        warning, level, not impact or words[warning], not impact or grounded or level_words[level]
    )


@dataclass(frozen=True)
class Expected:
    warning: str
    level: str
    warning_range: tuple[str, str]
    level_range: tuple[str, str]
    pending: bool
    literal_warning: bool
    literal_level: bool


def expected(
    operators: Mapping[str, str],
    systems: Sequence[str],
    spread: str,
    *,
    overdue: bool | frozenset[str] = False,
    merged: bool = False,
    facts: Facts = NO_FACTS,
) -> Expected:
    """The decision with unknowns, whose range is found by trying every completion.

    Systems are called ``systems[0]`` and so on in ``overdue``.
    """
    names = [*OPERATORS, *(f"systems[{i}]" for i in range(len(systems))), "spread"]
    states = [*(operators[name] for name in OPERATORS), *systems, spread]
    unknown = [name for name, state in zip(names, states, strict=True) if state == "unknown"]
    touched = any(state in ("partial", "full") for state in states)
    late = set(unknown) if overdue is True else set(overdue or ()) & set(unknown)
    if not touched:
        late = set()

    def judge(given: Sequence[str]) -> Said:
        put = tuple("none" if state == "absent" else state for state in given)
        count = len(OPERATORS)
        return known(put[:count], tuple(sorted(put[count:-1])), put[-1] == "yes", merged, facts)

    every = [judge(given) for given in completions(states)]
    warnings = sorted({said.warning for said in every}, key=WARNINGS.index)
    levels = sorted({said.level for said in every}, key=LEVELS.index)
    worst_of = dict.fromkeys(names, "full") | {"spread": "yes"}
    best_of = dict.fromkeys(names, "none") | {"spread": "no"}
    shown = judge(
        [
            (worst_of if name in late else best_of)[name] if state == "unknown" else state
            for name, state in zip(names, states, strict=True)
        ]
    )
    return Expected(
        warning=shown.warning,
        level=shown.level,
        warning_range=(warnings[0], warnings[-1]),
        level_range=(levels[0], levels[-1]),
        pending=len(late) < len(unknown) and (len(warnings) > 1 or len(levels) > 1),
        literal_warning=shown.literal_warning,
        literal_level=shown.literal_level,
    )


def completions(states: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Every way in which the unknowns (the last one is the spread) may turn out."""
    choices: list[tuple[str, ...]] = [
        ("none", "partial", "full") if state == "unknown" else (state,) for state in states[:-1]
    ]
    choices.append(("no", "yes") if states[-1] == "unknown" else (states[-1],))
    return product(*choices)
