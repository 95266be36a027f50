"""Who is suspended reads, and no more."""

from __future__ import annotations

from datetime import timedelta

import pytest
from bson import ObjectId

from stonechat.core.context import HookContext, Params
from stonechat.core.errors import Forbidden
from stonechat.hooks.access import not_suspended
from stonechat.models.record import now
from tests.support.people import PASSWORD, new_school, newcomer, talk_of, write
from tests.support.school import Answer, Json, Person, School, Socket
from tests.support.waiting import until

TOMORROW = "2090-01-01T00:00:00.000Z"
SUSPENDED = {"code": "SUSPENDED", "until": TOMORROW}


async def suspend(admin: Person, person: Person, at: str | None = TOMORROW, **more: Json) -> Answer:
    data = {"suspendedUntil": at, **more}
    return await admin.rest("patch", "users", id=person.id, data=data)


@pytest.mark.parametrize("role", ["student", "teacher"])
async def test_only_admins_suspend(school: School, role: str) -> None:
    person, other = await newcomer(school, role), await newcomer(school)
    for whom in (person, other):
        for data in ({"suspendedUntil": TOMORROW}, {"suspendedUntil": None}):
            assert (await person.rest("patch", "users", id=whom.id, data=data)).code == 403
            async with person.socket() as socket:
                assert (await socket.call("patch", "users", id=whom.id, data=data)).code == 403


async def test_admins_suspend_nobody_of_another_school_and_not_themselves(school: School) -> None:
    admin, other = await newcomer(school, "admin"), await newcomer(school, "admin")
    assert (await suspend(admin, await school.person("dan"))).code == 404
    assert (await suspend(admin, admin)).code == 403
    assert (
        await admin.rest("patch", "users", id=admin.id.upper(), data={"suspendedUntil": None})
    ).code == 403
    assert (await suspend(admin, other)).code == 200


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"suspendedUntil": "2020-01-01T00:00:00Z"}, "suspendedUntil"),
        ({"suspendedUntil": "for ever"}, "suspendedUntil"),
        ({"suspendedUntil": True}, "suspendedUntil"),
        ({"suspendedReason": "without a time"}, "suspendedReason"),
    ],
)
async def test_a_wrong_suspension_is_refused_by_the_name_of_its_field(
    school: School, data: Json, field: str
) -> None:
    admin, ada = await newcomer(school, "admin"), await newcomer(school)
    answer = await admin.rest("patch", "users", id=ada.id, data=data)
    assert (answer.code, [*answer.body["errors"]]) == (400, [field])
    created = {"email": f"{ObjectId()}@new.example", "name": "N", "role": "student", "password": PASSWORD}
    assert (await admin.rest("create", "users", data={**created, **data})).code == 400


async def refusals(person: Person, socket: Socket, talk: str, message: Json) -> list[Json]:
    """The errors of calls that write, over both transports."""
    calls: list[tuple[str, str, Json]] = [
        ("create", "messages", {"data": {"conversationId": talk, "content": "More"}}),
        ("patch", "messages", {"id": message["_id"], "data": {"content": "Changed"}}),
        ("remove", "messages", {"id": message["_id"]}),
        ("create", "conversations", {"data": {"kind": "group", "name": "New"}}),
        ("patch", "conversations", {"id": talk, "data": {"name": "Renamed"}}),
        ("patch", "users", {"id": person.id, "data": {"name": "Renamed"}}),
        ("create", "reports", {"data": {"messageId": message["_id"], "reason": "spam"}}),
        ("create", "blocks", {"data": {"blockedId": message["senderId"]}}),
    ]
    found: list[Json] = []
    for method, path, arguments in calls:
        for caller in (person.rest, socket.call):
            answer = await caller(method, path, **arguments)
            found.append(answer.body)
    said = await socket.say("message:send", {"conversationId": talk, "content": "More"})
    return [*found, said["error"]]


async def test_the_suspended_write_nothing_by_any_way(school: School) -> None:
    admin, ada, ben = await newcomer(school, "admin"), await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    message = await write(ada, talk)
    async with ada.socket() as before:
        assert (await suspend(admin, ada)).code == 200
        # The connection is older than the suspension, which holds for its very next call.
        refused = await refusals(ada, before, talk, message)
    async with ada.socket() as after:
        refused += await refusals(ada, after, talk, message)
    assert {error["code"] for error in refused} == {403}
    assert [error["data"] for error in refused] == [SUSPENDED] * len(refused)


async def test_the_suspended_are_not_seen_typing(school: School) -> None:
    admin, ada, ben = await newcomer(school, "admin"), await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    async with ada.socket() as socket:
        assert await socket.say("typing:start", {"conversationId": talk}) == {}
        await suspend(admin, ada)
        # Once its user's devices are told, a connection knows.
        await socket.next("users patched")
        await until(lambda: _knows_of_suspension(school, ada))
        refused = await socket.say("typing:start", {"conversationId": talk})
        assert refused["error"]["data"] == SUSPENDED
        assert await socket.say("typing:stop", {"conversationId": talk}) == {}


def _knows_of_suspension(school: School, person: Person) -> bool:
    service = school.app.default_authentication()
    assert service is not None
    connections = service.wrapped.logins.of_user(person.id)
    return all(connection.user["suspendedUntil"] is not None for connection in connections)


async def test_the_suspended_read_and_say_what_they_have_read(school: School) -> None:
    admin, ada, ben = await newcomer(school, "admin"), await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    message = await write(ben, talk)
    await suspend(admin, ada)
    async with ada.socket() as socket:
        for caller in (ada.rest, socket.call):
            assert (await caller("find", "messages", query={"conversationId": talk})).body["total"] == 1
            assert (await caller("get", "messages", id=message["_id"])).code == 200
        said = {"conversationId": talk, "seq": message["seq"]}
        assert "error" not in await socket.say("message:delivered", said)
        assert (await socket.say("message:read", said))["readSeq"] == message["seq"]
        assert "online" in await socket.say("presence:get", {})
        await write(ben, talk, "They still hear")
        assert (await socket.next("messages created"))["content"] == "They still hear"


async def test_the_suspended_log_in_and_out_and_change_their_password(school: School) -> None:
    admin, ada = await newcomer(school, "admin"), await newcomer(school)
    await suspend(admin, ada)
    again = await school.log_in(ada.user["email"], PASSWORD)
    change = {"password": PASSWORD, "newPassword": "another-one"}
    assert (await again.rest("change", "passwords", data=change)).code == 200
    assert (await again.rest("remove", "authentication")).code == 200
    new = await school.log_in(ada.user["email"], "another-one")
    async with new.socket() as socket:
        change = {"password": "another-one", "newPassword": PASSWORD}
        assert (await socket.call("change", "passwords", data=change)).code == 200
        assert (await socket.call("remove", "authentication")).code == 200


async def test_a_suspension_ends_when_it_is_lifted(school: School) -> None:
    admin, ada, ben = await newcomer(school, "admin"), await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    async with ada.socket() as socket:
        await suspend(admin, ada, suspendedReason="Spam")
        assert (await socket.say("message:send", {"conversationId": talk, "content": "A"}))["error"][
            "code"
        ] == 403
        lifted = await suspend(admin, ada, None)
        assert (lifted.body["suspendedUntil"], lifted.body["suspendedReason"]) == (None, None)
        assert "message" in await socket.say("message:send", {"conversationId": talk, "content": "B"})


async def test_a_suspension_runs_out(school: School) -> None:
    person = await newcomer(school)
    service = school.app.service("messages")

    def call(seconds: float) -> HookContext:
        user = {"_id": ObjectId(person.id), "suspendedUntil": now() + timedelta(seconds=seconds)}
        return HookContext(service, "create", data={}, params=Params(provider="rest", user=user))

    not_suspended(call(-0.001))
    with pytest.raises(Forbidden, match="You are suspended"):
        not_suspended(call(60))


async def test_own_code_acts_for_the_suspended(school: School) -> None:
    admin, ada = await newcomer(school, "admin"), await newcomer(school)
    talk = await talk_of(ada, admin)
    await suspend(admin, ada)
    user = await school.one("users", _id=ada.id)
    data = {"conversationId": ObjectId(talk), "content": "By own code"}
    message = await school.app.service("messages").create(data, Params(user=user))
    assert str(message["senderId"]) == ada.id


async def test_of_a_suspension_only_admins_and_the_user_learn(school: School) -> None:
    slug = await new_school(school)
    admin, teacher = await newcomer(school, "admin", at=slug), await newcomer(school, "teacher", at=slug)
    ada, ben = await newcomer(school, at=slug), await newcomer(school, at=slug)
    async with admin.socket() as one, ada.socket() as own, teacher.socket() as two, ben.socket() as three:
        await suspend(admin, ada, suspendedReason="Spam")
        for socket in (one, own):
            told = await socket.next("users patched")
            assert (told["suspendedUntil"], told["suspendedReason"]) == (TOMORROW, "Spam")
            assert not {"password", "lastSeenAt"} & told.keys()
            read = await socket.call("get", "users", id=ada.id)
            assert read.body["suspendedUntil"] == TOMORROW
        for socket in (two, three):
            told = await socket.next("users patched")
            assert told["_id"] == ada.id
            assert not {"password", "lastSeenAt", "suspendedUntil", "suspendedReason"} & told.keys()
    private = ["suspendedUntil", "suspendedReason"]
    for person in (teacher, ben):
        for query in ({"_id": ada.id}, {"_id": ada.id, "$select": private}):
            (read,) = (await person.rest("find", "users", query=query)).body["data"]
            assert not {*private} & read.keys()
        for guess in ({"suspendedUntil": {"$gt": "2020-01-01T00:00:00Z"}}, {"$sort": {"suspendedUntil": 1}}):
            assert (await person.rest("find", "users", query=guess)).code == 400
