"""Two nodes of one application: the same stores and one Redis, each with connections of its own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from stonechat.core.adapters.memory import MemoryService
from stonechat.core.application import Application
from stonechat.core.authentication import (
    AuthenticationOptions,
    AuthenticationService,
    PasswordOptions,
    SessionOptions,
    TokenOptions,
    authentication,
    authentication_of,
    hash_password,
)
from stonechat.core.backplane import EVERYWHERE, backplane
from stonechat.core.context import Connection, Params
from stonechat.core.errors import NotAuthenticated
from tests.support.redis import Redis
from tests.support.waiting import until

ADA = {"email": "ada@hill.example", "password": "correct horse", "house": "hill"}


def house_of(path: str, item: Mapping[str, Any]) -> str:
    return str(item.get("house", ""))


class Node:
    def __init__(self, app: Application) -> None:
        service = authentication_of(app)
        assert service is not None
        self.app = app
        self.service: AuthenticationService = service
        self.closed: list[str] = []
        app.on("disconnect", self._note)

    def _note(self, connection: Connection) -> None:
        self.closed.append(connection.id)

    async def log_in(self) -> dict[str, Any]:
        data = {"strategy": "local", "email": ADA["email"], "password": ADA["password"]}
        login: dict[str, Any] = await self.app.service("authentication").create(data, Params(provider="rest"))
        return login

    async def socket(self, name: str, login: Mapping[str, Any]) -> Connection:
        connection = Connection(id=name, provider="socketio", headers={})
        data = {"strategy": "jwt", "accessToken": login["accessToken"]}
        params = Params({"query": {}, "connection": connection, **connection})
        await self.app.service("authentication").create(data, params)
        return connection


class Stores:
    """What all nodes read and write."""

    def __init__(self) -> None:
        self.users = MemoryService(start_id=1)
        self.sessions = MemoryService()

    @asynccontextmanager
    async def node(self, url: str, name: str) -> AsyncGenerator[Node]:
        app = Application().configure(backplane(url, name=name, topic=house_of))
        app.use("users", self.users)
        app.service("users").hooks({"before": {"create": [hash_password()], "patch": [hash_password()]}})
        app.use("sessions", self.sessions, methods=(), service_events=[])
        app.configure(
            authentication(
                AuthenticationOptions(
                    tokens=TokenOptions(secret="s" * 32),
                    passwords=PasswordOptions(time_cost=1, memory_cost=8),
                    sessions=SessionOptions(),
                )
            )
        )
        await app.setup()
        try:
            yield Node(app)
        finally:
            await app.teardown()


@asynccontextmanager
async def pair(url: str) -> AsyncGenerator[tuple[Node, Node]]:
    stores, name = Stores(), uuid4().hex
    async with AsyncExitStack() as stack:
        here, there = [await stack.enter_async_context(stores.node(url, name)) for _ in range(2)]
        await here.app.service("users").create(ADA)
        yield here, there


@pytest.fixture
async def nodes(redis_url: str) -> AsyncIterator[tuple[Node, Node]]:
    async with pair(redis_url) as nodes:
        yield nodes


@pytest.fixture
def restartable(tmp_path: Path) -> Iterator[Redis]:
    server = Redis(tmp_path)
    server.start()
    yield server
    server.stop()


async def test_a_session_that_ends_here_is_over_there(nodes: tuple[Node, Node]) -> None:
    here, there = nodes
    ends, stays = await here.log_in(), await here.log_in()
    await there.socket("ends", ends)
    await there.socket("stays", stays)
    assert here.service.sessions is not None
    await here.service.sessions.end(ends["authentication"]["payload"]["sid"])
    await until(lambda: there.closed == ["ends"])
    with pytest.raises(NotAuthenticated):
        await there.socket("again", ends)
    await there.socket("also stays", stays)


@pytest.mark.parametrize("deed", ["password", "remove"])
async def test_who_has_another_password_or_is_removed_here_is_out_there(
    nodes: tuple[Node, Node], deed: str
) -> None:
    here, there = nodes
    login = await here.log_in()
    await there.socket("one", login)
    await there.socket("two", await there.log_in())
    users = here.app.service("users")
    if deed == "password":
        await users.patch(1, {"password": "battery staple"})
    else:
        await users.remove(1)
    await until(lambda: sorted(set(there.closed)) == ["one", "two"])
    with pytest.raises(NotAuthenticated):
        await there.socket("again", login)


async def test_what_a_connection_knows_of_its_user_follows_the_other_node(nodes: tuple[Node, Node]) -> None:
    here, there = nodes
    connection = await there.socket("one", await here.log_in())
    await here.app.service("users").patch(1, {"name": "Ada L."})
    await until(lambda: (connection.user or {}).get("name") == "Ada L.")
    assert there.closed == []


@pytest.mark.parametrize("deed", ["end", "remove", "patch"])
async def test_what_was_missed_while_redis_was_away_is_made_up_for(restartable: Redis, deed: str) -> None:
    async with pair(restartable.url) as (here, there):
        login = await here.log_in()
        connection = await there.socket("one", login)
        restartable.stop()
        match deed:
            case "end":
                assert here.service.sessions is not None
                await here.service.sessions.end(login["authentication"]["payload"]["sid"])
            case "remove":
                await here.app.service("users").remove(1)
            case _:
                await here.app.service("users").patch(1, {"name": "Ada L."})
        assert (there.closed, (connection.user or {}).get("name")) == ([], None)
        # It comes back with nothing of what it knew.
        restartable.start()
        if deed == "patch":
            await until(lambda: (connection.user or {}).get("name") == "Ada L.", within=20)
        else:
            await until(lambda: "one" in there.closed, within=20)


async def test_a_node_hears_of_users_while_they_are_there_and_no_longer(nodes: tuple[Node, Node]) -> None:
    here, there = nodes
    heard: list[str] = []
    there.app.backplane.on("said", lambda topic, node, body: heard.append(topic))
    login = await here.log_in()
    first, second = await there.socket("first", login), await there.socket("second", login)
    there.app.emit("disconnect", first)
    here.app.backplane.send("hill", "said", {})
    await until(lambda: heard == ["hill"])
    there.app.emit("disconnect", second)
    for topic in ("hill", EVERYWHERE, "hill", EVERYWHERE):
        here.app.backplane.send(topic, "said", {})
    await until(lambda: heard.count(EVERYWHERE) == 2)
    assert heard.count("hill") == 1
    assert len(there.service.logins) == 0
