from __future__ import annotations

from datetime import timedelta

import pytest
from bson import ObjectId

from stonechat.core.context import HookContext, Params
from stonechat.core.errors import BadRequest, Forbidden, NotAuthenticated, NotFound
from stonechat.hooks.membership import (
    conversation_of,
    conversations_of,
    place_of,
    require_people,
    require_place,
    require_writer,
)
from stonechat.hooks.ownership import caller
from stonechat.models import Conversation, Member
from stonechat.models.record import now
from tests.support.people import newcomer, talk_of, write
from tests.support.school import Json, Person, School


def call_of(school: School, person: Person | None) -> HookContext:
    """A client's call, after authentication and tenancy."""
    params = Params(provider="rest")
    if person is not None:
        user = {
            "_id": ObjectId(person.id),
            "schoolId": ObjectId(person.user["schoolId"]),
            "role": person.user["role"],
        }
        params = Params(params, user=user, tenant=user["schoolId"])
    return HookContext(school.app.service("messages"), "find", params=params)


async def test_a_place_is_the_callers_own(school: School) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    talk = ObjectId(await talk_of(ada, ben))
    place = await place_of(call_of(school, ben), talk)
    assert place is not None
    assert (str(place["userId"]), place["role"]) == (ben.id, "member")
    assert await place_of(call_of(school, cleo), talk) is None
    assert await place_of(call_of(school, None), talk) is None


async def test_a_place_has_one_of_the_asked_roles(school: School) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    talk = ObjectId(await talk_of(ada, ben))
    assert (await require_place(call_of(school, ada), talk, "moderator", "admin"))["role"] == "admin"
    with pytest.raises(Forbidden, match="Only a moderator or admin"):
        await require_place(call_of(school, ben), talk, "moderator", "admin")
    with pytest.raises(Forbidden, match="not a member") as refused:
        await require_place(call_of(school, cleo), talk)
    assert refused.value.data == {"code": "PERMISSION_DENIED", "conversationId": str(talk)}


async def test_who_is_a_member_may_write(school: School) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    talk = ObjectId(await talk_of(ada, ben))
    place, conversation = await require_writer(call_of(school, ben), talk)
    assert (str(place["userId"]), conversation["_id"]) == (ben.id, talk)
    with pytest.raises(Forbidden, match="not a member"):
        await require_writer(call_of(school, cleo), talk)


async def test_nobody_writes_in_what_is_archived(school: School) -> None:
    ada = await newcomer(school)
    talk = ObjectId(await talk_of(ada))
    await Conversation.documents().update_one({"_id": talk}, {"$set": {"archivedAt": now()}})
    with pytest.raises(Forbidden) as refused:
        await require_writer(call_of(school, ada), talk)
    assert refused.value.data == {"code": "ARCHIVED"}


async def test_silence_has_an_end(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = ObjectId(await talk_of(ada, ben))
    place = {"conversationId": talk, "userId": ObjectId(ben.id)}
    until = now() + timedelta(hours=1)
    await Member.documents().update_one(place, {"$set": {"silencedUntil": until}})
    with pytest.raises(Forbidden) as refused:
        await require_writer(call_of(school, ben), talk)
    assert refused.value.data == {"code": "SILENCED", "until": until}
    await Member.documents().update_one(place, {"$set": {"silencedUntil": now()}})
    assert (await require_writer(call_of(school, ben), talk))[0]["silencedUntil"] <= now()


async def test_announcements_are_written_by_their_roles_and_managers(school: School) -> None:
    teacher, other, ada = [await newcomer(school, role) for role in ("teacher", "teacher", "student")]
    talk = ObjectId(await talk_of(teacher, other, ada, kind="announcement", writerRoles=["teacher"]))
    for person in (teacher, other):
        await require_writer(call_of(school, person), talk)
    with pytest.raises(Forbidden) as refused:
        await require_writer(call_of(school, ada), talk)
    assert refused.value.data == {"code": "ANNOUNCEMENT"}
    await Conversation.documents().update_one({"_id": talk}, {"$set": {"writerRoles": []}})
    await require_writer(call_of(school, teacher), talk)
    with pytest.raises(Forbidden):
        await require_writer(call_of(school, other), talk)


async def test_own_code_that_does_not_say_for_whom_it_calls_is_refused(school: School) -> None:
    with pytest.raises(NotAuthenticated, match=r"needs params\.user"):
        caller(call_of(school, None))
    data = {"conversationId": ObjectId(), "content": "Hello"}
    with pytest.raises(NotAuthenticated):
        await school.app.service("messages").create(data)


async def test_people_are_those_of_the_own_school(school: School) -> None:
    ada, ben, dan = await newcomer(school), await newcomer(school), await school.person("dan")
    context = call_of(school, ada)
    (found,) = await require_people(context, "memberIds", [ObjectId(ben.id)])
    assert str(found["_id"]) == ben.id
    missing = [dan.id, str(ObjectId())]
    with pytest.raises(BadRequest) as refused:
        await require_people(context, "memberIds", [ObjectId(one) for one in (ben.id, *missing)])
    assert refused.value.errors == {"memberIds": f"no such user: {', '.join(missing)}"}


async def test_conversations_of_other_schools_do_not_exist(school: School) -> None:
    ada, dan = await newcomer(school), await school.person("dan")
    talk = ObjectId(await talk_of(ada))
    assert (await conversation_of(call_of(school, ada), talk))["_id"] == talk
    with pytest.raises(NotFound):
        await conversation_of(call_of(school, dan), talk)


async def test_own_conversations_are_those_of_the_moment(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    first, second = [ObjectId(await talk_of(ada, ben)) for _ in range(2)]
    assert set(await conversations_of(call_of(school, ben))) == {first, second}
    place = await school.one("members", conversationId=first, userId=ben.id)
    assert (await ben.rest("remove", "members", id=str(place["_id"]))).code == 200
    assert await conversations_of(call_of(school, ben)) == [second]


@pytest.mark.parametrize("form", ["one", "$in", "$ne", "$or", "$and", "none"])
async def test_no_form_of_query_finds_other_peoples_messages(school: School, form: str) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    own, foreign = await talk_of(ada), await talk_of(ben)
    await write(ada, own)
    await write(ben, foreign)
    queries: dict[str, Json] = {
        "one": {"conversationId": foreign},
        "$in": {"conversationId": {"$in": [own, foreign]}},
        "$ne": {"conversationId": {"$ne": own}},
        "$or": {"$or": [{"conversationId": foreign}, {"senderId": ben.id}]},
        "$and": {"$and": [{"conversationId": foreign}]},
        "none": {},
    }
    answer = await ada.rest("find", "messages", query=queries[form])
    assert answer.code == 200
    assert {message["conversationId"] for message in answer.body["data"]} <= {own}
    assert answer.body["total"] == len(answer.body["data"])
