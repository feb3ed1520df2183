"""``wanglou collector``: the county's collector as a process."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from cli.agent import Level
from cli.where import CollectorFile

app = typer.Typer(help="县汇聚端 / the county's collector.", no_args_is_help=True)


@app.callback()
def collector() -> None:
    """县汇聚端 / the county's collector."""


@app.command()
def run(config: CollectorFile, log_level: Annotated[Level, typer.Option()] = "info") -> None:
    """运行，直到叫停 / serve until told to stop; the log on stderr says ``ready``."""
    import asyncio
    import signal

    from collector.app import serve
    from collector.io.configured import LOCK, database, load_settings
    from config.faults import ConfigError
    from transport.io import log
    from transport.io.keys import KeyFault
    from transport.io.lock import Taken, only_one
    from transport.io.sqlite import StoreDamaged, StoreTooNew

    async def until_told() -> None:
        stop = asyncio.Event()
        for sig in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(sig, stop.set)
        settings = load_settings(config)
        with only_one(database(settings).parent / LOCK):
            await serve(settings, stop)

    log.setup(log_level)
    try:
        asyncio.run(until_told())
    except (ConfigError, KeyFault, StoreDamaged, StoreTooNew) as fault:
        print(f"wanglou collector: {fault}", file=sys.stderr)
        raise typer.Exit(1) from fault
    except Taken as fault:
        print(f"wanglou collector: another collector runs ({fault})", file=sys.stderr)
        raise typer.Exit(1) from fault


@app.command()
def backup(
    target: Annotated[
        Path, typer.Argument(help="备份写入的新文件 / the new file that the copy becomes")
    ],
    config: CollectorFile,
) -> None:
    """在线备份并核对 / copy the store while the collector runs, and check the copy."""
    from rich.progress import Progress

    from collector.io.backup import BackupFault, back_up
    from collector.io.configured import database, load_settings
    from config.faults import ConfigError

    with Progress(transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("备份 backup")

        def tell(left: int, pages: int) -> None:
            progress.update(task, total=pages, completed=pages - left)

        try:
            made = back_up(database(load_settings(config)), target, tell)
        except FileNotFoundError as fault:
            _fail("backup", f"没有数据库 / there is no store at {fault}")
        except (BackupFault, ConfigError) as fault:
            _fail("backup", str(fault))
    print(f"{target}: {_told(made)}")


@app.command()
def restore(
    source: Annotated[
        Path, typer.Argument(help="备份文件 / a copy that `wanglou collector backup` made")
    ],
    config: CollectorFile,
) -> None:
    """由备份恢复，原库改名保留 / make a backup the store; the old one is kept beside it."""
    from collector.io.backup import BackupFault, put_back
    from collector.io.configured import LOCK, database, load_settings
    from config.faults import ConfigError
    from transport.io.lock import Taken, only_one

    try:
        place = database(load_settings(config))
        with only_one(place.parent / LOCK):
            found, aside = put_back(source, place)
    except Taken:
        _fail("restore", "the collector runs on this store: stop it first")
    except (BackupFault, ConfigError, OSError) as fault:
        _fail("restore", str(fault))
    print(f"{place}: {_told(found)}")
    if aside is not None:
        print(f"the store before it is kept as {aside}")
    print(
        "启动后将向指挥部说明缺口；此后发生的事以各采集代理和指挥部客户端所存为准。\n"
        "At its start the collector names the gap to the office; what came after this copy it has\n"
        "again only as far as agents and office client still hold it."
    )


def _told(found: Any) -> str:
    from datetime import datetime

    from escalation.authority import CHINA

    at = datetime.fromtimestamp(found.at_ms / 1000, CHINA)
    return (
        f"{found.size / 1e6:.1f} MB, {found.rows} journal rows, head {found.head[:16]}, "
        f"last notice {found.notice}, last turn {at:%Y-%m-%d %H:%M:%S}; every hash is sound"
    )


def _fail(command: str, sentence: str) -> NoReturn:
    print(f"wanglou collector {command}: {sentence}", file=sys.stderr)
    raise typer.Exit(1)
