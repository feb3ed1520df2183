"""``wanglou demo``: the county in a box, with a live timeline on a terminal."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from drill.box import Box
    from drill.report import Happening, Report

Tell = Callable[["Happening"], None]
Watch = Callable[["Box"], None]

MARKS = {True: "[green]✓[/]", False: "[red]✗[/]", None: " "}
STYLES = {"box": "dim", "link": "cyan", "step": "yellow", "notice": "bold", "end": "bold green"}
_INTERRUPTED = 130


def demo(
    story: str = typer.Option("power-cut", "--story", help="故事 / which story"),
    scale: float | None = typer.Option(
        None, "--scale", min=1, max=3600, help="时间倍率，缺省由故事定 / how fast domain time runs"
    ),
    once: bool = typer.Option(
        False,
        "--once",
        help="讲完即止；不在终端上也是 / end after the story, as without a terminal",
    ),
    as_json: bool = typer.Option(False, "--json", help="输出 JSON / print a JSON report"),
    keep: Path | None = typer.Option(None, "--keep", help="保留运行目录 / keep the run directory"),
    web_port: int = typer.Option(
        8080, "--web-port", min=0, max=65535, help="网页端口，0 为不开 / port of the pages, 0: none"
    ),
    loopback: bool = typer.Option(False, "--loopback", help="不用 TUN / no TUN device"),
) -> None:
    """盒中之县：真进程，模拟设备 / the county in a box: real processes, simulated devices."""
    from cli.story import told
    from drill import story as stories
    from drill.box import Box, Options
    from drill.broker import free_port
    from drill.farm import Where
    from drill.grow import generate

    with told():
        one = stories.load(stories.path_of(story), generate())
    live = sys.stdout.isatty() and not once and not as_json
    options = Options(
        scale=scale or one.scale,
        interval_s=one.interval_s,
        where=Where.LOOPBACK if loopback else None,
        web_port=free_port(web_port) if web_port else None,
        stay=live,
    )
    with _folder(keep) as folder, _shown(as_json=as_json, live=live) as (tell, watch):
        box = Box(one, folder, options, tell)
        watch(box)
        raise typer.Exit(_run(box, as_json=as_json))


def _run(box: Box, *, as_json: bool) -> int:
    """The exit code: 0 all held, 1 something did not, 130 interrupted."""
    from drill.box import BoxFault

    try:
        report = asyncio.run(_until_stopped(box))
    except BoxFault as fault:
        print(f"wanglou demo: {fault}", file=sys.stderr)
        return 1
    if report is None:
        return _INTERRUPTED if box.report is None else 0
    if as_json:
        print(json.dumps(report.to_json(), ensure_ascii=False))
    else:
        _summary(report)
    return 0 if report.good else 1


async def _until_stopped(box: Box) -> Report | None:
    """The box's report; None when SIGINT or SIGTERM stopped it first (all is taken down)."""
    task = asyncio.create_task(box.run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        return await task
    return None


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep:
        if keep.exists() and any(keep.iterdir()):
            print(f"wanglou demo: {keep} 不是空目录 / is not empty", file=sys.stderr)
            raise typer.Exit(2)
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="wanglou-") as folder:
        yield Path(folder)


@contextmanager
def _shown(*, as_json: bool, live: bool) -> Iterator[tuple[Tell, Watch]]:
    """What shows a happening (a line, or nothing at all), and what watches the box (the bar)."""
    if as_json:
        yield (lambda _: None), (lambda _: None)
        return
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)

    def line(happening: Happening) -> None:
        style = STYLES.get(happening.kind, "")
        mark = MARKS[happening.good]
        zh, en = escape(happening.zh), escape(happening.en)
        console.print(
            f"[dim]{_time(happening.at_ms)} {happening.real_s:6.1f}s[/] {mark} "
            f"[{style}]{zh}[/] [dim]{en}[/]"
        )

    if not live:
        yield line, (lambda _: None)
        return
    from rich.live import Live

    from cli.demo_live import Bar

    bar = Bar()
    with Live(bar, console=console, refresh_per_second=2, transient=True):
        yield line, partial(setattr, bar, "box")


def _time(at_ms: int) -> str:
    """Domain time in China Standard Time."""
    from datetime import UTC, datetime, timedelta

    return f"{datetime.fromtimestamp(at_ms / 1000, UTC) + timedelta(hours=8):%H:%M:%S}"


def _summary(report: Report) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    said = report.to_json()
    links = Table(title="链路 / the chain", title_justify="left")
    for head in ("", "环节", "link", "次数", "首次(秒)"):
        links.add_column(head)
    for row in said["links"]:
        if row["needed"] or row["count"]:
            held = row["first_s"] is not None
            first = f"{row['first_s']:.1f}" if held else "—"
            links.add_row(MARKS[held], row["title"], row["link"], str(row["count"]), first)
    console.print(links)
    steps = Table(title=f"故事 / the story {report.story}, ×{report.scale:g}", title_justify="left")
    for head in ("", "时刻", "发生", "步骤", "结果"):
        steps.add_column(head)
    for row in said["steps"]:
        good = row["state"] == "done"
        steps.add_row(MARKS[good], row["at"], row["happened"] or "—", row["say"], row["why"])
    console.print(steps)
    for fault in report.faults:
        console.print(f"{MARKS[False]} {fault}", markup=True)
    console.print(f"{MARKS[report.good]} {' / '.join(report.verdict())} ({report.real_s:.0f} s)")
