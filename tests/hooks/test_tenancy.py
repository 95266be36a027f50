from __future__ import annotations

from typing import Any

import pytest
from bson import ObjectId

from stonechat.core.adapters.memory import MemoryService
from stonechat.core.application import Application
from stonechat.core.context import HookContext, Params
from stonechat.core.errors import Forbidden
from stonechat.hooks.tenancy import tenancy
from tests.support.people import new_school, newcomer, talk_of, write
from tests.support.school import Json, School

NO_PAGES: dict[str, Any] = {"paginate": False}


@pytest.fixture
def app() -> Application:
    return Application().configure(tenancy)


def notes() -> MemoryService:
    store = {1: {"_id": 1, "schoolId": "a"}, 2: {"_id": 2, "schoolId": "b"}}
    return MemoryService(store=store, tenant="schoolId")


def client_of(school: str | None) -> Params:
    return Params(provider="rest", user={"_id": "u", "schoolId": school}, query={})


@pytest.mark.parametrize("decision", [{}, {"tenant": None}, {"tenant": "schoolId"}, {"tenant": 1}])
def test_a_service_that_does_not_say_whose_its_records_are_is_not_registered(
    app: Application, decision: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="'notes' does not say whether it is bound to a school"):
        app.use("notes", notes(), **decision)


def test_a_service_of_schools_needs_an_adapter_that_knows_the_field(app: Application) -> None:
    with pytest.raises(ValueError, match="'notes' is bound to a school, but its adapter"):
        app.use("notes", MemoryService(), tenant=True)
    app.use("words", MemoryService(), tenant=False)


async def test_a_client_is_bound_to_its_school_in_every_method(app: Application) -> None:
    app.use("notes", notes(), tenant=True)
    service = app.service("notes")
    assert [note["_id"] for note in await service.find(client_of("a"))] == [1]
    created = await service.create({"_id": 3}, client_of("a"))
    assert created["schoolId"] == "a"
    with pytest.raises(Forbidden):
        await service.create({"schoolId": "b"}, client_of("a"))


async def test_who_belongs_to_no_school_sees_nothing_of_any(app: Application) -> None:
    app.use("notes", notes(), tenant=True)
    for params in (client_of(None), Params(provider="rest", query={})):
        with pytest.raises(Forbidden, match="belongs to no school"):
            await app.service("notes").find(params)


async def test_a_service_of_no_school_asks_for_none(app: Application) -> None:
    app.use("words", MemoryService(store={1: {"_id": 1}}), tenant=False)
    assert await app.service("words").find(client_of(None)) == [{"_id": 1}]


async def test_a_client_cannot_say_which_school_it_means(app: Application) -> None:
    """``params["tenant"]`` is the server's: what stands there already does not count."""
    app.use("notes", notes(), tenant=True)
    params = Params(client_of("a"), tenant="b")
    assert [note["_id"] for note in await app.service("notes").find(params)] == [1]


async def test_own_code_sees_all_schools_unless_it_names_one(app: Application) -> None:
    app.use("notes", notes(), tenant=True)
    service = app.service("notes")
    assert len(await service.find()) == 2
    assert [note["_id"] for note in await service.find(Params(tenant="b"))] == [2]


async def test_every_record_carries_the_school_of_who_made_it(school: School) -> None:
    slug = await new_school(school)
    admin, ada = await newcomer(school, "admin", at=slug), await newcomer(school, at=slug)
    own = admin.user["schoolId"]
    lesson = (await admin.rest("create", "classes", data={"name": "Latin"})).body
    place = {"classId": lesson["_id"], "userId": ada.id}
    enrollment = (await admin.rest("create", "class-enrollments", data=place)).body
    talk = await talk_of(ada)
    invited = {"conversationId": talk, "userId": admin.id}
    records = [
        ada.user,
        lesson,
        enrollment,
        (await ada.rest("get", "conversations", id=talk)).body,
        (await ada.rest("create", "members", data=invited)).body,
        await write(ada, talk),
    ]
    assert {record["schoolId"] for record in records} == {own}
    places = (await ada.rest("find", "members", query={"conversationId": talk})).body["data"]
    assert {record["schoolId"] for record in places} == {own}


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("users", {"email": "new@x.example", "name": "New", "role": "admin", "password": "long-enough"}),
        ("classes", {"name": "Greek"}),
        ("conversations", {"kind": "group", "name": "A talk"}),
    ],
)
async def test_nobody_makes_a_record_in_another_school(school: School, path: str, data: Json) -> None:
    admin, dan = await school.person("admin"), await school.person("dan")
    answer = await admin.rest("create", path, data={**data, "schoolId": dan.user["schoolId"]})
    assert answer.code == 400
    assert answer.body["errors"] == {"schoolId": "Unknown field."}


@pytest.mark.parametrize("path", ["users", "classes", "schools"])
async def test_nobody_moves_a_record_to_another_school(school: School, path: str) -> None:
    admin, dan = await school.person("admin"), await school.person("dan")
    (record, *_) = (await admin.rest("find", path)).body["data"]
    data = {"schoolId": dan.user["schoolId"]}
    assert (await admin.rest("patch", path, id=record["_id"], data=data)).code == 400


@pytest.mark.parametrize("operator", [None, "$in", "$ne", "$or"])
async def test_a_query_for_another_school_finds_nobody_of_it(school: School, operator: str | None) -> None:
    admin, dan = await school.person("admin"), await school.person("dan")
    own, other = admin.user["schoolId"], dan.user["schoolId"]
    queries: dict[str | None, Json] = {
        None: {"schoolId": other},
        "$in": {"schoolId": {"$in": [own, other]}},
        "$ne": {"schoolId": {"$ne": own}},
        "$or": {"$or": [{"schoolId": other}, {"schoolId": own}]},
    }
    async with admin.socket() as socket:
        answers = [
            await admin.rest("find", "users", query=queries[operator]),
            await socket.call("find", "users", query=queries[operator]),
        ]
    for answer in answers:
        assert answer.code == 200
        assert {user["schoolId"] for user in answer.body["data"]} <= {own}


@pytest.mark.parametrize("path", ["classes", "conversations", "members", "messages", "class-teachers"])
async def test_the_school_is_no_field_to_ask_for_elsewhere(school: School, path: str) -> None:
    ada, dan = await school.person("ada"), await school.person("dan")
    answer = await ada.rest("find", path, query={"schoolId": dan.user["schoolId"]})
    assert answer.code == 400


async def test_events_stay_in_their_school(school: School) -> None:
    admin, dan, ben = [await school.person(name) for name in ("admin", "dan", "ben")]
    async with dan.socket() as elsewhere, ben.socket() as witness:
        lesson = (await admin.rest("create", "classes", data={"name": f"Class {ObjectId()}"})).body
        await witness.next("classes created")
        assert (await admin.rest("remove", "classes", id=lesson["_id"])).code == 200
        await witness.next("classes removed")
        await elsewhere.call("find", "schools")
        assert [name for name, _ in elsewhere.events if name.startswith("classes")] == []


async def test_the_hook_trusts_the_stored_user_and_nothing_else(app: Application) -> None:
    app.use("notes", notes(), tenant=True)
    params = Params(client_of("a"), query={"schoolId": "b"})
    context = HookContext(app.service("notes"), "find", params=params)
    await app.service("notes").run(context)
    assert context.result == []
