"""Part of the chain itself is gone: the other offices hear that one of them cannot be told."""

from __future__ import annotations

from escalation import facts
from escalation.facts import View
from escalation.page import Rendered, case_line, finish
from escalation.words import Both, lasting, moment, sentence, sentences


def lost(view: View, office: str, since_ms: int) -> Rendered:
    """The client of another office has fallen silent: nobody there reads what is told."""
    at = moment(since_ms)
    what = Both(
        f"办公室客户端 {office} 自{at.zh}起失联，其后的通知是否有人看到不明",
        f"the office client {office} has been silent since {at.en}: whether anyone there sees "
        "notices since then is unknown",
    )
    todo = [
        Both(f"请电话告知 {office} 一方当前情况", f"tell the side of {office} by telephone"),
        Both("请其检查客户端主机和网络", "have them check the client's host and network"),
    ]
    subject = Both(f"办公室客户端失联：{office}", f"Office client silent: {office}")
    return finish(subject, sentence(what), facts.unknowns(view), sentences(todo), [case_line(view)])


def back(view: View, office: str, since_ms: int) -> Rendered:
    """It is there again; what was told meanwhile follows in order by itself."""
    at, span = moment(since_ms), lasting(view.now_ms - since_ms)
    what = Both(
        f"办公室客户端 {office} 已恢复（自{at.zh}起失联{span.zh}），其间通知正在补送",
        f"the office client {office} is back (silent since {at.en}, for {span.en}); the notices of "
        "that time are being delivered",
    )
    todo = Both("无需处置", "nothing")
    subject = Both(f"办公室客户端已恢复：{office}", f"Office client back: {office}")
    return finish(subject, sentence(what), facts.unknowns(view), sentence(todo), [case_line(view)])
