"""``wanglou plan``: check a plan file, and ask the decision function by hand."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import typer

from config.faults import ConfigError

app = typer.Typer(help="预案 / the plan: check it, ask it.", no_args_is_help=True)

_PAPER = 140
"""Columns of a table that goes to no terminal."""

_SIGPIPE_STATUS = 141
"""What a shell shows of a program that wrote into a closed pipe: 128 + SIGPIPE."""


@app.command()
def decide(
    file: Path | None = typer.Argument(
        None, help="JSON 行文件，缺省为标准输入 / JSON lines, or stdin"
    ),
    plan: Path | None = typer.Option(None, "--plan", help="预案文件 / the plan file"),
) -> None:
    """逐行判定预警情形和响应级别 / decide warning and level, line by line."""
    from cli.plan_lines import decider_of
    from config.io.plan import load_plan

    with _told():
        answer = decider_of(load_plan(plan))
    _run(file, answer)


@app.command()
def spread(
    file: Path | None = typer.Argument(
        None, help="JSON 行文件，缺省为标准输入 / JSON lines, or stdin"
    ),
    policy: Path | None = typer.Option(None, "--policy", help="参数文件 / the policy file"),
) -> None:
    """逐行判定扩散性 / judge spread, line by line."""
    from cli.plan_lines import spreader_of
    from config.io.load import load_policy

    with _told():
        answer = spreader_of(load_policy(policy).spread)
    _run(file, answer)


@app.command()
def check(
    file: Path | None = typer.Argument(None, help="预案文件，缺省为内置 / the plan file"),
    as_json: bool = typer.Option(False, "--json", help="输出 JSON / print JSON"),
) -> None:
    """查遍预案的所有情况 / enumerate the plan's space; refuse a plan with a gap nobody owns."""
    import json
    from datetime import UTC, datetime

    from rich.console import Console

    from cli import plan_report
    from collector.plan_space import survey
    from config.io.plan import read_plan
    from config.plancheck import oddities

    with _told():
        plan, document = read_plan(file)
    result = survey(plan)
    notes = oddities(plan, document.place, datetime.now(UTC).date())
    if as_json:
        print(json.dumps(plan_report.as_json(plan, result, notes), ensure_ascii=False))
    else:
        console = Console(width=None if sys.stdout.isatty() else _PAPER)
        plan_report.show(plan, result, notes, console)
    if result.faults:
        raise typer.Exit(1)


@contextmanager
def _told() -> Iterator[None]:
    """A configuration that cannot be used ends the command, with every fault on stderr."""
    try:
        yield
    except ConfigError as problem:
        print(problem, file=sys.stderr)
        raise typer.Exit(1) from None


def _run(file: Path | None, answer: Callable[[Any], Any]) -> None:
    from cli.jsonlines import answer_lines

    with _source(file) as source:
        try:
            bad = answer_lines(source, sys.stdout.buffer, answer)
        except BrokenPipeError:
            _hush()
            raise typer.Exit(_SIGPIPE_STATUS) from None
    if bad:
        raise typer.Exit(1)


def _hush() -> None:
    """Nobody reads on: keep the interpreter from flushing into the closed pipe at its end."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _source(file: Path | None) -> Iterator[BinaryIO]:
    if file is None or str(file) == "-":
        yield sys.stdin.buffer
        return
    try:
        opened = file.open("rb")
    except OSError as problem:
        print(f"{file}: 无法读取 / cannot be read: {problem.strerror}", file=sys.stderr)
        raise typer.Exit(1) from None
    with opened:
        yield opened
