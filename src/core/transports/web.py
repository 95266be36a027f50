"""The HTTP side of an application: middleware, plain routes, services, static files.

A plain route goes before a service of the same path, a service before a static file. Routes and files
are Starlette's. A request for a service goes to its endpoint directly, for Starlette's layers cost as
much as a call, unless a plain route begins with the same segment.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import unquote

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match as RouteMatch
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..application import Application
from ..errors import BY_CODE, GeneralError, NotFound
from ..logs import new_request_id, request_id, valid_request_id
from ..routing import Match
from ..service import Service
from .responses import JSON, error_response, respond

logger = structlog.stdlib.get_logger(__name__)
requests = logging.getLogger(__name__)

MATCH: Final = "stonechat.match"
REQUEST_ID: Final = b"x-request-id"


class Endpoint(Protocol):
    """What answers for all services."""

    async def answer(self, match: Match[Service], scope: Scope, receive: Receive, send: Send) -> None: ...


class Web:
    """The HTTP side of an application. Transports and own code add to it until the first request."""

    def __init__(self, app: Application) -> None:
        self.app = app
        self.middleware: list[Middleware] = []
        self.routes: list[BaseRoute] = []
        self.endpoint: Endpoint | None = None
        self.files: list[BaseRoute] = []
        self._built: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._built is None:
            self._built = self._build()
        await self._built(scope, receive, send)

    def _build(self) -> ASGIApp:
        services = [] if self.endpoint is None else [ServiceRoute(self.app, self.endpoint)]
        starlette = Starlette(
            routes=[*self.routes, *services, *self.files],
            exception_handlers={HTTPException: _http_error, Exception: _http_error},
            lifespan=self._lifespan,
        )
        starlette.router.redirect_slashes = False
        starlette.router.default = _unknown_path
        built: ASGIApp = starlette
        if self.endpoint is not None:
            built = Shortcut(self.app, self.endpoint, self.routes, starlette)
        for kind, arguments, options in reversed(self.middleware):
            built = kind(built, *arguments, **options)
        return RequestLog(built)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncGenerator[None]:
        await self.app.setup()
        try:
            yield
        finally:
            await self.app.teardown()


class Shortcut:
    """Answers for a service where no plain route can be meant, and leaves the rest to Starlette."""

    def __init__(
        self, app: Application, endpoint: Endpoint, routes: Sequence[BaseRoute], rest: ASGIApp
    ) -> None:
        self.app = app
        self.endpoint = endpoint
        self.rest = rest
        self.first_segments = {_first_segment(route) for route in routes}
        self.is_open = not any(segment is None or "{" in segment for segment in self.first_segments)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self.is_open:
            parts = path_segments(scope)
            if (parts[0] if parts else "") not in self.first_segments:
                match = self.app.route(parts)
                if match is not None:
                    await self.endpoint.answer(match, scope, receive, send)
                    return
        await self.rest(scope, receive, send)


def web(app: Application) -> Web:
    """The application's HTTP side, made at the first asking."""
    if not isinstance(app.asgi, Web):
        app.asgi = Web(app)
    return app.asgi


class ServiceRoute(BaseRoute):
    """The services among Starlette's routes."""

    def __init__(self, app: Application, endpoint: Endpoint) -> None:
        self.app = app
        self.endpoint = endpoint

    def matches(self, scope: Scope) -> tuple[RouteMatch, Scope]:
        match = self.app.route(path_segments(scope)) if scope["type"] == "http" else None
        return (RouteMatch.NONE, {}) if match is None else (RouteMatch.FULL, {MATCH: match})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.endpoint.answer(scope[MATCH], scope, receive, send)


class PrefixRoute(BaseRoute):
    """Everything below ``prefix``, HTTP and websocket alike, with the path left as it is."""

    def __init__(self, prefix: str, asgi: ASGIApp) -> None:
        self.path = prefix
        self.prefix = prefix.rstrip("/") + "/"
        self.asgi = asgi

    def matches(self, scope: Scope) -> tuple[RouteMatch, Scope]:
        inside = scope["type"] in {"http", "websocket"} and f"{scope['path']}/".startswith(self.prefix)
        return (RouteMatch.FULL if inside else RouteMatch.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.asgi(scope, receive, send)


class FileRoute(BaseRoute):
    """The files of a folder, for GET and HEAD; a path without a file goes on to the 404."""

    def __init__(self, folder: Path, headers: Mapping[str, str]) -> None:
        self.files = StaticFiles(directory=folder, html=True)
        self.headers = headers

    def matches(self, scope: Scope) -> tuple[RouteMatch, Scope]:
        if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
            return RouteMatch.NONE, {}
        name = self.files.get_path(scope)
        try:
            _, found = self.files.lookup_path("index.html" if name == "." else name)
        except (OSError, ValueError):  # a name that no file can have: too long, or with a zero in it
            found = None
        return (RouteMatch.NONE if found is None else RouteMatch.FULL), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(k.lower().encode(), v.encode()) for k, v in self.headers.items()]
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        await self.files(scope, receive, send_with_headers)


class RequestLog:
    """Gives every request an id, returns it as ``X-Request-Id`` and writes one line when it is answered.

    A caller's own id is kept if it is short and plain, so that one id can go through several systems.
    What fails outside of Starlette, in a middleware, is answered here.
    """

    def __init__(self, asgi: ASGIApp) -> None:
        self.asgi = asgi

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.asgi(scope, receive, send)
            return
        identifier = ""
        for name, value in scope["headers"]:
            if name == REQUEST_ID:
                identifier = value.decode("latin-1")
        if not identifier or not valid_request_id(identifier):
            identifier = new_request_id()
        token = request_id.set(identifier)
        started = time.perf_counter()
        status = 0

        def send_with_id(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (REQUEST_ID, identifier.encode())]
            return send(message)

        try:
            await self.asgi(scope, receive, send_with_id)
        except Exception as error:
            if status:
                raise
            await respond(send_with_id, scope["method"], *error_response(error))
        finally:
            if requests.isEnabledFor(logging.INFO):
                took = round((time.perf_counter() - started) * 1000, 2)
                logger.info("request", verb=scope["method"], path=scope["path"], status=status, ms=took)
            request_id.reset(token)


def path_segments(scope: Scope) -> list[str]:
    """The decoded segments of the path: ``%2F`` stays inside its segment, empty ones are dropped."""
    raw: bytes = scope.get("raw_path") or b""
    if b"%" not in raw:
        return [part for part in scope["path"].split("/") if part]
    return [unquote(part) for part in raw.partition(b"?")[0].split(b"/") if part]


def _first_segment(route: BaseRoute) -> str | None:
    """None for a route that does not tell its path: it may be for any."""
    path: str | None = getattr(route, "path", None)
    return None if path is None else path.strip("/").partition("/")[0]


async def _unknown_path(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 4404})
        return
    await respond(send, scope["method"], *error_response(NotFound(f"Path {scope['path']} not found")))


async def _http_error(request: Request, error: Exception) -> Response:
    extra: Mapping[str, str] = {}
    if isinstance(error, HTTPException):
        extra = error.headers or {}
        text = f"Path {request.url.path} not found" if error.status_code == 404 else error.detail
        error = BY_CODE.get(error.status_code, GeneralError)(text)
    status, headers, body = error_response(error)
    return Response(
        body, status, {**extra, **{name.decode(): value.decode() for name, value in (*headers, JSON)}}
    )
