"""A person at a browser window with the page in it."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from shutil import which
from typing import Final, Literal

from playwright.async_api import Browser, ConsoleMessage, Error, Locator, Page, async_playwright, expect

from stonechat import demo
from tests.support.school import School

WITHOUT: Final = (
    # The address bar's list, which is two pages more in each window.
    *("WebUIOmniboxPopup", "WebUIOmniboxAimPopup"),
    # A process for a page that does not come.
    "SpareRendererForSitePerProcess",
    # Of Playwright's own, whose flag this one replaces.
    *("AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades"),
    *("HttpsFirstBalancedModeAutoEnable", "LensOverlay", "MediaRouter", "PaintHolding"),
    *("ThirdPartyStoragePartitioning", "AvoidCorsURLLoaderRestartOnRedirect", "OptimizationHints"),
    *("NetworkTimeServiceQuerying", "AimEnabled", "PreconnectToSearch", "Translate"),
)
FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={','.join(WITHOUT)}",
)
PATIENCE: Final = 15_000
"""Milliseconds until something that should be seen is missed."""

Size = tuple[int, int]
DESKTOP: Final[Size] = (1280, 800)
PHONE: Final[Size] = (390, 844)

NAMELESS: Final = re.compile(
    r"\s*- '?(button|checkbox|combobox|dialog|img|link|searchbox|textbox)\b(?! [\"/])"
)

REPORT_VIOLATIONS: Final = """
document.addEventListener('securitypolicyviolation', (event) =>
  console.error(`policy violation: ${event.effectiveDirective} ${event.blockedURI}`));
"""


class ChromiumMissingError(RuntimeError):
    def __init__(self) -> None:
        super().__init__("chromium is not on the PATH: the browser tests need Debian's package chromium")


def chromium() -> str:
    """The system's browser. Raises ChromiumMissingError, so that without one the tests fail."""
    found = which("chromium")
    if found is None:
        raise ChromiumMissingError
    return found


@asynccontextmanager
async def launched() -> AsyncGenerator[Browser]:
    """Raises ChromiumMissingError."""
    expect.set_options(timeout=PATIENCE)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        yield browser
        await browser.close()


class Window:
    """One window with storage of its own; ``complaints`` is what the browser and the page found wrong."""

    def __init__(self, page: Page, url: str, screenshots: Path) -> None:
        self.page = page
        self.url = url
        self.screenshots = screenshots
        self.complaints: list[str] = []
        page.on("console", self._note)
        page.on("pageerror", self._note_error)

    async def open(self) -> None:
        await self.page.goto(self.url)
        await expect(self.page.get_by_role("heading", name="Sign in")).to_be_visible()

    async def sign_in(self, email: str, password: str = demo.PASSWORD) -> None:
        await self.page.get_by_label("Email or college ID").fill(email)
        await self.page.get_by_label("Password").fill(password)
        await self.page.get_by_role("button", name="Sign in").click()

    @property
    def items(self) -> Locator:
        return self.page.get_by_test_id("conversation-item")

    def item(self, conversation: str) -> Locator:
        """The conversation in the list."""
        return self.page.locator(f'[data-testid="conversation-item"][data-id="{conversation}"]')

    async def enter(self, conversation: str) -> None:
        """Open the conversation and wait until its messages are there."""
        await self.item(conversation).get_by_role("link").click()
        await expect(self.composer).to_be_visible()
        await expect(self.page.locator(".thread-start")).not_to_have_text("Loading messages…")

    @property
    def composer(self) -> Locator:
        return self.page.get_by_role("textbox", name="Message", exact=True)

    @property
    def messages(self) -> Locator:
        return self.page.get_by_test_id("message")

    @property
    def contents(self) -> Locator:
        """The texts of the messages that the server has."""
        return self.messages.locator(".content")

    @property
    def queued(self) -> Locator:
        return self.page.get_by_test_id("queued-message")

    async def say(self, text: str) -> None:
        await self.composer.fill(text)
        await self.composer.press("Enter")

    async def shoot(self, name: str) -> Path:
        """A screenshot of what is in view."""
        path = self.screenshots / f"{name}.png"
        await self.page.screenshot(path=path, animations="disabled")
        return path

    async def is_wider_than_itself(self) -> bool:
        """Whether anything sticks out sideways."""
        root = "document.documentElement"
        return bool(await self.page.evaluate(f"{root}.scrollWidth > {root}.clientWidth"))

    async def nameless_controls(self) -> list[str]:
        """The controls for which a screen reader would have no name, as lines of an aria snapshot."""
        snapshot = await self.page.locator("body").aria_snapshot()
        return [line.strip() for line in snapshot.splitlines() if NAMELESS.match(line)]

    def forgive(self, pattern: str) -> int:
        """Take out the complaints that a test brings about on purpose; how many there were."""
        kept = [complaint for complaint in self.complaints if not re.search(pattern, complaint)]
        forgiven = len(self.complaints) - len(kept)
        self.complaints[:] = kept
        return forgiven

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def _note_error(self, error: Error) -> None:
        self.complaints.append(str(error))


class Windows:
    """Opens windows and closes them all."""

    def __init__(self, browser: Browser, school: School, screenshots: Path) -> None:
        self.browser = browser
        self.school = school
        self.screenshots = screenshots
        self.opened: list[Window] = []

    async def open(
        self,
        name: str | None = None,
        *,
        size: Size = DESKTOP,
        scheme: Literal["light", "dark"] = "light",
    ) -> Window:
        """Of this person, with the conversations loaded; without a name, at the sign-in."""
        width, height = size
        context = await self.browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            is_mobile=size == PHONE,
            has_touch=size == PHONE,
            locale="en-GB",
        )
        context.set_default_timeout(PATIENCE)
        await context.add_init_script(REPORT_VIOLATIONS)
        window = Window(await context.new_page(), self.school.url, self.screenshots)
        self.opened.append(window)
        await window.open()
        if name is not None:
            person = await self.school.person(name)
            await window.sign_in(person.user["email"])
            await window.items.first.wait_for()
        return window

    async def close(self) -> None:
        for window in self.opened:
            await window.page.context.close()
