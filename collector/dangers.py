"""Hidden dangers (plan 3.1 各种隐患) in the journal and in the register. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from collector.county import County
from collector.period import Interval, Period
from config.paths import dominators
from escalation.report import Line

MOST: Final = 20
"""Rows of each list of the worst."""


AGED: Final = 0.8
"""A battery under this share of what it is rated for is aged (IEEE Std 450, 1188: replace it)."""

RECHARGE: Final = 5
"""A battery takes about so many times as long to charge as it took to discharge; until then
its time tells nothing of its age."""

BATTERY: Final = "battery"
"""The journal's kind that tells how long a battery lasted, or was about to."""


MOST_LOST: Final = 200
"""Sites that a danger names; it counts all of them."""


@dataclass(frozen=True, slots=True)
class Danger:
    """A hidden danger (隐患): ``kind`` battery, flapping or one_path; ``figure`` is its measure.

    battery: minutes from losing the mains to going dark; ``fell``: it did not come to that, it
    would have been so many at most as its voltage fell, or by its UPS. ``rated``: the register's
    minutes, or (``learnt``) those it lasted the time before; None: nobody knows.
    flapping: times in the period. one_path: devices that have no way but through this one;
    ``sites`` are lost with it, its own among them, and ``lost`` names the first of them.
    """

    kind: str
    id: str
    name: str
    operator: str
    figure: int
    times: int = 1
    rated: int | None = None
    learnt: bool = False
    fell: bool = False
    sites: int = 0
    lost: tuple[str, ...] = ()


class Spell(NamedTuple):
    """One time that a battery carried its site: how long, beside what was to be expected."""

    minutes: int
    rated: int | None
    learnt: bool = False
    fell: bool = False

    def share(self, usual: float) -> float:
        """What it lasted of its rated minutes; of ``usual`` ones where nobody knows these."""
        return self.minutes / (self.rated or usual)


def batteries(
    county: County,
    rows: Iterable[Line],
    dark: Mapping[str, Sequence[Interval]],
    mains: Mapping[str, Sequence[Interval]],
    period: Period,
) -> Iterator[Danger]:
    """Batteries that last, or fell, shorter than they are rated for, the worst first.

    Judged against the register's minutes, else against those of the time before, else against the
    policy's horizon. ``dark``: when the sites were out, but for planned work.
    """
    usual = county.policy.spread.battery_horizon_s / 60
    found: dict[str, list[Spell]] = {}
    for site, spell in (
        *_went_dark(county, dark, mains, period),
        *_told(county, rows, mains, period),
    ):
        if spell.share(usual) < (AGED if spell.rated else 1.0):
            found.setdefault(site, []).append(spell)
    worst = {site: min(spells, key=lambda one: one.share(usual)) for site, spells in found.items()}
    for site in sorted(worst, key=lambda one: (worst[one].share(usual), one))[:MOST]:
        known, spell = county.sites[site], worst[site]
        times = sum(one.fell is spell.fell for one in found[site])
        yield Danger(
            "battery",
            site,
            known.name,
            known.operator,
            spell.minutes,
            times,
            rated=spell.rated,
            learnt=spell.learnt,
            fell=spell.fell,
        )


def _went_dark(
    county: County,
    dark: Mapping[str, Sequence[Interval]],
    mains: Mapping[str, Sequence[Interval]],
    period: Period,
) -> Iterator[tuple[str, Spell]]:
    """Sites that went dark while their mains were lost."""
    for site, spans in mains.items():
        for begin, end in spans:
            at_ms = next((at for at, _ in dark.get(site, ()) if begin < at <= end), None)
            if at_ms is None or not period.from_ms <= at_ms < period.to_ms:
                continue
            if _charged(spans, begin):
                yield site, Spell((at_ms - begin) // 60_000, _rated(county, site))


def _told(
    county: County, rows: Iterable[Line], mains: Mapping[str, Sequence[Interval]], period: Period
) -> Iterator[tuple[str, Spell]]:
    """What the journal says of batteries: those spent beside the time before, those that fell."""
    for row in rows:
        if row.kind != BATTERY or not period.from_ms <= row.at_ms < period.to_ms:
            continue
        data, site = row.data, row.data["site"]
        if site not in county.sites or not _charged(mains.get(site, ()), data["since_ms"]):
            continue
        rated = _rated(county, site)
        if data["event"] == "fell":
            yield site, Spell(data["minutes"], rated, fell=True)
        elif rated is None and data["rated"]:
            yield site, Spell(data["minutes"], data["rated"], learnt=True)


def _charged(mains: Sequence[Interval], begin_ms: int) -> bool:
    """Whether the losses before the one that began at ``begin_ms`` are made up for."""
    before = (span for span in mains if span[1] < begin_ms)
    return all(begin_ms - end >= RECHARGE * (end - begin) for begin, end in before)


def _rated(county: County, site: str) -> int | None:
    minutes = county.sites[site].battery_min
    return None if minutes is None else round(minutes)


def flapping(county: County, rows: Iterable[Line], period: Period) -> Iterator[Danger]:
    """What flapped in the period, the most often first."""
    times: dict[tuple[str, str], int] = {}
    for row in rows:
        if row.kind == "flapping" and period.from_ms <= row.at_ms < period.to_ms:
            device = row.data["device"]
            if device in county.devices:
                key = (device, row.data["qualifier"] or row.data["type"])
                times[key] = times.get(key, 0) + 1
    found = [
        Danger(
            "flapping",
            device,
            f"{county.devices[device].name} {what}",
            county.operator_of[device],
            count,
            count,
        )
        for (device, what), count in times.items()
    ]
    yield from sorted(found, key=lambda row: (-row.figure, row.id))[:MOST]


def one_path(county: County) -> Iterator[Danger]:
    """Equipment through which others go that have no other way, the most of them first.

    Whatever way round there is counts: what is named stands on every path (``dominators``).
    """
    above = dominators({device: county.parents.get(device, ()) for device in county.devices})
    trees: dict[str, list[str]] = {}
    size = dict.fromkeys(above, 0)
    for device, nearest in reversed(above.items()):
        if nearest is not None:
            trees.setdefault(nearest, []).append(device)
            size[nearest] += size[device] + 1
    worst = sorted((one for one in trees if size[one] > 1), key=lambda one: (-size[one], one))
    for device in worst[:MOST]:
        lost = _lost_with(county, trees, device)
        yield Danger(
            "one_path",
            device,
            county.devices[device].name,
            county.operator_of[device],
            size[device],
            lost=tuple(lost[:MOST_LOST]),
            sites=len(lost),
        )


def _lost_with(county: County, trees: Mapping[str, Sequence[str]], device: str) -> list[str]:
    """The sites that are out when the device is, key units first, then by the people there."""
    ahead, hit = [device], dict[str, None]()
    while ahead:
        known = county.devices[ahead.pop()]
        if known.main:
            hit[known.site] = None
        ahead.extend(trees.get(known.id, ()))
    sites, weights = county.sites, county.weights
    return sorted(hit, key=lambda one: (not sites[one].key_unit, -weights[one], one))
