"""The user of a live connection is not loaded at every call, and never older than the last change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from stonechat.core.application import Application
from stonechat.core.authentication import AuthenticationOptions, JwtOptions, authentication_of
from stonechat.core.backplane.alone import Alone
from stonechat.core.context import Connection, HookContext, Params
from stonechat.core.errors import NotAuthenticated
from stonechat.socket.testing import ManualTime

ADA = {"email": "ada@hill.example", "password": "correct horse", "name": "Ada"}
KEPT = 10.0


class Calls:
    """Calls of one connection, the names their user had, and how often a user was read for them."""

    def __init__(self, app: Application) -> None:
        self.app = app
        service = authentication_of(app)
        assert service is not None
        self.logins, self.tokens = service.logins, service.tokens
        self.socket = Connection(id="a", provider="socketio", headers={})
        self.loads = 0
        self.names: list[str] = []
        app.service("users").hooks({"before": {"get": [self._count]}})
        app.service("notes").hooks({"before": {"find": [self._note]}})

    async def log_in(self) -> None:
        login = {"strategy": "local", "email": ADA["email"], "password": ADA["password"]}
        await self.app.service("authentication").create(login, self._params())

    @property
    def token(self) -> str:
        return str((self.socket.authentication or {})["accessToken"])

    async def call(self, **params: Any) -> str:
        await self.app.service("notes").find(Params({**self._params(), **params}))
        return self.names[-1]

    def _params(self) -> Params:
        return Params({"query": {}, "connection": self.socket, **self.socket})

    def _count(self, _: HookContext) -> None:
        self.loads += 1

    def _note(self, context: HookContext) -> None:
        user: dict[str, Any] = context.params.user or {}
        self.names.append(user["name"])


@pytest.fixture
async def calls(
    start: Callable[[AuthenticationOptions], Application], options: AuthenticationOptions
) -> Calls:
    app = start(replace(options, jwt=JwtOptions(kept=KEPT)))
    await app.setup()
    await app.service("users").create(ADA)
    calls = Calls(app)
    await calls.log_in()
    assert await calls.call() == "Ada"
    calls.loads = 0
    return calls


async def test_calls_shortly_after_one_another_load_the_user_once(calls: Calls, time: ManualTime) -> None:
    assert [await calls.call() for _ in range(3)] == ["Ada"] * 3
    assert calls.loads == 0
    time.advance(KEPT)
    assert [await calls.call() for _ in range(2)] == ["Ada"] * 2
    assert calls.loads == 1


async def test_a_change_holds_from_the_next_call_on(calls: Calls) -> None:
    await calls.app.service("users").patch(1, {"name": "Ada L."})
    assert await calls.call() == "Ada L."


async def test_who_is_removed_is_out_at_once(calls: Calls) -> None:
    await calls.app.service("users").remove(1)
    with pytest.raises(NotAuthenticated):
        await calls.call()


async def test_what_changes_while_the_user_is_loaded_is_not_forgotten(calls: Calls, time: ManualTime) -> None:
    users = calls.app.service("users")
    was_asked = False

    async def change_meanwhile(context: HookContext) -> None:
        nonlocal was_asked
        if context.params.get("meanwhile") is None and not was_asked:
            was_asked = True
            await users.patch(1, {"name": "Changed"}, Params(meanwhile=True))

    users.hooks({"after": {"get": [change_meanwhile]}})
    time.advance(KEPT)
    assert await calls.call() == "Ada"
    assert await calls.call() == "Changed"


async def test_nothing_is_kept_while_other_nodes_cannot_be_heard(calls: Calls) -> None:
    class Cut(Alone):
        is_connected = False

    calls.app.backplane = Cut()
    await calls.call()
    await calls.call()
    assert calls.loads == 2


async def test_another_token_than_that_of_the_login_is_verified(calls: Calls) -> None:
    with pytest.raises(NotAuthenticated, match="jwt malformed"):
        await calls.call(authentication={"strategy": "jwt", "accessToken": "another"})


async def test_the_token_of_the_login_runs_out(calls: Calls, time: ManualTime) -> None:
    payload = calls.tokens.verify(calls.token)
    assert calls.logins.payload_of(calls.socket, calls.token) == payload
    time.advance(calls.tokens.options.expires_in + calls.tokens.options.leeway)
    assert calls.logins.payload_of(calls.socket, calls.token) is None
