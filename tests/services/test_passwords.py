from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from stonechat.core.authentication.password_service import PASSWORD_RESET
from tests.support.people import PASSWORD, newcomer
from tests.support.school import Answer, Json, School, serve_school, test_settings

NEW = "another-one"

Deliveries = asyncio.Queue[tuple[str, str]]


@pytest.fixture
async def delivered(school: School) -> AsyncIterator[Deliveries]:
    """What a deliverer of mail would be given: addresses and tokens."""
    queue: Deliveries = asyncio.Queue()

    async def deliver(user: Json, token: str) -> None:
        await queue.put((user["email"], token))

    school.app.on(PASSWORD_RESET, deliver)
    yield queue
    school.app.off(PASSWORD_RESET, deliver)


async def log_in(school: School, email: str, password: str) -> Answer:
    data = {"strategy": "local", "email": email, "password": password}
    return await school.nobody.rest("create", "authentication", data=data)


@pytest.mark.parametrize("transport", ["rest", "socketio"])
async def test_one_changes_one_s_own_password_and_stays_where_one_is(school: School, transport: str) -> None:
    person = await newcomer(school)
    other = await school.log_in(person.user["email"], PASSWORD)
    data = {"password": PASSWORD, "newPassword": NEW}
    async with person.socket() as socket, other.socket() as elsewhere:
        if transport == "rest":
            answer = await person.rest("change", "passwords", data=data)
        else:
            answer = await socket.call("change", "passwords", data=data)
        assert (answer.code, answer.body) == (200, {})
        assert (await other.rest("find", "users")).code == 401
        await elsewhere.client.wait()
        assert (await socket.call("find", "users")).code == 200
    assert (await person.rest("find", "users")).code == 200
    assert (await log_in(school, person.user["email"], PASSWORD)).code == 401
    assert (await log_in(school, person.user["email"], NEW)).code == 201


async def test_a_change_needs_the_old_password_and_a_fit_new_one(school: School) -> None:
    person = await newcomer(school)
    wrong = await person.rest("change", "passwords", data={"password": "wrong", "newPassword": NEW})
    assert (wrong.code, wrong.body["errors"]) == (400, {"password": "is wrong"})
    short = await person.rest("change", "passwords", data={"password": PASSWORD, "newPassword": "short"})
    assert (short.code, list(short.body["errors"])) == (400, ["newPassword"])
    assert (await log_in(school, person.user["email"], PASSWORD)).code == 201


async def test_a_forgotten_password_is_set_by_the_token_that_was_delivered(
    school: School, delivered: Deliveries
) -> None:
    person = await newcomer(school)
    asked = await school.nobody.rest("create", "passwords", data={"email": person.user["email"]})
    unknown = await school.nobody.rest("create", "passwords", data={"email": "nobody@new.example"})
    assert (asked.code, asked.body) == (unknown.code, unknown.body) == (201, {})
    email, token = await asyncio.wait_for(delivered.get(), 5)
    assert email == person.user["email"]
    async with person.socket() as socket:
        answer = await school.nobody.rest("reset", "passwords", data={"token": token, "password": NEW})
        assert answer.code == 200
        await socket.client.wait()
    assert (await person.rest("find", "users")).code == 401
    assert (await log_in(school, person.user["email"], NEW)).code == 201
    again = await school.nobody.rest("reset", "passwords", data={"token": token, "password": "third-one"})
    assert again.code == 400
    assert delivered.empty()


async def test_guessing_is_stopped_as_the_settings_say(mongodb_url: str) -> None:
    lockout: dict[str, Any] = {"account": "2/minute", "address": "100/minute"}
    settings = test_settings(mongodb_url, "test_lockout", authentication={"lockout": lockout})
    async with serve_school(settings) as school:
        email = "ada@demo.school"
        assert [(await log_in(school, email, "wrong")).code for _ in range(2)] == [401, 401]
        refused = await log_in(school, email, "stonechat-demo")
        assert refused.code == 429
        assert refused.body["name"] == "TooManyRequests"
        assert 0 < refused.body["data"]["retryAfter"] <= 61
        unknown = "nobody@demo.school"
        assert [(await log_in(school, unknown, "wrong")).code for _ in range(3)] == [401, 401, 429]
        assert (await log_in(school, "ben@demo.school", "stonechat-demo")).code == 201
