"""Every statement of the application finds its records by an index; MongoDB's profiler is the witness."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from stonechat import authentication_of, demo
from stonechat.models import MODELS
from tests.support.people import PASSWORD, newcomer, talk_of, write
from tests.support.school import PATHS, Person, School, Socket

PROFILE_BYTES = 64 * 1024 * 1024
KEPT = ("sessions", "password-resets")
"""Collections that no client reaches."""

Statement = dict[str, Any]
Database = AsyncDatabase[dict[str, Any]]


@pytest.fixture(scope="module")
async def profiled(school: School, mongodb: AsyncMongoClient[dict[str, Any]]) -> AsyncIterator[Database]:
    """The schools' database, while its server keeps a record of every statement."""
    database = mongodb[school.app.get("database").name]
    await database.create_collection("system.profile", capped=True, size=PROFILE_BYTES)
    await database.command("profile", 2)
    yield database
    await database.command("profile", 0)


@pytest.fixture(scope="module")
async def statements(school: School, profiled: Database) -> list[Statement]:
    """What the application asked of its collections while everything was used."""
    await _use_everything(school)
    asked = {"planSummary": {"$exists": True}, "appName": "stonechat"}
    kept = await profiled["system.profile"].find(asked).to_list()
    return [one for one in kept if one["ns"].partition(".")[2] in {*PATHS, *KEPT}]


async def _use_everything(school: School) -> None:
    await demo.seed(school.app)
    admin, rivera, ada = [await school.person(name) for name in ("admin", "rivera", "ada")]
    await _log_in_in_every_way(school, ada)
    for person in (admin, rivera, ada):
        for path in PATHS:
            await _find_and_get(person, path)
    ada = await newcomer(school)
    talk = await talk_of(ada, rivera)
    await _converse(ada, rivera, talk)
    await _ask_for_parts(ada, talk)
    await _administer(school, admin)


async def _log_in_in_every_way(school: School, ada: Person) -> None:
    nobody = school.nobody
    for login in (
        {"email": "nobody@demo.school"},
        {"email": "ADA@demo.school", "school": "demo-high"},
        {"email": "C-1", "school": "demo-high"},
    ):
        data = {"strategy": "local", "password": "stonechat-demo", **login}
        await nobody.rest("create", "authentication", data=data)
    async with ada.socket() as socket:
        await socket.say("presence:get", {})
    await _keep_and_lose_sessions(school)


async def _keep_and_lose_sessions(school: School) -> None:
    person, tokens = await newcomer(school), asyncio.Queue[str]()
    data = {"strategy": "local", "email": person.user["email"], "password": PASSWORD}
    login = await school.nobody.rest("create", "authentication", data=data)
    refresh = {"strategy": "refresh", "refreshToken": login.body["refreshToken"]}
    assert (await school.nobody.rest("create", "authentication", data=refresh)).code == 201
    assert (await person.rest("remove", "authentication", query={"everywhere": True})).code == 200
    service = authentication_of(school.app)
    assert service is not None
    assert service.sessions is not None
    await service.sessions.setup()

    async def deliver(_: Any, token: str) -> None:
        await tokens.put(token)

    school.app.on("password-reset", deliver)
    await school.nobody.rest("create", "passwords", data={"email": person.user["email"]})
    data = {"token": await asyncio.wait_for(tokens.get(), 5), "password": PASSWORD}
    assert (await school.nobody.rest("reset", "passwords", data=data)).code == 200
    school.app.off("password-reset", deliver)


async def _find_and_get(person: Person, path: str) -> None:
    found = await person.rest("find", path, query={"$limit": 1})
    assert found.code == 200
    for record in found.body["data"]:
        assert (await person.rest("get", path, id=record["_id"])).code == 200


async def _converse(ada: Person, rivera: Person, talk: str) -> None:
    first = await write(ada, talk, idempotencyKey="a", mentions=[rivera.id])
    assert (await write(ada, talk, idempotencyKey="a", mentions=[rivera.id]))["duplicate"]
    answer = await write(rivera, talk, replyTo=first["_id"])
    await talk_of(ada, rivera, kind="direct")
    async with rivera.socket() as socket:
        await _acknowledge(socket, talk, answer["seq"])
    for person, message in ((ada, first), (rivera, answer)):
        assert (await person.rest("find", "conversations")).code == 200
        changed = await person.rest("patch", "messages", id=message["_id"], data={"content": "Changed"})
        assert changed.code == 200
        assert (await person.rest("remove", "messages", id=message["_id"])).code == 200


async def _acknowledge(socket: Socket, talk: str, seq: int) -> None:
    assert "error" not in await socket.say("message:delivered", {"conversationId": talk, "seq": seq})
    assert "error" not in await socket.say("message:read", {"conversationId": talk, "seq": seq - 1})
    assert "error" not in await socket.say("typing:start", {"conversationId": talk})


async def _ask_for_parts(ada: Person, talk: str) -> None:
    for path, query in (
        ("messages", {"conversationId": talk}),
        ("messages", {"conversationId": talk, "seq": {"$gt": 1}, "$sort": {"seq": -1}}),
        ("messages", {"senderId": ada.id, "$sort": {"createdAt": -1}}),
        ("messages", {"mentions": ada.id}),
        ("conversations", {"kind": "group"}),
        ("members", {"conversationId": talk, "userId": ada.id}),
        ("users", {"role": "teacher"}),
        ("users", {"email": "ada@demo.school"}),
        ("users", {"name": "Ada"}),
        ("users", {"avatar": "https://example.org/a.png"}),
        ("class-teachers", {"userId": ada.id}),
    ):
        assert (await ada.rest("find", path, query=query)).code == 200


async def _administer(school: School, admin: Person) -> None:
    teacher, student = [await newcomer(school, role) for role in ("teacher", "student")]
    lesson = (await admin.rest("create", "classes", data={"name": "Profiled"})).body["_id"]
    for path, person in (("class-teachers", teacher), ("class-enrollments", student)):
        place = await admin.rest("create", path, data={"classId": lesson, "userId": person.id})
        assert place.code == 201
    talk = await talk_of(teacher, kind="class", classId=lesson)
    placed = await teacher.rest("find", "members", query={"conversationId": talk, "userId": student.id})
    role = {"role": "moderator"}
    assert (await teacher.rest("patch", "members", id=placed.body["data"][0]["_id"], data=role)).code == 200
    assert (await teacher.rest("remove", "members", id=placed.body["data"][0]["_id"])).code == 200
    invited = {"conversationId": talk, "userId": student.id}
    assert (await teacher.rest("create", "members", data=invited)).code == 201
    assert (await teacher.rest("patch", "conversations", id=talk, data={"name": "Latin I"})).code == 200
    assert (await admin.rest("patch", "classes", id=lesson, data={"subject": "Latin"})).code == 200
    assert (await admin.rest("remove", "classes", id=lesson)).code == 200
    change = {"role": "teacher", "password": PASSWORD}
    assert (await admin.rest("patch", "users", id=student.id, data=change)).code == 200
    assert (await admin.rest("remove", "users", id=student.id)).code == 200
    settings = {"settings": {"editWindowMinutes": None}}
    assert (await admin.rest("patch", "schools", id=admin.user["schoolId"], data=settings)).code == 200


def test_the_profile_holds_statements_of_every_kind_and_collection(statements: list[Statement]) -> None:
    assert {one["ns"].partition(".")[2] for one in statements} == {*PATHS, *KEPT}
    assert {next(iter(one["command"])) for one in statements} >= {"find", "aggregate", "findAndModify"}
    assert {one["op"] for one in statements} >= {"query", "command", "update"}


def test_no_statement_walks_through_a_whole_collection(statements: list[Statement]) -> None:
    walks = [one["command"] for one in statements if "COLLSCAN" in one["planSummary"]]
    assert walks == []


@pytest.mark.parametrize(
    ("collection", "fields", "plan"),
    [
        ("messages", {"senderId", "idempotencyKey"}, "IXSCAN { senderId: 1, idempotencyKey: 1 }"),
        ("messages", {"conversationId", "seq", "senderId"}, "IXSCAN { conversationId: 1, seq: 1 }"),
        ("members", {"userId"}, "IXSCAN { userId: 1, conversationId: 1 }"),
        ("conversations", {"directKey", "schoolId"}, "IXSCAN { schoolId: 1, directKey: 1 }"),
        ("users", {"email"}, "IXSCAN { email: 1 }"),
        ("users", {"collegeId"}, "IXSCAN { collegeId: 1 }"),
        ("users", {"collegeId", "schoolId"}, "IXSCAN { schoolId: 1, collegeId: 1 }"),
        ("users", {"email", "schoolId"}, "IXSCAN { schoolId: 1, email: 1 }"),
        ("schools", {"slug"}, "IXSCAN { slug: 1 }"),
        ("sessions", {"sid"}, "IXSCAN { sid: 1 }"),
        ("sessions", {"revokedAt"}, "IXSCAN { revokedAt: 1 }"),
        ("sessions", {"userId", "revokedAt"}, "IXSCAN { userId: 1 }"),
        ("password-resets", {"tokenHash"}, "IXSCAN { tokenHash: 1 }"),
        ("password-resets", {"userId"}, "IXSCAN { userId: 1 }"),
    ],
)
def test_what_is_asked_often_is_found_at_once(
    statements: list[Statement], collection: str, fields: set[str], plan: str
) -> None:
    """By the index made for it, not by another that happens to begin alike."""
    plans = {
        one["planSummary"]
        for one in statements
        if one["ns"].endswith(f".{collection}") and _conditions(one).keys() - {"deletedAt"} == fields
    }
    assert plans <= {plan, "EOF"}
    assert plan in plans


def test_a_place_is_found_by_either_of_its_indexes(statements: list[Statement]) -> None:
    plans = {
        one["planSummary"]
        for one in statements
        if one["ns"].endswith(".members") and _conditions(one).keys() >= {"conversationId", "userId"}
    }
    assert plans <= {"IXSCAN { conversationId: 1, userId: 1 }", "IXSCAN { userId: 1, conversationId: 1 }"}


def _conditions(statement: Statement) -> dict[str, Any]:
    command = statement["command"]
    pipeline: list[dict[str, Any]] = command.get("pipeline") or [{}]
    conditions: dict[str, Any] = (
        command.get("filter") or command.get("query") or command.get("q") or pipeline[0].get("$match") or {}
    )
    return conditions


async def test_the_indexes_of_the_models_are_there(statements: list[Statement], profiled: Database) -> None:
    for model in MODELS:
        declared = [index.document for index in model.Settings.indexes]
        there = await profiled[model.Settings.name].index_information()
        assert there.keys() == {"_id_", *(index["name"] for index in declared)}
        for index in declared:
            found = there[index["name"]]
            assert found.get("unique", False) == index.get("unique", False)
            assert found.get("partialFilterExpression") == index.get("partialFilterExpression")


@pytest.mark.parametrize(
    ("collection", "fields"),
    [
        ("schools", ["slug"]),
        ("users", ["schoolId", "email"]),
        ("users", ["schoolId", "collegeId"]),
        ("classes", ["schoolId", "name"]),
        ("class-teachers", ["classId", "userId"]),
        ("class-enrollments", ["classId", "userId"]),
        ("conversations", ["schoolId", "directKey"]),
        ("members", ["conversationId", "userId"]),
        ("messages", ["conversationId", "seq"]),
        ("messages", ["senderId", "idempotencyKey"]),
        ("sessions", ["sid"]),
        ("password-resets", ["tokenHash"]),
    ],
)
async def test_what_exists_once_is_unique(
    statements: list[Statement], profiled: Database, collection: str, fields: Iterable[str]
) -> None:
    indexes = await profiled[collection].index_information()
    (index,) = [one for one in indexes.values() if [name for name, _ in one["key"]] == fields]
    assert index["unique"]
