"""Threads, forwards, mentions and pins: how messages stand to one another and to people."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.people import newcomer, talk_of, write
from tests.support.school import Answer, Json, Person, School

PICTURE = {"name": "a.png", "url": "https://files.example.org/a.png", "mediaType": "image/png", "size": 3}


async def read(person: Person, message: Json) -> Json:
    answer = await person.rest("get", "messages", id=message["_id"])
    assert answer.code == 200, answer
    return answer.body


async def forward(person: Person, message: Json, talk: str, **more: Json) -> Answer:
    data = {"conversationId": talk, "forwardOf": message["_id"], **more}
    return await person.rest("create", "messages", data=data)


async def test_a_thread_counts_its_replies_and_knows_the_latest(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    root = await write(ada, talk, "Who comes?")
    async with ada.socket() as socket:
        first = await write(ben, talk, "Me", replyTo=root["_id"])
        second = await write(ada, talk, "Good", replyTo=first["_id"])
        told = [await socket.next("messages patched") for _ in range(2)]
    assert (first["threadId"], second["threadId"]) == (root["_id"], root["_id"])
    assert second["replyTo"] == first["_id"]
    assert [one["_id"] for one in told] == [root["_id"]] * 2
    assert told[-1]["replyCount"] == 2

    found = await read(ben, root)
    assert (found["replyCount"], found["lastReplyAt"]) == (2, second["createdAt"])
    assert (await ada.rest("remove", "messages", id=second["_id"])).code == 200
    found = await read(ben, root)
    assert (found["replyCount"], found["lastReplyAt"]) == (1, first["createdAt"])
    assert (await ben.rest("remove", "messages", id=first["_id"])).code == 200
    found = await read(ben, root)
    assert (found["replyCount"], found["lastReplyAt"]) == (0, None)


async def test_a_thread_is_read_in_its_order(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    root = await write(ada, talk)
    replies = [await write(ada, talk, f"{n}", replyTo=root["_id"]) for n in range(3)]
    await write(ada, talk, "Beside it")
    found = await ada.rest("find", "messages", query={"threadId": root["_id"]})
    assert [one["_id"] for one in found.body["data"]] == [one["_id"] for one in replies]


async def test_replies_at_once_are_all_counted(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    root = await write(ada, talk)
    await asyncio.gather(*(write(ada, talk, f"{n}", replyTo=root["_id"]) for n in range(10)))
    assert (await read(ada, root))["replyCount"] == 10


@pytest.mark.parametrize("case", ["elsewhere", "removed", "nowhere"])
async def test_only_a_message_of_the_conversation_is_answered(school: School, case: str) -> None:
    ada = await newcomer(school)
    talk, other = await talk_of(ada), await talk_of(ada)
    answered = await write(ada, other if case == "elsewhere" else talk)
    if case == "removed":
        assert (await ada.rest("remove", "messages", id=answered["_id"])).code == 200
    reply_to = "65f000000000000000000001" if case == "nowhere" else answered["_id"]
    data = {"conversationId": talk, "content": "To that", "replyTo": reply_to}
    answer = await ada.rest("create", "messages", data=data)
    assert answer.code == 400
    assert set(answer.body["errors"]) == {"replyTo"}


async def test_a_forward_says_the_same_and_whose_it_was(school: School) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    here, there, further = await talk_of(ada, ben), await talk_of(ben, cleo), await talk_of(cleo)
    message = await write(ada, here, "Look", type="image", attachments=[PICTURE])
    once = (await forward(ben, message, there)).body
    assert (once["content"], once["attachments"], once["type"]) == ("Look", [PICTURE], "image")
    origin = {"messageId": message["_id"], "senderId": ada.id, "createdAt": message["createdAt"]}
    assert (once["senderId"], once["forwardedFrom"]) == (ben.id, origin)
    twice = (await forward(cleo, once, further)).body
    assert twice["forwardedFrom"] == origin
    edited = await ben.rest("patch", "messages", id=once["_id"], data={"content": "I said"})
    assert edited.code == 400


async def test_a_forward_is_repeated_by_its_key(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    message = await write(ada, talk, "Once")
    first = await forward(ada, message, talk, idempotencyKey="f")
    again = await forward(ada, message, talk, idempotencyKey="f")
    assert (again.body["_id"], again.body["duplicate"]) == (first.body["_id"], True)
    other = await write(ada, talk, "Another")
    assert (await forward(ada, other, talk, idempotencyKey="f")).code == 422


async def test_only_what_one_may_read_is_forwarded(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    secret, own = await talk_of(ada), await talk_of(ben)
    hidden = await write(ada, secret, "Between me and me")
    gone = await write(ben, own)
    assert (await ben.rest("remove", "messages", id=gone["_id"])).code == 200
    for message in (hidden, gone, {"_id": "65f000000000000000000001"}):
        answer = await forward(ben, message, own)
        assert answer.code == 400
        assert set(answer.body["errors"]) == {"forwardOf"}
    mine = await write(ben, own)
    answer = await forward(ben, mine, own, content="And more")
    assert answer.body["errors"] == {"content": "a message is forwarded as it is"}


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({}, "content"),
        ({"type": "image"}, "attachments"),
        ({"type": "video", "content": "See"}, "attachments"),
        ({"type": "system", "content": "Ada is the best"}, "type"),
        ({"content": "Hi", "mentions": ["everybody"]}, "mentions.0"),
    ],
)
async def test_a_message_says_something(school: School, data: Json, field: str) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    answer = await ada.rest("create", "messages", data={"conversationId": talk, **data})
    assert answer.code == 400
    assert field in answer.body["errors"]


async def test_files_need_no_words(school: School) -> None:
    ada = await newcomer(school)
    data = {"conversationId": await talk_of(ada), "type": "image", "attachments": [PICTURE]}
    answer = await ada.rest("create", "messages", data=data)
    assert (answer.code, answer.body["content"]) == (201, None)


async def test_roles_and_all_are_mentioned_by_staff_and_among_equals(school: School) -> None:
    teacher, ada = await newcomer(school, "teacher"), await newcomer(school)
    club = await talk_of(teacher, ada, kind="club")
    message = await write(teacher, club, "Everybody!", mentions=["all", "student", ada.id, "all"])
    assert message["mentions"] == ["all", "student", ada.id]
    data = {"conversationId": club, "content": "Me too", "mentions": ["all"]}
    assert (await ada.rest("create", "messages", data=data)).code == 403
    assert (await write(ada, await talk_of(ada, teacher), mentions=["teacher"]))["mentions"] == ["teacher"]
    found = await ada.rest("find", "messages", query={"conversationId": club, "mentions": "student"})
    assert [one["_id"] for one in found.body["data"]] == [message["_id"]]
    assert (await teacher.rest("remove", "messages", id=message["_id"])).code == 200
    found = await ada.rest("find", "messages", query={"conversationId": club, "mentions": "student"})
    assert found.body["data"] == []


async def test_an_edit_may_mention_others(school: School) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    talk = await talk_of(ada, ben)
    message = await write(ada, talk, mentions=[ben.id])
    data: Json = {"content": "Never mind", "mentions": []}
    edited = await ada.rest("patch", "messages", id=message["_id"], data=data)
    assert (edited.code, edited.body["mentions"]) == (200, [])
    data = {"content": "Cleo?", "mentions": [cleo.id]}
    refused = await ada.rest("patch", "messages", id=message["_id"], data=data)
    assert (refused.code, set(refused.body["errors"])) == (400, {"mentions"})


async def test_managers_pin(school: School) -> None:
    teacher, ada = await newcomer(school, "teacher"), await newcomer(school)
    talk = await talk_of(teacher, ada)
    message, _ = await write(ada, talk), await write(ada, talk)
    refused = await ada.rest("patch", "messages", id=message["_id"], data={"pinned": True})
    assert refused.code == 403
    async with ada.socket() as socket:
        pinned = await teacher.rest("patch", "messages", id=message["_id"], data={"pinned": True})
        assert (await socket.next("messages patched"))["pinnedBy"] == teacher.id
    assert pinned.body["pinnedAt"] is not None
    assert (pinned.body["editedAt"], pinned.body["editCount"]) == (None, 0)
    query: Json = {"conversationId": talk, "pinned": True}
    found = await ada.rest("find", "messages", query=query)
    assert [one["_id"] for one in found.body["data"]] == [message["_id"]]
    assert (await ada.rest("remove", "messages", id=message["_id"])).code == 200
    assert (await ada.rest("find", "messages", query=query)).body["data"] == []
    assert (await teacher.rest("patch", "messages", id=message["_id"], data={"pinned": True})).code == 400


async def test_both_pin_in_a_direct_conversation(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben, kind="direct")
    message = await write(ada, talk)
    for pinned in (True, False):
        data = {"pinned": pinned}
        answer = await ben.rest("patch", "messages", id=message["_id"], data=data)
        assert (answer.code, answer.body["pinnedAt"] is not None) == (200, pinned)


async def test_pins_have_an_end(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    messages = [await write(ada, talk) for _ in range(51)]
    answers = [await ada.rest("patch", "messages", id=one["_id"], data={"pinned": True}) for one in messages]
    assert [answer.code for answer in answers] == [200] * 50 + [400]
    assert answers[-1].body["data"] == {"limit": 50}
    again = await ada.rest("patch", "messages", id=messages[0]["_id"], data={"pinned": True})
    assert again.code == 200
