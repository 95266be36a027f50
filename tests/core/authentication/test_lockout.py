import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from stonechat.core.application import Application
from stonechat.core.authentication import AuthenticationOptions, LocalOptions, LockoutOptions
from stonechat.core.context import Params
from stonechat.core.errors import FeathersError, NotAuthenticated, TooManyRequests

Start = Callable[[AuthenticationOptions], Application]
Lock = Callable[..., Application]
NAMES = LocalOptions(username_fields={"email": ("email", "collegeId")})
PASSWORD = "correct horse"


@pytest.fixture
async def lock(start: Start, options: AuthenticationOptions) -> Lock:
    def build(account: str = "", address: str = "") -> Application:
        lockout = LockoutOptions(account=account, address=address)
        return start(replace(options, local=NAMES, lockout=lockout))

    return build


async def _with_users(app: Application) -> Application:
    await app.service("users").create(
        [{"email": f"{name}@hill.example", "password": PASSWORD} for name in ("ada", "ben")]
    )
    return app


async def _log_in(app: Application, name: str, password: str, address: str | None = "10.0.0.1") -> int:
    """The code that a client gets."""
    try:
        await app.service("authentication").create(
            {"strategy": "local", "email": name, "password": password},
            Params(provider="rest", address=address),
        )
    except FeathersError as error:
        return error.code
    return 201


@pytest.mark.parametrize("name", ["ada@hill.example", "nobody@hill.example", "H-1"])
async def test_after_some_failures_an_account_is_closed_even_to_the_right_password(
    lock: Lock, name: str
) -> None:
    app = await _with_users(lock(account="3/minute"))
    assert [await _log_in(app, name, "wrong") for _ in range(3)] == [401, 401, 401]
    assert await _log_in(app, name, PASSWORD) == 429
    assert await _log_in(app, name.upper(), PASSWORD, address="10.0.0.2") == 429
    assert await _log_in(app, "ben@hill.example", PASSWORD) == 201


async def test_the_refusal_tells_the_seconds_to_wait(lock: Lock) -> None:
    app = await _with_users(lock(account="1/minute"))
    await _log_in(app, "ada@hill.example", "wrong")
    with pytest.raises(TooManyRequests) as raised:
        await app.service("authentication").create(
            {"strategy": "local", "email": "ada@hill.example", "password": PASSWORD}
        )
    assert raised.value.data.keys() == {"retryAfter"}
    assert raised.value.data["retryAfter"] in range(1, 62)


async def test_a_success_forgets_the_failures_before_it(lock: Lock) -> None:
    app = await _with_users(lock(account="3/minute"))
    for _ in range(3):
        assert await _log_in(app, "ada@hill.example", "wrong") == 401
        assert await _log_in(app, "ada@hill.example", "wrong") == 401
        assert await _log_in(app, "ada@hill.example", PASSWORD) == 201


async def test_attempts_at_the_same_moment_are_no_way_around(lock: Lock) -> None:
    app = await _with_users(lock(account="3/minute"))
    codes = await asyncio.gather(*(_log_in(app, "ada@hill.example", "wrong") for _ in range(10)))
    assert sorted(codes) == [401] * 3 + [429] * 7


async def test_an_address_with_many_failures_is_closed_for_all_accounts(lock: Lock) -> None:
    app = await _with_users(lock(address="3/minute"))
    for number in range(3):
        assert await _log_in(app, f"nobody-{number}@hill.example", "wrong") == 401
    assert await _log_in(app, "ada@hill.example", PASSWORD) == 429
    assert await _log_in(app, "ada@hill.example", PASSWORD, address="10.0.0.2") == 201
    assert await _log_in(app, "ada@hill.example", PASSWORD, address=None) == 201


async def test_a_whole_school_behind_one_address_logs_in(lock: Lock) -> None:
    app = await _with_users(lock(account="3/minute", address="3/minute"))
    assert [await _log_in(app, "ada@hill.example", PASSWORD) for _ in range(8)] == [201] * 8


async def test_a_socket_counts_by_its_address(lock: Lock) -> None:
    app = await _with_users(lock(address="1/minute"))
    data: dict[str, Any] = {"strategy": "local", "email": "ada@hill.example", "password": "wrong"}
    with pytest.raises(NotAuthenticated):
        await app.service("authentication").create(data, Params(provider="socketio", address="10.0.0.1"))
    assert await _log_in(app, "ada@hill.example", PASSWORD) == 429


async def test_without_limits_nothing_is_counted(lock: Lock) -> None:
    app = await _with_users(lock())
    assert [await _log_in(app, "ada@hill.example", "wrong") for _ in range(8)] == [401] * 8


async def test_who_holds_a_token_is_not_locked_out(lock: Lock) -> None:
    app = await _with_users(lock(account="1/minute", address="1/minute"))
    login = await app.service("authentication").create(
        {"strategy": "local", "email": "ada@hill.example", "password": PASSWORD}
    )
    await _log_in(app, "ada@hill.example", "wrong")
    assert await _log_in(app, "ada@hill.example", PASSWORD) == 429
    data = {"strategy": "jwt", "accessToken": login["accessToken"]}
    again = await app.service("authentication").create(data, Params(provider="rest", address="10.0.0.1"))
    assert again["user"]["email"] == "ada@hill.example"


async def test_of_many_names_tried_at_once_from_one_address_few_are_answered(lock: Lock) -> None:
    app = await _with_users(lock(address="3/minute"))
    tries = (_log_in(app, f"nobody-{number}@hill.example", "wrong") for number in range(40))
    right = _log_in(app, "ada@hill.example", PASSWORD)
    *codes, last = await asyncio.gather(*tries, right)
    assert 3 <= codes.count(401) <= 3 + app.service("authentication").wrapped.passwords.concurrency
    assert (codes.count(401) + codes.count(429), last) == (40, 429)


async def test_addresses_of_one_ipv6_network_are_one(lock: Lock) -> None:
    app = await _with_users(lock(address="2/minute"))
    for number in range(2):
        assert await _log_in(app, f"nobody-{number}@hill.example", "wrong", f"2001:db8:0:1::{number}") == 401
    assert await _log_in(app, "ada@hill.example", PASSWORD, "2001:db8:0:1:ffff::1") == 429
    assert await _log_in(app, "ada@hill.example", PASSWORD, "2001:db8:0:2::1") == 201


async def test_a_success_of_the_same_name_elsewhere_clears_nothing(
    start: Start, options: AuthenticationOptions
) -> None:
    def of_school(data: Mapping[str, Any]) -> dict[str, Any]:
        return {"schoolId": data["school"]}

    local = LocalOptions(extra_query=of_school)
    app = start(replace(options, local=local, lockout=LockoutOptions(account="3/minute", address="")))
    for school, password in (("hill", PASSWORD), ("dale", "another password")):
        await app.service("users").create(
            {"email": "ada@example.org", "password": password, "schoolId": school}
        )

    async def log_in(school: str, password: str) -> int:
        data = {"strategy": "local", "email": "ada@example.org", "password": password, "school": school}
        try:
            await app.service("authentication").create(data)
        except FeathersError as error:
            return error.code
        return 201

    assert [await log_in("hill", "wrong") for _ in range(3)] == [401] * 3
    assert await log_in("dale", "another password") == 201
    assert await log_in("hill", PASSWORD) == 429
