"""A command without its settings file ends with one sentence and code 2, whichever it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app

COMMANDS = (
    "agent run", "agent top", "analysis", "collector run", "collector backup x", "explain",
    "impact x", "journal show", "journal verify", "office list", "office watch",
    "office maintenance end x --as li", "replay --from -1h", "rules show",
    "rules submit --as li --reason x", "rules approve x --as li", "status", "traps list",
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_no_settings(command: str, tmp_path: Path) -> None:
    missing = str(tmp_path / "none.toml")
    done = CliRunner().invoke(app, [*command.split(), "--config", missing])
    assert done.exit_code == 2, done.output
    assert f"{missing}: 文件不存在 / no such file" in done.stderr
    assert "--config" in done.stderr


def test_who_asks_the_pages_needs_no_settings(tmp_path: Path) -> None:
    given = ["status", "--url", "nowhere", "--config", str(tmp_path / "none.toml")]
    done = CliRunner().invoke(app, given)
    assert done.exit_code == 1
    assert "nowhere" in done.stderr
