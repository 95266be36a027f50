"""The pings of all Engine.IO sessions, and the end of those that do not answer: one timer for all."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from engineio.packet import PING, Packet

AT_ONCE: Final = 256
"""Pings within one turn of the loop."""
ENDED_AT_ONCE: Final = 32
"""Sessions that end within one turn, as those of a network that has broken down."""
COARSENESS: Final = 0.02  # of the interval, so that one turn serves many


class Pinged(Protocol):
    """A session; ``last_ping`` is when it was pinged, while it has not answered."""

    closed: bool
    closing: bool
    last_ping: float | None
    queue: Any


class Heartbeat:
    """As every session has the same interval, those that are due first come first."""

    def __init__(
        self,
        sessions: Callable[[], Mapping[str, Pinged]],
        interval: float,
        timeout: float,
        expire: Callable[[Any], None],
    ) -> None:
        self._sessions = sessions
        self._interval = interval
        self._timeout = timeout
        self._expire = expire
        self._due: deque[tuple[float, str]] = deque()
        self._asked: deque[tuple[float, str, float]] = deque()  # until when, whom, and its last_ping
        self._timer: asyncio.Handle | None = None
        self._at = 0.0  # when the timer runs out

    def schedule(self, sid: str) -> None:
        """Ping the session after the interval; it is to answer within the timeout."""
        due = asyncio.get_running_loop().time() + self._interval
        self._due.append((due, sid))
        if self._timer is None or due < self._at:
            self._arm()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._due.clear()
        self._asked.clear()

    def _arm(self) -> None:
        loop = asyncio.get_running_loop()
        heads = [line[0][0] for line in (self._due, self._asked) if line]
        if heads:
            if self._timer is not None:
                self._timer.cancel()
            self._at = max(min(heads), loop.time() + self._interval * COARSENESS)
            self._timer = loop.call_at(self._at, self._turn)

    def _turn(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        sessions, now = self._sessions(), loop.time()
        for _ in range(AT_ONCE):
            if not self._due or self._due[0][0] > now:
                break
            _, sid = self._due.popleft()
            session = sessions.get(sid)
            if session is not None and not session.closed and not session.closing:
                session.last_ping = now
                session.queue.put_nowait(Packet(PING))
                self._asked.append((now + self._timeout, sid, now))
        self._end_silent(sessions, now)
        if any(line and line[0][0] <= now for line in (self._due, self._asked)):
            self._at, self._timer = now, loop.call_soon(self._turn)
        if self._timer is None:
            self._arm()

    def _end_silent(self, sessions: Mapping[str, Pinged], now: float) -> None:
        ended = 0
        while self._asked and self._asked[0][0] <= now and ended < ENDED_AT_ONCE:
            _, sid, asked_at = self._asked.popleft()
            session = sessions.get(sid)
            if session is not None and session.last_ping == asked_at:
                self._expire(session)
                ended += 1
