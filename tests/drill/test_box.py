"""The whole chain with real processes: farm, broker, agents, collector, office client, people."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from drill.children import wanglou

pytestmark = [pytest.mark.peers, pytest.mark.timeout(600)]

SHORT = Path(__file__).with_name("short.toml")


@asynccontextmanager
async def demo(*options: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A ``wanglou demo``, killed at the end whatever happens."""
    process = await asyncio.create_subprocess_exec(
        *wanglou(),
        "demo",
        "--loopback",
        "--web-port",
        "0",
        *options,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def children_of(folder: Path) -> list[int]:
    """Processes that name the run directory on their command line or work from its settings."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if str(folder).encode() in line and b"demo" not in line:
                found.append(int(entry.name))
    return found


async def none_left(folder: Path) -> None:
    async with asyncio.timeout(60):
        while children_of(folder):  # noqa: ASYNC110  other processes tell no event
            await asyncio.sleep(0.05)


async def test_the_whole_chain(tmp_path: Path) -> None:
    run = tmp_path / "run"
    async with demo("--story", str(SHORT), "--json", "--keep", str(run)) as process:
        out, errors = await asyncio.wait_for(process.communicate(), 500)
    assert out, errors.decode()
    report: dict[str, Any] = json.loads(out)
    assert report["faults"] == [], report
    assert process.returncode == 0
    links = {row["link"]: row for row in report["links"]}
    assert set(links["committed"]["who"]) == {"cmcc", "cucc", "ctcc", "tower"}
    assert all(row["count"] for row in links.values())
    assert "副总指挥丁" in (run / "report.md").read_text()
    assert [step["state"] for step in report["steps"]] == ["done"] * 7
    assert report["notices"]["warning_draft"] >= 1
    assert report["icmp"] == "could_not_look"
    await none_left(run)


async def test_a_missing_link_is_named_and_ends_with_1() -> None:
    broken = Path(__file__).with_name("broken.toml")
    async with demo("--story", str(broken), "--json") as process:
        out, errors = await asyncio.wait_for(process.communicate(), 500)
    assert out, errors.decode()
    report: dict[str, Any] = json.loads(out)
    assert process.returncode == 1
    assert any("等不到的预警" in fault for fault in report["faults"])
    missing = {row["link"] for row in report["links"] if row["needed"] and not row["count"]}
    assert missing == {"drafted", "verified", "receipted"}


async def test_interrupted_it_leaves_nothing_behind(tmp_path: Path) -> None:
    run = tmp_path / "run"
    async with demo("--once", "--keep", str(run)) as process:
        assert process.stdout
        async with asyncio.timeout(240):
            while b"committed" not in (line := await process.stdout.readline()):
                assert line, "it ended too early"
        assert children_of(run)
        process.send_signal(signal.SIGINT)
        await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 130
    await none_left(run)


async def test_killed_it_leaves_no_orphans(tmp_path: Path) -> None:
    run = tmp_path / "run"
    async with demo("--once", "--keep", str(run)) as process:
        assert process.stdout
        async with asyncio.timeout(240):
            while b"committed" not in (line := await process.stdout.readline()):
                assert line, "it ended too early"
        assert children_of(run)
        process.kill()
        await process.wait()
    await none_left(run)


async def test_an_unknown_story_is_one_sentence() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from cli.main import main; main()",
        "demo",
        "--story",
        "power-cat",
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 1
    assert "power-cut" in errors.decode()
