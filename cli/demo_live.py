"""The bar at the bottom of a live ``wanglou demo``: how the story and the county stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from drill.play import State
from drill.story import clock

if TYPE_CHECKING:
    from drill.box import Box

SETTLED = frozenset({"lifted", "withdrawn"})


class Bar:
    """Drawn anew twice a second; ``box`` is None until there is one."""

    def __init__(self) -> None:
        self.box: Box | None = None

    def __rich__(self) -> Table:
        table = Table.grid(expand=True, padding=(0, 1))
        table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        table.add_column(justify="right", no_wrap=True, overflow="ellipsis")
        if self.box is not None:
            table.add_row(_stands(self.box), _where(self.box), style="reverse")
        return table


def _stands(box: Box) -> Text:
    """Elapsed, steps, notices, the warning."""
    text = Text(f" {clock(box.elapsed_s)} ×{box.options.scale:g} ")
    player = box.player
    if player is None:
        return text.append("准备 getting ready")
    done = sum(told.state is State.DONE for told in player.steps)
    text.append(f"步骤 steps {done}/{len(player.steps)}")
    if player.failed:
        text.append(f" ✗{len(player.failed)}", style="bold red")
    text.append(f" · 通知 notices {len(box.notices)} · ")
    return text.append_text(_warning(box))


def _warning(box: Box) -> Text:
    """The warning as the office's notices told it last."""
    for notice in reversed(box.notices):
        state = notice.decision.state if notice.decision else "none"
        if notice.warning_id is None and state == "none":
            continue
        if state in SETTLED:
            break
        verdict = notice.verdict
        words = (
            " ".join(one for one in (verdict.warning, verdict.level) if one != "none")
            if verdict
            else ""
        )
        return Text(f"■ {notice.warning_id} {words}", style="bold")
    return Text("● 无预警 no warning")


def _where(box: Box) -> Text:
    return Text(f"{box.url or '不开网页 no pages'} · Ctrl-C ", style="bold")
