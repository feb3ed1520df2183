"""``wanglou status --url``: the same home in a terminal."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from tests.web.county import Stage

WANGLOU = str(Path(sys.executable).with_name("wanglou"))


async def status(*words: str) -> subprocess.CompletedProcess[str]:
    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [WANGLOU, "status", *words],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={"COLUMNS": "120", "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        )

    return await asyncio.to_thread(run)


async def test_the_county_in_a_terminal(stage: Stage, client: aiohttp.ClientSession) -> None:
    stage.power_cut()
    url = str(client._base_url)
    done = await status("--url", url)
    assert done.returncode == 0, done.stderr
    for word in ("阳城县", "演练 DRILL", "研判提示", "情形2", "■ 6/6", "◇ 6/6", "无声", "72"):
        assert word in done.stdout
    shown = json.loads((await status("--url", url, "--json")).stdout)
    assert shown["devices"]["down"] == 72


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (("--url", "http://127.0.0.1:9"), "127.0.0.1:9", 1),
        (("--watch", "--config", "/nowhere/collector.toml"), "collector.toml", 2),
    ],
)
async def test_what_does_not_answer_is_named(words: tuple[str, ...], said: str, code: int) -> None:
    done = await status(*words)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
