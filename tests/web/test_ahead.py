"""What is likely to come, on a phone and on a desk: shown as expected, proposed, entered."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, expect

from tests.web.county import Stage
from tests.web.screen import stand
from tests.web.test_browser import AUDIT, SIZES
from wire.notice import Verb

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.peers]


def about(minutes: int) -> str:
    """So many, or fewer by as long as the test may take: time goes on while one looks."""
    return f"({'|'.join(str(minutes - gone) for gone in range(6))})"


@SIZES
async def test_what_is_expected_is_shown_apart_from_what_is(
    browser: Browser, stage: Stage, size: tuple[int, int]
) -> None:
    stage.ahead()
    async with stand(browser, stage, size) as screen:
        page = screen.page
        await screen.go("/")
        card = page.locator(".card", has=page.get_by_role("heading", name="预计", exact=True))
        when = re.compile(f"约{about(40)}分钟后（{about(35)}–{about(48)}分钟）")
        await expect(card).to_contain_text(when)
        await expect(card).to_contain_text("预计，非实测")
        await expect(card).to_contain_text("部分业务: 移动、联通")
        dark = re.compile(f"约{about(40)}分钟后断电（{about(35)}–{about(48)}分钟，UPS报告）")
        await expect(card).to_contain_text(dark)
        await expect(card).to_contain_text("余时不明")
        assert await screen.fits()
        assert await page.evaluate(AUDIT) == []
        await screen.picture(f"ahead-{size[0]}")
        await card.get_by_role("link", name="查看全部").click()
        await expect(page.locator(".rows .row").first).to_contain_text(
            re.compile(f"余 {about(40)}分钟")
        )
        await expect(page).to_have_url(re.compile("at_risk=true&sort=dark"))
        assert await screen.fits()


@SIZES
async def test_the_projected_level_is_one_click_away_and_threats_are_entered(
    browser: Browser, stage: Stage, size: tuple[int, int]
) -> None:
    stage.ahead()
    async with stand(browser, stage, size) as screen:
        page, dialog = screen.page, screen.page.get_by_role("dialog")
        await screen.go("/keys")
        await page.get_by_role("button", name=re.compile("王值班")).click()
        await expect(page.locator("#main")).to_contain_text("当前签名人: 王值班")
        await screen.go("/warning")
        await expect(page.locator(".draft")).to_contain_text("情形2")
        proposed = page.locator("[data-key='cap-1']")
        await expect(proposed).to_contain_text("预警源提出，待人研判")
        await expect(page.locator("[data-key='storm']")).to_contain_text("据 县气象局")
        assert await screen.fits()
        assert await page.evaluate(AUDIT) == []
        await screen.picture(f"threats-{size[0]}")
        await proposed.get_by_role("button", name="登记").click()
        await dialog.get_by_label("由谁告知").fill("县气象局值班室")
        await dialog.get_by_label("乡镇").select_option(["140522105", "140522107"])
        await expect(dialog.get_by_label("什么威胁")).to_have_value("大风橙色预警")
        await dialog.get_by_role("button", name="签名并发送").click()
        await expect(proposed).to_contain_text("县气象局值班室")
        (command, _) = stage.commands[0]
        assert (command.verb, command.target, command.state) == (Verb.THREAT, "cap-1", "partial")
        assert command.threat is not None
        assert command.threat.towns == ("140522105", "140522107")
        await page.locator("[data-key='storm']").get_by_role("button", name="撤回登记").click()
        await dialog.get_by_role("button", name="签名并发送").click()
        await expect(page.locator("[data-key='storm']")).to_have_count(0)
        await page.get_by_role("button", name="按预计级别提请").click()
        await dialog.get_by_role("button", name="签名并发送").click()
        await expect(page.locator(".draft")).to_contain_text("已提请")
        assert stage.commands[-1][0].projected
