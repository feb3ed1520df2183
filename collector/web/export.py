"""Lists as .xlsx: the present filter, all of its rows, text that stays text.

``rows`` looks at the board and belongs to the loop; ``workbook`` only writes and may take its time
in a thread.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

from openpyxl import Workbook

from collector.web.index import Moment
from collector.web.lists import (
    AlarmQuery,
    DeviceQuery,
    Query,
    SiteQuery,
    alarm_item,
    alarms,
    device_row,
    devices,
    site_row,
    sites,
)
from collector.web.source import Board
from collector.workbook import cell, table

CST: Final = timezone(timedelta(hours=8))
"""China Standard Time: everything shown to people is in it (PLAN section 5)."""

MOST_ROWS: Final = 50_000
PIECE: Final = 300
STATES: Final = {
    "ok": "正常 ok",
    "alarm": "告警 alarm",
    "down": "中断 down",
    "unknown": "未知 unknown",
    "not_commissioned": "待入网 not commissioned",
    "not_connected": "未接入 not connected",
}
HEADS: Final[dict[str, tuple[str, ...]]] = {
    "devices": (
        "设备 device", "名称 name", "状态 state", "起始 since", "原因 why", "原因设备 cause",
        "遮蔽 hides", "站点 site", "站点名称 site name", "乡镇 town", "企业 operator",
        "重点 key unit", "最新数据 as of",
    ),
    "sites": (
        "站点 site", "名称 name", "状态 state", "起始 since", "原因 why", "有风险 at risk",
        "重点 key unit", "乡镇 town", "企业 operator", "权重 weight", "设备正常 devices ok",
        "设备告警 alarm", "设备中断 down", "设备未知 unknown",
    ),
    "alarms": (
        "告警 alarm", "标题 title", "级别 severity", "发生 raised", "清除 cleared", "现状 now",
        "设备 device",
        "设备名称 device name", "站点 site", "乡镇 town", "企业 operator", "说明 text",
        "确认 acknowledged by", "确认时间 at", "处理人 assignee", "备注 notes",
    ),
}  # fmt: skip


NOW = {"unknown": "不明 unknown", "raised": "未清除 raised", "cleared": "已清除 cleared"}
"""How an alarm stands now; unknown where nobody can see what it is about."""


def cst(at_ms: int | None) -> str:
    """A stamp as ``2026-11-23 19:22:30`` in China Standard Time; empty for none."""
    if at_ms is None:
        return ""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(CST).strftime("%Y-%m-%d %H:%M:%S")


Rows = list[Sequence[Any]]


async def rows(moment: Moment, query: Query) -> Rows:
    """The list's rows, made a few hundred at a time so that nobody waits for them."""
    make: Callable[[Moment, Any], Sequence[Any]]
    found: Sequence[Any]
    if isinstance(query, DeviceQuery):
        make, found = _device, devices(moment, query)
    elif isinstance(query, SiteQuery):
        make, found = _site, sites(moment, query)
    else:
        assert isinstance(query, AlarmQuery)
        make, found = _alarm, alarms(moment, query)
    made: Rows = []
    for at, one in enumerate(found[:MOST_ROWS]):
        made.append(make(moment, one))
        if at % PIECE == PIECE - 1:
            await asyncio.sleep(0)
    return made


def _device(moment: Moment, one: Any) -> Sequence[Any]:
    row = device_row(moment, one)
    return (
        row.id, row.name, STATES[row.state], cst(row.since_ms), row.why.zh, row.cause or "",
        row.hides, row.site, row.site_name, row.town_name, row.operator, _yes(row.key_unit),
        cst(row.seen_ms),
    )  # fmt: skip


def _site(moment: Moment, one: Any) -> Sequence[Any]:
    row = site_row(moment, one)
    return (
        row.id, row.name, STATES[row.state], cst(row.since_ms), row.why.zh, _yes(row.at_risk),
        _yes(row.key_unit), row.town_name, row.operator, row.weight, row.devices.ok,
        row.devices.alarm, row.devices.down, row.devices.unknown,
    )  # fmt: skip


def _alarm(moment: Moment, one: Any) -> Sequence[Any]:
    row = alarm_item(moment, one)
    now = "unknown" if row.unknown else "raised" if row.cleared_ms is None else "cleared"
    notes = "\n".join(f"{cst(note.at_ms)} {note.name}: {note.text}" for note in row.notes)
    return (
        row.id, row.title.zh, row.severity, cst(row.raised_ms), cst(row.cleared_ms), NOW[now],
        row.device or "", row.device_name, row.site_name, row.town_name, row.operator,
        row.text.zh, row.acked.name if row.acked else "",
        cst(row.acked.at_ms if row.acked else None), row.assignee_name, notes,
    )  # fmt: skip


def _yes(value: bool) -> str:  # noqa: FBT001  one value in, one word out
    return "是 yes" if value else ""


def workbook(board: Board, query: Query, name: str, lines: Rows) -> bytes:
    """The .xlsx of list ``name``. Takes a second for 10,000 rows: in a thread, one at a time."""
    book = Workbook(write_only=True)
    table(book, name, HEADS[name], lines)
    about = book.create_sheet("about")
    asked = query.model_dump(mode="json", exclude_defaults=True, exclude={"offset", "limit"})
    for key, value in (
        ("县 county", f"{board.static.name.zh} {board.county}"),
        ("树 tree", board.tree),
        ("截至 as of (CST)", cst(board.at_ms)),
        ("筛选 filter", " ".join(f"{word}={what}" for word, what in asked.items())),
    ):
        about.append([cell(about, key), cell(about, value)])
    held = io.BytesIO()
    book.save(held)
    return held.getvalue()
