"""How long sites without mains last, and what is likely to come, in words (PLAN section 2).

Observed and expected are never mixed: whatever is not yet so says 预计 and from which ground.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Final

from escalation.charter import NONE, Charter, rank
from escalation.words import EMPTY, Both, join, lasting, listed, plural, same
from wire.notice import PowerFact, SiteFact, Verdict

if TYPE_CHECKING:  # facts writes a site's line with our words
    from escalation.facts import View

GROUNDS: Final = {
    "ups": Both("UPS报告", "the UPS says so"),
    "slope": Both("按近{}电压下降推算", "by the voltage's fall over {}"),
    "capacity": Both("按已知电池容量推算", "by the battery's last known capacity"),
    "fuel": Both("按油机燃油推算", "by the generator's fuel"),
}
MOST: Final = 4
JUST_MS: Final = 60_000


def drafted(charter: Charter, verdict: Verdict) -> str:
    """The scenario to be drafted: that of the worse of observed and projected (PLAN 2)."""
    ahead, order = verdict.projected, charter.scenario_order
    if ahead is None or rank(order, ahead.warning) <= rank(order, verdict.warning):
        return verdict.warning
    return ahead.warning


def expected(charter: Charter, verdict: Verdict) -> bool:
    """Whether the scenario drafted is not observed, but projected."""
    return drafted(charter, verdict) != verdict.warning


def words(power: PowerFact, now_ms: int) -> Both:
    """约40分钟后断电（35–48分钟，UPS报告）."""
    if power.dark_ms is None:
        if power.generator:
            return Both("油机供电中", "on its generator")
        return Both("停电，能维持多久不明", "mains lost, nobody knows for how long it lasts")
    said = _about(power.dark_ms, now_ms)
    within = _interval(power.low_ms, power.high_ms, now_ms)
    ground = _ground(power)
    what = Both("燃油耗尽", "out of fuel") if power.generator else Both("断电", "dark")
    inside = join([within, ground], "，", ", ")
    return Both(f"{said.zh}{what.zh}（{inside.zh}）", f"{what.en} {said.en} ({inside.en})")


def _ground(power: PowerFact) -> Both:
    ground = GROUNDS.get(power.ground or "", EMPTY)
    over = lasting(power.over_s * 1000)
    return Both(ground.zh.format(over.zh), ground.en.format(over.en))


def _about(at_ms: int, now_ms: int) -> Both:
    if at_ms - now_ms < JUST_MS:
        return Both("随时", "at any moment")
    span = lasting(at_ms - now_ms)
    return Both(f"约{span.zh}后", f"in about {span.en}")


def _interval(low_ms: int | None, high_ms: int | None, now_ms: int) -> Both:
    """35–48分钟."""
    if low_ms is None or high_ms is None:
        return EMPTY
    low, high = (max(0, end - now_ms) // JUST_MS for end in (low_ms, high_ms))
    return Both(f"{low}–{high}分钟", f"{low}–{high} min")


def first(view: View) -> Both:
    """The site that goes dark first, where nothing more than that is projected."""
    lost = [
        (site.power.dark_ms, site)
        for site in view.situation.sites
        if site.power is not None and site.power.dark_ms is not None and site.state != "out"
    ]
    if not lost:
        return EMPTY
    site = min(lost, key=lambda one: one[0])[1]
    assert site.power is not None
    said = words(site.power, view.now_ms)
    return Both(f"最早{said.zh}：{site.name}", f"first {said.en}: {site.name}")


def behind(site: SiteFact) -> Both:
    """Key units and users behind a site, where it carries more than itself."""
    power = site.power
    if power is None or not (power.keys or power.people > 1):
        return EMPTY
    keys = Both(f"重点单位{power.keys}个", plural(power.keys, "key unit")) if power.keys else EMPTY
    people = Both(f"用户{power.people}", plural(power.people, "user"))
    said = join([keys, people if power.people > 1 else EMPTY], "、", ", ")
    return Both(f"，影响{said.zh}", f", {said.en} behind it")


def outlook(view: View) -> Both:
    """预计约40分钟后（35–48分钟）：2家企业部分业务受影响，达到情形2."""
    ahead = view.situation.verdict.projected
    if ahead is None:
        return first(view)
    when, later = when_of(view), {*ahead.operators, *ahead.systems} - {*ahead.by_then}
    early = _networks(view, ahead.by_then) if later else EMPTY
    whole = [_networks(view), _sites(view)]
    what = join([early, _reached(view)] if early else [*whole, _reached(view)], "，", ", ")
    then = join(whole, "，", ", ") if early else EMPTY
    said = Both(f"预计{when.zh}：{what.zh}", f"expected {when.en}: {what.en}")
    return (
        Both(f"{said.zh}；随后共{then.zh}", f"{said.en}; after that in all {then.en}")
        if then
        else said
    )


def when_of(view: View) -> Both:
    """When the projected state is reached, or what it rests on where no battery says so."""
    ahead = view.situation.verdict.projected
    if ahead is None:
        return EMPTY
    if ahead.low_ms is not None and ahead.at_ms is not None:
        about = _about(ahead.at_ms, view.now_ms)
        within = _interval(ahead.low_ms, ahead.high_ms, view.now_ms)
        return Both(f"{about.zh}（{within.zh}）", f"{about.en} ({within.en})")
    if ahead.at_ms is not None:
        return Both("（停电站点能维持多久不明）", "(nobody knows how long the batteries last)")
    names = [same(one.what) for one in view.situation.threats if one.id in ahead.threats]
    named = listed(names, MOST)
    return Both(f"（{named.zh}）", f"({named.en})")


def _networks(view: View, among: Collection[str] | None = None) -> Both:
    """2家企业部分业务受影响（移动公司、联通公司）; of those ``among`` alone, if given."""
    from escalation import facts  # noqa: PLC0415  facts writes a site's line with our words

    ahead = view.situation.verdict.projected
    assert ahead is not None
    said = []

    def hit(states: Mapping[str, str], word: str) -> list[str]:
        return [n for n, s in states.items() if s == word and (among is None or n in among)]

    for state in ("full", "partial"):
        word = facts.STATES[state]
        for names, noun in (
            ([facts.operator_name(view, n) for n in hit(ahead.operators, state)],
             Both("家企业", "operator")),
            ([facts.system_name(view, n) for n in hit(ahead.systems, state)],
             Both("个信息系统", "information system")),
        ):  # fmt: skip
            if names:
                which = listed(names, MOST)
                zh = f"{len(names)}{noun.zh}{word.zh}（{which.zh}）"
                said.append(Both(zh, f"{plural(len(names), noun.en)} {word.en} ({which.en})"))
    return join(said, "，", ", ")


def _sites(view: View) -> Both:
    ahead = view.situation.verdict.projected
    assert ahead is not None
    number = ahead.sites + ahead.behind
    if not number:
        return EMPTY
    return Both(f"断电或失联站点{number}个", f"{plural(number, 'site')} dark or cut off")


def _reached(view: View) -> Both:
    from escalation import facts  # noqa: PLC0415  as above

    verdict, charter = view.situation.verdict, view.charter
    ahead = verdict.projected
    assert ahead is not None
    names = []
    if expected(charter, verdict):
        names.append(facts.scenario_name(charter, ahead.warning))
    order = charter.level_order
    if ahead.level != NONE and rank(order, ahead.level) > rank(order, verdict.level):
        names.append(facts.level_name(charter, ahead.level))
    said = join(names, "、", ", ")
    return Both(f"达到{said.zh}", f"reaching {said.en}") if names else EMPTY
