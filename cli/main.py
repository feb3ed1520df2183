"""The one command ``wanglou``."""

from __future__ import annotations

import typer

from cli import (
    agent,
    check,
    collector,
    demo,
    journal,
    key,
    office,
    ping,
    plan,
    poll,
    schema,
    status,
    story,
)

app = typer.Typer(
    name="wanglou",
    help="望楼: network watch and early warning for a county's communications emergency plan.",
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
app.command()(schema.schema)
app.command()(poll.poll)
app.command()(ping.ping)


def main() -> None:
    """Run the command; the entry point of the console script."""
    app()
