"""``wanglou replay``: retained inputs through edited rules, and what would have been told."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.where import CollectorFile

if TYPE_CHECKING:
    from rich.console import Console

    from collector.io.segments import Segments
    from collector.replay import Edit, Replay, Row, Sample
    from collector.replayed import Found

DIFFERS: Final = 1
TROUBLE: Final = 2
"""As diff(1) says it: 0 the same, 1 different, 2 it could not be told."""

COMMAND: Final = "replay"


def replay(
    config: CollectorFile,
    *,
    from_: Annotated[
        str, typer.Option("--from", help="起点，缺省为库中最早 / from: 11-24 14:03, -2h")
    ] = "",
    to: Annotated[
        str, typer.Option("--to", help="终点，缺省为最新 / to; the last by default")
    ] = "",
    plan: Annotated[
        Path | None, typer.Option("--plan", help="改过的预案 / the edited plan file")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option("--policy", help="改过的参数 / the edited policy file")
    ] = None,
    register: Annotated[
        Path | None,
        typer.Option(
            "--register", "--inventory", help="改过的登记册 / the edited register: folder or .xlsx"
        ),
    ] = None,
    trial: Annotated[
        bool, typer.Option("--trial", help="试运行的企业也计入 / operators in trial count too")
    ] = False,
    samples: Annotated[
        bool,
        typer.Option(
            "--samples", help="改过的阈值也看采样历史 / judge edited thresholds on the samples too"
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="输出 JSON / print one JSON object")
    ] = False,
) -> None:
    """用改过的规则重放当时的输入 / the retained inputs through edited rules, by the same code.

    Tells which notices would have gone out otherwise and when. Reads the store beside the running
    collector and writes nothing. Exit code 0: nothing differs, 1: something does, 2: not possible.
    """
    from cli.explain import fail, moment, opened
    from collector import replayed
    from collector.replay import coarse
    from config.faults import ConfigError

    segments = opened(config, COMMAND, TROUBLE)
    try:
        edit = replace(edited(segments, plan, policy, register), counted=trial)
        begin = beginning(segments, from_)
        end = moment(segments, to, COMMAND, TROUBLE)
        if begin > end:
            fail(COMMAND, "起点晚于终点 / --from is later than --to", TROUBLE)
        run, equal = told(segments, edit, (begin, end), config if samples else None)
        found = replayed.found(run, begin, end, equal=equal)
        if edit.policy and not samples:
            found.coarse.extend(coarse(*found.counties))
    except ConfigError as fault:
        fail(COMMAND, str(fault), TROUBLE)
    finally:
        segments.close()
    if as_json:
        print(json.dumps(found.as_json(), ensure_ascii=False))
    else:
        from rich.console import Console

        show(found, Console(width=None if sys.stdout.isatty() else 140))
    raise typer.Exit(DIFFERS if found.difference else 0)


def edited(
    segments: Segments, plan: Path | None, policy: Path | None, register: Path | None
) -> Edit:
    """The files that were named, read and checked. Raises ConfigError."""
    from collector.replay import Edit
    from config.io.load import load_policy, load_register
    from config.io.plan import load_plan

    new = load_plan(plan) if plan else None
    county = segments.newest().register.county
    books = load_register(register, county=county, plan=new) if register else None
    return Edit(new, load_policy(policy) if policy else None, books)


def beginning(segments: Segments, word: str) -> int:
    """The moment of ``--from``; that of the first input where the store is younger, and says so."""
    from cli.explain import moment
    from escalation.moments import shown

    first = segments.span().first_ms
    asked = moment(segments, word, COMMAND, TROUBLE) if word else first
    if asked < first:
        print(
            f"wanglou {COMMAND}: 库中的输入始于 {shown(first)}，自此开始 / "
            f"the retained inputs begin at {shown(first)}: from there",
            file=sys.stderr,
        )
    return max(asked, first)


def told(
    segments: Segments, edit: Edit, span: tuple[int, int], samples: Path | None
) -> tuple[Replay, bool]:
    """The whole replay; whether its unedited side told what the journal has."""
    from cli.explain import fail, world_of
    from collector.io.refold import refold

    def begun(run: Replay) -> None:
        if samples is not None:
            run.samples.extend(finer(run, samples, span))

    restored = world_of(segments, span[0], COMMAND, TROUBLE)
    trial = restored.world.county.trial
    run, equal = refold(segments, edit, restored, span, begun=begun, follow=progress)
    if edit.counted and not (trial or run.base.world.county.trial or edit.register):
        fail(COMMAND, "没有试运行的企业 / no operator is in trial, then or now", TROUBLE)
    return run, equal


def finer(run: Replay, config: Path, span: tuple[int, int]) -> list[Sample]:
    """Where values of the sample history pass an edited threshold, in order of time."""
    import asyncio

    from cli.explain import fail
    from collector.io.configured import load_settings, open_history
    from collector.io.history import HistoryDown
    from collector.replay import coarse, crossings, wanted

    async def read() -> list[Sample]:
        history = open_history(load_settings(config), read_only=True)
        found: list[Sample] = []
        try:
            rows = list(coarse(run.base.world.county, run.edited.world.county))
            for device, metric, instance, hint in wanted(run.edited.world, rows):
                points = await history.series(device, metric, instance, *span)
                found += crossings((device, metric, instance), hint, points)
        finally:
            await history.close()
        return sorted(found)

    try:
        return asyncio.run(read())
    except (HistoryDown, FileNotFoundError) as fault:
        fail(COMMAND, f"没有采样历史 / no sample history: {fault}", TROUBLE)


def progress(inputs: Iterator[Any], count: int) -> Iterator[Any]:
    """The same, with a bar on a terminal's standard error."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    if not console.is_terminal:
        yield from inputs
        return
    yield from track(inputs, "重放 replaying", total=count, console=console, transient=True)


def show(found: Found, console: Console) -> None:
    """Headlines, then every notice that differs."""
    from rich.text import Text

    from collector.replayed import headlines
    from escalation.moments import shown

    console.print(Text(f"{shown(found.begin)} – {shown(found.end)} 北京时间 CST", "dim"))
    for line in headlines(found):
        console.print(Text(line, "bold"))
    differing = [row for row in found.difference.rows if row.differs]
    if differing:
        console.print(_table(differing))
    same = len(found.difference.rows) - len(differing)
    console.print(Text(f"另有{same}条通知不变 / {same} notices are the same", "dim"))
    if not found.equal:
        console.print(
            Text(
                "未改的一侧与日志不完全一致：当时可能是另一版软件 / the unedited side is not quite "
                "the journal: another version of the software may have written it",
                "yellow",
            )
        )
    for one in found.coarse:
        console.print(
            Text(
                f"{one.metric}：变化不到{one.delta:g}的读数没有上送，{one.alarm}的越限时刻只准到这一步；"
                f"更细的在采样历史中 / values of {one.metric} were said in steps of {one.delta:g}; "
                "finer ones are in the sample history",
                "yellow",
            )
        )


def _table(rows: list[Row]) -> Any:
    from rich.table import Table
    from rich.text import Text

    from escalation.moments import shown

    table = Table(box=None, padding=(0, 1), header_style="bold")
    for head in ("原来 was", "改后 now", "", "通知 notice"):
        table.add_column(head)
    for row in rows:
        was = shown(row.was_ms) if row.was_ms is not None else "—"
        now = shown(row.now_ms) if row.now_ms is not None else "—"
        style = "green" if row.now_ms is None else "red" if row.was_ms is None else "yellow"
        table.add_row(was, Text(now, style), row.key[0], Text(row.subject.zh))
    return table
