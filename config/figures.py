"""The plan drawn: its organisation, and the way from a reading to the end of a response.

Pure: a plan in, an SVG text out, made from the plan's organs, groups, roles, scenarios, levels,
authority and deadlines alone. The shipped plan's paper lacks both figures (8.1, 8.2).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final
from unicodedata import east_asian_width

from config.plan import Level, OrganKind, Plan, Recipients, Role, Scenario

_FONT: Final = "'Noto Sans CJK SC','Source Han Sans SC','Microsoft YaHei','PingFang SC',sans-serif"
_EM: Final = 15
_LINE: Final = 22
_PAD: Final = 10
_GAP: Final = 34
_WIDTH: Final = 1400
_NARROW: Final = 0.56
"""Width of a Latin letter in em."""


@dataclass(frozen=True, slots=True)
class _Box:
    """A titled box; lines under the title, pixels."""

    x: float
    y: float
    width: float
    height: float
    title: Sequence[str]
    lines: Sequence[str]
    kind: str = ""

    @property
    def middle(self) -> float:
        return self.x + self.width / 2

    @property
    def foot(self) -> float:
        return self.y + self.height


@dataclass(slots=True)
class _Sheet:
    """What is drawn so far, from top to bottom."""

    title: str
    y: float = 70
    boxes: list[_Box] = field(default_factory=list)
    lines: list[tuple[float, float, float, float, bool]] = field(default_factory=list)

    def row(self, cells: Sequence[tuple[str, Sequence[str]]], kind: str = "") -> list[_Box]:
        """Boxes of equal width and height side by side; the sheet goes on below them."""
        room = _WIDTH - 2 * _GAP
        width = min(520.0, (room - _GAP / 2 * (len(cells) - 1)) / len(cells))
        left = (_WIDTH - width * len(cells) - _GAP / 2 * (len(cells) - 1)) / 2
        texts = [
            (wrap(title, width), [part for line in lines for part in wrap(line, width)])
            for title, lines in cells
        ]
        height = max(2 * _PAD + _LINE * (len(title) + len(lines)) for title, lines in texts)
        made = [
            _Box(left + number * (width + _GAP / 2), self.y, width, height, title, lines, kind)
            for number, (title, lines) in enumerate(texts)
        ]
        self.boxes += made
        self.y += height + _GAP
        return made

    def tie(self, above: Sequence[_Box], below: Sequence[_Box], *, arrow: bool = False) -> None:
        """Lines from the upper boxes to the lower ones over one crossbar."""
        bar = above[0].foot + _GAP / 2
        ends = [box.middle for box in (*above, *below)]
        for box in above:
            self.lines.append((box.middle, box.foot, box.middle, bar, False))
        self.lines.append((min(ends), bar, max(ends), bar, False))
        for box in below:
            self.lines.append((box.middle, bar, box.middle, box.y, arrow))


def wrap(text: str, width: float) -> list[str]:
    """``text`` in lines that fit into a box of ``width`` pixels."""
    most = (width - 2 * _PAD) / _EM
    lines, used = [""], 0.0
    for letter in text:
        size = 1.0 if east_asian_width(letter) in "WFA" else _NARROW
        if used + size > most and lines[-1]:
            lines.append("")
            used = 0.0
        lines[-1] += letter
        used += size
    return lines


def organisation(plan: Plan) -> str:
    """Figure 8.1: headquarters, office, working groups with their members, operators."""
    sheet = _Sheet(f"{plan.document.title} 组织体系图 / organisation")
    above: list[_Box] = []
    for kind in (OrganKind.HEADQUARTERS, OrganKind.OFFICE):
        cells = [
            (
                organ.name,
                [*([f"设在{organ.seat}"] if organ.seat else []), *_posts(plan, organ.name)],
            )
            for organ in plan.organs
            if organ.kind is kind
        ]
        if cells:
            row = sheet.row(cells, "head")
            if above:
                sheet.tie(above, row)
            above = row
    groups = [
        (group.name, [f"组长单位：{group.lead}", *(f"· {name}" for name in group.members)])
        for group in plan.groups
    ]
    units: list[tuple[str, list[str]]] = [
        (f"{label}（{len(names)}）", ["、".join(names)])
        for label, names in (
            ("基础电信运营企业", [one.organ for one in plan.operators]),
            ("成员单位", [organ.name for organ in plan.organs if organ.member]),
        )
        if names
    ]
    for cells, mark in ((groups, ""), (units, "soft")):
        if cells:
            row = sheet.row(cells, mark)
            if above:
                sheet.tie(above, row)
            above = row
    return _svg(sheet)


def _by(clause: str) -> str:
    """A clause as the paper numbers it, in brackets; our suffix for one of its sentences is cut."""
    return f"（{clause.partition('-')[0]}）"


def _posts(plan: Plan, organ: str) -> Iterator[str]:
    """The roles of an organ with the posts that the plan names."""
    for role in plan.roles:
        if role.organ == organ:
            posts = f"：{'、'.join(role.posts)}" if role.posts else ""
            yield f"{role.name.zh}{posts}{_by(role.clause)}"


def flow(plan: Plan) -> str:
    """Figure 8.2: watch, judge, warn, respond, report, end; with clauses and who decides."""
    sheet = _Sheet(f"{plan.document.title} 响应流程图 / flow")
    names = "、".join(one.name.zh for one in plan.operators)
    watch = sheet.row([("监测与报告", [f"{names}及重要信息系统", "自动通知指挥部办公室"])], "head")
    judge = sheet.row(
        [("研判", _who(plan, "propose", "提请")), ("核实", _who(plan, "ack", "确认收到"))]
    )
    sheet.tie(watch, judge, arrow=True)
    scenarios = sheet.row([_scenario(plan, item) for item in plan.scenarios], "warn")
    sheet.tie(judge, scenarios, arrow=True)
    levels = sheet.row([_level(plan, item) for item in plan.levels], "alarm")
    sheet.tie(scenarios, levels, arrow=True)
    last = levels
    if plan.deadlines:
        clocks = [
            (one.name.zh, [f"{one.limit_s // 60} 分钟内{_by(one.clause)}"])
            for one in plan.deadlines
        ]
        last = sheet.row(clocks)
        sheet.tie(levels, last, arrow=True)
    ends = [
        ("解除预警", _who(plan, "lift", "决定")),
        ("撤回（误报、转交）", _who(plan, "withdraw", "决定")),
    ]
    sheet.tie(last, sheet.row(ends, "soft"), arrow=True)
    return _svg(sheet)


def _who(plan: Plan, verb: str, does: str) -> list[str]:
    """Who does it by the plan; a dash where nobody is named."""
    return [
        f"{_roles(plan, item.roles)}{does}{_by(item.clause)}"
        for item in plan.authority
        if item.verb == verb
    ] or ["—"]


def _roles(plan: Plan, wanted: Iterable[str]) -> str:
    known: dict[str, Role] = {role.id: role for role in plan.roles}
    return "、".join(known[name].name.zh for name in wanted if name in known)


def _scenario(plan: Plan, item: Scenario) -> tuple[str, list[str]]:
    lines = [rule.says.zh for rule in item.rules if rule.ground == "words"]
    return f"{item.name.zh}{_by(item.clause)}", [
        *lines,
        *_who(plan, "issue", "发布"),
        *_told(item.recipients),
    ]


def _level(plan: Plan, item: Level) -> tuple[str, list[str]]:
    starters = _roles(plan, item.started_by)
    start = _by(item.start_clause) if item.start_clause else ""
    lines = [rule.says.zh for rule in item.rules if rule.ground == "words"]
    return f"{item.name.zh}{_by(item.clause)}", [
        *lines,
        *([f"{starters}启动{start}"] if starters else []),
        *_told(item.recipients),
    ]


def _told(circle: Recipients | None) -> Iterator[str]:
    if circle is None:
        return
    wholes = (
        (circle.all_members, "各成员单位"),
        (circle.key_units, "相关重点单位"),
        (circle.operators_concerned, "相关企业"),
    )
    names = [*circle.organs, *(name for wanted, name in wholes if wanted)]
    if names:
        yield f"通报：{'、'.join(names)}{_by(circle.clause)}"


_STYLE: Final = (
    f"text{{font-family:{_FONT};font-size:{_EM}px;fill:#1a1a1a}}"
    "rect{fill:#fff;stroke:#33475b;stroke-width:1.4}"
    ".head{fill:#e3edf7}.warn{fill:#fdf3da}.alarm{fill:#fbe6e1}.soft{fill:#f1f4f6}"
    ".t{font-weight:700}.h{font-size:22px;font-weight:700}"
    "line{stroke:#33475b;stroke-width:1.4}"
)


def _svg(sheet: _Sheet) -> str:
    """The sheet as SVG 1.1, on white, for the screen and for paper."""
    height = round(sheet.y)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
            f'width="{_WIDTH}" height="{height}" role="img" lang="zh-CN">'
        ),
        f"<title>{escape(sheet.title)}</title><style>{_STYLE}</style>",
        (
            '<defs><marker id="a" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" '
            'markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="#33475b"/></marker>'
            "</defs>"
        ),
        f'<path d="M0 0H{_WIDTH}V{height}H0z" fill="#fff"/>',
        (
            f'<text class="h" x="{_WIDTH / 2:g}" y="42" text-anchor="middle">'
            f"{escape(sheet.title)}</text>"
        ),
    ]
    for x1, y1, x2, y2, arrow in sheet.lines:
        end = ' marker-end="url(#a)"' if arrow else ""
        parts.append(f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}"{end}/>')
    for box in sheet.boxes:
        parts.append(
            f'<rect class="{box.kind}" x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" '
            f'height="{box.height:g}" rx="6"/>'
        )
        y = box.y + _PAD
        for number, line in enumerate((*box.title, *box.lines)):
            y += _LINE
            title = number < len(box.title)
            mark, x = (
                (' class="t" text-anchor="middle"', box.middle) if title else ("", box.x + _PAD)
            )
            parts.append(f'<text{mark} x="{x:g}" y="{y - 6:g}">{escape(line)}</text>')
    return "\n".join([*parts, "</svg>", ""])
