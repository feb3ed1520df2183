"""``wanglou traps``: what the agent's trap receiver has stored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.where import AgentFile

if TYPE_CHECKING:
    from agent.io.traps_store import TrapRow, TrapStore

app = typer.Typer(help="已收到的 trap / the traps that were received.", no_args_is_help=True)


@app.callback()
def root() -> None:
    """已收到的 trap / the traps that were received."""


@app.command("list")
def list_(
    config: AgentFile,
    most: int = typer.Option(50, "--most", min=1, max=100_000, help="最多几行 / rows at most"),
    unknown: bool = typer.Option(
        False, "--unknown", help="只列不认识的来源 / only those of nobody we know"
    ),
    as_json: bool = typer.Option(False, "--json", help="每行一个 JSON / one JSON line each"),
) -> None:
    """列出 trap，最新的在前 / list traps, the newest first; equal ones count in one row."""
    import json

    from cli.rounds import console

    store = _store(config)
    try:
        rows, tally = store.newest(most, unknown=unknown), store.tally()
    finally:
        store.close()
    if as_json:
        for row in rows:
            print(json.dumps(_dict(row), ensure_ascii=False))
        return
    console().print(_table(rows))
    said = ", ".join(f"{name} {value}" for name, value in tally.items() if value)
    typer.echo(f"合计 in all: {said or '0'}")


@app.command()
def show(
    number: Annotated[int, typer.Argument(help="编号 / its number")],
    config: AgentFile,
    as_json: bool = typer.Option(False, "--json", help="输出 JSON / print JSON"),
) -> None:
    """一条 trap 的全部内容 / one trap with all its bindings."""
    import json

    store = _store(config)
    try:
        row = store.row(number)
    finally:
        store.close()
    if row is None:
        typer.echo(f"没有编号 {number} 的 trap / there is no trap {number}", err=True)
        raise typer.Exit(1)
    if as_json:
        print(json.dumps(_dict(row), ensure_ascii=False))
        return
    for name, value in _dict(row).items():
        if name != "binds":
            typer.echo(f"{name}: {value}")
    for bind in _dict(row)["binds"]:
        typer.echo(f"  {bind['oid']} = {bind['type']}: {bind['value']}")


def _store(config: Path) -> TrapStore:
    """The store of the agent with these settings; ends the program when there is none."""
    import sys

    from agent.io.traps_store import NAME, TrapStore
    from config.faults import ConfigError
    from config.io import load

    try:
        settings = load.load_agent_settings(config)
    except ConfigError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from error
    folder = Path(settings.agent.state_dir)
    if not (folder / NAME).exists():
        typer.echo(f"没有收到过 trap / no traps were received: {folder / NAME}", err=True)
        raise typer.Exit(1)
    return TrapStore.read_only(folder)


def _dict(row: TrapRow) -> dict[str, Any]:
    from agent import traps

    return {
        "id": row.id,
        "from_ms": row.from_ms,
        "at_ms": row.at_ms,
        "count": row.count,
        "source": row.source,
        "agent": row.agent,
        "device": row.device,
        "version": row.version,
        "inform": bool(row.confirmed),
        "refused": row.refused,
        "kind": traps.kind(row.oid),
        "oid": row.oid,
        "uptime_s": None if row.uptime is None else row.uptime / 100,
        "binds": [
            {"oid": one.oid, "type": one.type, "value": one.value}
            for one in traps.unpacked(row.binds)
        ],
    }


def _table(rows: list[TrapRow]) -> Any:
    from datetime import UTC, datetime

    from rich.markup import escape
    from rich.table import Table

    from agent import traps

    table = Table()
    table.add_column("编号 No", justify="right")
    for heading in ("最后 Last (UTC)", "来源 Source", "设备 Device", "类型 Kind"):
        table.add_column(heading)
    table.add_column("次数 Count", justify="right")
    table.add_column("内容 Says")
    for row in rows:
        at = datetime.fromtimestamp(row.at_ms / 1000, UTC)
        table.add_row(
            str(row.id),
            f"{at:%m-%d %H:%M:%S}",
            escape(row.source if not row.agent else f"{row.source} ({row.agent})"),
            escape(row.device or (f"? {row.refused}" if row.refused else "?")),
            escape(traps.kind(row.oid)),
            str(row.count),
            escape(traps.text(traps.unpacked(row.binds))[:80]),
        )
    return table
