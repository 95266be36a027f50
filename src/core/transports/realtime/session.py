"""One Engine.IO session: engineio's, which costs no task once it has its websocket to itself."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

import structlog
from engineio.async_socket import AsyncSocket
from engineio.exceptions import EngineIOError, SocketIsClosedError
from engineio.packet import CLOSE, UPGRADE, Packet

from ...application import Scope
from ...websocket import Direct, LiveSocket
from .queue import LiveQueue

if TYPE_CHECKING:
    from .engine import Engine

logger = structlog.stdlib.get_logger(__name__)

PACKETS: Final = frozenset("0123456")
CONNECT: Final = "40"  # of Socket.IO, to the default namespace
CONNECT_WITH: Final = "40{"
MAX_WAITING: Final = 16
"""Packets that wait for engineio, until no more is read."""


class Session(AsyncSocket):
    """Is pinged by the engine's heartbeat; ``serve`` takes a websocket over.

    Packets are offered to the engine as they arrive, and what is sent is written by the queue. Packets
    that the engine does not take are engineio's, one at a time.
    """

    def __init__(self, server: Engine, sid: str, scope: Scope) -> None:
        super().__init__(server, sid)
        self.engine = server
        self.scope: Scope | None = scope
        """Of the request that it began with, until it becomes a client's."""
        self._live: LiveSocket | None = None
        self._waiting: deque[str | bytes] | None = None  # None while nothing is worked off

    @property
    def is_live(self) -> bool:
        """Whether it has its websocket to itself."""
        return self._live is not None

    def serve(self, direct: Direct) -> None:
        self.connected = self.upgraded = True
        self._live = direct.take(self)
        earlier, self.queue = self.queue, LiveQueue(self._live)
        while not earlier.empty():
            self.queue.put_nowait(earlier.get_nowait())
            earlier.task_done()

    def received(self, message: str | bytes) -> None:
        if isinstance(message, str):
            if self._waiting is None and self.engine.offer(self, message):
                return
            if message[:1] not in PACKETS:
                logger.info("malformed packet", reason="no packet type")
                return
        if self._waiting is None:
            self._waiting = deque([message])
            _ = self.engine.start_background_task(self._work)
            return
        self._waiting.append(message)
        if len(self._waiting) == MAX_WAITING and self._live is not None:
            self._live.pause_reading()

    async def receive(self, pkt: Packet) -> None:
        """Of UPGRADE, engineio answers each. Whoever upgrades says it to the driver."""
        if pkt.packet_type != UPGRADE:
            await super().receive(pkt)

    def writable(self) -> None:
        self.queue.flush()

    def left(self) -> None:
        if not self.closed and not self.closing:
            self.closing = True
            self.engine.left(self.sid, self.engine.reason.TRANSPORT_CLOSE)
            self.closed = True
        self.engine.sockets.pop(self.sid, None)

    def schedule_ping(self) -> None:
        if self.last_ping is not None:
            self.last_ping = None
            self.engine.heartbeat.schedule(self.sid)

    async def check_ping_timeout(self) -> bool:
        """Whether the session is alive, as far as is known: the heartbeat ends those that are not."""
        if self.closed:
            raise SocketIsClosedError
        return True

    async def close(self, wait: bool = True, abort: bool = False, reason: Any = None) -> None:
        if self._live is None:
            await super().close(wait, abort, reason)
            return
        await super().close(wait=False, abort=abort, reason=reason)
        self.queue.end()
        self._live.expire()

    def finish(self, reason: str) -> None:
        """As ``close``, of a live one: there is nothing to wait for."""
        if not self.closed and not self.closing:
            self.closing = True
            self.engine.left(self.sid, reason)
            self.queue.put_nowait(Packet(CLOSE))
            self.closed = True
        self.queue.end()
        if self._live is not None:
            self._live.expire()

    def hang_up(self) -> None:
        """End without waiting for what the client has not read."""
        if self._live is not None:
            self._live.abort()

    async def _work(self) -> None:
        waiting = self._waiting
        while waiting:
            message = waiting[0]
            # One that has been answered by closing the session is no client's any more.
            if not self.closed:
                try:
                    await self._handle(message)
                except EngineIOError:
                    logger.info("malformed packet", reason="unknown packet type")
                except Exception:
                    logger.exception("packet failed")
            waiting.popleft()
            if len(waiting) == MAX_WAITING - 1 and self._live is not None:
                self._live.resume_reading()
        self._waiting = None

    async def _handle(self, message: str | bytes) -> None:
        if isinstance(message, str) and (message == CONNECT or message.startswith(CONNECT_WITH)):
            await self.engine.on_connect(self, message[len(CONNECT) :])
        else:
            await self.receive(Packet(encoded_packet=message))
