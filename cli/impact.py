"""``wanglou impact``: what a device, site, town, operator or system takes down, and by what."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer

from cli.where import CollectorFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collector.base import World
    from collector.consequence import Consequence

SHOWN: Final = 12
"""Names of a list; ``--json`` has all of them."""
KINDS: Final = {
    "device": "设备 device",
    "site": "站点 site",
    "town": "乡镇 town",
    "operator": "企业 operator",
    "system": "系统 system",
}


def impact(
    node: Annotated[
        str,
        typer.Argument(
            help="设备、站点、乡镇、企业或系统的编号或名称 / a device, site, town … by id or name"
        ),
    ],
    config: CollectorFile,
    if_down: Annotated[
        bool, typer.Option("--if-down", help="假如它现在中断 / as if it gave no answer now")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="一个 JSON / everything, as one JSON object")
    ] = False,
) -> None:
    """影响两个方向：它使什么中断，什么使它中断 / what it takes down, what took it down."""
    import contextlib
    import sqlite3

    import orjson

    from collector.io.configured import database, load_settings
    from collector.io.follow import Follower
    from collector.io.restore import Unusable
    from collector.io.store import Store, open_readonly
    from config.faults import ConfigError

    try:
        with contextlib.closing(open_readonly(database(load_settings(config)))) as db:
            world = Follower(Store(db, now_s=lambda: 0)).world
    except ConfigError as fault:
        _fail(str(fault))
    except FileNotFoundError as fault:
        _fail(f"没有数据库 / there is no store at {fault}")
    except (Unusable, sqlite3.Error) as fault:
        _fail(f"库读不出来 / the store cannot be read: {fault}")
    found = _asked(world, node, if_down=if_down)
    if as_json:
        print(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
    else:
        _show(world, found)


def _fail(sentence: str) -> NoReturn:
    print(f"wanglou impact: {sentence}", file=sys.stderr)
    raise typer.Exit(1)


def _asked(world: World, node: str, *, if_down: bool) -> dict[str, Any]:
    from difflib import get_close_matches

    from collector import consequence

    node = _meant(world, node)
    try:
        kind = consequence.kind_of(world, node)
    except KeyError:
        known = [*_ids(world), *_names(world).values()]
        near = get_close_matches(node, known, 3)
        hint = f"；是否 did you mean: {', '.join(near)}" if near else ""
        _fail(f"没有“{node}” / no such device, site, town, operator or system{hint}")
    hit = consequence.if_down if if_down else consequence.takes_down
    already = {"lost_already": _data(consequence.lost_already(world, node))} if if_down else {}
    return already | {
        "node": node,
        "kind": kind.value,
        "if_down": if_down,
        "takes_down": _data(hit(world, node)),
        "taken_down_by": [
            {"kind": one.kind.value, "id": one.id, "since_ms": one.since_ms}
            for one in consequence.taken_down_by(world, node)
        ],
        "county": consequence.counts(world)._asdict(),
    }


def _meant(world: World, node: str) -> str:
    """The id of what has this name; an id is itself."""
    return (
        node
        if node in _ids(world)
        else next((k for k, v in _names(world).items() if v == node), node)
    )


def _ids(world: World) -> set[str]:
    county = world.county
    return {
        *(*county.devices, *county.sites, *county.town_names),
        *(*county.systems, *county.operators),
    }


def _names(world: World) -> dict[str, str]:
    county = world.county
    names = {one.id: one.name for one in county.register.devices}
    names |= {one.id: one.name for one in county.register.sites} | county.town_names
    return names | {one.id: one.name for one in county.register.systems} | county.operator_names


def _data(found: Consequence) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(found)


def _show(world: World, found: dict[str, Any]) -> None:
    from cli.status_board import WORDS, at, counted

    names = _names(world)
    print(f"{names[found['node']]}（{found['node']}，{KINDS[found['kind']]}）")
    print("使它中断的 Taken down by:")
    for one in found["taken_down_by"]:
        itself = "（本身 itself）" if one["id"] == found["node"] else ""
        print(f"  {names[one['id']]}（{one['id']}）{itself} 自 since {at(one['since_ms'])}")
    if not found["taken_down_by"]:
        print("  无 nothing")
    if found["if_down"]:
        print("假如中断，将新失去 If it went down, newly lost:")
        _lost(names, found["takes_down"], WORDS)
        print("其中已失 Lost already:")
        _lost(names, found["lost_already"], WORDS)
    else:
        print("它使 It takes down:")
        _lost(names, found["takes_down"], WORDS)
    print(f"全县 County: {counted(found['county'])}")


def _lost(
    names: dict[str, str], hit: dict[str, Any], words: Mapping[str, tuple[str, str, str]]
) -> None:
    """Devices, sites and networks; what there is none of is said for the first two alone."""

    def listed(ids: list[str]) -> str:
        more = f" … 共 {len(ids)} 个 in all" if len(ids) > SHOWN else ""
        return "、".join(f"{names[one]}（{one}）" for one in ids[:SHOWN]) + more

    for title, key in (("设备 devices", "devices"), ("站点 sites", "sites")):
        print(f"  {title} {len(hit[key])}" + (f"：{listed(hit[key])}" if hit[key] else ""))
    if hit["key_units"]:
        print(f"  其中重点单位 key units among them：{listed(hit['key_units'])}")
    if hit["sites"]:
        print(f"  用户（权重）users (weights) {hit['users']:g}")
    for title, key in (("企业 operators", "operators"), ("系统 systems", "systems")):
        for name, state in hit[key].items():
            print(f"  {title} {names[name]}：{words.get(state, ('', state, ''))[1]}")
