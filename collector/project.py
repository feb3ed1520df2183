"""What is likely to come: the same decision function on sites that will be dark (PLAN section 2).

The observed state, and on top of it, in order of time, every site without mains whose battery ends
within the horizon, what hangs on its devices, and the threats that were entered. It never lowers
anything: each network's projected state is the worse of the observed and the counted one.

Pure, and made anew with each assessment from what the tally keeps: a projection that ends (the
mains are back, a threat was taken back) is simply not made again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Final, NamedTuple, TypeVar

from collector import impact, networks
from collector.base import World
from collector.decide import Decision, DecisionInput, Impact, Spread
from collector.state import Status
from collector.tally import (
    Cell,
    CellWord,
    Count,
    Dark,
    Depends,
    DeviceShare,
    SiteShare,
    Towns,
)
from config.paths import cut_off
from escalation.situation import Threat

K = TypeVar("K")
C = TypeVar("C", Count, Towns, Depends)

RANK: Final = {Impact.ABSENT: 0, Impact.NONE: 0, Impact.PARTIAL: 1, Impact.FULL: 2}
MOST_STAGES: Final = 24
"""Moments at which the county is judged ahead; more sites than these are taken in groups."""

OUT: Final = SiteShare(counted=True, out=True)
DOWN: Final = DeviceShare(counted=True, down=True)


class Ending(NamedTuple):
    """A site that will be dark; ``dark`` None: nobody knows when, only that nothing carries it."""

    at_ms: int
    site: str
    dark: Dark | None


@dataclass(frozen=True, slots=True)
class Projection:
    """The county as it is likely to be within the horizon.

    ``at_ms``: when the projected scenario and level are first reached (with the interval of the
    site that tips it; 0 where a threat alone makes it so), and ``first`` what is hit by then;
    ``sites`` that go dark by themselves,
    ``behind`` those cut off with them.
    """

    given: DecisionInput
    first: DecisionInput
    decision: Decision
    at_ms: int = 0
    low_ms: int = 0
    high_ms: int = 0
    sites: tuple[Ending, ...] = ()
    behind: int = 0
    threats: tuple[str, ...] = ()


def endings(world: World, now_ms: int, *, horizon_s: int, unknown_s: int) -> list[Ending]:
    """The sites that will be dark within ``horizon_s``, by when; those already out are left out.

    One of which nothing is known counts, at the horizon's end, ``unknown_s`` after its mains went.
    A loss that is not raised yet counts nowhere.
    """
    end_ms = now_ms + horizon_s * 1000
    found = []
    for site, lost in world.tally.lost.items():
        share = world.tally.site_shares.get(site, impact.NO_SITE)
        if share.out or not share.counted or not (share.at_risk or lost.carried):
            continue
        dark = lost.dark
        if dark is not None and dark.at_ms <= end_ms:
            found.append(Ending(max(now_ms, dark.at_ms), site, dark))
        elif dark is None and not lost.carried and now_ms - lost.since_ms >= unknown_s * 1000:
            found.append(Ending(end_ms, site, None))
    return sorted(found, key=lambda one: (one.at_ms, one.site))


def known_at(world: World) -> Iterator[int]:
    """Moments at which time alone changes who will be dark within the horizon."""
    policy = world.county.policy
    for lost in world.tally.lost.values():
        if lost.dark is not None:
            yield lost.dark.at_ms - policy.site.at_risk_horizon_s * 1000
            yield lost.dark.at_ms - policy.spread.battery_horizon_s * 1000
        elif not lost.carried:
            yield lost.since_ms + policy.power.unknown_after_s * 1000
    for one in world.desk.threats.values():
        yield one.until_ms
        yield one.from_ms - policy.threat.ahead_s * 1000


@dataclass(slots=True)
class Ahead:
    """The tally with more sites and devices out: copies of what they touch, the rest as it is.

    ``dark`` are the sites without power, ``out`` those and the ones that are cut off with them.
    """

    world: World
    cells: dict[Cell, Count] = field(default_factory=dict)
    operators: dict[str, Count] = field(default_factory=dict)
    towns: dict[str, Towns] = field(default_factory=dict)
    systems: dict[str, Depends] = field(default_factory=dict)
    egress: dict[str, Depends] = field(default_factory=dict)
    words: dict[Cell, CellWord] = field(default_factory=dict)
    dark: set[str] = field(default_factory=set)
    out: set[str] = field(default_factory=set)
    down: set[str] = field(default_factory=set)
    alone: bool = False
    """Whatever else is down now counts as up."""

    def darken(self, sites: Iterable[str]) -> None:
        """These sites lose their power, so do those that they power; and who hangs on them."""
        county = self.world.county
        waiting: list[str] = []
        unpowered = list(sites)
        while unpowered:
            site = unpowered.pop()
            if site in self.dark:
                continue
            self.dark.add(site)
            unpowered.extend(county.powers.get(site, ()))
            self.lose(site)
            waiting.extend(county.site_devices.get(site, ()))
        self.fail(waiting)

    def fail(self, devices: Iterable[str]) -> None:
        """These devices give no answer any more, nor does what is reached through them alone."""
        county = self.world.county
        failed = {device for device in devices if device not in self.down}
        behind = cut_off(county.parents, county.children, failed, self._gone)
        for device in sorted(failed | behind):
            if device in self.down:
                continue
            self._fail(device)
            if county.devices[device].main:
                self.lose(county.devices[device].site)

    def _gone(self, device: str) -> bool:
        if device in self.down or self.alone:
            return device in self.down
        row = self.world.state.devices.get(device)
        return row is not None and row.status in {Status.DOWN, Status.HIDDEN}

    def lose(self, site: str) -> None:
        """The site is out."""
        if site in self.out:
            return
        self.out.add(site)
        old = self.world.tally.site_shares.get(site, impact.NO_SITE)
        if not old.counted or old.out:
            return
        known, weight = self.world.county.sites[site], self.world.county.weights[site]
        tally, cell = self.world.tally, (known.operator, known.town)
        for count in (
            _own(self.cells, cell, tally.cells.get(cell, Count())),
            _own(self.operators, known.operator, tally.operators.get(known.operator, Count())),
        ):
            count.add(old, weight, key_unit=known.key_unit, sign=-1)
            count.add(OUT, weight, key_unit=known.key_unit, sign=1)

    def raise_cell(self, cell: Cell, share: float) -> None:
        """At least this share of the cell's weighted sites is out (a threat to its town)."""
        tally = self.world.tally
        count = _own(self.cells, cell, tally.cells.get(cell, Count()))
        more = max(0, ceil(share * count.weight) - count.weight_out)
        sites = max(0, ceil(share * count.sites) - count.out)
        for one in (count, _own(self.operators, cell[0], tally.operators.get(cell[0], Count()))):
            one.weight_out += more
            one.out += sites

    def _fail(self, device: str) -> None:
        self.down.add(device)
        world = self.world
        old = world.tally.device_shares.get(device, impact.NO_DEVICE)
        if not old.counted or old.down:
            return
        for system in world.county.systems_of.get(device, ()):
            count = _own(self.systems, system, world.tally.systems.get(system, Depends()))
            weight = world.county.parts.get((system, device), 0)
            count.add(old, -1, weight)
            count.add(DOWN, 1, weight)
        if world.county.devices[device].egress:
            operator = world.county.operator_of[device]
            count = _own(self.egress, operator, world.tally.egress.get(operator, Depends()))
            count.add(old, -1)
            count.add(DOWN, 1)

    def judged_cells(self) -> dict[Cell, CellWord]:
        """The words of the cells touched so far that are not as they are now."""
        tally = self.world.tally
        for cell, count in self.cells.items():
            word = impact.cell_of(self.world, count)
            old = self.words.get(cell, tally.cell_words.get(cell, CellWord()))
            if word != old:
                towns = _own(self.towns, cell[0], tally.towns.get(cell[0], Towns()))
                towns.add(old, -1)
                towns.add(word, 1)
                self.words[cell] = word
        return self.words

    def states(self) -> dict[str, str]:
        """What the touched operators and systems would be."""
        self.judged_cells()
        found: dict[str, str] = {}
        for operator in sorted({*self.operators, *self.egress}):
            now = networks.counted(self.world, operator)
            on = networks.Counted(
                self.operators.get(operator, now.sites),
                self.towns.get(operator, now.towns),
                self.egress.get(operator, now.egress),
            )
            rules = networks.operator_rules(self.world, operator, {}, on)
            bad = [name for name, judged in rules.items() if judged.bad]
            found[operator] = _worst_of(bad)
        for system, count in self.systems.items():
            found[system] = networks.system_hit(self.world, system, count)
        return found


def _own(copies: dict[K, C], key: K, now: C) -> C:
    """Our copy of a count, made when it is first touched."""
    if key not in copies:
        copies[key] = replace(now)
    return copies[key]


def _worst_of(rules: Iterable[str]) -> Impact:
    if any(name.startswith(networks.FULL) for name in rules):
        return Impact.FULL
    hit = any(name.startswith(networks.PARTIAL) for name in rules)
    return Impact.PARTIAL if hit else Impact.NONE


def project(
    world: World, now_ms: int, given: DecisionInput, threats: Iterable[Threat]
) -> Projection | None:
    """What is likely to come, None where nothing more than is observed."""
    policy = world.county.policy
    ends = endings(
        world,
        now_ms,
        horizon_s=policy.site.at_risk_horizon_s,
        unknown_s=policy.power.unknown_after_s,
    )
    live = [one for one in threats if one.counts(now_ms, policy.threat.ahead_s)]
    if not ends and not live:
        return None
    ahead = Ahead(world)
    said = _threaten(world, ahead, live)
    spread = Spread.YES if any(one.spread for one in live) else given.spread
    stages: list[tuple[Ending | None, DecisionInput, Decision]] = []
    for group in ([], *_groups(ends)):
        ahead.darken(one.site for one in group)
        coming = join(given, [said, ahead.states()], spread)
        found = world.county.decider.decide(coming)
        stages.append((group[-1] if group else None, coming, found))
    _, coming, found = stages[-1]
    if coming == given:
        return None
    severities = world.county.decider.severities
    reached = next(one for one in stages if severities(one[2]) == severities(found))
    if reached[0] is None and reached[1] in (given, stages[0][1]) and stages[0][1] != coming:
        reached = next(one for one in stages if one[1] == coming)  # nothing worse, but more is hit
    tip = reached[0]
    return Projection(
        given=coming,
        first=reached[1],
        decision=found,
        at_ms=tip.at_ms if tip else 0,
        low_ms=max(now_ms, tip.dark.low_ms) if tip and tip.dark else 0,
        high_ms=tip.dark.high_ms if tip and tip.dark else 0,
        sites=tuple(ends),
        behind=len(ahead.out) - len(ends),
        threats=tuple(one.id for one in live),
    )


def join(given: DecisionInput, coming: Iterable[Mapping[str, str]], spread: str) -> DecisionInput:
    """The worse of both, network by network. An overdue unknown already counts as the worst."""
    operators, systems = dict(given.operators), dict(given.systems)
    overdue = given.overdue if isinstance(given.overdue, frozenset) else frozenset()
    for states in coming:
        for name, state in states.items():
            for networks_ in (operators, systems):
                known = networks_.get(name)
                if known is None or (known == Impact.UNKNOWN and name in overdue):
                    continue
                if RANK[Impact(state)] > RANK.get(Impact(known), 0):
                    networks_[name] = str(state)
    return replace(given, operators=operators, systems=systems, spread=str(spread))


def _groups(ends: list[Ending]) -> Iterator[list[Ending]]:
    """Sites in order of their ends, each by itself, or as many together as the bound asks for."""
    size = max(1, ceil(len(ends) / MOST_STAGES))
    for start in range(0, len(ends), size):
        yield ends[start : start + size]


def _threaten(world: World, ahead: Ahead, threats: Iterable[Threat]) -> dict[str, str]:
    """What the threats do: to towns by their sites, to operators and systems as they say."""
    found: dict[str, str] = {}
    for threat in threats:
        state = Impact(threat.degree)
        share = 1.0 if state is Impact.FULL else world.county.policy.cell.share_out
        hit = set(threat.operators) or set(world.county.operators)
        for cell in world.county.cells:
            if cell[1] in threat.towns and cell[0] in hit:
                ahead.raise_cell(cell, share)
        named = threat.systems if threat.towns else (*threat.operators, *threat.systems)
        for name in named:
            found[name] = max(found.get(name, Impact.NONE), state, key=lambda s: RANK[Impact(s)])
    return found


def at_risk_cells(world: World, now_ms: int) -> list[Cell]:
    """The cells that will be affected when sites with too little battery are dark (PLAN 3)."""
    horizon_s = world.county.policy.spread.battery_horizon_s
    ends = endings(world, now_ms, horizon_s=horizon_s, unknown_s=0)
    if not ends:
        return []
    ahead = Ahead(world)
    ahead.darken(one.site for one in ends)
    now = world.tally.cell_words
    return sorted(
        cell
        for cell, word in ahead.judged_cells().items()
        if word.affected and not now.get(cell, CellWord()).affected
    )


def behind(world: World, site: str) -> tuple[int, int]:
    """Key units and people (thousandths of a weight) that go dark with the site, itself included.

    As if it alone failed; remembered until the configuration changes.
    """
    known = world.tally.behind.get(site)
    if known is None:
        ahead = Ahead(world, alone=True)
        ahead.darken([site])
        sites, weights = world.county.sites, world.county.weights
        known = (
            sum(sites[one].key_unit for one in ahead.out),
            sum(weights[one] for one in ahead.out),
        )
        world.tally.behind[site] = known
    return known
