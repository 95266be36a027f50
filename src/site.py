"""What is served beside the services: the page at ``/`` and ``/healthz``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from pymongo.errors import PyMongoError
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from .core.application import Application
from .core.transports.web import FileRoute, web

HEALTH: Final = "/healthz"
PORTAL: Final = Path(__file__).parent / "portal"
PORTAL_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' https: data:; connect-src 'self' ws: wss:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "Cache-Control": "no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def portal(app: Application) -> None:
    web(app).files.append(FileRoute(PORTAL, PORTAL_HEADERS))


def health(ping: Callable[[], Awaitable[None]]) -> Callable[[Application], None]:
    """Answer 200 once the school can be used, 503 before that and while the database is away."""

    def configure(app: Application) -> None:
        async def answer(_: Request) -> JSONResponse:
            if not app.is_set_up:
                return JSONResponse({"status": "starting"}, 503)
            try:
                await ping()
            except PyMongoError:
                return JSONResponse({"status": "the database does not answer"}, 503)
            return JSONResponse({"status": "ok"})

        web(app).routes.append(Route(HEALTH, answer, methods=["GET"]))

    return configure
