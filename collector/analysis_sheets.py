"""An analysis as sheets: the same rows for the terminal, the page and the workbook. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from collector.analysis import Analysis, Share
from collector.county import County
from collector.dangers import Danger
from collector.period import CST
from collector.told import FLOOD_SHARE
from wire.notice import Bilingual

WORDS: Final[Mapping[str, Bilingual]] = {
    "day": Bilingual(zh="日报", en="daily"),
    "week": Bilingual(zh="周报", en="weekly"),
    "month": Bilingual(zh="月报", en="monthly"),
}
LOADS: Final = {
    "acceptable": "可接受 acceptable",
    "manageable": "尚可应付 manageable",
    "over": "超出 over",
}
DANGERS: Final[Mapping[str, Bilingual]] = {
    "battery": Bilingual(zh="蓄电池老化", en="aged battery"),
    "flapping": Bilingual(zh="反复通断", en="flapping"),
    "one_path": Bilingual(zh="单一路径", en="one path"),
}
BESIDE: Final = {
    "before": "转入计划检修 planned work began",
    "after": "检修结束仍未恢复 left over by planned work",
}
LOADED: Final = {"person": "人员 person", "role": "角色 role"}
FLOODED: Final = {False: "（≤1%）", True: "（超出 over 1%）"}
NOON: Final = 12
MOST_OUTAGES: Final = 200
MOST_NAMED: Final = 8
"""Names of sites in one cell; the JSON has more."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table; ``none`` says what it means that it is empty."""

    id: str
    title: Bilingual
    heads: tuple[str, ...]
    rows: tuple[tuple[str | int, ...], ...]
    none: Bilingual


def title(county: County, made: Analysis, name: str) -> Bilingual:
    """``阳城县通信网络运行分析 日报 2026-11-23``."""
    word = WORDS[made.period.word]
    begin = stamp(made.period.from_ms)[:10]
    last = (datetime.fromtimestamp(made.period.to_ms / 1000, CST) - timedelta(days=1)).date()
    days = begin if str(last) == begin else f"{begin}—{last}"
    name = name or county.plan.document.title
    return Bilingual(zh=f"{name} 运行分析{word.zh} {days}", en=f"{word.en} analysis {days}")


def remarks(made: Analysis) -> list[Bilingual]:
    """What is not, or not yet, in it."""
    found = []
    if made.until_ms == made.period.from_ms:
        return [Bilingual(zh="本期尚未开始", en="this period has not begun")]
    if made.known_ms == made.period.to_ms:
        return [Bilingual(zh="本期没有日志，日志始于本期之后", en="the journal begins after it")]
    if made.known_ms is not None:
        at = stamp(made.known_ms)
        found.append(Bilingual(zh=f"日志自 {at} 起，此前不计", en=f"the journal begins at {at}"))
    if made.until_ms is not None:
        at = stamp(made.until_ms)
        found.append(Bilingual(zh=f"统计到 {at}，尚未结束", en=f"not over yet: up to {at}"))
    return found


def sheets(county: County, made: Analysis) -> tuple[Sheet, ...]:
    """All of them, in the order of reading."""
    operators = county.operator_names
    return (
        _shares("operators", Bilingual(zh="各企业可用率", en="Availability by operator"), made,
                made.operators),
        _shares("towns", Bilingual(zh="各乡镇可用率", en="Availability by town"), made, made.towns),
        _worst(county, made),
        _outages(operators, made),
        _work(made),
        _dangers(county, made.dangers),
        Sheet(
            "blind",
            Bilingual(zh="监测中断", en="Blind time"),
            ("代理 agent", "企业 operator", "次数 times", "时长 time"),
            tuple(
                (row.agent, operators.get(row.operator, row.operator), row.times, span(row.blind_s))
                for row in made.blind
            ),
            Bilingual(zh="监测没有中断", en="nobody was blind"),
        ),
        _told(made),
        _people(county, made),
    )  # fmt: skip


def _shares(id_: str, name: Bilingual, made: Analysis, shares: Sequence[Share]) -> Sheet:
    rows = [_share(row, row.name) for row in shares]
    if id_ == "operators" and rows:
        rows.append(_share(made.county, "全县 county"))
    return Sheet(
        id_,
        name,
        ("名称 name", "站点 sites", "可用率 available", "中断次数 outages", "中断时长 down",
         "平均恢复 mean", "恢复中位 median", "监测中断 blind", "计划检修 planned"),
        tuple(rows),
        Bilingual(zh="没有已接入的站点", en="no site is connected"),
    )  # fmt: skip


def _share(row: Share, name: str) -> tuple[str | int, ...]:
    mean, middle = (span(one) for one in row.restore_s) if row.restore_s else ("—", "—")
    return (
        name, row.sites, percent(row.available), row.outages, span(row.down_s), mean, middle,
        span(row.blind_s), span(row.planned_s),
    )  # fmt: skip


def _worst(county: County, made: Analysis) -> Sheet:
    return Sheet(
        "worst",
        Bilingual(zh="最差站点", en="Worst sites"),
        ("站点 site", "名称 name", "企业 operator", "乡镇 town", "重点 key unit", "次数 outages",
         "中断时长 down", "最长 longest", "可用率 available"),
        tuple(
            (
                row.id, row.name, county.operator_names.get(row.operator, row.operator),
                county.town_names.get(row.town, row.town), "是 yes" if row.key_unit else "",
                row.outages, span(row.down_s), span(row.longest_s), percent(row.available),
            )
            for row in made.worst
        ),
        Bilingual(zh="没有站点中断", en="no site was out"),
    )  # fmt: skip


def _outages(operators: Mapping[str, str], made: Analysis) -> Sheet:
    end = made.until_ms or made.period.to_ms
    rows = [
        (
            row.site, row.name, operators.get(row.operator, row.operator), stamp(row.from_ms),
            stamp(row.to_ms) if row.to_ms is not None else "未恢复 still out",
            span(((row.to_ms or end) - row.from_ms) // 1000),
            "；".join((*(["市电中断之后 after mains"] if row.after_mains else []),
                      *([BESIDE[row.work]] if row.work else []))),
        )
        for row in made.outages[:MOST_OUTAGES]
    ]  # fmt: skip
    return Sheet(
        "outages",
        Bilingual(zh=f"中断（{len(made.outages)} 次）", en=f"Outages ({len(made.outages)})"),
        (
            *("站点 site", "名称 name", "企业 operator"),
            *("开始 from", "恢复 to", "时长 time", "备注 remark"),
        ),
        tuple(rows),
        Bilingual(zh="没有中断", en="no outage"),
    )  # fmt: skip


def _work(made: Analysis) -> Sheet:
    return Sheet(
        "planned",
        Bilingual(zh="计划检修（不计为中断）", en="Planned work (no outage)"),
        ("窗口 window", "名称 name", "开始 from", "结束 to", "中断站点 sites out", "中断时长 down"),
        tuple(
            (
                row.id, row.name, stamp(row.from_ms),
                stamp(row.to_ms) if row.to_ms is not None else "进行中 running",
                row.sites, span(row.down_s),
            )
            for row in made.work
        ),
        Bilingual(zh="没有计划检修", en="no planned work"),
    )  # fmt: skip


def _dangers(county: County, dangers: Sequence[Danger]) -> Sheet:
    operators = county.operator_names
    names = {one.id: one.name for one in county.register.sites}
    return Sheet(
        "dangers",
        Bilingual(zh="隐患", en="Hidden dangers"),
        ("类别 kind", "编号 id", "名称 name", "企业 operator", "说明 what"),
        tuple(
            (
                f"{DANGERS[row.kind].zh} {DANGERS[row.kind].en}", row.id, row.name,
                operators.get(row.operator, row.operator), _measure(names, row),
            )
            for row in dangers
        ),
        Bilingual(zh="没有发现隐患", en="none found"),
    )  # fmt: skip


def _told(made: Analysis) -> Sheet:
    return Sheet(
        "told",
        Bilingual(zh="通知量（ISA-18.2 / IEC 62682 / EEMUA 191）", en="Load on people"),
        ("收件人 office", "通知 notices", "日均 a day", "评价 word", "最多一班 worst shift",
         "班次 shift", "班次评价 shift word", "最多10分钟 worst 10 min", "洪泛 floods",
         "洪泛占比 share of 10 min"),
        tuple(
            (
                row.office, row.notices, f"{row.per_day:g}", LOADS[row.word], row.worst_shift,
                shift(row.shift_ms), LOADS[row.shift_word], row.worst_window, row.floods,
                f"{row.flood_share:.2%} {FLOODED[row.flood_share > FLOOD_SHARE]}",
            )
            for row in made.told
        ),
        Bilingual(zh="没有发出通知", en="no notice left"),
    )  # fmt: skip


def _people(county: County, made: Analysis) -> Sheet:
    names = {one.account: one.name for one in county.register.people}
    roles = {one.id: f"{one.name.zh} {one.name.en}" for one in county.plan.roles}
    return Sheet(
        "people",
        Bilingual(zh="每人每班通知量", en="Load per person and shift"),
        ("类别 kind", "编号 id", "名称 name", "当班 shifts", "班内通知 heard",
         "最多一班 worst shift", "班次 shift", "评价 word", "最多10分钟 worst 10 min",
         "确认 acknowledged", "确认用时中位 median"),
        tuple(
            (
                LOADED[row.kind], row.id, (names | roles).get(row.id, row.id), row.shifts,
                row.heard, row.worst_shift, shift(row.shift_ms), LOADS[row.word],
                row.worst_window, row.acked,
                span(row.ack_s) if row.ack_s is not None else "—",
            )
            for row in made.people
        ),
        Bilingual(zh="没有人下过指令", en="nobody gave an order"),
    )  # fmt: skip


def shift(begun_ms: int) -> str:
    """``11-23 白班 day``: the shift that began then; a dash for none."""
    if not begun_ms:
        return "—"
    at = datetime.fromtimestamp(begun_ms / 1000, CST)
    return f"{at:%m-%d} " + ("白班 day" if at.hour < NOON else "夜班 night")


def _measure(names: Mapping[str, str], row: Danger) -> str:
    match row.kind:
        case "battery":
            return _lasted(row)
        case "flapping":
            return f"{row.figure} 次 / {row.figure} times"
        case _:
            return _hanging(names, row)


def _hanging(names: Mapping[str, str], row: Danger) -> str:
    """What hangs on it alone, and the first of the sites that would be lost."""
    said = f"其后 {row.figure} 台设备别无路径 / {row.figure} devices have no other way"
    lost = "、".join(names.get(one, one) for one in row.lost[:MOST_NAMED])
    more = f" 等 {row.sites} 个" if row.sites > MOST_NAMED else ""
    return f"{said}；将失去站点 sites lost：{lost}{more}" if lost else said


def _lasted(row: Danger) -> str:
    """How long the battery lasted, beside its rated minutes or those of the time before."""
    minutes = row.figure
    if row.fell:
        said = f"额定 {row.rated} 分钟，按放电速度最多 {minutes} 分钟（{row.times} 次）"
        return f"{said} / rated for {row.rated} min, fell as for {minutes} at most"
    said = f"市电中断后最短 {minutes} 分钟即中断（{row.times} 次）"
    if row.rated is None:
        return f"{said} / dark within {minutes} min"
    if row.learnt:
        return (
            f"{said}，上次 {row.rated} 分钟 / dark within {minutes} min, {row.rated} the last time"
        )
    return f"{said}，额定 {row.rated} 分钟 / dark within {minutes} of {row.rated} rated min"


def percent(share: float | None) -> str:
    """Three decimals, cut and never rounded up: 99.999 % is not 100 %."""
    return "—" if share is None else f"{int(share * 100_000) / 1000:.3f}%"


def span(seconds: int) -> str:
    """``3 天 04:05``, ``4:05:06``; nothing is a dash."""
    if seconds <= 0:
        return "—"
    days, rest = divmod(seconds, 86_400)
    hours, minutes, left = rest // 3600, rest % 3600 // 60, rest % 60
    return f"{days}天{hours:02d}:{minutes:02d}" if days else f"{hours}:{minutes:02d}:{left:02d}"


def stamp(at_ms: int) -> str:
    """``2026-11-23 19:22`` in China Standard Time."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(CST)
    return at.strftime("%Y-%m-%d %H:%M")


class Report(NamedTuple):
    """An analysis for people: what it is, what is not in it, its tables; and for machines."""

    title: Bilingual
    remarks: list[Bilingual]
    sheets: tuple[Sheet, ...]
    made: Analysis

    def to_json(self) -> dict[str, Any]:
        """For machines and for the page."""
        return self.made.to_json() | {
            "title": self.title.model_dump(),
            "remarks": [one.model_dump() for one in self.remarks],
            "sheets": [
                {
                    "id": sheet.id,
                    "title": sheet.title.model_dump(),
                    "heads": sheet.heads,
                    "rows": sheet.rows,
                    "none": sheet.none.model_dump(),
                }
                for sheet in self.sheets
            ],
        }


def reported(county: County, made: Analysis, name: str) -> Report:
    """``name`` is the county's on its pages; without one the plan's title stands there."""
    return Report(title(county, made, name), remarks(made), sheets(county, made), made)
