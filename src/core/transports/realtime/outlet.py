"""Where frames leave for one client, and what happens where it does not read them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from .client import Frame
from .queue import MAX_QUEUED, LiveQueue, SendQueue

CHECK_SECONDS: Final = 1.0
STALLED_CHECKS: Final = 4
"""So often in a row nothing at all was read. A phone on a bad line reads slowly, but it reads."""


class Bounds:
    """What may wait for one client, and how often that was too little."""

    def __init__(
        self, max_bytes: int, max_packets: int = MAX_QUEUED, *, on_stall: Callable[[Any], None]
    ) -> None:
        self.on_stall = on_stall
        """Called with the session of a client that has not taken a byte for some seconds."""
        self._waiting: set[Outlet] = set()
        self.max_bytes = max_bytes
        self.max_packets = max_packets
        self.dropped = 0
        """Ephemeral frames that were not sent."""
        self.cut_off = 0
        """Clients that were disconnected for reading too slowly."""

    def waits(self, outlet: Outlet) -> None:
        """Something could not be written at once."""
        self._waiting.add(outlet)

    def forget(self, outlet: Outlet) -> None:
        self._waiting.discard(outlet)

    @property
    def buffered(self) -> list[int]:
        """How many bytes wait for each client that does not read as fast as it is written to."""
        self._waiting = {outlet for outlet in self._waiting if outlet.has_waiting}
        return [outlet.buffered for outlet in self._waiting]


class Outlet:
    """The queue of an Engine.IO session, as long as its client reads."""

    __slots__ = ("_bounds", "_check", "_left", "_session", "_still")

    def __init__(self, session: Any, bounds: Bounds) -> None:
        self._session = session
        self._bounds = bounds
        self._check: asyncio.TimerHandle | None = None
        self._left = 0
        self._still = 0

    @property
    def queue(self) -> SendQueue | LiveQueue:
        queue: SendQueue | LiveQueue = self._session.queue
        return queue

    @property
    def has_waiting(self) -> bool:
        return not self.queue.empty() and not self._session.closed

    @property
    def buffered(self) -> int:
        return self.queue.buffered

    def put(self, frame: Frame) -> bool:
        """False where the socket is closed or its reader has fallen too far behind."""
        queue = self.queue
        if self._session.closed:
            return False
        if queue.empty():
            queue.put_nowait(frame)
            if not queue.empty():
                self._bounds.waits(self)
                if self._check is None and isinstance(queue, LiveQueue):
                    self._watch(queue)
            return True
        if not self._fits(queue, frame):
            if frame.ephemeral:
                self._bounds.dropped += 1
                return True
            self._bounds.dropped += queue.drop(ephemeral=True)
            if not self._fits(queue, frame):
                return False
        queue.put_nowait(frame)
        return True

    def cut(self, last: Frame) -> None:
        """Forget what waits; whoever comes to read after all is told ``last``."""
        self._bounds.cut_off += 1
        self.queue.drop(ephemeral=False)
        self.queue.put_nowait(last)

    def close(self) -> None:
        self._bounds.forget(self)
        if self._check is not None:
            self._check.cancel()
            self._check = None

    def _fits(self, queue: SendQueue | LiveQueue, frame: Frame) -> bool:
        bounds = self._bounds
        return queue.qsize() < bounds.max_packets and queue.buffered + len(frame.data) <= bounds.max_bytes

    def _watch(self, queue: LiveQueue) -> None:
        self._left, self._still = queue.unread, 0
        self._check = asyncio.get_running_loop().call_later(CHECK_SECONDS, self._look)

    def _look(self) -> None:
        self._check = None
        queue = self.queue
        if queue.empty() or self._session.closed or not isinstance(queue, LiveQueue):
            return
        left = queue.unread
        self._still = self._still + 1 if left >= self._left else 0
        self._left = left
        if self._still >= STALLED_CHECKS:
            self._bounds.on_stall(self._session)
        else:
            self._check = asyncio.get_running_loop().call_later(CHECK_SECONDS, self._look)
