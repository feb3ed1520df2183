"""``wanglou collector``: the county's collector as a process."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.agent import Level

app = typer.Typer(help="The county's collector.", no_args_is_help=True)

Config = Annotated[Path, typer.Option("--config", help="collector.toml")]
HERE = Path("collector.toml")


@app.callback()
def collector() -> None:
    """The county's collector."""


@app.command()
def run(config: Config = HERE, log_level: Annotated[Level, typer.Option()] = "info") -> None:
    """Serve until SIGTERM or SIGINT; the log on stderr says ``ready`` when it does."""
    import asyncio
    import signal

    from collector.app import serve
    from collector.io.configured import load_settings
    from config.faults import ConfigError
    from transport.io import log
    from transport.io.keys import KeyFault
    from transport.io.sqlite import StoreDamaged, StoreTooNew

    async def until_told() -> None:
        stop = asyncio.Event()
        for sig in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(sig, stop.set)
        await serve(load_settings(config), stop)

    log.setup(log_level)
    try:
        asyncio.run(until_told())
    except (ConfigError, KeyFault, StoreDamaged, StoreTooNew) as fault:
        print(f"wanglou collector: {fault}", file=sys.stderr)
        raise typer.Exit(1) from fault
