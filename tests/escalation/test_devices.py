"""A device that refuses SNMP by name is told as that, in notices too."""

from __future__ import annotations

from escalation.devices import mute, told
from tests.escalation.county import device
from wire.notice import DeviceFact


def refusing(number: int, why: str) -> DeviceFact:
    return device(number, "snmp_fault").model_copy(update={"refused": why})


def test_silence_and_each_refusal_have_a_sentence_of_their_own() -> None:
    devices = (
        device(1, "snmp_fault"),
        refusing(2, "wrongDigests"),
        refusing(3, "unknownUserNames"),
        refusing(4, "wrongDigests"),
        device(5, "down"),
    )
    assert [part.zh for part in mute(devices)] == [
        "1台设备能ping通但SNMP无应答（团体字、访问控制或SNMP进程，无法区分）",
        "2台设备有应答但拒绝SNMP（SNMPv3认证口令或认证算法不对）",
        "1台设备有应答但拒绝SNMP（设备上没有这个SNMPv3用户）",
    ]
    assert [part.en for part in mute(devices)][-1] == (
        "1 device answering but refusing SNMP (the device has no such SNMPv3 user)"
    )


def test_a_row_says_why() -> None:
    assert told(refusing(1, "emptyView")).zh == (
        "有应答，SNMP被拒绝（能应答，但视图是空的：什么也读不到）"
    )
    assert told(refusing(1, "refused")).en == ("answers, refuses SNMP (for a reason unknown to us)")
    assert "无应答" in told(device(1, "snmp_fault")).zh
