"""``wanglou analysis``: the regular analysis of a day, a week or a month."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from cli.where import CollectorFile

if TYPE_CHECKING:
    from collector.analysis_sheets import Report

_PAPER = 140
"""Columns of a table that goes to no terminal."""


class Kind(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


def analysis(
    config: CollectorFile,
    kind: Annotated[
        Kind, typer.Option("--period", help="日报、周报、月报 / daily, weekly, monthly")
    ] = Kind.DAY,
    day: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="其中的一天，缺省为上一期 / a day in it; the last one that is over by default",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")] = False,
    xlsx: Annotated[
        Path | None, typer.Option("--xlsx", help="写成这个新文件 / write this new file")
    ] = None,
) -> None:
    """运行分析：可用率、中断、隐患、通知量 / what was available, and what is in danger."""
    report = _report(config, kind, day)
    if xlsx is not None:
        from collector.workbook import workbook

        book = workbook(report)
        try:
            with xlsx.open("xb") as file:
                file.write(book)
        except OSError as fault:
            _fail(f"{xlsx}: 无法写入 / cannot be written: {fault.strerror}")
        typer.echo(xlsx)
    elif as_json:
        print(json.dumps(report.to_json(), ensure_ascii=False))
    else:
        _show(report)


def _report(config: Path, kind: Kind, day: datetime | None) -> Report:
    """From the store, beside the running collector, read only; ends the program without one."""
    import contextlib
    import sqlite3

    from collector.analysis import analyse
    from collector.analysis_sheets import reported
    from collector.io.configured import database, load_settings
    from collector.io.journal import analysis_lines, open_readonly
    from collector.io.restore import Unusable
    from collector.io.store import Store
    from collector.period import last, period
    from config.faults import ConfigError
    from transport.io.clock import Clock

    try:
        settings = load_settings(config)
        now_ms = Clock.of(settings.clock).now_ms()
        asked = period(kind.value, day.date() if day else last(kind.value, now_ms))
        with contextlib.closing(open_readonly(database(settings))) as db:
            lines, begun_ms = analysis_lines(db, asked)
            county = Store(db, now_s=lambda: 0).resolve("")  # the newest
        name = settings.web.name if settings.web else ""
    except FileNotFoundError as fault:
        _fail(f"没有日志 / there is no store at {fault}")
    except (ConfigError, Unusable, sqlite3.Error) as fault:
        _fail(str(fault))
    return reported(county, analyse(county, lines, asked, begun_ms, now_ms), name or "")


def _fail(sentence: str) -> NoReturn:
    print(f"wanglou analysis: {sentence}", file=sys.stderr)
    raise typer.Exit(1)


def _show(report: Report) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=None if sys.stdout.isatty() else _PAPER)
    console.print(Text(f"{report.title.zh} / {report.title.en}", style="bold"))
    for remark in report.remarks:
        console.print(Text(f"注 note: {remark.zh} / {remark.en}"))
    for sheet in report.sheets:
        heading = f"{sheet.title.zh} / {sheet.title.en}"
        if not sheet.rows:
            console.print(Text(f"{heading}: {sheet.none.zh} / {sheet.none.en}"))
            continue
        table = Table(title=heading, title_justify="left")
        for number, head in enumerate(sheet.heads):
            figures = all(isinstance(row[number], int) for row in sheet.rows)
            table.add_column(
                head.replace(" ", "\n", 1),
                justify="right" if figures else "left",
                overflow="fold",
            )
        for row in sheet.rows:
            table.add_row(*(Text(str(value)) for value in row))
        console.print(table)
