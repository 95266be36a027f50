"""What waits to be sent to one client, and how much of it there may be."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from ...websocket import Direct, text_frame
from .client import Frame

MAX_QUEUED: Final = 4096  # packets
MAX_QUEUED_SIZE: Final = 8 * 1024 * 1024  # bytes

CLOSE: Final = 1  # engineio's packet type


class SendQueue(asyncio.Queue[Any]):
    """The queue of an Engine.IO session: frames, engineio's own packets, and None at the end.

    With a ``Direct`` there is nothing to wait for: what is put is written, as long as the client reads.
    """

    size = 0
    """How many bytes wait in it."""

    _direct: Direct | None = None

    def attach(self, direct: Direct) -> None:
        """Write from now on, beginning with what has been waiting."""
        self._direct = direct
        self.flush()

    def flush(self) -> None:
        while self._direct is not None and not self._direct.is_paused and not self.empty():
            item = self.get_nowait()
            self.task_done()
            self._write(self._direct, item)

    def put_nowait(self, item: Any) -> None:
        if self._direct is None or self._direct.is_paused or not self.empty():
            super().put_nowait(item)
        else:
            self._write(self._direct, item)

    async def put(self, item: Any) -> None:
        self.put_nowait(item)

    def end(self) -> None:
        """Stop sending, whatever still waits."""
        if self._direct is None:
            self.put_nowait(None)
        else:
            self._direct.finish()

    def _write(self, direct: Direct, item: Any) -> None:
        if type(item) is Frame:
            direct.write(item.wire)
        elif item is None:
            direct.finish()
        else:
            text: str = item.encode()
            direct.write(text_frame(text.encode()))
            if item.packet_type == CLOSE:
                direct.finish()

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
    return len(data) if isinstance(data, bytes | str) else 0
