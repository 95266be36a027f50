import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from stonechat.core.adapters.memory import MemoryService
from stonechat.core.application import Application
from stonechat.core.authentication import AuthenticationOptions, AuthenticationService, authentication_of
from stonechat.core.context import Connection, HookContext, Params
from stonechat.core.errors import NotAuthenticated
from stonechat.socket.testing import ManualTime

Start = Callable[[AuthenticationOptions], Application]
USERS = [
    {"email": "ada@hill.example", "password": "correct horse", "name": "Ada"},
    {"email": "ben@hill.example", "password": "battery staple", "name": "Ben"},
]


def is_active(user: Mapping[str, Any]) -> bool:
    return bool(user.get("active", True))


class Demo:
    """An application, its sockets, and those that it closed."""

    def __init__(self, app: Application, service: AuthenticationService) -> None:
        self.app = app
        self.logins = service.logins
        self.service = service
        self.closed: list[str] = []
        app.on("disconnect", self.close)

    def close(self, connection: Connection) -> None:
        self.closed.append(connection.id)

    def connect(self, id: str) -> Connection:
        return Connection(id=id, provider="socketio", headers={})

    def params(self, connection: Connection) -> Params:
        """As a transport makes them for a call that comes from the connection."""
        return Params({"query": {}, "connection": connection, **connection})

    async def log_in(self, connection: Connection, user: int = 0) -> str:
        data = {"strategy": "local", "email": USERS[user]["email"], "password": USERS[user]["password"]}
        result = await self.app.service("authentication").create(data, self.params(connection))
        token: str = result["accessToken"]
        return token

    async def log_out(self, connection: Connection) -> None:
        await self.app.service("authentication").remove(None, self.params(connection))

    async def settled(self) -> None:
        await self.app.tasks.close()


@pytest.fixture
async def demo(app: Application) -> Demo:
    return await _demo(app)


async def _demo(app: Application) -> Demo:
    await app.service("users").create(USERS)
    service = authentication_of(app)
    assert service is not None
    return Demo(app, service)


async def test_a_failed_login_leaves_the_connection_as_it_is(demo: Demo) -> None:
    socket = demo.connect("a")
    before = dict(socket)
    with pytest.raises(NotAuthenticated):
        await demo.app.service("authentication").create({"strategy": "local"}, demo.params(socket))
    assert dict(socket) == before
    assert len(demo.logins) == 0


async def test_a_login_binds_the_connection_to_the_user_as_stored(demo: Demo) -> None:
    socket = demo.connect("a")
    bound: list[str] = []

    def on_login(result: Any, params: Params, context: HookContext) -> None:
        bound.append((socket.user or {})["name"])

    demo.app.on("login", on_login)
    token = await demo.log_in(socket)
    assert socket.authentication == {"strategy": "jwt", "accessToken": token}
    assert socket.user == await demo.app.service("users").get(1)
    assert bound == ["Ada"]
    await demo.app.service("notes").find(demo.params(socket))


async def test_a_login_by_token_binds_the_connection_too(demo: Demo) -> None:
    token = await demo.log_in(demo.connect("a"))
    socket = demo.connect("b")
    data = {"strategy": "jwt", "accessToken": token}
    await demo.app.service("authentication").create(data, demo.params(socket))
    assert socket.authentication == data
    assert len(demo.logins.of_user("1")) == 2


async def test_a_rest_login_has_no_connection(demo: Demo) -> None:
    data = {"strategy": "local", "email": "ada@hill.example", "password": "correct horse"}
    await demo.app.service("authentication").create(data, Params(provider="rest"))
    assert len(demo.logins) == 0


async def test_the_socket_is_closed_when_its_token_runs_out(demo: Demo, time: ManualTime) -> None:
    socket = demo.connect("a")
    await demo.log_in(socket)
    time.advance(24 * 60 * 60 - 5)
    assert demo.closed == []
    time.advance(6)
    assert demo.closed == ["a"]
    assert len(demo.logins) == 0


async def test_a_new_token_takes_the_place_of_the_old_ones_expiry(demo: Demo, time: ManualTime) -> None:
    socket = demo.connect("a")
    await demo.log_in(socket)
    token = demo.service.tokens.issue("1", expires_in=3 * 24 * 60 * 60)
    data = {"strategy": "jwt", "accessToken": token}
    await demo.app.service("authentication").create(data, demo.params(socket))
    time.advance(2 * 24 * 60 * 60)
    assert demo.closed == []
    assert len(time.pending) == 1


async def test_a_logout_leaves_all_channels_before_listeners_run(demo: Demo, time: ManualTime) -> None:
    socket = demo.connect("a")
    await demo.log_in(socket)
    demo.app.channel("school").join(socket)
    channels: list[list[str]] = []

    def on_logout(result: Any, params: Params, context: HookContext) -> None:
        channels.append(demo.app.channels)
        demo.app.channel("anonymous").join(socket)

    demo.app.on("logout", on_logout)
    await demo.log_out(socket)
    assert channels == [[]]
    assert demo.app.channels == ["anonymous"]
    assert (socket.user, socket.authentication, len(demo.logins), time.pending) == (None, None, 0, [])
    with pytest.raises(NotAuthenticated, match="Not authenticated"):
        await demo.app.service("notes").find(demo.params(socket))


async def test_logging_out_another_token_keeps_the_connections_own(demo: Demo) -> None:
    socket = demo.connect("a")
    token = await demo.log_in(socket)
    other = demo.service.tokens.issue("1")
    params = demo.params(socket)
    params["authentication"] = {"strategy": "jwt", "accessToken": other}
    await demo.app.service("authentication").remove(None, params)
    assert (socket.authentication or {})["accessToken"] == token
    assert demo.logins.user_of(socket) == "1"


async def test_nothing_is_left_of_a_socket_that_disconnects(demo: Demo, time: ManualTime) -> None:
    socket = demo.connect("a")
    await demo.log_in(socket)
    demo.app.emit("disconnect", socket)
    assert (len(demo.logins), demo.logins.of_user("1"), time.pending) == (0, [], [])
    demo.app.emit("disconnect", socket)


async def test_a_socket_that_leaves_during_its_login_is_not_kept(demo: Demo, time: ManualTime) -> None:
    socket = demo.connect("a")
    logins: list[object] = []

    def record(*args: object) -> None:
        logins.append(args)

    demo.app.on("login", record)

    def leave(context: HookContext) -> None:
        demo.app.emit("disconnect", socket)

    demo.app.service("authentication").hooks({"after": {"create": [leave]}})
    await demo.log_in(socket)
    assert (len(demo.logins), time.pending, logins, socket.user) == (0, [], [], None)


async def test_another_user_on_the_same_socket_hears_nothing_of_the_firsts_channels(demo: Demo) -> None:
    socket = demo.connect("a")
    await demo.log_in(socket)
    demo.app.channel("adas").join(socket)
    await demo.log_in(socket, user=1)
    assert demo.app.channels == []
    assert (socket.user or {})["name"] == "Ben"
    assert (demo.logins.of_user("1"), demo.logins.of_user("2")) == ([], [socket])


async def test_logging_in_again_as_oneself_keeps_the_channels(demo: Demo) -> None:
    socket = demo.connect("a")
    await demo.log_in(socket)
    demo.app.channel("adas").join(socket)
    await demo.log_in(socket)
    assert demo.app.channels == ["adas"]


@pytest.mark.parametrize("method", ["patch", "update"])
async def test_every_connection_of_a_changed_user_knows_the_change(demo: Demo, method: str) -> None:
    sockets = [demo.connect("a"), demo.connect("b"), demo.connect("c")]
    await demo.log_in(sockets[0])
    await demo.log_in(sockets[1])
    await demo.log_in(sockets[2], user=1)
    change = {"email": "ada@hill.example", "name": "Ada L."}
    await getattr(demo.app.service("users"), method)(1, change)
    await demo.settled()
    assert [(socket.user or {})["name"] for socket in sockets] == ["Ada L.", "Ada L.", "Ben"]


async def test_all_sockets_of_a_removed_user_are_closed(demo: Demo, time: ManualTime) -> None:
    sockets = [demo.connect("a"), demo.connect("b"), demo.connect("c")]
    await demo.log_in(sockets[0])
    await demo.log_in(sockets[1])
    await demo.log_in(sockets[2], user=1)
    await demo.app.service("users").remove(1)
    await demo.settled()
    assert sorted(demo.closed) == ["a", "b"]
    assert (len(demo.logins), len(time.pending)) == (1, 1)
    with pytest.raises(NotAuthenticated):
        await demo.app.service("notes").find(demo.params(sockets[0]))


async def test_the_sockets_of_a_user_who_may_no_longer_log_in_are_closed(
    start: Start, options: AuthenticationOptions
) -> None:
    demo = await _demo(start(replace(options, accepts=is_active)))
    await demo.log_in(demo.connect("a"))
    await demo.app.service("users").patch(1, {"active": False})
    await demo.settled()
    assert demo.closed == ["a"]


async def test_a_user_removed_during_the_login_is_not_let_in(demo: Demo) -> None:
    socket = demo.connect("a")

    async def remove_user(context: HookContext) -> None:
        await demo.app.service("users").remove(1)

    demo.app.service("authentication").hooks({"after": {"create": [remove_user]}})
    await demo.log_in(socket)
    assert (demo.closed, len(demo.logins)) == (["a"], 0)


async def test_a_slow_load_does_not_bring_back_an_older_state(demo: Demo) -> None:
    socket = demo.connect("a")
    await demo.log_in(socket)
    users = demo.app.service("users")
    loading, go_on = asyncio.Event(), asyncio.Event()

    async def hold_the_first(context: HookContext) -> None:
        if not loading.is_set():
            loading.set()
            await go_on.wait()

    users.hooks({"after": {"get": [hold_the_first]}})
    await users.patch(1, {"name": "second"})
    await loading.wait()
    await users.patch(1, {"name": "third"})
    go_on.set()
    await demo.settled()
    assert (socket.user or {})["name"] == "third"


async def test_a_connection_that_logs_out_while_its_user_is_loaded_stays_logged_out(demo: Demo) -> None:
    socket = demo.connect("a")
    await demo.log_in(socket)

    def disconnect(context: HookContext) -> None:
        demo.app.emit("disconnect", socket)
        del socket["user"]

    demo.app.service("users").hooks({"after": {"get": [disconnect]}})
    await demo.app.service("users").patch(1, {"name": "Ada L."})
    await demo.settled()
    assert socket.user is None


async def test_a_result_that_a_hook_gave_binds_its_own_user_not_the_last_one(demo: Demo) -> None:
    socket = demo.connect("a")
    await demo.log_in(socket)
    token = demo.service.tokens.issue("2")

    def answer(context: HookContext) -> None:
        payload = demo.service.tokens.verify(token)
        context.result = {"accessToken": token, "authentication": {"strategy": "own", "payload": payload}}

    demo.app.service("authentication").hooks({"before": {"create": [answer]}})
    await demo.app.service("authentication").create({}, demo.params(socket))
    assert (socket.user or {})["name"] == "Ben"


async def test_users_registered_before_and_after_are_watched(demo: Demo) -> None:
    await demo.app.unuse("users")
    demo.app.use("users", MemoryService(store={1: {"name": "Ada"}}))
    socket = demo.connect("a")
    data = {"strategy": "jwt", "accessToken": demo.service.tokens.issue("1")}
    await demo.app.service("authentication").create(data, demo.params(socket))
    await demo.app.service("users").patch(1, {"name": "Ada L."})
    await demo.settled()
    assert (socket.user or {})["name"] == "Ada L."
