"""What waits to be sent to one client, and how much of it there may be."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from .client import Frame

MAX_QUEUED: Final = 4096  # packets
MAX_QUEUED_SIZE: Final = 8 * 1024 * 1024  # characters


class SendQueue(asyncio.Queue[Any]):
    """The queue of an Engine.IO session: frames, engineio's own packets, and None at the end."""

    size = 0
    """How many characters wait in it."""

    def _put(self, item: Any) -> None:
        super()._put(item)
        self.size += _length(item)

    def _get(self) -> Any:
        item = super()._get()
        self.size -= _length(item)
        return item


class Outlet:
    """The queue of an Engine.IO session, as long as its client reads."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def put(self, frame: Frame) -> bool:
        session = self._session
        queue: SendQueue = session.queue
        if session.closed or queue.qsize() >= MAX_QUEUED or queue.size >= MAX_QUEUED_SIZE:
            return False
        queue.put_nowait(frame)
        return True


def _length(item: Any) -> int:
    data = getattr(item, "data", None)
    return len(data) if isinstance(data, str) else 0
