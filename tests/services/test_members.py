from __future__ import annotations

import asyncio

import pytest
from bson import ObjectId

from stonechat.models import Conversation, Member
from tests.support.people import has_not_heard, new_school, newcomer, talk_of, write
from tests.support.school import Answer, Json, Person, School

FUTURE = "2040-01-01T00:00:00.000Z"


async def place_of(school: School, conversation: str, person: Person) -> str:
    return str((await school.one("members", conversationId=conversation, userId=person.id))["_id"])


async def invite(manager: Person, conversation: str, person: Person, **more: Json) -> Answer:
    data = {"conversationId": conversation, "userId": person.id, **more}
    return await manager.rest("create", "members", data=data)


async def acknowledge(person: Person, conversation: str, **cursors: Json) -> Answer:
    return await person.rest("acknowledge", "members", data={"conversationId": conversation, **cursors})


async def counts(conversation: str) -> tuple[int, int]:
    """How many members the conversation says it has, and how many there are."""
    found = await Conversation.documents().find_one({"_id": ObjectId(conversation)})
    assert found is not None
    there = await Member.documents().count_documents({"conversationId": ObjectId(conversation)})
    return found["memberCount"], there


async def test_managers_let_people_in(school: School) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    talk = await talk_of(ada, ben)
    await write(ada, talk)
    async with cleo.socket() as socket:
        answer = await invite(ada, talk, cleo)
        heard = await socket.next("members created")
    assert answer.code == 201
    assert (heard["userId"], heard["role"], heard["readSeq"]) == (cleo.id, "member", 0)
    assert (await cleo.rest("find", "messages", query={"conversationId": talk})).body["total"] == 1
    assert await counts(talk) == (3, 3)


async def test_members_do_not_let_people_in(school: School) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    talk = await talk_of(ada, ben)
    assert (await invite(ben, talk, cleo)).code == 403
    assert (await invite(cleo, talk, cleo)).code == 403
    assert await counts(talk) == (2, 2)


async def test_nobody_is_in_a_conversation_twice(school: School) -> None:
    ada, *others = [await newcomer(school) for _ in range(4)]
    talk = await talk_of(ada)
    answers = await asyncio.gather(*(invite(ada, talk, person) for person in others * 3))
    assert sorted(answer.code for answer in answers) == [201] * 3 + [409] * 6
    assert await counts(talk) == (4, 4)


async def test_people_of_other_schools_are_not_let_in(school: School) -> None:
    ada, dan = await newcomer(school), await school.person("dan")
    answer = await invite(ada, await talk_of(ada), dan)
    assert answer.code == 400
    assert answer.body["errors"] == {"userId": f"no such user: {dan.id}"}


async def test_a_direct_conversation_stays_between_two(school: School) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    talk = await talk_of(ada, ben, kind="direct")
    assert (await invite(ada, talk, cleo)).code == 400
    assert (await ben.rest("remove", "members", id=await place_of(school, talk, ben))).code == 400
    assert await counts(talk) == (2, 2)


async def test_a_conversation_that_is_full_takes_nobody(school: School) -> None:
    slug = await new_school(school)
    admin, ada, ben = [await newcomer(school, role, at=slug) for role in ("admin", "student", "student")]
    settings = {"settings": {"maxGroupMembers": 2}}
    assert (await admin.rest("patch", "schools", id=admin.user["schoolId"], data=settings)).code == 200
    talk = await talk_of(admin, ada)
    refused = await invite(admin, talk, ben)
    assert refused.code == 400
    assert refused.body["data"] == {"limit": 2}


async def test_only_admins_of_the_conversation_give_roles(school: School) -> None:
    ada, ben, cleo, finn = [await newcomer(school) for _ in range(4)]
    talk = await talk_of(ada, ben, cleo)
    place, other = await place_of(school, talk, ben), await place_of(school, talk, cleo)
    moderator = {"role": "moderator"}
    assert (await ben.rest("patch", "members", id=place, data=moderator)).code == 403
    assert (await ada.rest("patch", "members", id=place, data=moderator)).body["role"] == "moderator"
    assert (await ben.rest("patch", "members", id=other, data=moderator)).code == 403
    assert (await invite(ben, talk, finn, role="moderator")).code == 403
    assert (await invite(ben, talk, finn)).code == 201


async def test_a_school_s_admin_has_no_say_where_not_a_member(school: School) -> None:
    ada, ben, admin = [await newcomer(school, role) for role in ("student", "student", "admin")]
    talk = await talk_of(ada, ben)
    place = await place_of(school, talk, ben)
    assert (await admin.rest("get", "members", id=place)).code == 404
    assert (await admin.rest("patch", "members", id=place, data={"role": "admin"})).code == 404
    assert (await admin.rest("remove", "members", id=place)).code == 404
    assert (await invite(admin, talk, admin)).code == 403


async def test_a_member_leaves_and_everybody_concerned_hears_it(school: School) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    talk = await talk_of(ada, ben)
    async with ada.socket() as member, ben.socket() as leaving, cleo.socket() as outsider:
        answer = await ben.rest("remove", "members", id=await place_of(school, talk, ben))
        assert answer.code == 200
        for socket in (member, leaving):
            assert (await socket.next("members removed"))["userId"] == ben.id
        assert await has_not_heard(outsider, "members removed")
    assert (await ben.rest("get", "conversations", id=talk)).code == 404
    assert await counts(talk) == (1, 1)


async def test_managers_remove_members_and_members_do_not(school: School) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    talk = await talk_of(ada, ben, cleo)
    place = await place_of(school, talk, cleo)
    assert (await ben.rest("remove", "members", id=place)).code == 403
    assert (await ada.rest("remove", "members", id=place)).code == 200
    assert (await ada.rest("remove", "members", id=place)).code == 404
    assert await counts(talk) == (2, 2)


async def test_members_are_not_removed_all_at_once(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    async with ada.socket() as socket:
        answer = await socket.call("remove", "members", query={"conversationId": talk})
    assert answer.code in {400, 405}
    assert await counts(talk) == (2, 2)


@pytest.mark.parametrize("field", ["readSeq", "deliveredSeq", "userId", "conversationId", "joinedAt"])
async def test_a_place_is_not_patched_into_another(school: School, field: str) -> None:
    ada = await newcomer(school)
    place = await place_of(school, await talk_of(ada), ada)
    answer = await ada.rest("patch", "members", id=place, data={field: 1})
    assert answer.body["errors"] == {field: "Unknown field."}


async def test_everybody_mutes_for_oneself_only(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    place = await place_of(school, talk, ben)
    assert (await ada.rest("patch", "members", id=place, data={"mutedUntil": FUTURE})).code == 403
    both = {"mutedUntil": FUTURE, "role": "moderator"}
    assert (await ada.rest("patch", "members", id=place, data=both)).code == 403
    assert (await ben.rest("patch", "members", id=place, data=both)).code == 403
    muted = await ben.rest("patch", "members", id=place, data={"mutedUntil": FUTURE})
    assert (muted.body["mutedUntil"], muted.body["role"]) == (FUTURE, "member")
    shown = await ada.rest("get", "members", id=place)
    assert "mutedUntil" not in shown.body
    assert (await ben.rest("get", "members", id=place)).body["mutedUntil"] == FUTURE
    heard_again = await ben.rest("patch", "members", id=place, data={"mutedUntil": None})
    assert heard_again.body["mutedUntil"] is None


async def test_another_s_place_is_not_touched_at_all(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    answer = await ben.rest("patch", "members", id=await place_of(school, talk, ada), data={})
    assert answer.code == 403


async def test_cursors_only_go_forward(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    for _ in range(5):
        await write(ada, talk)
    steps: list[tuple[Json, tuple[int, int], list[str]]] = [
        ({"deliveredSeq": 3}, (3, 0), ["delivered"]),
        ({"readSeq": 2}, (3, 2), ["read"]),
        ({"readSeq": 4}, (4, 4), ["delivered", "read"]),
        ({"readSeq": 1, "deliveredSeq": 1}, (4, 4), []),
        ({"deliveredSeq": 5, "readSeq": 4}, (5, 4), ["delivered"]),
        ({}, (5, 4), []),
    ]
    for cursors, reached, moved in steps:
        answer = await acknowledge(ben, talk, **cursors)
        assert answer.code in {200, 201}
        assert (answer.body["deliveredSeq"], answer.body["readSeq"]) == reached
        assert answer.body["moved"] == moved


async def test_cursors_that_move_at_once_end_at_the_farthest(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    for _ in range(10):
        await write(ada, talk)
    await asyncio.gather(*(acknowledge(ben, talk, readSeq=seq) for seq in (4, 10, 1, 7, 9, 2)))
    place = await school.one("members", conversationId=talk, userId=ben.id)
    assert (place["deliveredSeq"], place["readSeq"]) == (10, 10)


@pytest.mark.parametrize("cursor", ["deliveredSeq", "readSeq"])
async def test_nobody_has_read_what_is_not_written(school: School, cursor: str) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    await write(ada, talk)
    answer = await acknowledge(ben, talk, **{cursor: 2})
    assert answer.code == 400
    assert list(answer.body["errors"]) == [cursor]
    async with ben.socket() as socket:
        event = "message:read" if cursor == "readSeq" else "message:delivered"
        refused = await socket.say(event, {"conversationId": talk, "seq": 2})
    assert refused["error"]["errors"] == {"seq": answer.body["errors"][cursor]}


async def test_receipts_reach_members_only_and_once(school: School) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    talk = await talk_of(ada, ben)
    await write(ada, talk)
    async with ada.socket() as sender, ben.socket() as reader, cleo.socket() as outsider:
        moved = {"conversationId": talk, "seq": 1}
        assert await reader.say("message:delivered", moved) == {
            "conversationId": talk,
            "deliveredSeq": 1,
            "readSeq": 0,
        }
        assert (await reader.say("message:read", moved))["readSeq"] == 1
        await reader.say("message:read", moved)
        for socket in (sender, reader):
            for event in ("message:delivered", "message:read"):
                heard = await socket.next(event)
                assert heard.keys() == {"conversationId", "userId", "seq", "at"}
                assert (heard["conversationId"], heard["userId"], heard["seq"]) == (talk, ben.id, 1)
        for socket, event in ((sender, "message:read"), (outsider, "message:read")):
            assert await has_not_heard(socket, event)
        assert await has_not_heard(outsider, "message:delivered")


async def test_who_has_left_acknowledges_nothing(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    await write(ada, talk)
    assert (await ben.rest("remove", "members", id=await place_of(school, talk, ben))).code == 200
    assert (await acknowledge(ben, talk, readSeq=1)).code == 403
    async with ben.socket() as socket:
        answer = await socket.say("message:read", {"conversationId": talk, "seq": 1})
    assert answer["error"]["code"] == 403
