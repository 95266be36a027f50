"""Between two people one of whom has blocked the other nothing new is said."""

from __future__ import annotations

import pytest
from bson import ObjectId

from stonechat.core.context import UNSET, HookContext, Params
from stonechat.core.errors import Forbidden
from stonechat.hooks.blocking import not_blocked, require_free_to_write, require_not_blocked
from tests.support.people import newcomer, talk_of, write
from tests.support.school import Answer, Json, Person, School

BLOCKED = {"code": "BLOCKED"}


def call_of(school: School, person: Person, data: Json = None) -> HookContext:
    """A client's call, after authentication and tenancy."""
    user = {"_id": ObjectId(person.id), "schoolId": ObjectId(person.user["schoolId"])}
    params = Params(provider="rest", user=user, tenant=user["schoolId"])
    return HookContext(school.app.service("messages"), "create", data=data, params=params)


async def block(person: Person, other: Person) -> str:
    answer = await person.rest("create", "blocks", data={"blockedId": other.id})
    assert answer.code == 201
    return str(answer.body["_id"])


async def kept_apart(school: School, one: Person, *others: Person) -> bool:
    try:
        await require_not_blocked(call_of(school, one), ObjectId(one.id), [ObjectId(p.id) for p in others])
    except Forbidden as refused:
        return bool(refused.data == BLOCKED)
    return False


async def test_a_block_holds_for_both(school: School) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    assert not await kept_apart(school, ada, ben, cleo)
    made = await block(ada, ben)
    assert await kept_apart(school, ada, ben)
    assert await kept_apart(school, ben, cleo, ada)
    assert not await kept_apart(school, ada, cleo)
    assert not await kept_apart(school, cleo, ada, ben)
    await ada.rest("remove", "blocks", id=made)
    assert not await kept_apart(school, ben, ada)


async def test_nobody_is_kept_from_oneself_or_nobody(school: School) -> None:
    ada = await newcomer(school)
    assert not await kept_apart(school, ada)
    assert not await kept_apart(school, ada, ada)


async def test_staff_block_and_are_not_blocked(school: School) -> None:
    admin, teacher, ada, ben = [
        await newcomer(school, role) for role in ("admin", "teacher", "student", "student")
    ]
    await block(teacher, ada)
    assert await kept_apart(school, ada, teacher)
    await block(ada, ben)
    assert (await admin.rest("patch", "users", id=ben.id, data={"role": "teacher"})).code == 200
    assert not await kept_apart(school, ada, ben)
    assert not await kept_apart(school, ben, ada)


@pytest.mark.parametrize("several", [True, False])
async def test_the_hook_reads_whom_the_data_names(school: School, several: bool) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    await block(ben, ada)
    named: Json = [ObjectId(ben.id)] if several else ObjectId(ben.id)
    call = call_of(school, ada, {"who": named})
    with pytest.raises(Forbidden):
        await not_blocked("who")(call)
    call.result = {"_id": "there already"}
    await not_blocked("who")(call)
    call.result = UNSET
    call.params = call.params.internal()
    await not_blocked("who")(call)


async def test_only_a_direct_conversation_is_closed_by_a_block(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    direct, group = await talk_of(ada, ben, kind="direct"), await talk_of(ada, ben)
    await block(ada, ben)
    for person in (ada, ben):
        call = call_of(school, person)
        await require_free_to_write(call, await school.one("conversations", _id=group))
        with pytest.raises(Forbidden):
            await require_free_to_write(call, await school.one("conversations", _id=direct))


def assert_refused(answer: Answer) -> None:
    assert (answer.code, answer.body.get("data")) == (403, BLOCKED), answer
    assert answer.body["message"] == "You cannot write to this person"


async def test_neither_writes_in_the_conversation_of_the_two(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    direct, group = await talk_of(ada, ben, kind="direct"), await talk_of(ada, ben)
    made = await block(ada, ben)
    data = {"conversationId": direct, "content": "Hello"}
    for person in (ada, ben):
        assert_refused(await person.rest("create", "messages", data=data))
        async with person.socket() as socket:
            assert_refused(await socket.call("create", "messages", data=data))
            assert (await socket.say("message:send", data))["error"]["data"] == BLOCKED
        await write(person, group)
    await ada.rest("remove", "blocks", id=made)
    await write(ben, direct)


async def test_neither_begins_a_conversation_with_the_other(school: School) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    await block(ada, ben)
    for one, other in ((ada, ben), (ben, ada)):
        direct = {"kind": "direct", "memberIds": [other.id]}
        group = {"kind": "group", "name": "Us", "memberIds": [cleo.id, other.id]}
        for data in (direct, group):
            assert_refused(await one.rest("create", "conversations", data=data))
            async with one.socket() as socket:
                assert_refused(await socket.call("create", "conversations", data=data))
    await talk_of(cleo, ada, ben)


async def test_a_class_is_not_divided_by_a_block(school: School) -> None:
    admin, teacher, ada = [await newcomer(school, role) for role in ("admin", "teacher", "student")]
    lesson = (await admin.rest("create", "classes", data={"name": "Undivided"})).body["_id"]
    for path, person in (("class-teachers", teacher), ("class-enrollments", ada)):
        data = {"classId": lesson, "userId": person.id}
        assert (await admin.rest("create", path, data=data)).code == 201
    await block(teacher, ada)
    talk = await talk_of(teacher, kind="class", classId=lesson)
    await write(ada, talk)


async def test_neither_adds_the_other_to_a_group(school: School) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    await block(ada, ben)
    for one, other in ((ada, ben), (ben, ada)):
        data = {"conversationId": await talk_of(one, cleo), "userId": other.id}
        assert_refused(await one.rest("create", "members", data=data))
        async with one.socket() as socket:
            assert_refused(await socket.call("create", "members", data=data))
