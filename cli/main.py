"""The one command ``wanglou``."""

from __future__ import annotations

import errno
import os
import sys
from io import TextIOWrapper
from typing import Any, Final

import typer

from cli import (
    agent,
    analysis,
    check,
    collector,
    demo,
    discover,
    explain,
    impact,
    journal,
    key,
    office,
    ping,
    plan,
    poll,
    profile,
    record,
    rules,
    rules_replay,
    schema,
    status,
    story,
    trace,
    traps,
)

EX_IOERR: Final = 74
"""sysexits.h: an error occurred while doing I/O on some file."""

SIGPIPE_STATUS: Final = 141
"""What a shell shows of a program that wrote into a closed pipe: 128 + SIGPIPE."""

app = typer.Typer(
    name="wanglou",
    help="望楼：县级通信监测预警 / network watch and early warning for a county's emergency plan.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def root() -> None:
    """Network watch and early warning (望楼)."""


app.add_typer(plan.app, name="plan")
app.add_typer(story.app, name="story")
app.command()(demo.demo)
app.command()(check.check)
app.add_typer(key.app, name="key")
app.add_typer(agent.app, name="agent")
app.add_typer(collector.app, name="collector")
app.add_typer(office.app, name="office")
app.add_typer(journal.app, name="journal")
app.command()(status.status)
app.command()(explain.explain)
app.command()(impact.impact)
app.command()(rules_replay.replay)
app.command()(analysis.analysis)
app.add_typer(rules.app, name="rules")
app.command()(schema.schema)
app.command()(poll.poll)
app.add_typer(profile.app, name="profile")
app.command()(record.record)
app.command()(discover.discover)
app.command()(ping.ping)
app.command()(trace.trace)
app.add_typer(traps.app, name="traps")


def main() -> None:
    """Run the command; the entry point of the console script."""
    _usable_streams()
    _whole_words()
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is left to be flushed fails again
        if error.errno == errno.EPIPE:
            sys.exit(SIGPIPE_STATUS)
        where = f"{error.filename}: " if error.filename else ""
        print(f"wanglou: {where}{error.strerror or error}", file=sys.stderr)
        sys.exit(EX_IOERR)


def _whole_words() -> None:
    """Help keeps the last word of a line that has wide characters (rich cuts it by their count)."""
    if "--help" not in sys.argv and len(sys.argv) > 2:
        return
    from rich import table

    class Whole(table.Column):
        """A column that folds."""

        def __init__(self, **given: Any) -> None:
            super().__init__(**given | {"overflow": "fold"})

    table.Column = Whole  # type: ignore[assignment,misc]


def _usable_streams() -> None:
    """Closed standard streams lead nowhere; what an encoding cannot show becomes "?"."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, number)
            stream = os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False)
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
    for out in (sys.stdout, sys.stderr):
        if isinstance(out, TextIOWrapper) and out.errors == "strict":
            out.reconfigure(errors="replace")
