"""A served school with its demo data, and people who call it over both transports."""

from __future__ import annotations

import asyncio
import atexit
import shutil
import tempfile
from base64 import b64encode
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
import socketio

from stonechat import demo
from stonechat.app import create_app
from stonechat.core.application import Application
from stonechat.core.context import Params
from stonechat.core.encoding import decode, encode
from stonechat.core.shapes import is_list, is_mapping
from stonechat.core.testing import serving
from stonechat.settings import Settings, load_settings

Json = Any

MASTER_KEY: Final = f"tests:{b64encode(bytes(range(32))).decode()}"
"""With one a conversation may be encrypted."""

PATHS: Final = (
    "schools",
    "users",
    "classes",
    "class-teachers",
    "class-enrollments",
    "teams",
    "team-members",
    "conversations",
    "members",
    "messages",
    "reactions",
    "reports",
    "warnings",
    "blocks",
    "scheduled-messages",
    "devices",
    "exports",
    "alerts",
)
"""The services whose records clients reach."""


def test_settings(url: str, database: str, **tables: Mapping[str, Any]) -> Settings:
    """The settings of the environment ``test`` on a server; ``tables`` change single values."""
    settings = load_settings(environment="test", environ={})
    values = settings.model_dump()
    values["mongodb"].update(url=url, database=database)
    values["storage"]["folder"] = files_folder() / database
    values["encryption"]["master_keys"] = [MASTER_KEY]
    for table, changes in tables.items():
        values[table].update(changes)
    return Settings.model_validate(values)


@cache
def files_folder() -> Path:
    """Where the schools of this run keep files; gone with the process."""
    folder = Path(tempfile.mkdtemp(prefix="stonechat-files-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


test_settings.__test__ = False  # type: ignore[attr-defined]


class Answer:
    """What a call came to, whichever transport it took: ``code`` 200 and a result, or an error's."""

    def __init__(self, code: int, body: Json) -> None:
        self.code = code
        self.body = body

    def __repr__(self) -> str:
        return f"Answer({self.code}, {self.body})"


class Person:
    """Somebody who is logged in, or nobody without a token."""

    def __init__(self, school: School, token: str | None, user: Json) -> None:
        self.school = school
        self.token = token
        self.user = user

    @property
    def id(self) -> str:
        return str(self.user["_id"])

    async def rest(
        self, method: str, path: str, *, id: str | None = None, data: Json = None, query: Json = None
    ) -> Answer:
        """Call a service's method over HTTP."""
        verbs = {"find": "GET", "get": "GET", "update": "PUT", "patch": "PATCH", "remove": "DELETE"}
        headers = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        if method not in {*verbs, "create"}:
            headers["X-Service-Method"] = method
        location = f"/{path}" if id is None else f"/{path}/{id}"
        return await self.request(verbs.get(method, "POST"), location, data, query=query, headers=headers)

    async def request(
        self,
        verb: str,
        location: str,
        data: Json = None,
        *,
        query: Json = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        body = None if data is None else encode(data)
        if query:
            location += f"?{urlencode(_flat(query))}"
        sent = {"Content-Type": "application/json", **(headers or {})}
        if self.token is not None:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        async with self.school.http.request(verb, self.school.url + location, data=body, headers=sent) as got:
            text = await got.read()
            return Answer(got.status, decode(text) if text else None)

    @asynccontextmanager
    async def socket(self) -> AsyncGenerator[Socket]:
        socket = Socket(self)
        await socket.open()
        try:
            yield socket
        finally:
            await socket.close()


class Socket:
    """A live connection; keeps every event it was sent, in order, and the ``welcome`` of its login."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.welcome: Json = None
        self.events: list[tuple[str, Json]] = []
        self.client = socketio.AsyncClient(reconnection=False)
        self._arrived = asyncio.Condition()
        self.client.on("*", self._keep)

    async def open(self) -> None:
        token = self.person.token
        await self.client.connect(
            self.person.school.url, auth=None if token is None else {"token": token}, transports=["websocket"]
        )
        if token is not None:
            self.welcome = await self.next("connected")

    async def close(self) -> None:
        await self.client.disconnect()

    async def call(
        self, method: str, path: str, *, id: str | None = None, data: Json = None, query: Json = None
    ) -> Answer:
        """Call a service's method as Feathers' clients do."""
        arguments: list[Json] = [path]
        if method in {"get", "update", "patch", "remove"}:
            arguments.append(id)
        if method not in {"find", "get", "remove"}:
            arguments.append(data)
        arguments.append(query or {})
        answer: Json = await self.client.call(method, tuple(decode(encode(arguments))), timeout=10)
        if is_mapping(answer):
            return Answer(answer["code"], answer)
        return Answer(200, answer[1])

    async def say(self, event: str, data: Json) -> Json:
        """Send one of the school's own events; what is acknowledged."""
        return await self.client.call(event, decode(encode(data)), timeout=10)

    async def next(self, event: str, *, within: float = 5.0) -> Json:
        """The oldest such event that was not asked for yet; waits for it."""
        async with asyncio.timeout(within), self._arrived:
            await self._arrived.wait_for(lambda: any(name == event for name, _ in self.events))
        position = next(at for at, (name, _) in enumerate(self.events) if name == event)
        return self.events.pop(position)[1]

    def seen(self, event: str) -> list[Json]:
        return [payload for name, payload in self.events if name == event]

    async def _keep(self, event: str, *payload: Json) -> None:
        async with self._arrived:
            self.events.append((event, payload[0] if payload else None))
            self._arrived.notify_all()


class School:
    """The demo schools, served; ``url`` without a slash at its end."""

    def __init__(self, app: Application, url: str, http: aiohttp.ClientSession) -> None:
        self.app = app
        self.url = url
        self.http = http
        self._people: dict[str, Person] = {}

    @property
    def nobody(self) -> Person:
        return Person(self, None, {})

    async def person(self, name: str) -> Person:
        """Somebody of the demo data by the first part of the e-mail, logged in."""
        if name not in self._people:
            email = next(email for _, email, _ in demo.logins() if email.partition("@")[0] == name)
            self._people[name] = await self.log_in(email, demo.PASSWORD)
        return self._people[name]

    def forget(self, name: str) -> None:
        """Log in anew when the person is asked for again: the session has been ended."""
        self._people.pop(name, None)

    async def log_in(self, email: str, password: str) -> Person:
        data = {"strategy": "local", "email": email, "password": password}
        answer = await self.nobody.rest("create", "authentication", data=data)
        assert answer.code == 201, answer
        return Person(self, answer.body["accessToken"], answer.body["user"])

    async def one(self, path: str, **query: Json) -> Json:
        """The one record of any school that matches."""
        (found,) = await self.app.service(path).find(Params(query=query, paginate=False))
        return found

    async def conversation(self, *names: str, kind: str = "group") -> str:
        """A new conversation of these people, the first of whom made it; its id."""
        people = [await self.person(name) for name in names]
        data = {"kind": kind, "name": "A talk", "memberIds": [person.id for person in people[1:]]}
        answer = await people[0].rest("create", "conversations", data=data)
        assert answer.code == 201, answer
        return str(answer.body["_id"])

    async def say(self, name: str, conversation: str, content: str) -> Json:
        person = await self.person(name)
        data = {"conversationId": conversation, "content": content}
        answer = await person.rest("create", "messages", data=data)
        assert answer.code == 201, answer
        return answer.body


@asynccontextmanager
async def serve_school(settings: Settings) -> AsyncGenerator[School]:
    app = create_app(settings)
    async with serving(app) as url, aiohttp.ClientSession() as http:
        await demo.seed(app)
        yield School(app, url, http)


def _flat(value: Json, prefix: str = "") -> list[tuple[str, str]]:
    """A nested query as the pairs of Feathers' REST client: ``age[$in][0]=1``."""
    if is_mapping(value):
        named = ((f"{prefix}[{key}]" if prefix else key, part) for key, part in value.items())
        return [pair for name, part in named for pair in _flat(part, name)]
    if is_list(value):
        return [pair for at, part in enumerate(value) for pair in _flat(part, f"{prefix}[{at}]")]
    plain = decode(encode(value))
    return [(prefix, plain if isinstance(plain, str) else encode(plain).decode())]
