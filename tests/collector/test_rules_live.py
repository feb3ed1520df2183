"""FAULTS F16 and F23 with a real collector: wrong stamps; rules that change in mid-incident."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import config
from collector.io.journal import journal, open_readonly
from tests.collector.house import LI, House, Office, running
from tests.collector.small import PLAN, register
from tests.collector.test_app import all_well, speakers
from tests.peers import mosquitto
from wire.notice import Verb
from wire.observation import Look, Method, Outcome, StateBody

pytestmark = pytest.mark.peers

POLICY = Path(config.__file__).parent / "data" / "policy.toml"
NEVER_SET_MS = (0, 2_145_916_800_000)
"""1970-01-01, and 2038-01-01."""

ISSUES = next(one.roles[0] for one in PLAN.authority if one.verb == "issue")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    person = LI.model_copy(update={"roles": (*LI.roles, ISSUES)})
    county = register(sites=4).model_copy(update={"people": (person,)})
    with mosquitto(tmp_path) as broker:
        made = House(tmp_path, broker.port, county)
        yield made
        made.close()


def looks(at_ms: int, device: str) -> StateBody:
    items = [
        Look(device=device, method=method, outcome=Outcome.NO_ANSWER, since_ms=at_ms, at_ms=at_ms)
        for method in Method
    ]
    return StateBody(items=tuple(items))


def entries(house: House, kind: str) -> list[dict[str, Any]]:
    db = open_readonly(house.folder / "state" / "county.db")
    try:
        return [json.loads(entry.json) for entry in journal(db) if entry.kind == kind]
    finally:
        db.close()


async def status(house: House) -> dict[str, Any]:
    return await asyncio.to_thread(house.status)


async def restart(house: House, sig: int) -> None:
    """In a thread: the links of this process live on meanwhile."""
    await asyncio.to_thread(house.end, sig)
    await asyncio.to_thread(house.start)


async def test_wrong_stamps_are_marked_and_a_warning_keeps_its_rules_over_a_restart(
    house: House,
) -> None:
    await asyncio.to_thread(house.start)
    agents, office = speakers(house), Office(house)
    async with running(*agents, office):
        await all_well(house, agents)
        # F16: what stamps of a clock that was never set tell is judged by its arrival.
        for at_ms, device in zip(NEVER_SET_MS, ("cmcc-d1", "cmcc-d2"), strict=True):
            agents[0].say(looks(at_ms, device))
        told = await office.until("incident", "warning_draft")
        warning = next(one.warning_id for one in told if one.warning_id)
        assert warning is not None
        shown = await status(house)
        assert shown["sources"]["agent-cmcc"]["bad_stamps"] == 4
        assert all(site["since_ms"] >= house.anchor_ms for site in shown["sites"])
        assert max(site["since_ms"] for site in shown["sites"]) < NEVER_SET_MS[1]

        # F23: other rules after a restart; the warning keeps its own until a person says so.
        policy = re.sub(r"(?m)^share_out = .*$", "share_out = 0.9", POLICY.read_text())
        assert policy != POLICY.read_text()
        (house.folder / "policy.toml").write_text(policy)
        text = house.config.read_text()
        house.config.write_text(text.replace("[collector]", '[collector]\npolicy = "policy.toml"'))
        await restart(house, signal.SIGTERM)
        held = (await status(house))["standing"]
        assert held["rules"] != held["rules_in_force"]
        (pinned,) = entries(house, "pinned")
        assert pinned["warning"] == warning
        await restart(house, signal.SIGKILL)  # the pin is in the store
        assert (await status(house))["standing"]["rules"] == held["rules"]
        office.order(1, Verb.ADOPT, warning)
        told = await office.until("decision")
        decided = next(one.decision for one in told if one.notice_kind == "decision")
        assert decided is not None
        assert decided.outcome == "accepted"
        held = (await status(house))["standing"]
        assert held["rules"] == held["rules_in_force"]
        assert [one["by"] for one in entries(house, "rules")] == ["li"]
