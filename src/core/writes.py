"""What is written to a connection in one turn of the event loop leaves in one piece.

A response is a head and a body, and an acknowledgement often comes with an event: each write by itself
would be a call of the system and a packet on the wire, which together cost more than a short request.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, cast

MAX_KEPT: Final = 65_536  # bytes


class JoinedWrites:
    """A transport that keeps what it is given until the loop turns. All else is the inner one's."""

    def __init__(self, inner: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._inner = inner
        self._loop = loop
        self._kept: list[bytes] = []
        self._size = 0
        self.is_closing = inner.is_closing
        self.pause_reading = inner.pause_reading
        self.resume_reading = inner.resume_reading

    def write(self, data: bytes) -> None:
        if not self._kept:
            self._loop.call_soon(self._flush)
        self._kept.append(data)
        self._size += len(data)
        if self._size > MAX_KEPT:
            self._flush()  # so that the transport can say when its client does not read

    def close(self) -> None:
        self._flush()
        self._inner.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def _flush(self) -> None:
        kept, self._kept, self._size = self._kept, [], 0
        if kept and not self._inner.is_closing():
            self._inner.write(kept[0] if len(kept) == 1 else b"".join(kept))


def joined(transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> asyncio.Transport:
    return cast("asyncio.Transport", JoinedWrites(transport, loop))
