"""The last link of a story: the closing report tells what the story had people do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from drill.children import wanglou
from drill.play import State, Told
from wire.notice import STATING, Verb

Json = dict[str, Any]
DEADLINE_S = 60


def needed(steps: Iterable[Told]) -> bool:
    """Whether the story has a warning lifted: then there is something to report."""
    return any(one.step.people and one.step.people.verb is Verb.LIFT for one in steps)


def untold(report: Json, steps: Iterable[Told]) -> Iterator[str]:
    """What the report leaves out of the story, a sentence each."""
    if report.get("state") not in {"lifted", "withdrawn"}:
        yield f"the warning is {report.get('state')}, not lifted"
    orders = {(one["account"], one["verb"]): one["outcome"] for one in report["orders"]}
    said = {(one["id"], one["source"]) for one in report["statements"]}
    for told in steps:
        act = told.step.people
        if act is None or told.state is not State.DONE:
            continue
        outcome = orders.get((act.account, act.verb.value))
        if outcome is None or (outcome == "accepted") is act.refused:
            yield f"{act.account} {act.verb}: {outcome or 'not in it'}"
        if act.verb in STATING and act.source and (act.on, act.source) not in said:
            yield f"{act.on}, stated by {act.source}: not in it"
    for name in ("steps", "sites", "networks", "notices"):
        if not report[name]:
            yield f"{name}: none"


async def reported(collector: Path, folder: Path) -> Json:
    """``wanglou office report`` in both forms, kept beside the run. Raises ValueError, OSError."""
    argv = [*wanglou(), "office", "report", "--collector", str(collector)]
    text = await _run([*argv, "--md"])
    (folder / "report.md").write_bytes(text)
    found: Json = json.loads(await _run([*argv, "--json"]))
    return found


async def _run(argv: list[str]) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *argv, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(DEADLINE_S):
            out, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise ValueError(errors.decode(errors="replace").strip())
    return out
