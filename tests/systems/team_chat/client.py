"""A client of Team Chat, written from its document: requests, and a socket with topics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import socketio

Json = Any


class Refused(Exception):
    """A request was answered with an error: its status, and the ``code`` of the document."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.code: str = body["code"]
        self.details: Json = body["details"]


class TeamChat:
    """Somebody who is logged in with a token."""

    def __init__(self, http: aiohttp.ClientSession, url: str, token: str | None, user_id: str = "") -> None:
        self.user_id = user_id
        self._http = http
        self._url = url
        self._token = token

    async def get(self, path: str, **query: Json) -> Json:
        return await self.call("GET", path, query=query)

    async def post(self, path: str, body: Json = None, *, key: str | None = None) -> Json:
        return await self.call("POST", path, {} if body is None else body, key=key)

    async def put(self, path: str, body: Json) -> Json:
        return await self.call("PUT", path, body)

    async def delete(self, path: str, body: Json = None) -> Json:
        return await self.call("DELETE", path, body)

    async def send(self, channel: str, body: str, *, key: str | None = None, **more: Json) -> Json:
        return await self.post(f"/api/channels/{channel}/messages", {"body": body, **more}, key=key)

    async def alert(self, **alert: Json) -> Json:
        """In its two steps."""
        whole = {"body": "Come in", "reason": "Lightning", **alert}
        asked = await self.post("/api/alerts", whole)
        assert asked["status"] == "confirmation_required"
        return await self.post("/api/alerts", {**whole, "confirm_token": asked["confirm_token"]})

    @asynccontextmanager
    async def live(self) -> AsyncGenerator[Live]:
        live = Live()
        await live.open(self._url, self._token)
        try:
            yield live
        finally:
            await live.client.disconnect()

    async def call(
        self, verb: str, path: str, body: Json = None, *, query: Json = None, key: str | None = None
    ) -> Json:
        headers = {} if self._token is None else {"Authorization": f"Bearer {self._token}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        async with self._http.request(
            verb, self._url + path, json=body, params=query or {}, headers=headers
        ) as answer:
            said = await answer.json()
            if answer.status >= 400:
                raise Refused(answer.status, said)
            return said


class Live:
    """A socket of the namespace ``/team``; keeps what it is told."""

    def __init__(self) -> None:
        self.client = socketio.AsyncClient(reconnection=False)
        self._told: list[tuple[str, Json]] = []
        self._changed = asyncio.Condition()
        self.client.on("*", self._keep, namespace="/team")

    async def open(self, url: str, token: str | None) -> None:
        await self.client.connect(url, auth={"token": token}, namespaces=["/team"], transports=["websocket"])

    async def ask(self, event: str, **data: Json) -> Json:
        return await self.client.call(event, data, namespace="/team", timeout=10)

    async def told(self, event: str, which: Callable[[Json], bool] = lambda _: True) -> Json:
        """The oldest such event that was not asked for yet; waits for it."""

        def found() -> int | None:
            return next(
                (at for at, (name, data) in enumerate(self._told) if name == event and which(data)), None
            )

        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(lambda: found() is not None)
            at = found()
            assert at is not None
            return self._told.pop(at)[1]

    def has_heard(self, event: str) -> bool:
        return any(name == event for name, _ in self._told)

    async def _keep(self, event: str, *data: Json) -> None:
        async with self._changed:
            self._told.append((event, data[0] if data else None))
            self._changed.notify_all()
