"""Engine.IO below the Socket.IO server: sessions, their queues, and the packets that concern them alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

import engineio
import structlog
from engineio.exceptions import QueueEmpty
from engineio.packet import OPEN, Packet
from engineio.payload import Payload

from ...application import Receive, Scope
from ...encoding import decode, encode
from ...websocket import Direct
from .driver import Driver
from .heartbeat import Heartbeat
from .queue import SendQueue
from .session import PACKETS, Session

logger = structlog.stdlib.get_logger(__name__)

MESSAGE: Final = "4"
PONG: Final = "3"

# The default of 16 drops whole requests of a polling client that has more to say at once, and answers
# them with 200. It is one for the process; what bounds a request is its size.
Payload.max_decode_packets = 4096


class Json:
    """The codec in the shape that python-socketio wants; it is one class attribute for the process."""

    @staticmethod
    def dumps(value: Any, **_: Any) -> str:
        return encode(value).decode()

    @staticmethod
    def loads(text: str | bytes, **_: Any) -> Any:
        return decode(text)


class Engine(engineio.AsyncServer):
    """Engine.IO with sessions of our own, and without waiting for a client that is to go."""

    on_message: Callable[[str, str], bool]
    """Gets a session's id and a Socket.IO packet; whether it has taken it."""

    on_connect: Callable[[Session, str], Awaitable[None]]
    """Gets a session that is to become a client's, and the JSON that it brings or nothing."""

    opened: Callable[[Session], None]
    """Gets a session at its beginning."""

    left: Callable[[str, str], None]
    """Gets a session's id and the reason of its end."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        # One timer watches all sessions; engineio's own monitor wakes up for each of them.
        super().__init__(*arguments, **options, monitor_clients=False)
        self._async = {**self._async, "websocket": Driver}
        self.heartbeat = Heartbeat(lambda: self.sockets, self.ping_interval, self.ping_timeout, self._expire)

    def create_queue(self, *_: Any, **__: Any) -> SendQueue:
        return SendQueue()

    def offer(self, session: Session, packet: str) -> bool:
        """Whether a packet needs nothing more."""
        if packet[:1] == MESSAGE:
            return self.on_message(session.sid, packet[1:])
        if packet == PONG:
            session.schedule_ping()
            return True
        return False

    def has(self, session: Session) -> bool:
        """Whether it is there, and is to stay."""
        return session.sid in self.sockets and not session.closed and not session.closing

    def open(self, direct: Direct, scope: Scope) -> None:
        """Begin a session that has a websocket from the beginning."""
        session = self._begin(scope)
        session.serve(direct)
        session.queue.put_nowait(self._greeting(session, "websocket"))

    async def disconnect(self, sid: str | None = None) -> None:
        """End the session of who breaks the protocol. A polling one may never fetch its goodbye."""
        session = self.sockets.pop(sid or "", None)
        if session is not None:
            await session.close(wait=False, reason="server disconnect")

    async def shutdown(self) -> None:
        self.heartbeat.stop()
        await super().shutdown()

    async def _handle_connect(
        self, environ: Mapping[str, Any], transport: str, jsonp_index: int | None = None
    ) -> Any:
        session = self._begin(environ["asgi.scope"])
        session.queue.put_nowait(self._greeting(session, transport))
        if transport == "websocket":
            answer = await session.handle_get_request(environ)
            if session.closed:
                self.sockets.pop(session.sid, None)
            return answer
        session.connected = True
        try:
            return self._ok(await session.poll(), jsonp_index=jsonp_index)
        except QueueEmpty:
            return self._bad_request()

    def _begin(self, scope: Scope) -> Session:
        session = Session(self, self.generate_id(), scope)
        self.sockets[session.sid] = session
        self.opened(session)
        session.schedule_ping()
        return session

    def _greeting(self, session: Session, transport: str) -> Packet:
        greeting = {
            "sid": session.sid,
            "upgrades": self._upgrades(session.sid, transport),
            "pingTimeout": int(self.ping_timeout * 1000),
            "pingInterval": int(self.ping_interval * 1000),
            "maxPayload": self.max_http_buffer_size,
        }
        return Packet(OPEN, greeting)

    def _expire(self, session: Session) -> None:
        if session.is_live:
            session.finish(self.reason.PING_TIMEOUT)
        else:
            _ = self.start_background_task(session.close, wait=False, reason=self.reason.PING_TIMEOUT)


def packets_only(receive: Receive) -> Receive:
    """Leave out what is no packet at all: it would end engineio's reader and leave its session behind."""

    async def receive_packet() -> MutableMapping[str, Any]:
        while True:
            message = await receive()
            text = message.get("text")
            if text is None or text[:1] in PACKETS:
                return message
            logger.info("malformed packet", reason="no packet type")

    return receive_packet
