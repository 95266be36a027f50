"""What the tables of CampZone do on a served school; tests/systems plays the whole of its document."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import pytest

from tests.support.school import School
from tests.support.wire import Wire

ROOM = "/campzone"


class Campers:
    """People of the demo school on sockets in CampZone's namespace, in one room."""

    def __init__(self, school: School, stack: AsyncExitStack) -> None:
        self.school = school
        self._stack = stack

    async def open(self, name: str) -> Wire:
        person = await self.school.person(name)
        auth = {"token": person.token}
        wire = await self._stack.enter_async_context(Wire.open(self.school.url, auth=auth, namespace=ROOM))
        (welcome,) = await wire.event("connected")
        assert welcome["userId"] == person.id
        return wire

    async def in_room(self, name: str, room: str) -> Wire:
        wire = await self.open(name)
        joined = await wire.ask("join_room", {"roomId": room})
        assert joined == (await wire.event("joined_room"))[0]
        return wire


@pytest.fixture
async def campers(school: School) -> AsyncIterator[Campers]:
    async with AsyncExitStack() as stack:
        yield Campers(school, stack)


def written(room: str, content: str, **more: Any) -> dict[str, Any]:
    return {"roomId": room, "content": content, "idempotencyKey": uuid4().hex, **more}


async def test_a_message_reaches_who_has_joined_and_the_portal(campers: Campers, school: School) -> None:
    room = await school.conversation("ada", "ben")
    ada, ben = await campers.in_room("ada", room), await campers.in_room("ben", room)
    hello = written(room, "hello", lamportTimestamp=1)
    sent = await ada.ask("send_message", hello)
    assert sent == (await ada.event("message_sent"))[0]
    assert (sent["idempotencyKey"], sent["status"]) == (hello["idempotencyKey"], "PENDING")
    for wire in (ada, ben):
        (told,) = await wire.event("new_message")
        assert (told["messageId"], told["roomId"], told["content"]) == (sent["messageId"], room, "hello")
    read = await (await school.person("ben")).rest("get", "messages", id=sent["messageId"])
    assert read.body["content"] == "hello"


async def test_who_has_not_joined_the_room_is_told_nothing(campers: Campers, school: School) -> None:
    room, other = await school.conversation("ada", "ben"), await school.conversation("ada", "cleo")
    ada, ben = await campers.in_room("ada", room), await campers.in_room("ben", room)
    await ben.ask("leave_room", {"roomId": room})
    assert (await ada.event("user_left"))[0]["userId"] == (await school.person("ben")).id
    await ada.ask("send_message", written(room, "unheard"))
    await ada.ask("join_room", {"roomId": other})
    await ben.ask("join_room", {"roomId": room})
    await ada.ask("send_message", written(room, "heard"))
    assert (await ben.event("new_message"))[0]["content"] == "heard"


async def test_who_is_removed_is_out_of_the_room_at_once(campers: Campers, school: School) -> None:
    room = await school.conversation("ada", "ben", "cleo")
    ada, ben = await campers.in_room("ada", room), await campers.in_room("ben", room)
    await ada.event("user_joined")
    ben_person = await school.person("ben")
    (place,) = (
        await ben_person.rest("find", "members", query={"conversationId": room, "userId": ben_person.id})
    ).body["data"]
    await (await school.person("ada")).rest("remove", "members", id=place["_id"])
    refused = await ben.ask("join_room", {"roomId": room})
    assert refused["error"]["message"] == "You are no member of the room"
    cleo = await campers.in_room("cleo", room)
    assert (await ada.event("user_joined"))[0]["userId"] == (await school.person("cleo")).id
    await cleo.ask("send_message", written(room, "without ben"))
    await ada.event("new_message")
    assert not [packet for packet in ben.packets if "user_joined" in packet or "new_message" in packet]


async def test_who_is_invisible_comes_and_goes_unseen(campers: Campers, school: School) -> None:
    room = await school.conversation("ada", "ben", "cleo")
    ada, ben_person = await campers.in_room("ada", room), await school.person("ben")
    async with ben_person.socket() as socket:
        await socket.say("presence:set", {"status": "invisible"})
        try:
            ben = await campers.in_room("ben", room)
            await ben.ask("leave_room", {"roomId": room})
            cleo = await campers.in_room("cleo", room)
            assert (await ada.event("user_joined"))[0]["userId"] == (await school.person("cleo")).id
            await cleo.ask("leave_room", {"roomId": room})
            assert (await ada.event("user_left"))[0]["userId"] == (await school.person("cleo")).id
        finally:
            await socket.say("presence:set", {"status": "available"})


async def test_a_receipt_names_the_message(campers: Campers, school: School) -> None:
    room = await school.conversation("ada", "ben")
    ada, ben = await campers.in_room("ada", room), await campers.in_room("ben", room)
    sent = await ada.ask("send_message", written(room, "read me"))
    await ben.ask("mark_read", {"roomId": room, "messageId": sent["messageId"]})
    (receipt,) = await ada.event("read_receipt")
    assert (receipt["messageId"], receipt["userId"]) == (sent["messageId"], (await school.person("ben")).id)
    page = await ada.ask("get_messages", {"roomId": room})
    assert [(one["content"], one["status"]) for one in page["messages"]] == [("read me", "READ")]


async def test_pages_go_back_from_the_newest(campers: Campers, school: School) -> None:
    room = await school.conversation("ada", "ben")
    ada = await campers.in_room("ada", room)
    for number in range(5):
        await ada.ask("send_message", written(room, f"m{number}"))
    for asked, expected in (
        ({"limit": 2}, ["m3", "m4"]),
        ({"limit": 2, "skip": 2}, ["m1", "m2"]),
        ({"limit": 2, "skip": 4}, ["m0"]),
        ({"skip": 5}, []),
    ):
        page = await ada.ask("get_messages", {"roomId": room, **asked})
        assert ([one["content"] for one in page["messages"]], page["count"]) == (expected, len(expected))


async def test_typing_and_online_are_told_in_the_room(campers: Campers, school: School) -> None:
    room = await school.conversation("ada", "ben")
    ada, ben = await campers.in_room("ada", room), await campers.in_room("ben", room)
    await ada.ask("typing_start", {"roomId": room})
    assert (await ben.event("user_typing"))[0]["isTyping"] is True
    await ada.ask("typing_stop", {"roomId": room})
    assert (await ben.event("user_typing"))[0]["isTyping"] is False
    online = await ben.ask("get_online_users", {"roomId": room})
    assert (await school.person("ada")).id in online["onlineUsers"]
    assert online["count"] == len(online["onlineUsers"])


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("join_room", {}, "roomId: Missing data for required field."),
    ("join_room", {"roomId": "x"}, "roomId: is not an id"),
    ("join_room", {"roomId": "ROOM", "userId": "65f000000000000000000001"}, "userId is another's"),
    ("send_message", {"roomId": "ROOM", "content": "x"}, "idempotencyKey: Missing"),
    ("send_message", {"roomId": "ROOM", "content": "", "idempotencyKey": "k"}, "content"),
    ("send_message", {"roomId": "ROOM", "content": {"$ne": 1}, "idempotencyKey": "k"}, "content"),
    ("get_messages", {"roomId": "ROOM", "limit": 0}, "limit"),
    ("get_messages", {"roomId": "ROOM", "skip": -1}, "skip"),
    ("mark_read", {"roomId": "ROOM", "messageId": "65f000000000000000000001"}, "No record found"),
    ("shout", {"roomId": "ROOM"}, "Unknown event 'shout'"),
]


async def test_what_is_refused_says_why_by_the_event_and_by_the_acknowledgement(
    campers: Campers, school: School
) -> None:
    room = await school.conversation("ada", "ben")
    ada = await campers.in_room("ada", room)
    for event, data, reason in REFUSED:
        given = {name: room if value == "ROOM" else value for name, value in data.items()}
        failed = (await ada.ask(event, given))["error"]
        assert failed == (await ada.event("error"))[0]
        assert set(failed) == {"message"}
        assert reason in failed["message"], (event, failed)


async def test_a_stranger_does_nothing_in_a_room(campers: Campers, school: School) -> None:
    room = await school.conversation("ada", "ben")
    await (await campers.in_room("ada", room)).ask("send_message", written(room, "ours"))
    cleo = await campers.open("cleo")
    for event, more in (
        ("join_room", {}),
        ("send_message", {"content": "hi", "idempotencyKey": "c"}),
        ("typing_start", {}),
        ("get_messages", {}),
        ("get_online_users", {}),
    ):
        assert "error" in await cleo.ask(event, {"roomId": room, **more}), event


async def test_without_a_token_nobody_comes_in(school: School) -> None:
    with pytest.raises(PermissionError, match="Not authenticated"):
        async with Wire.open(school.url, namespace=ROOM):
            pass
