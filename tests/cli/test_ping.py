"""``wanglou ping`` as a person and a program use it; firewalls: tests/agent/test_engine_icmp.py."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

WANGLOU = str(Path(sys.executable).with_name("wanglou"))
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for raw sockets")


def wanglou(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [WANGLOU, *words], capture_output=True, text=True, check=False, timeout=60
    )


def test_a_range_as_json_with_figures() -> None:
    done = wanglou(
        "ping", "127.3.0.0-127.3.3.255", "--count", "1", "--repeat", "2", "--every", "0", "--json",
        "--stats",
    )  # fmt: skip
    assert done.returncode == 0
    *found, stats = map(json.loads, done.stdout.splitlines())
    assert len(found) == 2048
    assert [line["address"] for line in found[:1024]] == [line["address"] for line in found[1024:]]
    assert {line["round"] for line in found[1024:]} == {2}
    assert {line["outcome"] for line in found} == {"measured"}
    assert all(line["rtt_us"]["min"] > 0 for line in found)
    figures = stats["stats"]
    assert (figures["looks"], figures["answers"], figures["rounds"]) == (2048, 2048, 2)
    assert figures["wall_s"] > 0
    assert figures["cpu_us_per_device"] > 0
    assert figures["engine"]["kernel_drops"] == 0


def test_a_table_for_people() -> None:
    done = wanglou(
        "ping", "127.0.0.1", "localhost", "--count", "2", "--interval", "0.01", "--stats"
    )
    assert done.returncode == 0
    for word in ("目标 Target", "结果 Outcome", "正常 measured", "丢包 Loss", "µs/设备 device"):
        assert word in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["1.2.3"], "'1.2.3' is no address, name, range or network"),
        (["10.0.0.5/24"], "did you mean 10.0.0.0/24?"),
        (["10.0.0.0/8"], "1048576 at most"),
        (["@/none"], "cannot read /none"),
    ],
)
def test_a_bad_target_is_told_in_a_sentence(words: list[str], said: str) -> None:
    done = wanglou("ping", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not done.stdout


def test_an_empty_file_has_no_targets(tmp_path: Path) -> None:
    file = tmp_path / "none"
    file.write_text("# nothing\n")
    done = wanglou("ping", f"@{file}")
    assert (done.returncode, done.stderr) == (2, "没有目标 / there are no targets\n")


def test_ctrl_c_ends_with_what_was_measured() -> None:
    words = ["ping", "127.0.0.1", "--count", "1", "--repeat", "1000", "--every", "0.01", "--json"]
    with subprocess.Popen(
        [WANGLOU, *words, "--stats"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        *_, last = process.stdout.read().splitlines()
        assert process.wait(60) == 130
        assert not process.stderr.read()
    assert first["outcome"] == "measured"
    stats = json.loads(last)["stats"]
    assert stats["interrupted"]
    assert stats["looks"] == stats["answers"] > 0
