"""The World as retained topics show it: one model per topic, and no word more than is disclosed.

Pure projections; what to publish when is ``collector.retained``'s. Whatever an agent sends as text
(reasons, details, instances, values) stays out of everything but ``DeviceDetail``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from collector import offices, quiet
from collector.assess import power_of
from collector.base import World
from collector.county import SNMP_FAILURE, UNREACHABLE, County
from collector.inhibit import flaps_behind
from collector.mains import MINUTES, POWER_CAUSES, active, least, percent, power
from collector.sight import as_of, in_sight
from collector.state import AgentState, Blind, Status
from collector.state import DeviceState as Row
from collector.words import device_cause
from config.policy import AlarmType, SiteEffect
from escalation.state import Standing
from wire.view import (
    NONE,
    AlarmView,
    CauseClass,
    CountyIndex,
    DeviceCounts,
    DeviceDetail,
    DeviceState,
    DeviceView,
    Disclosure,
    LookView,
    OfficeView,
    OpenWarning,
    OperatorSummary,
    Quiet,
    SiteCounts,
    SiteState,
    SiteView,
    SourceView,
    StandingView,
)

LEAST: Final = (Disclosure.SITE, Disclosure.DEVICE, Disclosure.FULL)
LINE: Final = 480
MOST_ALARMS: Final = 100
MOST_LOOKS: Final = 32
EVENT_CLASSES: Final = {
    "communications": CauseClass.COMMUNICATIONS,
    "environmental": CauseClass.ENVIRONMENT,
    "equipment": CauseClass.EQUIPMENT,
    "processing": CauseClass.PROCESSING,
    "quality": CauseClass.QUALITY,
    "physical": CauseClass.SECURITY,
}
CLASS_RANK: Final = {
    cause: rank
    for rank, cause in enumerate(
        (
            CauseClass.POWER,
            CauseClass.UPSTREAM,
            CauseClass.ENVIRONMENT,
            CauseClass.COMMUNICATIONS,
            CauseClass.EQUIPMENT,
            CauseClass.PROCESSING,
            CauseClass.QUALITY,
            CauseClass.SECURITY,
            CauseClass.UNREACHABLE,
            CauseClass.MANAGEMENT,
            CauseClass.UNSEEN,
            CauseClass.NONE,
        )
    )
}
"""Of several causes the one that explains most comes first."""

_DEVICE_CLASSES: Final = {
    Status.DOWN: CauseClass.UNREACHABLE,
    Status.HIDDEN: CauseClass.UPSTREAM,
    Status.UNKNOWN: CauseClass.UNSEEN,
    Status.SNMP_FAULT: CauseClass.MANAGEMENT,
}


def disclosures(county: County) -> dict[str, Disclosure]:
    """Each operator's level: the least of its sources; without one, the least there is."""
    found: dict[str, Disclosure] = {}
    for source in county.sources.values():
        known = found.get(source.operator, Disclosure.FULL)
        found[source.operator] = min(known, source.disclose, key=LEAST.index)
    return {operator: found.get(operator, Disclosure.SITE) for operator in county.operators}


def site_word(world: World, site: str) -> SiteState:
    if world.county.sites[site].operator not in world.county.connected:
        return SiteState.NOT_CONNECTED
    row = world.state.sites.get(site)
    return SiteState(row.word.value) if row else SiteState.NEW


def device_word(world: World, device: str) -> DeviceState:
    if world.county.operator_of[device] not in world.county.connected:
        return DeviceState.NOT_CONNECTED
    row = world.state.devices.get(device)
    return DeviceState(row.status.value) if row else DeviceState.NEW


def site_view(world: World, site: str) -> SiteView:
    """One site. ``as_of_ms`` is that of its device heard of longest ago."""
    county, known = world.county, world.county.sites[site]
    row, word = world.state.sites.get(site), site_word(world, site)
    rows = dict(_commissioned(world, site))
    mains, battery = power(county, rows.values())
    ages = [as_of(world, one, name) for name, one in rows.items()]
    return SiteView(
        operator=known.operator,
        site=site,
        name=known.name,
        town=known.town,
        town_name=county.town_names.get(known.town, known.town),
        key_unit=known.key_unit,
        state=word,
        since_ms=row.since_ms if row and word is not SiteState.NOT_CONNECTED else None,
        cause=_site_cause(world, word, rows),
        mains=mains,
        battery=battery,
        battery_min=least(rows.values(), MINUTES),
        battery_percent=percent(rows.values()),
        as_of_ms=min(ages, default=0) or None,
        rev=0,
        power=power_of(world, site, lost) if (lost := world.tally.lost.get(site)) else None,
        quiet=_quiet(quiet.site_mark(world, site)),
    )


def device_view(world: World, device: str, level: Disclosure) -> DeviceView:
    """One device, with its detail at level ``full`` alone."""
    county, known = world.county, world.county.devices[device]
    row, word = world.state.devices.get(device), device_word(world, device)
    fact = world.tally.device_facts.get(device)
    since_ms = fact.since_ms if fact else row.since_ms if row else 0
    return DeviceView(
        operator=county.operator_of[device],
        site=known.site,
        device=device,
        name=known.name,
        main=known.main,
        state=word,
        since_ms=since_ms or None,
        cause=_device_cause(county, row),
        as_of_ms=(as_of(world, row, device) or None) if row else None,
        detail=_detail(world, device, row) if row and level is Disclosure.FULL else None,
        rev=0,
        quiet=_quiet(quiet.device_mark(world, device)),
    )


def summary(
    world: World, operator: str, sites: SiteCounts, devices: DeviceCounts | None
) -> OperatorSummary:
    row = world.state.operators[operator]
    connected = operator in world.county.connected
    towns = sorted(
        town
        for (owner, town), word in world.tally.cell_words.items()
        if owner == operator and word.affected
    )
    return OperatorSummary(
        operator=operator,
        name=world.county.operator_names[operator],
        impact=row.impact if connected else "absent",
        since_ms=(row.since_ms or None) if connected else None,
        sites=sites,
        devices=devices,
        towns_affected=tuple(towns),
        sources=tuple(_source(agent, row) for agent, row in sources_of(world, operator)),
        rev=0,
        trial=operator in world.county.trial,
    )


def fresh_as_of(world: World, operator: str) -> int | None:
    """The oldest last round of the operator's agents; None while one is not to be counted on."""
    rounds = [
        row.round_ms if row.blind is Blind.SEES else None for _, row in sources_of(world, operator)
    ]
    known = [one for one in rounds if one is not None]
    return min(known) if known and len(known) == len(rounds) else None


def sources_of(world: World, operator: str) -> Iterator[tuple[str, AgentState]]:
    for agent, row in sorted(world.state.agents.items()):
        source = world.county.sources.get(agent)
        if source is not None and source.operator == operator:
            yield agent, row


def county_index(world: World, sites: SiteCounts, session: int, every_ms: int) -> CountyIndex:
    return CountyIndex(
        county=world.county.register.county,
        tree=world.county.bundle.tree,
        session=session,
        at_ms=0,
        every_ms=every_ms,
        operators=world.county.operators,
        sites=sites,
        config_hash=world.county.hash,
        offices=tuple(office_view(world, name) for name in world.county.bundle.offices),
    )


def office_view(world: World, name: str) -> OfficeView:
    row = offices.office(world, name)
    never = row.blind is Blind.NEVER
    return OfficeView(
        office=name,
        state=row.blind.value or "ok",
        since_ms=None if never else row.blind_ms,
    )


def open_warning(world: World) -> OpenWarning | None:
    """The open warning, or that there is none; None before the first assessment."""
    situation, case = world.situation, world.desk.case
    if situation is None:
        return None
    verdict = situation.verdict
    standing = (case.issued or case.draft) if case else Standing()
    return OpenWarning(
        county=world.county.register.county,
        tree=world.county.bundle.tree,
        id=case.id if case else NONE,
        state=case.state.value if case else NONE,
        since_ms=case.opened_ms if case else None,
        expires_ms=case.expires_ms if case else None,
        scenario=standing.warning,
        level=standing.level,
        drafted=_standing(case.draft) if case else None,
        proposed=_standing(case.proposed) if case and case.proposed else None,
        issued=_standing(case.issued) if case and case.issued else None,
        observed=StandingView(scenario=verdict.warning, level=verdict.level),
        scenario_range=verdict.warning_range,
        level_range=verdict.level_range,
        pending=verdict.pending,
        literal_scenario=verdict.literal_warning,
        literal_level=verdict.literal_level,
        operators=verdict.operators,
        systems=verdict.systems,
        spread=verdict.spread,
        rules=verdict.rules,
        clauses=verdict.clauses,
        at_ms=0,
        rev=0,
        projected=verdict.projected,
    )


def _standing(standing: Standing) -> StandingView:
    return StandingView(scenario=standing.warning, level=standing.level)


def _source(agent: str, row: AgentState) -> SourceView:
    return SourceView.model_validate(
        {"agent": agent, "state": row.blind.value or "ok", "since_ms": row.blind_ms or None}
    )


def _commissioned(world: World, site: str) -> Iterator[tuple[str, Row]]:
    for device in world.county.site_devices.get(site, ()):
        row = world.state.devices.get(device)
        if row is not None and row.commissioned_ms is not None:
            yield device, row


def alarm_class(kind: AlarmType) -> CauseClass:
    if kind.id == UNREACHABLE:
        return CauseClass.UNREACHABLE
    if kind.id == SNMP_FAILURE:
        return CauseClass.MANAGEMENT
    if kind.probable_cause_no in POWER_CAUSES:
        return CauseClass.POWER
    return EVENT_CLASSES.get(kind.event_type, CauseClass.EQUIPMENT)


def _quiet(mark: str) -> Quiet | None:
    return Quiet(mark) if mark else None


def _first(causes: Iterable[CauseClass]) -> CauseClass:
    return min(causes, key=CLASS_RANK.__getitem__, default=CauseClass.NONE)


def _device_cause(county: County, row: Row | None) -> CauseClass:
    if row is None or row.status in {Status.OK, Status.NEW}:
        return CauseClass.NONE
    if row.status is Status.ALARM and flaps_behind(row):
        return CauseClass.UPSTREAM
    fixed = _DEVICE_CLASSES.get(row.status)
    return fixed or _first(alarm_class(kind) for kind in active(county, row))


def _site_cause(world: World, word: SiteState, rows: dict[str, Row]) -> CauseClass:
    """What explains the site's state best: a dead device beside a power alarm is power."""
    if word is SiteState.UNKNOWN:
        return CauseClass.UNSEEN
    if word not in {SiteState.OUT, SiteState.AT_RISK}:
        return CauseClass.NONE
    causes = []
    for name, row in rows.items():
        if row.status in {Status.DOWN, Status.HIDDEN} and world.county.devices[name].main:
            causes.append(_DEVICE_CLASSES[row.status])
        causes += [
            alarm_class(kind)
            for kind in active(world.county, row)
            if kind.site_effect is not SiteEffect.NONE and kind.id != UNREACHABLE
        ]
    return _first(causes)


def _detail(world: World, device: str, row: Row) -> DeviceDetail:
    alarms = [
        AlarmView(
            type=name.partition("|")[0],
            qualifier=name.partition("|")[2][:LINE],
            since_ms=alarm.since_ms,
            flapping=alarm.flapping_ms is not None and not alarm.behind,
            said=alarm.said[:LINE],
            unknown=not in_sight(
                world, device, row, name.partition("|")[0], name.partition("|")[2]
            ),
        )
        for name, alarm in row.alarms.items()
        if alarm.speaks
    ]
    looks = [
        LookView(
            agent=agent,
            method=method,
            outcome=look.outcome,
            reason=look.reason[:LINE],
            detail=look.detail[:LINE],
        )
        for agent, view in row.views.items()
        for method, look in view.looks.items()
    ]
    return DeviceDetail(
        why=device_cause(world, row)[:LINE],
        hidden_by=tuple(row.hidden_by),
        alarms_total=len(alarms),
        alarms=tuple(alarms[:MOST_ALARMS]),
        looks=tuple(looks[:MOST_LOOKS]),
    )
