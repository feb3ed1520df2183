"""The shelf and the maintenance windows as people see and enter them, on telephone and desk."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace

import pytest
from playwright.async_api import Browser, expect
from typer.testing import CliRunner

from cli.main import app
from collector.web.server import serving
from collector.web.source import ShelfMark, WindowState
from config.settings import WebSettings
from tests.web.county import Stage
from tests.web.screen import DESKTOP, PHONE, Screen, stand
from wire.alarm import AlarmVerb
from wire.notice import Bilingual

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.peers]


@pytest.fixture
def stage() -> Stage:
    made = Stage(devices=200)
    made.power_cut()
    return made


async def signed_in(screen: Screen) -> None:
    await screen.go("/keys")
    await screen.page.get_by_role("button", name=re.compile("赵工")).click()
    await expect(screen.page.locator("#main")).to_contain_text("当前签名人: 赵工")


async def test_an_alarm_out_of_sight_is_hatched_and_says_so(browser: Browser, stage: Stage) -> None:
    gone, over, *rest = stage.held.alarms
    over = replace(over, unknown=True, cleared_ms=stage.now_ms() - 60_000)
    stage.change(alarms=(replace(gone, unknown=True), over, *rest))
    async with stand(browser, stage, PHONE) as screen:
        await screen.go("/alarms")
        row = screen.page.locator(f"li.alarm[data-key='{gone.id}']")
        await expect(row.locator(".tag.blind")).to_have_text("现状不明")
        hatch = await row.evaluate("node => getComputedStyle(node).backgroundImage")
        assert "gradient" in hatch
        await screen.page.locator(".tabs").get_by_role("button", name="未知").click()
        await expect(screen.page.locator("li.alarm .tag.blind")).to_have_count(2)
        cleared = screen.page.locator(f"li.alarm[data-key='{over.id}']")
        await expect(cleared).to_contain_text("已清除")
        await expect(cleared.locator(".tag.good")).to_have_count(0)
        assert await screen.fits()


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
async def test_shelved_and_closed_alarms_have_lists_of_their_own(
    browser: Browser, stage: Stage, size: tuple[int, int]
) -> None:
    async with stand(browser, stage, size) as screen:
        page, dialog = screen.page, screen.page.get_by_role("dialog")
        await signed_in(screen)
        await screen.go("/alarms")
        first = page.locator("li.alarm").first
        name = await first.get_attribute("data-key")
        await first.get_by_role("button", name="搁置", exact=True).click()
        await dialog.get_by_label("搁置名称").fill("机房搬迁")
        await dialog.get_by_label("搁置时长").select_option("4")
        await dialog.get_by_label("内容").fill("已知，待拆除")
        await dialog.get_by_role("button", name="签名并发送").click()
        await expect(page.locator(f"li.alarm[data-key='{name}']")).to_have_count(0)
        action, _ = stage.actions[-1]
        assert (action.verb, action.alarms, action.valid_s) == (AlarmVerb.SHELVE, (name,), 14_400)
        await first.get_by_role("button", name="关闭", exact=True).click()
        await dialog.get_by_role("button", name="签名并发送").click()
        await page.locator(".tabs").get_by_role("button", name="已搁置").click()
        await expect(page.locator("li.alarm")).to_have_count(1)
        await expect(page.locator("li.alarm")).to_contain_text("已知，待拆除")
        await page.locator("li.alarm .changes summary").click()
        assert await screen.fits()
        await screen.picture(f"shelved-{size[0]}")
        await page.locator(".tabs").get_by_role("button", name="已关闭").click()
        await expect(page.locator("li.alarm")).to_have_count(1)


async def test_windows_and_the_shelf_are_listed_at_a_terminal(stage: Stage) -> None:
    window = WindowState(
        "w-1", "核心割接", "工单42", "zhao", (Bilingual(zh="站点 润城站", en="site 润城站"),),
        "FREQ=WEEKLY", open=True, begins_ms=1_795_528_800_000, ends_ms=1_795_543_200_000,
        devices=12, wrong=2,
    )  # fmt: skip
    mark = ShelfMark("cmcc-d1|device-unreachable|", "搬迁", "待拆除", "zhao", 1_795_543_200_000)
    stage.change(windows=lambda: (window,), shelf=(mark,))
    async with serving(stage, WebSettings(port=0)) as url:
        words = ["office", "maintenance", "list", "--url", url]
        shown = await asyncio.to_thread(CliRunner().invoke, app, words)
        raw = await asyncio.to_thread(CliRunner().invoke, app, [*words, "--json"])
    lines = shown.output.splitlines()
    assert lines[0] == (
        "w-1  维护中 / open  11月24日 22:00 – 11月25日 02:00  FREQ=WEEKLY  核心割接（工单42）"
    )
    assert lines[1].strip() == "站点 润城站  12 台设备 / devices，2 台不正常 / out of order"
    assert lines[2].startswith("cmcc-d1|device-unreachable|  已搁置 / shelved")
    assert json.loads(raw.output)["windows"][0]["person"] == "赵工"


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
async def test_a_window_is_entered_shown_and_ended(
    browser: Browser, stage: Stage, size: tuple[int, int]
) -> None:
    async with stand(browser, stage, size, timezone_id="America/New_York") as screen:
        page, dialog = screen.page, screen.page.get_by_role("dialog")
        await signed_in(screen)
        await screen.go("/alarms")
        await page.get_by_role("link", name="维护窗口").click()
        await expect(page.locator("#main")).to_contain_text("没有维护窗口")
        await page.get_by_role("button", name="登记维护窗口").click()
        await dialog.get_by_label("维护对象").fill("站点：cmcc-s1；企业:cucc/140522100")
        await dialog.get_by_label("名称", exact=True).fill("核心割接")
        await dialog.get_by_label("开始").fill("2026-11-24T22:00")
        await dialog.get_by_label("结束").fill("2026-11-25T02:00")
        await dialog.get_by_label("重复").select_option("FREQ=WEEKLY")
        await dialog.get_by_label("内容").fill("工单42")
        await dialog.get_by_role("button", name="签名并发送").click()
        row = page.locator("li.window")
        await expect(row).to_contain_text("核心割接")
        window = stage.actions[-1][0].window
        assert window is not None
        assert window.targets == ("site:cmcc-s1", "operator:cucc/140522100")
        assert (window.start_ms, window.reason) == (1_795_528_800_000, "工单42")  # 22:00 CST
        assert window.end_ms - window.start_ms == 4 * 3_600_000
        await expect(row).to_contain_text("2 台不正常")
        assert await screen.fits()
        await screen.picture(f"maintenance-{size[0]}")
        await row.get_by_role("button", name="结束").click()
        await dialog.get_by_role("button", name="签名并发送").click()
        await expect(page.locator("#main")).to_contain_text("没有维护窗口")
        assert stage.actions[-1][0].verb is AlarmVerb.END
