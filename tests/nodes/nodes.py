"""Several nodes of the school, each a process of its own, on one database and one Redis.

For tests of what crosses nodes: the fixture ``nodes`` (tests/nodes/conftest.py) gives two of them, which are
shared by all tests. ``ada = await nodes.person("ada", on=0)`` is logged in at the first node, and what
tests/support/school.py offers is there: ``ada.rest(…)``, ``async with ada.socket() as socket``,
``socket.next(event)``. ``nodes[1].at(ada)`` is the same person with the same session at the other node.

A test that kills something makes nodes of its own: ``async with serve_nodes(folder, mongodb_url, database,
redis_url, count=2) as nodes``, then ``await nodes[0].server.kill()`` and ``.start()``.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from stonechat import demo
from stonechat.app import create_app
from stonechat.models import Delivery
from tests.history.server import Server
from tests.support.school import Person, School, test_settings

SETTINGS = "presence = { grace_seconds = 0.5 }\n"


class Node:
    def __init__(self, server: Server, school: School) -> None:
        self.server = server
        self.school = school

    def at(self, person: Person) -> Person:
        """The person, with the same token, as one who calls this node."""
        return Person(self.school, person.token, person.user)


class Cluster(list[Node]):
    """The nodes, in the order of their numbers."""

    def __init__(self, nodes: Iterable[Node], make: Callable[[str], Server]) -> None:
        super().__init__(nodes)
        self._make = make

    @asynccontextmanager
    async def one_more(self) -> AsyncGenerator[Node]:
        """A further node of the same school, for as long as the block runs."""
        server = self._make(f"node-{len(self)}")
        await server.start()
        try:
            yield Node(server, School(self[0].school.app, server.url, self[0].school.http))
        finally:
            await server.stop()

    async def person(self, name: str, *, on: int = 0) -> Person:
        return await self[on].school.person(name)


@asynccontextmanager
async def serve_nodes(
    folder: Path,
    mongodb_url: str,
    database: str,
    redis_url: str,
    *,
    count: int = 2,
    lease: float = 2.0,
    more: str = "",
) -> AsyncGenerator[Cluster]:
    """``more`` are further settings, as TOML."""
    app: Any = create_app(test_settings(mongodb_url, database), background=False)
    await app.setup()
    try:
        await demo.seed(app)
        # Nobody was connected: what the demo's people said is not to be told among what a test says.
        await Delivery.documents().update_many({}, {"$set": {"state": "DELIVERED", "dueAt": None}})
    finally:
        # Beanie binds its models once a process: the tests' own school wants them back.
        await app.teardown()
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        shared = f"redis = {{ url = {json.dumps(redis_url)}, lease_seconds = {lease} }}\n{SETTINGS}{more}"

        def make(name: str) -> Server:
            return Server(folder, mongodb_url, database, name=name, more=shared)

        servers = [make(f"node-{number}") for number in range(count)]
        for server in servers:
            stack.push_async_callback(server.stop)
        await asyncio.gather(*(server.start() for server in servers))
        yield Cluster((Node(server, School(app, server.url, http)) for server in servers), make)
