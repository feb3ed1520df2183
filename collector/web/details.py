"""One device, one site, the open warning, the people: pages about a single thing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from collector.web.index import Moment
from collector.web.lists import (
    DeviceQuery,
    SiteQuery,
    alarm_item,
    device_row,
    devices,
    site_row,
    sites,
)
from collector.web.model import (
    DeviceAnswer,
    FactItem,
    LineItem,
    LogItem,
    NoticeItem,
    OpenWarning,
    PeopleAnswer,
    Person,
    PointItem,
    Quotation,
    ReadingItem,
    Ref,
    SeriesAnswer,
    SiteAnswer,
    StepItem,
    ThreatItem,
    TransitionItem,
    ValueItem,
    WarningAnswer,
)
from collector.web.source import ORDER, Detail, NoticeState, Series, State, WarningState
from collector.web.summary import (
    attested,
    cells,
    dark_next,
    draft,
    name_of,
    operators,
    outlook,
    systems,
)
from wire.notice import Bilingual, Verdict

SHOWN: Final = 200
"""At most so many children, sites or notices on one page; the totals are told."""

VALUES: Final = {"yes": Bilingual(zh="是", en="yes"), "no": Bilingual(zh="否", en="no")}
SPREAD_NAME: Final = Bilingual(zh="扩散性", en="spread")


def device(moment: Moment, name: str, detail: Detail) -> DeviceAnswer:
    """Everything about one registered device. Raises KeyError when it is none."""
    index, board = moment.index, moment.board
    asked = index.devices[name]
    row = device_row(moment, asked)
    children = [_ref(moment, child) for child in index.children.get(name, ())]
    children.sort(key=lambda ref: (ORDER[ref.state], ref.name))
    return DeviceAnswer(
        revision=board.revision,
        at_ms=board.at_ms,
        device=row,
        cause_name=_ref(moment, row.cause).name if row.cause else "",
        main=asked.main,
        egress=asked.egress,
        parents=tuple(_ref(moment, parent) for parent in asked.parents),
        children=tuple(children[:SHOWN]),
        children_total=len(children),
        taken_down_by=tuple(_ref(moment, one) for one in detail.taken_down_by[:SHOWN]),
        takes_down=tuple(_ref(moment, one) for one in detail.takes_down[:SHOWN]),
        takes_down_total=len(detail.takes_down),
        points=tuple(PointItem(agent=a, answers=said) for a, said in detail.points.items()),
        disagree={True, False} <= set(detail.points.values()),
        systems=tuple(system.name for system in index.systems_of.get(name, ())),
        transitions=tuple(
            TransitionItem(at_ms=one.at_ms, before=one.before, after=one.after, why=one.why)
            for one in detail.transitions
        ),
        readings=tuple(
            ReadingItem(
                metric=one.metric,
                instance=one.instance,
                value=one.value,
                text=one.text,
                unit=one.unit,
                at_ms=one.at_ms,
                alarm=one.alarm,
            )
            for one in detail.readings
        ),
        alarms=tuple(alarm_item(moment, one) for one in moment.alarms_of.get(name, ())),
    )


def _ref(moment: Moment, name: str) -> Ref:
    known = moment.index.devices.get(name)
    return Ref(id=name, name=known.name if known else name, state=moment.device(name).state)


def site(moment: Moment, name: str) -> SiteAnswer:
    """Everything about one registered site. Raises KeyError when it is none."""
    index, board = moment.index, moment.board
    asked = index.sites[name]
    here = devices(moment, DeviceQuery(site=name))
    own = {one.id for one in here}
    causes = {moment.device(one).cause for one in own} - own - {None}
    lost = sorted(
        one for one, state in board.devices.items() if state.cause in own and one not in own
    )
    return SiteAnswer(
        revision=board.revision,
        at_ms=board.at_ms,
        site=site_row(moment, asked),
        devices=tuple(device_row(moment, one) for one in here),
        taken_down_by=tuple(_ref(moment, one) for one in sorted(filter(None, causes))),
        takes_down=tuple(_ref(moment, one) for one in lost[:SHOWN]),
        takes_down_total=len(lost),
        alarms=tuple(alarm_item(moment, one) for one in moment.alarms_of.get(name, ())),
    )


def series(name: str, from_ms: int, to_ms: int, found: Series) -> SeriesAnswer:
    """A device's history as columns."""
    return SeriesAnswer(
        device=name,
        from_ms=from_ms,
        to_ms=to_ms,
        at_ms=found.at_ms,
        lines=tuple(
            LineItem(
                metric=one.metric,
                instance=one.instance,
                unit=one.unit,
                values=tuple(None if value is None else _short(value) for value in one.values),
            )
            for one in found.lines
        ),
    )


def _short(value: float) -> float:
    """Six digits are more than a chart shows; the rest only costs the line."""
    return float(f"{value:.6g}")


def people(moment: Moment) -> PeopleAnswer:
    """Who has an account, with roles and key ids; no telephone numbers (FAULTS S10)."""
    words = moment.board.static.words
    return PeopleAnswer(
        revision=moment.board.revision,
        at_ms=moment.board.at_ms,
        county=moment.board.county,
        tree=moment.board.tree,
        people=tuple(
            Person(
                account=one.account,
                name=one.name,
                organ=one.organ,
                roles=one.roles,
                role_names=tuple(name_of(words.roles, role) for role in one.roles),
                key=one.key,
            )
            for one in moment.index.people.values()
        ),
    )


def warning(moment: Moment) -> WarningAnswer:
    """The open warning, or why there is none."""
    board, verdict = moment.board, moment.board.verdict
    matrix = cells(moment)
    out = sites(moment, SiteQuery(state=(State.DOWN, State.ALARM, State.UNKNOWN)))
    return WarningAnswer(
        revision=board.revision,
        at_ms=board.at_ms,
        county=board.county,
        tree=board.tree,
        warning=_open(moment, board.warning) if board.warning else None,
        draft=draft(moment, verdict) if verdict else None,
        verdict=verdict,
        warning_range=_range(moment, verdict, "warning"),
        level_range=_range(moment, verdict, "level"),
        unknown=_named(moment, verdict, "unknown"),
        absent=_named(moment, verdict, "absent"),
        rules=_quoted(verdict.rules if verdict else (), board.static.words.rules),
        clauses=_clauses(verdict.clauses if verdict else (), board.static.words.clauses),
        judgement=_judgement(moment, verdict),
        evidence=board.evidence,
        policy=board.policy,
        operators=operators(moment),
        systems=systems(moment),
        facts=facts(moment),
        outlook=outlook(moment),
        dark_next=dark_next(moment),
        threats=threats(moment),
        cells=tuple(cell for cell in matrix if cell.state is not State.OK),
        sites=tuple(site_row(moment, one) for one in out[:SHOWN]),
        sites_total=len(out),
        notices=tuple(_notice(moment, one) for one in board.notices[:SHOWN]),
        reports=board.reports,
    )


def facts(moment: Moment) -> tuple[FactItem, ...]:
    """The facts that only people can enter, with what stands entered."""
    board = moment.board
    words = board.static.words
    return tuple(
        FactItem(
            id=name,
            name=fact.name,
            values=tuple(
                ValueItem(value=one, name=VALUES.get(one) or name_of(words.levels, one))
                for one in fact.values
            ),
            entered=attested(moment, board.entered.get(name)),
        )
        for name, fact in words.facts.items()
    )


def threats(moment: Moment) -> tuple[ThreatItem, ...]:
    """What may come from outside: what is proposed first, for a person to judge."""
    return tuple(
        ThreatItem(
            id=one.id,
            what=one.what,
            source=one.source,
            account=one.account,
            name=moment.index.person_name(one.account) if one.account else "",
            degree=one.degree,
            at_ms=one.at_ms,
            from_ms=one.from_ms,
            until_ms=one.until_ms,
            operators=one.operators,
            systems=one.systems,
            towns=one.towns,
            spread=one.spread,
            entered=one.entered,
            areas=one.areas,
        )
        for one in sorted(moment.board.threats, key=lambda one: (one.entered, one.until_ms))
    )


def _open(moment: Moment, here: WarningState) -> OpenWarning:
    words = moment.board.static.words
    return OpenWarning(
        id=here.id,
        state=here.state,
        state_name=here.state_name,
        since_ms=here.since_ms,
        expires_ms=here.expires_ms,
        scenario=here.scenario,
        scenario_name=name_of(words.scenarios, here.scenario),
        level=here.level,
        level_name=name_of(words.levels, here.level),
        steps=tuple(
            StepItem(
                verb=step.verb,
                target=step.target,
                roles=step.roles,
                role_names=tuple(name_of(words.roles, role) for role in step.roles),
                projected=step.projected,
            )
            for step in here.steps
        ),
        log=tuple(
            LogItem(
                at_ms=line.at_ms,
                what=line.what,
                account=line.account,
                name=moment.index.person_name(line.account),
                reason=line.reason,
            )
            for line in here.log
        ),
    )


def _range(moment: Moment, verdict: Verdict | None, of: str) -> tuple[Bilingual, Bilingual] | None:
    if verdict is None:
        return None
    words = moment.board.static.words
    if of == "warning":
        best, worst = verdict.warning_range
        return name_of(words.scenarios, best), name_of(words.scenarios, worst)
    best, worst = verdict.level_range
    return name_of(words.levels, best), name_of(words.levels, worst)


def _named(moment: Moment, verdict: Verdict | None, impact: str) -> tuple[Bilingual, ...]:
    """The operators, systems (and the spread) whose state in the verdict is ``impact``."""
    if verdict is None:
        return ()
    names = {one.id: one.name for one in moment.board.static.register.systems}
    found = [
        moment.index.operator_name(name)
        for name, state in verdict.operators.items()
        if state == impact
    ]
    found += [
        Bilingual(zh=names.get(name, name), en=names.get(name, name))
        for name, state in verdict.systems.items()
        if state == impact
    ]
    if verdict.spread == impact:
        found.append(SPREAD_NAME)
    return tuple(found)


def _quoted(ids: Iterable[str], says: Mapping[str, Bilingual]) -> tuple[Quotation, ...]:
    return tuple(Quotation(id=one, text=says.get(one) or Bilingual(zh="", en="")) for one in ids)


def _clauses(ids: Iterable[str], quotes: Mapping[str, str]) -> tuple[Quotation, ...]:
    """Clauses are quoted as the paper prints them, in Chinese only."""
    return tuple(
        Quotation(id=one, text=Bilingual(zh=quotes.get(one, ""), en=quotes.get(one, "")))
        for one in ids
    )


def _judgement(moment: Moment, verdict: Verdict | None) -> tuple[Quotation, ...]:
    """The clauses that leave it to people's judgement, where the plan's words do not decide."""
    if verdict is None or (verdict.literal_level and verdict.literal_warning):
        return ()
    words = moment.board.static.words
    ids = dict.fromkeys(words.judgement[rule] for rule in verdict.rules if rule in words.judgement)
    return _clauses(ids, words.clauses)


def _notice(moment: Moment, one: NoticeState) -> NoticeItem:
    return NoticeItem(
        id=one.id,
        number=one.number,
        kind=one.kind,
        at_ms=one.at_ms,
        recipient=one.recipient,
        subject=one.subject,
        text=one.text,
        receipted_ms=one.receipted_ms,
        acked_ms=one.acked_ms,
        acked_by=moment.index.person_name(one.acked_by) or None,
    )
