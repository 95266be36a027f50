from __future__ import annotations

from playwright.async_api import WebSocketRoute, expect

from stonechat.core.context import Params
from tests.support.browser import Windows
from tests.support.school import School

NO_NETWORK = "^WebSocket connection to .*ERR_INTERNET_DISCONNECTED"


async def stored(school: School, conversation: str) -> list[str]:
    query = {"conversationId": conversation, "$sort": {"seq": 1}}
    found = await school.app.service("messages").find(Params(query=query, paginate=False))
    return [message["content"] for message in found]


async def test_what_is_written_offline_is_delivered_once_and_in_order(
    windows: Windows, school: School
) -> None:
    conversation = await school.conversation("ada", "ben")
    ada, ben = await windows.open("ada"), await windows.open("ben")
    await ada.enter(conversation)
    await ben.enter(conversation)
    status = ben.page.get_by_test_id("conversation-status")
    await expect(status).to_have_text("2 members, 1 online")

    await ada.page.context.set_offline(True)
    await expect(status).to_have_text("2 members")  # the server has lost her, not only her page the network
    for text in ("first", "second", "third"):
        await ada.say(text)
    await expect(ada.queued.locator(".content")).to_have_text(["first", "second", "third"])
    await expect(ada.page.locator("#connection")).to_contain_text("3 messages wait to be sent.")
    assert await stored(school, conversation) == []
    await ada.shoot("offline-desktop")
    await ada.page.context.set_offline(False)

    await expect(ben.contents).to_have_text(["first", "second", "third"])
    await expect(ada.contents).to_have_text(["first", "second", "third"])
    await expect(ada.queued).to_have_count(0)
    await expect(ada.page.locator("#connection")).to_be_empty()
    assert await stored(school, conversation) == ["first", "second", "third"]
    assert ada.forgive(NO_NETWORK) > 0


async def test_what_others_wrote_meanwhile_is_fetched_afterwards(windows: Windows, school: School) -> None:
    conversation = await school.conversation("ada", "ben")
    ada = await windows.open("ada")
    await ada.enter(conversation)
    await school.say("ben", conversation, "before")
    await expect(ada.contents).to_have_text(["before"])

    await ada.page.context.set_offline(True)
    await expect(ada.page.locator("#connection")).to_contain_text("You are offline")
    await school.say("ben", conversation, "meanwhile")
    await ada.page.context.set_offline(False)

    await expect(ada.contents).to_have_text(["before", "meanwhile"])
    ada.forgive(NO_NETWORK)


async def test_what_was_not_sent_outlives_a_reload(windows: Windows, school: School) -> None:
    conversation = await school.conversation("ada", "ben")
    ada = await windows.open("ada")
    await ada.enter(conversation)
    await ada.page.evaluate(
        """(conversationId) => {
            const me = JSON.parse(atob(sessionStorage.getItem('feathers-jwt').split('.')[1])).sub;
            const entry = { key: crypto.randomUUID(), conversationId, content: 'kept', state: 'waiting',
                queuedAt: new Date().toISOString() };
            localStorage.setItem(`stonechat.outbox.${me}.${entry.key}`, JSON.stringify(entry));
        }""",
        conversation,
    )
    await ada.page.reload()
    await expect(ada.contents).to_have_text(["kept"])
    assert await stored(school, conversation) == ["kept"]


async def test_a_message_whose_acknowledgement_is_lost_is_stored_once(
    windows: Windows, school: School
) -> None:
    conversation = await school.conversation("ada", "ben")
    ada = await windows.open()
    lost: list[str] = []

    async def relay(page: WebSocketRoute) -> None:
        """Between page and server: breaks off instead of passing on the first answer to a message."""
        server = page.connect_to_server()

        async def to_page(text: str | bytes) -> None:
            if not lost and "Did this arrive?" in str(text) and str(text).startswith("43"):
                lost.append(str(text))
                await server.close()
                await page.close()
            else:
                page.send(text)

        server.on_message(to_page)

    await ada.page.route_web_socket("**/socket.io/**", relay)
    await ada.sign_in("ada@demo.school")
    await ada.enter(conversation)

    await ada.say("Did this arrive?")

    await expect(ada.contents).to_have_text(["Did this arrive?"])
    await expect(ada.queued).to_have_count(0)
    assert len(lost) == 1
    assert await stored(school, conversation) == ["Did this arrive?"]
