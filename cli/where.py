"""Which settings file a command reads when it is not told: here, else where the units have it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

MISSING: Final = 2
"""Exit code of a command whose settings file is not there."""

INSTALLED: Final = Path("/etc/wanglou")


def settings_file(name: str) -> Path:
    """``name`` in the current folder where there is one, or none under /etc/wanglou either."""
    here, installed = Path(name), INSTALLED / name
    return installed if not here.exists() and installed.exists() else here


def _there(ctx: typer.Context, path: Path) -> Path:
    """Without its settings every command ends alike, with a sentence and code 2.

    Unless the pages are asked instead (``--url``), or a CAP file is only shown.
    """
    given = ctx.params
    unneeded = given.get("url") or (given.get("cap") and not given.get("account"))
    if (path.exists() and not path.is_dir()) or unneeded or ctx.resilient_parsing:
        return path
    print(
        f"{ctx.command_path}: {path}: 文件不存在 / no such file；"
        "在其所在目录运行，或用 --config 指明 / run it where the file is, or name it with --config",
        file=sys.stderr,
    )
    raise typer.Exit(MISSING)


def _option(name: str) -> object:
    said = f"{name}，缺省为当前目录或 {INSTALLED} 中的 / the one here or in {INSTALLED} by default"
    return typer.Option(
        "--config", default_factory=lambda: settings_file(name), help=said, show_default=False,
        callback=_there,
    )  # fmt: skip


AgentFile = Annotated[Path, _option("agent.toml")]
CollectorFile = Annotated[Path, _option("collector.toml")]
OfficeFile = Annotated[Path, _option("office.toml")]
