from __future__ import annotations

import asyncio

import pytest
from bson import ObjectId

from stonechat.models import Conversation, Member
from tests.support.people import has_not_heard, new_school, newcomer, talk_of, write
from tests.support.school import Answer, Json, Person, School

UNREAD_SHOWN = 100


async def create(person: Person, **data: Json) -> Answer:
    return await person.rest("create", "conversations", data=data)


async def view(person: Person, conversation: str) -> Json:
    answer = await person.rest("get", "conversations", id=conversation)
    assert answer.code == 200, answer
    return answer.body


async def members_of(conversation: str) -> dict[str, str]:
    """Each member's role."""
    places = await Member.documents().find({"conversationId": ObjectId(conversation)}).to_list()
    return {str(place["userId"]): place["role"] for place in places}


async def class_of(school: School, *people: Person, at: str = "demo-high") -> str:
    """A new class with these people in it; its id."""
    admin = await newcomer(school, "admin", at=at)
    lesson = (await admin.rest("create", "classes", data={"name": f"Class {ObjectId()}"})).body["_id"]
    for person in people:
        path = "class-teachers" if person.user["role"] == "teacher" else "class-enrollments"
        answer = await admin.rest("create", path, data={"classId": lesson, "userId": person.id})
        assert answer.code == 201
    return str(lesson)


async def test_whoever_makes_a_conversation_is_its_admin(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    answer = await create(ada, kind="group", name="A talk", memberIds=[ben.id, ben.id, ada.id])
    assert answer.code == 201
    assert answer.body["createdBy"] == ada.id
    assert await members_of(answer.body["_id"]) == {ada.id: "admin", ben.id: "member"}
    assert answer.body["memberCount"] == 2
    invited = {"conversationId": answer.body["_id"], "userId": (await newcomer(school)).id}
    placed = (await ada.rest("create", "members", data=invited)).body
    there = await ada.rest("find", "members", query={"conversationId": answer.body["_id"]})
    shapes = {frozenset(place) - {"mutedUntil"} for place in there.body["data"]}
    assert shapes == {frozenset(placed)}


async def test_two_people_have_one_direct_conversation(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    first = await create(ada, kind="direct", memberIds=[ben.id])
    again = await create(ben, kind="direct", memberIds=[ada.id])
    assert (first.code, again.code) == (201, 200)
    assert again.body["_id"] == first.body["_id"]
    assert len(await members_of(first.body["_id"])) == 2


async def test_both_ask_for_their_direct_conversation_at_once(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    async with ada.socket() as socket:
        answers = await asyncio.gather(
            *(create(ada, kind="direct", memberIds=[ben.id]) for _ in range(5)),
            *(create(ben, kind="direct", memberIds=[ada.id]) for _ in range(5)),
        )
        await socket.next("conversations created")
        assert await has_not_heard(socket, "conversations created")
    assert sorted(answer.code for answer in answers) == [200] * 9 + [201]
    assert len({answer.body["_id"] for answer in answers}) == 1
    assert {answer.body["unread"] for answer in answers if answer.code == 200} == {0}
    assert await Conversation.documents().count_documents({"directKey": answers[0].body["directKey"]}) == 1
    assert len(await members_of(answers[0].body["_id"])) == 2


@pytest.mark.parametrize("others", [0, 2])
async def test_a_direct_conversation_is_between_two(school: School, others: int) -> None:
    people = [await newcomer(school) for _ in range(others)]
    ada = await newcomer(school)
    answer = await create(ada, kind="direct", memberIds=[ada.id, *(person.id for person in people)])
    assert answer.code == 400
    assert list(answer.body["errors"]) == ["memberIds"]


async def test_clients_set_nothing_that_the_server_keeps(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    kept = {"directKey": "a:b", "clock": 9, "memberCount": 9, "createdBy": ben.id, "lastMessage": None}
    for field, value in kept.items():
        answer = await create(ada, kind="group", name="A talk", **{field: value})
        assert answer.body["errors"] == {field: "Unknown field."}
        patched = await ada.rest("patch", "conversations", id=talk, data={field: value})
        assert patched.body["errors"] == {field: "Unknown field."}
    assert (await ada.rest("find", "conversations", query={"directKey": "a:b"})).code == 400


@pytest.mark.parametrize("kind", ["department", "club", "channel", "announcement"])
async def test_only_staff_make_the_school_s_own_kinds(school: School, kind: str) -> None:
    student, teacher = await newcomer(school), await newcomer(school, "teacher")
    assert (await create(student, kind=kind, name="A talk")).code == 403
    assert (await create(teacher, kind=kind, name="A talk")).code == 201


async def test_a_class_has_a_conversation_by_who_teaches_it(school: School) -> None:
    teacher, other, student = [await newcomer(school, role) for role in ("teacher", "teacher", "student")]
    lesson = await class_of(school, teacher, student)
    data = {"kind": "class", "name": "Latin", "classId": lesson}
    assert (await create(student, **data)).code == 403
    assert (await create(other, **data)).code == 403
    assert (await create(teacher, **data)).code == 201


async def test_everybody_of_the_class_is_in_its_conversation(school: School) -> None:
    teacher, ada, ben, guest = [
        await newcomer(school, role) for role in ("teacher", "student", "student", "teacher")
    ]
    lesson = await class_of(school, teacher, ada, ben)
    talk = await talk_of(teacher, guest, ada, kind="class", classId=lesson)
    expected = {teacher.id: "admin", ada.id: "member", ben.id: "member", guest.id: "member"}
    assert await members_of(talk) == expected
    assert (await view(ben, talk))["memberCount"] == 4


async def test_an_admin_makes_the_conversation_of_any_class(school: School) -> None:
    admin, ada = await newcomer(school, "admin"), await newcomer(school)
    talk = await talk_of(admin, kind="class", classId=await class_of(school, ada))
    assert await members_of(talk) == {admin.id: "admin", ada.id: "member"}


async def test_a_class_of_another_school_is_no_class(school: School) -> None:
    admin = await newcomer(school, "admin")
    elsewhere = await class_of(school, at="other-school")
    for lesson in (elsewhere, str(ObjectId())):
        answer = await create(admin, kind="class", name="Latin", classId=lesson)
        assert answer.code == 400
        assert answer.body["errors"] == {"classId": "no such class"}


async def test_only_a_class_conversation_has_a_class(school: School) -> None:
    admin = await newcomer(school, "admin")
    lesson = await class_of(school)
    assert (await create(admin, kind="group", name="A talk", classId=lesson)).code == 400
    assert (await create(admin, kind="class", name="A talk")).code == 400


async def test_members_are_people_of_the_school(school: School) -> None:
    ada, ben, dan = await newcomer(school), await newcomer(school), await school.person("dan")
    for kind in ("group", "direct"):
        for stranger in (dan.id, str(ObjectId())):
            others = [stranger] if kind == "direct" else [ben.id, stranger]
            answer = await create(ada, kind=kind, name="A talk", memberIds=others)
            assert answer.code == 400
            assert answer.body["errors"] == {"memberIds": f"no such user: {stranger}"}


async def test_a_conversation_has_no_more_members_than_the_school_allows(school: School) -> None:
    slug = await new_school(school)
    admin, *people = [await newcomer(school, role, at=slug) for role in ("admin", *["student"] * 3)]
    settings = {"settings": {"maxGroupMembers": 3}}
    assert (await admin.rest("patch", "schools", id=admin.user["schoolId"], data=settings)).code == 200
    ids = [person.id for person in people]
    refused = await create(admin, kind="group", name="A talk", memberIds=ids)
    assert refused.code == 400
    assert list(refused.body["errors"]) == ["memberIds"]
    assert (await create(admin, kind="group", name="A talk", memberIds=ids[:2])).code == 201


async def test_members_see_what_is_new_for_them(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    messages = [await write(ada, talk) for _ in range(4)]
    await write(ben, talk)
    assert (await view(ben, talk))["unread"] == 4
    assert (await view(ada, talk))["unread"] == 1
    assert (await ada.rest("remove", "messages", id=messages[3]["_id"])).code == 200
    assert (await view(ben, talk))["unread"] == 3
    read = {"conversationId": talk, "readSeq": 2}
    assert (await ben.rest("acknowledge", "members", data=read)).code == 200
    seen = await view(ben, talk)
    assert {key: seen[key] for key in ("unread", "readSeq", "deliveredSeq")} == {
        "unread": 1,
        "readSeq": 2,
        "deliveredSeq": 2,
    }
    listed = (await ben.rest("find", "conversations")).body["data"]
    assert [(one["_id"], one["unread"]) for one in listed] == [(talk, 1)]


async def test_unread_messages_are_counted_up_to_a_hundred(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    await asyncio.gather(*(write(ada, talk) for _ in range(UNREAD_SHOWN + 2)))
    assert (await view(ben, talk))["unread"] == UNREAD_SHOWN


async def test_what_one_has_read_is_not_in_events(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    await write(ada, talk)
    async with ben.socket() as socket:
        assert (await ada.rest("patch", "conversations", id=talk, data={"name": "New"})).code == 200
        heard = await socket.next("conversations patched")
    assert heard["name"] == "New"
    assert heard.keys().isdisjoint({"unread", "readSeq", "deliveredSeq"})


async def test_managers_rename_and_members_do_not(school: School) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    talk = await talk_of(ada, ben)
    change = {"name": "New", "description": "About it"}
    assert (await ben.rest("patch", "conversations", id=talk, data=change)).code == 403
    assert (await cleo.rest("patch", "conversations", id=talk, data=change)).code == 404
    assert (await ada.rest("patch", "conversations", id=talk, data=change)).code == 200
    seen = await view(ben, talk)
    assert {key: seen[key] for key in change} == change


async def test_a_direct_conversation_has_no_name(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = (await create(ada, kind="direct", memberIds=[ben.id], name="Us")).body
    assert talk["name"] is None
    for person in (ada, ben):
        assert (await person.rest("patch", "conversations", id=talk["_id"], data={"name": "Us"})).code == 400


async def test_only_members_hear_of_a_conversation(school: School) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    admin = await newcomer(school, "admin")
    async with ben.socket() as member, cleo.socket() as outsider, admin.socket() as head:
        talk = await talk_of(ada, ben)
        assert (await member.next("conversations created"))["_id"] == talk
        assert (await ada.rest("patch", "conversations", id=talk, data={"name": "New"})).code == 200
        await member.next("conversations patched")
        for socket in (outsider, head):
            assert await has_not_heard(socket, "conversations created")
            assert await has_not_heard(socket, "conversations patched")


async def test_an_outsider_is_told_of_nothing_also_in_lists(school: School) -> None:
    ada, cleo = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada)
    assert (await cleo.rest("get", "conversations", id=talk)).code == 404
    for query in (
        {},
        {"_id": talk},
        {"_id": {"$in": [talk]}},
        {"$or": [{"_id": talk}]},
        {"createdBy": ada.id},
    ):
        assert (await cleo.rest("find", "conversations", query=query)).body["total"] == 0


async def test_neither_of_two_people_is_above_the_other(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    data = {"kind": "direct", "memberIds": [ben.id]}
    talk = (await ada.rest("create", "conversations", data=data)).body["_id"]
    message = await write(ben, talk)
    assert (await ada.rest("remove", "messages", id=message["_id"])).code == 403


async def test_a_list_of_conversations_is_refused(school: School) -> None:
    ada = await newcomer(school)
    assert (await ada.rest("create", "conversations", data=[{"kind": "group"}])).code == 405
