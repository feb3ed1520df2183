"""Which settings file a command reads when it is not told: here, else where the units have it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

INSTALLED: Final = Path("/etc/wanglou")


def settings_file(name: str) -> Path:
    """``name`` in the current folder where there is one, or none under /etc/wanglou either."""
    here, installed = Path(name), INSTALLED / name
    return installed if not here.exists() and installed.exists() else here


def _option(name: str) -> object:
    said = f"{name}，缺省为当前目录或 {INSTALLED} 中的 / the one here or in {INSTALLED} by default"
    return typer.Option(
        "--config", default_factory=lambda: settings_file(name), help=said, show_default=False
    )


AgentFile = Annotated[Path, _option("agent.toml")]
CollectorFile = Annotated[Path, _option("collector.toml")]
OfficeFile = Annotated[Path, _option("office.toml")]
