"""How an outage spreads, in sentences: its pace, what its parts have in common, what comes next.

What the register or the graph knows is said as known; what only stands to reason (everybody in a
town lost the mains at once) says 疑似. Pure; decides nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from collector.base import World
from collector.spread import SYSTEM, Cell, Step
from collector.tally import Lost

PACE_MS: Final = 600_000
TOGETHER_MS: Final = 180_000
LEAST: Final = 2
"""Sites, or devices, that make a common cause worth a sentence."""

MOST: Final = 4


def pace(now_ms: int, steps: Sequence[Step]) -> str:
    """近10分钟新增：乡镇2个、企业1家; empty where nothing new came."""
    before = _grounds(cell for s in steps if now_ms - s.at_ms > PACE_MS for cell in s.cells)
    lately = _grounds(cell for s in steps if now_ms - s.at_ms <= PACE_MS for cell in s.cells)
    new = {kind: len(lately[kind] - before[kind]) for kind in ("town", "operator", SYSTEM)}
    words = {"town": "乡镇{}个", "operator": "企业{}家", SYSTEM: "信息系统{}个"}
    said = "、".join(words[kind].format(number) for kind, number in new.items() if number)
    return f"近10分钟新增：{said}" if said else ""


def _grounds(cells: Iterable[Cell]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for operator, town in cells:
        if operator == SYSTEM:
            found[SYSTEM].add(town)
        else:
            found["operator"].add(operator)
            if town:
                found["town"].add(town)
    return found


def shared(world: World) -> list[str]:
    """What those that are out or without mains have in common, a sentence each, largest first."""
    found = [*_feeders(world), *_hosts(world), *_parents(world)]
    if not any("供电" in said for _, said in found):
        found += _towns(world)
    return [said for _, said in sorted(found, key=lambda one: (-one[0], one[1]))[:MOST]]


def _who(world: World, operators: Iterable[str] | Mapping[str, int]) -> str:
    counts = Counter(operators)
    names = world.county.operator_names
    return "、".join(f"{names.get(one, one)}{number}" for one, number in sorted(counts.items()))


def _groups(world: World, key: str) -> dict[str, list[str]]:
    """Sites without mains by a field of the register that has a value."""
    groups: dict[str, list[str]] = defaultdict(list)
    for site in world.tally.lost:
        value = getattr(world.county.sites[site], key)
        if value:
            groups[value].append(site)
    return groups


def _feeders(world: World) -> Iterator[tuple[int, str]]:
    for feeder, sites in _groups(world, "feeder").items():
        if len(sites) >= LEAST:
            who = _who(world, (world.county.sites[one].operator for one in sites))
            yield len(sites), f"共同原因：供电线路「{feeder}」停电，站点{len(sites)}个（{who}）"


def _hosts(world: World) -> Iterator[tuple[int, str]]:
    """Sites whose power comes from sites of another operator that have lost their mains."""
    groups: dict[str, list[str]] = defaultdict(list)
    for host in world.tally.lost:
        owner = world.county.sites[host].operator
        for guest in world.county.powers.get(host, ()):
            groups[owner].append(world.county.sites[guest].operator)
    for owner, guests in groups.items():
        if len(guests) >= LEAST:
            name = world.county.operator_names.get(owner, owner)
            yield (
                len(guests),
                f"共同原因：{name}站点停电，由其供电的站点{len(guests)}个（{_who(world, guests)}）",
            )


def _parents(world: World) -> Iterator[tuple[int, str]]:
    """Devices that cut off others: a hub, a ring that is open."""
    for cause, owners in world.tally.cut.items():
        known, count = world.county.devices.get(cause), sum(owners.values())
        if count >= LEAST and known is not None:
            yield (
                count,
                (
                    f"共同原因：上级设备「{known.name}」中断，"
                    f"失联设备{count}台（{_who(world, owners)}）"
                ),
            )


def _towns(world: World) -> Iterator[tuple[int, str]]:
    """Several operators of one town lost their mains within three minutes: one feeder, maybe."""
    groups: dict[str, list[tuple[str, Lost]]] = defaultdict(list)
    for site, lost in world.tally.lost.items():
        groups[world.county.sites[site].town].append((site, lost))
    for town, rows in groups.items():
        begun = min(lost.since_ms for _, lost in rows)
        owners = [
            world.county.sites[site].operator
            for site, lost in rows
            if lost.since_ms - begun <= TOGETHER_MS
        ]
        if len(set(owners)) >= LEAST:
            name = world.county.town_names.get(town, town)
            yield (
                len(owners),
                (
                    f"疑似共同原因：{name}站点{len(owners)}个3分钟内停电"
                    f"（{_who(world, owners)}），可能为同一供电线路"
                ),
            )
