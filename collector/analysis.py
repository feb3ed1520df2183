"""The regular analysis of a day, a week or a month (plan 3.1 定时分析), from the journal alone.

Pure, and the same every time: what was available and what was out, who could not see, dangers
that nobody was told of, and how much people were told. Stamps are ms UTC, durations seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Final

from collector.county import UNREACHABLE, County
from collector.dangers import MOST, Danger, batteries, flapping, one_path
from collector.mains import MAINS_CAUSES
from collector.period import Interval, Period, clip, length, meet, merge, without
from config.policy import SiteEffect
from escalation.load import windows
from escalation.report import Line

Json = dict[str, Any]

KINDS: Final = ("alarm", "flapping", "source", "notice")
"""The journal's kinds that an analysis reads."""

LOOKBACK_MS: Final = 31 * 86_400_000
"""How long before a period what still lasts in it may have begun."""

# ISA-18.2-2009 / IEC 62682:2014: alarms per operator position. The day's targets are those of
# 2009; the edition of 2016 dropped them, and averages hide floods: so the worst ten minutes too.
DAY_ACCEPTABLE: Final = 150
DAY_MANAGEABLE: Final = 300


@dataclass(frozen=True, slots=True)
class Share:
    """Availability of an operator, a town or the county: weighted seconds up of those seen.

    ``available`` None: nobody could see it in all the period. ``restore_s``: mean and median time
    to restore of the outages that ended in it.
    """

    id: str
    name: str
    sites: int
    available: float | None
    down_s: int
    blind_s: int
    outages: int
    restore_s: tuple[int, int] | None


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
    """One time that a site was out; ``to_ms`` None: it still was at the end of the period."""

    site: str
    name: str
    operator: str
    from_ms: int
    to_ms: int | None
    after_mains: bool


@dataclass(frozen=True, slots=True)
class BlindTime:
    """How long an agent was not to be counted on."""

    agent: str
    operator: str
    times: int
    blind_s: int


@dataclass(frozen=True, slots=True)
class Told:
    """Notices to one office beside ISA-18.2 / IEC 62682; ``floods`` more than 10 in 10 min."""

    office: str
    notices: int
    per_day: float
    worst_window: int
    floods: int
    word: str


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
    dangers: tuple[Danger, ...]
    blind: tuple[BlindTime, ...]
    told: tuple[Told, ...]

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
    alarms = _spans(rows, end_ms)
    out = _site_spans(county, alarms, _is_out(county))
    mains = _site_spans(county, alarms, _is_mains(county))
    blind = _blind(rows, within)
    unseen = {
        operator: meet([blind.get(agent, []) for agent in sorted(agents)])
        for operator, agents in county.agents_of.items()
    }
    figures = {
        site: _Figures(
            clip(out.get(site, []), within),
            clip(unseen.get(county.sites[site].operator, []), within),
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
        outages=_outages(county, out, mains, within),
        dangers=(
            *batteries(county, out, mains, within),
            *flapping(county, rows, within),
            *one_path(county),
        ),
        blind=_blind_times(county, blind, within),
        told=tuple(_told(rows, within)),
    )


@dataclass(frozen=True, slots=True)
class _Figures:
    """A site's outages and the times at which nobody could see it, inside the period."""

    out: list[Interval]
    unseen: list[Interval]
    length_ms: int

    @property
    def down_ms(self) -> int:
        return length(self.out)

    @property
    def blind_ms(self) -> int:
        return length(without(self.unseen, self.out))

    @property
    def seen_ms(self) -> int:
        return self.length_ms - self.blind_ms


# -- what the journal says -------------------------------------------------------------------------

Key = tuple[str, str, str]


def _spans(rows: Iterable[Line], end_ms: int) -> dict[Key, list[Interval]]:
    """When each alarm was raised, by device, type and qualifier; what still is ends with us."""
    open_: dict[Key, int] = {}
    found: dict[Key, list[Interval]] = {}
    for row in rows:
        if row.kind != "alarm":
            continue
        data = row.data
        key = (data["device"], data["type"], data["qualifier"])
        if data["word"] == "raised":
            open_.setdefault(key, data["since_ms"])
        elif data["word"] == "cleared":
            begin = open_.pop(key, data["since_ms"])
            found.setdefault(key, []).append((begin, row.at_ms))
    for key, begin in open_.items():
        found.setdefault(key, []).append((begin, end_ms))
    return found


def _is_out(county: County) -> Callable[[str, str], bool]:
    """Whether an alarm of this device and type means that its site is out."""

    def means(device: str, kind: str) -> bool:
        if kind == UNREACHABLE:
            return county.devices[device].main
        known = county.types.get(kind)
        return known is not None and known.site_effect is SiteEffect.OUT

    return means


def _is_mains(county: County) -> Callable[[str, str], bool]:
    def means(_: str, kind: str) -> bool:
        known = county.types.get(kind)
        return known is not None and known.probable_cause_no in MAINS_CAUSES

    return means


def _site_spans(
    county: County,
    alarms: Mapping[Key, Sequence[Interval]],
    means: Callable[[str, str], bool],
) -> dict[str, list[Interval]]:
    """When each site was as ``means`` says, by any of its devices."""
    found: dict[str, list[Interval]] = {}
    for (device, kind, _), spans in alarms.items():
        if device in county.devices and means(device, kind):
            found.setdefault(county.devices[device].site, []).extend(spans)
    return {site: merge(spans) for site, spans in found.items()}


def _blind(rows: Iterable[Line], period: Period) -> dict[str, list[Interval]]:
    """When each agent was not to be counted on."""
    open_: dict[str, int] = {}
    found: dict[str, list[Interval]] = {}
    for row in rows:
        if row.kind != "source":
            continue
        agent = row.data["agent"]
        if row.data["word"] != "heard":
            open_.setdefault(agent, row.at_ms)
        elif agent in open_:
            found.setdefault(agent, []).append((open_.pop(agent), row.at_ms))
    for agent, begin in open_.items():
        found.setdefault(agent, []).append((begin, period.to_ms))
    return {agent: clip(merge(spans), period) for agent, spans in found.items()}


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
    ended = [(end - begin) // 1000 for begin, end in spans if end < period.to_ms]
    return Share(
        id=id_,
        name=name,
        sites=len(figures),
        available=1 - down / seen if seen else None,
        down_s=sum(one.down_ms for one in figures.values()) // 1000,
        blind_s=sum(one.blind_ms for one in figures.values()) // 1000,
        outages=len(spans),
        restore_s=(sum(ended) // len(ended), int(median(ended))) if ended else None,
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
        )
        for _, site, begin, end in rows
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


def _told(rows: Iterable[Line], period: Period) -> Iterator[Told]:
    """Load on each office: the day's average, the worst ten minutes, floods."""
    stamps: dict[str, list[int]] = {}
    for row in rows:
        if row.kind == "notice" and period.from_ms <= row.at_ms < period.to_ms:
            for office in row.data["recipients"]:
                stamps.setdefault(office, []).append(row.at_ms)
    days = max((period.to_ms - period.from_ms) / 86_400_000, 1e-9)
    for office, times in sorted(stamps.items()):
        worst, floods, _ = windows(times)
        per_day = len(times) / max(days, 1.0)
        manageable = "manageable" if per_day <= DAY_MANAGEABLE else "over"
        word = "acceptable" if per_day <= DAY_ACCEPTABLE else manageable
        yield Told(office, len(times), round(per_day, 1), worst, floods, word)
