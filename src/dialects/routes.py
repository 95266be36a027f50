"""A dialect's requests, beside those of the services."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as WebRoute

from ..core.application import Application
from ..core.context import HookContext
from ..core.encoding import encode
from ..core.schema import checked
from ..core.shapes import is_mapping
from ..core.transports.calls import authenticator, public_error
from ..core.transports.responses import error_response
from ..core.transports.rest.endpoint import headers_of, request_params
from ..core.transports.rest.requests import read_body
from ..core.transports.web import web
from ..hooks.access import require_user
from .caller import Caller
from .dialect import Dialect, Route


def add_routes(app: Application, dialect: Dialect, max_body: int) -> None:
    for route in dialect.routes:
        answer = _answer(app, dialect, route, max_body)
        web(app).routes.append(WebRoute(web_path(route.path), answer, methods=[route.verb]))


def web_path(path: str) -> str:
    """``/api/messages/:id`` → ``/api/messages/{id}``."""
    return "/".join(f"{{{part[1:]}}}" if part.startswith(":") else part for part in path.split("/"))


def _answer(
    app: Application, dialect: Dialect, route: Route, max_body: int
) -> Callable[[Request], Awaitable[Response]]:
    schema = route.takes()
    by_query = route.verb == "GET"

    async def answer(request: Request) -> Response:
        try:
            caller = await _caller(app, request)
            given = (
                caller.params.query
                if by_query
                else await read_body(caller.params.headers, request.receive, max_body)
            )
            data = checked(schema, _with_places(given, request.path_params), as_text=by_query)
            result = await route.does(caller, data)
        except Exception as error:  # noqa: BLE001 - every failure becomes a response
            public = public_error(error)
            status, headers, _ = error_response(public)
            return _response(status, encode(dict(dialect.failure(public))), headers)
        return _response(route.status, encode(result))

    return answer


def _with_places(given: Any, places: Mapping[str, Any]) -> Any:
    """What is no object is for the schema to refuse."""
    return {**given, **places} if is_mapping(given) else given


async def _caller(app: Application, request: Request) -> Caller:
    """Nobody gets here without being known. Raises NotAuthenticated."""
    params = request_params(request.scope, headers_of(request.scope), {}, authenticator(app))
    known = HookContext(app.service("users"), "find", params=params)
    known.type = "before"
    await require_user(known)
    return Caller(app, known.params)


def _response(status: int, body: bytes, headers: list[tuple[bytes, bytes]] | None = None) -> Response:
    extra = {name.decode(): value.decode() for name, value in headers or []}
    return Response(body, status, extra, media_type="application/json")
