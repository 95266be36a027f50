"""The two ways in which a client reaches the server, and what may become of a call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Protocol

import aiohttp
import socketio
from socketio.exceptions import SocketIOError

from stonechat.core.encoding import decode, encode
from stonechat.testing.rest import query_string

Json = Any

ANSWERED_WITHIN: Final = 15.0
VERBS: Final = {"find": "GET", "get": "GET", "create": "POST", "patch": "PATCH", "remove": "DELETE"}


class LostError(Exception):
    """No answer came: what was asked for may have been done, or may not."""


class UnreachedError(Exception):
    """There is no server; nothing was done."""


class RefusedError(Exception):
    def __init__(self, body: Json) -> None:
        super().__init__(f"{body['code']} {body['message']}")
        self.code: int = body["code"]
        self.body = body


class Line(Protocol):
    """``call`` raises LostError, UnreachedError and RefusedError. ``open`` returns whether it was closed."""

    async def open(self) -> bool: ...

    async def close(self) -> None: ...

    async def call(
        self, method: str, path: str, *, id: str | None = None, data: Json = None, query: Json = None
    ) -> Json: ...

    async def send(self, data: Json, key: str) -> Json: ...

    async def sync(self, question: Json) -> Json: ...

    async def read(self, conversation: str, seq: int) -> Json: ...


class RestLine:
    def __init__(self, url: str, token: str, http: aiohttp.ClientSession) -> None:
        self._url = url
        self._token = token
        self._http = http

    async def open(self) -> bool:
        return False

    async def close(self) -> None:
        pass

    async def call(
        self, method: str, path: str, *, id: str | None = None, data: Json = None, query: Json = None
    ) -> Json:
        return await self._ask(method, path, id, data, query, {})

    async def send(self, data: Json, key: str) -> Json:
        return await self._ask("create", "messages", None, data, None, {"Idempotency-Key": key})

    async def sync(self, question: Json) -> Json:
        """As a query where that is short enough for an address."""
        if len(question["conversations"]) <= 5:
            return await self.call("find", "sync", query=question)
        return await self.call("create", "sync", data=question)

    async def read(self, conversation: str, seq: int) -> Json:
        return await self.call(
            "acknowledge", "members", data={"conversationId": conversation, "readSeq": seq}
        )

    async def _ask(
        self, method: str, path: str, id: str | None, data: Json, query: Json, more: dict[str, str]
    ) -> Json:
        location = f"{self._url}/{path}" if id is None else f"{self._url}/{path}/{id}"
        if query:
            location += f"?{query_string(query)}"
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json", **more}
        if method not in VERBS:
            headers["X-Service-Method"] = method
        body = None if data is None else encode(data)
        limit = aiohttp.ClientTimeout(total=ANSWERED_WITHIN)
        try:
            async with self._http.request(
                VERBS.get(method, "POST"), location, data=body, headers=headers, timeout=limit
            ) as got:
                answer = decode(await got.read())
                status = got.status
        except aiohttp.ClientConnectorError as error:
            # The library itself tries a DELETE again whose connection broke: the first may have been done.
            raise (LostError if method == "remove" else UnreachedError) from error
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise LostError from error
        if status >= 400:
            raise RefusedError(answer)
        return answer


class SocketLine:
    """``heard`` gets each event with its payload, in order."""

    def __init__(
        self, url: str, token: str, http: aiohttp.ClientSession, heard: Callable[[str, Json], None]
    ) -> None:
        self._url = url
        self._token = token
        self._http = http
        self._heard = heard
        self._client: socketio.AsyncClient | None = None
        self._pending: set[asyncio.Future[Json]] = set()

    async def open(self) -> bool:
        """Raises UnreachedError."""
        if self._client is not None and self._client.connected:
            return False
        await self.close()
        client = socketio.AsyncClient(reconnection=False, http_session=self._http)
        welcome = asyncio.Event()

        def arrived(event: str, *payload: Json) -> None:
            if self._client is not client:
                return
            if event == "connected":
                welcome.set()
            self._heard(event, payload[0] if payload else None)

        def left(*_: Json) -> None:
            for future in self._pending:
                if not future.done():
                    future.set_result(None)

        client.on("*", arrived)
        client.on("disconnect", left)
        self._client = client
        try:
            async with asyncio.timeout(ANSWERED_WITHIN):
                await client.connect(
                    self._url,
                    auth={"token": self._token},
                    transports=["websocket"],
                    wait_timeout=ANSWERED_WITHIN,
                )
                await welcome.wait()
        except (SocketIOError, aiohttp.ClientError, OSError, TimeoutError) as error:
            await self.close()
            raise UnreachedError from error
        return True

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(SocketIOError, aiohttp.ClientError, OSError):
                await client.disconnect()

    async def call(
        self, method: str, path: str, *, id: str | None = None, data: Json = None, query: Json = None
    ) -> Json:
        ids = (id,) if method in {"get", "patch", "remove"} else ()
        datas = () if method in {"find", "get", "remove"} else (data,)
        answer = await self._ask(method, path, *ids, *datas, query or {})
        if len(answer) == 1 and answer[0] is not None:
            raise RefusedError(answer[0])
        return answer[1]

    async def send(self, data: Json, key: str) -> Json:
        answer = await self._say("message:send", {**data, "idempotencyKey": key})
        return {**answer["message"], "duplicate": answer.get("duplicate", False)}

    async def sync(self, question: Json) -> Json:
        return await self._say("sync", question)

    async def read(self, conversation: str, seq: int) -> Json:
        return await self._say("message:read", {"conversationId": conversation, "seq": seq})

    async def _say(self, event: str, data: Json) -> Json:
        (answer,) = await self._ask(event, data)
        if "error" in answer:
            raise RefusedError(answer["error"])
        return answer

    async def _ask(self, event: str, *arguments: Json) -> list[Json]:
        client = self._client
        if client is None or not client.connected:
            raise UnreachedError
        answered: asyncio.Future[Json] = asyncio.get_running_loop().create_future()

        def acknowledged(*answer: Json) -> None:
            if not answered.done():
                answered.set_result(list(answer))

        self._pending.add(answered)
        try:
            async with asyncio.timeout(ANSWERED_WITHIN):
                await client.emit(event, tuple(decode(encode(arguments))), callback=acknowledged)
                answer: list[Json] | None = await answered
        except (SocketIOError, aiohttp.ClientError, OSError, TimeoutError) as error:
            raise LostError from error
        finally:
            self._pending.discard(answered)
        if answer is None:
            raise LostError
        return answer
