"""The page on a phone, by the keyboard alone, in the dark, and read aloud."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from playwright.async_api import Locator, expect

from tests.support.browser import DESKTOP, PHONE, Size, Window, Windows
from tests.support.school import School

pytestmark = pytest.mark.long


async def test_a_phone_shows_the_list_or_a_conversation_and_the_way_back(
    windows: Windows, school: School
) -> None:
    conversation = await school.conversation("ada", "ben")
    await school.say("ada", conversation, "Hello from the phone")
    ben = await windows.open("ben", size=PHONE)
    await expect(ben.page.get_by_role("main")).to_be_hidden()
    assert not await ben.is_wider_than_itself()

    await ben.item(conversation).tap()
    await expect(ben.contents).to_have_text(["Hello from the phone"])
    await expect(ben.item(conversation)).to_be_hidden()
    assert not await ben.is_wider_than_itself()
    await ben.composer.fill("Hello back")
    await ben.page.get_by_role("button", name="Send").tap()
    await expect(ben.contents).to_have_text(["Hello from the phone", "Hello back"])
    await ben.page.get_by_role("button", name="Back to conversations").tap()

    await expect(ben.item(conversation)).to_be_visible()
    await expect(ben.composer).to_be_hidden()
    await ben.page.go_back()
    await expect(ben.composer).to_be_visible()


async def test_the_keyboard_alone_is_enough(windows: Windows, school: School) -> None:
    conversation = await school.conversation("ada", "ben")
    await school.say("ben", conversation, "Answer me")
    ada = await windows.open()
    keyboard = ada.page.keyboard

    await keyboard.type("ada@demo.school")
    await keyboard.press("Tab")
    await keyboard.type("stonechat-demo")
    await keyboard.press("Enter")
    await expect(ada.item(conversation)).to_be_visible()
    await tab_to(ada, ada.page.get_by_role("searchbox", name="Search conversations and messages"))
    await keyboard.press("ArrowDown")
    await expect(ada.item(conversation).get_by_role("link")).to_be_focused()
    await keyboard.press("Enter")
    await expect(ada.composer).to_be_focused()
    await keyboard.type("Two")
    await keyboard.press("Shift+Enter")
    await keyboard.type("lines")
    await keyboard.press("Enter")
    await expect(ada.contents).to_have_text(["Answer me", re.compile(r"^Two\nlines$")], use_inner_text=True)
    await expect(ada.composer).to_be_focused()
    await keyboard.press("Escape")

    await expect(ada.item(conversation).get_by_role("link")).to_be_focused()
    await keyboard.press("Control+k")
    await expect(ada.page.get_by_role("searchbox", name="Search conversations and messages")).to_be_focused()


async def test_a_conversation_with_somebody_new_begins_by_the_keyboard(
    windows: Windows, school: School
) -> None:
    cleo = await windows.open("cleo")
    await tab_to(cleo, cleo.page.get_by_role("button", name="New conversation"))

    await cleo.page.keyboard.press("Enter")
    await cleo.page.keyboard.type("finn")
    await expect(cleo.page.get_by_role("dialog").get_by_role("listitem")).to_have_count(1)
    await cleo.page.keyboard.press("ArrowDown")
    await cleo.page.keyboard.press("Enter")

    await expect(cleo.page.get_by_role("heading", name="Finn")).to_be_visible()
    await expect(cleo.composer).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_every_view_fits_and_every_control_has_a_name(
    windows: Windows, school: School, size: Size, scheme: Literal["light", "dark"]
) -> None:
    rivera = await school.person("rivera")
    members = [(await school.person(name)).id for name in ("ada", "ben")]
    data = {"kind": "group", "name": "Science fair", "memberIds": members}
    conversation = (await rivera.rest("create", "conversations", data=data)).body["_id"]
    await school.say("rivera", conversation, "Who brings the projector tomorrow?")
    await school.say(
        "ben", conversation, "I can. It is in room 12, next to the window, under a pile of old maps."
    )
    look = f"{'phone' if size == PHONE else 'desktop'}-{scheme}"
    ada = await windows.open(size=size, scheme=scheme)

    async def check(view: str) -> None:
        await ada.shoot(f"{view}-{look}")
        assert await ada.nameless_controls() == []
        assert not await ada.is_wider_than_itself()

    await check("sign-in")
    await ada.sign_in("ada@demo.school")
    await expect(ada.item(conversation)).to_be_visible()
    await check("list")
    await ada.enter(conversation)
    await ada.say("Thank you, Ben!")
    await expect(ada.messages).to_have_count(3)
    await check("thread")
    await ada.page.keyboard.press("Escape")
    await ada.page.get_by_role("button", name="New conversation").click()
    await expect(ada.page.get_by_role("dialog").get_by_role("listitem")).not_to_have_count(0)
    await check("people")

    assert (await lightness(ada) > 0.5) == (scheme == "light")


async def tab_to(window: Window, target: Locator) -> None:
    """Press Tab until the target has the focus, at most once for each control on the page."""
    for _ in range(await window.page.locator("a, button, input, textarea, [tabindex]").count()):
        if await target.evaluate("(element) => element === document.activeElement"):
            break
        await window.page.keyboard.press("Tab")
    await expect(target).to_be_focused()


async def lightness(window: Window) -> float:
    """Of the page's background, from 0 to 1."""
    colour = await window.page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(int(part) for part in re.findall(r"\d+", colour)[:3]) / (3 * 255)
