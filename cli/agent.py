"""``wanglou agent``: the process on the operator's host."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="The agent on an operator's host.", no_args_is_help=True)


@app.callback()
def root() -> None:
    """The agent on an operator's host."""


@app.command()
def run(
    config: Annotated[Path, typer.Option(help="agent.toml")],
    level: Annotated[str, typer.Option("--log-level", help="debug, info, warning, error")] = "info",
) -> None:
    """Poll, buffer and send until told to stop; logs JSON lines on stderr."""
    from agent.app import Agent, AgentFault
    from config.faults import ConfigError
    from config.io import load
    from transport.io import log

    log.setup(level)
    try:
        settings = load.load_agent_settings(config)
        inventory = load.load_inventory(Path(settings.agent.inventory))
        folder = settings.agent.profiles_dir
        profiles = load.load_profiles(None if folder is None else Path(folder))
    except ConfigError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from error

    async def main() -> None:
        await Agent(settings, inventory, profiles).run()

    try:
        asyncio.run(main())
    except AgentFault as fault:
        print(f"wanglou agent: {fault}", file=sys.stderr)
        raise typer.Exit(1) from fault
