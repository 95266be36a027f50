"""One HTTP request over a connection of its own, read with the parser that the server uses too."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httptools


@dataclass
class Response:
    """``headers`` by lower-cased name; of a repeated one all values, joined with ``", "``."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""


class _Reading:
    """What the parser calls while it reads."""

    def __init__(self, *, bodiless: bool) -> None:
        self.response = Response()
        self.is_complete = False
        self._bodiless = bodiless

    def on_header(self, name: bytes, value: bytes) -> None:
        headers, key, text = self.response.headers, name.decode().lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text

    def on_headers_complete(self) -> None:
        self.is_complete = self._bodiless

    def on_body(self, body: bytes) -> None:
        self.response.body += body

    def on_message_complete(self) -> None:
        self.is_complete = True


async def request(verb: str, url: str, headers: Mapping[str, str], body: bytes) -> Response:
    """Raises OSError where nobody answers, ConnectionResetError for an answer that breaks off."""
    parts = urlsplit(url)
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    sent = {"Host": parts.netloc, "Connection": "close", "Content-Length": str(len(body)), **headers}
    lines = [f"{verb} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
    reading = _Reading(bodiless=verb == "HEAD")
    parser = httptools.HttpResponseParser(reading)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
    try:
        writer.write("\r\n".join(lines).encode("latin-1") + body)
        while not reading.is_complete:
            received = await reader.read(65_536)
            if not received:
                raise ConnectionResetError(f"{verb} {url}: the answer breaks off")
            parser.feed_data(received)
    finally:
        writer.close()
    reading.response.status = parser.get_status_code()
    return reading.response
