"""A client of Community, written from its document: services of groups and messages, and a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import socketio

from stonechat.core.shapes import is_mapping

Json = Any


class Refused(Exception):
    """A request was answered with an error."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.name: str = body["name"]
        self.errors: dict[str, str] = body.get("errors") or {}


class Community:
    """A student, who logs in with the e-mail or the college id."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self.user_id = ""
        self.token = ""
        self._http = http
        self._url = url

    async def log_in(self, name: str, password: str, **more: Json) -> Community:
        body = {"strategy": "local", "email": name, "password": password, **more}
        answer = await self.call("POST", "/authentication", body)
        self.token, self.user_id = answer["accessToken"], answer["user"]["_id"]
        return self

    async def call(self, verb: str, path: str, body: Json = None, **query: Json) -> Json:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        where = self._url + path
        async with self._http.request(verb, where, json=body, params=query, headers=headers) as answer:
            said = await answer.json()
            if answer.status >= 400:
                raise Refused(answer.status, said)
            return said

    async def make_group(self, name: str, *members: Community) -> Json:
        people = [member.user_id for member in members]
        return await self.call("POST", "/community/groups", {"name": name, "members": people})

    async def send(self, group: str, content: str | None = None, **more: Json) -> Json:
        body = {"groupId": group, **more, **({} if content is None else {"content": content})}
        return await self.call("POST", "/community/messages", body)

    async def messages(self, group: str, **query: Json) -> Json:
        return await self.call("GET", "/community/messages", groupId=group, **query)

    async def media(self, path: str) -> tuple[int, str]:
        """The status, and where the file is."""
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self._http.get(self._url + path, headers=headers, allow_redirects=False) as answer:
            return answer.status, answer.headers.get("Location", "")

    @asynccontextmanager
    async def live(self) -> AsyncGenerator[Live]:
        live = Live()
        await live.client.connect(self._url, auth={"token": self.token}, transports=["websocket"])
        await live.next("connected")
        try:
            yield live
        finally:
            await live.client.disconnect()


class Live:
    """What a socket was told, in order, and has not been asked for yet."""

    def __init__(self) -> None:
        self.client = socketio.AsyncClient(reconnection=False)
        self.events: list[tuple[str, Json]] = []
        self._arrived = asyncio.Condition()
        self.client.on("*", self._keep)

    async def call(self, method: str, path: str, *arguments: Json) -> Json:
        """Raises Refused."""
        answer = await self.client.call(method, (path, *arguments), timeout=10)
        if is_mapping(answer):
            raise Refused(answer["code"], answer)
        return answer[1]

    async def next(self, event: str, **having: Json) -> Json:
        """The oldest such event whose payload has these fields; waits for it."""
        async with asyncio.timeout(10), self._arrived:
            await self._arrived.wait_for(lambda: self._place(event, having) is not None)
            place = self._place(event, having)
            assert place is not None
            return self.events.pop(place)[1]

    def heard(self, event: str) -> list[Json]:
        return [payload for name, payload in self.events if name == event]

    def _place(self, event: str, having: dict[str, Json]) -> int | None:
        for place, (name, payload) in enumerate(self.events):
            if name == event and all(payload.get(field) == value for field, value in having.items()):
                return place
        return None

    async def _keep(self, event: str, *payload: Json) -> None:
        async with self._arrived:
            self.events.append((event, payload[0] if payload else None))
            self._arrived.notify_all()
