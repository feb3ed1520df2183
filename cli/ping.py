"""``wanglou ping``: rounds of ICMP echoes by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from agent.query import IcmpResult


def ping(
    target: list[str] = typer.Argument(
        ...,
        help="地址、名称、范围 a-b、网段、@文件 / addresses, names, ranges, networks, @file",
    ),
    *,
    count: int = typer.Option(3, min=1, max=100, help="每轮每目标回显数 / echoes per round"),
    interval: float = typer.Option(0.2, min=0.0, max=60, help="回显间隔秒 / s between echoes"),
    timeout: float = typer.Option(1.0, min=0.01, max=60, help="等待秒 / seconds to wait"),
    repeat: int = typer.Option(1, min=1, help="轮数 / rounds"),
    every: float = typer.Option(1.0, min=0.0, help="每轮起点间隔秒 / s from round to round"),
    rate: float = typer.Option(5000.0, min=1, max=1e6, help="每秒最多包数 / packets per second"),
    as_json: bool = typer.Option(False, "--json", help="每目标一行 JSON / one JSON line each"),
    stats: bool = typer.Option(False, "--stats", help="附统计 / figures at the end"),
) -> None:
    """用 ICMP 探测 / look at targets by ICMP echo. 0: all answered, 1: some did not."""
    import json

    from agent.io.icmp import IcmpEngine, IcmpOptions
    from agent.query import IcmpLook
    from cli import rounds

    found = rounds.targets_of(target)
    looks = [IcmpLook(one.name, one.address, count, interval, timeout) for one in found]
    engine = IcmpEngine(IcmpOptions(packets_per_s=rate))

    def show(number: int, results: list[IcmpResult]) -> None:
        if number == 1:
            _say_missing(results)
        if as_json:
            for result in results:
                print(json.dumps(_line(number, result), ensure_ascii=False), flush=False)
        else:
            rounds.console().print(_table(number, repeat, results))

    rounds.run(rounds.Rounds(engine, looks, show, repeat, every), as_json=as_json, stats=stats)


def _say_missing(results: list[IcmpResult]) -> None:
    """Say once that we may not send echoes."""
    denied = [result for result in results if result.reason == "no_permission"]
    if denied:
        typer.echo(
            "没有发送 ICMP 的权限：以 root 运行、授予 cap_net_raw，或放宽 net.ipv4.ping_group_range"
            " / may not send ICMP: run as root, grant cap_net_raw, or widen"
            " net.ipv4.ping_group_range",
            err=True,
        )


def _us(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else round(nanoseconds / 1000, 1)


def _line(number: int, result: IcmpResult) -> dict[str, Any]:
    """One target of one round for machines; times in microseconds."""
    rtts = result.rtts_ns
    return {
        "round": number,
        "target": result.look.device,
        "address": result.look.address,
        "outcome": result.outcome.value,
        "reason": result.reason,
        "detail": result.detail,
        "sent": result.sent,
        "received": result.received,
        "loss": result.loss,
        "rtt_us": {
            "min": _us(min(rtts, default=None)),
            "mean": _us(result.mean_ns),
            "median": _us(result.median_ns),
            "max": _us(max(rtts, default=None)),
            "p95": _us(result.p95_ns),
            "jitter": _us(result.jitter_ns),
        },
        "errors": [
            {"kind": one.kind, "router": one.router, "count": one.count} for one in result.errors
        ],
    }


def _table(number: int, repeat: int, results: list[IcmpResult]) -> Any:
    from rich.markup import escape
    from rich.table import Table

    from cli.rounds import outcome_cell

    title = f"第 {number} 轮 round {number}" if repeat > 1 else None
    table = Table(title=title)
    for heading in ("目标 Target", "结果 Outcome"):
        table.add_column(heading)
    for heading in ("丢包 Loss", "最小 min", "平均 mean", "中位 median", "95% p95", "最大 max ms",
                    "抖动 jitter"):  # fmt: skip
        table.add_column(heading, justify="right")
    table.add_column("说明 Detail")
    for result in results:
        rtts = result.rtts_ns
        times = (
            min(rtts, default=None),
            result.mean_ns,
            result.median_ns,
            result.p95_ns,
            max(rtts, default=None),
            result.jitter_ns,
        )
        table.add_row(
            escape(result.look.device),
            outcome_cell(result.outcome),
            "-" if result.loss is None else f"{result.loss:.0%}",
            *("-" if time is None else f"{time / 1e6:.2f}" for time in times),
            escape(_detail(result)),
        )
    return table


def _detail(result: IcmpResult) -> str:
    said = " ".join(filter(None, (result.reason, result.detail)))
    evidence = "; ".join(f"{one.kind} ×{one.count} ({one.router})" for one in result.errors)
    return "; ".join(filter(None, (said, evidence)))
