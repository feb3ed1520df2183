"""``wanglou agent top``: how the running agent does, and which devices give it trouble."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NoReturn

import typer

from cli.where import AgentFile

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

By = Literal["all", "longest", "timeouts", "refused", "floods", "partial", "falls"]

COLUMNS: Final = (
    ("longest_ms", "最长 ms", "longest"),
    ("timeouts", "超时", "timeouts"),
    ("refused", "被拒绝", "refused"),
    ("floods", "泛滥", "floods"),
    ("partial", "残缺", "partial"),
    ("falls", "掉线", "falls"),
)
WIDTH: Final = 80
HEAD_LINES: Final = 8
"""Lines that are no devices: four of figures, an empty one, the table's head, one to spare."""
NAME_MOST: Final = 20

Said = dict[str, Any]


def top(
    config: AgentFile,
    by: Annotated[By, typer.Option(help="按什么排序 / order by")] = "all",
    every: Annotated[float, typer.Option(min=0.2, max=3600, help="几秒一次 / seconds")] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="只看一次 / once, and end")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")] = False,
) -> None:
    """慢的和出问题的设备 / slow and misbehaving devices of the running agent, by name.

    Counted over the last 30 to 60 minutes; Ctrl-C ends. Exit code 1: no agent can be asked.
    """
    from rich.console import Console

    from config.faults import ConfigError
    from config.io.load import load_agent_settings

    try:
        state_dir = Path(load_agent_settings(config).agent.state_dir)
    except ConfigError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from error
    if as_json:
        sys.stdout.write(_ask(state_dir)[0].decode())
        return
    live = sys.stdout.isatty() and not once
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    if live:
        with contextlib.suppress(KeyboardInterrupt):
            _follow(state_dir, console, by, every)
        return
    console.print(screen(_ask(state_dir)[1], None, by, 10_000))


def _follow(state_dir: Path, console: Console, by: By, every: float) -> None:
    """Look again and again, until somebody has seen enough."""
    from rich.live import Live

    before, now = None, _ask(state_dir)[1]
    with Live(console=console, screen=True, auto_refresh=False) as page:
        while True:
            page.update(screen(now, before, by, console.height - HEAD_LINES), refresh=True)
            time.sleep(every)
            before, now = now, _ask(state_dir)[1]


def _ask(state_dir: Path) -> tuple[bytes, Said]:
    """What the agent answers, as it came and read; ends the command when there is none."""
    import orjson

    from agent.io.control import SOCKET, ask

    try:
        found = ask(state_dir, "top")
        if found is None:
            _fail(f"{state_dir}：没有采集代理在运行 / no agent runs with this state directory")
        return found, orjson.loads(found)
    except PermissionError:
        _fail(f"{state_dir / SOCKET}：没有权限 / permission denied")
    except (OSError, ValueError) as error:
        _fail(f"{state_dir / SOCKET}：{error}")


def _fail(text: str) -> NoReturn:
    print(f"wanglou agent top: {text}", file=sys.stderr)
    raise typer.Exit(1)


def screen(now: Said, before: Said | None, by: By, most: int) -> RenderableType:
    """The page: figures of all, then at most ``most`` devices, the worst first."""
    from rich.console import Group
    from rich.text import Text

    lines = [Text(line, overflow="ellipsis", no_wrap=True) for line in figures(now, before)]
    worst = ranked(now["worst"], by)
    if not worst:
        return Group(*lines, Text(), Text("没有出问题的设备 / no device gives trouble"))
    left = len(worst) - most
    shown = worst[: most - (left > 0)]
    more = [Text(f"还有 and {len(worst) - len(shown)} 台 more")] if left > 0 else []
    return Group(*lines, Text(), _table(shown), *more)


def figures(now: Said, before: Said | None) -> tuple[str, ...]:
    """Four lines of at most 80 columns."""
    seconds = 0.0 if before is None else (now["mono_ms"] - before["mono_ms"]) / 1000
    looks, cpu = f"{now['looks']}", f"{now['cpu_s']:.0f} s"
    if before is not None and seconds > 0:
        looks = f"{(now['looks'] - before['looks']) / seconds:.0f}/s"
        cpu = f"{(now['cpu_s'] - before['cpu_s']) / seconds:.1%}"
    late = ">10000" if now["late_p99_ms"] is None else f"≤{now['late_p99_ms']:.0f}"
    link = "连上 up" if now["connected"] else "断开 down"
    blind = " · 自己断网 no uplink" if now["blind"] else ""
    agent = f"{now['agent']} · 设备 devices {now['devices']}"
    work = f"探测 looks {looks} · 在途 in flight {now['in_flight']}"
    cost = f"CPU {cpu} · 内存 memory {now['rss'] / 1e6:.0f} MB"
    return (
        f"{agent} · 无应答 silent {now['silent']} · 漏测 missed {now['missed']}",
        f"{work} · 排队 queued {now['queued']} · 迟 late {late} ms",
        f"{cost} · 待发 outbox {now['outbox_rows']} · 消息服务器 broker {link}",
        f"最近 last {now['window_s'] // 60} min · 丢应答 drops {now['kernel_drops']}{blind}",
    )


def ranked(worst: list[Said], by: By) -> list[Said]:
    """The devices in order; those without the trouble in question left out."""
    if by == "all":
        return sorted(worst, key=lambda one: (-_trouble(one), -one["longest_ms"], one["device"]))
    name = "longest_ms" if by == "longest" else by
    found = [one for one in worst if one[name]]
    return sorted(found, key=lambda one: (-one[name], one["device"]))


def _trouble(one: Said) -> int:
    """How much went wrong; a hundred datagrams that nobody asked for are as bad as a timeout."""
    counts = sum(one[name] for name in ("timeouts", "refused", "partial", "falls"))
    return int(counts + -(-one["floods"] // 100))


def _count(number: int) -> str:
    """In five columns at most; nothing is a dot."""
    for unit, size in (("M", 1_000_000), ("k", 1000)):
        if number >= 100 * size:
            return f"{number // size}{unit}"
    return str(number) if number else "·"


def _table(worst: list[Said]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold", expand=True)
    table.add_column("设备\ndevice", no_wrap=True, overflow="ellipsis", max_width=NAME_MOST)
    for _, zh, en in COLUMNS:
        table.add_column(f"{zh}\n{en}", justify="right", no_wrap=True, min_width=len(en))
    table.add_column("原因\nreason", no_wrap=True, overflow="ellipsis", ratio=1)
    for one in worst:
        counts = [_count(one[name]) for name, _, _ in COLUMNS]
        table.add_row(Text(one["device"]), *counts, Text(one["reason"]))
    return table
