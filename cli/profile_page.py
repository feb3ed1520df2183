"""What ``wanglou profile`` prints: lists of metrics, and each reading of a look."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agent import ber
from agent.ber import RawValue
from agent.decode import ONE_ROW, Number, instances, numbers, text
from agent.query import Field, Group, SnmpResult, TableValues
from cli.rounds import outcome_cell
from config.policy import AlarmType
from config.profile import Hint, Metric, MetricType, Profile
from wire.observation import Outcome

WIDTH: Final = 80
"""Columns where there is no terminal."""

TYPES: Final = {
    ber.INTEGER: "INTEGER",
    ber.OCTET_STRING: "OCTET STRING",
    ber.NULL: "NULL",
    ber.OID: "OID",
    ber.IP_ADDRESS: "IpAddress",
    ber.COUNTER32: "Counter32",
    ber.GAUGE32: "Gauge32",
    ber.TIME_TICKS: "TimeTicks",
    ber.OPAQUE: "Opaque",
    ber.COUNTER64: "Counter64",
}
MISSING: Final = {
    ber.NO_SUCH_OBJECT: ("没有这个对象", "noSuchObject"),
    ber.NO_SUCH_INSTANCE: ("没有这一行", "noSuchInstance"),
    ber.END_OF_MIB_VIEW: ("没有这个对象", "endOfMibView"),
    ber.NULL: ("空值", "NULL"),
    0: ("未读到", "not read"),
}


def console() -> Console:
    """Standard output, 80 columns where there is no terminal."""
    return Console(width=None if sys.stdout.isatty() else WIDTH, soft_wrap=False)


# -- what a profile says ---------------------------------------------------------------------------


def listing(profiles: Sequence[Profile]) -> None:
    """One line per profile."""
    table = Table()
    table.add_column("模板 Profile", no_wrap=True)
    table.add_column("内容 Title")
    table.add_column("量 Metrics", justify="right")
    table.add_column("告警 Alarms", justify="right")
    for one in profiles:
        metrics = list(one.metrics())
        alarms = {metric.alarm.alarm for metric in metrics if metric.alarm}
        table.add_row(one.id, escape(one.title), str(len(metrics)), str(len(alarms)))
    console().print(table)


def page(profile: Profile, alarms: Mapping[str, AlarmType]) -> None:
    """Everything that a profile says, in 80 columns."""
    out = console()
    out.print(f"[bold]{escape(profile.id)}[/bold]  {escape(profile.title)}")
    if profile.mibs:
        out.print(f"MIB: {', '.join(profile.mibs)}", markup=False)
    match = profile.match
    if match.sysobjectid:
        out.print(f"sysObjectID: {', '.join(match.sysobjectid)}", markup=False)
    if profile.scalars:
        out.print(_metrics("标量 Scalars", profile.scalars))
    for table in profile.tables:
        title = f"表 Table {table.name}"
        if table.label:
            title += f"\n行名 rows named by {table.label}"
        out.print(_metrics(title, table.columns))
    raised = [(metric, metric.alarm) for metric in profile.metrics() if metric.alarm]
    if raised:
        out.print(_alarms(raised, alarms))


def _metrics(title: str, metrics: Sequence[Metric]) -> Table:
    table = Table(title=escape(title), title_justify="left", width=WIDTH)
    table.add_column("量，单位 Metric, unit", overflow="fold", ratio=11)
    table.add_column("对象 Object", overflow="fold", ratio=13)
    table.add_column("说明 Notes", overflow="fold", ratio=12)
    for metric in metrics:
        table.add_row(
            escape(f"{metric.name}\n{_unit(metric)}".rstrip()),
            escape(f"{metric.object}\n{metric.oid}".strip()),
            escape("\n".join(_notes(metric))),
        )
    return table


def _unit(metric: Metric) -> str:
    kind = "" if metric.type is MetricType.GAUGE else metric.type.value
    scale = "" if metric.scale == 1.0 else f"×{metric.scale:g}"
    return " ".join(filter(None, (metric.unit, scale, kind)))


def _notes(metric: Metric) -> Iterator[str]:
    if metric.watched:
        delta = f" Δ>{metric.report_delta:g}" if metric.report_delta else ""
        yield f"关注 watched{delta}"
    if metric.enum:
        yield ", ".join(f"{name}({number})" for name, number in metric.enum.items())
    if metric.alarm:
        yield f"告警 alarm {metric.alarm.alarm}"
    for when in metric.when:
        yield f"当 when {when.oid} = {','.join(map(str, when.equals))}"
    if metric.absent:
        yield f"无值 none: {', '.join(map(str, metric.absent))}"


def _alarms(raised: Sequence[tuple[Metric, Hint]], types: Mapping[str, AlarmType]) -> Table:
    table = Table(title="告警提示 Alarm hints", title_justify="left", width=WIDTH)
    for head in ("告警 Alarm", "条件 When", "X.733"):
        table.add_column(head, overflow="fold")
    for metric, hint in raised:
        kind = types.get(hint.alarm)
        name = f"{kind.name_zh}\n{hint.alarm}" if kind else hint.alarm
        cause = kind.probable_cause if kind else hint.cause
        number = kind.probable_cause_no if kind else None
        table.add_row(
            escape(name),
            escape(_condition(metric, hint)),
            escape(f"{cause} {number or ''}".strip() or "-"),
        )
    return table


def _condition(metric: Metric, hint: Hint) -> str:
    names = {number: name for name, number in metric.enum.items()}
    if hint.values:
        said = "/".join(f"{names.get(value, '?')}({value})" for value in hint.values)
        return f"{metric.name} = {said}"
    sign, limit = (">", hint.above) if hint.above is not None else ("<", hint.below)
    clear = "" if hint.clear is None else f"，恢复 clears {hint.clear:g}"
    return f"{metric.name} {sign} {limit:g} {metric.unit}".rstrip() + clear


# -- one look --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tried:
    """One reading of a look. ``value`` None: there is none, and ``missing`` says why."""

    group: Group
    instance: str
    metric: Metric
    raw: str
    kind: str
    value: Number | str
    missing: tuple[str, str] | None

    @property
    def present(self) -> bool:
        return self.missing is None

    def line(self) -> dict[str, Any]:
        """For machines."""
        return {
            "profile": self.group.profile,
            "table": self.group.table,
            "row": self.instance,
            "metric": self.metric.name,
            "oid": self.metric.oid,
            "type": self.kind,
            "raw": self.raw,
            "value": self.value,
            "unit": self.metric.unit,
            "meaning": _meaning(self.metric, self.value),
            "missing": self.missing[1] if self.missing else "",
        }


def readings(result: SnmpResult) -> list[Tried]:
    """Every reading that the query of a look asks for, also those that the device does not have."""
    if result.outcome is not Outcome.MEASURED:
        return []
    found: list[Tried] = []
    query = result.look.query
    scalars = TableValues(len(query.scalars), ((),), result.scalars, result.tags)
    for group in query.groups:
        table = scalars if group.number < 0 else result.tables[group.number]
        found += _group(group, table)
    return found


def _group(group: Group, table: TableValues) -> Iterator[Tried]:
    names = ONE_ROW if group.number < 0 else instances(group, table)
    columns = numbers(group, table)
    for row, name in enumerate(names):
        for one, column in zip(group.fields, columns, strict=True):
            yield _tried(group, name, one, (table, row), column[row])
        for one in group.texts:
            tag, raw = _cell(table, row, one.place)
            yield _tried(group, name, one, (table, row), text(tag, raw))


def _cell(table: TableValues, row: int, place: int) -> tuple[int, RawValue]:
    at = row * table.columns + place
    return table.tags[at], table.cells[at]


def _tried(
    group: Group, row: str, one: Field, place: tuple[TableValues, int], value: Number | str
) -> Tried:
    tag, raw = _cell(*place, one.place)
    missing = None
    if value is None:
        missing = MISSING.get(tag)
        if missing is None:
            missing = ("条件不符或无效", "does not apply or is not valid")
            if raw in one.metric.absent:
                missing = ("设备说没有值", "the device says that it has none")
            elif one.metric.type is not MetricType.TEXT and not isinstance(raw, int):
                missing = ("不是数", "is no number")
    shown = "" if raw is None else str(raw) if isinstance(raw, int) else text(tag, raw) or raw.hex()
    return Tried(group, row, one.metric, shown, TYPES.get(tag, ""), value, missing)


def _meaning(metric: Metric, value: Number | str) -> str:
    if metric.type is MetricType.ENUM and isinstance(value, int):
        names = {number: name for name, number in metric.enum.items()}
        return names.get(value, "?")
    return ""


def tried(result: SnmpResult, found: Sequence[Tried], rows: int) -> None:
    """A page: what came of the look, each reading, and what was missing."""
    out = console()
    said = " ".join(filter(None, (result.reason, result.detail)))
    out.print(f"{escape(result.look.device)}: {outcome_cell(result.outcome)} {escape(said)}")
    for group, members in groupby(found, key=lambda one: one.group):
        listed = list(members)
        shown = list(dict.fromkeys(one.instance for one in listed))[:rows]
        out.print(_readings(group, [one for one in listed if one.instance in shown]))
        count = len({one.instance for one in listed})
        if count > rows:
            out.print(f"… 共 {count} 行 / {count} rows in all (--rows)")
    for group in result.look.query.groups if result.outcome is Outcome.MEASURED else ():
        if not any(one.group is group for one in found):
            out.print(f"{group.profile} {group.table}: 没有行 / no rows")
    lost = sum(not one.present for one in found)
    out.print(f"{len(found)} 个读数，缺 {lost} 个 / {len(found)} readings, {lost} missing")


def _readings(group: Group, found: Sequence[Tried]) -> Table:
    title = f"{group.profile} {group.table}".rstrip()
    table = Table(title=escape(title), title_justify="left", width=WIDTH)
    if group.number >= 0:
        table.add_column("行 Row", overflow="fold", ratio=5)
    table.add_column("量 Metric", overflow="fold", ratio=8)
    table.add_column("原值 Raw", overflow="fold", ratio=6, justify="right")
    table.add_column("读数 Value", overflow="fold", ratio=6, justify="right")
    table.add_column("含义 Meaning", overflow="fold", ratio=6)
    for one in found:
        row = (
            one.metric.name,
            one.raw,
            _value(one),
            "\n".join(one.missing)
            if one.missing
            else _meaning(one.metric, one.value) or _counts(one.metric),
        )
        cells = [escape(cell) for cell in row]
        table.add_row(*([escape(one.instance)] if group.number >= 0 else []), *cells)
    return table


def _counts(metric: Metric) -> str:
    """A counter has no rate in one look."""
    counter = metric.type in (MetricType.COUNTER32, MetricType.COUNTER64)
    return "计数 count" if counter else ""


def _value(one: Tried) -> str:
    if one.value is None:
        return "-"
    said = f"{one.value:.6g}" if isinstance(one.value, float) else str(one.value)
    unit = "" if _counts(one.metric) or one.metric.unit == "1" else one.metric.unit
    return f"{said} {unit}".rstrip()
