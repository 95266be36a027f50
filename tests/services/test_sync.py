from __future__ import annotations

import asyncio
from typing import Any

import pytest
from bson import ObjectId

from stonechat.core.context import Params
from stonechat.models import Delivery
from tests.support.people import newcomer, talk_of, write
from tests.support.school import Json, Person, School

NOWHERE = "65f000000000000000000001"


async def sync(person: Person, conversations: Json, at: str | None = None) -> Json:
    """Over REST by a query; what else is asked by a test goes over the socket."""
    query = {"conversations": conversations} if at is None else {"conversations": conversations, "at": at}
    answer = await person.rest("find", "sync", query=query)
    assert answer.code == 200, answer
    return answer.body


async def held(person: Person, talk: str) -> Json:
    """What a client holds that has everything."""
    conversation = (await person.rest("get", "conversations", id=talk)).body
    return {"seq": conversation["clock"], "revision": conversation["revision"]}


async def test_nobody_syncs_without_a_login(school: School) -> None:
    assert (await school.nobody.rest("find", "sync")).code == 401
    assert (await school.nobody.rest("create", "sync", data={})).code == 401


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"conversations": {"nothing": 1}}, "conversations.nothing.key"),
        ({"conversations": {"65f000000000000000000001": -1}}, "conversations.65f000000000000000000001.value"),
        (
            {"conversations": {"65f000000000000000000001": "x"}},
            "conversations.65f000000000000000000001.value",
        ),
        ({"conversations": [1]}, "conversations"),
        ({"at": "yesterday"}, "at"),
        ({"since": 1}, "since"),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(school: School, asked: Json, field: str) -> None:
    ada = await school.person("ada")
    for answer in (
        await ada.rest("find", "sync", query=asked),
        await ada.rest("create", "sync", data=asked),
    ):
        assert answer.code == 400
        assert field in answer.body["errors"]
    async with ada.socket() as socket:
        assert (await socket.say("sync", asked))["error"]["code"] == 400


async def test_who_has_everything_is_told_nothing(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    await write(ada, talk)
    first = await sync(ben, {talk: await held(ben, talk)})
    assert (first["joined"], first["left"], first["resync"]) == ([], [], False)
    answer = await sync(ben, {talk: await held(ben, talk)}, first["at"])
    assert answer["conversations"].get(talk, {"messages": []})["messages"] == []


@pytest.mark.parametrize("as_revision", [True, False])
async def test_what_was_missed_is_told_as_it_is_now(school: School, as_revision: bool) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    talk = await talk_of(ada, ben)
    old, gone = await write(ada, talk, "old"), await write(ada, talk, "to be removed")
    cursor = await held(ben, talk)
    at = (await sync(ben, {}))["at"]

    new = await write(ada, talk, "new")
    assert (await ada.rest("patch", "messages", id=old["_id"], data={"content": "edited"})).code == 200
    assert (await ada.rest("patch", "messages", id=old["_id"], data={"content": "edited twice"})).code == 200
    assert (await ada.rest("remove", "messages", id=gone["_id"])).code == 200
    reacted = await ada.rest("create", "reactions", data={"messageId": new["_id"], "emoji": "👍"})
    assert (await ada.rest("create", "members", data={"conversationId": talk, "userId": cleo.id})).code == 201
    assert (await ada.rest("patch", "conversations", id=talk, data={"name": "Renamed"})).code == 200
    acknowledged = {"conversationId": talk, "readSeq": new["seq"]}
    assert (await ada.rest("acknowledge", "members", data=acknowledged)).code == 200

    answer = await sync(ben, {talk: cursor if as_revision else cursor["seq"]}, at)
    told = answer["conversations"][talk]
    shown = {one["_id"]: (one["seq"], one["content"], one["deletedAt"] is None) for one in told["messages"]}
    assert shown[old["_id"]] == (1, "edited twice", True)
    assert shown[gone["_id"]] == (2, None, False)
    assert shown[new["_id"]] == (3, "new", True)
    assert [one["seq"] for one in told["messages"]] == sorted(one["seq"] for one in told["messages"])
    assert next(one for one in told["messages"] if one["_id"] == new["_id"])["reactions"] == [
        {"emoji": "👍", "count": 1}
    ]
    assert [one["_id"] for one in told["reactions"]] == [reacted.body["_id"]]
    assert [one["userId"] for one in told["members"]] == [cleo.id]
    assert told["conversation"]["name"] == "Renamed"
    assert (ada.id, 3) in {(one["userId"], one["readSeq"]) for one in told["receipts"]}
    assert told["revision"] == (await held(ben, talk))["revision"]
    assert "fingerprint" not in told["messages"][0]
    assert "words" not in told["messages"][0]


async def test_a_message_whose_reactions_have_changed_is_told_with_their_counts(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    message = await write(ada, talk)
    cursor = await held(ben, talk)
    reaction = {"messageId": message["_id"], "emoji": "🎉"}
    assert (await ada.rest("create", "reactions", data=reaction)).code == 201
    told = (await sync(ben, {talk: cursor}))["conversations"][talk]
    assert [(one["_id"], one["reactions"]) for one in told["messages"]] == [
        (message["_id"], [{"emoji": "🎉", "count": 1}])
    ]


async def test_what_is_gone_is_told(school: School) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    talk = await talk_of(ada, ben, cleo)
    message = await write(ada, talk)
    reaction = await ada.rest("create", "reactions", data={"messageId": message["_id"], "emoji": "🎉"})
    cursor = await held(ben, talk)

    assert (await ada.rest("remove", "reactions", id=reaction.body["_id"])).code == 200
    place = await school.one("members", conversationId=talk, userId=cleo.id)
    assert (await ada.rest("remove", "members", id=place["_id"])).code == 200

    told = (await sync(ben, {talk: cursor}))["conversations"][talk]
    assert told["left"] == [cleo.id]
    assert [(one["_id"], one["emoji"]) for one in told["taken"]] == [(reaction.body["_id"], "🎉")]
    assert [one["reactions"] for one in told["messages"]] == [[]]


async def test_who_is_no_member_learns_only_that(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk, other = await talk_of(ada, ben), await talk_of(ada)
    cursor = await held(ben, talk)
    place = await school.one("members", conversationId=talk, userId=ben.id)
    assert (await ada.rest("remove", "members", id=place["_id"])).code == 200
    await write(ada, talk, "Without Ben")
    async with ben.socket() as socket:
        nowhere = str(ObjectId())
        answer = await socket.say("sync", {"conversations": {talk: cursor, other: 0, nowhere: 3}})
    assert sorted(answer["left"]) == sorted([talk, other, nowhere])
    assert answer["conversations"] == {}


async def test_what_one_has_joined_is_told(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben, name="New here")
    answer = await sync(ben, {})
    assert [(one["_id"], one["name"]) for one in answer["joined"]] == [(talk, "New here")]


async def test_too_much_to_tell_is_said_to_be_too_much(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk, quiet = await talk_of(ada, ben), await talk_of(ada, ben)
    own = Params(user=(await school.one("users", _id=ada.id)))
    for number in range(301):
        message = {"conversationId": ObjectId(talk), "content": f"Number {number}"}
        await school.app.service("messages").create(message, own)
    await write(ada, quiet, "Not too much")
    answer = await sync(ben, {talk: {"seq": 0, "revision": 1}, quiet: {"seq": 0, "revision": 1}})
    assert answer["conversations"][talk] == {"resync": True, "revision": 302, "clock": 301}
    assert [one["content"] for one in answer["conversations"][quiet]["messages"]] == ["Not too much"]
    nearly = await sync(ben, {talk: {"seq": 1, "revision": 2}})
    assert [one["seq"] for one in nearly["conversations"][talk]["messages"]] == list(range(2, 302))


async def test_what_is_too_long_ago_is_said_to_be_too_much(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    for _ in range(3):
        await write(ada, talk)
    await Delivery.documents().delete_one({"conversationId": ObjectId(talk), "revision": 2})
    for cursor, is_lost in (({"seq": 0, "revision": 1}, True), ({"seq": 1, "revision": 2}, False)):
        told = (await sync(ada, {talk: cursor}))["conversations"][talk]
        assert told.get("resync", False) is is_lost


@pytest.mark.parametrize("cursor", [99, {"seq": 1, "revision": 99}])
async def test_what_the_server_never_had_is_fetched_anew(school: School, cursor: Json) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    await write(ada, talk)
    assert (await sync(ada, {talk: cursor}))["conversations"][talk]["resync"] is True


async def test_a_client_that_applies_events_and_syncs_misses_nothing(school: School) -> None:
    """One that is away every other moment ends with what the database has."""
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    held_messages: dict[str, Any] = {}
    revision, at = 0, None
    for turn in range(6):
        sent = await asyncio.gather(*(write(ada, talk, f"{turn} {n}") for n in range(5)))
        await ada.rest("patch", "messages", id=sent[0]["_id"], data={"content": "edited"})
        await ada.rest("remove", "messages", id=sent[1]["_id"])
        answer = await sync(ben, {talk: {"seq": 0, "revision": revision}}, at)
        told, at = answer["conversations"][talk], answer["at"]
        revision = told["revision"]
        held_messages.update({one["_id"]: one for one in told["messages"]})
    query = {"conversationId": talk, "$limit": 100}
    fetched = (await ben.rest("find", "messages", query=query)).body["data"]
    assert sorted(held_messages.values(), key=lambda one: int(one["seq"])) == fetched
