"""Layout that holds on a narrow terminal too: what does not fit is folded, never cut off.

Chinese characters take two columns; widths are counted in columns, as the terminal counts them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

NARROW: Final = 110
"""Columns below which tables go without lines, and a cause stands under its name."""

GAP: Final = 2


def narrow(width: int) -> bool:
    return width < NARROW


def table(*columns: str, width: int) -> Table:
    """A table of these columns: ``中断 out>r`` to the right, ``状态 State>k`` kept on one line."""
    tight = narrow(width)
    made = Table(
        box=None if tight else Table().box,
        padding=(0, GAP, 0, 0) if tight else (0, 1),
        pad_edge=not tight,
        header_style="bold",
    )
    for column in columns:
        name, _, how = column.partition(">")
        made.add_column(
            name.replace(" ", "\n", 1) if tight else name,
            justify="right" if "r" in how else "left",
            no_wrap=bool(how),
            overflow="fold",
        )
    return made


def flow(items: Iterable[Text], width: int) -> Text:
    """The items side by side, as many to a line as fit; none is broken that fits a line."""
    text, used = Text(), 0
    for item in items:
        if used and used + GAP + item.cell_len > width:
            text.append("\n")
            used = 0
        elif used:
            text.append(" " * GAP)
            used += GAP
        text.append_text(item)
        used += item.cell_len
    return text


def inset(text: Text, indent: int = 2) -> Padding:
    """The text with all its lines indented, those that it is folded to as well."""
    return Padding(text, (0, 0, 0, indent), expand=False)
