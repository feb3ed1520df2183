"""``wanglou journal``: the decision journal, read beside the running collector."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.where import CollectorFile

app = typer.Typer(
    help="决策日志：核对、查看、导出 / the decision journal: check, read, export.",
    no_args_is_help=True,
)


def _open(config: Path) -> sqlite3.Connection:
    from collector.io.configured import database, load_settings
    from collector.io.store import open_readonly
    from config.faults import ConfigError

    try:
        return open_readonly(database(load_settings(config)))
    except FileNotFoundError as fault:
        print(f"wanglou journal: 没有数据库 / there is no store at {fault}", file=sys.stderr)
    except ConfigError as fault:
        print(f"wanglou journal: {fault}", file=sys.stderr)
    raise typer.Exit(1)


@app.command()
def verify(
    config: CollectorFile,
    head: Annotated[
        str,
        typer.Option(
            help="办公室最后一次签名心跳中的链头 / the head in its last heartbeat: must be in here"
        ),
    ] = "",
) -> None:
    """逐条核对哈希链 / check every hash, and the inputs anchored in it; 1: something differs."""
    from collector.io import store

    db = _open(config)
    rows, last, faults = store.verify(db)
    if head and all(entry.hash != head for entry in store.journal(db)):
        faults.append(f"the heartbeat's head {head} is not in the journal: its tail was cut")
    for fault in faults:
        print(fault)
    print(f"{rows} rows, head {last}: {'damaged' if faults else 'sound'}")
    if faults:
        raise typer.Exit(1)


@app.command()
def show(
    config: CollectorFile,
    last: Annotated[int, typer.Option(help="最后几条，0 为全部 / the last N rows; 0: all")] = 50,
    kind: Annotated[str, typer.Option(help="只看这一类 / only rows of this kind")] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="每行一个 JSON / one JSON object a line")
    ] = False,
) -> None:
    """查看日志，北京时间，旧的在前 / print the journal, oldest first, in China Standard Time."""
    from datetime import datetime

    import orjson

    from collector.assess import CST
    from collector.io import store

    db = _open(config)
    found = [entry for entry in store.journal(db) if not kind or entry.kind == kind]
    for entry in found[-last:] if last else found:
        if as_json:
            row = {**entry._asdict(), "data": orjson.loads(entry.json)}
            del row["json"]
            print(orjson.dumps(row).decode())
        else:
            at = datetime.fromtimestamp(entry.at_ms / 1000, CST)
            print(f"{entry.n:>7} {at:%m-%d %H:%M:%S} {entry.kind:<16} {entry.json}")


@app.command()
def export(
    target: Annotated[Path, typer.Argument(help="新文件 / a new file: .jsonl, .csv or .xlsx")],
    config: CollectorFile,
) -> None:
    """导出全部日志及其哈希，先核对 / the whole journal with its hashes as a file; checked first."""
    from collector.io import export as exports
    from collector.io import store

    db = _open(config)
    rows, head, faults = store.verify(db)
    try:
        exports.write(db, target)
    except exports.CannotExport as fault:
        print(f"wanglou journal: {fault}", file=sys.stderr)
        raise typer.Exit(1) from fault
    for fault_ in faults:
        print(fault_)
    print(f"{target}: {rows} rows, head {head}: {'damaged' if faults else 'sound'}")
    if faults:
        raise typer.Exit(1)
