"""The pages of a real collector process, with a real broker and real agents' sending code."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Coroutine, Iterator
from datetime import datetime
from pathlib import Path
from typing import Self

import pytest
from playwright.async_api import Browser, expect

from collector.period import CST
from config.register import Register
from tests.collector.house import LI, House, Office, Speaker, running
from tests.collector.small import register
from tests.collector.test_app import OPERATORS, all_well, looks
from tests.peers import free_port, mosquitto
from tests.web.screen import PHONE, looking
from wire.observation import Outcome

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.peers]


def county() -> Register:
    return register(sites=4).model_copy(update={"people": (LI,)})


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def house(tmp_path: Path, port: int) -> Iterator[House]:
    with mosquitto(tmp_path) as broker:
        made = House(tmp_path, broker.port, county())
        with made.config.open("a", encoding="utf-8") as file:
            file.write(f'\n[web]\nport = {port}\nname = "试验县"\n')
        made.start()
        yield made
        made.close()


async def keep_looking(house: House, agent: Speaker, *down: str) -> None:
    """These devices give no answer, and round after round nothing else is news."""
    agent.say(looks(house, Outcome.NO_ANSWER, *down))
    while True:
        await agent.drained()
        await asyncio.sleep(0.3)
        agent.say(looks(house, Outcome.MEASURED, "cmcc-d3"))


class Rounds:
    """Tasks that end with the block."""

    def __init__(self) -> None:
        self.tasks: list[asyncio.Task[None]] = []

    def start(self, work: Coroutine[None, None, None]) -> None:
        self.tasks.append(asyncio.create_task(work))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def test_an_outage_is_seen_and_an_order_signed_through_a_kill(
    browser: Browser, house: House, port: int, tmp_path: Path
) -> None:
    agents = [Speaker(house, operator, f"agent-{operator}") for operator in OPERATORS]
    office = Office(house)
    url = f"http://127.0.0.1:{port}"
    async with (
        running(*agents, office),
        looking(browser, url, PHONE) as screen,
        Rounds() as rounds,
    ):
        page = screen.page
        await screen.go("/")
        await all_well(house, agents)
        await expect(page.locator(".tile.s-ok .number")).to_have_text("16")
        await expect(page.locator(".brand")).to_contain_text("试验县")

        rounds.start(keep_looking(house, agents[0], "cmcc-d1", "cmcc-d2"))
        await expect(page.locator(".warning")).to_contain_text("情形", timeout=60_000)
        await expect(page.locator(".tile.s-down .number")).to_have_text("2")
        await office.until("warning_draft")

        await screen.go("/warning")
        await page.get_by_role("button", name="提请", exact=True).click()
        await page.get_by_label("加载密钥文件").set_input_files(tmp_path / "office-keys" / "li.key")
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("理由").fill("两站中断")
        await dialog.get_by_role("button", name="签名并发送").click()
        await expect(page.locator(".toast")).to_contain_text("提请")
        await expect(page.locator(".draft")).to_contain_text("已提请")
        await expect(page.locator(".log")).to_contain_text("两站中断")

        await page.goto(url + "/alarms")
        await page.locator(".alarm").first.get_by_role("button", name="确认").click()
        await dialog.get_by_role("button", name="签名并发送").click()
        await expect(page.locator(".alarm").first).to_contain_text("已确认 李四")

        assert await asyncio.to_thread(house.end, signal.SIGKILL) == -signal.SIGKILL
        await expect(page.locator("#banners .lost")).to_be_visible()
        await asyncio.to_thread(house.start)
        await expect(page.locator("#banners .lost")).to_have_count(0, timeout=60_000)
        await expect(page.locator(".alarm").first).to_contain_text("已确认 李四")
        await page.goto(url + "/warning")
        await expect(page.locator(".log")).to_contain_text("两站中断")

        today = datetime.fromtimestamp(house.clock.now_ms() / 1000, CST).date().isoformat()
        await page.goto(f"{url}/analysis?day={today}")
        await expect(page.locator("#sheet-outages")).to_contain_text("cmcc站2")
    done = house.cli("analysis", "--day", today, "--json")
    assert {one["site"] for one in json.loads(done.stdout)["outages"]} == {"cmcc-s1", "cmcc-s2"}
    assert "最差站点" in house.cli("analysis", "--day", today).stdout
    assert "两站中断" in house.cli("journal", "show").stdout
    assert house.cli("journal", "verify").returncode == 0
