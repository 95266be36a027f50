"""The REST transport: ``app.configure(rest())``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import Message, Send

from ...application import Application
from ..origins import Origins
from ..web import web
from .endpoint import RestEndpoint

DEFAULT_MAX_BODY: Final = 1_048_576
ALLOW_ORIGIN: Final = b"access-control-allow-origin"
VERBS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

__all__ = ["rest"]


class Cors(CORSMiddleware):
    """A preflight request that is granted is answered 204, as Feathers does.

    An answer that carries a permission already, as Socket.IO's do, keeps it: browsers refuse two.
    Where any page may call, every answer says so: a cache may hand one that a program got to a page.
    """

    async def send(self, message: Message, send: Send, request_headers: Headers) -> None:
        if any(name.lower() == ALLOW_ORIGIN for name, _ in message.get("headers", ())):
            await send(message)
            return
        if self.allow_all_origins and message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), (ALLOW_ORIGIN, b"*")]
        await super().send(message, send, request_headers)

    def preflight_response(self, request_headers: Headers) -> Response:
        response = super().preflight_response(request_headers)
        if response.status_code != 200:
            return response
        kept = {name: value for name, value in response.headers.items() if not name.startswith("content-")}
        return Response(status_code=204, headers=kept)


def rest(*, origins: Sequence[str] = (), max_body: int = DEFAULT_MAX_BODY) -> Callable[[Application], None]:
    """Serve every service over HTTP.

    ``origins``: pages of other addresses that may call (CORS), ``*`` for any. ``max_body``: bytes.
    Raises ValueError for what is no origin.
    """
    known = Origins(origins)

    def configure(app: Application) -> None:
        site = web(app)
        site.endpoint = RestEndpoint(app, max_body, known)
        if origins:
            site.middleware.append(
                Middleware(
                    Cors,
                    allow_origins=known.names,
                    allow_methods=list(VERBS),
                    allow_headers=["*"],
                    expose_headers=["x-request-id", "location", "retry-after", "upload-offset"],
                    max_age=600,
                )
            )

    return configure
