"""An explanation as a tree on a terminal: Chinese first, English beside it."""

from __future__ import annotations

from datetime import datetime

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from collector.explanation import Explanation, Kind, Next, Possible, Why
from escalation.authority import CHINA
from wire.notice import Bilingual

STYLES = {
    Kind.WARNING: "bold",
    Kind.RULE: "bold cyan",
    Kind.CLAUSE: "italic",
    Kind.OPERATOR: "bold",
    Kind.SYSTEM: "bold",
    Kind.SPREAD: "bold",
}
STATES = {
    "full": "red",
    "out": "red",
    "down": "red",
    "partial": "yellow",
    "at_risk": "yellow",
    "alarm": "yellow",
    "snmp_fault": "yellow",
    "hidden": "magenta",
    "unknown": "magenta",
}


def show(found: Explanation, console: Console) -> None:
    """The chain, then what is missing, what is unknown, and why not."""
    at = datetime.fromtimestamp(found.at_ms / 1000, CHINA)
    console.print(
        Text.assemble(
            (f"{found.target}", "bold"),
            f"  {at:%Y-%m-%d %H:%M:%S} 北京时间 CST",
            (f"  规则 rules {found.rules}", "dim"),
        )
    )
    for note in found.notes:
        console.print(_both(note, "yellow"))
    console.print(_tree(found.why))
    for one in found.nearer:
        console.print(_nearer(one))
    if found.possible:
        console.print(_possible(found.possible))
    if found.why_not:
        tree = Tree(_both(Bilingual(zh="为何不是更重", en="why not worse"), "bold"))
        for node in found.why_not:
            _grow(tree, node)
        console.print(tree)


def _tree(node: Why) -> Tree:
    tree = Tree(_line(node))
    for part in node.parts:
        _grow(tree, part)
    return tree


def _grow(tree: Tree, node: Why) -> None:
    branch = tree.add(_line(node))
    for part in node.parts:
        _grow(branch, part)


def _line(node: Why) -> Text:
    style = STATES.get(node.state) or STYLES.get(node.kind, "")
    if not node.holds and node.kind in {Kind.SHARE, Kind.BOUND, Kind.LOOK}:
        style = "dim"
    if node.kind is Kind.CLAUSE:  # the paper is in Chinese only
        return Text(node.text.zh, style)
    return _both(node.text, style)


def _both(said: Bilingual, style: str = "") -> Text:
    line = Text(said.zh, style)
    if said.en != said.zh:
        line.append(f"  {said.en}", style="dim")
    return line


def _nearer(one: Next) -> Tree:
    tree = Tree(
        _both(
            Bilingual(
                zh=f"再有以下任一项即为{one.name.zh}：",
                en=f"any one of these more is {one.name.en}:",
            ),
            "bold",
        )
    )
    for change in one.any_of:
        zh = "，且".join(part.zh for part in change.changes)
        en = " and ".join(part.en for part in change.changes)
        tree.add(_both(Bilingual(zh=zh, en=en)))
    if not one.any_of:
        tree.add(_both(Bilingual(zh="未找到", en="none found")))
    return tree


def _possible(rows: tuple[Possible, ...]) -> Tree:
    title = Bilingual(zh="查明未知项会怎样", en="what the unknowns would change")
    tree = Tree(_both(title, "bold"))
    for row in rows:
        late = Text(" 逾期 overdue", "red") if row.overdue else Text("")
        tree.add(_both(row.text).append_text(late))
    return tree
