"""What is missing for the next higher scenario or level: found by asking the decision function.

Nothing here knows a rule. Every combination of a few kinds of changes for the worse is put to the
function; kept are those that lead there and of which nothing can be left out. It is monotone, so
that a combination which contains one that leads there needs no asking.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Final, NamedTuple

from collector.decide import Decider, Decision, DecisionInput, Impact, Spread
from config.plan import NOTHING
from wire.notice import Bilingual

FEW: Final = 3
"""So many systems one by one; beyond that only all of them."""

MOST_ASKED: Final = 20_000
MOST_KEPT: Final = 12


class Move(NamedTuple):
    """How many operators and systems become partly, or wholly, affected, and what else.

    ``facts`` are (id, value), of which boolean ones have an empty value.
    """

    operators_partial: int = 0
    operators_full: int = 0
    systems_partial: int = 0
    systems_full: int = 0
    spread: int = 0
    facts: tuple[tuple[str, str], ...] = ()

    @property
    def counts(self) -> tuple[int, int, int, int, int]:
        return self[:5]

    def within(self, other: Move, hit: tuple[int, int]) -> bool:
        """Whether ``other`` has all of this, and perhaps more.

        ``hit``: so many operators, and systems, are partly affected already; these are the first
        to be wholly so. One that is newly hit wholly is more than one that is newly hit partly.
        """
        mine, its = self.counts, other.counts
        if mine[4] > its[4] or not {n for n, _ in self.facts} <= {n for n, _ in other.facts}:
            return False
        return all(
            mine_new <= its_new
            for part, full, known in ((0, 1, hit[0]), (2, 3, hit[1]))
            for mine_new, its_new in zip(
                _steps(mine[part], mine[full], known),
                _steps(its[part], its[full], known),
                strict=True,
            )
        )


def _steps(partial: int, full: int, hit: int) -> tuple[int, int, int]:
    """How many of those already hit are wholly so, how many are newly hit, and how many wholly."""
    new = max(0, full - hit)
    return min(full, hit), partial + new, new


@dataclass(frozen=True, slots=True)
class Way:
    """A smallest change for the worse, and the decision that it leads to."""

    move: Move
    decision: Decision


def shown(given: DecisionInput, decision: Decision) -> DecisionInput:
    """The state that the shown result speaks of: overdue unknowns at their worst, others best."""

    def known(states: Mapping[str, str]) -> dict[str, str]:
        return {
            name: (Impact.FULL if name in decision.assumed else Impact.NONE)
            if state == Impact.UNKNOWN
            else state
            for name, state in states.items()
        }

    spread = given.spread
    if spread == Spread.UNKNOWN:
        spread = Spread.YES if "spread" in decision.assumed else Spread.NO
    return replace(
        given,
        operators=known(given.operators),
        systems=known(given.systems),
        spread=str(spread),
        overdue=False,
    )


def ways(decider: Decider, given: DecisionInput, of: str, target: int) -> list[Way]:
    """Every smallest change after which ``of`` (warning, level) is at least of severity ``target``.

    ``given`` has no unknowns (``shown``). Fewest changes first; facts that people enter last.
    """
    found: list[Way] = []
    place = 0 if of == "warning" else 1
    hit = tuple(list(one.values()).count("partial") for one in (given.operators, given.systems))
    for asked, move in enumerate(_moves(decider, given)):
        if asked >= MOST_ASKED or len(found) >= MOST_KEPT:
            break
        if any(way.move.within(move, (hit[0], hit[1])) for way in found):
            continue
        decision = decider.decide(moved(given, move))
        if decider.severities(decision)[place] >= target:
            found.append(Way(move, decision))
    return found


def _moves(decider: Decider, given: DecisionInput) -> list[Move]:
    operators, systems = list(given.operators.values()), list(given.systems.values())
    facts: list[tuple[tuple[str, str], ...]] = [()]
    for fact in decider.plan.facts:
        if fact.kind == "level":
            entered = given.levels.get(fact.id, NOTHING)
            milder = [one.id for one in reversed(decider.plan.levels)]
            facts += [((fact.id, one),) for one in milder if one != entered]
        elif fact.id not in given.facts:
            facts.append(((fact.id, ""),))
    found = [
        Move(*of_operators, *of_systems, spread, entered)
        for of_operators, of_systems in product(_pairs(operators), _pairs(systems))
        for spread in range(1 + (given.spread == Spread.NO))
        for entered in facts
    ]
    return sorted(found, key=_cost)[1:]


def _pairs(states: Sequence[str]) -> list[tuple[int, int]]:
    """How many may become partly, and how many others wholly affected."""
    spare, hit = states.count("none"), states.count("partial")
    return [
        (partial, full)
        for partial in _counts(spare)
        for full in _counts(spare + hit)
        if full <= spare - partial + hit
    ]


def _cost(move: Move) -> tuple[int, int, int, tuple[int, ...]]:
    """Facts last, then how many things change, then by how much."""
    a, b, c, d, e = move.counts
    return (len(move.facts), a + b + c + d + e, b + d, (e, c + d))


def _counts(most: int) -> list[int]:
    return sorted({*range(min(FEW, most) + 1), most}) if most > FEW + 1 else list(range(most + 1))


def moved(given: DecisionInput, move: Move) -> DecisionInput:
    """The state after a move. Who becomes wholly affected is one that is partly so, if any is."""
    return replace(
        given,
        operators=_worsened(given.operators, move.operators_partial, move.operators_full),
        systems=_worsened(given.systems, move.systems_partial, move.systems_full),
        spread=Spread.YES.value if move.spread else given.spread,
        facts=given.facts | {name for name, value in move.facts if not value},
        levels={**given.levels, **{name: value for name, value in move.facts if value}},
    )


def _worsened(states: Mapping[str, str], partial: int, full: int) -> dict[str, str]:
    after = dict(states)
    candidates = [n for n, s in states.items() if s == "partial"]
    candidates += [n for n, s in states.items() if s == "none"]
    for name in candidates[:full]:
        after[name] = "full"
    spared = [name for name, state in after.items() if state == "none"]
    for name in spared[:partial]:
        after[name] = "partial"
    return after


def told(decider: Decider, given: DecisionInput, move: Move) -> Iterator[Bilingual]:
    """What changes, one sentence each."""
    for partial, full, states, zh, en in (
        (move.operators_partial, move.operators_full, given.operators, "基础运营网络", "operator"),
        (move.systems_partial, move.systems_full, given.systems, "重要信息系统", "system"),
    ):
        affected = any(state in {"partial", "full"} for state in states.values())
        if partial:
            more = ("再有", "more ") if affected else ("有", "")
            yield _counted(more, partial, (zh, en), ("部分业务受影响", "partly affected"))
        if full:
            some = "partial" in states.values()
            which = ("（可为已受影响者）", " (one already hit counts)") if some else ("", "")
            words = (f"全部业务中断{which[0]}", f"wholly out{which[1]}")
            yield _counted(("有", ""), full, (zh, en), words)
    if move.spread:
        yield Bilingual(zh="有扩散性", en="it spreads")
    facts = {fact.id: fact for fact in decider.plan.facts}
    names = {level.id: level.name for level in decider.plan.levels}
    for fact, value in move.facts:
        name = facts[fact].name
        of = names.get(value)
        yield Bilingual(
            zh=f"人工登记：{name.zh}" + (f"：{of.zh}" if of else ""),
            en=f"a person enters: {name.en}" + (f": {of.en}" if of else ""),
        )


def _counted(
    more: tuple[str, str], number: int, noun: tuple[str, str], words: tuple[str, str]
) -> Bilingual:
    unit = "家" if noun[1] == "operator" else "个"
    plural = noun[1] if number == 1 else f"{noun[1]}s"
    return Bilingual(
        zh=f"{more[0]}{number}{unit}{noun[0]}{words[0]}",
        en=f"{number} {more[1]}{plural} {words[1]}",
    )
