"""Server-sent events: ``GET /<path>`` with ``Accept: text/event-stream`` streams a service's events.

A stream is a connection like a socket: logged in once by the request's ``Authorization``, joined to
channels by the same listeners, and closed by the application event ``disconnect``, when its token
runs out for instance. It makes no calls and gets the events of its own service only.

A stream that breaks stays in its channels for a while. Whoever comes back in this time with the
``Last-Event-ID`` gets what was missed, once and in order; else the first event is ``resync``, and the
client must fetch the records anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from secrets import token_hex
from typing import Any, Final, TypeVar
from uuid import uuid4

import structlog

from ...application import Application, Receive, Scope, Send
from ...context import Connection, Params
from ...encoding import encode
from ...errors import MethodNotAllowed, NotAuthenticated
from ...routing import Match
from ...service import Service
from ..arrivals import address_of
from ..calls import authenticator
from ..origins import Origins
from ..responses import error_response, respond
from .stream import EventStream

logger = structlog.stdlib.get_logger(__name__)

K = TypeVar("K")
V = TypeVar("V")

EVENT_STREAM: Final = b"text/event-stream"
LAST_EVENT_ID: Final = "last-event-id"
LINGER_SECONDS: Final = 60.0
MAX_LINGERING: Final = 4
"""Broken streams of one user on one service: a page that reloads leaves one each time."""

RETRY_MILLISECONDS: Final = 2000
HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would keep events back until it has a pageful
]


def wants_stream(scope: Scope) -> bool:
    return scope["method"] == "GET" and any(
        name == b"accept" and EVENT_STREAM in value for name, value in scope["headers"]
    )


class Streams:
    """The streams of one application, in this process."""

    def __init__(self, app: Application, origins: Origins, *, linger: float = LINGER_SECONDS) -> None:
        self.linger = linger  # seconds
        self._app = app
        self._origins = origins
        self._node = token_hex(4)  # ids of another process, or of one before, mean nothing here
        self._number = 0
        # _open[path][connection], broken ones among them; _of_user[path, user] in the order of opening
        self._open: dict[str, dict[Connection, EventStream]] = {}
        self._of_user: dict[tuple[str, str | None], dict[EventStream, None]] = {}
        app.on("publish", self.deliver)
        app.on("disconnect", self._disconnected)
        app.on("shutdown", self.close)
        app.hooks({"around": {"teardown": [self._teardown]}})

    async def answer(self, match: Match[Service], scope: Scope, receive: Receive, send: Send) -> None:
        """Stream to the client for as long as it reads; an error's JSON where it may not."""
        try:
            stream, greeting = await self._begin(match.value, scope)
        except Exception as error:  # noqa: BLE001 - every failure becomes a response
            await respond(send, scope["method"], *error_response(error))
            return
        leaving = asyncio.create_task(_left(receive, stream))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            await stream.serve(send, greeting)
        finally:
            leaving.cancel()
            self._broke(stream)

    def deliver(self, service: Service, event: str, payload: Any, connections: list[Connection]) -> None:
        streams = self._open.get(service.path)
        if not streams:
            return
        recipients = [stream for one in connections if (stream := streams.get(one)) is not None]
        if not recipients:
            return
        self._number += 1
        frame = self._frame(event, encode(payload))
        for stream in recipients:
            if not stream.put(self._number, frame):
                logger.info("stream reads too slowly", path=service.path, connection=stream.connection.id)
                self._broke(stream)

    def all(self) -> list[EventStream]:
        return [stream for streams in self._open.values() for stream in streams.values()]

    def close(self) -> None:
        """End all streams: the server's shutdown waits for its responses."""
        for stream in self.all():
            self._app.emit("disconnect", stream.connection)

    async def _begin(self, service: Service, scope: Scope) -> tuple[EventStream, bytes]:
        if "find" not in service.methods:
            raise MethodNotAllowed("Method `find` is not supported by this endpoint.")
        self._origins.check(scope)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        connection = Connection(id=uuid4().hex, provider="sse", headers=headers, address=address_of(scope))
        stream = EventStream(connection, service.path)
        self._open.setdefault(service.path, {})[connection] = stream
        try:
            stream.user = await self._log_in(service, connection, headers)
            if stream.ended:
                raise NotAuthenticated("Not authenticated")  # noqa: TRY301 - left, or logged out meanwhile
        except BaseException:
            if not stream.ended:
                self._app.emit("disconnect", connection)
            raise
        self._app.emit("connection", connection)
        greeting = self._greet(stream, headers.get(LAST_EVENT_ID))
        if not stream.ended:  # a listener may have closed it
            self._of_user.setdefault((stream.path, stream.user), {})[stream] = None
        return stream, greeting

    async def _log_in(self, service: Service, connection: Connection, headers: dict[str, str]) -> str | None:
        """The user's id. Without authentication, and for a public service, nobody needs to log in."""
        parser, authentication = authenticator(self._app), self._app.default_authentication()
        if parser is None or authentication is None:
            return None
        given = parser.parse(headers)
        if given is None:
            if service.options.get("public"):
                return None
            raise NotAuthenticated("Not authenticated")
        result = await authentication.create(given, Params(connection, connection=connection, query={}))
        user: str = result["authentication"]["payload"]["sub"]
        return user

    def _greet(self, stream: EventStream, last: str | None) -> bytes:
        """What is sent first. The id alone, without data, is no event: it is for who breaks before any."""
        retry = b"retry: %d\n" % RETRY_MILLISECONDS
        number = None if last is None else self._number_of(last)
        source = None if number is None else self._source(stream, number)
        if number is None or source is None:
            stream.start(self._number)
            return retry + (self._id() + b"\n" if last is None else self._frame("resync", b"{}"))
        stream.take_over(source, number)
        if not source.attached:
            self._app.emit("disconnect", source.connection)
        return retry + b"\n"

    def _source(self, stream: EventStream, number: int) -> EventStream | None:
        """A stream of the same user that knows all since ``number``; a broken one rather than a living one.

        A living one may be the client's own: this side can be the last to learn that it broke.
        """
        if stream.user is None:
            return None
        known = [one for one in self._of_user.get((stream.path, stream.user), ()) if one.covers(number)]
        return min(known, key=lambda one: one.attached, default=None)

    def _broke(self, stream: EventStream) -> None:
        """Let the stream linger, for the client to come back to."""
        stream.detach()
        if stream.ended or stream.expiry is not None:
            return
        if stream.user is None or self.linger <= 0:
            self._app.emit("disconnect", stream.connection)
            return
        stream.expiry = asyncio.get_running_loop().call_later(
            self.linger, self._app.emit, "disconnect", stream.connection
        )
        broken = [one for one in self._of_user[stream.path, stream.user] if one.expiry is not None]
        for one in broken[:-MAX_LINGERING]:
            self._app.emit("disconnect", one.connection)

    def _disconnected(self, connection: Connection) -> None:
        stream = next((some[connection] for some in self._open.values() if connection in some), None)
        if stream is None:
            return
        _forget(self._open, stream.path, connection)
        _forget(self._of_user, (stream.path, stream.user), stream)
        if stream.expiry is not None:
            stream.expiry.cancel()
        stream.ended = True
        stream.detach()
        self._app.leave_channels(connection)

    async def _teardown(self, _: Any, proceed: Callable[[], Awaitable[None]]) -> None:
        self.close()
        await proceed()

    def _frame(self, event: str, data: bytes) -> bytes:
        return b"%sevent: %s\ndata: %s\n\n" % (self._id(), event.encode(), data)

    def _id(self) -> bytes:
        return b"id: %s-%d\n" % (self._node.encode(), self._number)

    def _number_of(self, identifier: str) -> int | None:
        node, _, number = identifier.partition("-")
        known = node == self._node and number.isascii() and number.isdigit()
        return int(number) if known and len(number) < 20 and int(number) <= self._number else None


def _forget(index: dict[K, dict[V, Any]], key: K, value: V) -> None:
    members = index.get(key, {})
    members.pop(value, None)
    if not members:
        index.pop(key, None)


async def _left(receive: Receive, stream: EventStream) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.detach()
