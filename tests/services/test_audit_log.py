from __future__ import annotations

import json

import pytest
from bson import ObjectId

from stonechat.core.shapes import is_list
from stonechat.models import AuditEntry
from stonechat.models.audit_chain import check_chain
from tests.support.people import PASSWORD, new_school, newcomer, talk_of
from tests.support.school import Answer, Json, Person, School


async def admin_of_new_school(school: School) -> Person:
    return await newcomer(school, "admin", at=await new_school(school))


async def log_of(admin: Person, **query: Json) -> list[Json]:
    """What the admin reads of the log, oldest first."""
    answer = await admin.rest("find", "audit-log", query={"$sort": {"number": 1}, **query})
    assert answer.code == 200, answer
    assert is_list(answer.body["data"])
    return answer.body["data"]


def done(answer: Answer) -> str:
    """The id of what a call has come to."""
    assert answer.code in {200, 201}, answer
    return str(answer.body["_id"])


@pytest.mark.parametrize("role", ["student", "teacher"])
async def test_only_admins_read_the_log(school: School, role: str) -> None:
    admin = await admin_of_new_school(school)
    one = done(await admin.rest("create", "classes", data={"name": "Latin"}))
    entry = (await log_of(admin))[0]
    assert entry["subject"] == {"path": "classes", "id": one}
    slug = (await admin.rest("find", "schools")).body["data"][0]["slug"]
    person = await newcomer(school, role, at=slug)
    async with person.socket() as socket, school.nobody.socket() as nobody:
        for call, refused in (
            (person.rest, 403),
            (socket.call, 403),
            (school.nobody.rest, 401),
            (nobody.call, 401),
        ):
            assert (await call("find", "audit-log")).code == refused
            assert (await call("get", "audit-log", id=entry["_id"])).code == refused


async def test_the_log_of_another_school_is_not_there(school: School) -> None:
    admin, other = [await admin_of_new_school(school) for _ in range(2)]
    one = done(await admin.rest("create", "classes", data={"name": "Latin"}))
    entry = (await log_of(admin))[0]
    async with other.socket() as socket:
        for call in (other.rest, socket.call):
            assert (await call("get", "audit-log", id=entry["_id"])).code == 404
            for query in ({}, {"subject.id": one}, {"actorId": admin.id}, {"schoolId": {"$ne": None}}):
                answer = await call("find", "audit-log", query=query)
                assert answer.code == 400 or answer.body["total"] == 0


@pytest.mark.parametrize("method", ["create", "update", "patch", "remove"])
async def test_nobody_writes_in_the_log(school: School, method: str) -> None:
    admin = await admin_of_new_school(school)
    done(await admin.rest("create", "classes", data={"name": "Latin"}))
    (entry,) = await log_of(admin)
    identifier = None if method == "create" else entry["_id"]
    data = None if method == "remove" else {"action": "nothing"}
    async with admin.socket() as socket:
        assert (await admin.rest(method, "audit-log", id=identifier, data=data)).code == 405
        assert (await socket.call(method, "audit-log", id=identifier, data=data)).code == 405
    assert await log_of(admin) == [entry]


async def test_what_admins_do_is_in_the_log(school: School) -> None:
    admin = await admin_of_new_school(school)
    account = {"email": f"{ObjectId()}@new.example", "name": "Zoe", "role": "student", "password": PASSWORD}
    zoe = done(await admin.rest("create", "users", data=account))
    lesson = done(await admin.rest("create", "classes", data={"name": "Latin"}))
    teacher = await newcomer(
        school, "teacher", at=(await admin.rest("find", "schools")).body["data"][0]["slug"]
    )
    talk = await talk_of(teacher, kind="club")
    seat = {"classId": lesson, "userId": zoe}
    desk = {"classId": lesson, "userId": teacher.id}
    settings = {"editWindowMinutes": 5}
    own_school = admin.user["schoolId"]
    async with admin.socket() as socket:
        seated = done(await socket.call("create", "class-enrollments", data=seat))
        placed = done(await admin.rest("create", "class-teachers", data=desk))
        done(await admin.rest("remove", "class-teachers", id=placed))
        done(await admin.rest("remove", "class-enrollments", id=seated))
        done(await admin.rest("patch", "classes", id=lesson, data={"subject": "Latin"}))
        done(await admin.rest("patch", "users", id=zoe, data={"role": "teacher", "password": PASSWORD}))
        done(await socket.call("patch", "schools", id=own_school, data={"settings": settings}))
        done(await admin.rest("remove", "classes", id=lesson))
        done(await admin.rest("remove", "users", id=zoe))
    expected: list[tuple[str, str, Json]] = [
        ("users.create", zoe, {"role": "student"}),
        ("classes.create", lesson, {}),
        ("class-enrollments.create", seated, seat),
        ("class-teachers.create", placed, desk),
        ("class-teachers.remove", placed, desk),
        ("class-enrollments.remove", seated, seat),
        ("classes.patch", lesson, {"fields": ["subject"]}),
        ("users.patch", zoe, {"fields": ["password", "role"], "role": "teacher"}),
        ("schools.patch", own_school, {"fields": ["settings"], "settings": settings}),
        ("classes.remove", lesson, {}),
        ("users.remove", zoe, {"role": "teacher"}),
    ]
    log = await log_of(admin)
    assert [(one["action"], one["subject"]["id"], one["details"]) for one in log] == expected
    assert {one["actorId"] for one in log} == {admin.id}
    assert all(one["action"].startswith(f"{one['subject']['path']}.") for one in log)
    said = json.dumps(log)
    assert [word for word in (PASSWORD, "argon2", "Zoe", account["email"], talk) if word in said] == []
    assert (await check_chain(ObjectId(own_school))).hash == log[-1]["hash"]


async def test_what_one_does_with_oneself_and_what_is_refused_is_not_in_the_log(school: School) -> None:
    admin = await admin_of_new_school(school)
    slug = (await admin.rest("find", "schools")).body["data"][0]["slug"]
    ada = await newcomer(school, at=slug)
    done(await ada.rest("patch", "users", id=ada.id, data={"name": "Ada L."}))
    done(await admin.rest("patch", "users", id=admin.id, data={"name": "Head"}))
    for refused in (
        await ada.rest("remove", "users", id=admin.id),
        await ada.rest("create", "classes", data={"name": "Latin"}),
        await admin.rest("remove", "users", id=admin.id),
        await admin.rest("patch", "users", id=ada.id, data={"email": admin.user["email"]}),
        await admin.rest("patch", "schools", id=admin.user["schoolId"], data={"settings": None}),
        await admin.rest("remove", "classes", id=str(ObjectId())),
    ):
        assert refused.code in {400, 403, 404, 409}, refused
    assert await log_of(admin) == []


async def test_the_newest_comes_first_and_every_question_is_answered(school: School) -> None:
    admin = await admin_of_new_school(school)
    first, second = [done(await admin.rest("create", "classes", data={"name": name})) for name in ("A", "B")]
    done(await admin.rest("remove", "classes", id=first))
    page = (await admin.rest("find", "audit-log")).body
    assert [one["number"] for one in page["data"]] == [3, 2, 1]
    at = page["data"][1]["at"]
    queries: list[tuple[Json, list[int]]] = [
        ({"actorId": admin.id}, [3, 2, 1]),
        ({"actorId": str(ObjectId())}, []),
        ({"action": "classes.create"}, [2, 1]),
        ({"subject.id": first}, [3, 1]),
        ({"subject.id": second}, [2]),
        ({"number": {"$gte": 2}}, [3, 2]),
        ({"at": {"$lte": at}}, [one["number"] for one in page["data"] if one["at"] <= at]),
        ({"at": {"$gt": at}}, [one["number"] for one in page["data"] if one["at"] > at]),
        ({"$sort": {"number": 1}, "$limit": 2}, [1, 2]),
    ]
    async with admin.socket() as socket:
        for query, numbers in queries:
            for answer in (
                await admin.rest("find", "audit-log", query=query),
                await socket.call("find", "audit-log", query=query),
            ):
                assert [one["number"] for one in answer.body["data"]] == numbers, query
    newest = page["data"][0]
    assert (await admin.rest("get", "audit-log", id=newest["_id"])).body == newest


@pytest.mark.parametrize("query", [{"details": "x"}, {"hash": "x"}, {"number": "x"}, {"subject.name": "x"}])
async def test_what_cannot_be_asked_is_said(school: School, query: Json) -> None:
    admin = await admin_of_new_school(school)
    answer = await admin.rest("find", "audit-log", query=query)
    assert answer.code == 400
    assert list(answer.body["errors"]) == list(query)


async def test_an_account_is_not_removed_where_the_log_cannot_tell_it(school: School) -> None:
    """Somebody has put an entry into the log that the school has not written."""
    admin = await admin_of_new_school(school)
    slug = (await admin.rest("find", "schools")).body["data"][0]["slug"]
    ada, ben = await newcomer(school, at=slug), await newcomer(school, at=slug)
    talk = await talk_of(ada, ben)
    school_id = ObjectId(admin.user["schoolId"])
    await AuditEntry.documents().insert_one({"schoolId": school_id, "number": 1})
    async with ben.socket() as witness:
        assert (await admin.rest("remove", "users", id=ada.id)).code == 503
        assert (await ada.rest("get", "users", id=ada.id)).code == 200
        assert (await ada.rest("get", "conversations", id=talk)).body["memberCount"] == 2
        assert [name for name, _ in witness.events if name.endswith("removed")] == []
    assert await AuditEntry.documents().count_documents({"schoolId": school_id}) == 1
