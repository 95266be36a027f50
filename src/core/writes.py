"""What is written to a connection in one turn of the event loop leaves in one piece.

A response is a head and a body, and an acknowledgement often comes with an event: each write by itself
would be a call of the system and a packet on the wire, which together cost more than a short request.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, cast

from .turns import Turns, TurnsOfLoops

MAX_KEPT: Final = 65_536  # bytes
AT_ONCE: Final = 256
"""Connections that are written to within one turn: a broadcast to thousands must not hold up the rest."""

_turns: Final = TurnsOfLoops(AT_ONCE)


class JoinedWrites:
    """A transport that keeps what it is given until its turn comes. All else is the inner one's."""

    __slots__ = ("_inner", "_kept", "_size", "_turns")

    def __init__(self, inner: asyncio.Transport, turns: Turns) -> None:
        self._inner = inner
        self._turns = turns
        self._kept: list[bytes] | None = None
        self._size = 0

    def write(self, data: bytes) -> None:
        if self._kept is None:
            self._kept = []
            self._turns.add(self._flush)
        self._kept.append(data)
        self._size += len(data)
        if self._size > MAX_KEPT:
            self._send()  # so that the transport can say when its client does not read

    def close(self) -> None:
        self._send()
        self._inner.close()

    def is_closing(self) -> bool:
        return self._inner.is_closing()

    def get_write_buffer_size(self) -> int:
        return self._inner.get_write_buffer_size() + self._size

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def _flush(self) -> None:
        self._send()
        self._kept = None

    def _send(self) -> None:
        kept = self._kept
        if kept:
            self._kept, self._size = [], 0
            if not self._inner.is_closing():
                self._inner.write(kept[0] if len(kept) == 1 else b"".join(kept))


def joined(transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> asyncio.Transport:
    return cast("asyncio.Transport", JoinedWrites(transport, _turns.of(loop)))
