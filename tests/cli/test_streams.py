"""Closed pipes, full disks, other encodings, wrong places: a sentence, never a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

WANGLOU = str(Path(sys.executable).with_name("wanglou"))
BASE = {"PATH": "/usr/bin:/usr/sbin:/bin", "LC_ALL": "C.UTF-8"}
INVENTORY = """
[[credential]]
id = "c"
community = "canary-7f3a"
[[target]]
device = "d1"
address = "127.0.0.1"
credential = "c"
profiles = ["generic"]
"""
AGENT = """
[agent]
id = "a1"
operator = "cmcc"
state_dir = "{state}"
inventory = "inventory.toml"
[county]
county = "140522"
[broker]
port = 1
{broker}
"""


def shell(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", script.replace("wanglou", WANGLOU, 1)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=BASE | environment,
        errors="replace",
    )


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("wanglou plan decide <&-", 0),
        ("wanglou plan decide </dev/null >&-", 0),
        ("wanglou check /nowhere >&-", 2),
        ("wanglou check /nowhere 2>&- | cat >/dev/null", 0),
        ("wanglou check /nowhere >/dev/full", 74),
        ("echo '{}' | exec wanglou plan decide >/dev/full", 74),
        ("wanglou poll --timeout 0.05 --retries 0 127.0.0.1:1 >/dev/full", 74),
        ("wanglou poll --timeout 0.05 --retries 0 --community $'\\xff' 127.0.0.1:1", 1),
    ],
)
def test_streams_that_cannot_be_used(script: str, code: int) -> None:
    done = shell(script)
    assert "Traceback" not in done.stderr
    assert (done.returncode, len(done.stderr.splitlines())) == (code, code == 74)


@pytest.mark.parametrize("process", ["agent run --config /dev/null", "collector run"])
def test_a_log_level_that_is_none(process: str) -> None:
    done = shell(f"wanglou {process} --log-level foo")
    assert "Traceback" not in done.stderr
    assert (done.returncode, "warning" in done.stderr) == (2, True)


@pytest.mark.parametrize("encoding", ["gbk", "ascii", "latin-1"])
def test_a_terminal_of_another_encoding_gets_what_it_can_show(encoding: str) -> None:
    for script in (
        "wanglou poll --stats --timeout 0.05 --retries 0 127.0.0.1:1",
        "wanglou plan check",
    ):
        done = shell(script, PYTHONIOENCODING=encoding)
        assert "Traceback" not in done.stderr
        assert done.stdout


@pytest.mark.parametrize(
    "words",
    ["new a --dir {f}", "new a --dir {f}/sub", "trust {k}/k.pub --dir {f}", "list --dir {f}/no"],
)
def test_a_key_folder_that_is_none(tmp_path: Path, words: str) -> None:
    (tmp_path / "file").touch()
    keys = tmp_path / "keys"
    assert shell(f"wanglou key new k --dir {keys}").returncode == 0
    done = shell("wanglou key " + words.format(f=tmp_path / "file", k=keys))
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert str(tmp_path / "file") in done.stderr


@pytest.mark.parametrize(
    ("state", "broker", "said"),
    [
        ("file", "", "file"),
        ("file/sub", "", "file"),
        ("state", 'username = "u"\npassword_file = "nothing"', "nothing"),
        ("state", 'cafile = "nothing"', "nothing"),
        ("state", 'cafile = "inventory.toml"', "inventory.toml"),
    ],
)
def test_an_agent_that_cannot_start_says_why(
    tmp_path: Path, state: str, broker: str, said: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "inventory.toml").write_text(INVENTORY, encoding="utf-8")
    config = tmp_path / "agent.toml"
    config.write_text(AGENT.format(state=state, broker=broker), encoding="utf-8")
    done = shell(f"wanglou agent run --config {config}")
    assert done.returncode in {1, 74}
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("wanglou agent: ")
    assert said in last
    assert "canary" not in done.stdout + done.stderr
