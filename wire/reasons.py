"""What the reasons of a look mean to people: machine words to sentences, Chinese and English.

The reasons are the names of SNMP's error statuses (RFC 3416 section 3) and of USM's and the
dispatcher's reports (RFC 3414 section 5, RFC 3412 section 5), and a few of our own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


class Words(NamedTuple):
    """The same in Chinese and in English."""

    zh: str
    en: str


SNMP_SILENT: Final = Words(
    "能应答ICMP，SNMP无应答：团体字、访问限制或SNMP进程，无法区分",
    "answers ICMP, not SNMP: community, access list or SNMP process, cannot be told apart",
)
"""Versions 1 and 2c: a wrong community is plain silence."""

REFUSED: Final = "refused"
"""A refusal for a reason that we have no words for."""

NO_LISTENER: Final = "port_unreachable"
"""Of an SNMP look without answer: the device's own host says that nothing listens at the port."""

REASONS: Final[Mapping[str, Words]] = {
    "unknownUserNames": Words("设备上没有这个SNMPv3用户", "the device has no such SNMPv3 user"),
    "wrongDigests": Words(
        "SNMPv3认证口令或认证算法不对", "SNMPv3 authentication password or protocol is wrong"
    ),
    "unsupportedSecLevels": Words(
        "设备上该用户没有这个安全级别", "the device's user has no such security level"
    ),
    "wrongPrivacyKey": Words(
        "SNMPv3加密口令或加密算法不对，认证没有问题",
        "SNMPv3 privacy password or protocol is wrong, authentication is right",
    ),
    "decryptionErrors": Words(
        "设备解不开请求：SNMPv3加密口令或加密算法不对",
        "the device cannot decrypt: SNMPv3 privacy password or protocol is wrong",
    ),
    "silentToUser": Words(
        "SNMPv3发现有应答，该用户的请求无应答：访问限制、上下文或丢包",
        "answers SNMPv3 discovery, not this user: access list, context or loss",
    ),
    "notInTimeWindows": Words(
        "设备反复说时间窗口不对：其引擎启动次数或时间异常",
        "the device keeps calling us out of its time window: its boots or time are broken",
    ),
    "unknownEngineIDs": Words(
        "设备反复不认自己的引擎标识", "the device keeps refusing its own engine id"
    ),
    "unknownContexts": Words("设备上没有这个上下文", "the device has no such context"),
    "unavailableContexts": Words("该上下文暂不可用", "the context is not available now"),
    "unknownSecurityModels": Words("设备不支持USM", "the device does not speak USM"),
    "unknownPDUHandlers": Words("设备不处理这种请求", "the device does not handle such requests"),
    "invalidMsgs": Words("设备认为报文不合法", "the device calls the message invalid"),
    "unknownReport": Words("设备报告了不认识的错误", "the device reports an unknown error"),
    "authorizationError": Words(
        "视图未授权：该用户或团体字不得读取", "the view is refused: this user may not read"
    ),
    "noAccess": Words("视图未授权：对象不可访问", "the view is refused: no access"),
    "emptyView": Words(
        "能应答，但视图是空的：什么也读不到", "answers, but the view is empty: nothing to be read"
    ),
    "noSuchName": Words("没有这个对象", "no such object"),
    "genErr": Words("设备内部错误", "an internal error of the device"),
    "tooBig": Words("应答太大", "the reply is too big"),
    NO_LISTENER: Words(
        "主机说SNMP端口没有进程监听：SNMP进程没有运行，或主机自己拒绝",
        "the host says that nothing listens at its SNMP port: no SNMP process, or it rejects us",
    ),
    REFUSED: Words("原因不明", "for a reason unknown to us"),
}


def reason_words(reason: str) -> Words:
    """The words for a reason; the reason itself where there are none."""
    return REASONS.get(reason, Words(reason, reason))
