"""An operator's rules in figures: what is measured, against which limit, and how far its hold is.

For people who ask why. ``collector.networks`` judges; a test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from collector.base import World
from collector.county import WEIGHT_UNIT
from collector.hold import Hold, Phase
from collector.state import NetworkState
from collector.tally import Count, Depends, Towns
from escalation.words import Both, lasting, moment
from wire.notice import Bilingual


class Figure(NamedTuple):
    """One rule: ``value`` against ``limit`` (shares are 0..1), and both in words."""

    rule: str
    value: float
    limit: float
    text: Bilingual


NAMES: Final = {
    "full_share": Both("退服站点占比", "share of sites out"),
    "full_towns": Both("全阻乡镇占比", "share of towns wholly out"),
    "full_egress": Both("出县通道中断", "ways out of the county lost"),
    "partial_share": Both("退服站点占比", "share of sites out"),
    "partial_town": Both("全阻乡镇", "towns wholly out"),
    "partial_key_unit": Both("重点单位中断", "key units out"),
    "partial_users_any": Both("中断用户", "users out"),
    "partial_users_long": Both("中断用户（持续）", "users out for long"),
    "min_visible": Both("看不见的站点占比", "share of sites out of sight"),
}
"""Worst first; what is seen goes before what is not."""


def operator_figures(world: World, operator: str) -> Iterator[Figure]:
    """Every rule of an operator as it stands now."""
    policy = world.county.policy.operator
    count = world.tally.operators.get(operator, Count())
    towns = world.tally.towns.get(operator, Towns())
    egress = world.tally.egress.get(operator, Depends())
    row = world.state.operators.get(operator, NetworkState())
    out = _share(count.weight_out, count.weight)
    users = count.weight_out / WEIGHT_UNIT

    def raised(name: str) -> bool:
        return name in row.rules and row.rules[name].active

    for name, share in (("full_share", policy.full_share), ("partial_share", policy.partial_share)):
        limit = share.clear_below if raised(name) else share.raise_share
        yield _figure(name, out, limit, share=True, clears=raised(name))
    town_share = _share(towns.out, towns.counted)
    yield _figure("full_towns", town_share, policy.full_towns.share, share=True)
    yield _figure("full_egress", egress.down, max(1, egress.counted))
    yield _figure("partial_town", towns.out, 1)
    yield _figure("partial_key_unit", count.key_units_out, 1)
    yield _figure("partial_users_any", users, policy.partial_users_any.users)
    yield _figure("partial_users_long", users, policy.partial_users_long.users)
    unseen = _share(count.weight_unknown, count.weight)
    yield _figure("min_visible", unseen, 1 - policy.min_visible.share, share=True, above=True)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _figure(
    name: str,
    value: float,
    limit: float,
    *,
    share: bool = False,
    clears: bool = False,
    above: bool = False,
) -> Figure:
    said, bound = (f"{one * 100:.4g}%" if share else f"{one:g}" for one in (value, limit))
    zh = "（降到此值以下才解除）" if clears else ""
    en = " (clears only below)" if clears else ""
    sign = ">" if above else "≥"
    return Figure(
        name,
        value,
        limit,
        Bilingual(
            zh=f"{NAMES[name].zh} {said}，阈值 {sign}{bound}{zh}",
            en=f"{NAMES[name].en} {said}, limit {sign}{bound}{en}",
        ),
    )


def hold_words(hold: Hold | None, now_ms: int) -> Both:
    """How far a hold is: since when, and when it will be counted, or over."""
    if hold is None or hold.phase is Phase.CLEAR:
        return Both("未达到", "not reached")
    since = moment(hold.since_ms)
    if hold.phase is Phase.RAISED:
        return Both(f"自{since.zh}起", f"since {since.en}")
    if hold.due_ms is None:
        return Both(
            f"自{since.zh}起，现在看不见，计时暂停", f"since {since.en}; out of sight, held"
        )
    left = lasting(hold.due_ms - now_ms)
    due = moment(hold.due_ms)
    if hold.due_ms <= now_ms:  # nobody has judged since
        return Both(
            f"自{since.zh}起，{due.zh}到期，尚未判定",
            f"since {since.en}; due at {due.en}, not judged yet",
        )
    if hold.phase is Phase.PENDING:
        return Both(
            f"自{since.zh}起，持续到{due.zh}（还有{left.zh}）才计入",
            f"since {since.en}; counts from {due.en} ({left.en} left)",
        )
    return Both(
        f"已好转，到{due.zh}（还有{left.zh}）才解除",
        f"better; is over at {due.en} ({left.en} left)",
    )
