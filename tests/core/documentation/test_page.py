"""The page, as it is served and as a browser shows it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal

import aiohttp
import pytest
from playwright.async_api import Browser, Page, expect

from stonechat.core.adapters.memory import MemoryService
from stonechat.core.application import Application
from stonechat.core.documentation import documentation
from stonechat.core.testing import serving
from stonechat.core.transports.rest import rest
from tests.support.browser import DESKTOP, PHONE, REPORT_VIOLATIONS, Size, launched
from tests.support.school import School


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with launched() as browser:
        yield browser


async def opened(
    browser: Browser, url: str, size: Size, scheme: Literal["light", "dark"]
) -> tuple[Page, list[str], list[str]]:
    """The page with what the browser complains about and every address it asks."""
    width, height = size
    viewport = {"width": width, "height": height}
    context = await browser.new_context(viewport=viewport, color_scheme=scheme, is_mobile=size == PHONE)  # type: ignore[arg-type]
    await context.add_init_script(REPORT_VIOLATIONS)
    page = await context.new_page()
    complaints: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(f"{url}/docs#create-members")
    return page, complaints, asked


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
async def test_the_page_shows_services_methods_events_and_schemas(
    school: School, browser: Browser, size: Size, scheme: Literal["light", "dark"]
) -> None:
    page, complaints, asked = await opened(browser, school.url, size, scheme)
    operation = page.locator("#create-members")
    await expect(operation.get_by_text("X-Service-Method")).to_be_visible()
    await expect(operation.get_by_text("Acknowledgement").first).to_be_visible()
    await expect(page.get_by_text("messages created", exact=True)).to_be_attached()
    await expect(page.get_by_text("typing:start", exact=True).first).to_be_attached()
    await expect(page.locator("#schema-MessageResult").get_by_text("content")).to_be_attached()
    wider = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not await page.evaluate(wider)
    assert complaints == []
    assert {address.startswith(school.url) for address in asked} == {True}
    await page.context.close()


async def test_what_is_looked_for_is_left(school: School, browser: Browser) -> None:
    page, complaints, _ = await opened(browser, school.url, DESKTOP, "light")
    await page.get_by_label("Find").fill("user:online")
    await expect(page.locator("#service-users")).to_be_hidden()
    await expect(page.get_by_text("user:online", exact=True)).to_be_visible()
    await page.get_by_label("Find").fill("")
    await expect(page.locator("#service-users")).to_be_visible()
    assert complaints == []
    await page.context.close()


@pytest.mark.parametrize("path", ["/docs", "/docs/", "/docs/page.js", "/openapi.json", "/asyncapi.json"])
async def test_everybody_may_read_it_and_nothing_else_may_run_in_it(school: School, path: str) -> None:
    async with school.http.get(school.url + path) as answer:
        assert answer.status == 200
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_only_reading_is_answered_and_only_the_pages_own_files(school: School) -> None:
    async with school.http.head(f"{school.url}/openapi.json") as answer:
        assert answer.status == 200
    async with school.http.post(f"{school.url}/openapi.json") as answer:
        assert answer.status in {404, 405}
    for path in ("/docs/../pages.py", "/docs/%2e%2e/pages.py", "/docs/missing.js"):
        async with school.http.get(school.url + path) as answer:
            assert answer.status == 404


async def test_a_service_that_comes_later_is_in_the_next_document() -> None:
    app = Application().configure(rest()).configure(documentation("Notes", "1.0"))
    app.use("notes", MemoryService())
    async with serving(app) as url, aiohttp.ClientSession(url) as http:
        for expected in ({"/notes", "/notes/{id}"}, {"/notes", "/notes/{id}", "/tasks", "/tasks/{id}"}):
            async with http.get("/openapi.json") as answer:
                assert (await answer.json())["paths"].keys() == expected
            if "tasks" not in app.services:
                app.use("tasks", MemoryService())
