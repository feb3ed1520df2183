"""A stage and a real web application over it, on a free port."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from collector.web.server import serving
from config.settings import WebSettings
from tests.web.county import Stage


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
async def client(stage: Stage) -> AsyncIterator[aiohttp.ClientSession]:
    """A session whose paths begin at the application over ``stage``."""
    async with (
        serving(stage, WebSettings(port=0)) as url,
        aiohttp.ClientSession(base_url=url) as session,
    ):
        yield session


CHROMIUM = "/usr/bin/chromium"
ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Debian's chromium, one for all tests of a module; each test has a context of its own."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield chromium
        await chromium.close()
