"""Where the documents are served, and the page that shows them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from starlette.responses import Response
from starlette.routing import BaseRoute, Match as RouteMatch
from starlette.types import Receive, Scope, Send

from ..application import Application
from ..encoding import encode
from ..service import Service
from ..transports.web import web
from .asyncapi import asyncapi
from .events import OwnEvents, OwnRoutes
from .openapi import openapi

OPENAPI: Final = "/openapi.json"
ASYNCAPI: Final = "/asyncapi.json"
PAGE: Final = "/docs"
FOLDER: Final = Path(__file__).parent / "page"
TYPES: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

Build = Callable[[], dict[str, Any]]


def documentation(
    title: str,
    version: str,
    *,
    events: OwnEvents = lambda _: (),
    routes: OwnRoutes = lambda _: (),
) -> Callable[[Application], None]:
    """Serve what the application offers: ``/openapi.json``, ``/asyncapi.json`` and the page ``/docs``.

    ``events(app)`` and ``routes(app)`` are the events and requests that are no service's. The documents are
    public, as the names of methods and fields are no secret; they are made at the first request, and again
    when a service comes.
    """

    def configure(app: Application) -> None:
        builds: dict[str, Build] = {
            OPENAPI: lambda: openapi(app, title, version, routes(app)),
            ASYNCAPI: lambda: asyncapi(app, title, version, events(app)),
        }
        web(app).routes.append(Documents(app, builds))

    return configure


class Documents(BaseRoute):
    """The documents and the page's files, by path: a request for anything else costs one look-up."""

    def __init__(self, app: Application, builds: dict[str, Build]) -> None:
        self._app = app
        self._builds = builds
        self._built: dict[str, bytes] = {}
        self._services: tuple[Service, ...] = ()
        self._files = {f"{PAGE}/{file.name}": file for file in FOLDER.iterdir() if file.suffix in TYPES}
        self._files[PAGE] = self._files[f"{PAGE}/"] = FOLDER / "index.html"
        self._paths = frozenset({*builds, *self._files})

    def matches(self, scope: Scope) -> tuple[RouteMatch, Scope]:
        mine = scope["type"] == "http" and scope["path"] in self._paths
        return (RouteMatch.FULL if mine and scope["method"] in {"GET", "HEAD"} else RouteMatch.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path in self._builds:
            response = Response(self._document(path), headers=HEADERS, media_type="application/json")
        else:
            file = self._files[path]
            response = Response(file.read_bytes(), headers=HEADERS, media_type=TYPES[file.suffix])
        await response(scope, receive, send)

    def _document(self, path: str) -> bytes:
        services = tuple(self._app.services.values())
        if services != self._services:
            self._built.clear()
            self._services = services
        if path not in self._built:
            self._built[path] = encode(self._builds[path]())
        return self._built[path]
