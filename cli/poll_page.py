"""What ``wanglou poll`` prints: tables for people, lines for machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agent.counters import Rates
from agent.decode import Number, Rows, decode, uptime_ticks
from agent.query import SnmpLook, SnmpResult
from cli.rounds import outcome_cell
from config.profile import Metric, MetricType
from wire.observation import Outcome
from wire.reasons import REASONS, Words

SILENT: Final = Words(
    "团体字、访问限制、SNMP进程或线路，无法区分",
    "community, access list, SNMP process or the way there, cannot be told apart",
)
"""Nobody has tried whether the device answers anything else."""

VALUES_UP_TO: Final = 20
"""Devices up to which a page shows every reading."""


@dataclass
class Told:
    """One device's look with its readings; counters are rates where there is one already."""

    round: int
    result: SnmpResult
    rows: list[Rows]
    restarted: bool


class Teller:
    """Results to readings, with each device's counters remembered from round to round."""

    def __init__(self) -> None:
        self._rates: dict[SnmpLook, Rates] = {}

    def tell(self, number: int, result: SnmpResult) -> Told:
        rows = decode(result)
        rates = self._rates.setdefault(result.look, Rates(gap_s=3600))
        again = rates.apply(rows, result.at_ns, uptime_ticks(result))
        return Told(number, result, rows, again)


def line(told: Told) -> dict[str, Any]:
    """One device of one round for machines."""
    result = told.result
    profiles: dict[str, Any] = {}
    for rows in told.rows:
        entry = profiles.setdefault(rows.profile, {"scalars": {}, "tables": {}})
        values = _row_values(rows)
        if rows.table:
            entry["tables"][rows.table] = {
                "rows": dict(zip(rows.instances, values, strict=True)),
                "complete": rows.complete,
                "reason": rows.reason,
            }
        else:
            entry["scalars"] = values[0]
    return {
        "round": told.round,
        "target": result.look.device,
        "address": result.look.address,
        "port": result.look.port,
        "outcome": result.outcome.value,
        "reason": result.reason,
        "detail": result.detail,
        "complete": result.complete,
        "rtt_us": None if result.rtt_ns is None else round(result.rtt_ns / 1000, 1),
        "requests": result.requests,
        "restarted": told.restarted,
        "profiles": profiles,
    }


def _row_values(rows: Rows) -> list[dict[str, Number | str]]:
    """Each row as metric name to value; texts among them."""
    found: list[dict[str, Number | str]] = []
    for number in range(len(rows.instances)):
        row: dict[str, Number | str] = {
            metric.name: column[number]
            for metric, column in zip(rows.metrics, rows.columns, strict=True)
        }
        row.update({name: column[number] for name, column in rows.texts.items()})
        found.append(row)
    return found


def page(console: Console, told: Sequence[Told], repeat: int) -> None:
    """A summary of the round, and every reading when there are few devices."""
    title = f"第 {told[0].round} 轮 round {told[0].round}" if repeat > 1 and told else None
    table = Table(title=title)
    for heading in ("目标 Target", "结果 Outcome"):
        table.add_column(heading)
    for heading in ("往返 RTT ms", "读数 Readings"):
        table.add_column(heading, justify="right")
    table.add_column("说明 Detail", overflow="fold")
    for one in told:
        result = one.result
        rtt = "-" if result.rtt_ns is None else f"{result.rtt_ns / 1e6:.2f}"
        table.add_row(
            escape(result.look.device),
            outcome_cell(result.outcome),
            rtt,
            str(_readings(one.rows)),
            escape(_detail(one)),
        )
    console.print(table)
    if len(told) <= VALUES_UP_TO:
        for one in told:
            for rows in one.rows:
                _show(console, one, rows)


def _readings(rows: Sequence[Rows]) -> int:
    """How many values there are."""
    numbers = sum(value is not None for part in rows for column in part.columns for value in column)
    texts = sum(
        value is not None for part in rows for column in part.texts.values() for value in column
    )
    return numbers + texts


def _detail(told: Told) -> str:
    result = told.result
    said = " ".join(filter(None, (result.reason, result.detail)))
    if result.reason in REASONS:
        words = REASONS[result.reason]
        said = f"{said}: {words.zh} / {words.en}"
    elif result.outcome is Outcome.NO_ANSWER and result.reason == "timeout":
        said = f"{said}: {SILENT.zh} / {SILENT.en}"
    if told.rows and not result.complete:
        said = f"不完整 incomplete: {said}"
    if told.restarted:
        said = f"{said}; 重启过 restarted".lstrip("; ")
    return said


def _show(console: Console, told: Told, rows: Rows) -> None:
    """One profile's scalars or one of its tables."""
    name = f"{told.result.look.device}  {rows.profile} {rows.table}".rstrip()
    if rows.table and not rows.complete:
        name += f"  不完整 incomplete: {rows.reason}"
    table = Table(title=escape(name), title_justify="left")
    heads = [_head(metric) for metric in rows.metrics] + list(rows.texts)
    values = [
        [*(_shown(metric, column[number]) for metric, column in
           zip(rows.metrics, rows.columns, strict=True)),
         *(escape(column[number] or "-") for column in rows.texts.values())]
        for number in range(len(rows.instances))
    ]  # fmt: skip
    if rows.table:
        table.add_column("行 Row")
        for head in heads:
            table.add_column(head, justify="right", overflow="fold")
        for instance, row in zip(rows.instances, values, strict=True):
            table.add_row(escape(instance), *row)
    else:
        table.add_column("量 Metric")
        table.add_column("值 Value", justify="right")
        for head, value in zip(heads, values[0], strict=True):
            table.add_row(head, value)
    console.print(table)


def _head(metric: Metric) -> str:
    return f"{metric.name} {metric.unit}".rstrip()


def _shown(metric: Metric, value: Number) -> str:
    """A value for people: enumerations by name."""
    if value is None:
        return "-"
    if metric.type is MetricType.ENUM:
        names = {number: name for name, number in metric.enum.items()}
        return f"{names.get(int(value), '?')}({value})"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
