from __future__ import annotations

import re
from dataclasses import dataclass, field

from playwright.async_api import WebSocket, WebSocketRoute, expect

from stonechat.core.context import Params
from tests.support.browser import Windows
from tests.support.school import School

NO_NETWORK = "^WebSocket connection to .*ERR_INTERNET_DISCONNECTED"


async def stored(school: School, conversation: str) -> list[str]:
    query = {"conversationId": conversation, "$sort": {"seq": 1}}
    found = await school.app.service("messages").find(Params(query=query, paginate=False))
    return [message["content"] for message in found]


@dataclass
class Asked:
    """The calls that a page makes over its next sockets: the event, and the service's path if it has one."""

    calls: list[str] = field(default_factory=list[str])

    def listen(self, socket: WebSocket) -> None:
        socket.on("framesent", self._note)

    def _note(self, frame: str | bytes) -> None:
        if found := re.match(r'42\d*\["([\w:]+)",(?:"([\w-]+)")?', str(frame)):
            self.calls.append(" ".join(filter(None, found.groups())))


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


async def test_a_page_that_comes_back_shows_what_has_changed_and_asks_for_no_page_of_messages(
    windows: Windows, school: School
) -> None:
    conversation = await school.conversation("ada", "ben")
    other = await school.conversation("ada", "ben")
    for text in ("to be edited", "to be deleted", "to be liked"):
        await school.say("ben", conversation, text)
    ada, ben = await windows.open("ada"), await school.person("ben")
    await ada.enter(conversation)
    await expect(ada.contents).to_have_text(["to be edited", "to be deleted", "to be liked"])
    edited, deleted, liked = await school.app.service("messages").find(
        Params(query={"conversationId": conversation, "$sort": {"seq": 1}}, paginate=False)
    )
    asked = Asked()
    ada.page.on("websocket", asked.listen)

    await ada.page.context.set_offline(True)
    await expect(ada.page.locator("#connection")).to_contain_text("You are offline")
    await ben.rest("patch", "messages", id=str(edited["_id"]), data={"content": "edited"})
    await ben.rest("remove", "messages", id=str(deleted["_id"]))
    await ben.rest("create", "reactions", data={"messageId": str(liked["_id"]), "emoji": "🎉"})
    await school.say("ben", conversation, "new")
    await school.say("ben", other, "elsewhere")
    await ada.page.context.set_offline(False)

    await expect(ada.contents).to_have_text(["edited", "This message was deleted.", "to be liked", "new"])
    await expect(ada.page.get_by_test_id("reaction")).to_have_text(["🎉1 reaction"])
    await expect(ada.item(other).get_by_test_id("unread")).to_contain_text("1")
    questions = [call for call in asked.calls if not call.startswith("message:")]
    assert questions == ["sync", "find conversations"]
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
