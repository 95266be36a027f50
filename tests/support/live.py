"""A small application with every kind of service, served, and what its listeners saw."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId

from stonechat.core.adapters.memory import MemoryService
from stonechat.core.application import Application
from stonechat.core.authentication import (
    AuthenticationOptions,
    AuthenticationService,
    PasswordOptions,
    TokenOptions,
    authentication,
    authentication_of,
    hash_password,
)
from stonechat.core.context import Connection, Params
from stonechat.core.errors import Conflict
from stonechat.core.protect import protect
from stonechat.core.testing import serving
from stonechat.core.transports.realtime import Sockets, realtime
from stonechat.core.transports.realtime.server import SocketServer
from stonechat.core.transports.rest import rest


class Slow:
    """Answers when it is let; keeps the order of what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.go = asyncio.Event()

    async def find(self, params: Params) -> list[Any]:
        self.asked.append(params.query.get("n"))
        await self.go.wait()
        return [params.query.get("n")]


class Echo:
    """Answers with what it was given."""

    async def find(self, params: Params) -> dict[str, Any]:
        return {"query": params.query, "route": params.route, "provider": params.provider}

    async def get(self, id: Any, params: Params) -> dict[str, Any]:
        match id:
            case "broken":
                raise RuntimeError("the password is 1234")
            case "taken":
                raise Conflict("Taken", {"errors": {"name": "is taken"}, "by": "ada"})
            case "object":
                return {"value": object()}
            case _:
                return {"id": id, "query": params.query}

    async def create(self, data: Any, params: Params) -> Any:
        return {"data": data, "address": params.get("address")}

    async def wave(self, data: Any, params: Params) -> Any:
        return {"waved": data, "query": params.query}

    async def secret(self, data: Any, params: Params) -> Any:
        raise AssertionError

    async def values(self, data: Any, params: Params) -> Any:
        return {"at": datetime(2026, 1, 2, 3, 4, 5, 678_900, UTC), "id": ObjectId("65f000000000000000000001")}


class Demo:
    """A small application, and what its listeners saw."""

    def __init__(self, app: Application) -> None:
        self.app = app
        self.slow = Slow()
        self.connections: list[Connection] = []
        self.gone: list[Connection] = []
        self.url = ""

    @property
    def sockets(self) -> Sockets:
        assert isinstance(self.app.realtime, Sockets)
        return self.app.realtime

    @property
    def server(self) -> SocketServer:
        return self.sockets.server

    async def token(self, email: str = "ada@hill.example", expires_in: int = 3600) -> str:
        (user,) = await self.app.service("users").find(Params(query={"email": email}))
        service = authentication_of(self.app)
        assert isinstance(service, AuthenticationService)
        return service.tokens.issue(str(user["_id"]), expires_in=expires_in)


@asynccontextmanager
async def serve_demo(*, max_connections: int = 0, **options: Any) -> AsyncGenerator[Demo]:
    """``options`` are those of ``realtime``. Whoever connects is in the channel that gets every event."""
    app = Application()
    options.setdefault("max_message", 65_536)
    app.configure(rest(origins=options.get("origins", ()))).configure(realtime(**options))
    demo = Demo(app)
    app.use("users", MemoryService(start_id=1, multi=["create"]))
    app.service("users").hooks({"before": {"create": [hash_password()]}})
    app.service("users").hooks({"after": {"all": [protect("password")]}})
    app.use("notes", MemoryService(paginate={"default": 2, "max": 10}, multi=["create", "remove"]))
    app.use("slow", demo.slow)
    app.use("/", MemoryService())
    methods = ("find", "get", "create", "wave", "values")
    app.use("echo", Echo(), methods=methods)
    app.use("users/:userId/echo", Echo(), methods=methods)
    app.use(
        "alarms",
        MemoryService(),
        events=["rang", "rung"],
        wire_events={"rang": "alarm:rang", "created": "new"},
    )
    tokens = TokenOptions(secret="s" * 32)
    passwords = PasswordOptions(time_cost=1, memory_cost=8)
    app.configure(
        authentication(
            AuthenticationOptions(tokens=tokens, passwords=passwords, max_connections=max_connections)
        )
    )
    app.on("connection", demo.connections.append)
    app.on("connection", app.channel("everybody").join)
    app.on("disconnect", demo.gone.append)
    app.publish(lambda item, context: app.channel("everybody"))
    await app.service("users").create(
        [
            {"email": "ada@hill.example", "password": "correct horse", "name": "Ada"},
            {"email": "ben@hill.example", "password": "battery staple", "name": "Ben"},
        ]
    )
    async with serving(app) as demo.url:
        yield demo
