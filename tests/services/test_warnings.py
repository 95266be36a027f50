from __future__ import annotations

import pytest
from bson import ObjectId

from stonechat.models import AuditEntry, ConductWarning
from tests.support.people import has_not_heard, new_school, newcomer, talk_of, write
from tests.support.school import Json, Person, School


@pytest.fixture
async def people(school: School) -> dict[str, Person]:
    """Of a school of their own."""
    slug = await new_school(school)
    roles = {"admin": "admin", "teacher": "teacher", "ada": "student", "ben": "student"}
    return {name: await newcomer(school, role, at=slug) for name, role in roles.items()}


async def warn(people: dict[str, Person], name: str = "ada", **more: Json) -> Json:
    data = {"userId": people[name].id, "text": "Be kind.", **more}
    answer = await people["admin"].rest("create", "warnings", data=data)
    assert answer.code == 201, answer
    return answer.body


@pytest.mark.parametrize("name", ["teacher", "ada"])
async def test_only_admins_warn_directly(school: School, people: dict[str, Person], name: str) -> None:
    data = {"userId": people["ben"].id, "text": "Be kind."}
    assert (await school.nobody.rest("create", "warnings", data=data)).code == 401
    assert (await people[name].rest("create", "warnings", data=data)).code == 403
    async with people[name].socket() as socket:
        assert (await socket.call("create", "warnings", data=data)).code == 403


async def test_nobody_is_warned_in_another_school(school: School, people: dict[str, Person]) -> None:
    dan = await school.person("dan")
    answer = await people["admin"].rest("create", "warnings", data={"userId": dan.id, "text": "Hey"})
    assert (answer.code, [*answer.body["errors"]]) == (400, ["userId"])


async def test_a_warning_is_about_a_message_of_the_user(school: School, people: dict[str, Person]) -> None:
    talk = await talk_of(people["ada"], people["ben"])
    of_ben, of_ada = await write(people["ben"], talk), await write(people["ada"], talk)
    elsewhere = await school.say("dan", await school.conversation("dan", "ito"), "Hello")
    for message in (of_ben, elsewhere):
        data = {"userId": people["ada"].id, "text": "Hey", "messageId": message["_id"]}
        answer = await people["admin"].rest("create", "warnings", data=data)
        assert (answer.code, [*answer.body["errors"]]) == (400, ["messageId"])
    assert (await warn(people, messageId=of_ada["_id"]))["messageId"] == of_ada["_id"]


@pytest.mark.parametrize("name", ["teacher", "ben"])
async def test_warnings_are_seen_by_the_warned_and_admins(
    school: School, people: dict[str, Person], name: str
) -> None:
    warning = await warn(people)
    for person in (people[name], await newcomer(school, "admin"), await school.person("dan")):
        assert warning not in (await person.rest("find", "warnings")).body["data"]
        assert (await person.rest("get", "warnings", id=warning["_id"])).code == 404
        patched = await person.rest("patch", "warnings", id=warning["_id"], data={"acknowledged": True})
        assert patched.code == 404
    for person in (people["ada"], people["admin"]):
        assert (await person.rest("find", "warnings")).body["data"] == [warning]


async def test_only_the_warned_user_acknowledges_once(people: dict[str, Person]) -> None:
    warning, seen = await warn(people), {"acknowledged": True}
    refused = await people["admin"].rest("patch", "warnings", id=warning["_id"], data=seen)
    assert refused.code == 403
    for data in ({}, {"acknowledged": False}, {"acknowledged": "true"}, {**seen, "text": "Nothing"}):
        assert (await people["ada"].rest("patch", "warnings", id=warning["_id"], data=data)).code == 400
    first = await people["ada"].rest("patch", "warnings", id=warning["_id"], data=seen)
    async with people["ada"].socket() as socket:
        again = await socket.call("patch", "warnings", id=warning["_id"], data=seen)
        assert await has_not_heard(socket, "warnings patched")
    assert first.body["acknowledgedAt"] is not None
    assert again.body == first.body


async def test_the_warned_user_and_admins_are_told(people: dict[str, Person]) -> None:
    async with (
        people["ada"].socket() as ada,
        people["admin"].socket() as admin,
        people["ben"].socket() as ben,
    ):
        warning = await warn(people)
        for socket in (ada, admin):
            assert await socket.next("warnings created") == warning
        await ada.call("patch", "warnings", id=warning["_id"], data={"acknowledged": True})
        for socket in (ada, admin):
            assert (await socket.next("warnings patched"))["_id"] == warning["_id"]
        for event in ("warnings created", "warnings patched"):
            assert await has_not_heard(ben, event)


async def test_a_warning_is_audited_without_its_text(people: dict[str, Person]) -> None:
    warning = await warn(people)
    (entry,) = (
        await AuditEntry.documents().find({"action": "warnings.create"}).sort("at", -1).limit(1).to_list()
    )
    assert str(entry["subject"]["id"]) == warning["_id"]
    assert str(entry["actorId"]) == people["admin"].id
    assert entry["details"].keys() == {"userId", "messageId"}


async def test_warnings_go_with_the_user(people: dict[str, Person]) -> None:
    await warn(people, "ben")
    assert (await people["admin"].rest("remove", "users", id=people["ben"].id)).code == 200
    ben = {"userId": ObjectId(people["ben"].id)}
    assert await ConductWarning.documents().count_documents(ben) == 0
    assert (await people["admin"].rest("find", "warnings")).body["total"] == 0
