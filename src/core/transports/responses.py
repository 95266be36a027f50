"""Answering an HTTP request with JSON, a Feathers error among it."""

from __future__ import annotations

from typing import Final

from ..application import Send
from ..encoding import encode
from ..shapes import is_mapping
from .calls import public_error

JSON: Final = (b"content-type", b"application/json; charset=utf-8")
WITHOUT_BODY: Final = frozenset({204, 205, 304})

Headers = list[tuple[bytes, bytes]]


def error_response(error: Exception) -> tuple[int, Headers, bytes]:
    """Status, headers and body for any exception; one that is no Feathers error is logged, not shown.

    The seconds in ``data["retryAfter"]`` are the header ``Retry-After`` too.
    """
    public = public_error(error)
    seconds = public.data.get("retryAfter") if is_mapping(public.data) else None
    headers: Headers = [(b"retry-after", b"%d" % seconds)] if isinstance(seconds, int) else []
    try:
        return public.code, headers, encode(public.to_json())
    except TypeError as unencodable:
        return error_response(unencodable)


async def respond(send: Send, verb: str, status: int, headers: Headers, body: bytes) -> None:
    head = [*headers, JSON] if body else list(headers)
    if status in WITHOUT_BODY:
        head, body = list(headers), b""
    else:
        head.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": b"" if verb == "HEAD" else body})
