"""The regular analysis of a day, a week or a month (plan 3.1 定时分析), from the journal alone.

Pure, and the same every time: what was available and what was out, who could not see, dangers
that nobody was told of, and how much people were told. Stamps are ms UTC, durations seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Final

from collector import planned, stretches
from collector.county import County
from collector.dangers import BATTERY, MOST, Danger, batteries, flapping, one_path
from collector.period import Interval, Period, clip, length, meet, merge, without
from collector.told import KIND as COMMAND
from collector.told import Load, Told, offices, people
from escalation.report import Line

Json = dict[str, Any]

KINDS: Final = ("alarm", "flapping", "source", "notice", planned.KIND, BATTERY, COMMAND)
"""The journal's kinds that an analysis reads."""

LOOKBACK_MS: Final = 31 * 86_400_000
"""How long before a period what still lasts in it may have begun."""


@dataclass(frozen=True, slots=True)
class Share:
    """Availability of an operator, a town or the county: weighted seconds up of those seen.

    ``available`` None: nobody could see it in all the period. ``restore_s``: mean and median time
    to restore of the outages that ended in it. ``planned_s``: out by planned work, which counts
    neither as up nor as down.
    """

    id: str
    name: str
    sites: int
    available: float | None
    down_s: int
    blind_s: int
    outages: int
    restore_s: tuple[int, int] | None
    planned_s: int = 0


@dataclass(frozen=True, slots=True)
class SiteFigures:
    """A site that was out: how often, how long in all, the longest time."""

    id: str
    name: str
    operator: str
    town: str
    key_unit: bool
    outages: int
    down_s: int
    longest_s: int
    available: float | None


@dataclass(frozen=True, slots=True)
class Outage:
    """One time that a site was out; ``to_ms`` None: it still was at the end of the period.

    ``work``: planned work began where it ends (before), or ended where it begins (after).
    """

    site: str
    name: str
    operator: str
    from_ms: int
    to_ms: int | None
    after_mains: bool
    work: str = ""


@dataclass(frozen=True, slots=True)
class WorkDone:
    """A maintenance window in the period: how many sites were out by it, for how long in all."""

    id: str
    name: str
    from_ms: int
    to_ms: int | None
    sites: int
    down_s: int


@dataclass(frozen=True, slots=True)
class BlindTime:
    """How long an agent was not to be counted on."""

    agent: str
    operator: str
    times: int
    blind_s: int


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything. ``known_ms``: where the journal begins, ``until_ms``: now, if in the period."""

    period: Period
    known_ms: int | None
    until_ms: int | None
    county: Share
    operators: tuple[Share, ...]
    towns: tuple[Share, ...]
    worst: tuple[SiteFigures, ...]
    outages: tuple[Outage, ...]
    work: tuple[WorkDone, ...]
    dangers: tuple[Danger, ...]
    blind: tuple[BlindTime, ...]
    told: tuple[Told, ...]
    people: tuple[Load, ...] = ()

    def to_json(self) -> Json:
        """For machines."""
        return {"v": 1} | asdict(self)


def analyse(
    county: County, lines: Iterable[Line], period: Period, begun_ms: int, now_ms: int
) -> Analysis:
    """The analysis from the journal's rows of ``KINDS``, in order, since ``LOOKBACK_MS`` before.

    The journal begins at ``begun_ms``; a period that lasts still is judged up to ``now_ms``. The
    register is the one in force now; what the journal says of others is left out.
    """
    end_ms = min(period.to_ms, max(now_ms, period.from_ms))
    rows = [line for line in lines if line.at_ms < end_ms]
    begin_ms = min(max(period.from_ms, begun_ms), end_ms)
    within = Period(period.word, begin_ms, end_ms)
    alarms = stretches.spans(rows, end_ms)
    ran = planned.works(county, rows, end_ms)
    out = stretches.site_spans(county, alarms, stretches.is_out(county))
    own = stretches.site_spans(
        county, _unplanned(alarms, planned.excused(county, ran, alarms)), stretches.is_out(county)
    )
    work = {site: without(spans, own.get(site, [])) for site, spans in out.items()}
    mains = stretches.site_spans(county, alarms, stretches.is_mains(county))
    blind = stretches.blind(rows, within)
    unseen = {
        operator: meet([blind.get(agent, []) for agent in sorted(agents)])
        for operator, agents in county.agents_of.items()
    }
    figures = {
        site: _Figures(
            clip(own.get(site, []), within),
            clip(unseen.get(county.sites[site].operator, []), within),
            clip(work.get(site, []), within),
            within.to_ms - within.from_ms,
        )
        for site in county.sites
        if county.sites[site].operator in county.connected
    }
    return Analysis(
        period=period,
        known_ms=begin_ms if begin_ms > period.from_ms else None,
        until_ms=end_ms if end_ms < period.to_ms else None,
        county=_share(county, "", "", figures, within),
        operators=tuple(_by(county, figures, within, lambda site: county.sites[site].operator)),
        towns=tuple(_by(county, figures, within, lambda site: county.sites[site].town)),
        worst=_worst(county, figures),
        outages=_outages(county, own, mains, work, within),
        work=tuple(_work_done(county, ran, work, within)),
        dangers=(
            *batteries(county, rows, _uncaused(out, work), mains, within),
            *flapping(county, rows, within),
            *one_path(county),
        ),
        blind=_blind_times(county, blind, within),
        told=tuple(offices(rows, within)),
        people=people(rows, within, county.register.people),
    )


@dataclass(frozen=True, slots=True)
class _Figures:
    """A site's outages, when nobody could see it, and when it was out by planned work.

    All inside the period.
    """

    out: list[Interval]
    unseen: list[Interval]
    work: list[Interval]
    length_ms: int

    @property
    def down_ms(self) -> int:
        return length(self.out)

    @property
    def blind_ms(self) -> int:
        return length(without(self.unseen, merge((*self.out, *self.work))))

    @property
    def planned_ms(self) -> int:
        return length(self.work)

    @property
    def seen_ms(self) -> int:
        return self.length_ms - self.blind_ms - self.planned_ms

    def restored_ms(self, to_ms: int) -> list[int]:
        """How long those outages lasted that ended before ``to_ms``, and not in planned work."""
        into = {begin for begin, _ in self.work}
        return [end - begin for begin, end in self.out if end < to_ms and end not in into]


def _uncaused(
    out: Mapping[str, Sequence[Interval]], work: Mapping[str, Sequence[Interval]]
) -> dict[str, list[Interval]]:
    """The outages of sites that did not begin in planned work, each as it was."""
    return {
        site: [
            (begin, end)
            for begin, end in spans
            if not any(a <= begin < b for a, b in work.get(site, ()))
        ]
        for site, spans in out.items()
    }


def _unplanned(
    alarms: Mapping[stretches.Key, Sequence[Interval]], by: planned.Excused
) -> dict[stretches.Key, list[Interval]]:
    return {key: without(merge(spans), by.of(key[0], key[1])) for key, spans in alarms.items()}


# -- figures ---------------------------------------------------------------------------------------


def _by(
    county: County,
    figures: Mapping[str, _Figures],
    period: Period,
    of: Callable[[str], str],
) -> Iterator[Share]:
    """A share for each operator or town, the least available first."""
    groups: dict[str, dict[str, _Figures]] = {}
    for site, one in figures.items():
        groups.setdefault(of(site), {})[site] = one
    names = county.operator_names | county.town_names
    made = [
        _share(county, name, names.get(name, name), group, period) for name, group in groups.items()
    ]
    yield from sorted(made, key=lambda one: (one.available is None, one.available or 0, one.id))


def _share(
    county: County, id_: str, name: str, figures: Mapping[str, _Figures], period: Period
) -> Share:
    weight = {site: county.sites[site].weight for site in figures}
    seen = sum(weight[site] * one.seen_ms for site, one in figures.items())
    down = sum(weight[site] * one.down_ms for site, one in figures.items())
    spans = [span for one in figures.values() for span in one.out]
    ended = [ms // 1000 for one in figures.values() for ms in one.restored_ms(period.to_ms)]
    return Share(
        id=id_,
        name=name,
        sites=len(figures),
        available=1 - down / seen if seen else None,
        down_s=sum(one.down_ms for one in figures.values()) // 1000,
        blind_s=sum(one.blind_ms for one in figures.values()) // 1000,
        outages=len(spans),
        restore_s=(sum(ended) // len(ended), int(median(ended))) if ended else None,
        planned_s=sum(one.planned_ms for one in figures.values()) // 1000,
    )


def _worst(county: County, figures: Mapping[str, _Figures]) -> tuple[SiteFigures, ...]:
    """The sites that were out for the longest, key units first among equals."""
    rows = []
    for name, one in figures.items():
        if not one.out:
            continue
        site = county.sites[name]
        rows.append(
            SiteFigures(
                id=name,
                name=site.name,
                operator=site.operator,
                town=site.town,
                key_unit=site.key_unit,
                outages=len(one.out),
                down_s=one.down_ms // 1000,
                longest_s=max(end - begin for begin, end in one.out) // 1000,
                available=1 - one.down_ms / one.seen_ms if one.seen_ms else None,
            )
        )
    rows.sort(key=lambda row: (-row.down_s, not row.key_unit, row.id))
    return tuple(rows[:MOST])


def _outages(
    county: County,
    out: Mapping[str, Sequence[Interval]],
    mains: Mapping[str, Sequence[Interval]],
    work: Mapping[str, Sequence[Interval]],
    period: Period,
) -> tuple[Outage, ...]:
    """All of them, the longest first."""
    rows = [
        (min(end, period.to_ms) - max(begin, period.from_ms), site, begin, end)
        for site, spans in out.items()
        for begin, end in spans
        if end > period.from_ms and begin < period.to_ms
    ]
    rows.sort(key=lambda row: (-row[0], row[1], row[2]))
    return tuple(
        Outage(
            site=site,
            name=county.sites[site].name,
            operator=county.sites[site].operator,
            from_ms=begin,
            to_ms=end if end < period.to_ms else None,
            after_mains=any(a <= begin < b for a, b in mains.get(site, ())),
            work=_beside(work.get(site, ()), begin, end),
        )
        for _, site, begin, end in rows
    )


def _beside(work: Sequence[Interval], begin: int, end: int) -> str:
    """Whether the stretch goes on as planned work, or was left over by it."""
    if any(a == end for a, _ in work):
        return "before"
    return "after" if any(b == begin for _, b in work) else ""


def _work_done(
    county: County,
    ran: Iterable[planned.Work],
    work: Mapping[str, Sequence[Interval]],
    period: Period,
) -> Iterator[WorkDone]:
    """Each window of the period with the sites of its devices that were out by planned work."""
    for one in ran:
        hit = clip([(one.from_ms, one.to_ms)], period)
        if not hit:
            continue
        sites = dict.fromkeys(county.devices[d].site for d in (*one.devices, *one.below))
        down = {site: length(meet([work.get(site, ()), hit])) for site in sites}
        yield WorkDone(
            one.id,
            one.name,
            one.from_ms,
            one.to_ms if one.to_ms < period.to_ms else None,
            sum(ms > 0 for ms in down.values()),
            sum(down.values()) // 1000,
        )


def _blind_times(
    county: County, blind: Mapping[str, Sequence[Interval]], period: Period
) -> tuple[BlindTime, ...]:
    rows = [
        BlindTime(agent, county.sources[agent].operator, len(spans), length(spans) // 1000)
        for agent in county.sources
        if (spans := clip(blind.get(agent, []), period))
    ]
    return tuple(sorted(rows, key=lambda row: (-row.blind_s, row.agent)))
