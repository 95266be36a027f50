"""One stream of server-sent events: what it was sent lately, and what it is still to be sent."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from ...application import Send
from ...context import Connection

MAX_LOG: Final = 200  # events that a client which comes back may have missed
MAX_PENDING: Final = 100  # events that wait for a slow reader; fewer than the log, so that it can come back
HEARTBEAT_SECONDS: Final = 15.0
HEARTBEAT: Final = b":\n\n"


class EventStream:
    """The log holds every event after number ``since``, read or not: for who comes back.

    ``user`` is the id of whom the stream belongs to, None for nobody; only a user's stream can be resumed.
    """

    def __init__(self, connection: Connection, path: str) -> None:
        self.connection = connection
        self.path = path
        self.user: str | None = None
        self.since = 0
        self.attached = True  # somebody reads, or is about to
        self.ended = False
        self.expiry: asyncio.TimerHandle | None = None
        self._log: deque[tuple[int, bytes]] = deque()
        self._sent = 0
        self._served = False
        self._pending = 0
        self._changed = asyncio.Event()

    def put(self, number: int, frame: bytes) -> bool:
        """False where the reader has fallen too far behind; the event is kept all the same."""
        self._log.append((number, frame))
        if len(self._log) > MAX_LOG:
            self.since, _ = self._log.popleft()
        self._pending += 1
        self._changed.set()
        return not self._served or not self.attached or self._pending <= MAX_PENDING

    def covers(self, number: int) -> bool:
        """Whether all that came after event ``number`` is in the log."""
        return number >= self.since

    def start(self, number: int) -> None:
        """Begin after event ``number``; what came before is for the client to fetch."""
        self._log.clear()
        self.since = self._sent = number

    def take_over(self, other: EventStream, number: int) -> None:
        """Go on where ``other`` was when its client had seen event ``number``."""
        events = {at: frame for at, frame in (*other._log, *self._log) if at > number}
        self._log = deque(sorted(events.items()))
        self.since = self._sent = number

    def detach(self) -> None:
        """Let the reader go."""
        self.attached = False
        self._changed.set()

    async def serve(self, send: Send, greeting: bytes) -> None:
        """Send what there is, and what comes, until the stream is detached."""
        body, self._served = greeting, True
        while body or self.attached:
            if body:
                await send({"type": "http.response.body", "body": body, "more_body": True})
            body = (self._take() or await self._wait()) if self.attached else b""
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _take(self) -> bytes:
        self._changed.clear()
        self._pending = 0
        frames: list[bytes] = []
        for number, frame in reversed(self._log):
            if number <= self._sent:
                break
            frames.append(frame)
        if self._log:
            self._sent = self._log[-1][0]
        return b"".join(reversed(frames))

    async def _wait(self) -> bytes:
        """Nothing once there is something to send; the heartbeat where there is not for long."""
        try:
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                await self._changed.wait()
        except TimeoutError:
            return HEARTBEAT
        return b""
