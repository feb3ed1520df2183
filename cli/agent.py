"""``wanglou agent``: the process on the operator's host."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Coroutine
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from cli import agent_top
from cli.where import AgentFile

if TYPE_CHECKING:
    from agent.app import Agent

EX_IOERR: Final = 74
"""sysexits.h: an error occurred while doing I/O on some file."""

Level = Literal["debug", "info", "warning", "error"]

app = typer.Typer(help="采集代理 / the agent on an operator's host.", no_args_is_help=True)


@app.callback()
def root() -> None:
    """采集代理 / the agent on an operator's host."""


@app.command()
def run(
    config: AgentFile,
    level: Annotated[Level, typer.Option("--log-level")] = "info",
) -> None:
    """巡检、缓存、上送，直到叫停 / poll, buffer, send until told to stop; logs on stderr."""
    from agent.app import Agent, AgentFault
    from agent.io.setup import at_rest, load_apart
    from agent.roster import Roster
    from config.faults import ConfigError
    from config.io import load
    from config.io.apart import apart
    from transport.io import log
    from transport.io.sqlite import StoreTooNew

    log.setup(level)
    try:
        settings = load.load_agent_settings(config)
        folder, path = settings.agent.profiles_dir, Path(settings.agent.inventory)
        # The inventory is handed over, not kept: it takes more memory than what is made of it.
        agent = Agent(
            settings,
            apart(lambda: Roster.of(load.load_inventory(path), settings.agent.interval_s)),
            load.load_profiles(None if folder is None else Path(folder)),
            believed=load.load_trap_access(settings),
            files=partial(load_apart, config),
        )
    except ConfigError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from error
    except AgentFault as fault:
        print(f"wanglou agent: {fault}", file=sys.stderr)
        raise typer.Exit(1) from fault

    at_rest()
    try:
        told = _told_of_disk(_alone(agent))
    except (AgentFault, StoreTooNew) as fault:
        print(f"wanglou agent: {fault}", file=sys.stderr)
        raise typer.Exit(1) from fault
    if told:
        print(f"wanglou agent: {told}", file=sys.stderr)
        raise typer.Exit(EX_IOERR)


app.command()(agent_top.top)


async def _alone(agent: Agent) -> None:
    """Run the agent in a loop of its own, in which no fault stays unheard."""
    asyncio.get_running_loop().set_exception_handler(agent.faulted)
    await agent.run()


def _told_of_disk(main: Coroutine[object, object, None]) -> str:
    """Run to the end; which file failed and how, alone or in one of several tasks."""
    told = ""
    try:
        asyncio.run(main)
    except* sqlite3.Error as group:
        told = f"the outbox cannot be written, ending: {_first(group)}"
    except* OSError as group:
        error = _first(group)
        named = f"{error.filename}: " if isinstance(error, OSError) and error.filename else ""
        told = f"{named}{getattr(error, 'strerror', None) or error}"
    return told


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error of a group, however deep."""
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
