"""Two users in two windows."""

from __future__ import annotations

import re

from playwright.async_api import expect

from stonechat.core.context import Params
from tests.support.browser import Window, Windows
from tests.support.school import School


async def direct_conversation(school: School, *names: str) -> str:
    """The demo data's conversation of these two."""
    first, second = sorted([(await school.person(name)).id for name in names])
    found = await school.one("conversations", directKey=f"{first}:{second}")
    return str(found["_id"])


async def both(windows: Windows, school: School) -> tuple[Window, Window, str]:
    """Ada and Ben in a new conversation that both have open."""
    conversation = await school.conversation("ada", "ben")
    ada, ben = await windows.open("ada"), await windows.open("ben")
    await ada.enter(conversation)
    await ben.enter(conversation)
    return ada, ben, conversation


async def test_what_one_writes_the_other_sees_at_once(windows: Windows, school: School) -> None:
    ada, ben, _ = await both(windows, school)

    await ada.say("Are you there?")
    await expect(ben.contents).to_have_text(["Are you there?"])
    await ben.say("Yes!")
    await expect(ada.contents).to_have_text(["Are you there?", "Yes!"])

    await expect(ben.contents).to_have_text(["Are you there?", "Yes!"])
    await expect(ada.queued).to_have_count(0)
    await ada.shoot("talk-desktop")


async def test_unread_messages_are_counted_until_they_are_read(windows: Windows, school: School) -> None:
    conversation = await school.conversation("ada", "ben")
    ben = await windows.open("ben")
    count = ben.item(conversation).get_by_test_id("unread")
    await expect(ben.item(conversation)).to_be_visible()
    await expect(count).to_have_count(0)

    for text in ("one", "two", "three"):
        await school.say("ada", conversation, text)
    await expect(count).to_contain_text("3")
    await expect(ben.item(conversation)).to_contain_text("Ada: three")
    await expect(ben.items.first).to_have_attribute("data-id", conversation)
    await ben.page.reload()
    await expect(count).to_contain_text("3")
    await ben.enter(conversation)

    await expect(ben.page.get_by_test_id("unread-divider")).to_be_visible()
    await expect(count).to_have_count(0)


async def test_ones_own_messages_are_never_marked_as_new(windows: Windows, school: School) -> None:
    conversation = await school.conversation("ada", "ben")
    await school.say("ben", conversation, "from another device")
    await school.say("ada", conversation, "an answer")
    ben = await windows.open("ben")

    await ben.enter(conversation)

    rows = ben.page.locator('[data-testid="message"], [data-testid="unread-divider"]')
    await expect(rows).to_contain_text(["from another device", "New messages", "an answer"])


async def test_ticks_and_read_markers_follow_the_reader(windows: Windows, school: School) -> None:
    conversation = await school.conversation("ada", "ben")
    ada = await windows.open("ada")
    await ada.enter(conversation)

    await ada.say("Read this")
    await expect(ada.messages).to_have_attribute("data-status", "sent")
    ben = await windows.open("ben")
    await expect(ada.messages).to_have_attribute("data-status", "delivered")
    await expect(ada.page.get_by_test_id("read-marker")).to_have_count(0)
    await ben.enter(conversation)

    await expect(ada.messages).to_have_attribute("data-status", "read")
    await expect(ada.page.get_by_role("button", name="Read up to here by Ben")).to_be_visible()
    await ada.messages.hover()
    await ada.page.get_by_role("button", name="Who has read this").click()
    await expect(ada.page.get_by_role("dialog").get_by_role("heading", name="Read by 1")).to_be_visible()
    await expect(ada.page.get_by_role("dialog").get_by_role("listitem")).to_contain_text(["Ben"])


async def test_typing_is_shown_until_it_stops_or_the_message_comes(windows: Windows, school: School) -> None:
    ada, ben, conversation = await both(windows, school)
    line = ben.page.get_by_test_id("typing")

    await ada.composer.press_sequentially("Wait")
    await expect(line).to_have_text("Ada is typing…")
    await expect(ben.item(conversation)).to_contain_text("Ada is typing…")
    await ada.composer.fill("")
    await expect(line).to_be_empty()
    await ada.composer.press_sequentially("Here it is")
    await expect(line).to_have_text("Ada is typing…")
    await ben.shoot("typing-desktop")
    await ada.composer.press("Enter")

    await expect(ben.contents).to_have_text(["Here it is"])
    await expect(line).to_be_empty()


async def test_the_dot_of_presence_comes_and_goes_with_the_other_window(
    windows: Windows, school: School
) -> None:
    conversation = await direct_conversation(school, "ada", "ben")
    ben = await windows.open("ben")
    dot = ben.item(conversation).get_by_test_id("presence-online")
    await ben.enter(conversation)
    await expect(dot).to_have_count(0)

    ada = await windows.open("ada")
    await expect(dot).to_be_visible()
    await expect(ben.page.get_by_test_id("conversation-status")).to_have_text("Online")
    await ada.page.close()

    await expect(dot).to_have_count(0)
    await expect(ben.page.get_by_test_id("conversation-status")).to_contain_text("Last seen")


async def test_edits_and_deletions_reach_the_other_window(windows: Windows, school: School) -> None:
    ada, ben, _ = await both(windows, school)
    await ada.say("A tpyo")
    await expect(ben.contents).to_have_text(["A tpyo"])

    await ada.composer.press("ArrowUp")
    await ada.say("A typo")
    await expect(ben.contents).to_have_text(["A typo"])
    await expect(ben.messages).to_contain_text("edited")
    await ada.messages.hover()
    await ada.page.get_by_role("button", name="Delete").click()
    await ada.page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    await expect(ben.contents).to_have_text(["This message was deleted."])
    await expect(ada.contents).to_have_text(["This message was deleted."])


async def test_a_reaction_and_an_answer_show_at_once_in_the_other_window(
    windows: Windows, school: School
) -> None:
    ada, ben, _ = await both(windows, school)
    await ada.say("Who comes?")
    reactions = ada.page.get_by_test_id("reaction")

    await ben.messages.hover()
    await ben.page.get_by_role("button", name="React", exact=True).click()
    await ben.page.get_by_role("button", name="React with 👍").click()
    await expect(reactions).to_have_text(["👍1 reaction"])
    await expect(reactions).to_have_attribute("aria-pressed", "false")
    await reactions.click()
    await expect(ben.page.get_by_test_id("reaction")).to_have_text(["👍2 reactions"])
    await ben.page.get_by_test_id("reaction").click()
    await expect(reactions).to_have_text(["👍1 reaction"])

    await ben.messages.hover()
    await ben.page.get_by_role("button", name="Reply").click()
    await ben.say("I do, @Ada")
    await expect(ada.page.get_by_test_id("quote")).to_contain_text("Who comes?")
    await expect(ada.messages.first.get_by_test_id("replies")).to_have_text("1 reply")
    await expect(ada.messages.last.locator(".is-mentioning")).to_be_visible()


async def test_a_message_found_is_shown_in_its_place(windows: Windows, school: School) -> None:
    conversation = await school.conversation("ada", "ben")
    await school.say("ben", conversation, "The heron stands by the pond")
    ada = await windows.open("ada")

    await ada.page.get_by_role("searchbox").fill("heron")
    result = ada.page.get_by_test_id("search-result")
    await expect(result.locator("mark")).to_have_text("heron")
    await ada.page.keyboard.press("ArrowDown")
    await ada.page.keyboard.press("Enter")

    await expect(ada.contents).to_have_text(["The heron stands by the pond"])
    await expect(ada.messages).to_be_focused()


async def test_markup_in_a_message_stays_text(windows: Windows, school: School) -> None:
    ada, ben, conversation = await both(windows, school)
    markup = "<img src=x onerror=\"document.title='broken in'\"><b>bold</b> &amp; <script>1</script>"

    await ada.say(markup)

    await expect(ben.contents).to_have_text([markup])
    await expect(ben.item(conversation)).to_contain_text(markup)
    await expect(ben.messages.locator("img, b, script")).to_have_count(0)
    await expect(ben.page).to_have_title(re.compile("Stonechat$"))


async def test_older_messages_load_on_scrolling_up(windows: Windows, school: School) -> None:
    conversation = await school.conversation("ada", "ben")
    sender = await school.one("users", email="ada@demo.school")
    own_code = Params(user=sender, tenant=sender["schoolId"])
    texts = [f"Message {number}" for number in range(1, 121)]
    for text in texts:
        data = {"conversationId": conversation, "content": text}
        await school.app.service("messages").create(data, Params(own_code))
    ben = await windows.open("ben")
    await ben.enter(conversation)
    await expect(ben.messages.first).to_be_visible()
    assert await ben.messages.count() < len(texts)

    await ben.page.get_by_role("group", name="Messages").hover()
    while await ben.messages.count() < len(texts):
        held = await ben.messages.count()
        oldest = await ben.contents.first.inner_text()
        await ben.page.mouse.wheel(0, -20_000)
        await expect(ben.messages).not_to_have_count(held)
        await expect(ben.page.get_by_text(oldest, exact=True)).to_be_in_viewport()

    assert await ben.contents.all_inner_texts() == texts
    await expect(ben.page.get_by_text("The conversation starts here.")).to_have_count(1)
