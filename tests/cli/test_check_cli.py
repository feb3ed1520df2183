from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app

ROOT = Path(__file__).parents[1] / "config"
BAD = ROOT / "bad"


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["check", *arguments])
    return result.exit_code, result.stdout


def test_sound_files_end_with_0_and_show_their_notes() -> None:
    code, out = run(str(ROOT / "good" / "register"))
    assert code == 0
    assert "注意 note" in out
    assert "没有错误 sound: 1 个文件 files, 0 个错误 errors, 1 个提示 notes" in out


def test_every_error_of_every_file_at_once_grouped_by_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BAD)
    code, out = run("agent-out-of-range.toml", "register-everything-at-once")
    assert code == 1
    wanted = [
        line
        for name in ("agent-out-of-range.toml", "register-everything-at-once")
        for line in Path(f"{name}.expect").read_text(encoding="utf-8").splitlines()
    ]
    lines = out.splitlines()
    assert set(wanted) <= set(lines)
    files = [line.split(":")[0] for line in lines if ".toml:" in line or ".csv:" in line]
    assert len(set(files)) == len([key for key, _ in groupby(files)])


def test_a_file_that_cannot_be_read_ends_with_2() -> None:
    code, out = run(str(BAD / "nowhere.toml"), str(BAD / "agent-nan.toml"))
    assert code == 2
    assert "文件不存在 / no such file" in out
    assert "agent.interval_s" in out


def test_machines_read_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BAD)
    code, out = run("--json", "agent-unknown-key.toml")
    answer = json.loads(out)
    assert code == 1
    assert answer["ok"] is False
    assert {"file": "agent-unknown-key.toml", "kind": "agent"} in answer["files"]
    (fault,) = [fault for fault in answer["faults"] if fault["kind"] == "error"]
    assert (fault["line"], fault["key"]) == (4, "agent.interval")
    assert "interval_s" in fault["hint"]
