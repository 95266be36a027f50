"""Once: over REST by header and by field, over sockets by both events, one key is one message."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import socketio
from bson import ObjectId

from stonechat.models import Message
from tests.support.people import newcomer, talk_of, write
from tests.support.school import Answer, Json, Person, School

FILE = {"name": "notes.pdf", "url": "https://files.example.org/notes.pdf"}

Send = Callable[[Person, Json, str], Awaitable[Answer]]


async def by_header(person: Person, data: Json, key: str) -> Answer:
    return await person.request("POST", "/messages", data, headers={"Idempotency-Key": key})


async def by_field(person: Person, data: Json, key: str) -> Answer:
    return await person.rest("create", "messages", data={**data, "idempotencyKey": key})


async def by_event(person: Person, data: Json, key: str) -> Answer:
    async with person.socket() as socket:
        answer = await socket.say("message:send", {**data, "idempotencyKey": key})
    if "error" in answer:
        return Answer(answer["error"]["code"], answer["error"])
    return Answer(200, {**answer.pop("message"), **answer})


async def by_call(person: Person, data: Json, key: str) -> Answer:
    async with person.socket() as socket:
        return await socket.call("create", "messages", data={**data, "idempotencyKey": key})


WAYS: tuple[Send, ...] = (by_header, by_field, by_event, by_call)


async def stored(conversation: str) -> list[dict[str, Any]]:
    return await Message.documents().find({"conversationId": ObjectId(conversation)}).to_list()


@pytest.mark.parametrize("first", WAYS)
async def test_a_repeat_by_whichever_way_is_the_same_message(school: School, first: Send) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    data = {"conversationId": talk, "content": "Once"}
    async with ben.socket() as socket:
        message = await first(ada, data, "one")
        assert message.code in {200, 201}
        assert "duplicate" not in message.body
        for again in WAYS:
            repeat = await again(ada, data, "one")
            assert repeat.code == 200
            assert repeat.body == {**message.body, "duplicate": True}
        await write(ada, talk, "The next")
        heard = [(await socket.next("messages created"))["content"] for _ in range(2)]
        assert heard == ["Once", "The next"]
        assert socket.seen("messages created") == []
    assert len(await stored(talk)) == 2


async def test_many_of_the_same_at_once_are_one_message(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    data = {"conversationId": talk, "content": "Once", "idempotencyKey": "one"}
    async with ada.socket() as socket, ben.socket() as other:
        answers = await asyncio.gather(
            *(ada.rest("create", "messages", data=data) for _ in range(15)),
            *(socket.call("create", "messages", data=data) for _ in range(15)),
        )
        assert (await other.next("messages created"))["seq"] == 1
        following = await write(ada, talk, "The next")
        assert (await other.next("messages created"))["_id"] == following["_id"]
    assert {answer.code for answer in answers} <= {200, 201}
    assert len({answer.body["_id"] for answer in answers}) == 1
    assert len([answer for answer in answers if "duplicate" not in answer.body]) == 1
    assert following["seq"] == 2
    assert len(await stored(talk)) == 2


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "other",
    [
        {"content": "Other"},
        {"replyTo": None, "type": "file", "attachments": [FILE]},
        {"mentions": "own"},
        {"conversationId": "other"},
    ],
)
async def test_a_key_used_for_something_else_is_refused(school: School, way: Send, other: Json) -> None:
    ada = await newcomer(school)
    talk, another = await talk_of(ada), await talk_of(ada)
    data = {"conversationId": talk, "content": "Once"}
    await write(ada, talk, "Once", idempotencyKey="one")
    meant = {"own": [ada.id], "other": another}
    changed = {name: meant[value] if value in ("own", "other") else value for name, value in other.items()}
    answer = await way(ada, {**data, **changed}, "one")
    assert answer.code == 422
    assert list(answer.body["errors"]) == ["idempotencyKey"]
    assert len(await stored(talk)) == 1
    assert await stored(another) == []


async def test_different_content_at_once_is_one_message_and_refusals(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    answers = await asyncio.gather(
        *(by_field(ada, {"conversationId": talk, "content": f"{number}"}, "one") for number in range(6))
    )
    assert sorted(answer.code for answer in answers) == [201, 422, 422, 422, 422, 422]
    assert len(await stored(talk)) == 1


@pytest.mark.parametrize("same", [{"type": "text"}, {"replyTo": None}, {"mentions": []}, {"attachments": []}])
async def test_what_says_nothing_new_is_the_same_content(school: School, same: Json) -> None:
    ada = await newcomer(school)
    data = {"conversationId": await talk_of(ada), "content": "Once"}
    message = await by_field(ada, data, "one")
    assert (await by_field(ada, {**data, **same}, "one")).body["_id"] == message.body["_id"]


async def test_two_senders_may_choose_the_same_key(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    for person in (ada, ben):
        assert "duplicate" not in await write(person, talk, idempotencyKey="one")
    assert len(await stored(talk)) == 2


async def test_messages_without_a_key_are_all_different(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    keyless: list[Json] = [{}, {}, {"idempotencyKey": None}, {"idempotencyKey": None}]
    for more in keyless:
        await write(ada, talk, **more)
    assert len(await stored(talk)) == 4


async def test_a_repeat_after_an_edit_is_still_the_same(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    message = await write(ada, talk, "Helo", idempotencyKey="one")
    await ada.rest("patch", "messages", id=message["_id"], data={"content": "Hello"})
    repeat = await write(ada, talk, "Helo", idempotencyKey="one")
    assert (repeat["_id"], repeat["content"], repeat["duplicate"]) == (message["_id"], "Hello", True)


async def test_a_repeat_after_removal_is_answered_with_the_tombstone(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    message = await write(ada, talk, "A secret", idempotencyKey="one")
    await ada.rest("remove", "messages", id=message["_id"])
    repeat = await write(ada, talk, "A secret", idempotencyKey="one")
    assert (repeat["_id"], repeat["content"], repeat["duplicate"]) == (message["_id"], None, True)
    assert repeat["deletedBy"] == ada.id


async def test_a_repeat_is_answered_though_who_was_mentioned_has_left(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    message = await write(ada, talk, idempotencyKey="one", mentions=[ben.id])
    place = await school.one("members", conversationId=talk, userId=ben.id)
    assert (await ben.rest("remove", "members", id=str(place["_id"]))).code == 200
    assert (await write(ada, talk, idempotencyKey="one", mentions=[ben.id]))["_id"] == message["_id"]


async def test_who_is_no_member_any_more_is_not_answered(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    await write(ben, talk, "Once", idempotencyKey="one")
    place = await school.one("members", conversationId=talk, userId=ben.id)
    assert (await ben.rest("remove", "members", id=str(place["_id"]))).code == 200
    assert (await by_field(ben, {"conversationId": talk, "content": "Once"}, "one")).code == 403


async def test_header_and_field_have_to_agree(school: School) -> None:
    ada = await newcomer(school)
    data = {"conversationId": await talk_of(ada), "content": "Once"}
    assert (await by_header(ada, {**data, "idempotencyKey": "two"}, "one")).code == 400
    assert (await by_header(ada, {**data, "idempotencyKey": "one"}, "one")).code == 201


@pytest.mark.parametrize("key", ["", "k" * 129])
async def test_a_key_is_neither_empty_nor_long(school: School, key: str) -> None:
    ada = await newcomer(school)
    data = {"conversationId": await talk_of(ada), "content": "Once"}
    for way in WAYS:
        answer = await way(ada, data, key)
        assert answer.code == 400
        assert list(answer.body["errors"]) == ["idempotencyKey"]


async def test_the_header_of_a_handshake_is_no_key(school: School) -> None:
    """A socket has one handshake and many messages."""
    ada = await newcomer(school)
    talk = await talk_of(ada)
    client = socketio.AsyncClient(reconnection=False)
    headers = {"Idempotency-Key": "one"}
    await client.connect(school.url, headers, auth={"token": ada.token}, transports=["websocket"])
    try:
        for content in ("First", "Second"):
            data = {"conversationId": talk, "content": content}
            answer = await client.call("message:send", data, timeout=10)
            assert answer["message"]["idempotencyKey"] is None
    finally:
        await client.disconnect()
