"""Logging in and out, over REST and on sockets, to the exact keys and messages."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import AsyncIterator
from datetime import datetime
from itertools import count
from typing import Any, Final

import httpx2
import pytest

from tests.conformance.test_rest import error
from tests.support.waiting import until
from tests.support.wire import Wire

Json = dict[str, Any]

PASSWORD: Final = "supersecret"
CLAIMS: Final = {"iat", "exp", "aud", "iss", "sub", "jti"}
DAY: Final = 24 * 60 * 60
JWT_ERROR: Final = {"name": "JsonWebTokenError"}
INVALID_LOGIN: Final = error("NotAuthenticated", 401, "Invalid login")
NOT_AUTHENTICATED: Final = error("NotAuthenticated", 401, "Not authenticated")
MALFORMED: Final = error("NotAuthenticated", 401, "jwt malformed", data=JWT_ERROR)
NO_STRATEGY: Final = error("NotAuthenticated", 401, "Invalid authentication information (no `strategy` set)")
NOT_LISTED: Final = error(
    "NotAuthenticated", 401, "Invalid authentication information (strategy not allowed in authStrategies)"
)

_numbers = count(1)


class Account:
    """A user of their own, and the answer to their login."""

    def __init__(self, user: Json, password: str, login: Json) -> None:
        self.user = user
        self.credentials = {"strategy": "local", "email": user["email"], "password": password}
        self.login = login
        self.token: str = login["accessToken"]
        self.headers = {"Authorization": f"Bearer {self.token}"}
        self.jwt = {"strategy": "jwt", "accessToken": self.token}


async def make_account(rest: httpx2.AsyncClient) -> Account:
    data = {"email": f"user-{next(_numbers)}@accounts.example", "password": PASSWORD}
    created = await rest.post("/users", json=data)
    assert created.status_code == 201, created.text
    login = await rest.post("/authentication", json={"strategy": "local", **data})
    assert login.status_code == 201, login.text
    return Account(created.json(), PASSWORD, login.json())


@pytest.fixture
async def account(rest: httpx2.AsyncClient) -> Account:
    return await make_account(rest)


@pytest.fixture
async def socket(url: str) -> AsyncIterator[Wire]:
    async with Wire.open(url) as wire:
        yield wire


def parts(token: str) -> tuple[Json, Json]:
    """A token's header and claims."""
    header, claims, _ = (part + "=" * (-len(part) % 4) for part in token.split("."))
    return json.loads(base64.urlsafe_b64decode(header)), json.loads(base64.urlsafe_b64decode(claims))


# Logging in


async def test_a_login_answers_with_token_strategy_and_user(account: Account) -> None:
    login = account.login
    assert set(login) == {"accessToken", "authentication", "user"}
    assert set(login["authentication"]) == {"strategy", "payload"}
    assert login["authentication"]["strategy"] == "local"
    assert login["user"] == account.user
    assert "password" not in login["user"]


async def test_the_token_is_one_of_feathers(account: Account) -> None:
    header, claims = parts(account.token)
    assert header == {"alg": "HS256", "typ": "access"}
    assert claims == account.login["authentication"]["payload"]
    assert set(claims) == CLAIMS
    assert (claims["aud"], claims["iss"]) == ("https://yourdomain.com", "feathers")
    assert claims["sub"] == str(account.user["_id"])
    assert claims["exp"] - claims["iat"] == DAY
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", claims["jti"])


async def test_a_token_is_good_for_the_next_login(rest: httpx2.AsyncClient, account: Account) -> None:
    response = await rest.post("/authentication", json=account.jwt)
    assert response.status_code == 201
    login = response.json()
    assert set(login) == {"accessToken", "authentication", "user"}
    assert login["accessToken"] == account.token
    assert login["authentication"] == {
        "strategy": "jwt",
        "accessToken": account.token,
        "payload": account.login["authentication"]["payload"],
    }
    assert login["user"] == account.user


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({}, NO_STRATEGY),
        ({"email": "a@b.example", "password": "x"}, NO_STRATEGY),
        ({"strategy": ""}, NO_STRATEGY),
        ({"strategy": "magic"}, NOT_LISTED),
        ({"strategy": "__proto__"}, NOT_LISTED),
        ({"strategy": {"$ne": 1}}, NOT_LISTED),
        ({"strategy": "local"}, INVALID_LOGIN),
        ({"strategy": "local", "email": "nobody@accounts.example", "password": "x"}, INVALID_LOGIN),
        ({"strategy": "local", "email": "nobody@accounts.example"}, INVALID_LOGIN),
        ({"strategy": "local", "email": {"$ne": None}, "password": "x"}, INVALID_LOGIN),
        ({"strategy": "local", "email": ["a"], "password": "x"}, INVALID_LOGIN),
        ({"strategy": "jwt"}, error("NotAuthenticated", 401, "No access token")),
        ({"strategy": "jwt", "accessToken": ""}, error("NotAuthenticated", 401, "No access token")),
        ({"strategy": "jwt", "accessToken": "nonsense"}, MALFORMED),
        (
            {"strategy": "jwt", "accessToken": "a.b.c"},
            error("NotAuthenticated", 401, "invalid token", data=JWT_ERROR),
        ),
    ],
)
async def test_a_login_that_fails_says_why(
    rest: httpx2.AsyncClient, socket: Wire, data: Json, expected: Json
) -> None:
    response = await rest.post("/authentication", json=data)
    assert (response.status_code, response.json()) == (401, expected)
    assert await socket.call("create", "authentication", data, {}) == [expected]


@pytest.mark.parametrize(
    "change", [{"password": "wrong"}, {"password": ""}, {"password": None}, {"password": 5}]
)
async def test_a_wrong_password_is_an_invalid_login(
    rest: httpx2.AsyncClient, account: Account, change: Json
) -> None:
    response = await rest.post("/authentication", json={**account.credentials, **change})
    assert (response.status_code, response.json()) == (401, INVALID_LOGIN)


async def test_a_token_that_was_changed_has_an_invalid_signature(
    rest: httpx2.AsyncClient, account: Account
) -> None:
    header, claims, signature = account.token.split(".")
    expected = error("NotAuthenticated", 401, "invalid signature", data=JWT_ERROR)
    for forged in (signature[::-1], signature + "x", signature + "xx", signature[:-1], "invalid"):
        token = f"{header}.{claims}.{forged}"
        response = await rest.post("/authentication", json={"strategy": "jwt", "accessToken": token})
        assert (response.status_code, response.json()) == (401, expected)
        refused = await rest.get("/dummy", headers={"Authorization": f"Bearer {token}"})
        assert (refused.status_code, refused.json()) == (401, expected)


async def test_the_token_of_a_removed_user_is_no_good(rest: httpx2.AsyncClient) -> None:
    account = await make_account(rest)
    assert (await rest.delete(f"/users/{account.user['_id']}")).status_code == 200
    for response in (
        await rest.get("/dummy", headers=account.headers),
        await rest.post("/authentication", json=account.jwt),
    ):
        assert response.status_code == 401
        assert response.json()["name"] == "NotAuthenticated"


# Users


async def test_passwords_are_stored_as_hashes_and_never_sent(
    rest: httpx2.AsyncClient, account: Account
) -> None:
    path = f"/users/{account.user['_id']}"
    for response in (
        await rest.get(path),
        await rest.get(f"{path}?$select[]=password"),
        await rest.patch(path, json={"password": "another"}),
        await rest.get("/users"),
    ):
        assert response.status_code == 200
        assert "password" not in response.text
    again = {**account.credentials, "password": "another"}
    assert (await rest.post("/authentication", json=again)).status_code == 201
    assert (await rest.post("/authentication", json=account.credentials)).status_code == 401


async def test_of_two_users_with_one_name_the_first_logs_in(rest: httpx2.AsyncClient) -> None:
    data = {"email": "twin@accounts.example", "password": PASSWORD}
    first, second = [(await rest.post("/users", json=data)).json() for _ in range(2)]
    login = await rest.post("/authentication", json={"strategy": "local", **data})
    assert (login.status_code, login.json()["user"]) == (201, first)
    await rest.delete(f"/users/{second['_id']}")


# Calls of who is logged in


async def test_a_protected_service_learns_who_calls(rest: httpx2.AsyncClient, account: Account) -> None:
    response = await rest.get("/dummy?a=1", headers=account.headers)
    assert response.status_code == 200
    assert response.json() == {
        "provider": "rest",
        "authenticated": True,
        "authentication": {**account.jwt, "payload": account.login["authentication"]["payload"]},
        "user": account.user,
        "query": {"a": "1"},
    }


@pytest.mark.parametrize(
    "form", ["Bearer {}", "bearer {}", "BEARER  {}", "JWT {}", "jwt {}", "{}", "  Bearer {} "]
)
async def test_header_schemes_that_are_read(url: str, account: Account, form: str) -> None:
    transport = httpx2.AsyncHTTPTransport()
    async with httpx2.AsyncClient(transport=transport, base_url=url) as rest:
        response = await rest.get("/dummy", headers={"Authorization": form.format(account.token).strip()})
    assert (response.status_code, response.json()["user"]) == (200, account.user)


@pytest.mark.parametrize("form", ["Basic {}", "Token {}", "Bearer a {}"])
async def test_another_scheme_is_no_authentication(
    rest: httpx2.AsyncClient, account: Account, form: str
) -> None:
    response = await rest.get("/dummy", headers={"Authorization": form.format(account.token)})
    assert response.status_code == 401
    if not form.startswith("Bearer"):
        assert response.json() == NOT_AUTHENTICATED


async def test_nobody_is_not_authenticated(rest: httpx2.AsyncClient, socket: Wire) -> None:
    response = await rest.get("/dummy")
    assert (response.status_code, response.json()) == (401, NOT_AUTHENTICATED)
    assert await socket.call("find", "dummy", {}) == [NOT_AUTHENTICATED]
    malformed = await rest.get("/dummy", headers={"Authorization": "Bearer nonsense"})
    assert (malformed.status_code, malformed.json()) == (401, MALFORMED)


async def test_a_bad_token_matters_only_where_one_is_asked_for(rest: httpx2.AsyncClient) -> None:
    response = await rest.get("/readonly", headers={"Authorization": "Bearer nonsense"})
    assert response.status_code == 204


# Logging out


async def test_a_logout_answers_as_the_login(rest: httpx2.AsyncClient, account: Account) -> None:
    for path in ("/authentication", f"/authentication/{account.token}"):
        response = await rest.delete(path, headers=account.headers)
        assert response.status_code == 200
        logout = response.json()
        assert set(logout) == {"accessToken", "authentication", "user"}
        assert logout["accessToken"] == account.token
        assert logout["authentication"]["strategy"] == "jwt"
        assert logout["user"] == account.user


async def test_a_logout_needs_the_token_it_ends(rest: httpx2.AsyncClient, account: Account) -> None:
    other = await rest.delete("/authentication/other", headers=account.headers)
    assert (other.status_code, other.json()) == (401, error("NotAuthenticated", 401, "Invalid access token"))
    nobody = await rest.delete("/authentication")
    assert (nobody.status_code, nobody.json()) == (401, NO_STRATEGY)


# Sockets


async def test_a_socket_that_logs_in_is_the_user_until_it_logs_out(socket: Wire, account: Account) -> None:
    _, login = await socket.call("create", "authentication", account.credentials, {})
    assert set(login) == {"accessToken", "authentication", "user"}
    assert (login["authentication"]["strategy"], login["user"]) == ("local", account.user)
    _, who = await socket.call("find", "dummy", {})
    assert (who["provider"], who["user"], who["authenticated"]) == ("socketio", account.user, True)
    assert who["authentication"] == {
        "strategy": "jwt",
        "accessToken": login["accessToken"],
        "payload": login["authentication"]["payload"],
    }
    _, logout = await socket.call("remove", "authentication", None, {})
    assert set(logout) == {"accessToken", "authentication", "user"}
    assert logout["accessToken"] == login["accessToken"]
    assert await socket.call("find", "dummy", {}) == [NOT_AUTHENTICATED]
    assert await socket.call("remove", "authentication", None, {}) == [NO_STRATEGY]


async def test_a_socket_logs_in_with_a_token(socket: Wire, account: Account) -> None:
    _, login = await socket.call("create", "authentication", account.jwt, {})
    assert login["authentication"]["strategy"] == "jwt"
    assert (await socket.call("find", "dummy", {}))[1]["user"] == account.user
    refused = await socket.call("remove", "authentication", "other", {})
    assert refused == [error("NotAuthenticated", 401, "Invalid access token")]
    assert (await socket.call("remove", "authentication", account.token, {}))[0] is None


async def test_a_logout_leaves_all_channels(socket: Wire, account: Account) -> None:
    await socket.call("create", "authentication", account.jwt, {})
    await socket.call("create", "todos", {"text": "heard"}, {})
    await socket.event("todos created")
    await socket.call("remove", "authentication", None, {})
    await socket.call("create", "todos", {"text": "unheard"}, {})
    await socket.call("find", "readonly", {})
    assert [packet for packet in socket.packets if "todos created" in packet] == []


async def test_one_socket_s_login_is_no_other_s(url: str, socket: Wire, account: Account) -> None:
    await socket.call("create", "authentication", account.jwt, {})
    async with Wire.open(url) as other:
        assert await other.call("find", "dummy", {}) == [NOT_AUTHENTICATED]


async def test_a_handshake_logs_in_by_its_header(url: str, account: Account) -> None:
    for value in (f"Bearer {account.token}", f"JWT {account.token}", account.token):
        async with Wire.open(url, headers={"Authorization": value}) as wire:
            _, who = await wire.call("find", "dummy", {})
            assert (who["user"], who["authentication"]["strategy"]) == (account.user, "jwt")


async def test_a_handshake_with_a_bad_token_is_refused(url: str) -> None:
    async with Wire.open(url, headers={"Authorization": "Bearer nonsense"}, login=False) as wire:
        with pytest.raises(PermissionError) as refusal:
            await wire.connect()
    assert refusal.value.args[0] == {"message": "jwt malformed", "data": JWT_ERROR}


async def test_a_handshake_with_another_scheme_is_nobody(url: str, account: Account) -> None:
    async with Wire.open(url, headers={"Authorization": f"Basic {account.token}"}) as wire:
        assert await wire.call("find", "dummy", {}) == [NOT_AUTHENTICATED]


# The end of a token


async def test_a_token_runs_out(short_lived_url: str) -> None:
    url = short_lived_url
    async with httpx2.AsyncClient(base_url=url) as rest, Wire.open(url) as bystander:
        account = await make_account(rest)
        _, claims = parts(account.token)
        assert claims["exp"] - claims["iat"] == 3
        async with Wire.open(url) as wire:
            await wire.call("create", "authentication", account.jwt, {})
            await wire.packet("41")
            await wire.wait_closed()
        await until(lambda: time.time() > claims["exp"])
        for response in (
            await rest.get("/dummy", headers=account.headers),
            await rest.post("/authentication", json=account.jwt),
        ):
            assert response.status_code == 401
            body = response.json()
            expiry = datetime.fromisoformat(body["data"].pop("expiredAt"))
            data = {"name": "TokenExpiredError"}
            assert body == error("NotAuthenticated", 401, "jwt expired", data=data)
            assert expiry.timestamp() == claims["exp"]
        async with Wire.open(url, headers=account.headers, login=False) as late:
            with pytest.raises(PermissionError) as refusal:
                await late.connect()
        assert refusal.value.args[0]["message"] == "jwt expired"
        assert refusal.value.args[0]["data"]["name"] == "TokenExpiredError"
        assert await bystander.call("find", "readonly", {}) == [None, None]
