from __future__ import annotations

import pytest
from bson import ObjectId

from stonechat.models import User
from tests.support.people import PASSWORD, has_not_heard, new_school, newcomer, talk_of, write
from tests.support.school import Answer, Json, Person, School

NEVER_SEEN = frozenset({"password", "lastSeenAt"})


def account(**changes: Json) -> Json:
    """Data of a new user, whose e-mail nobody has."""
    email = f"{ObjectId()}@new.example"
    return {"email": email, "name": "New", "role": "student", "password": PASSWORD, **changes}


async def log_in(served: School, name: str, password: str = PASSWORD, **more: Json) -> Answer:
    data = {"strategy": "local", "email": name, "password": password, **more}
    return await served.nobody.rest("create", "authentication", data=data)


async def stored(person: Person) -> Json:
    found = await User.documents().find_one({"_id": ObjectId(person.id)})
    assert found is not None
    return found


async def test_a_password_and_the_last_visit_never_leave_the_server(school: School) -> None:
    admin, witness = await newcomer(school, "admin"), await newcomer(school)
    async with admin.socket() as socket, witness.socket() as other:
        created = (await socket.call("create", "users", data=account())).body
        changed = {"name": "Changed", "password": "another-one"}
        answers = [
            created,
            (await log_in(school, created["email"])).body["user"],
            (await admin.rest("get", "users", id=created["_id"])).body,
            (await socket.call("get", "users", id=created["_id"])).body,
            *(await admin.rest("find", "users", query={"_id": created["_id"]})).body["data"],
            *(await socket.call("find", "users", query={"_id": created["_id"]})).body["data"],
            (await admin.rest("patch", "users", id=created["_id"], data=changed)).body,
            (await socket.call("remove", "users", id=created["_id"])).body,
        ]
        answers += [await other.next(f"users {event}") for event in ("created", "patched", "removed")]
    assert {answer["_id"] for answer in answers} == {created["_id"]}
    assert [answer for answer in answers if NEVER_SEEN & answer.keys()] == []


@pytest.mark.parametrize("field", sorted(NEVER_SEEN))
async def test_nobody_asks_for_what_is_never_seen(school: School, field: str) -> None:
    admin = await newcomer(school, "admin")
    queries: list[Json] = [
        {field: "x"},
        {field: {"$ne": None}},
        {"$or": [{field: {"$gt": ""}}]},
        {"$sort": {field: 1}},
        {"$select": [field]},
    ]
    async with admin.socket() as socket:
        for query in queries:
            assert (await admin.rest("find", "users", query=query)).code == 400
            assert (await socket.call("find", "users", query=query)).code == 400


async def test_a_password_is_stored_as_a_hash(school: School) -> None:
    admin = await newcomer(school, "admin")
    person = await newcomer(school)
    assert (await stored(person))["password"].startswith("$argon2")
    changed = await admin.rest("patch", "users", id=person.id, data={"password": "another-one"})
    assert changed.code == 200
    assert (await stored(person))["password"].startswith("$argon2")
    assert (await log_in(school, person.user["email"])).code == 401
    assert (await log_in(school, person.user["email"], "another-one")).code == 201


@pytest.mark.parametrize("role", ["student", "teacher"])
async def test_only_admins_keep_accounts(school: School, role: str) -> None:
    person, other = await newcomer(school, role), await newcomer(school)
    assert (await person.rest("create", "users", data=account())).code == 403
    assert (await person.rest("patch", "users", id=other.id, data={"name": "X"})).code == 403
    assert (await person.rest("remove", "users", id=other.id)).code == 403
    assert (await person.rest("remove", "users", id=person.id)).code == 403


@pytest.mark.parametrize(
    "change",
    [{"role": "admin"}, {"email": "x@new.example"}, {"collegeId": "C1"}, {"password": "another-one"}],
)
async def test_one_changes_one_s_own_name_and_avatar_and_no_more(school: School, change: Json) -> None:
    ada = await newcomer(school)
    own = {"name": "Ada L.", "avatar": "https://example.org/ada.png"}
    answer = await ada.rest("patch", "users", id=ada.id, data=own)
    assert answer.code == 200
    assert {key: answer.body[key] for key in own} == own
    refused = await ada.rest("patch", "users", id=ada.id, data={**own, **change})
    assert refused.code == 403
    assert refused.body["data"] == {"fields": [*change]}


async def test_accounts_are_not_changed_all_at_once(school: School) -> None:
    admin = await newcomer(school, "admin")
    async with admin.socket() as socket:
        assert (await socket.call("patch", "users", data={"name": "X"})).code == 405
        assert (await socket.call("remove", "users", query={"role": "student"})).code in {400, 405}
    assert (await admin.rest("create", "users", data=[account(), account()])).code == 405


async def test_an_e_mail_is_one_whatever_its_case(school: School) -> None:
    admin = await newcomer(school, "admin")
    data = account()
    answer = await admin.rest("create", "users", data={**data, "email": f" {data['email'].upper()} "})
    assert answer.body["email"] == data["email"]
    again = await admin.rest("create", "users", data=data)
    assert again.code == 409
    assert list(again.body["errors"]) == ["email"]
    assert (await log_in(school, data["email"].upper())).code == 201
    renamed = await admin.rest("patch", "users", id=admin.id, data={"email": data["email"].upper()})
    assert renamed.code == 409


async def test_an_e_mail_that_two_schools_know_needs_the_school(school: School) -> None:
    slugs = [await new_school(school) for _ in range(2)]
    admins = [await newcomer(school, "admin", at=slug) for slug in slugs]
    data = account()
    ids = [(await admin.rest("create", "users", data=data)).body["_id"] for admin in admins]
    assert (await log_in(school, data["email"])).code == 401
    for slug, user_id in zip(slugs, ids, strict=True):
        answer = await log_in(school, data["email"], school=slug)
        assert answer.body["user"]["_id"] == user_id
    for unknown in ("no-such-school", "", 5, {"$ne": None}, ["demo-high"]):
        assert (await log_in(school, data["email"], school=unknown)).code == 401


async def test_a_college_id_logs_in_too_and_is_one(school: School) -> None:
    admin = await newcomer(school, "admin")
    number = f"C-{ObjectId()}"
    created = await admin.rest("create", "users", data=account(collegeId=number))
    assert (await log_in(school, number)).body["user"]["_id"] == created.body["_id"]
    assert (await log_in(school, number, school="demo-high")).code == 201
    assert (await log_in(school, number, school="other-school")).code == 401
    again = await admin.rest("create", "users", data=account(collegeId=number))
    assert again.code == 409
    assert list(again.body["errors"]) == ["collegeId"]
    for nothing in (None, None):
        assert (await admin.rest("create", "users", data=account(collegeId=nothing))).code == 201


async def test_a_new_role_counts_at_once(school: School) -> None:
    admin, person = await newcomer(school, "admin"), await newcomer(school)
    club = {"kind": "club", "name": "Chess"}
    async with person.socket() as socket:
        assert (await socket.call("create", "conversations", data=club)).code == 403
        changed = await admin.rest("patch", "users", id=person.id, data={"role": "teacher"})
        assert changed.body["role"] == "teacher"
        assert (await socket.call("create", "conversations", data=club)).code == 200


@pytest.mark.parametrize(
    ("role", "new", "path"),
    [("student", "teacher", "class-enrollments"), ("teacher", "admin", "class-teachers")],
)
async def test_a_new_role_leaves_the_places_of_the_old(
    school: School, role: str, new: str, path: str
) -> None:
    admin, person = await newcomer(school, "admin"), await newcomer(school, role)
    lesson = (await admin.rest("create", "classes", data={"name": f"Class {ObjectId()}"})).body["_id"]
    talk = await talk_of(admin, kind="class", classId=lesson)
    placed = await admin.rest("create", path, data={"classId": lesson, "userId": person.id})
    assert placed.code == 201
    assert (await admin.rest("patch", "users", id=person.id, data={"role": role, "name": "X"})).code == 200
    assert (await admin.rest("get", path, id=placed.body["_id"])).code == 200
    assert (await admin.rest("patch", "users", id=person.id, data={"role": new})).code == 200
    assert (await admin.rest("get", path, id=placed.body["_id"])).code == 404
    assert (await person.rest("get", "conversations", id=talk)).code == 404


async def test_who_is_removed_is_out_at_once_and_everywhere(school: School) -> None:
    admin, ada, ben = [await newcomer(school, role) for role in ("admin", "student", "student")]
    lesson = (await admin.rest("create", "classes", data={"name": f"Class {ObjectId()}"})).body["_id"]
    place = {"classId": lesson, "userId": ada.id}
    assert (await admin.rest("create", "class-enrollments", data=place)).code == 201
    talk = await talk_of(ben, ada)
    message = await write(ada, talk)
    async with ada.socket() as gone:
        assert (await admin.rest("remove", "users", id=ada.id)).code == 200
        await gone.client.wait()
        assert not gone.client.connected
    assert (await ada.rest("find", "users")).code == 401
    assert (await log_in(school, ada.user["email"])).code == 401
    enrolled = await admin.rest("find", "class-enrollments", query={"userId": ada.id})
    assert enrolled.body["total"] == 0
    members = (await ben.rest("find", "members", query={"conversationId": talk})).body["data"]
    assert [member["userId"] for member in members] == [ben.id]
    assert (await ben.rest("get", "conversations", id=talk)).body["memberCount"] == 1
    assert (await ben.rest("get", "messages", id=message["_id"])).body["content"] == "Hello"


async def test_an_admin_does_not_remove_oneself(school: School) -> None:
    admin = await newcomer(school, "admin")
    for written in (admin.id, admin.id.upper()):
        assert (await admin.rest("remove", "users", id=written)).code == 400
    assert (await admin.rest("get", "users", id=admin.id)).code == 200


async def test_nobody_elsewhere_hears_of_an_account(school: School) -> None:
    admin, ada, dan = await newcomer(school, "admin"), await newcomer(school), await school.person("dan")
    async with ada.socket() as witness, dan.socket() as elsewhere:
        assert (await admin.rest("create", "users", data=account())).code == 201
        await witness.next("users created")
        assert await has_not_heard(elsewhere, "users created")
