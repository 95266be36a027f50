from __future__ import annotations

import pytest

from tests.support.people import new_school, newcomer, talk_of, write
from tests.support.school import Json, Person, School

PATH = "legal-holds"


async def hold(admin: Person, **what: str) -> Json:
    answer = await admin.rest("create", PATH, data={"reason": "A lawsuit", **what})
    assert answer.code == 201, answer
    return answer.body


@pytest.mark.parametrize("transport", ["rest", "socket"])
@pytest.mark.parametrize("role", ["student", "teacher"])
async def test_others_than_admins_neither_see_nor_make_nor_lift_one(
    school: School, role: str, transport: str
) -> None:
    admin, person = await newcomer(school, "admin"), await newcomer(school, role)
    made = await hold(admin, userId=person.id)
    calls: tuple[tuple[str, dict[str, Json]], ...] = (
        ("find", {}),
        ("get", {"id": made["_id"]}),
        ("create", {"data": {"userId": admin.id, "reason": "Mine"}}),
        ("remove", {"id": made["_id"]}),
    )
    for method, call in calls:
        if transport == "rest":
            answer = await person.rest(method, PATH, **call)
        else:
            async with person.socket() as socket:
                answer = await socket.call(method, PATH, **call)
        assert answer.code == 403, method


async def test_nobody_reaches_one_without_logging_in(school: School) -> None:
    for method in ("find", "create"):
        data = {"reason": "Mine"} if method == "create" else None
        assert (await school.nobody.rest(method, PATH, data=data)).code == 401


async def test_an_admin_of_another_school_reaches_none_and_holds_nobody_of_this_one(school: School) -> None:
    admin, ada = await newcomer(school, "admin"), await newcomer(school)
    other = await newcomer(school, "admin", at=await new_school(school))
    made = await hold(admin, userId=ada.id)
    talk = await talk_of(admin, ada)
    assert (await other.rest("find", PATH)).body["total"] == 0
    assert (await other.rest("get", PATH, id=made["_id"])).code == 404
    assert (await other.rest("remove", PATH, id=made["_id"])).code == 404
    for field, value in (("userId", ada.id), ("conversationId", talk)):
        answer = await other.rest("create", PATH, data={field: value, "reason": "Mine"})
        assert answer.code == 400
        assert field in answer.body["errors"]


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"reason": "Why"}, "userId"),
        ({"userId": "{user}", "conversationId": "{talk}", "reason": "Why"}, "userId"),
        ({"userId": "{user}"}, "reason"),
        ({"userId": "{user}", "reason": " "}, "reason"),
        ({"userId": "somebody", "reason": "Why"}, "userId"),
        ({"conversationId": "0123456789abcdef01234567", "reason": "Why"}, "conversationId"),
        ({"userId": "{user}", "reason": "Why", "liftedAt": None}, "liftedAt"),
    ],
)
async def test_what_is_held_is_said_and_exists(school: School, data: Json, field: str) -> None:
    admin = await newcomer(school, "admin")
    names = {"user": admin.id, "talk": await talk_of(admin)}
    filled = {key: value.format(**names) if isinstance(value, str) else value for key, value in data.items()}
    answer = await admin.rest("create", PATH, data=filled)
    assert answer.code == 400
    assert field in answer.body["errors"]


async def test_a_lifted_hold_stays_known_with_who_lifted_it(school: School) -> None:
    slug = await new_school(school)
    admin, other = await newcomer(school, "admin", at=slug), await newcomer(school, "admin", at=slug)
    made = await hold(admin, userId=other.id)
    assert made["createdBy"] == admin.id
    assert made["liftedAt"] is None
    lifted = await other.rest("remove", PATH, id=made["_id"])
    assert lifted.body["liftedBy"] == other.id
    assert (await admin.rest("get", PATH, id=made["_id"])).body == lifted.body
    async with admin.socket() as socket:
        assert (await socket.call("find", PATH, query={"liftedAt": None})).body["total"] == 0
        assert (await socket.call("find", PATH, query={"liftedAt": {"$ne": None}})).body["total"] == 1
    again = await admin.rest("remove", PATH, id=made["_id"])
    assert again.code == 409
    assert again.body["data"]["liftedAt"] == lifted.body["liftedAt"]


async def test_the_audit_log_has_who_held_and_who_lifted(school: School) -> None:
    slug = await new_school(school)
    admin = await newcomer(school, "admin", at=slug)
    made = await hold(admin, userId=admin.id)
    assert (await admin.rest("remove", PATH, id=made["_id"])).code == 200
    found = await admin.rest("find", "audit-log", query={"$sort": {"number": 1}})
    entries = [one for one in found.body["data"] if one["subject"]["path"] == PATH]
    assert [entry["action"] for entry in entries] == ["legal-holds.create", "legal-holds.remove"]
    assert all(entry["details"] == {"userId": admin.id} for entry in entries)


async def test_who_is_held_is_not_removed_either(school: School) -> None:
    """Nobody would find the messages of somebody who is not there any more, nor erase them later."""
    admin, ada, ben = await newcomer(school, "admin"), await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    await write(ada, talk)
    for held in ({"userId": ada.id}, {"conversationId": talk}):
        made = await hold(admin, **held)
        refused = await admin.rest("remove", "users", id=ada.id)
        assert (refused.code, refused.body["data"]) == (409, {"holds": [made["_id"]]})
        async with admin.socket() as socket:
            assert (await socket.call("remove", "users", id=ada.id)).code == 409
        assert (await admin.rest("remove", PATH, id=made["_id"])).code == 200
    assert (await admin.rest("remove", "users", id=ada.id)).code == 200
