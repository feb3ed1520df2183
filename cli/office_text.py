"""What ``wanglou office`` prints: events as JSON lines or as text that a duty officer reads."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Final

import orjson
from pydantic import ValidationError
from rich.console import Console
from rich.text import Text

from escalation.io.office import Event
from escalation.io.office_store import StoredNotice
from escalation.words import Both, lasting, moment
from wire.notice import Notice, NoticeKind

KINDS: Final = {
    NoticeKind.HEALTH: (Both("监测状况", "monitoring"), "yellow"),
    NoticeKind.INCIDENT: (Both("事件通知", "incident"), "bold cyan"),
    NoticeKind.WARNING_DRAFT: (Both("预警草案", "warning draft"), "bold red"),
    NoticeKind.LEVEL_DRAFT: (Both("响应提示", "level draft"), "bold red"),
    NoticeKind.DECISION: (Both("决定", "decision"), "bold blue"),
    NoticeKind.REMINDER: (Both("催办", "reminder"), "bold magenta"),
    NoticeKind.RECOVERY: (Both("恢复", "recovery"), "bold green"),
    NoticeKind.TASK: (Both("任务", "task"), "bold blue"),
}
HEALTH: Final = {
    "waiting": ("等待汇聚端心跳", "waiting for the collector's heartbeat", "yellow"),
    "live": ("汇聚端在线", "the collector is alive", "green"),
    "unknown": (
        "收不到汇聚端心跳，全县监测状态未知，请电话核实",
        "no heartbeat from the collector: the county's state is UNKNOWN, verify by telephone",
        "bold white on red",
    ),
}
LINK: Final = {
    "connected": ("已连接消息服务器", "connected to the broker"),
    "disconnected": ("与消息服务器断开", "disconnected from the broker"),
}
_PAPER: Final = 120
MOST_FAULTS: Final = 3
RULE: Final = "═" * 72


def wrong(problem: ValidationError) -> str:
    """What is not well formed in an order that was typed, in Chinese with English beside."""
    from config.explain import saying

    told = []
    for given in problem.errors(include_url=False)[:MOST_FAULTS]:
        said = saying([dict(given)], (), set())
        where = ".".join(str(part) for part in given["loc"])
        told.append(f"{where}{'：' if where else ''}{said.zh} / {said.en}")
    return "; ".join(told)


def json_line(event: Event) -> None:
    """One event as one line of JSON on standard output."""
    line = orjson.dumps({"type": event.type, **event.data}) + b"\n"
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


def printer(*, as_json: bool) -> Callable[[Event], None]:
    """How to show events: JSON lines, or text (in colour on a terminal)."""
    if as_json:
        return json_line
    out = console()
    return lambda event: show_event(out, event)


def console() -> Console:
    """Text on standard output, never wrapped into the middle of what is piped on."""
    return Console(
        width=None if sys.stdout.isatty() else _PAPER, highlight=False, markup=False, soft_wrap=True
    )


def show_event(out: Console, event: Event) -> None:
    """One event as text; receipts are the machine's and are not shown."""
    match event.type:
        case "notice":
            assert event.stored is not None
            show_notice(out, event.stored)
        case "refused":
            said = f"‼ 已拒收 / refused ({event.data['reason']}): {event.data['said']}"
            out.print(said, style="bold red")
        case "missing":
            said = f"‼ 通知缺号 / notices missing: {spans(event.data['numbers'])}"
            out.print(said, style="bold yellow")
        case "filled":
            left = event.data["left"]
            rest = f"，仍缺{left}件 / {left} still missing" if left else ""
            out.print(f"● 缺号已补到 / it came: N-{event.data['number']:06d}{rest}", style="dim")
        case "link":
            zh, en = LINK[event.data["state"]]
            out.print(f"● {moment(event.data['at_ms']).zh} {zh} / {en}", style="dim")
        case "health":
            zh, en, style = HEALTH[event.data["state"]]
            at = moment(event.data["at_ms"])
            out.print(f"● {at.zh} {zh} / {en}", style=style)


def spans(numbers: list[int]) -> str:
    """N-000002, N-000004–N-000009: numbers in rising order as their spans."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return ", ".join(
        f"N-{first:06d}" if first == last else f"N-{first:06d}–N-{last:06d}"
        for first, last in found
    )


def show_notice(out: Console, stored: StoredNotice) -> None:
    """A notice between rules: head, marks, subject, Chinese text, English text."""
    notice = stored.notice
    kind, style = KINDS[notice.notice_kind]
    at = moment(notice.at_ms)
    head = f"{notice.id}  {kind.zh} / {kind.en}  {at.zh}  {notice.warning_id or ''}".rstrip()
    out.print(RULE, style=style)
    out.print(head, style=style)
    for mark in marks(stored):
        out.print(mark, style="bold yellow")
    out.print(notice.subject.zh, style=style)
    out.print(notice.text.zh)
    out.print(Text(f"\n{notice.subject.en}\n{notice.text.en}", style="dim"))
    for line in next_orders(notice):
        out.print(line, style="dim")
    out.print()


def marks(stored: StoredNotice) -> list[str]:
    """What the office must know about how it came: late, number used before."""
    said = []
    if stored.late_ms:
        span = lasting(stored.late_ms)
        said.append(f"⚠ 迟到：发出后 {span.zh}送达 / LATE: arrived {span.en} after it was sent")
    if stored.reused:
        said.append(
            "⚠ 编号重复：汇聚端可能由备份恢复，请电话核对 / number used before: "
            "the county's store may have been restored"
        )
    return said


def next_orders(notice: Notice) -> list[str]:
    """The commands that go with a notice, ready to copy."""
    if notice.notice_kind in (NoticeKind.DECISION, NoticeKind.HEALTH):
        return []
    orders = [f"wanglou office ack {notice.id} --as 账号/ACCOUNT"]
    if notice.warning_id and notice.notice_kind is not NoticeKind.INCIDENT:
        orders.append(f"wanglou office propose|withdraw|lift {notice.warning_id} --as …")
    return [f"  $ {order}" for order in orders]


def list_line(stored: StoredNotice) -> str:
    """One notice in one line of ``wanglou office list``."""
    notice = stored.notice
    kind, _ = KINDS[notice.notice_kind]
    late = " ⚠迟到/late" if stored.late_ms else ""
    warning = notice.warning_id or "-"
    subject = f"{notice.subject.zh} / {notice.subject.en}"
    return f"{notice.id}  {moment(notice.at_ms).zh}  {kind.zh}  {warning}  {subject}{late}"
