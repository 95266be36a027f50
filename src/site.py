"""What is served beside the services: the page at ``/``, ``/healthz``, and files by a link that was given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from pymongo.errors import PyMongoError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from .core.application import Application
from .core.errors import NotFound
from .core.transports.responses import error_response
from .core.transports.web import FileRoute, web

HEALTH: Final = "/healthz"
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
