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


@app.command()
def diff(
    first: Path = typer.Argument(..., help="预案文件 / a plan file"),
    second: Path | None = typer.Argument(
        None, help="另一份；只给一份则与内置的比 / another; alone: beside the shipped one"
    ),
    as_json: bool = typer.Option(False, "--json", help="输出 JSON / print JSON"),
) -> None:
    """比较两份预案 / two plans, state by state. 0: alike, 1: they differ, 2: not compared."""
    import json

    from rich.console import Console

    from cli import plan_changes
    from collector.plan_diff import compare
    from config.io.plan import load_plan

    with _told(2):
        was = load_plan(None if second is None else first)
        now = load_plan(first if second is None else second)
    found = compare(was, now)
    if as_json:
        print(json.dumps(plan_changes.as_json(was, now, found), ensure_ascii=False))
    else:
        console = Console(width=None if sys.stdout.isatty() else _PAPER)
        plan_changes.show(was, now, found, console)
    if not found.same:
        raise typer.Exit(1)


@app.command()
def figures(
    file: Path | None = typer.Argument(None, help="预案文件，缺省为内置 / the plan file"),
    output: Path = typer.Option(
        Path(), "--output", "-o", help="写到这个目录 / the folder to write into"
    ),
) -> None:
    """绘制组织体系图和响应流程图（SVG）/ draw the organisation and the flow as SVG."""
    from config.figures import flow, organisation
    from config.io.plan import load_plan

    with _told():
        plan = load_plan(file)
    for name, drawn in (("organisation", organisation(plan)), ("flow", flow(plan))):
        path = output / f"{plan.id}-{name}.svg"
        try:
            output.mkdir(parents=True, exist_ok=True)
            path.write_text(drawn, encoding="utf-8")
        except OSError as problem:
            print(f"{path}: 无法写入 / cannot be written: {problem.strerror}", file=sys.stderr)
            raise typer.Exit(1) from None
        typer.echo(path)


@app.command()
def new(
    output: Path = typer.Argument(..., help="新的预案文件 / the new plan file"),
    base: str = typer.Option(
        "", "--base", help="样本：three、four 或文件 / what it begins from: three, four or a file"
    ),
) -> None:
    """问答起草另一个县的预案 / an interview that begins another county's plan file."""
    from cli.plan_new import interview

    with _told():
        interview(output, base)


@contextmanager
def _told(status: int = 1) -> Iterator[None]:
    """A configuration that cannot be used ends the command, with every fault on stderr."""
    try:
        yield
    except ConfigError as problem:
        print(problem, file=sys.stderr)
        raise typer.Exit(status) from None


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
