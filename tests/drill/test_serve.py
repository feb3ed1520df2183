"""The farm as a process of its own, controlled over its socket."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from drill.children import Children

pytestmark = pytest.mark.peers

DEVICE = "cmcc-runcheng-hub-router"


@pytest.fixture
async def control(tmp_path: Path) -> AsyncIterator[Path]:
    path = tmp_path / "control"
    children = Children(tmp_path)
    farm = await children.start(
        "farm", [sys.executable, "-m", "drill.serve", "--control", str(path)], piped=True
    )
    assert farm.process.stdout
    ready = json.loads(await asyncio.wait_for(farm.process.stdout.readline(), 60))
    assert ready["devices"] > 900
    try:
        yield path
    finally:
        await children.close()
    assert farm.process.returncode == 0
    assert not path.exists()


async def test_orders_and_questions(control: Path) -> None:
    reader, writer = await asyncio.open_unix_connection(str(control))

    async def say(what: Any) -> dict[str, Any]:
        line = what if isinstance(what, bytes) else json.dumps(what).encode()
        writer.write(line + b"\n")
        return dict(json.loads(await asyncio.wait_for(reader.readline(), 60)))

    before = await say({"ask": "state", "device": DEVICE})
    assert before["answers"]
    assert before["source"] == "mains"
    assert await say({"do": "kill", "devices": [DEVICE]}) == {"touched": 1}
    assert not (await say({"ask": "state", "device": DEVICE}))["answers"]
    assert (await say({"do": "mains-off", "towns": ["beiliu"]}))["touched"] > 10
    assert (
        "did you mean"
        in (await say({"do": "kill", "devices": ["cmcc-runcheng-hub-ruter"]}))["error"]
    )
    assert "error" in await say({"do": "explode"})
    assert "error" in await say(b"{")
    assert (await say({"ask": "stats"}))["answered"] == 0
    writer.close()
