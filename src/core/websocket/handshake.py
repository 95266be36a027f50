"""The opening handshake of a websocket (RFC 6455, section 4.2)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Final

MAGIC: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
VERSION: Final = b"13"
KEY_BYTES: Final = 16
ONLY_ONCE: Final = frozenset(
    {b"sec-websocket-key", b"sec-websocket-version", b"upgrade", b"host", b"origin", b"content-length"}
)
MAX_HEADERS: Final = 128
MAX_LINE: Final = 8192  # bytes

Header = tuple[bytes, bytes]
"""Name, in lower case where a client sent it, and value."""


class HandshakeError(Exception):
    """What a client asks for is no websocket. ``answer`` tells it so."""

    def __init__(self, reason: str, status: int = 400, headers: Sequence[Header] = ()) -> None:
        super().__init__(reason)
        self.answer = refusal(status, [*headers, (b"content-type", b"text/plain")], reason.encode())


def accept_key(method: str, version: str, url: bytes, headers: Sequence[Header]) -> bytes:
    """What proves to the client that it is understood. Raises HandshakeError."""
    if method != "GET" or version != "1.1":
        raise HandshakeError("a websocket begins with a GET of HTTP/1.1")
    if len(url) > MAX_LINE or len(headers) > MAX_HEADERS:
        raise HandshakeError("the request is too long")
    given = _given(headers)
    if b"transfer-encoding" in given or given.get(b"content-length", b"0") != b"0":
        raise HandshakeError("a websocket begins with a request that has no body")
    key, told = given.get(b"sec-websocket-key"), given.get(b"sec-websocket-version")
    if key is None or told is None:
        raise HandshakeError("Sec-WebSocket-Key and Sec-WebSocket-Version are required")
    if told != VERSION:
        supported = [(b"sec-websocket-version", VERSION)]
        raise HandshakeError("this version of websockets is not supported", 426, supported)
    try:
        is_key = len(base64.b64decode(key, validate=True)) == KEY_BYTES
    except binascii.Error:
        is_key = False
    if not is_key:
        raise HandshakeError("Sec-WebSocket-Key is not 16 bytes in base64")
    return base64.b64encode(hashlib.sha1(key + MAGIC).digest())  # noqa: S324 - of the protocol, and no secret


def acceptance(key: bytes, headers: Iterable[Header]) -> bytes:
    """The answer to a client whose websocket is accepted; ``key`` is of ``accept_key``."""
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %b\r\n%b\r\n" % (key, _lines(headers))
    )


def refusal(status: int, headers: Iterable[Header] = (), body: bytes = b"") -> bytes:
    """An answer after which the connection is closed."""
    kept = [
        (name, value) for name, value in headers if name.lower() not in {b"content-length", b"connection"}
    ]
    return b"HTTP/1.1 %d %b\r\n%bContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (
        *(status, _phrase(status), _lines(kept)),
        *(len(body), body),
    )


def _given(headers: Iterable[Header]) -> dict[bytes, bytes]:
    given: dict[bytes, bytes] = {}
    for name, value in headers:
        if len(name) + len(value) > MAX_LINE:
            raise HandshakeError("a header is too long")
        if name in ONLY_ONCE and name in given:
            raise HandshakeError(f"{name.decode()} may be given only once")
        given[name] = value
    return given


def _phrase(status: int) -> bytes:
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b""


def _lines(headers: Iterable[Header]) -> bytes:
    return b"".join([b"%b: %b\r\n" % header for header in headers])
