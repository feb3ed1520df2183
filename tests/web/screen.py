"""A page in the browser over a stage: opened, watched for faults, pictured when asked to."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from playwright.async_api import Browser, BrowserContext, Page, expect

from collector.web.server import serving
from config.settings import WebSettings
from tests.web.county import Stage

PHONE = (390, 844)
DESKTOP = (1440, 900)
PATIENCE_MS = 60_000
"""How long anything may take to appear on a busy machine."""
expect.set_options(timeout=PATIENCE_MS)
PICTURES = os.environ.get("WANGLOU_SCREENSHOTS")
"""A folder for screenshots; unset: none are kept."""

KEPT = {
    "home-390", "home-dark-390", "home-1440", "warning-dark-390", "warning-en-390",
    "warning-1440", "sign-390", "stated-390", "stated-1440",
    "analysis-390", "why-390", "why-1440", "alarms-dark-390", "devices-390", "device-1440",
    "gone-390", "ahead-390", "threats-1440",
    "shelved-390", "maintenance-390", "maintenance-1440",
}  # fmt: skip

EXPECTED = ("net::ERR_", "status of 504", "status of 503")
"""What the browser's console says when a test takes the server away."""


@dataclass
class Screen:
    """One page; ``faults`` are script errors, refused resources, anything on the console."""

    url: str
    page: Page
    context: BrowserContext
    faults: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def watch(self) -> None:
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda said: self._said(said.type, said.text))
        self.page.on("request", lambda asked: self.hosts.add(asked.url.split("/")[2]))

    def _said(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"} and not any(one in text for one in EXPECTED):
            self.faults.append(text)

    async def go(self, path: str) -> None:
        """Open ``path`` and wait until its data are shown."""
        await self.page.goto(self.url + path)
        await expect(self.page.locator("#main")).to_have_attribute("aria-busy", "false")
        await expect(self.page.locator("#fresh .s-ok")).to_be_visible()

    async def number(self, state: str) -> int:
        return int(await self.page.locator(f".tile.s-{state} .number").inner_text())

    async def fits(self) -> bool:
        """Whether nothing sticks out to the side."""
        wide = await self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return bool(wide <= 0)

    async def picture(self, name: str) -> None:
        if PICTURES and name in KEPT:
            await self.page.wait_for_timeout(300)  # a chart draws in the next frame
            await self.page.screenshot(path=Path(PICTURES) / f"{name}.png")


@asynccontextmanager
async def looking(
    browser: Browser,
    url: str,
    size: tuple[int, int] = PHONE,
    scheme: Literal["light", "dark"] = "light",
    **options: Any,
) -> AsyncIterator[Screen]:
    """A fresh context with one page; no fault may have been seen at the end."""
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, **options
    )
    try:
        screen = Screen(url, await context.new_page(), context)
        screen.page.set_default_timeout(PATIENCE_MS)
        screen.watch()
        yield screen
        assert not screen.faults, screen.faults
        assert screen.hosts <= {url.split("/")[2]}
    finally:
        await context.close()


@asynccontextmanager
async def stand(
    browser: Browser, stage: Stage, size: tuple[int, int] = PHONE, **options: Any
) -> AsyncIterator[Screen]:
    """An application over ``stage`` and a page that looks at it."""
    async with (
        serving(stage, WebSettings(port=0)) as url,
        looking(browser, url, size, **options) as screen,
    ):
        yield screen
