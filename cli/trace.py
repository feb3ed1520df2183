"""``wanglou trace``: where the path to a target ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from agent.trace import Trace


def trace(
    target: str = typer.Argument(..., help="地址或名称 / address or name"),
    *,
    count: int = typer.Option(2, min=1, max=10, help="每跳回显数 / echoes a hop"),
    timeout: float = typer.Option(1.0, min=0.01, max=10, help="等待秒 / seconds to wait"),
    hops: int = typer.Option(30, min=1, max=64, help="最多几跳 / hops at most"),
    as_json: bool = typer.Option(False, "--json", help="输出 JSON / print JSON"),
) -> None:
    """追踪路径 / trace the path to a target. 0: reached, 1: it ends before, 2: not traced."""
    import json

    from agent.io.trace import TraceFault, follow
    from cli import rounds

    (first, *_) = rounds.targets_of([target])
    try:
        found = follow(first.address, count=count, timeout_s=timeout, hops=hops)
    except TraceFault as fault:
        rounds.fail(_fault(fault.reason, str(fault)))
    if as_json:
        print(json.dumps(_dict(target, found), ensure_ascii=False))
    else:
        rounds.console().print(_table(target, found))
        typer.echo(_verdict(found))
    raise typer.Exit(0 if found.reached else 1)


def _fault(reason: str, detail: str) -> str:
    if reason == "no_permission":
        return (
            "追踪需要原始套接字：以 root 运行或授予 cap_net_raw"
            " / tracing needs a raw socket: run as root or grant cap_net_raw"
        )
    return f"无法追踪 / cannot trace: {reason}: {detail}"


def _verdict(found: Trace) -> str:
    """How the path ends, in a sentence."""
    if found.reached:
        return f"到达，{len(found.hops)} 跳 / reached in {len(found.hops)} hops"
    last = found.last
    if last is None:
        return "没有任何一跳应答 / no hop answers"
    if found.end == "silent":
        zh, en = "其后无应答", "nothing answers behind it"
    else:
        zh = en = found.end
    return (
        f"止于第 {last.distance} 跳 {last.router}：{zh}"
        f" / ends at hop {last.distance}, {last.router}: {en}"
    )


def _dict(target: str, found: Trace) -> dict[str, Any]:
    """For machines; times in microseconds."""
    return {
        "target": target,
        "address": found.address,
        "end": found.end,
        "reached": found.reached,
        "hops": [
            {
                "distance": hop.distance,
                "router": hop.router or None,
                "said": hop.said,
                "sent": hop.sent,
                "rtt_us": [round(one / 1000, 1) for one in hop.rtts_ns],
            }
            for hop in found.hops
        ],
    }


def _table(target: str, found: Trace) -> Any:
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(f"{target} ({found.address})"))
    table.add_column("跳 Hop", justify="right")
    table.add_column("路由器 Router")
    table.add_column("丢包 Loss", justify="right")
    table.add_column("最小 min ms", justify="right")
    table.add_column("说明 Said")
    for hop in found.hops:
        table.add_row(
            str(hop.distance),
            escape(hop.router) or "*",
            f"{1 - len(hop.rtts_ns) / hop.sent:.0%}",
            f"{min(hop.rtts_ns) / 1e6:.2f}" if hop.rtts_ns else "-",
            hop.said,
        )
    return table
