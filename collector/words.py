"""Cause sentences for people, in Chinese (the office reads them in notices and on screens)."""

from __future__ import annotations

import re
from functools import cache

from collector.base import World
from collector.county import SNMP_FAILURE, UNREACHABLE
from collector.inhibit import flaps_behind
from collector.state import Blind, DeviceState, EventState, Status
from wire.notice import Bilingual
from wire.observation import EventSource, Method, Outcome
from wire.reasons import NO_LISTENER, REASONS, REFUSED, SNMP_SILENT

_METHOD = {Method.ICMP: "ICMP", Method.SNMP: "SNMP"}

BLIND = {
    Blind.SEES: "未能查看",
    Blind.NEVER: "从未接入",
    Blind.SILENT: "失联",
    Blind.OFFLINE: "已离线",
    Blind.STALLED: "停止巡检",
}


_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){3,7}")


def quoted(text: str) -> str:
    """What an agent wrote (instance, value, reason), fit for a sentence of ours.

    It stands in texts that we sign: it may lay out nothing there, and addresses do not leave
    (DESIGN, disclosure).
    """
    plain = "".join(char if char.isprintable() else " " for char in text)
    return _ADDRESS.sub("（地址略）", plain)


_LOOK = {
    Outcome.MEASURED: Bilingual(zh="复测：已测得", en="verified by look: measured"),
    Outcome.NO_ANSWER: Bilingual(zh="复测：无应答", en="verified by look: no answer"),
    Outcome.REFUSED: Bilingual(zh="复测：被拒绝", en="verified by look: refused"),
}
_UNLOOKED = Bilingual(zh="未能复测", en="not verified")


_OID = re.compile(r"1\.3\.6\.1(?:\.\d{1,10}){1,124}")
_ARCS = 10
"""Of an OID as many numbers are shown; further ones may be an index, and that an address."""


def _bind(text: str) -> str:
    """``name=value`` or a name; an OID is no address."""
    name, equals, value = text.partition("=")
    if not _OID.fullmatch(name):
        return quoted(text)
    arcs = name.split(".")
    short = ".".join(arcs[:_ARCS]) + ("…" if len(arcs) > _ARCS else "")
    return short + equals + quoted(value)


def event(one: EventState) -> Bilingual:
    """A trap, a trace or a restart in one line, and what the look said that it led to."""
    text = "，".join(_bind(part) for part in one.text.split(", "))
    kind = _bind(one.kind)
    if one.source is EventSource.TRACE:
        return Bilingual(zh=f"路径追踪：{kind}（{text}）", en=f"trace: {kind} ({text})")
    if one.source is EventSource.RESTART:
        return Bilingual(zh="设备已重启", en="device restarted")
    many = (f"，共 {one.count} 次", f", {one.count} times") if one.count > 1 else ("", "")
    said = (f"（{text}）", f" ({text})") if text else ("", "")
    look = _UNLOOKED if one.look is None else _LOOK.get(one.look, _UNLOOKED)
    new = (f"，{one.changed} 项有变化", f", {one.changed} changed") if one.changed else ("", "")
    return Bilingual(
        zh=f"trap {kind}{said[0]}{many[0]}；{look.zh}{new[0]}",
        en=f"trap {kind}{said[1]}{many[1]}; {look.en}{new[1]}",
    )


def device_cause(world: World, row: DeviceState) -> str:
    """Why the device is in its state."""
    match row.status:
        case Status.DOWN:
            return unreachable(row) + ("" if row.known else "（此后监测中断，未见恢复）")
        case Status.HIDDEN:
            return hidden(world, row)
        case Status.UNKNOWN:
            return unseen(world, row)
        case Status.SNMP_FAULT:
            return snmp_fault(row)
        case Status.ALARM:
            return alarms(world, row)
        case Status.OK | Status.NEW:
            return ""


def unreachable(row: DeviceState) -> str:
    return _unanswered(frozenset(method for view in row.views.values() for method in view.looks))


@cache
def _unanswered(methods: frozenset[Method]) -> str:
    names = "与".join(_METHOD[method] for method in sorted(methods)) or "设备"
    return f"{names}{'均' if len(methods) > 1 else ''}无应答"


def snmp_fault(row: DeviceState) -> str:
    """v1/v2c: a wrong community is plain silence, so the three causes cannot be told apart."""
    reason = refusal(row)
    return SNMP_SILENT.zh if reason is None else f"有应答，SNMP被拒绝（{REASONS[reason].zh}）"


def refusal(row: DeviceState) -> str | None:
    """Why SNMP is refused, a key of REASONS; None when it is silent (or not at fault).

    A host that says that nothing listens at its SNMP port refuses, too.
    """
    if row.status is not Status.SNMP_FAULT:
        return None
    looks = (view.looks.get(Method.SNMP) for view in row.views.values())
    reasons = (
        one.reason
        for one in looks
        if one is not None and (one.outcome is Outcome.REFUSED or one.reason == NO_LISTENER)
    )
    reason = next(reasons, None)
    return reason if reason is None or reason in REASONS else REFUSED


def hidden(world: World, row: DeviceState) -> str:
    known = world.county.devices
    names = "、".join(f"「{known[one].name}」" for one in row.hidden_by[:3] if one in known)
    return f"上级设备{names}中断所致，本机状况待其恢复后可见"


def blinking(world: World, above: list[str]) -> str:
    known = world.county.devices
    names = "、".join(f"「{known[one].name}」" for one in above[:3] if one in known)
    return f"随上级设备{names}频繁闪断"


def unseen(world: World, row: DeviceState) -> str:
    agents = sorted(row.views)
    if not agents:
        return "没有采集代理查看本设备，状态不明"
    source = world.state.agents.get(agents[0])
    why = BLIND[source.blind] if source is not None else BLIND[Blind.NEVER]
    return f"采集代理{agents[0]}{why}，状态不明"


def alarms(world: World, row: DeviceState) -> str:
    """The active alarms' names with their qualifiers, at most three; whose flapping it is."""
    names = []
    for name, alarm in row.alarms.items():
        type_id, _, qualifier = name.partition("|")
        kind = world.county.types.get(type_id)
        if kind is None or not alarm.speaks:
            continue
        if type_id in {UNREACHABLE, SNMP_FAILURE} and (not alarm.flapping_ms or alarm.behind):
            continue
        said = "频繁闪断" if alarm.flapping_ms is not None else quoted(alarm.said)
        detail = "，".join(part for part in (quoted(qualifier), said) if part)
        names.append(f"{kind.name_zh}（{detail}）" if detail else kind.name_zh)
    more = f"等{len(names)}项" if len(names) > 3 else ""
    parts = ["告警：" + "、".join(names[:3]) + more] if names else []
    above = flaps_behind(row)
    return "；".join([*([blinking(world, above)] if above else []), *parts])
