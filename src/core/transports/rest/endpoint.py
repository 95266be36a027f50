"""REST: one ASGI endpoint that answers for every service, without a request object per call."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote

from ...application import Application, Receive, Scope, Send
from ...context import METHODS_WITHOUT_DATA, STANDARD_METHODS, HookContext, Params
from ...encoding import encode
from ...errors import MethodNotAllowed
from ...routing import Match
from ...service import Service
from ..calls import Authenticator, authenticator, call_context
from ..origins import Origins
from ..responses import WITHOUT_BODY, Headers, error_response, respond
from .requests import parse_query, read_body
from .streams import Streams, wants_stream

CONTROL: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
SERVICE_METHOD: Final = "x-service-method"
OF_THE_BODY: Final = frozenset({"content-type", "content-length"})  # not for a hook to set
METHODS_OF_VERB: Final = {
    "GET": ("find", "get"),
    "HEAD": ("find", "get"),
    "POST": ("create", "create"),
    "PUT": ("update", "update"),
    "PATCH": ("patch", "patch"),
    "DELETE": ("remove", "remove"),
}


class RestEndpoint:
    """Translates a request into a call and its outcome into a response; it holds no rule."""

    def __init__(self, app: Application, max_body: int, origins: Origins) -> None:
        self.app = app
        self.max_body = max_body
        self.streams = Streams(app, origins)
        self._authenticator: Authenticator | None = None

    async def answer(self, match: Match[Service], scope: Scope, receive: Receive, send: Send) -> None:
        if match.id is None and wants_stream(scope):
            await self.streams.answer(match, scope, receive, send)
            return
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
        service = match.value
        headers = headers_of(scope)
        method = _method(scope["method"], headers.get(SERVICE_METHOD), service, with_id=match.id is not None)
        auth = self._authenticator = self._authenticator or authenticator(self.app)
        params = request_params(scope, headers, {**service.route_params, **match.route}, auth)
        if method in METHODS_WITHOUT_DATA:
            return call_context(service, method, params, id=match.id)
        data = await read_body(headers, receive, self.max_body)
        return call_context(service, method, params, id=match.id, data=data)


def headers_of(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def request_params(
    scope: Scope, headers: dict[str, str], route: dict[str, str], auth: Authenticator | None
) -> Params:
    """What a request brings to a call. Who it is from is not verified yet."""
    client = scope.get("client")
    params = Params(
        query=parse_query(scope["query_string"].decode("utf-8", "replace")),
        provider="rest",
        headers=headers,
        route=route,
        address=client[0] if client else None,
    )
    if "feathers" in scope:
        params.update(scope["feathers"])
    if auth is not None and (authentication := auth.parse(headers)) is not None:
        params["authentication"] = authentication
    return params


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
            if name.lower() in OF_THE_BODY:
                continue
            values = value if isinstance(value, list) else [value]
            headers += [_header(name, one) for one in values]
            if name.lower() == "location":
                status = status or 303
    # As in JavaScript: false, 0 and "" are nothing, an empty list or object is something.
    empty = not outcome and not isinstance(outcome, list | dict)
    if status is None:
        status = 204 if empty else 201 if context.method == "create" else 200
    return status, headers, b"" if status in WITHOUT_BODY else encode(outcome)


def _header(name: str, value: Any) -> tuple[bytes, bytes]:
    """Raises ValueError for a value that would end the header and begin another."""
    encoded = str(value).encode("latin-1")
    if CONTROL.search(encoded):
        raise ValueError(f"the header '{name}' holds a control character")
    return name.lower().encode("latin-1"), encoded
