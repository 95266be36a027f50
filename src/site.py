"""What is served beside the services: the page, the server's health, and files by a link that was given."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from pymongo.errors import PyMongoError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from .core.application import Application
from .core.errors import NotFound
from .core.remembered import Remembered
from .core.transports.responses import error_response
from .core.transports.web import FileRoute, web

HEALTH: Final = "/healthz"
READINESS: Final = "/readyz"
READY_SECONDS: Final = 1.0
"""For so long an answer of the database holds, so that nobody can load it by asking."""

PING_SECONDS: Final = 2.0
NEEDED: Final = ("setup", "serving", "database")
NO_STORE: Final = {"Cache-Control": "no-store"}
DOWNLOADS: Final = "/downloads"
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
    """``/healthz`` tells whether the process lives, ``/readyz`` whether it should be sent users.

    A process is not restarted for a database that is away: that would help nobody. Without Redis it goes on
    serving, so it stays ready then. ``ping`` raises PyMongoError where the database does not answer.
    """

    def configure(app: Application) -> None:
        async def database_answers() -> bool:
            try:
                async with asyncio.timeout(PING_SECONDS):
                    await ping()
            except (PyMongoError, TimeoutError):
                return False
            return True

        database = Remembered(database_answers, seconds=READY_SECONDS)

        async def live(_: Request) -> JSONResponse:
            return JSONResponse({"status": "ok"}, headers=NO_STORE)

        async def ready(_: Request) -> JSONResponse:
            checks = {
                "setup": "ok" if app.is_set_up else "starting",
                "serving": "draining" if app.is_draining else "ok",
                "database": "ok" if app.is_set_up and await database() else "away",
                "backplane": "ok" if app.backplane.is_connected else "degraded",
            }
            is_ready = all(checks[name] == "ok" for name in NEEDED)
            body = {"status": "ready" if is_ready else "not ready", "checks": checks}
            return JSONResponse(body, 200 if is_ready else 503, headers=NO_STORE)

        web(app).routes.append(Route(HEALTH, live, methods=["GET"]))
        web(app).routes.append(Route(READINESS, ready, methods=["GET"]))

    return configure


def downloads(app: Application) -> None:
    """Stream the archive that a link of ``exports`` gives; the service knows for how long it does."""

    async def answer(request: Request) -> Response:
        # A token in the path would be in the log; whoever only looks must not use it up.
        token = request.query_params.get("token", "")
        download = None if request.method == "HEAD" else await app.service("exports").open(token)
        if download is None:
            status, _, body = error_response(NotFound("The link was used, or is too old"))
            return Response(body, status, media_type="application/json")
        headers = {
            "Content-Disposition": f'attachment; filename="{download.name}"',
            "Content-Length": str(download.size),
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        return StreamingResponse(download.pieces, headers=headers, media_type="application/zip")

    web(app).routes.append(Route(DOWNLOADS, answer, methods=["GET"]))
