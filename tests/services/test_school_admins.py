"""A school keeps an admin, whoever goes at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from bson import ObjectId

from stonechat.core.context import HookContext, Params
from stonechat.core.errors import Conflict
from stonechat.core.hooks import Next
from stonechat.models import AuditEntry, School, User
from stonechat.services.erasures.erasing import Erasing
from tests.support.people import new_school, newcomer
from tests.support.privacy import people_of
from tests.support.school import Answer, Json, Person, School as Served

KEPT = "A school keeps its last admin"


async def demote(admin: Person, person: Person) -> Answer:
    return await admin.rest("patch", "users", id=person.id, data={"role": "student"})


async def remove(admin: Person, person: Person) -> Answer:
    return await admin.rest("remove", "users", id=person.id)


async def admins_of(person: Person) -> list[str]:
    here = {"schoolId": ObjectId(person.user["schoolId"]), "role": "admin", "erasingAt": None}
    return [str(user["_id"]) for user in await User.documents().find(here).to_list()]


async def two_admins(school: Served) -> tuple[Person, Person]:
    one, other = await people_of(school, await new_school(school), "admin", "admin")
    return one, other


@pytest.mark.parametrize("transport", ["rest", "socket"])
async def test_the_last_admin_stays_one(school: Served, transport: str) -> None:
    admin = await newcomer(school, "admin", at=await new_school(school))
    if transport == "rest":
        answer = await demote(admin, admin)
    else:
        async with admin.socket() as socket:
            answer = await socket.call("patch", "users", id=admin.id, data={"role": "teacher"})
    assert (answer.code, answer.body["message"]) == (409, KEPT)
    assert await admins_of(admin) == [admin.id]
    renamed = await admin.rest("patch", "users", id=admin.id, data={"role": "admin", "name": "Head"})
    assert renamed.code == 200


@pytest.mark.parametrize("act", [demote, remove])
async def test_of_two_who_take_it_from_each_other_one_is_refused(
    school: Served, act: Callable[[Person, Person], Awaitable[Answer]]
) -> None:
    one, other = await two_admins(school)
    answers = await asyncio.gather(act(one, other), act(other, one))
    codes = sorted(answer.code for answer in answers)
    assert codes[0] == 200
    assert codes[1] in {401, 403}
    assert len(await admins_of(one)) == 1


async def test_of_two_who_give_it_up_at_once_one_stays(school: Served) -> None:
    one, other = await two_admins(school)
    answers = await asyncio.gather(demote(one, one), demote(other, other))
    assert sorted(answer.code for answer in answers) == [200, 409]
    assert len(await admins_of(one)) == 1


@pytest.mark.parametrize("method", ["patch", "remove"])
async def test_the_database_decides_between_processes(school: Served, method: str) -> None:
    """Own code takes no turns, as calls of several processes take none with each other."""
    one, other = await two_admins(school)
    users = school.app.service("users")

    async def act(person: Person) -> object:
        if method == "remove":
            return await users.remove(person.id)
        return await users.patch(person.id, {"role": "student"})

    results = await asyncio.gather(act(one), act(other), return_exceptions=True)
    (refused,) = [result for result in results if isinstance(result, BaseException)]
    assert isinstance(refused, Conflict)
    assert str(refused) == KEPT
    assert len(await admins_of(one)) == 1


async def test_not_all_are_removed_at_once_either(school: Served) -> None:
    one, other = await two_admins(school)
    query = {"_id": {"$in": [ObjectId(one.id), ObjectId(other.id)]}}
    with pytest.raises(Conflict, match=KEPT):
        await school.app.service("users").remove(None, Params(query=query, adapter={"multi": True}))
    assert len(await admins_of(one)) == 2


async def test_of_two_who_are_erased_at_once_one_stays(school: Served) -> None:
    one, other = await two_admins(school)
    users = await User.documents().find({"schoolId": ObjectId(one.user["schoolId"])}).to_list()

    async def tell(done: int, step: str) -> None:
        pass

    erasings = [Erasing(school.app, user, None, tell) for user in users]
    results = await asyncio.gather(*(one.run() for one in erasings), return_exceptions=True)
    (refused,) = [result for result in results if isinstance(result, BaseException)]
    assert isinstance(refused, Conflict)
    assert str(refused) == KEPT
    assert len(await admins_of(other)) == 1


@pytest.mark.parametrize(
    ("method", "path"), [("create", "users"), ("patch", "users"), ("remove", "users"), ("create", "erasures")]
)
async def test_who_is_no_admin_any_more_when_the_turn_comes_is_refused(
    school: Served, method: str, path: str
) -> None:
    admin, other = await two_admins(school)
    ada = await newcomer(school, at=(await school.one("schools", _id=admin.user["schoolId"]))["slug"])
    account = {"email": "new@new.example", "name": "New", "role": "admin", "password": "long-enough"}
    data: Json = {
        ("create", "users"): account,
        ("patch", "users"): {"role": "admin"},
        ("create", "erasures"): {"userId": ada.id},
    }.get((method, path))
    begun: list[str] = []

    async def lose_it(context: HookContext, proceed: Next) -> None:
        """As another process does while the call waits, after the caller was found to be an admin."""
        caller = context.params.user or {}
        if str(caller.get("_id")) == other.id:
            begun.append(context.path)
            await User.documents().update_one({"_id": caller["_id"]}, {"$set": {"role": "teacher"}})
        await proceed()

    school.app.service(path).hooks({"around": {"all": [lose_it]}})
    answer = await other.rest(method, path, id=None if method == "create" else ada.id, data=data)
    assert begun == [path]
    assert answer.code == 403
    assert await admins_of(admin) == [admin.id]


async def test_the_audit_log_has_who_changed_the_own_role(school: Served) -> None:
    one, _ = await two_admins(school)
    assert (await one.rest("patch", "users", id=one.id, data={"name": "Another"})).code == 200
    assert (await demote(one, one)).code == 200
    where = {"schoolId": ObjectId(one.user["schoolId"]), "action": "users.patch"}
    (entry,) = await AuditEntry.documents().find(where).to_list()
    assert str(entry["actorId"]) == str(entry["subject"]["id"]) == one.id
    assert entry["details"] == {"fields": ["role"], "role": "student"}


async def test_nobody_sees_what_such_calls_meet_at(school: Served) -> None:
    one, other = await two_admins(school)
    assert (await demote(one, other)).code == 200
    stored = await School.documents().find_one({"_id": ObjectId(one.user["schoolId"])})
    assert stored is not None
    assert stored["adminChanges"] == 1
    assert "adminChanges" not in (await one.rest("get", "schools", id=one.user["schoolId"])).body
    async with one.socket() as socket:
        patched = await socket.call("patch", "schools", id=one.user["schoolId"], data={"timezone": "UTC"})
        assert patched.code == 200
        assert "adminChanges" not in patched.body
        assert "adminChanges" not in await socket.next("schools patched")
