"""What becomes of a message: its edits, its removal and return, and who has seen it."""

from __future__ import annotations

import pytest
from bson import ObjectId

from stonechat.models import Message
from stonechat.models.record import now
from tests.support.people import newcomer, talk_of, write
from tests.support.school import Json, Person, School


async def edits(person: Person, message: Json) -> list[tuple[int, str]]:
    answer = await person.rest("find", "message-edits", query={"messageId": message["_id"]})
    assert answer.code == 200, answer
    return [(one["number"], one["content"]) for one in answer.body["data"]]


async def read_up_to(person: Person, talk: str, seq: int) -> None:
    data = {"conversationId": talk, "readSeq": seq}
    assert (await person.rest("acknowledge", "members", data=data)).code == 200


async def test_edits_keep_what_was_said(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    message = await write(ada, talk, "first")
    for number, content in enumerate(("second", "third"), 1):
        edited = await ada.rest("patch", "messages", id=message["_id"], data={"content": content})
        assert (edited.code, edited.body["content"], edited.body["editCount"]) == (200, content, number)
        assert edited.body["revision"] > message["revision"]
    assert await edits(ben, message) == [(1, "first"), (2, "second")]
    (newest,) = (await ben.rest("find", "conversations", query={"_id": talk})).body["data"]
    assert newest["lastMessage"]["content"] == "third"


async def test_edits_are_for_who_may_read_the_message(school: School) -> None:
    ada, stranger = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada)
    message = await write(ada, talk, "first")
    assert (await ada.rest("patch", "messages", id=message["_id"], data={"content": "second"})).code == 200
    query = {"messageId": message["_id"]}
    assert (await school.nobody.rest("find", "message-edits", query=query)).code == 401
    assert (await stranger.rest("find", "message-edits", query=query)).code == 403
    dan = await school.person("dan")
    assert (await dan.rest("find", "message-edits", query=query)).code == 403
    assert (await ada.rest("find", "message-edits")).code == 400
    for everything in ({"$in": [message["_id"]]}, {"$ne": message["_id"]}):
        async with stranger.socket() as socket:
            asked = {"messageId": everything}
            assert (await socket.call("find", "message-edits", query=asked)).code == 400
    assert (await ada.rest("remove", "messages", id=message["_id"])).code == 200
    assert (await ada.rest("find", "message-edits", query=query)).code == 403


async def test_admins_bring_back_what_was_removed(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    admin = await school.person("admin")
    talk = await talk_of(ada, ben)
    root = await write(ada, talk, "The root")
    reply = await write(ben, talk, "Not meant so", replyTo=root["_id"])
    assert (await ben.rest("remove", "messages", id=reply["_id"])).code == 200
    async with ada.socket() as socket:
        back = await admin.rest("restore", "messages", data={"messageId": reply["_id"]})
        told = [await socket.next("messages patched") for _ in range(2)]
    assert (back.code, back.body["content"], back.body["deletedAt"]) == (200, "Not meant so", None)
    shown = {one["_id"]: one for one in told}
    assert shown[reply["_id"]]["content"] == "Not meant so"
    assert shown[root["_id"]]["replyCount"] == 1
    (newest,) = (await ben.rest("find", "conversations", query={"_id": talk})).body["data"]
    assert newest["lastMessage"]["content"] == "Not meant so"
    again = await admin.rest("restore", "messages", data={"messageId": reply["_id"]})
    assert again.code == 400


async def test_nobody_else_brings_back(school: School) -> None:
    teacher, ada = await newcomer(school, "teacher"), await newcomer(school)
    message = await write(ada, await talk_of(teacher, ada))
    assert (await ada.rest("remove", "messages", id=message["_id"])).code == 200
    data = {"messageId": message["_id"]}
    assert (await school.nobody.rest("restore", "messages", data=data)).code == 401
    for person in (ada, teacher):
        assert (await person.rest("restore", "messages", data=data)).code == 403
        async with person.socket() as socket:
            assert (await socket.call("restore", "messages", data=data)).code == 403
    other_admin = await newcomer(school, "admin", at="other-school")
    assert (await other_admin.rest("restore", "messages", data=data)).code == 404


async def test_what_is_lost_stays_lost(school: School) -> None:
    ada, admin = await newcomer(school), await school.person("admin")
    message = await write(ada, await talk_of(ada))
    await Message.documents().update_one(
        {"_id": ObjectId(message["_id"])},
        {"$set": {"deletedAt": now(), "expungedAt": now(), "content": None}},
    )
    answer = await admin.rest("restore", "messages", data={"messageId": message["_id"]})
    assert answer.code == 410


@pytest.mark.parametrize("transport", ["rest", "socket"])
async def test_seen_by_counts_who_was_there(school: School, transport: str) -> None:
    ada, ben, cleo, late = [await newcomer(school) for _ in range(4)]
    talk = await talk_of(ada, ben, cleo)
    message = await write(ada, talk)
    data = {"conversationId": talk, "userId": late.id}
    assert (await ada.rest("create", "members", data=data)).code == 201
    await read_up_to(late, talk, message["seq"])
    await read_up_to(ada, talk, message["seq"])

    async def seen() -> Json:
        asked = {"messageId": message["_id"]}
        if transport == "rest":
            answer = await ada.rest("seen", "messages", data=asked)
        else:
            async with ada.socket() as socket:
                answer = await socket.call("seen", "messages", data=asked)
        assert answer.code == 200, answer
        return answer.body

    assert {**(await seen()), "users": []} == {
        "messageId": message["_id"],
        "count": 0,
        "total": 2,
        "users": [],
    }
    await read_up_to(ben, talk, message["seq"])
    found = await seen()
    assert (found["count"], found["total"]) == (1, 2)
    assert [one["userId"] for one in found["users"]] == [ben.id]


async def test_who_has_seen_it_is_for_members(school: School) -> None:
    ada, stranger = await newcomer(school), await newcomer(school)
    message = await write(ada, await talk_of(ada))
    assert (await stranger.rest("seen", "messages", data={"messageId": message["_id"]})).code == 404


@pytest.mark.parametrize("method", ["seen", "restore"])
@pytest.mark.parametrize("asked", [{"content": {"$gt": "m"}}, {"deletedAt": None}, {"$select": ["content"]}])
async def test_methods_of_its_own_take_no_query(school: School, method: str, asked: Json) -> None:
    """By the answers to such questions a removed message could be read letter by letter."""
    ada, admin = await newcomer(school), await school.person("admin")
    message = await write(ada, await talk_of(ada), "Sesame")
    assert (await ada.rest("remove", "messages", id=message["_id"])).code == 200
    person = ada if method == "seen" else admin
    data = {"messageId": message["_id"]}
    assert (await person.rest(method, "messages", data=data, query=asked)).code == 400
    async with person.socket() as socket:
        assert (await socket.call(method, "messages", data=data, query=asked)).code == 400


async def test_mentions_of_what_was_removed_are_not_found(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    message = await write(ada, talk, mentions=[ben.id])
    assert (await ada.rest("remove", "messages", id=message["_id"])).code == 200
    query: Json = {"conversationId": talk, "mentions": ben.id}
    assert (await ben.rest("find", "messages", query=query)).body["total"] == 0
    assert (await ben.rest("get", "messages", id=message["_id"], query={"mentions": ben.id})).code == 404
    for hidden in ({"$or": [{"mentions": ben.id}]}, {"$and": [{"$or": [{"mentions": ben.id}]}]}):
        answer = await ben.rest("find", "messages", query={"conversationId": talk, **hidden})
        assert (answer.code, set(answer.body["errors"])) == (400, {"mentions"})
