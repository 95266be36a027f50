from __future__ import annotations

import asyncio

import pytest
from bson import ObjectId

from stonechat.models import Block
from tests.support.people import has_not_heard, newcomer
from tests.support.school import Answer, Person, School


async def block(person: Person, other: Person) -> Answer:
    return await person.rest("create", "blocks", data={"blockedId": other.id})


async def test_nobody_blocks_without_logging_in(school: School) -> None:
    ada = await newcomer(school)
    assert (await school.nobody.rest("create", "blocks", data={"blockedId": ada.id})).code == 401


@pytest.mark.parametrize("role", ["teacher", "admin"])
@pytest.mark.parametrize("caller", ["student", "teacher", "admin"])
async def test_staff_cannot_be_blocked(school: School, role: str, caller: str) -> None:
    person, staff = await newcomer(school, caller), await newcomer(school, role)
    answer = await block(person, staff)
    assert (answer.code, answer.body["message"]) == (403, "Staff cannot be blocked")
    async with person.socket() as socket:
        assert (await socket.call("create", "blocks", data={"blockedId": staff.id})).code == 403


async def test_one_blocks_others_of_the_own_school(school: School) -> None:
    ada, dan = await newcomer(school), await school.person("dan")
    for blocked in (ada.id, dan.id, "f" * 24, "nonsense", None):
        answer = await ada.rest("create", "blocks", data={"blockedId": blocked})
        assert (answer.code, [*answer.body["errors"]]) == (400, ["blockedId"])
    answer = await ada.rest("create", "blocks", data={"blockedId": dan.id, "userId": dan.id})
    assert (answer.code, [*answer.body["errors"]]) == (400, ["userId"])


async def test_blocks_are_ones_own(school: School) -> None:
    ada, ben, teacher, admin = [
        await newcomer(school, role) for role in ("student", "student", "teacher", "admin")
    ]
    made = (await block(ada, ben)).body
    for person in (ben, teacher, admin, await school.person("dan")):
        found = await person.rest("find", "blocks", query={"blockedId": ben.id})
        assert found.body["data"] == []
        assert (await person.rest("get", "blocks", id=made["_id"])).code == 404
        assert (await person.rest("remove", "blocks", id=made["_id"])).code == 404
        assert (await person.rest("find", "blocks", query={"userId": ada.id})).code == 400
    assert (await ada.rest("find", "blocks")).body["data"] == [made]
    assert (await ada.rest("remove", "blocks", id=made["_id"])).code == 200
    assert (await ada.rest("find", "blocks")).body["total"] == 0


async def test_who_is_blocked_already_is_blocked_once(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    answers = await asyncio.gather(*(block(ada, ben) for _ in range(4)))
    assert sorted(answer.code for answer in answers) == [200, 200, 200, 201]
    assert len({answer.body["_id"] for answer in answers}) == 1
    assert (await block(ben, ada)).code == 201


async def test_ones_own_devices_alone_are_told(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    async with ada.socket() as own, ben.socket() as other:
        made = (await block(ada, ben)).body
        assert await own.next("blocks created") == made
        await ada.rest("remove", "blocks", id=made["_id"])
        await own.next("blocks removed")
        for event in ("blocks created", "blocks removed"):
            assert await has_not_heard(other, event)


async def test_blocks_go_with_either_user(school: School) -> None:
    admin, ada, ben, cleo = await newcomer(school, "admin"), *[await newcomer(school) for _ in range(3)]
    await block(ada, ben)
    await block(cleo, ada)
    assert (await admin.rest("remove", "users", id=ada.id)).code == 200
    ids = [ObjectId(person.id) for person in (ada, ben, cleo)]
    assert await Block.documents().count_documents({"userId": {"$in": ids}}) == 0
