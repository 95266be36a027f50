from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.support.browser import Windows, launched
from tests.support.school import School, serve_school, test_settings


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
async def school(mongodb_url: str) -> AsyncIterator[School]:
    """A school for the browser alone, in which who leaves is soon offline."""
    settings = test_settings(mongodb_url, "test_e2e", presence={"grace_seconds": 0.2})
    async with serve_school(settings) as served:
        yield served


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots go: the folder named by STONECHAT_SCREENSHOTS, for somebody to look at them."""
    kept = os.environ.get("STONECHAT_SCREENSHOTS")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
async def windows(browser: Browser, school: School, screenshots: Path) -> AsyncIterator[Windows]:
    """What the browser complains about in any of them, and the test did not forgive, fails the test."""
    windows = Windows(browser, school, screenshots)
    yield windows
    await windows.close()
    assert [complaint for window in windows.opened for complaint in window.complaints] == []
