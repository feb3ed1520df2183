"""``wanglou traps`` reads the store of a running agent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent.io.traps_store import Arrived, TrapStore
from agent.traps import Bind, Trap
from cli.main import app

RUNNER = CliRunner()
AGENT = """
[agent]
id = "a1"
operator = "cmcc"
state_dir = "state"
inventory = "inventory.toml"
[county]
county = "140522"
[traps]
port = 1162
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    (tmp_path / "agent.toml").write_text(AGENT)
    store = TrapStore.open(tmp_path / "state")
    bind = Bind("1.3.6.1.2.1.2.2.1.1.7", "Integer", "7")
    known = Trap("2c", True, 1, "1.3.6.1.6.3.1.1.5.3", 4200, (bind,))  # noqa: FBT003  a row
    strange = Trap("1", False, 0, "1.3.6.1.4.1.99999.0.7", None, (bind,), "10.9.9.9")  # noqa: FBT003  a row
    store.append([Arrived(known, "10.0.0.1", 162, 0), Arrived(strange, "10.0.0.2", 162, 1)], {})
    store.take([(1, 1, "d1"), (2, 1, "")])
    store.close()
    return str(tmp_path / "agent.toml")


def test_list_and_show(config: str) -> None:
    listed = RUNNER.invoke(app, ["traps", "list", "--config", config])
    assert listed.exit_code == 0
    assert "linkDown" in listed.output
    assert "stored 2" in listed.output
    shown = RUNNER.invoke(app, ["traps", "show", "1", "--config", config])
    assert "1.3.6.1.2.1.2.2.1.1.7 = Integer: 7" in shown.output
    assert "uptime_s: 42.0" in shown.output


def test_of_nobody_we_know_for_machines(config: str) -> None:
    done = RUNNER.invoke(app, ["traps", "list", "--unknown", "--json", "--config", config])
    (one,) = [json.loads(line) for line in done.output.splitlines()]
    assert (one["source"], one["agent"], one["kind"]) == (
        "10.0.0.2",
        "10.9.9.9",
        "1.3.6.1.4.1.99999.0.7",
    )


def test_there_may_be_none(config: str, tmp_path: Path) -> None:
    assert RUNNER.invoke(app, ["traps", "show", "99", "--config", config]).exit_code == 1
    (tmp_path / "state" / "traps.db").unlink()
    assert RUNNER.invoke(app, ["traps", "list", "--config", config]).exit_code == 1
    assert RUNNER.invoke(app, ["traps", "list", "--config", "/nonexistent"]).exit_code == 2
