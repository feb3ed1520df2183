"""The pages in Debian's chromium, headless, on a phone and on a desk."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, expect

from collector.web.server import serving
from collector.web.source import State
from collector.would import Would
from config.settings import WebSettings
from tests.peers import free_port
from tests.web.county import HOSTILE, Stage, verdict
from tests.web.screen import DESKTOP, PHONE, looking, stand
from wire.alarm import AlarmVerb
from wire.notice import Verb

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.peers]
SIZES = pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
AUDIT = (Path(__file__).parent / "audit.js").read_text()
HOME_LIMIT = 40_000
"""Bytes of home on the wire, nothing cached."""


@SIZES
async def test_the_states_appear_by_themselves(
    browser: Browser, stage: Stage, size: tuple[int, int]
) -> None:
    async with stand(browser, stage, size) as screen:
        await screen.go("/")
        page = screen.page
        assert await screen.number("ok") == 999
        await expect(page.locator(".calm")).to_have_text(re.compile("当前没有预警"))
        await screen.picture(f"home-calm-{size[0]}")
        stage.power_cut()
        await expect(page.locator(".warning")).to_contain_text("情形2")
        await expect(page.locator(".warning")).to_contain_text("研判提示")
        for state in ("down", "alarm", "unknown", "ok"):
            wanted = sum(one.state == state for one in stage.held.devices.values())
            assert await screen.number(state) == wanted
            await expect(page.locator(f".tile.s-{state} svg")).to_be_visible()
        hatch = await page.locator(".tile.s-unknown").evaluate(
            "node => getComputedStyle(node).backgroundImage"
        )
        assert "gradient" in hatch
        cell = page.locator(".matrix a[href='/sites?town=140522105&operator=cmcc']")
        await expect(cell).to_have_attribute("aria-label", re.compile("次营镇 移动 中断"))
        await expect(page.locator(".map .dots.s-down")).to_have_count(1)
        causes = page.locator(".card", has_text="故障与影响")
        await expect(causes).to_contain_text("故障 24→设备 72 · 站点 24 · 企业 2")
        await expect(causes.locator("li")).to_have_count(5)
        await expect(page.get_by_text("采集代理无声")).to_be_visible()
        await expect(page.get_by_text("示意图，非测绘位置")).to_be_visible()
        assert await screen.fits()
        await screen.picture(f"home-{size[0]}")


async def test_a_trial_says_what_it_would_be_judged_as(browser: Browser, stage: Stage) -> None:
    sources = tuple(
        one.model_copy(update={"trial": one.operator == "cucc"})
        for one in stage.held.static.register.sources
    )
    register = stage.held.static.register.model_copy(update={"sources": sources})
    cucc = replace(
        stage.held.operators["cucc"],
        impact="absent",
        would=Would("partial", 20, 3, 1, 0, "scenario2", "II"),
    )
    stage.change(
        static=replace(stage.held.static, register=register),
        operators={**stage.held.operators, "cucc": cucc},
    )
    async with stand(browser, stage, PHONE) as screen:
        await screen.go("/")
        said = screen.page.locator("li[data-key=cucc] .trial")
        await expect(said).to_contain_text("算得 部分业务 (3/20); 若计入 情形2 Ⅱ级响应")
        await screen.go("/warning")
        await expect(screen.page.locator("body")).to_contain_text("试运行")
        assert await screen.fits()


@SIZES
async def test_an_open_warning_stands_beside_what_is_judged_now(
    browser: Browser, stage: Stage, size: tuple[int, int]
) -> None:
    stage.power_cut()
    async with stand(browser, stage, size) as screen:
        await screen.go("/warning")
        page = screen.page
        await expect(page.locator(".draft .grades")).to_contain_text("情形2")
        await expect(page.locator(".draft")).not_to_contain_text("目前研判")
        stage.change(verdict=verdict("none", "none", {}))
        await expect(page.locator(".draft")).to_contain_text("目前研判: 无 / 无")
        await expect(page.locator(".draft .grades")).to_contain_text("情形2")
        assert await screen.fits()
        await screen.picture(f"issued-{size[0]}")
        await screen.go("/")
        await expect(page.locator(".warning .big")).to_contain_text("情形2")
        await expect(page.locator(".warning")).to_contain_text("目前研判: 无 / 无")
        assert await screen.fits()


@SIZES
async def test_the_regular_analysis_is_read_by_day_week_and_month(
    browser: Browser, stage: Stage, size: tuple[int, int]
) -> None:
    async with stand(browser, stage, size) as screen:
        await screen.go("/analysis")
        page = screen.page
        await expect(page.locator("#what")).to_contain_text("运行分析日报")
        await expect(page.locator("#sheet-operators")).to_contain_text("电信")
        await expect(page.locator("#sheet-outages")).to_contain_text("市电中断之后")
        assert await screen.fits()
        await screen.picture(f"analysis-{size[0]}")
        await page.click("#p-week")
        await expect(page.locator("#what")).to_contain_text("运行分析周报")
        await page.fill("#day", "2026-03-04")
        await expect(page.locator("#what")).to_contain_text("2026-03-02—2026-03-08")
        assert "period=week" in page.url
        href = await page.locator("a[download]").get_attribute("href")
        assert href is not None
        book = await page.request.get(screen.url + href)
        assert (book.status, (await book.body())[:2]) == (200, b"PK")


@SIZES
async def test_why_opens_as_a_tree(browser: Browser, stage: Stage, size: tuple[int, int]) -> None:
    stage.power_cut()
    async with stand(browser, stage, size) as screen:
        await screen.go("/warning")
        card = screen.page.locator("details[data-key=why-card]")
        await card.locator("summary h2").click()
        await expect(card).to_contain_text("规则 W3（预案原文）")
        await expect(card).to_contain_text("退服站点占比 10%，阈值 ≥3%")
        await expect(card).to_contain_text("再有1家基础运营网络部分业务受影响")
        await card.get_by_text("为何不是更重").click()
        await expect(card.get_by_text("规则 G1-dark")).to_be_visible()
        stage.change()
        await expect(card.get_by_text("规则 G1-dark")).to_be_visible()
        assert await screen.fits()
        assert not await screen.page.evaluate(AUDIT)
        await card.evaluate("one => scrollTo(0, one.offsetTop - 90)")
        await screen.picture(f"why-{size[0]}")


async def test_why_it_was_so_is_asked_for_a_moment_that_is_over(
    browser: Browser, stage: Stage
) -> None:
    stage.power_cut()
    then_ms = stage.now_ms() - 3_600_000
    async with stand(browser, stage) as screen:
        await screen.go("/warning")
        card = screen.page.locator("details[data-key=why-card]")
        await card.locator("summary h2").click()
        await expect(card.get_by_text("规则 W3（预案原文）")).to_be_visible()
        written = await card.evaluate(
            "(_, ms) => new Date(ms + 8 * 3600e3).toISOString().slice(0, 19)", then_ms
        )
        await card.locator("#why-at").fill(written)
        await card.get_by_role("button", name="回查").click()
        await expect(card.get_by_role("button", name="回到现在")).to_be_visible()
        await expect(card.locator(".when .muted")).to_contain_text(written[11:16])
        await card.get_by_role("button", name="回到现在").click()
        await expect(card.get_by_role("button", name="刷新")).to_be_visible()
        assert await screen.fits()


@SIZES
async def test_search_and_filters_stand_in_the_address(
    browser: Browser, stage: Stage, size: tuple[int, int]
) -> None:
    stage.power_cut()
    async with stand(browser, stage, size) as screen:
        await screen.go("/devices")
        page = screen.page
        await expect(page.locator("#total")).to_contain_text("1000")
        await page.get_by_label("搜索").fill("次营镇 电源")
        await expect(page).to_have_url(re.compile("q="))
        await expect(page.locator("#total")).to_have_text("1–24 共 24")
        if size == PHONE:
            await page.locator(".filter summary").click()
        await page.get_by_label("状态").select_option("alarm")
        await expect(page.locator("#total")).to_have_text("1–6 共 6")
        await expect(page.locator(".rows li").first).to_contain_text("市电中断")
        assert await screen.fits()
        await screen.picture(f"devices-{size[0]}")
        await page.reload()
        await expect(page.locator("#total")).to_have_text("1–6 共 6")
        assert await page.get_by_label("搜索").input_value() == "次营镇 电源"
        async with page.expect_download() as download:
            await page.get_by_text("导出 .xlsx", exact=True).click()
        assert (await download.value).suggested_filename == "wanglou-devices.xlsx"
        await page.go_back()
        await expect(page.locator("#total")).to_have_text("1–24 共 24")


@SIZES
async def test_a_device_with_chart_and_look_now(
    browser: Browser, stage: Stage, size: tuple[int, int]
) -> None:
    stage.power_cut()
    hidden = next(name for name, one in stage.held.devices.items() if one.cause)
    cause = stage.held.devices[hidden].cause
    async with stand(browser, stage, size) as screen:
        page = screen.page
        await screen.go(f"/devices/{hidden}")
        await page.locator(".facts").get_by_role("link").first.click()
        await expect(page).to_have_url(re.compile(f"/devices/{cause}$"))
        await expect(page.locator(".log li").first).to_contain_text("中断")
        await expect(page.get_by_text("下挂设备 (2)")).to_be_visible()
        await expect(page.locator("#chart canvas")).to_be_visible()
        await expect(page.locator("#figures")).to_contain_text("ms")
        await page.get_by_role("combobox", name="曲线").select_option("2")
        await expect(page.locator("#figures")).to_contain_text("By/s")
        drawn = await page.locator("#chart canvas").evaluate(
            "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(v => v)"
        )
        assert drawn
        await page.get_by_role("button", name="立即探测").click()
        await expect(page.locator(".toast")).to_have_text("已请采集代理立即探测")
        assert stage.looks == [cause]
        assert await screen.fits()
        await screen.picture(f"device-{size[0]}")
        assert cause
        stage.device(cause, State.OK)
        await expect(page.locator(".head .badge")).to_have_text("正常")


async def test_language_is_remembered(browser: Browser, stage: Stage) -> None:
    stage.power_cut()
    async with stand(browser, stage) as screen:
        page = screen.page
        await screen.go("/")
        await page.get_by_role("button", name="EN").click()
        await expect(page.locator(".tile.s-down")).to_contain_text("Down")
        await expect(page.locator(".warning")).to_contain_text("scenario 2")
        assert await page.evaluate("document.documentElement.lang") == "en"
        await page.goto(screen.url + "/warning")
        await expect(page.locator("h1")).to_have_text("Open warning")
        await expect(page.get_by_role("button", name="Propose")).to_be_visible()
        assert await screen.fits()
        await screen.picture("warning-en-390")
        await page.get_by_role("button", name="中文").click()
        await expect(page.locator("h1")).to_have_text("未结预警")


async def test_server_gone_and_back(browser: Browser, stage: Stage) -> None:
    stage.power_cut()
    port = free_port()
    async with AsyncExitStack() as first:
        url = await first.enter_async_context(serving(stage, WebSettings(port=port)))
        async with looking(browser, url, scheme="dark") as screen:
            page = screen.page
            await screen.go("/")
            await page.wait_for_function("navigator.serviceWorker.controller !== null")
            for path in ("/", "/warning", "/"):  # through the worker, which keeps what it sees
                await screen.go(path)
            for path in ("summary", "warning"):  # it keeps behind the page's back
                await page.wait_for_function(
                    "path => caches.match(path).then(Boolean)", arg=f"/api/v1/{path}"
                )
            down = await screen.number("down")

            await first.aclose()
            lost = page.locator("#banners .lost")
            await expect(lost).to_contain_text("与汇聚端失去联系")
            await expect(lost).to_contain_text("以下是最后状态，截至")
            assert await screen.number("down") == down
            await page.reload()
            await expect(page.locator(".warning")).to_contain_text("情形2")
            await expect(lost).to_contain_text("前")
            assert await screen.number("down") == down
            await expect(page.locator("body")).to_have_class(re.compile("stale"))
            await screen.picture("gone-390")
            await page.goto(url + "/warning")
            await expect(page.locator(".draft")).to_contain_text("情形2")
            await page.goto(url + "/devices/cmcc-0000-r")
            await expect(page.locator("#main")).to_contain_text("没有保存的副本")
            await page.goto(url + "/")

            stage.device("cmcc-0000-r", State.DOWN)
            async with serving(stage, WebSettings(port=port)):
                await expect(lost).to_have_count(0, timeout=60_000)
                await expect(page.locator(".tile.s-down .number")).to_have_text(str(down + 1))
                await expect(page.locator("body")).not_to_have_class(re.compile("stale"))


@SIZES
async def test_hostile_names_are_inert(
    browser: Browser, stage: Stage, size: tuple[int, int]
) -> None:
    hostile = next(one.id for one in stage.held.static.register.devices if one.name == HOSTILE)
    async with stand(browser, stage, size) as screen:
        page = screen.page
        for path in (f"/devices/{hostile}", f"/devices?q={hostile}", f"/sites/{hostile[:-2]}"):
            await screen.go(path)
            await expect(page.locator("#main")).to_contain_text(HOSTILE)
            assert await page.locator("#main img, #main script").count() == 0
            assert await page.evaluate("window.pwned") is None
            assert await screen.fits()
        await page.goto(screen.url + "/text")
        assert await page.locator("img, script").count() == 0


async def test_a_live_update_keeps_focus_text_and_open_details(
    browser: Browser, stage: Stage
) -> None:
    stage.power_cut()
    async with stand(browser, stage) as screen:
        page = screen.page
        await screen.go("/warning")
        notice = page.locator(".notices details").first
        await notice.locator("summary").click()
        await page.get_by_role("button", name="提请").focus()
        stage.change(evidence=("第3阶段 新增 北留镇",))
        await expect(page.locator(".evidence")).to_have_text("第3阶段 新增 北留镇")
        await expect(page.get_by_role("button", name="提请")).to_be_focused()
        await expect(notice).to_have_attribute("open", "")


async def test_keyboard_alone(browser: Browser, stage: Stage) -> None:
    stage.power_cut()
    async with stand(browser, stage, DESKTOP) as screen:
        page = screen.page
        await screen.go("/")
        await page.keyboard.press("Tab")
        await expect(page.locator(".skip")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.locator("#main")).to_be_focused()
        await page.keyboard.press("Tab")
        await expect(page.locator(".warning")).to_be_focused()
        outline = "node => getComputedStyle(node).outlineStyle"
        assert await page.locator(".warning").evaluate(outline) == "solid"
        await page.keyboard.press("Enter")
        await expect(page.locator("h1")).to_have_text("未结预警")
        await expect(page.locator("#main")).to_be_focused()
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("button", name="提请")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("dialog")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_have_count(0)
        await expect(page.get_by_role("button", name="提请")).to_be_focused()


@SIZES
async def test_an_order_is_signed_by_the_key_in_the_browser(
    browser: Browser, stage: Stage, tmp_path: Path, size: tuple[int, int]
) -> None:
    stage.power_cut()
    key = tmp_path / "wang.key"
    key.write_text(stage.pem("wang"))
    async with stand(browser, stage, size) as screen:
        page = screen.page
        await screen.go("/warning")
        await screen.picture(f"warning-{size[0]}")
        await page.get_by_role("button", name="提请").click()
        await page.get_by_label("加载密钥文件").set_input_files(key)
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("王值班（办公室值班员）")
        await dialog.get_by_label("理由").fill("两镇停电，移动联通受影响")
        await screen.picture(f"sign-{size[0]}")
        await dialog.get_by_role("button", name="签名并发送").click()
        await expect(page.locator(".toast")).to_have_text("已执行并记录")
        await expect(page.get_by_role("button", name="发布")).to_be_visible()
        await expect(page.locator(".log li").last).to_contain_text("王值班")
        (command, key_id) = stage.commands[0]
        assert (command.verb, command.target, key_id) == (Verb.PROPOSE, "w-1", "wang")
        assert command.reason == "两镇停电，移动联通受影响"
        assert abs(command.at_ms - stage.now_ms()) < 60_000
        extractable = """() => new Promise((done) => {
            const opening = indexedDB.open("wanglou", 1);
            opening.onsuccess = () => {
                const asked = opening.result.transaction("keys").objectStore("keys").getAll();
                asked.onsuccess = () => done(asked.result.map((one) => one.key.extractable));
            };
        })"""
        assert await page.evaluate(extractable) == [False]
        # The next one needs no file: the key is kept, and the notice is acknowledged with it.
        await page.locator(".notices li").get_by_role("button", name="确认").first.click()
        await page.get_by_role("dialog").get_by_role("button", name="签名并发送").click()
        await expect(page.locator(".notices > li").first).to_contain_text("已确认 王值班")
        assert stage.commands[1][0].verb is Verb.ACK


@SIZES
async def test_what_was_told_by_telephone_is_entered_and_taken_back(
    browser: Browser, stage: Stage, size: tuple[int, int]
) -> None:
    stage.power_cut()
    async with stand(browser, stage, size) as screen:
        page = screen.page
        await screen.go("/keys")
        await page.get_by_role("button", name=re.compile("王值班")).click()
        await expect(page.locator("#main")).to_contain_text("当前签名人: 王值班")
        await screen.go("/warning")
        await page.get_by_text("电话核实与研判事项").click()
        row = page.locator("[data-key='attest-ctcc']")
        await expect(row).to_contain_text("未知")
        await expect(page.locator("[data-key='attest-cmcc']")).to_have_count(0)  # measured
        await row.get_by_role("button", name="登记核实").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("状态").select_option("partial")
        await dialog.get_by_role("button", name="签名并发送").click()
        assert not stage.commands  # a source is required
        await dialog.get_by_label("由谁告知").fill("电信公司值班室李工")
        await dialog.get_by_label("有效分钟数").fill("30")
        await dialog.get_by_role("button", name="签名并发送").click()
        await expect(row).to_contain_text("据 电信公司值班室李工 · 登记人 王值班")
        await expect(row.locator(".attested")).to_contain_text("部分业务")
        (command, _) = stage.commands[0]
        assert (command.verb, command.target, command.state) == (Verb.ATTEST, "ctcc", "partial")
        assert (command.source, command.valid_s) == ("电信公司值班室李工", 1800)
        fact = page.locator("[data-key='fact-spread']")
        await fact.get_by_role("button", name="登记").click()
        await dialog.get_by_label("状态").select_option("yes")
        await dialog.get_by_label("由谁告知").fill("县应急管理局")
        await dialog.get_by_role("button", name="签名并发送").click()
        await expect(fact).to_contain_text("县应急管理局")
        await fact.scroll_into_view_if_needed()
        assert await screen.fits()
        await screen.picture(f"stated-{size[0]}")
        await row.get_by_role("button", name="撤回登记").click()
        await dialog.get_by_role("button", name="签名并发送").click()
        await expect(row.locator(".attested")).to_have_count(0)
        assert stage.commands[2][0].state == "withdrawn"


async def test_the_closing_report_is_read(browser: Browser, stage: Stage) -> None:
    stage.change(reports=("w-1",))
    async with stand(browser, stage) as screen:
        await screen.go("/warning")
        link = screen.page.get_by_role("link", name="阅读")
        address = screen.url + (await link.get_attribute("href") or "")
        answer = await screen.page.request.get(address)
        assert "结案报告" in await answer.text()
        gone = await screen.page.request.get(screen.url + "/api/v1/reports/w-9")
        assert gone.status == 404


async def test_keys_that_are_none(browser: Browser, stage: Stage, tmp_path: Path) -> None:
    fence = "-----{} PRIVATE KEY-----"
    bad = (
        ("wang.key", f"{fence.format('BEGIN')}\nAAAA\n{fence.format('END')}", "不是 Ed25519 私钥"),
        ("li.key", "hello", "不是 Ed25519 私钥"),
        ("stranger.key", stage.pem("wang"), "登记册中没有使用此密钥的人"),
    )
    async with stand(browser, stage) as screen:
        page = screen.page
        await screen.go("/keys")
        for name, text, said in bad:
            (tmp_path / name).write_text(text)
            await page.get_by_label("加载密钥文件").set_input_files(tmp_path / name)
            await expect(page.locator(".toast.bad").last).to_contain_text(said)
        await expect(page.locator("#main")).to_contain_text("未加载密钥")


async def test_a_newcomer_clicks_through_as_an_invented_person(
    browser: Browser, stage: Stage
) -> None:
    stage.power_cut()
    async with stand(browser, stage) as screen:
        page = screen.page
        await screen.go("/keys")
        await page.get_by_role("button", name=re.compile("赵工")).click()
        await expect(page.locator("#main")).to_contain_text("当前签名人: 赵工")
        await page.goto(screen.url + "/alarms")
        await page.get_by_label("选择本页全部").check()
        await page.locator(".bulk").get_by_role("button", name="确认").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("内容").fill("已派发电车")
        await dialog.get_by_role("button", name="签名并发送").click()
        await expect(page.locator(".alarm").first).to_contain_text("已确认 赵工")
        assert len(stage.actions[0][0].alarms) == 36
        await page.locator(".alarm").first.get_by_role("button", name="指派").click()
        await dialog.get_by_label("处理人").select_option("zhao")
        await dialog.get_by_role("button", name="签名并发送").click()
        await expect(page.locator(".alarm").first).to_contain_text("处理人 赵工")
        assert [one[0].verb for one in stage.actions] == [AlarmVerb.ACK, AlarmVerb.ASSIGN]
        await page.get_by_role("button", name="未确认").click()
        await expect(page.locator("#main")).to_contain_text("没有告警")
        assert await screen.fits()


PAGES = (
    "/", "/warning", "/alarms", "/devices", "/sites", "/devices/cmcc-0020-r", "/sites/cmcc-0020",
    "/keys", "/analysis",
)  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
@SIZES
async def test_everybody_can_read_and_use_it(
    browser: Browser, stage: Stage, size: tuple[int, int], scheme: Literal["light", "dark"]
) -> None:
    """WCAG AA: contrast 1.4.3, names and labels 4.1.2, headings 1.3.1, target size 2.5.8."""
    stage.power_cut()
    async with stand(browser, stage, size, scheme=scheme) as screen:
        for path in PAGES:
            await screen.go(path)
            assert await screen.page.evaluate(AUDIT) == [], path
            assert await screen.fits(), path
            if scheme == "dark" and path in {"/", "/warning", "/alarms"}:
                name = path.strip("/").split("/")[0] or "home"
                await screen.picture(f"{name}-dark-{size[0]}")


async def test_home_is_light(browser: Browser, stage: Stage) -> None:
    stage.power_cut()
    async with stand(browser, stage) as screen:
        wire = await screen.context.new_cdp_session(screen.page)
        sizes: list[float] = []
        await wire.send("Network.enable")
        wire.on("Network.loadingFinished", lambda done: sizes.append(done["encodedDataLength"]))
        await screen.go("/")
        await expect(screen.page.locator(".map .dots")).to_have_count(4)
        assert 10_000 < sum(sizes) <= HOME_LIMIT
