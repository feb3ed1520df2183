"""``wanglou status``: what the collector knows, folded from its store."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

HERE = Path("collector.toml")


def status(
    config: Annotated[Path, typer.Option("--config", help="collector.toml")] = HERE,
    as_json: Annotated[
        bool, typer.Option("--json", help="Everything, as one JSON object.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show it live, until Ctrl-C; asks the pages.")
    ] = False,
    url: Annotated[
        str, typer.Option("--url", help="Where the pages are; else from collector.toml.")
    ] = "",
) -> None:
    """What the collector knows at its last turn: operators, systems, sources, what is wrong."""
    if watch or url:
        _from_pages(url or _pages_of(config), watch=watch, as_json=as_json)
        return
    import orjson

    from collector.assess import assess
    from collector.board import board
    from collector.io.configured import database, load_settings
    from collector.io.store import Store, open_readonly
    from config.faults import ConfigError

    try:
        store = Store(open_readonly(database(load_settings(config))), now_s=lambda: 0)
        world = store.restore().world
    except FileNotFoundError as fault:
        print(f"wanglou status: there is no store at {fault}", file=sys.stderr)
        raise typer.Exit(1) from fault
    except ConfigError as fault:
        print(f"wanglou status: {fault}", file=sys.stderr)
        raise typer.Exit(1) from fault
    if world.situation is None:
        assess(world, store.last_ms)
    shown = board(world, store.last_ms)
    if as_json:
        print(orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode())
    else:
        _print(shown)


def _pages_of(config: Path) -> str:
    """The address of the pages of this collector."""
    from collector.io.configured import load_settings
    from config.faults import ConfigError

    try:
        web = load_settings(config).web
    except ConfigError as fault:
        print(f"wanglou status: {fault}", file=sys.stderr)
        raise typer.Exit(1) from fault
    if web is None:
        print(f"wanglou status: {config} has no table web: nothing to watch", file=sys.stderr)
        raise typer.Exit(1)
    host = f"[{web.host}]" if ":" in web.host else web.host
    return f"{'https' if web.certfile else 'http'}://{host}:{web.port}"


def _from_pages(url: str, *, watch: bool, as_json: bool) -> None:
    """Home of the pages, once or live."""
    import contextlib
    import json

    from rich.console import Console

    from cli import status_page

    try:
        shown = status_page.ask(url.rstrip("/"))
    except status_page.NoPages as fault:
        print(f"wanglou status: {fault}", file=sys.stderr)
        raise typer.Exit(1) from fault
    if as_json:
        print(json.dumps(shown, ensure_ascii=False))
    elif watch and sys.stdout.isatty():
        with contextlib.suppress(KeyboardInterrupt):
            status_page.watch(url.rstrip("/"))
    else:
        Console().print(status_page.page(shown))


def _print(shown: dict[str, Any]) -> None:
    from datetime import datetime

    from rich.console import Console
    from rich.table import Table

    from collector.assess import CST

    console = Console()
    at = datetime.fromtimestamp(shown["at_ms"] / 1000, CST)
    verdict = shown["verdict"] or {"warning": "?", "level": "?", "spread": "?"}
    console.print(
        f"{shown['county']} {at:%Y-%m-%d %H:%M:%S}  预警 {verdict['warning']}  "
        f"响应 {verdict['level']}  扩散 {verdict['spread']}  未结 {shown['warning'] or '无'}"
    )
    table = Table("企业", "状态", "站点", "中断", "有风险", "不明")
    for one in shown["operators"].values():
        numbers = (str(one[key]) for key in ("sites", "out", "at_risk", "unknown"))
        table.add_row(one["name"], one["impact"], *numbers)
    for one in shown["systems"].values():
        table.add_row(one["name"], one["impact"], "", "", "", "")
    console.print(table)
    for name, one in shown["sources"].items():
        console.print(f"采集代理 {name}: {one['state']}，设备 {one['devices']}")
    for site in shown["sites"]:
        console.print(f"{site['state']:8} {site['name']}: {site['cause']}")
    words = "，".join(f"{word} {n}" for word, n in shown["devices_by_state"].items() if n)
    console.print(f"设备: {words}")
