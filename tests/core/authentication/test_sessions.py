import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from stonechat.core.adapters.memory import MemoryService
from stonechat.core.adapters.mongo import MongoService
from stonechat.core.application import Application
from stonechat.core.authentication import (
    AuthenticationOptions,
    AuthenticationService,
    authenticate,
    authentication,
    authentication_of,
    hash_password,
)
from stonechat.core.authentication.sessions import Sessions
from stonechat.core.context import Connection, HookContext, Params
from stonechat.core.errors import NotAuthenticated
from stonechat.core.publications import Publication
from stonechat.socket.testing import ManualTime

Start = Callable[[AuthenticationOptions], Application]
USERS = {
    "ada": {"email": "ada@hill.example", "password": "correct horse"},
    "ben": {"email": "ben@hill.example", "password": "battery staple"},
}


def is_active(user: Mapping[str, Any]) -> bool:
    return bool(user.get("active", True))


class Demo:
    """An application that keeps sessions, and the sockets that it closed."""

    def __init__(self, app: Application) -> None:
        service = authentication_of(app)
        assert service is not None
        assert service.sessions is not None
        self.app = app
        self.service = service
        self.sessions: Sessions = service.sessions
        self.closed: list[str] = []
        app.on("disconnect", self.close)

    def close(self, connection: Connection) -> None:
        self.closed.append(connection.id)

    async def log_in(self, name: str = "ada", connection: Connection | None = None) -> dict[str, Any]:
        return await self.create({"strategy": "local", **USERS[name]}, connection)

    async def refresh(self, token: object, connection: Connection | None = None) -> dict[str, Any]:
        return await self.create({"strategy": "refresh", "refreshToken": token}, connection)

    async def create(self, data: Any, connection: Connection | None = None) -> dict[str, Any]:
        result: dict[str, Any] = await self.app.service("authentication").create(data, _params(connection))
        return result

    async def socket(self, id: str, login: Mapping[str, Any]) -> Connection:
        """A socket that is logged in with the access token of a login."""
        connection = Connection(id=id, provider="socketio", headers={})
        await self.create({"strategy": "jwt", "accessToken": login["accessToken"]}, connection)
        return connection

    async def log_out(self, login: Mapping[str, Any], **query: Any) -> None:
        await self.app.service("authentication").remove(None, _bearer(login, query=query))

    async def is_let_in(self, login: Mapping[str, Any]) -> bool:
        try:
            await self.app.service("notes").find(_bearer(login))
        except NotAuthenticated:
            return False
        return True

    async def is_refreshed(self, login: Mapping[str, Any]) -> bool:
        try:
            await self.refresh(login["refreshToken"])
        except NotAuthenticated:
            return False
        return True

    async def stored(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.app.service("sessions").find()
        return found


def _params(connection: Connection | None) -> Params:
    if connection is None:
        return Params(provider="rest")
    return Params({"query": {}, "connection": connection, **connection})


def _bearer(login: Mapping[str, Any], **params: Any) -> Params:
    token = {"strategy": "jwt", "accessToken": login["accessToken"]}
    return Params(provider="rest", authentication=token, **params)


@pytest.fixture
async def demo(start: Start, with_sessions: AuthenticationOptions) -> Demo:
    return await _demo(start(with_sessions))


async def _demo(app: Application) -> Demo:
    await app.service("users").create([*USERS.values()])
    await app.setup()
    return Demo(app)


@pytest.mark.parametrize("token", [None, "", 5, {"$ne": None}, ["x"], "x.y.z"])
async def test_what_is_no_refresh_token_is_refused(demo: Demo, token: object) -> None:
    await demo.log_in()
    with pytest.raises(NotAuthenticated):
        await demo.refresh(token)


async def test_an_access_token_refreshes_nothing_and_a_refresh_token_gives_no_access(demo: Demo) -> None:
    login = await demo.log_in()
    with pytest.raises(NotAuthenticated, match="invalid token type"):
        await demo.refresh(login["accessToken"])
    with pytest.raises(NotAuthenticated, match="invalid token type"):
        await demo.create({"strategy": "jwt", "accessToken": login["refreshToken"]})


async def test_without_sessions_there_are_no_refresh_tokens(
    start: Start, options: AuthenticationOptions
) -> None:
    app = start(options)
    await app.service("users").create(USERS["ada"])
    data = {"strategy": "local", **USERS["ada"]}
    login = await app.service("authentication").create(data, Params(provider="rest"))
    assert login.keys() == {"accessToken", "authentication", "user"}
    assert "sid" not in login["authentication"]["payload"]
    await app.service("authentication").remove(None, _bearer(login))
    await app.service("notes").find(_bearer(login))
    with pytest.raises(NotAuthenticated, match="not allowed in authStrategies"):
        await app.service("authentication").create({"strategy": "refresh", "refreshToken": "x"})


async def test_a_login_brings_a_pair_and_a_refresh_the_next(demo: Demo) -> None:
    login = await demo.log_in()
    assert login.keys() == {"accessToken", "authentication", "user", "refreshToken"}
    again = await demo.refresh(login["refreshToken"])
    assert again.keys() == login.keys()
    assert again["user"] == login["user"]
    assert again["authentication"]["strategy"] == "refresh"
    assert again["authentication"]["payload"]["sid"] == login["authentication"]["payload"]["sid"]
    assert len({login["accessToken"], again["accessToken"]}) == 2
    assert await demo.is_let_in(again)
    assert await demo.is_refreshed(again)


async def test_a_login_by_token_begins_no_session(demo: Demo) -> None:
    login = await demo.log_in()
    again = await demo.create({"strategy": "jwt", "accessToken": login["accessToken"]})
    assert again.keys() == {"accessToken", "authentication", "user"}
    assert len(await demo.stored()) == 1


async def test_only_hashes_are_stored(demo: Demo) -> None:
    login = await demo.log_in()
    (session,) = await demo.stored()
    assert login["refreshToken"] not in str(session)
    assert session["userId"] == "1"


async def test_a_token_used_again_ends_the_session_for_both(demo: Demo) -> None:
    login = await demo.log_in()
    other = await demo.log_in()
    again = await demo.refresh(login["refreshToken"])
    socket = await demo.socket("a", again)
    assert not await demo.is_refreshed(login)
    assert not await demo.is_refreshed(again)
    assert not await demo.is_let_in(login)
    assert not await demo.is_let_in(again)
    assert demo.closed == [socket.id]
    assert await demo.is_let_in(other)


async def refresh_many_times_at_once(demo: Demo) -> None:
    """One of them gets a pair, which is worth nothing for that."""
    login = await demo.log_in()
    outcomes = await asyncio.gather(
        *(demo.refresh(login["refreshToken"]) for _ in range(5)), return_exceptions=True
    )
    pairs = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    assert len(pairs) == 1
    assert not await demo.is_let_in(pairs[0])
    assert not await demo.is_refreshed(pairs[0])


async def test_of_many_uses_at_once_none_leaves_a_valid_pair(demo: Demo) -> None:
    await refresh_many_times_at_once(demo)


async def test_mongodb_lets_one_of_many_through_too(
    database: AsyncDatabase[dict[str, Any]], with_sessions: AuthenticationOptions
) -> None:
    app = Application().configure(authentication(with_sessions))
    app.use("users", MemoryService(start_id=1, multi=["create"]))
    app.service("users").hooks({"before": {"create": [hash_password()]}})
    app.use("sessions", MongoService(database["sessions"]), methods=())
    app.use("notes", MemoryService())
    app.service("notes").hooks({"around": {"all": [authenticate("jwt")]}})
    demo = await _demo(app)
    await refresh_many_times_at_once(demo)
    other = await demo.log_in()
    assert await demo.is_refreshed(other)


async def test_a_logout_ends_its_session_and_no_other(demo: Demo) -> None:
    login, other = await demo.log_in(), await demo.log_in()
    sockets = [await demo.socket("a", login), await demo.socket("b", other)]
    await demo.log_out(login)
    assert not await demo.is_let_in(login)
    assert not await demo.is_refreshed(login)
    assert demo.closed == [sockets[0].id]
    assert await demo.is_let_in(other)
    assert await demo.is_refreshed(other)


async def test_a_socket_that_logs_out_stays_open_and_the_others_of_its_session_close(demo: Demo) -> None:
    login = await demo.log_in()
    socket, _ = await demo.socket("a", login), await demo.socket("b", login)
    await demo.app.service("authentication").remove(None, _params(socket))
    assert demo.closed == ["b"]
    assert socket.user is None
    assert not await demo.is_let_in(login)


@pytest.mark.parametrize("everywhere", [True, "true"])
async def test_a_logout_everywhere_ends_all_sessions_of_the_user(demo: Demo, everywhere: object) -> None:
    login, other, of_ben = await demo.log_in(), await demo.log_in(), await demo.log_in("ben")
    await demo.socket("a", other)
    await demo.log_out(login, everywhere=everywhere)
    assert [await demo.is_let_in(one) for one in (login, other, of_ben)] == [False, False, True]
    assert not await demo.is_refreshed(other)
    assert demo.closed == ["a"]


@pytest.mark.parametrize("everywhere", ["false", {"$ne": False}, ["true"]])
async def test_what_is_not_everywhere_is_here(demo: Demo, everywhere: object) -> None:
    login, other = await demo.log_in(), await demo.log_in()
    await demo.log_out(login, everywhere=everywhere)
    assert await demo.is_let_in(other)


async def test_the_session_of_a_socket_that_refreshes_goes_on(demo: Demo, time: ManualTime) -> None:
    login = await demo.log_in()
    socket = await demo.socket("a", login)
    time.advance(14 * 60)
    again = await demo.refresh(login["refreshToken"], socket)
    assert (socket.authentication or {})["accessToken"] == again["accessToken"]
    await demo.log_out(again)
    assert demo.closed == ["a"]


@pytest.mark.parametrize("method", ["patch", "update"])
async def test_another_password_ends_all_sessions_of_its_user(demo: Demo, method: str) -> None:
    login, of_ben = await demo.log_in(), await demo.log_in("ben")
    await demo.socket("a", login)
    data = {**USERS["ada"], "password": "something else"}
    await getattr(demo.app.service("users"), method)(1, data)
    assert demo.closed == ["a"]
    assert [await demo.is_let_in(one) for one in (login, of_ben)] == [False, True]
    assert not await demo.is_refreshed(login)


async def test_who_changes_the_own_password_keeps_the_session_of_it(demo: Demo) -> None:
    login, other = await demo.log_in(), await demo.log_in()
    demo.app.service("users").hooks({"before": {"patch": [authenticate("jwt")]}})
    await demo.app.service("users").patch(1, {"password": "something else"}, _bearer(login))
    assert [await demo.is_let_in(one) for one in (login, other)] == [True, False]
    assert await demo.is_refreshed(login)


async def test_any_other_change_ends_no_session(demo: Demo) -> None:
    login = await demo.log_in()
    await demo.app.service("users").patch(1, {"name": "Ada L."})
    assert await demo.is_refreshed(login)


async def test_a_password_hashed_anew_is_no_other_password(
    start: Start, with_sessions: AuthenticationOptions
) -> None:
    demo = await _demo(start(with_sessions))
    login = await demo.log_in()
    costlier = start(replace(with_sessions, passwords=replace(with_sessions.passwords, time_cost=2)))
    costly = authentication_of(costlier)
    assert costly is not None
    demo.service.passwords = costly.passwords
    assert await demo.log_in()
    assert "t=2" in (await demo.app.service("users").get(1))["password"]
    assert await demo.is_let_in(login)


async def test_a_removed_user_is_out_though_the_id_comes_back(demo: Demo) -> None:
    login = await demo.log_in()
    await demo.socket("a", login)
    removed = await demo.app.service("users").remove(1)
    assert demo.closed == ["a"]
    await demo.app.service("users").create({**removed, "password": "something else"})
    assert not await demo.is_let_in(login)
    assert not await demo.is_refreshed(login)


async def test_who_was_refused_for_a_while_must_log_in_anew(
    start: Start, with_sessions: AuthenticationOptions
) -> None:
    demo = await _demo(start(replace(with_sessions, accepts=is_active)))
    login = await demo.log_in()
    await demo.app.service("users").patch(1, {"active": False})
    with pytest.raises(NotAuthenticated):
        await demo.log_in()
    await demo.app.service("users").patch(1, {"active": True})
    assert not await demo.is_let_in(login)
    assert not await demo.is_refreshed(login)
    assert await demo.is_refreshed(await demo.log_in())


async def test_a_login_overtaken_by_another_password_is_refused(demo: Demo) -> None:
    async def change(context: HookContext) -> None:
        if not changed:
            changed.append(True)
            await users.patch(1, {"password": "something else"})

    changed: list[bool] = []
    users = demo.app.service("users")
    users.hooks({"after": {"find": [change]}})
    with pytest.raises(NotAuthenticated, match="The session has ended"):
        await demo.log_in()
    assert all(session["revokedAt"] is not None for session in await demo.stored())


async def test_a_socket_whose_session_ends_during_its_login_is_not_let_in(demo: Demo) -> None:
    login = await demo.log_in()

    async def end(context: HookContext) -> None:
        await demo.sessions.end(login["authentication"]["payload"]["sid"])

    demo.app.service("authentication").hooks({"after": {"create": [end]}})
    with pytest.raises(NotAuthenticated, match="The session has ended"):
        await demo.socket("a", login)
    assert len(demo.service.logins) == 0


async def test_a_restart_brings_back_no_session_that_has_ended(
    start: Start, with_sessions: AuthenticationOptions
) -> None:
    demo = await _demo(start(with_sessions))
    login, other = await demo.log_in(), await demo.log_in()
    await demo.log_out(login)
    fresh = start(with_sessions)
    for path in ("users", "sessions"):
        for record in await demo.app.service(path).find():
            await fresh.service(path).create(record, Params(password_is_hashed=True))
    await fresh.setup()
    again = Demo(fresh)
    assert [await again.is_let_in(one) for one in (login, other)] == [False, True]


async def test_what_has_ended_is_remembered_as_long_as_its_access_tokens_hold(
    demo: Demo, time: ManualTime
) -> None:
    for _ in range(3):
        await demo.log_out(await demo.log_in())
    assert len(demo.sessions.ended) == 3
    time.advance(15 * 60)
    await demo.log_out(await demo.log_in())
    assert len(demo.sessions.ended) == 1


async def test_sessions_that_ran_out_go_at_their_users_next_login(demo: Demo, time: ManualTime) -> None:
    await demo.log_in()
    await demo.log_in("ben")
    time.advance(24 * 60 * 60)
    await demo.log_in()
    assert sorted(session["userId"] for session in await demo.stored()) == ["1", "2"]


async def test_a_backplane_tells_other_nodes_of_what_has_ended(
    start: Start, with_sessions: AuthenticationOptions
) -> None:
    here, there = [await _demo(start(with_sessions)) for _ in range(2)]
    here.app.on("session-end", there.sessions.note_end)
    login = await here.log_in()
    await there.socket("a", login)
    await here.log_out(login)
    assert there.closed == ["a"]
    assert not await there.is_let_in(login)


async def test_nothing_of_a_session_is_published(demo: Demo) -> None:
    events: list[str] = []

    def everyone(item: Any, context: HookContext) -> Publication:
        events.append(context.path)
        return None

    demo.app.publish(everyone)
    login = await demo.log_in()
    await demo.log_out(await demo.refresh(login["refreshToken"]))
    assert events == []


@pytest.mark.parametrize(("methods", "error"), [(("find",), ValueError), (None, LookupError)])
async def test_the_service_of_the_sessions_must_exist_and_be_closed_to_clients(
    with_sessions: AuthenticationOptions, methods: tuple[str, ...] | None, error: type[Exception]
) -> None:
    app = Application().configure(authentication(with_sessions, AuthenticationService))
    app.use("users", MemoryService())
    if methods is not None:
        app.use("sessions", MemoryService(), methods=methods)
    with pytest.raises(error, match="sessions"):
        await app.setup()
