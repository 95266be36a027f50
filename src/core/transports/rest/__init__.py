"""The REST transport: ``app.configure(rest())``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from ...application import Application
from ..web import web
from .endpoint import RestEndpoint

DEFAULT_MAX_BODY: Final = 1_048_576
REQUEST_HEADERS: Final = (
    "accept",
    "authorization",
    "content-type",
    "idempotency-key",
    "x-service-method",
    "x-request-id",
)
VERBS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

__all__ = ["rest"]


class Cors(CORSMiddleware):
    """A preflight request that is granted is answered 204, as Feathers does."""

    def preflight_response(self, request_headers: Headers) -> Response:
        response = super().preflight_response(request_headers)
        if response.status_code != 200:
            return response
        kept = {name: value for name, value in response.headers.items() if not name.startswith("content-")}
        return Response(status_code=204, headers=kept)


def rest(*, origins: Sequence[str] = (), max_body: int = DEFAULT_MAX_BODY) -> Callable[[Application], None]:
    """Serve every service over HTTP.

    ``origins``: pages of other addresses that may call (CORS), ``*`` for any. ``max_body``: bytes.
    """

    def configure(app: Application) -> None:
        site = web(app)
        site.endpoint = RestEndpoint(app, max_body)
        if origins:
            site.middleware.append(
                Middleware(
                    Cors,
                    allow_origins=list(origins),
                    allow_methods=list(VERBS),
                    allow_headers=list(REQUEST_HEADERS),
                    expose_headers=["x-request-id", "location"],
                    max_age=600,
                )
            )

    return configure
