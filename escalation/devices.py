"""Words for devices that are out of order; a refusal that a device names is no silence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from escalation.situation import Situation
from escalation.words import Both, plural
from wire.notice import DeviceFact
from wire.reasons import reason_words

DEVICE_NEWS: Final = frozenset({"down", "flapping", "snmp_fault"})
REFUSED: Final = "snmp_refused"
"""An SNMP fault that the device names itself: it is no silence of unknown cause."""
SNMP_FAULT: Final = Both(
    "能ping通但SNMP无应答（团体字、访问控制或SNMP进程，无法区分）",
    "answering ping but not SNMP (community, access list or SNMP process, cannot be told apart)",
)
DEVICE_STATES: Final = {
    "down": Both("无应答", "no answer"),
    "flapping": Both("频繁闪断", "flapping"),
    "snmp_fault": Both("能ping通，SNMP无应答", "answers ping, not SNMP"),
    REFUSED: Both("有应答，SNMP被拒绝", "answers, refuses SNMP"),
    "unknown": Both("状态不明", "unknown"),
    "alarm": Both("告警", "alarm"),
}
DEVICE_COUNTS: Final = {
    "down": Both("设备无应答{}台", "without any answer"),
    "flapping": Both("设备频繁闪断{}台", "flapping"),
    "snmp_fault": Both("设备SNMP无应答{}台", "answering ping but not SNMP"),
    REFUSED: Both("设备拒绝SNMP{}台", "refusing SNMP"),
    "hidden": Both("设备被上级遮蔽{}台", "hidden behind parents"),
    "unknown": Both("设备状态不明{}台", "unknown"),
    "alarm": Both("设备告警{}台", "with an alarm"),
}


def news(situation: Situation) -> Sequence[DeviceFact]:
    """The devices that are news in themselves."""
    now = situation.devices_now
    if now is not None:
        return now.news
    return [device for device in situation.devices if device.state in DEVICE_NEWS]


def counted(situation: Situation) -> Counter[str]:
    """How many devices there are of each word."""
    now = situation.devices_now
    if now is None:
        return Counter(map(device_word, situation.devices))
    return Counter(map(device_word, now.news)) + Counter(now.rest)


def device_word(device: DeviceFact) -> str:
    """Its state, a key of the tables above."""
    refused = device.state == "snmp_fault" and device.refused is not None
    return REFUSED if refused else device.state


def told(device: DeviceFact) -> Both:
    """Its state in words, with what it is about where that is known."""
    state = DEVICE_STATES[device_word(device)]
    if device.state == "alarm" and device.cause:
        return Both(f"{state.zh}（{device.cause}）", state.en)
    if device_word(device) == REFUSED:
        why = reason_words(device.refused or "")
        return Both(f"{state.zh}（{why.zh}）", f"{state.en} ({why.en})")
    return state


def mute(devices: Sequence[DeviceFact]) -> Iterator[Both]:
    """Devices of which SNMP tells nothing: the silent together, refusals by why.

    Each why has its own remedy; the causes of silence cannot be told apart (FAULTS F33).
    """
    silent = sum(device_word(device) == "snmp_fault" for device in devices)
    if silent:
        yield Both(f"{silent}台设备{SNMP_FAULT.zh}", f"{plural(silent, 'device')} {SNMP_FAULT.en}")
    reasons = Counter(device.refused for device in devices if device_word(device) == REFUSED)
    for reason, count in sorted(reasons.items(), key=lambda one: (-one[1], one[0] or "")):
        why = reason_words(reason or "")
        yield Both(
            f"{count}台设备有应答但拒绝SNMP（{why.zh}）",
            f"{plural(count, 'device')} answering but refusing SNMP ({why.en})",
        )


def _state(device: DeviceFact) -> str:
    refused = device.state == "snmp_fault" and device.refused is not None
    return REFUSED if refused else device.state
