"""Classes and the places in them: class-teachers and class-enrollments."""

from __future__ import annotations

import asyncio

import pytest
from bson import ObjectId

from stonechat.models import Conversation
from tests.support.people import has_not_heard, newcomer, talk_of
from tests.support.school import Answer, Json, Person, School

PLACES = {"teacher": "class-teachers", "student": "class-enrollments"}


async def new_class(admin: Person, **more: Json) -> str:
    answer = await admin.rest("create", "classes", data={"name": f"Class {ObjectId()}", **more})
    assert answer.code == 201, answer
    return str(answer.body["_id"])


async def place(admin: Person, lesson: str, person: Person, path: str | None = None) -> Answer:
    data = {"classId": lesson, "userId": person.id}
    return await admin.rest("create", path or PLACES[person.user["role"]], data=data)


async def members_of(person: Person, talk: str) -> set[str]:
    found = await person.rest("find", "members", query={"conversationId": talk})
    return {member["userId"] for member in found.body["data"]}


async def roles_of(person: Person, talk: str) -> dict[str, str]:
    found = await person.rest("find", "members", query={"conversationId": talk})
    return {member["userId"]: member["role"] for member in found.body["data"]}


async def test_admins_keep_the_classes_and_everybody_sees_them(school: School) -> None:
    admin, ada = await newcomer(school, "admin"), await newcomer(school)
    lesson = await new_class(admin, subject="Latin")
    renamed = f"Class {ObjectId()}"
    assert (await admin.rest("patch", "classes", id=lesson, data={"name": renamed})).code == 200
    seen = (await ada.rest("get", "classes", id=lesson)).body
    assert (seen["name"], seen["subject"]) == (renamed, "Latin")
    assert "changes" not in seen
    assert (await ada.rest("find", "classes", query={"subject": "Latin"})).body["total"] >= 1


async def test_a_name_is_one_class_of_the_school(school: School) -> None:
    admin = await newcomer(school, "admin")
    name = f"Class {ObjectId()}"
    await new_class(admin, name=name)
    again = await admin.rest("create", "classes", data={"name": name})
    assert again.code == 409
    assert list(again.body["errors"]) == ["name"]


@pytest.mark.parametrize("role", ["student", "teacher"])
@pytest.mark.parametrize("path", ["classes", "class-teachers", "class-enrollments"])
async def test_others_than_admins_change_nothing(school: School, role: str, path: str) -> None:
    admin, person, other = [await newcomer(school, one) for one in ("admin", role, "student")]
    lesson = await new_class(admin)
    data = {"name": "Mine"} if path == "classes" else {"classId": lesson, "userId": person.id}
    assert (await person.rest("create", path, data=data)).code == 403
    record = lesson
    if path != "classes":
        placed = other if path == "class-enrollments" else await newcomer(school, "teacher")
        record = (await place(admin, lesson, placed)).body["_id"]
    assert (await person.rest("remove", path, id=record)).code == 403
    assert (await admin.rest("get", path, id=record)).code == 200


@pytest.mark.parametrize(
    ("role", "path"),
    [
        ("student", "class-teachers"),
        ("teacher", "class-enrollments"),
        ("admin", "class-teachers"),
        ("admin", "class-enrollments"),
    ],
)
async def test_teachers_teach_and_students_are_enrolled(school: School, role: str, path: str) -> None:
    admin, person = await newcomer(school, "admin"), await newcomer(school, role)
    answer = await place(admin, await new_class(admin), person, path)
    wanted = "teacher" if path == "class-teachers" else "student"
    assert answer.code == 400
    assert answer.body["errors"] == {"userId": f"is not a {wanted}"}


@pytest.mark.parametrize("path", PLACES.values())
async def test_class_and_person_are_of_the_school(school: School, path: str) -> None:
    admin = await newcomer(school, "admin")
    role = "teacher" if path == "class-teachers" else "student"
    own, stranger = await newcomer(school, role), await newcomer(school, role, at="other-school")
    foreign = await new_class(await newcomer(school, "admin", at="other-school"))
    wrong_class = await place(admin, foreign, own)
    assert (wrong_class.code, wrong_class.body["errors"]) == (400, {"classId": "no such class"})
    wrong_person = await place(admin, await new_class(admin), stranger)
    assert (wrong_person.code, list(wrong_person.body["errors"])) == (400, ["userId"])


@pytest.mark.parametrize("role", PLACES)
async def test_a_person_is_in_a_class_once(school: School, role: str) -> None:
    admin, person = await newcomer(school, "admin"), await newcomer(school, role)
    lesson = await new_class(admin)
    answers = await asyncio.gather(*(place(admin, lesson, person) for _ in range(4)))
    assert sorted(answer.code for answer in answers) == [201, 409, 409, 409]


async def test_students_see_their_own_places_and_staff_all(school: School) -> None:
    admin, teacher, ada, ben = [
        await newcomer(school, role) for role in ("admin", "teacher", "student", "student")
    ]
    lesson = await new_class(admin)
    places = {person: (await place(admin, lesson, person)).body["_id"] for person in (ada, ben)}
    query = {"classId": lesson}
    for person, seen in ((ada, {places[ada]}), (teacher, {*places.values()}), (admin, {*places.values()})):
        found = (await person.rest("find", "class-enrollments", query=query)).body["data"]
        assert {one["_id"] for one in found} == seen
    assert (await ada.rest("get", "class-enrollments", id=places[ben])).code == 404
    async with ada.socket() as own, ben.socket() as other, teacher.socket() as staff:
        assert (await admin.rest("remove", "class-enrollments", id=places[ada])).code == 200
        for socket in (own, staff):
            await socket.next("class-enrollments removed")
        assert await has_not_heard(other, "class-enrollments removed")


@pytest.mark.parametrize("role", PLACES)
async def test_who_joins_or_leaves_a_class_joins_or_leaves_its_conversation(
    school: School, role: str
) -> None:
    admin, person = await newcomer(school, "admin"), await newcomer(school, role)
    lesson, other = await new_class(admin), await new_class(admin)
    talk = await talk_of(admin, kind="class", classId=lesson)
    await talk_of(admin, kind="class", classId=other)
    assert await members_of(admin, talk) == {admin.id}
    async with person.socket() as socket:
        placed = await place(admin, lesson, person)
        assert (await socket.next("members created"))["conversationId"] == talk
        assert await members_of(person, talk) == {admin.id, person.id}
        assert (await person.rest("get", "conversations", id=talk)).body["memberCount"] == 2
        assert (await admin.rest("remove", PLACES[role], id=placed.body["_id"])).code == 200
        assert (await socket.next("members removed"))["conversationId"] == talk
    assert await members_of(admin, talk) == {admin.id}
    assert (await person.rest("get", "conversations", id=talk)).code == 404


async def test_who_is_a_member_already_stays_one_and_moderates_as_a_teacher(school: School) -> None:
    admin, teacher, ada = [await newcomer(school, role) for role in ("admin", "teacher", "student")]
    lesson = await new_class(admin)
    talk = await talk_of(admin, ada, teacher, kind="class", classId=lesson)
    for person in (ada, teacher):
        assert (await place(admin, lesson, person)).code == 201
    assert await roles_of(admin, talk) == {admin.id: "admin", ada.id: "member", teacher.id: "moderator"}


async def test_who_teaches_a_class_moderates_its_conversation(school: School) -> None:
    admin, first, second, ada = [
        await newcomer(school, role) for role in ("admin", "teacher", "teacher", "student")
    ]
    lesson = await new_class(admin)
    placed = await place(admin, lesson, first)
    talk = await talk_of(first, kind="class", classId=lesson)
    for person in (second, ada):
        assert (await place(admin, lesson, person)).code == 201
    assert await roles_of(ada, talk) == {first.id: "admin", second.id: "moderator", ada.id: "member"}
    assert (await admin.rest("remove", "class-teachers", id=placed.body["_id"])).code == 200
    assert await roles_of(ada, talk) == {second.id: "admin", ada.id: "member"}


async def test_no_student_follows_where_nobody_teaches_a_class_any_more(school: School) -> None:
    admin, teacher, ada, ben = [
        await newcomer(school, role) for role in ("admin", "teacher", "student", "student")
    ]
    lesson = await new_class(admin)
    taught = (await place(admin, lesson, teacher)).body["_id"]
    talk = await talk_of(teacher, kind="class", classId=lesson)
    for person in (ada, ben):
        assert (await place(admin, lesson, person)).code == 201
    assert (await admin.rest("remove", "class-teachers", id=taught)).code == 200
    assert await roles_of(ada, talk) == {ada.id: "member", ben.id: "member"}


async def test_people_who_join_a_class_at_once_are_all_in_its_conversation(school: School) -> None:
    admin, people = await newcomer(school, "admin"), [await newcomer(school) for _ in range(5)]
    lesson = await new_class(admin)
    talk = await talk_of(admin, kind="class", classId=lesson)
    answers = await asyncio.gather(*(place(admin, lesson, person) for person in people))
    assert {answer.code for answer in answers} == {201}
    assert await members_of(admin, talk) == {admin.id, *(person.id for person in people)}
    assert (await admin.rest("get", "conversations", id=talk)).body["memberCount"] == 6


async def test_a_place_that_its_conversation_refuses_is_not_given(school: School) -> None:
    admin, ada = await newcomer(school, "admin"), await newcomer(school)
    lesson = await new_class(admin)
    talks = [await talk_of(admin, kind="class", classId=lesson) for _ in range(2)]
    # A conversation that counts with a text cannot count one more: the second join fails, in the database.
    broken = {"$set": {"memberCount": "many"}}
    conversations = Conversation.documents()
    await conversations.update_one({"_id": ObjectId(talks[1])}, broken)
    async with admin.socket() as socket:
        assert (await place(admin, lesson, ada)).code == 500
        assert await has_not_heard(socket, "members created")
    assert await members_of(admin, talks[0]) == {admin.id}
    assert (await admin.rest("find", "class-enrollments", query={"classId": lesson})).body["total"] == 0
    await conversations.update_one({"_id": ObjectId(talks[1])}, {"$set": {"memberCount": 1}})
    assert (await place(admin, lesson, ada)).code == 201
    for talk in talks:
        assert await members_of(admin, talk) == {admin.id, ada.id}


async def test_who_changes_the_role_leaves_the_classes_of_the_old_one(school: School) -> None:
    admin, teacher, ada = [await newcomer(school, role) for role in ("admin", "teacher", "student")]
    lesson = await new_class(admin)
    for person in (teacher, ada):
        assert (await place(admin, lesson, person)).code == 201
    talk = await talk_of(teacher, kind="class", classId=lesson)
    assert (await admin.rest("patch", "users", id=ada.id, data={"role": "teacher"})).code == 200
    assert await roles_of(teacher, talk) == {teacher.id: "admin"}


async def test_who_has_no_account_any_more_is_in_no_class_conversation(school: School) -> None:
    admin, teacher, ada = [await newcomer(school, role) for role in ("admin", "teacher", "student")]
    lesson = await new_class(admin)
    for person in (teacher, ada):
        assert (await place(admin, lesson, person)).code == 201
    talk = await talk_of(teacher, kind="class", classId=lesson)
    async with teacher.socket() as socket:
        assert (await admin.rest("remove", "users", id=ada.id)).code == 200
        removed = await socket.next("members removed")
        assert (removed["userId"], removed["conversationId"]) == (ada.id, talk)
        await socket.next("class-enrollments removed")
        assert await has_not_heard(socket, "members removed")
    assert await roles_of(teacher, talk) == {teacher.id: "admin"}


async def test_a_class_that_is_removed_takes_its_places_along(school: School) -> None:
    admin, teacher, ada = [await newcomer(school, role) for role in ("admin", "teacher", "student")]
    lesson, kept = await new_class(admin), await new_class(admin)
    for one in (lesson, kept):
        for person in (teacher, ada):
            assert (await place(admin, one, person)).code == 201
    talk = await talk_of(admin, kind="class", classId=lesson)
    assert await members_of(admin, talk) == {admin.id, teacher.id, ada.id}
    assert (await admin.rest("remove", "classes", id=lesson)).code == 200
    for path, person in (("class-teachers", teacher), ("class-enrollments", ada)):
        left = (await admin.rest("find", path, query={"userId": person.id})).body["data"]
        assert [one["classId"] for one in left] == [kept]
    assert await members_of(admin, talk) == {admin.id}


async def test_a_place_is_given_and_taken_but_not_changed(school: School) -> None:
    admin, ada = await newcomer(school, "admin"), await newcomer(school)
    placed = (await place(admin, await new_class(admin), ada)).body
    for method in ("patch", "update"):
        answer = await admin.rest(method, "class-enrollments", id=placed["_id"], data={"userId": admin.id})
        assert answer.code == 405
