"""``wanglou record`` against real snmpd: what is recorded reads as the device does."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from agent.recording import parse
from cli.main import app
from tests.peers import Snmpd, snmpd

WANGLOU = str(Path(sys.executable).with_name("wanglou"))
EXTRA = """\
sysName yangcheng-1
sysLocation 阳城
sysContact someone
override 1.3.6.1.2.1.33.1.2.1.0 integer 2
override 1.3.6.1.2.1.33.1.1.1.0 octet_str "trailing blank "
override 1.3.6.1.2.1.33.1.3.3.1.3.1 integer 231
"""
STILL = ("if_in_errors", "if_out_errors", "if_in", "if_out", "sys_uptime", "host_uptime",
         "host_processes", "processor_load", "storage_used", "host_memory", "if_in_discards",
         "if_out_discards", "storage_size")  # fmt: skip
"""Readings that move by themselves, or need two looks."""


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    with snmpd(tmp_path_factory.mktemp("snmpd"), "127.0.0.24", EXTRA) as started:
        yield started


def wanglou(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def place(peer: Snmpd) -> str:
    return f"{peer.address}:{peer.port}"


def read(*words: str) -> dict[str, Any]:
    profiles = [w for name in ("generic", "interfaces", "host", "ups") for w in ("-p", name)]
    # A process of its own: signal handlers belong to the main thread's loop.
    done = subprocess.run(
        [WANGLOU, "poll", "--json", "--timeout", "20", *profiles, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    told = json.loads(done.stdout.splitlines()[0])
    assert (told["outcome"], told["complete"]) == ("measured", True)
    found: dict[str, Any] = told["profiles"]
    for profile in found.values():
        rows = [profile["scalars"]]
        rows += [row for table in profile["tables"].values() for row in table["rows"].values()]
        for row in rows:
            for name in STILL:
                if name in row:
                    row[name] = type(row[name]).__name__
    return found


@pytest.mark.peers
@pytest.mark.parametrize("version", ["1", "2c"])
def test_a_recording_reads_as_the_device_does(peer: Snmpd, tmp_path: Path, version: str) -> None:
    file = tmp_path / "peer.snmprec"
    # Without the processes that run: they come and go while we walk.
    only = [w for tree in ("1.3.6.1.2.1.1", "1.3.6.1.2.1.2", "1.3.6.1.2.1.25.1",
                           "1.3.6.1.2.1.25.2", "1.3.6.1.2.1.25.3", "1.3.6.1.2.1.31",
                           "1.3.6.1.2.1.33") for w in ("-s", tree)]  # fmt: skip
    # Other programs of this machine bring interfaces and mounts that come and go: once more then.
    for _ in range(5):
        status, said = wanglou("record", place(peer), "-o", str(file), "--version", version,
                               *only, "--rate", "5000", "--force", "--timeout", "20")  # fmt: skip
        assert status == 0, said
        recorded_readings, live = read("--from", str(file)), read(place(peer))
        if recorded_readings == live:
            break
    assert recorded_readings == live
    lines = file.read_bytes().splitlines()
    assert b"1.3.6.1.2.1.1.5.0|4|yangcheng-1" in lines
    assert b"1.3.6.1.2.1.33.1.1.1.0|4x|" + b"trailing blank ".hex().encode() in lines
    recorded = parse(file.read_bytes(), "x")
    assert list(recorded.arcs) == sorted(recorded.arcs)


@pytest.mark.peers
def test_a_file_is_not_overwritten_and_half_a_walk_says_so(peer: Snmpd, tmp_path: Path) -> None:
    file = tmp_path / "peer.snmprec"
    file.write_bytes(b"mine")
    words = (
        "record",
        place(peer),
        "-o",
        str(file),
        "-s",
        "1.3.6.1.2.1.1",
        "-s",
        "1.3.6.1.2.1.2",
        "--timeout",
        "20",
    )
    status, said = wanglou(*words)
    assert (status, file.read_bytes()) == (2, b"mine")
    assert "--force" in said
    status, said = wanglou(*words, "--force", "--limit", "1", "--bulk", "2")
    assert (status, file.read_bytes()) == (1, b"mine")
    assert "not recorded to its end: limit" in said
    part = tmp_path / "peer.snmprec.part"
    assert parse(part.read_bytes(), "x").objects
    status, said = wanglou(*words, "--force", "--redact")
    assert status == 0
    assert not part.exists()
    written = file.read_bytes()
    assert b"yangcheng" not in written
    assert b"someone" not in written


@pytest.mark.peers
def test_nothing_comes_of_a_silent_address_or_of_nonsense(peer: Snmpd, tmp_path: Path) -> None:
    file = tmp_path / "x.snmprec"
    status, said = wanglou("record", "127.0.0.25:9", "-o", str(file), "--timeout", "0.1",
                           "--retries", "0")  # fmt: skip
    assert status == 1
    assert "nothing was recorded" in said
    assert not list(tmp_path.iterdir())
    status, said = wanglou("record", place(peer), "-o", str(file), "-s", "mib-2")
    assert status == 2
    assert "a subtree is an OID" in said
