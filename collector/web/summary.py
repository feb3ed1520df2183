"""Home: counts, matrix, operators, systems and map of one board."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from heapq import nsmallest
from typing import Final

from collector.web.index import Index, Moment, counts
from collector.web.lists import dark_order, in_list, unacked
from collector.web.model import (
    AttestedItem,
    Causes,
    Cell,
    DarkItem,
    Draft,
    Fault,
    Operator,
    Outlook,
    RulesBrief,
    SiteSpots,
    Summary,
    System,
    Town,
    WarningBrief,
    WouldItem,
)
from collector.web.source import CellState, Said, SourceState, State
from collector.would import Would
from wire.notice import Bilingual, Verdict

NOTHING = Bilingual(zh="无", en="none")
_UNJUDGED = CellState("unknown")


def name_of(names: Mapping[str, Bilingual], word: str) -> Bilingual:
    """The bilingual name of a scenario or level id; 无 for none; the id where it is nameless."""
    if word == "none":
        return NOTHING
    return names.get(word) or Bilingual(zh=word, en=word)


NO_WARNING: Final = Bilingual(zh="无预警情形", en="no scenario")
NO_LEVEL: Final = Bilingual(zh="无需响应", en="no response")


def draft(moment: Moment, verdict: Verdict) -> Draft:
    """What the decision function drafted, with names."""
    words = moment.board.static.words
    return Draft(
        warning=verdict.warning,
        warning_name=name_of(words.scenarios, verdict.warning),
        level=verdict.level,
        level_name=name_of(words.levels, verdict.level),
        literal_warning=verdict.literal_warning,
        literal_level=verdict.literal_level,
        pending=verdict.pending,
    )


def cells(moment: Moment) -> tuple[Cell, ...]:
    """Every (operator, town) that has sites, in the order of towns, then operators."""
    states: dict[tuple[str, str], Counter[State]] = defaultdict(Counter)
    at_risk: Counter[tuple[str, str]] = Counter()
    for site in moment.index.sites.values():
        key = (site.operator, site.town)
        here = moment.site(site.id)
        states[key][here.state] += 1
        at_risk[key] += here.at_risk
    found = []
    for town in moment.index.towns:
        for operator in moment.index.operators:
            key = (operator, town)
            if key not in states:
                continue
            judged = moment.board.cells.get(key)
            found.append(_cell(key, states[key], at_risk[key], judged, moment))
    return tuple(found)


def _cell(
    key: tuple[str, str],
    states: Counter[State],
    at_risk: int,
    judged: CellState | None,
    moment: Moment,
) -> Cell:
    affected = judged is not None and judged.affected
    state = moment.worst(states)
    if state is State.DOWN and not affected:
        state = State.ALARM  # sites are out, but fewer than make the cell an affected one
    return Cell(
        operator=key[0],
        town=key[1],
        state=State.DOWN if affected else state,
        affected=affected,
        sites=states.total(),
        down=states[State.DOWN],
        alarm=states[State.ALARM],
        unknown=states[State.UNKNOWN],
        at_risk=at_risk,
    )


def operators(moment: Moment) -> tuple[Operator, ...]:
    """The operators in the plan's order, with sites by state and their sources' freshness."""
    states: dict[str, Counter[State]] = defaultdict(Counter)
    at_risk: Counter[str] = Counter()
    for site in moment.index.sites.values():
        here = moment.site(site.id)
        states[site.operator][here.state] += 1
        at_risk[site.operator] += here.at_risk
    enrolled = moment.board.static.register.sources
    trial = {source.operator for source in enrolled if source.trial}
    found = []
    for name in moment.index.operators:
        judged = moment.board.operators.get(name, _UNJUDGED)
        sources = [source for source in moment.board.sources if source.operator == name]
        found.append(
            Operator(
                id=name,
                name=moment.index.operator_name(name),
                impact=judged.impact,
                since_ms=judged.since_ms,
                connected=bool(sources),
                trial=name in trial,
                would=_would(moment, judged.would),
                sites=counts(states[name]),
                at_risk=at_risk[name],
                seen_ms=newest(sources),
                silent_since_ms=silent_since(sources),
                attested=attested(moment, judged.attested),
            )
        )
    return tuple(found)


def _would(moment: Moment, found: Would | None) -> WouldItem | None:
    """What a trial would say, with the plan's names."""
    if found is None:
        return None
    words = moment.board.static.words
    return WouldItem(
        state=found.state,
        sites=found.sites,
        out=found.out,
        at_risk=found.at_risk,
        unknown=found.unknown,
        warning=words.scenarios.get(found.warning, NO_WARNING) if found.warning else None,
        level=words.levels.get(found.level, NO_LEVEL) if found.level else None,
    )


def attested(moment: Moment, said: Said | None) -> AttestedItem | None:
    """What a person stated, with the name of who entered it."""
    if said is None:
        return None
    return AttestedItem(
        state=said.state,
        source=said.source,
        account=said.account,
        name=moment.index.person_name(said.account),
        at_ms=said.at_ms,
        until_ms=said.until_ms,
    )


def newest(sources: Iterable[SourceState]) -> int | None:
    """The newest word of any of the sources."""
    return max((source.seen_ms for source in sources if source.seen_ms is not None), default=None)


def silent_since(sources: Iterable[SourceState]) -> int | None:
    """Since when one of the sources has been silent; the longest silence counts."""
    silent = [source.silent_since_ms for source in sources if source.silent_since_ms is not None]
    return min(silent, default=None)


def systems(moment: Moment) -> tuple[System, ...]:
    """The registered information systems."""
    return tuple(
        System(
            id=system.id,
            name=system.name,
            impact=(judged := moment.board.systems.get(system.id, _UNJUDGED)).impact,
            since_ms=judged.since_ms,
            devices=system.devices,
            attested=attested(moment, judged.attested),
        )
        for system in moment.board.static.register.systems
    )


def towns(moment: Moment, matrix: tuple[Cell, ...]) -> tuple[Town, ...]:
    """The towns with their worst cell."""
    states: dict[str, Counter[State]] = defaultdict(Counter)
    for cell in matrix:
        states[cell.town][cell.state] += 1
    spots = moment.index.town_spots
    return tuple(
        Town(
            code=town.code,
            name=town.name,
            x=spots[town.code][0],
            y=spots[town.code][1],
            state=moment.worst(states[town.code]),
        )
        for town in moment.index.towns.values()
    )


def brief(moment: Moment) -> WarningBrief | None:
    """The open warning in one line."""
    warning, verdict = moment.board.warning, moment.board.verdict
    if warning is None or verdict is None:
        return None
    words = moment.board.static.words
    return WarningBrief(
        id=warning.id,
        state=warning.state,
        state_name=warning.state_name,
        since_ms=warning.since_ms,
        scenario=warning.scenario,
        scenario_name=name_of(words.scenarios, warning.scenario),
        level=warning.level,
        level_name=name_of(words.levels, warning.level),
        draft=draft(moment, verdict),
    )


def summary(moment: Moment) -> Summary:
    """Everything that home shows."""
    board, matrix = moment.board, cells(moment)
    open_alarms = [alarm for alarm in board.alarms if in_list(alarm)]
    sites = {name: moment.site(name) for name in moment.index.sites}
    return Summary(
        revision=board.revision,
        at_ms=board.at_ms,
        county=board.county,
        name=board.static.name,
        tree=board.tree,
        drill=board.tree.startswith("drill-"),
        as_of_ms=newest(board.sources),
        devices=counts(moment.device_counts),
        sites=counts(moment.site_counts),
        hidden=moment.hides.total(),
        at_risk=sum(site.at_risk for site in sites.values()),
        causes=causes(moment),
        maintained=board.maintained,
        shelved=len(board.shelf),
        alarms_open=len(open_alarms),
        alarms_unacked=sum(map(unacked, open_alarms)),
        operators=operators(moment),
        systems=systems(moment),
        towns=towns(moment, matrix),
        cells=matrix,
        not_ok={name: site.state for name, site in sites.items() if site.state is not State.OK},
        warning=brief(moment),
        outlook=outlook(moment),
        dark_next=dark_next(moment),
        config_hash=board.static.config_hash,
        rules=RulesBrief(**board.rules._asdict()),
        remarks=(*board.remarks, *board.static.words.remarks),
    )


FIRST: Final = 5
"""Faults that home names; the list of devices has all of them."""


def causes(moment: Moment) -> Causes:
    """By cause and by effect, with the faults behind which most is hidden."""
    found = [
        (-moment.hides[name], here.since_ms, name)
        for name, here in moment.board.devices.items()
        if here.state is State.DOWN and here.cause is None and name in moment.index.devices
    ]
    return Causes(
        **moment.board.counts()._asdict(),
        first=tuple(_fault(moment, name) for _, _, name in nsmallest(FIRST, found)),
    )


def _fault(moment: Moment, name: str) -> Fault:
    known = moment.index.devices[name]
    site = moment.index.sites[known.site]
    return Fault(
        device=name,
        name=known.name,
        town_name=moment.index.town_name(site.town),
        operator=site.operator,
        since_ms=moment.device(name).since_ms,
        hides=moment.hides[name],
    )


DARK: Final = 8
"""Sites without mains that home and the warning show; the list of sites has all of them."""


def outlook(moment: Moment) -> Outlook | None:
    """What is likely to come, with names."""
    verdict = moment.board.verdict
    ahead = verdict.projected if verdict else None
    if ahead is None:
        return None
    words = moment.board.static.words
    return Outlook(
        warning=ahead.warning,
        warning_name=name_of(words.scenarios, ahead.warning),
        level=ahead.level,
        level_name=name_of(words.levels, ahead.level),
        spread=ahead.spread,
        at_ms=ahead.at_ms,
        low_ms=ahead.low_ms,
        high_ms=ahead.high_ms,
        sites=ahead.sites,
        behind=ahead.behind,
        operators=ahead.operators,
        systems=ahead.systems,
        threats=tuple(one.what for one in moment.board.threats if one.id in ahead.threats),
    )


def dark_next(moment: Moment) -> tuple[DarkItem, ...]:
    """Sites without mains that are not out yet, by key units and people behind them."""
    found = [
        (site, here.power)
        for site in moment.index.sites.values()
        if (here := moment.site(site.id)).power is not None and here.state is not State.DOWN
    ]
    found.sort(key=lambda one: dark_order(moment, one[0]))
    return tuple(
        DarkItem(
            site=site.id,
            name=site.name,
            town_name=moment.index.town_name(site.town),
            operator=site.operator,
            key_unit=site.key_unit,
            power=power,
        )
        for site, power in found[:DARK]
    )


def spots(index: Index) -> SiteSpots:
    """Where the sites stand, in columns."""
    places = index.spots
    return SiteSpots(
        id=tuple(places),
        x=tuple(x for x, _ in places.values()),
        y=tuple(y for _, y in places.values()),
    )
