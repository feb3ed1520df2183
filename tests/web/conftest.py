"""A stage and a real web application over it, on a free port."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

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
