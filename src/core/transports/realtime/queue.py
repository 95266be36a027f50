"""What waits to be sent to one client, and how much of it there may be."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Final, cast

from ...websocket import LiveSocket, text_frame
from .client import Frame

MAX_QUEUED: Final = 4096  # packets


class SendQueue(asyncio.Queue[Any]):
    """The queue of an Engine.IO session that polls: frames, engineio's own packets, and None at the end."""

    buffered = 0
    """How many bytes wait in it."""

    def flush(self) -> None:
        """Somebody waits for what is put: nothing is to be done."""

    def end(self) -> None:
        self.put_nowait(None)

    def drop(self, *, ephemeral: bool) -> int:
        """Take out the ephemeral frames, or everything; how many there were."""
        kept = [item for item in self._items if ephemeral and not getattr(item, "ephemeral", False)]
        dropped = len(self._items) - len(kept)
        self._items.clear()
        self._items.extend(kept)
        self.buffered = sum(_length(item) for item in kept)
        for _ in range(dropped):
            self.task_done()
        return dropped

    @property
    def _items(self) -> deque[Any]:
        return cast("deque[Any]", vars(self)["_queue"])

    def _put(self, item: Any) -> None:
        super()._put(item)
        self.buffered += _length(item)

    def _get(self) -> Any:
        item = super()._get()
        self.buffered -= _length(item)
        return item


class LiveQueue:
    """The queue of an Engine.IO session that has its websocket to itself.

    There is nothing to wait for: what is put is written, as long as the client reads.
    """

    __slots__ = ("_items", "_live", "_size")

    def __init__(self, live: LiveSocket) -> None:
        self._live = live
        self._items: list[Any] = []
        self._size = 0

    @property
    def buffered(self) -> int:
        """How many bytes wait here and in the transport; those that the system has taken do not count."""
        return self._size + self._live.buffered

    @property
    def unread(self) -> int:
        """How many bytes wait in the transport. Nothing is added while something waits before it."""
        return self._live.buffered

    def qsize(self) -> int:
        return len(self._items)

    def empty(self) -> bool:
        return not self._items

    def put_nowait(self, item: Any) -> None:
        if self._items or self._live.is_paused:
            self._items.append(item)
            self._size += _length(item)
        else:
            self._write(item)

    async def put(self, item: Any) -> None:
        self.put_nowait(item)

    def flush(self) -> None:
        at = 0
        while at < len(self._items) and not self._live.is_paused:
            self._write(self._items[at])
            self._size -= _length(self._items[at])
            at += 1
        del self._items[:at]

    def end(self) -> None:
        """Stop sending, once what waits has been read."""
        self.put_nowait(None)

    def drop(self, *, ephemeral: bool) -> int:
        kept = [item for item in self._items if ephemeral and not getattr(item, "ephemeral", False)]
        dropped = len(self._items) - len(kept)
        self._items = kept
        self._size = sum(_length(item) for item in kept)
        return dropped

    def _write(self, item: Any) -> None:
        if type(item) is Frame:
            self._live.write(item.wire)
        elif item is None:
            self._live.finish()
        else:
            text: str = item.encode()
            self._live.write(text_frame(text.encode()))


def _length(item: Any) -> int:
    data = getattr(item, "data", None)
    return len(data) if isinstance(data, bytes | str) else 0
