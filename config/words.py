"""Words of the tables that an office worker keeps: table names and column heads, zh and en.

A head matches when it equals one of a column's words after ``folded``; a head that begins with
``#`` is ignored with its column, and so are remarks and running numbers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pydantic import BaseModel

from config.inventory import Target
from config.register import Contact, Device, InformationSystem, Person, Site, Source, Town
from wire.maintenance import Window


class As(StrEnum):
    """How the text of a cell becomes a value."""

    ID = "id"
    NAME = "name"
    NUMBER = "number"
    WHOLE = "whole"
    YES = "yes"
    IDS = "ids"
    DATE = "date"
    TOWN = "town"
    OPERATOR = "operator"
    ORGAN = "organ"
    ROLES = "roles"
    PHONE = "phone"
    ADDRESS = "address"
    NEEDS = "needs"
    SHARES = "shares"
    CONTACT = "contact"
    DISCLOSE = "disclose"
    ENGINE = "engine"
    MOMENT = "moment"
    RULE = "rule"
    TARGETS = "targets"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: the model's field, its kind, its words (the first Chinese one is shown)."""

    field: str
    kind: As
    words: tuple[str, ...]
    required: bool = False

    @property
    def shown(self) -> str:
        return f"{self.words[0]}/{self.field}"


@dataclass(frozen=True, slots=True)
class TableWords:
    """A table: file and sheet names, columns, the model of a row and the field that names it."""

    name: str
    words: tuple[str, ...]
    model: type[BaseModel]
    key: str
    columns: tuple[Column, ...]
    required: bool = False

    @property
    def shown(self) -> str:
        return f"{self.words[0]}/{self.name}"


def _column(field: str, kind: As, words: str, *, required: bool = False) -> Column:
    return Column(field, kind, tuple(words.split()), required)


TABLES: Final[Mapping[str, TableWords]] = {
    table.name: table
    for table in (
        TableWords(
            "towns",
            ("乡镇", "乡镇表", "乡镇街道", "town"),
            Town,
            "code",
            (
                _column("code", As.ID, "乡镇代码 代码 区划代码 编号 id town_code", required=True),
                _column("name", As.NAME, "乡镇名称 名称 乡镇", required=True),
            ),
            required=True,
        ),
        TableWords(
            "sites",
            ("站点", "站点表", "基站", "机房", "site"),
            Site,
            "id",
            (
                _column("id", As.ID, "站点编号 编号 站点 站址编码 基站编号 site", required=True),
                _column("name", As.NAME, "站点名称 名称 站名 基站名称", required=True),
                _column("operator", As.OPERATOR, "运营企业 运营商 企业 所属企业", required=True),
                _column("town", As.TOWN, "乡镇 所属乡镇 乡镇代码 town_code", required=True),
                _column("weight", As.NUMBER, "用户数 权重 users"),
                _column("key_unit", As.YES, "重点单位 是否重点单位"),
                _column("hub", As.YES, "汇聚点 汇聚 枢纽"),
                _column("battery_min", As.NUMBER, "电池分钟数 后备时长 电池时长"),
                _column("powered_by", As.ID, "供电站点 电源站点 所在铁塔"),
                _column("feeder", As.NAME, "供电线路 馈线"),
            ),
            required=True,
        ),
        TableWords(
            "devices",
            ("设备", "设备表", "device"),
            Device,
            "id",
            (
                _column("id", As.ID, "设备编号 编号 设备 device", required=True),
                _column("name", As.NAME, "设备名称 名称", required=True),
                _column("site", As.ID, "站点编号 站点 所属站点 所在站点 site_id", required=True),
                _column("parents", As.IDS, "上级设备 上级 父设备 上联设备 parent"),
                _column("main", As.YES, "主设备 主用 是否主设备"),
                _column("egress", As.YES, "出口 县出口 核心出口"),
            ),
            required=True,
        ),
        TableWords(
            "systems",
            ("信息系统", "重要信息系统", "信息系统表", "系统", "system", "information_systems"),
            InformationSystem,
            "id",
            (
                _column("id", As.ID, "系统编号 编号 system", required=True),
                _column("name", As.NAME, "系统名称 名称", required=True),
                _column("devices", As.IDS, "依赖设备 设备 所依赖设备 device", required=True),
                _column("needs", As.NEEDS, "依赖方式 依赖"),
                _column("at_least", As.WHOLE, "至少 至少台数 最少台数"),
                _column("shares", As.SHARES, "份额 权重 用户份额 weights"),
                _column("organ", As.ORGAN, "主管单位 单位 所属单位"),
            ),
        ),
        TableWords(
            "people",
            ("人员", "人员表", "person"),
            Person,
            "account",
            (
                _column("account", As.ID, "账号 帐号 工号 id", required=True),
                _column("name", As.NAME, "姓名 名称", required=True),
                _column("organ", As.ORGAN, "单位 所在单位 机构", required=True),
                _column("roles", As.ROLES, "角色 职责 role", required=True),
                _column("key", As.ID, "密钥 公钥 密钥名 key_id", required=True),
                _column("valid_from", As.DATE, "生效日期 起始日期 有效期起 from"),
                _column("valid_to", As.DATE, "失效日期 截止日期 有效期止 to"),
            ),
        ),
        TableWords(
            "contacts",
            ("通讯录", "联系方式", "联系电话", "contact"),
            Contact,
            "name",
            (
                _column("name", As.NAME, "名称 单位 单位名称", required=True),
                _column("phone", As.PHONE, "电话 联系电话 电话号码 号码 telephone", required=True),
                _column("kind", As.CONTACT, "类别 类型 性质 type"),
                _column("operator", As.OPERATOR, "运营企业 运营商 企业"),
                _column("town", As.TOWN, "乡镇 乡镇代码 town_code"),
            ),
        ),
        TableWords(
            "sources",
            ("数据来源", "采集代理", "代理", "来源", "source", "agents"),
            Source,
            "agent",
            (
                _column("agent", As.ID, "代理编号 代理 采集代理 编号 id", required=True),
                _column("operator", As.OPERATOR, "运营企业 运营商 企业", required=True),
                _column("disclose", As.DISCLOSE, "公开范围 公开 披露 披露范围 disclosure"),
                _column("trial", As.YES, "试运行 是否试运行 试运行期"),
            ),
        ),
        TableWords(
            "maintenance",
            ("维护窗口", "维护计划", "割接计划", "windows"),
            Window,
            "id",
            (
                _column("id", As.ID, "窗口编号 编号 工单号 window", required=True),
                _column("targets", As.TARGETS, "维护对象 对象 范围 what", required=True),
                _column("start_ms", As.MOMENT, "开始时间 开始 起始时间 from start", required=True),
                _column("end_ms", As.MOMENT, "结束时间 结束 截止时间 to end", required=True),
                _column("rrule", As.RULE, "重复规则 重复 周期 recurrence"),
                _column("name", As.NAME, "名称 窗口名称 标题", required=True),
                _column("reason", As.NAME, "事由 原因 理由", required=True),
            ),
        ),
        TableWords(
            "targets",
            ("目标", "采集目标", "轮询目标", "target", "inventory"),
            Target,
            "device",
            (
                _column("device", As.ID, "设备编号 设备 编号 id device_id", required=True),
                _column("address", As.ADDRESS, "地址 IP地址 IP 管理地址 ip_address", required=True),
                _column("port", As.WHOLE, "端口 SNMP端口 snmp_port"),
                _column("credential", As.ID, "凭据 凭证"),
                _column("credentials", As.IDS, "备选凭据 备选凭证"),
                _column("profiles", As.IDS, "采集模板 模板 profile"),
                _column("icmp", As.YES, "ICMP 探通 ping"),
                _column("interval_s", As.NUMBER, "间隔秒 间隔 采集间隔 interval"),
                _column("engine", As.ENGINE, "引擎 SNMP引擎 snmp_engine"),
            ),
        ),
    )
}

REGISTER: Final = tuple(name for name in TABLES if name != "targets")
REGISTER_WORDS: Final = ("register", "登记册", "台账", "县级台账")

YES: Final[Mapping[str, bool]] = dict.fromkeys(
    ("是", "yes", "y", "true", "1", "√", "✓", "✔", "有", "对"), True
) | dict.fromkeys(("否", "no", "n", "false", "0", "×", "✗", "x", "无", "不", "-", "—"), False)

NEEDS: Final[Mapping[str, str]] = {
    "all": "all", "全部": "all", "全部中断才中断": "all",
    "any": "any", "任一": "any", "任意": "any", "任一中断即中断": "any",
    "k_of_n": "k_of_n", "至少": "k_of_n", "至少几台": "k_of_n", "k of n": "k_of_n",
    "weighted": "weighted", "加权": "weighted", "按份额": "weighted",
}  # fmt: skip

CONTACT: Final[Mapping[str, str]] = {
    "unit": "unit", "单位": "unit", "成员单位": "unit",
    "operator": "operator", "运营企业": "operator", "运营商": "operator", "企业": "operator",
    "town": "town", "乡镇": "town", "乡": "town", "镇": "town",
}  # fmt: skip

DISCLOSE: Final[Mapping[str, str]] = {
    "site": "site", "站点": "site", "仅站点": "site",
    "device": "device", "设备": "device", "站点和设备": "device",
    "full": "full", "全部": "full", "完整": "full",
}  # fmt: skip

TARGET: Final[Mapping[str, str]] = {
    "device": "device", "设备": "device",
    "site": "site", "站点": "site", "基站": "site", "机房": "site",
    "operator": "operator", "企业": "operator", "运营企业": "operator", "运营商": "operator",
}  # fmt: skip

ENGINE: Final[Mapping[str, str]] = {
    "fast": "fast", "快速": "fast", "自带": "fast",
    "pysnmp": "pysnmp",
}  # fmt: skip

IGNORED: Final = frozenset(
    {"备注", "说明", "remark", "remarks", "note", "notes", "序号", "no", "no."}
)

_BRACKETS: Final = re.compile(r"\([^)]*\)|\[[^\]]*\]|【[^】]*】")
_NOISE: Final = re.compile(r"[\s_\-*:#'\"]+")


def plain(text: str) -> str:
    """Full-width digits, letters and marks as ASCII; trimmed."""
    if text.isascii():
        return text.strip()
    return unicodedata.normalize("NFKC", text).strip().strip("\ufeff\u200b")


def folded(head: str) -> str:
    """A head without case, blanks, marks and what stands in brackets."""
    text = plain(head).casefold()
    return _NOISE.sub("", _BRACKETS.sub("", text)) or _NOISE.sub("", text)


def is_ignored(head: str) -> bool:
    return plain(head).startswith("#") or folded(head) in IGNORED


def columns_by_word(table: TableWords) -> dict[str, Column]:
    """Folded word to column; a table's earlier column wins a shared word."""
    found: dict[str, Column] = {}
    for column in table.columns:
        for word in (column.field, *column.words):
            found.setdefault(folded(word), column)
    return found


BY_WORD: Final = {name: columns_by_word(table) for name, table in TABLES.items()}


def table_named(word: str) -> str | None:
    """The table that a file or sheet called ``word`` holds, by name."""
    wanted = folded(word)
    for name, table in TABLES.items():
        if wanted == folded(name) or wanted in {folded(other) for other in table.words}:
            return name
    return None


def table_headed(heads: Iterable[str]) -> str | None:
    """The table whose required columns ``heads`` has, with the most columns recognised."""
    words = [folded(head) for head in heads if head and not is_ignored(head)]
    best, most = None, 0
    for name, table in TABLES.items():
        fields = {BY_WORD[name][word].field for word in words if word in BY_WORD[name]}
        complete = all(c.field in fields for c in table.columns if c.required)
        if complete and len(fields) > most:
            best, most = name, len(fields)
    return best


def known_heads(name: str, heads: Iterable[str]) -> int:
    """How many of ``heads`` are columns of the table ``name``."""
    return len({BY_WORD[name][w].field for w in map(folded, heads) if w in BY_WORD[name]})
