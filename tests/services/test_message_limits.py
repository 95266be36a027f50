"""How often people and schools may write, change, create, sync and search."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.people import newcomer, talk_of
from tests.support.school import Answer, Json, Person, School, Socket, serve_school, test_settings


@pytest.fixture(scope="module")
async def strict(mongodb_url: str, redis_url: str) -> AsyncIterator[School]:
    limits = {
        "messages": "3/hour",
        "school_messages": "5/hour",
        "changes": "3/hour",
        "conversations": "2/hour",
    }
    limits |= {"sync": "2/hour", "search": "2/hour"}
    settings = test_settings(mongodb_url, "test_limits", limits=limits, redis={"url": redis_url})
    async with serve_school(settings) as served:
        yield served


async def test_a_user_and_a_school_may_send_so_many(strict: School) -> None:
    conversation = await strict.conversation("ada", "ben")
    ada, ben = await strict.person("ada"), await strict.person("ben")
    message = {"conversationId": conversation, "content": "x"}
    async with ada.socket() as socket:
        assert (await socket.call("create", "messages", data=message)).code == 200
        assert (await ada.rest("create", "messages", data=message)).code == 201
        sent = await socket.say("message:send", message)
        assert "message" in sent

        refused = await socket.say("message:send", message)
        assert refused["error"]["code"] == 429
        assert refused["error"]["data"]["retryAfter"] > 0
        assert (await ada.rest("create", "messages", data=message)).code == 429
        assert (await socket.call("create", "messages", data=message)).code == 429
        assert (await ada.rest("find", "messages", query={"conversationId": conversation})).code == 200

    answers = [await ben.rest("create", "messages", data=message) for _ in range(3)]
    assert [answer.code for answer in answers] == [201, 201, 429]


Calls = tuple[tuple[str, str, dict[str, Json]], ...]


async def alternately(person: Person, socket: Socket, calls: Calls) -> list[int]:
    """The codes of the calls, made over REST and the socket in turn; 200 for what has succeeded."""
    answers: list[Answer] = []
    for number, (method, path, arguments) in enumerate(calls):
        call = socket.call if number % 2 else person.rest
        answers.append(await call(method, path, **arguments))
    return [200 if answer.code == 201 else answer.code for answer in answers]


async def test_a_user_may_change_so_much_in_all(strict: School) -> None:
    teacher, student = await newcomer(strict, "teacher"), await newcomer(strict)
    talk = await talk_of(teacher)
    message = {"_id": "0" * 24}
    async with teacher.socket() as socket:
        changes: Calls = (
            ("patch", "conversations", {"id": talk, "data": {"name": "Another"}}),
            ("create", "members", {"data": {"conversationId": talk, "userId": student.id}}),
            ("patch", "conversations", {"id": talk, "data": {"name": "A third"}}),
            ("patch", "conversations", {"id": talk, "data": {"name": "A fourth"}}),
            ("create", "members", {"data": {"conversationId": talk, "userId": student.id}}),
            ("patch", "members", {"id": talk, "data": {"mutedUntil": None}}),
            ("remove", "members", {"id": talk}),
            ("patch", "messages", {"id": message["_id"], "data": {"content": "Changed"}}),
            ("remove", "messages", {"id": message["_id"]}),
            ("create", "reactions", {"data": {"messageId": message["_id"], "emoji": "👍"}}),
            ("remove", "reactions", {"id": message["_id"]}),
        )
        assert await alternately(teacher, socket, changes) == [200] * 3 + [429] * 8
    async with student.socket() as socket:
        left: Calls = (("patch", "conversations", {"id": talk, "data": {"name": "A fifth"}}),)
        assert await alternately(student, socket, left) == [403]


async def test_own_code_changes_as_often_as_it_likes(strict: School) -> None:
    ada = await newcomer(strict)
    talk = await talk_of(ada)
    service = strict.app.service("conversations")
    for number in range(5):
        assert (await service.patch(talk, {"name": f"Talk {number}"}))["name"] == f"Talk {number}"


async def test_a_user_may_create_so_many_conversations(strict: School) -> None:
    ada, ben = await newcomer(strict), await newcomer(strict)
    direct: Json = {"data": {"kind": "direct", "memberIds": [ben.id]}}
    group: Json = {"data": {"kind": "group", "name": "A talk"}}
    async with ada.socket() as socket:
        created: Calls = tuple(("create", "conversations", data) for data in (direct, group, group, group))
        assert await alternately(ada, socket, created) == [200, 200, 429, 429]
        # To open what is there already is to create nothing.
        assert await alternately(ada, socket, (("create", "conversations", direct),) * 3) == [200] * 3


SYNCS: Calls = (("create", "sync", {"data": {}}), ("find", "sync", {}), ("find", "sync", {}))
SEARCHES: Calls = (("find", "search", {"query": {"q": "hello"}}),) * 3


@pytest.mark.parametrize("calls", [SYNCS, SEARCHES])
async def test_a_user_may_ask_costly_things_so_often(strict: School, calls: Calls) -> None:
    ada = await newcomer(strict)
    async with ada.socket() as socket:
        assert await alternately(ada, socket, (*calls, calls[0])) == [200, 200, 429, 429]
