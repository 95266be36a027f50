from __future__ import annotations

import asyncio

import pytest
from bson import ObjectId

from stonechat.models import AuditEntry, Conversation, Delivery, Member
from tests.support.people import has_not_heard, new_school, newcomer, talk_of, write
from tests.support.school import Answer, Json, Person, School


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
    colleague = await newcomer(school, "teacher")
    lesson = await class_of(school, teacher, colleague, ada, ben)
    talk = await talk_of(teacher, guest, ada, kind="class", classId=lesson)
    assert await members_of(talk) == {
        teacher.id: "admin",
        colleague.id: "moderator",
        ada.id: "member",
        ben.id: "member",
        guest.id: "member",
    }
    assert (await view(ben, talk))["memberCount"] == 5


async def test_who_joins_a_class_while_its_conversation_is_made_is_in_it(school: School) -> None:
    admin, people = await newcomer(school, "admin"), [await newcomer(school) for _ in range(4)]
    lesson = await class_of(school)

    async def join(person: Person) -> Answer:
        data = {"classId": lesson, "userId": person.id}
        return await admin.rest("create", "class-enrollments", data=data)

    joining = asyncio.gather(*(join(person) for person in people))
    talk = await talk_of(admin, kind="class", classId=lesson)
    assert {answer.code for answer in await joining} == {201}
    assert await members_of(talk) == {admin.id: "admin", **{person.id: "member" for person in people}}
    assert (await view(admin, talk))["memberCount"] == 5


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


async def deliveries_of(conversation: str) -> list[tuple[int, str, str]]:
    found = Delivery.documents().find({"conversationId": ObjectId(conversation)}).sort("revision")
    return [(one["revision"], one["path"], one["event"]) for one in await found.to_list()]


async def archive(person: Person, talk: str, archived: bool = True) -> Answer:
    return await person.rest("patch", "conversations", id=talk, data={"archived": archived})


async def set_role(manager: Person, talk: str, person: Person, role: str) -> None:
    query = {"conversationId": talk, "userId": person.id}
    (place,) = (await manager.rest("find", "members", query=query)).body["data"]
    assert (await manager.rest("patch", "members", id=place["_id"], data={"role": role})).code == 200


@pytest.mark.parametrize("transport", ["rest", "socketio"])
async def test_only_admins_of_a_conversation_archive_it(school: School, transport: str) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    talk = await talk_of(ada, ben)
    await set_role(ada, talk, ben, "moderator")
    for person, code in ((ben, 403), (cleo, 404)):
        if transport == "rest":
            answer = await archive(person, talk)
        else:
            async with person.socket() as socket:
                answer = await socket.call("patch", "conversations", id=talk, data={"archived": True})
        assert answer.code == code
    assert (await view(ada, talk))["archivedAt"] is None


async def test_what_is_archived_is_read_and_not_written(school: School) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    talk = await talk_of(ada, ben)
    await write(ben, talk)
    async with ben.socket() as socket:
        assert (await archive(ada, talk)).code == 200
        heard = await socket.next("conversations patched")
        assert heard["archivedAt"] is not None
        hello = {"conversationId": talk, "content": "Hello"}
        for answer in (
            await socket.call("create", "messages", data=hello),
            await ada.rest("create", "messages", data=hello),
        ):
            assert (answer.code, answer.body["data"]["code"]) == (403, "ARCHIVED")
    assert (await ben.rest("find", "messages", query={"conversationId": talk})).body["total"] >= 1
    for path, data in (
        ("members", {"conversationId": talk, "userId": cleo.id}),
        ("conversations", {"name": "New"}),
    ):
        method, own_id = ("create", None) if path == "members" else ("patch", talk)
        answer = await ada.rest(method, path, id=own_id, data=data)
        assert (answer.code, answer.body["data"]["code"]) == (403, "ARCHIVED")
    assert (await archive(ada, talk, archived=False)).body["archivedAt"] is None
    await write(ben, talk)


async def test_archiving_again_changes_nothing(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    first, again = await archive(ada, talk), await archive(ada, talk)
    assert (first.code, again.code) == (200, 200)
    assert first.body["archivedAt"] == again.body["archivedAt"]


async def test_conversations_are_found_by_whether_they_are_archived(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    kept, old = await talk_of(ada), await talk_of(ada)
    foreign = await talk_of(ben)
    for person, talk in ((ada, old), (ben, foreign)):
        assert (await archive(person, talk)).code == 200
    for query, expected in (({}, {kept, old}), ({"archived": True}, {old}), ({"archived": False}, {kept})):
        found = await ada.rest("find", "conversations", query=query)
        assert {one["_id"] for one in found.body["data"]} == expected


async def test_a_direct_conversation_is_not_archived(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben, kind="direct")
    assert (await archive(ada, talk)).code == 400


async def test_what_managers_change_is_in_the_audit_log(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    assert (await archive(ada, talk)).code == 200
    assert (await archive(ada, talk, archived=False)).code == 200
    assert (await ada.rest("patch", "conversations", id=talk, data={"name": "New"})).code == 200
    entries = AuditEntry.documents().find({"subject.id": ObjectId(talk)}).sort("number")
    found = [(one["action"], str(one["actorId"]), one["details"]) for one in await entries.to_list()]
    assert found == [
        ("conversations.patch", ada.id, {"fields": ["archivedAt"], "archived": True}),
        ("conversations.patch", ada.id, {"fields": ["archivedAt"], "archived": False}),
        ("conversations.patch", ada.id, {"fields": ["name"]}),
    ]


async def test_archived_several_times_at_once_it_is_archived_once(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    answers = await asyncio.gather(*(archive(ada, talk) for _ in range(4)))
    assert {answer.code for answer in answers} == {200}
    assert len({answer.body["archivedAt"] for answer in answers}) == 1
    assert await AuditEntry.documents().count_documents({"subject.id": ObjectId(talk)}) == 1


async def test_a_conversation_says_that_it_was_renamed_and_archived(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    assert (await ada.rest("patch", "conversations", id=talk, data={"name": "New"})).code == 200
    assert (await ada.rest("patch", "conversations", id=talk, data={"description": "About it"})).code == 200
    for archived in (True, True, False):
        assert (await archive(ada, talk, archived=archived)).code == 200
    found = (await ben.rest("find", "messages", query={"conversationId": talk})).body["data"]
    assert [(one["type"], one["senderId"], one["content"]) for one in found] == [
        ("system", ada.id, 'renamed the conversation to "New"'),
        ("system", ada.id, "archived the conversation"),
        ("system", ada.id, "reopened the conversation"),
    ]
    forged = {"conversationId": talk, "type": "system", "content": "renamed"}
    assert (await ben.rest("create", "messages", data=forged)).code == 400


async def test_students_announce_nothing_unless_they_may(school: School) -> None:
    admin, teacher, ada = [await newcomer(school, role) for role in ("admin", "teacher", "student")]
    talk = await talk_of(admin, teacher, ada, kind="announcement")
    assert (await view(ada, talk))["writerRoles"] == ["teacher", "admin"]
    await write(teacher, talk)
    hello = {"conversationId": talk, "content": "Hello"}
    assert (await ada.rest("create", "messages", data=hello)).code == 403
    async with ada.socket() as socket:
        assert (await socket.say("message:send", hello))["error"]["code"] == 403
    roles = {"writerRoles": ["student"]}
    assert (await ada.rest("patch", "conversations", id=talk, data=roles)).code == 403
    assert (await admin.rest("patch", "conversations", id=talk, data=roles)).code == 200
    await write(ada, talk)
    assert (await teacher.rest("create", "messages", data=hello)).code == 403


async def test_writer_roles_are_those_of_an_announcement(school: School) -> None:
    teacher = await newcomer(school, "teacher")
    talk = await talk_of(teacher)
    roles = {"writerRoles": ["student"]}
    for answer in (
        await create(teacher, kind="club", name="Chess", **roles),
        await teacher.rest("patch", "conversations", id=talk, data=roles),
        await create(teacher, kind="announcement", name="News", writerRoles=["parent"]),
    ):
        assert answer.code == 400
        assert next(iter(answer.body["errors"])).startswith("writerRoles")


@pytest.mark.parametrize("seconds", [-1, 3601, "10", None])
async def test_slow_mode_is_an_hour_at_most(school: School, seconds: Json) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    answer = await ada.rest("patch", "conversations", id=talk, data={"slowModeSeconds": seconds})
    assert (answer.code, list(answer.body["errors"])) == (400, ["slowModeSeconds"])


async def test_managers_slow_a_conversation_down(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben, slowModeSeconds=30)
    assert (await view(ben, talk))["slowModeSeconds"] == 30
    assert (await ben.rest("patch", "conversations", id=talk, data={"slowModeSeconds": 0})).code == 403
    assert (await ada.rest("patch", "conversations", id=talk, data={"slowModeSeconds": 0})).code == 200
    assert (await view(ben, talk))["slowModeSeconds"] == 0


async def test_each_change_has_its_revision(school: School) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    talk = await talk_of(ada, ben)
    created = await view(ada, talk)
    assert created["revision"] == 1
    data = {"conversationId": talk, "userId": cleo.id}
    async with ben.socket() as socket:
        placed = (await ada.rest("create", "members", data=data)).body
        assert (await socket.next("members created"))["revision"] == placed["revision"] == 2
        await set_role(ada, talk, cleo, "moderator")
        assert (await socket.next("members patched"))["revision"] == 3
        assert (await cleo.rest("remove", "members", id=placed["_id"])).body["revision"] == 4
        assert (await socket.next("members removed"))["revision"] == 4
        about = {"description": "About it"}
        assert (await ada.rest("patch", "conversations", id=talk, data=about)).body["revision"] == 5
        assert (await socket.next("conversations patched"))["revision"] == 5
    assert await deliveries_of(talk) == [
        (1, "conversations", "created"),
        (2, "members", "created"),
        (3, "members", "patched"),
        (4, "members", "removed"),
        (5, "conversations", "patched"),
    ]
    gone = await Delivery.documents().find_one({"conversationId": ObjectId(talk), "revision": 4})
    assert gone is not None
    assert {name: str(value) for name, value in gone["gone"].items()} == {
        "_id": placed["_id"],
        "conversationId": talk,
        "userId": cleo.id,
        "schoolId": ada.user["schoolId"],
        "revision": "4",
    }


async def test_a_blocked_person_is_not_written_to_and_not_added(school: School) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    assert (await ben.rest("create", "blocks", data={"blockedId": ada.id})).code == 201
    group = await talk_of(ada, cleo)
    data = {"conversationId": group, "userId": ben.id}
    for answer in (
        await create(ada, kind="direct", memberIds=[ben.id]),
        await create(ben, kind="direct", memberIds=[ada.id]),
        await create(ada, kind="group", name="A talk", memberIds=[cleo.id, ben.id]),
        await ada.rest("create", "members", data=data),
    ):
        assert (answer.code, answer.body["data"]["code"]) == (403, "BLOCKED")
    assert set(await members_of(group)) == {ada.id, cleo.id}
