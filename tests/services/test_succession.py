"""Who manages a conversation when those who did are gone, or are no staff any more."""

from __future__ import annotations

import pytest
from bson import ObjectId

from stonechat.models import Conversation, Delivery, Member
from tests.support.people import newcomer, talk_of
from tests.support.school import Json, Person, School

LED_BY_STAFF = ("announcement", "class", "department", "channel")
LED_BY_ANYBODY = ("group", "club")


async def roles_of(conversation: str) -> dict[str, str]:
    members = await Member.documents().find({"conversationId": ObjectId(conversation)}).to_list()
    return {str(member["userId"]): member["role"] for member in members}


async def class_of(admin: Person) -> str:
    lesson = await admin.rest("create", "classes", data={"name": f"Class {ObjectId()}"})
    return str(lesson.body["_id"])


async def talk_of_kind(admin: Person, kind: str, *people: Person) -> str:
    """A conversation made by ``admin`` with the others for members."""
    more: Json = {"classId": await class_of(admin)} if kind == "class" else {}
    talk = await talk_of(admin, kind=kind, **more)
    for person in people:
        data = {"conversationId": talk, "userId": person.id}
        assert (await admin.rest("create", "members", data=data)).code == 201
    return talk


async def set_role(admin: Person, talk: str, person: Person, role: str) -> None:
    query = {"conversationId": talk, "userId": person.id}
    (place,) = (await admin.rest("find", "members", query=query)).body["data"]
    assert (await admin.rest("patch", "members", id=place["_id"], data={"role": role})).code == 200


@pytest.mark.parametrize("kind", LED_BY_STAFF)
async def test_only_staff_follows_in_what_is_led_by_staff(school: School, kind: str) -> None:
    admin, head, ada, rivera = [
        await newcomer(school, role) for role in ("admin", "admin", "student", "teacher")
    ]
    with_staff = await talk_of_kind(head, kind, ada, rivera)
    without = await talk_of_kind(head, kind, ada)
    await set_role(head, with_staff, ada, "moderator")
    assert (await admin.rest("remove", "users", id=head.id)).code == 200
    assert await roles_of(with_staff) == {ada.id: "moderator", rivera.id: "admin"}
    assert await roles_of(without) == {ada.id: "member"}


@pytest.mark.parametrize("kind", LED_BY_ANYBODY)
async def test_elsewhere_anybody_follows(school: School, kind: str) -> None:
    admin, rivera, ada = [await newcomer(school, role) for role in ("admin", "teacher", "student")]
    talk = await talk_of_kind(rivera, kind, ada)
    assert (await admin.rest("remove", "users", id=rivera.id)).code == 200
    assert await roles_of(talk) == {ada.id: "admin"}


async def test_whoever_comes_to_teach_a_class_follows_where_nobody_could(school: School) -> None:
    admin, head, ada, rivera = [
        await newcomer(school, role) for role in ("admin", "admin", "student", "teacher")
    ]
    lesson = await class_of(admin)
    talk = await talk_of(head, kind="class", classId=lesson)
    enrolled = {"classId": lesson, "userId": ada.id}
    assert (await admin.rest("create", "class-enrollments", data=enrolled)).code == 201
    assert (await admin.rest("remove", "users", id=head.id)).code == 200
    assert await roles_of(talk) == {ada.id: "member"}
    taught = {"classId": lesson, "userId": rivera.id}
    async with ada.socket() as socket:
        assert (await admin.rest("create", "class-teachers", data=taught)).code == 201
        assert (await socket.next("members created"))["userId"] == rivera.id
        assert (await socket.next("members patched"))["role"] == "admin"
    assert await roles_of(talk) == {ada.id: "member", rivera.id: "admin"}


async def test_who_is_no_staff_any_more_manages_nothing_that_staff_leads(school: School) -> None:
    admin, rivera, ada = [await newcomer(school, role) for role in ("admin", "teacher", "student")]
    for_staff = [await talk_of_kind(admin, kind, rivera, ada) for kind in LED_BY_STAFF]
    for talk, role in zip(for_staff, ("admin", "moderator", "admin", "moderator"), strict=True):
        await set_role(admin, talk, rivera, role)
    own = await talk_of_kind(rivera, "announcement", ada)
    group = await talk_of_kind(rivera, "group", ada)
    direct = await talk_of(rivera, ada, kind="direct")
    async with ada.socket() as socket:
        changed = await admin.rest("patch", "users", id=rivera.id, data={"role": "student"})
        assert changed.code == 200
        heard = [await socket.next("members patched") for _ in range(5)]
    assert {one["conversationId"] for one in heard} == {*for_staff, own}
    assert {(one["userId"], one["role"]) for one in heard} == {(rivera.id, "member")}
    for talk in for_staff:
        assert (await roles_of(talk))[rivera.id] == "member"
    assert await roles_of(own) == {rivera.id: "member", ada.id: "member"}
    assert await roles_of(group) == {rivera.id: "admin", ada.id: "member"}
    assert (await roles_of(direct))[rivera.id] == "member"
    for one in heard:
        conversation = await Conversation.documents().find_one({"_id": ObjectId(one["conversationId"])})
        assert conversation is not None
        assert conversation["revision"] == one["revision"]
        noted = {"conversationId": conversation["_id"], "revision": one["revision"]}
        delivery = await Delivery.documents().find_one(noted)
        assert delivery is not None
        assert (delivery["path"], str(delivery["recordId"])) == ("members", one["_id"])


@pytest.mark.parametrize(
    ("role", "new"), [("teacher", "admin"), ("admin", "teacher"), ("student", "student")]
)
async def test_who_stays_what_the_role_asks_for_keeps_managing(school: School, role: str, new: str) -> None:
    head, person = await newcomer(school, "admin"), await newcomer(school, role)
    talk = await talk_of_kind(head, "channel", person)
    await set_role(head, talk, person, "moderator")
    assert (await head.rest("patch", "users", id=person.id, data={"role": new})).code == 200
    assert (await roles_of(talk))[person.id] == "moderator"
