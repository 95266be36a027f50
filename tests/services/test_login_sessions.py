from __future__ import annotations

import pytest
from bson import ObjectId

from stonechat.models import LoginSession
from tests.support.people import PASSWORD, newcomer
from tests.support.school import Answer, Json, Person, School


async def log_in(school: School, person: Person) -> tuple[Person, str]:
    """The same person on another device, and its refresh token."""
    data = {"strategy": "local", "email": person.user["email"], "password": PASSWORD}
    answer = await school.nobody.rest("create", "authentication", data=data)
    assert answer.code == 201, answer
    return Person(school, answer.body["accessToken"], answer.body["user"]), answer.body["refreshToken"]


async def refresh(school: School, token: str) -> Answer:
    data = {"strategy": "refresh", "refreshToken": token}
    return await school.nobody.rest("create", "authentication", data=data)


@pytest.mark.parametrize("path", ["sessions", "password-resets"])
@pytest.mark.parametrize("method", ["find", "get", "create", "update", "patch", "remove"])
async def test_no_client_reaches_what_the_authentication_keeps(
    school: School, path: str, method: str
) -> None:
    admin = await newcomer(school, "admin")
    call: Json = {"id": str(ObjectId())} if method in {"get", "update", "patch", "remove"} else {}
    call |= {"data": {}} if method in {"create", "update", "patch"} else {}
    assert (await admin.rest(method, path, **call)).code == 405
    async with admin.socket() as socket:
        assert (await socket.call(method, path, **call)).code == 405


async def test_a_device_stays_logged_in_by_refreshing(school: School) -> None:
    person, token = await log_in(school, await newcomer(school))
    answer = await refresh(school, token)
    assert answer.code == 201
    assert answer.body["user"]["_id"] == person.id
    again = Person(school, answer.body["accessToken"], answer.body["user"])
    assert (await again.rest("find", "users")).code == 200
    payload = answer.body["authentication"]["payload"]
    assert payload["exp"] - payload["iat"] == 15 * 60


async def test_a_stolen_refresh_token_is_of_use_to_nobody(school: School) -> None:
    person, token = await log_in(school, await newcomer(school))
    thief = (await refresh(school, token)).body
    async with person.socket() as socket:
        assert (await refresh(school, token)).code == 401
        await socket.client.wait()
    assert (await refresh(school, thief["refreshToken"])).code == 401
    assert (await Person(school, thief["accessToken"], {}).rest("find", "users")).code == 401
    assert (await person.rest("find", "users")).code == 401


async def test_a_logout_is_one_for_rest_and_sockets(school: School) -> None:
    someone = await newcomer(school)
    person, token = await log_in(school, someone)
    async with person.socket() as socket, someone.socket() as other:
        assert (await person.rest("remove", "authentication")).code == 200
        await socket.client.wait()
        assert (await other.call("find", "users")).code == 200
    assert (await person.rest("find", "users")).code == 401
    assert (await refresh(school, token)).code == 401


async def test_a_socket_that_logs_out_stays_as_nobody(school: School) -> None:
    person, token = await log_in(school, await newcomer(school))
    async with person.socket() as socket:
        assert (await socket.call("remove", "authentication")).code == 200
        assert (await socket.call("find", "users")).code == 401
        assert socket.client.connected
    assert (await person.rest("find", "users")).code == 401
    assert (await refresh(school, token)).code == 401


@pytest.mark.parametrize("transport", ["rest", "socketio"])
async def test_a_logout_everywhere_closes_every_device(school: School, transport: str) -> None:
    someone = await newcomer(school)
    person, token = await log_in(school, someone)
    query = {"everywhere": True}
    async with someone.socket() as other:
        if transport == "rest":
            assert (await person.rest("remove", "authentication", query=query)).code == 200
        else:
            async with person.socket() as socket:
                assert (await socket.call("remove", "authentication", query=query)).code == 200
        await other.client.wait()
    assert (await someone.rest("find", "users")).code == 401
    assert (await refresh(school, token)).code == 401


async def test_an_admin_who_sets_a_password_logs_its_owner_out(school: School) -> None:
    admin, person = await newcomer(school, "admin"), await newcomer(school)
    async with person.socket() as socket:
        changed = await admin.rest("patch", "users", id=person.id, data={"password": "another-one"})
        assert changed.code == 200
        assert (await person.rest("find", "users")).code == 401
        await socket.client.wait()
    assert (await admin.rest("find", "users")).code == 200


async def test_who_is_removed_has_no_session_left(school: School) -> None:
    admin, person = await newcomer(school, "admin"), await newcomer(school)
    _, token = await log_in(school, person)
    assert (await admin.rest("remove", "users", id=person.id)).code == 200
    assert (await refresh(school, token)).code == 401
    stored = await LoginSession.documents().find({"userId": person.id}).to_list()
    assert len(stored) == 2
    assert all(session["revokedAt"] is not None for session in stored)
