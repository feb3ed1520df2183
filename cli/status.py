"""``wanglou status``: what the collector knows, folded from its store."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

from cli.where import CollectorFile

EVERY_S: Final = 2.0


def status(
    config: CollectorFile,
    as_json: Annotated[
        bool, typer.Option("--json", help="全部内容，一个 JSON / everything, as one JSON object")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="持续显示，Ctrl-C 结束 / live, until Ctrl-C")
    ] = False,
    url: Annotated[
        str,
        typer.Option("--url", help="问这个地址的网页，不读库 / ask the pages there, not the store"),
    ] = "",
) -> None:
    """全县状态 / what the collector knows: operators, systems, sources, what is wrong.

    Read from its store, beside the running collector; live from its pages where it serves some.
    """
    from config.faults import ConfigError

    try:
        if url or (watch and (url := _pages_of(config))):
            _from_pages(url, watch=watch, as_json=as_json)
        else:
            _from_store(config, watch=watch, as_json=as_json)
    except ConfigError as fault:
        _fail(str(fault))


def _fail(sentence: str) -> NoReturn:
    print(f"wanglou status: {sentence}", file=sys.stderr)
    raise typer.Exit(1)


def _from_store(config: Path, *, watch: bool, as_json: bool) -> None:
    """The board of the World that the store holds, once or live. Raises ConfigError."""
    import contextlib
    import sqlite3
    import time

    import orjson
    from rich.console import Console
    from rich.live import Live

    from cli.status_board import page
    from collector.board import board
    from collector.io.configured import database, load_settings
    from collector.io.follow import Follower
    from collector.io.restore import Unusable
    from collector.io.store import Store, open_readonly
    from transport.io.clock import Clock

    settings = load_settings(config)
    clock = Clock.of(settings.clock)
    try:
        with contextlib.closing(open_readonly(database(settings))) as db:
            follower = Follower(Store(db, now_s=lambda: 0))
            if as_json:
                shown = board(follower.world, follower.last_ms)
                print(orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode())
            elif not (watch and sys.stdout.isatty()):
                shown = board(follower.world, follower.last_ms)
                console = Console()
                console.print(page(shown, clock.now_ms(), console.width))
            else:
                with Live(auto_refresh=False, screen=True) as live:
                    while True:
                        shown = board(follower.catch_up(), follower.last_ms)
                        width = live.console.width
                        live.update(page(shown, clock.now_ms(), width), refresh=True)
                        time.sleep(EVERY_S)
    except KeyboardInterrupt:
        return
    except FileNotFoundError as fault:
        _fail(f"没有数据库 / there is no store at {fault}")
    except (Unusable, sqlite3.Error) as fault:
        _fail(f"the store cannot be read: {fault}")


def _pages_of(config: Path) -> str:
    """The address of this collector's pages; empty when it serves none. Raises ConfigError."""
    from collector.io.configured import load_settings

    web = load_settings(config).web
    if web is None:
        return ""
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
        _fail(str(fault))
    if as_json:
        print(json.dumps(shown, ensure_ascii=False))
    elif watch and sys.stdout.isatty():
        with contextlib.suppress(KeyboardInterrupt):
            status_page.watch(url.rstrip("/"))
    else:
        console = Console()
        console.print(status_page.page(shown, width=console.width))
