"""REST: one ASGI endpoint that answers for every service, without a request object per call."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote

from starlette.routing import BaseRoute, Match as RouteMatch

from ...application import Application, Receive, Scope, Send
from ...context import STANDARD_METHODS, HookContext, Params
from ...encoding import encode
from ...errors import MethodNotAllowed
from ...routing import Match
from ...service import Service
from ..calls import Authenticator, authenticator, call_context
from ..responses import Headers, error_response, respond
from .requests import parse_query, path_segments, read_body

CONTROL: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
MATCH: Final = "stonechat.match"
SERVICE_METHOD: Final = "x-service-method"
METHODS_OF_VERB: Final = {
    "GET": ("find", "get"),
    "HEAD": ("find", "get"),
    "POST": ("create", "create"),
    "PUT": ("update", "update"),
    "PATCH": ("patch", "patch"),
    "DELETE": ("remove", "remove"),
}


class RestEndpoint(BaseRoute):
    """Translates a request into a call and its outcome into a response; it holds no rule."""

    def __init__(self, app: Application, max_body: int) -> None:
        self.app = app
        self.max_body = max_body
        self._authenticator: Authenticator | None = None

    def matches(self, scope: Scope) -> tuple[RouteMatch, Scope]:
        if scope["type"] != "http":
            return RouteMatch.NONE, {}
        match = self.app.route(path_segments(scope))
        return (RouteMatch.NONE, {}) if match is None else (RouteMatch.FULL, {MATCH: match})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        match: Match[Service] = scope[MATCH]
        try:
            context = await self._context(match, scope, receive)
            await match.value.run(context)
            status, headers, body = _response(context)
        except Exception as error:  # noqa: BLE001 - every failure becomes a response
            status, headers, body = error_response(error)
            if isinstance(error, MethodNotAllowed):
                headers.append((b"allow", ", ".join(_allowed(match.value)).encode()))
        await respond(send, scope["method"], status, headers, body)

    async def _context(self, match: Match[Service], scope: Scope, receive: Receive) -> HookContext:
        verb: str = scope["method"]
        service = match.value
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        method = _method(verb, headers.get(SERVICE_METHOD), service, with_id=match.id is not None)
        params = Params(
            query=parse_query(scope["query_string"].decode("utf-8", "replace")),
            provider="rest",
            headers=headers,
            route={**service.route_params, **match.route},
            address=scope["client"][0] if scope.get("client") else None,
        )
        if "feathers" in scope:
            params.update(scope["feathers"])
        if (auth := self._authenticator or authenticator(self.app)) is not None:
            self._authenticator = auth
            if (authentication := auth.parse(headers)) is not None:
                params["authentication"] = authentication
        if method in {"find", "get", "remove"}:
            return call_context(service, method, params, id=match.id)
        return call_context(
            service, method, params, id=match.id, data=await read_body(scope, receive, self.max_body)
        )


def _method(verb: str, custom: str | None, service: Service, *, with_id: bool) -> str:
    if verb not in METHODS_OF_VERB:
        raise MethodNotAllowed(f"Method {verb} not allowed")
    method = METHODS_OF_VERB[verb][with_id]
    if custom and verb == "POST":
        if custom in STANDARD_METHODS or custom not in service.methods:
            raise MethodNotAllowed(f"Method `{custom}` is not supported by this endpoint.")
        return custom
    if method not in service.methods:
        raise MethodNotAllowed(f"Method `{method}` is not supported by this endpoint.")
    return method


def _allowed(service: Service) -> Iterable[str]:
    for verb, methods in METHODS_OF_VERB.items():
        custom = verb == "POST" and any(name not in STANDARD_METHODS for name in service.methods)
        if custom or any(method in service.methods for method in methods):
            yield verb


def _response(context: HookContext) -> tuple[int, Headers, bytes]:
    outcome: Any = context.outcome
    status: int | None = None
    headers: Headers = []
    if context.has_http:
        http = context.http
        status = http.status
        given = dict(http.headers)
        if http.location is not None:
            given["Location"] = quote(http.location, safe="/:?#[]@!$&'()*+,;=%~")
        for name, value in given.items():
            values = value if isinstance(value, list) else [value]
            headers += [_header(name, one) for one in values]
            if name.lower() == "location":
                status = status or 303
    if status is None:
        status = 204 if outcome is None else 201 if context.method == "create" else 200
    return status, headers, b"" if outcome is None else encode(outcome)


def _header(name: str, value: str) -> tuple[bytes, bytes]:
    """Raises ValueError for a value that would end the header and begin another."""
    encoded = value.encode("latin-1")
    if CONTROL.search(encoded):
        raise ValueError(f"the header '{name}' holds a control character")
    return name.lower().encode("latin-1"), encoded
