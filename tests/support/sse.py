"""Server-sent events as a browser reads them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

import aiohttp

from stonechat.core.encoding import decode

WAIT_SECONDS = 10.0
LONGEST_LINE = 1_000_000


@dataclass(frozen=True)
class Event:
    name: str
    data: Any
    id: str


class EventSource:
    """One stream. ``last_id`` is what a browser would come back with."""

    def __init__(self, response: aiohttp.ClientResponse, last_id: str) -> None:
        self.response = response
        self.last_id = last_id
        self.comments = 0

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, *, token: str | None = None, last_id: str | None = None
    ) -> AsyncGenerator[Self]:
        """``url`` with the service's path. Raises PermissionError with the status and body of a refusal."""
        headers = {"Accept": "text/event-stream"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if last_id is not None:
            headers["Last-Event-ID"] = last_id
        timeout = aiohttp.ClientTimeout(total=None)
        async with (
            aiohttp.ClientSession(timeout=timeout, read_bufsize=LONGEST_LINE) as http,
            http.get(url, headers=headers) as response,
        ):
            if response.status != 200:
                raise PermissionError(response.status, await response.json())
            assert response.headers["Content-Type"].startswith("text/event-stream")
            source = cls(response, last_id or "")
            if last_id is None:
                assert await source.block() is None
            yield source

    async def next(self) -> Event:
        """The next event. Raises EOFError at the end of the stream."""
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                event = await self.block()
                if event is not None:
                    return event

    async def block(self) -> Event | None:
        """What comes up to the next empty line: None if that is no event."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(WAIT_SECONDS):
            while line := (await self._line()):
                name, _, value = line.partition(":")
                if name:
                    fields[name] = value.strip()
                else:
                    self.comments += 1
        self.last_id = fields.get("id", self.last_id)
        if "data" not in fields:
            return None
        return Event(fields["event"], decode(fields["data"].encode()), self.last_id)

    async def ended(self) -> None:
        """Wait for the end of the stream."""
        try:
            while True:
                await self.block()
        except EOFError:
            return

    async def _line(self) -> str:
        line = await self.response.content.readline()
        if not line:
            raise EOFError
        return line.decode().rstrip("\n")
