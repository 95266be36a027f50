"""The Socket.IO server: with ``engine``, ``session`` and ``driver`` all that knows python-socketio.

It keeps the handshake, polling and upgrade of its libraries, and replaces what they do with events: calls
of one client run in order without holding up its heartbeat, and a broadcast is encoded once and put into
each recipient's queue without a task per recipient.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast
from urllib.parse import parse_qs

import socketio
import structlog

from ...application import Application, Receive, Scope, Send
from ...context import Connection
from ...encoding import decode
from ...websocket import DIRECT
from ..arrivals import Arrivals, address_of
from .client import Frame
from .deliveries import Deliveries
from .departures import Departures
from .engine import Engine, Json, packets_only
from .incoming import Answers, Incoming
from .outlet import Bounds
from .reception import Handshake, Reception
from .roster import Roster
from .session import Session

logger = structlog.stdlib.get_logger(__name__)

EVERYBODYS: Final = "/"


class SocketServer(socketio.AsyncServer):
    """The sockets of one application."""

    def __init__(
        self,
        app: Application,
        answers: Mapping[str, Answers],
        *,
        arrivals: Arrivals,
        handshake: Handshake | None,
        max_message: int,
        max_pending: int,
        ping_interval: float,
        ping_timeout: float,
        max_queued: int,
    ) -> None:
        super().__init__(
            async_mode="asgi",
            json=Json,
            cors_allowed_origins="*",  # the gate lets nobody else through
            max_http_buffer_size=max_message,
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
            http_compression=False,
        )
        self._arrivals = arrivals
        engine = self._engine = cast("Engine", self.eio)
        self.roster = Roster()
        self.deliveries = Deliveries()
        self.departures = Departures(app, engine, self.roster, self.deliveries)
        self.deliveries.on_slow = self.departures.cut_off
        self.bounds = Bounds(max_queued, on_stall=self.departures.stalled)
        self._reception = Reception(
            app,
            engine,
            self.roster,
            handshake=handshake,
            bounds=self.bounds,
            max_pending=max_pending,
            namespaces=answers,
        )
        self._answers = answers
        self._incoming = Incoming(app, answers, self.roster, self.deliveries, max_pending)
        engine.on_message = self._incoming.take
        engine.on_connect = self._connect
        engine.opened = self._opened
        engine.left = self._left

    async def asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = parse_qs(scope["query_string"].decode("latin-1"))
        session_id = query.get("sid", [""])[0]
        if session_id in self.eio.sockets and self.eio.sockets[session_id].closed:
            # Of a session that it does not know engineio says 400, of this one 500.
            del self.eio.sockets[session_id]
        if scope["type"] == "websocket":
            if query.get("transport") != ["websocket"]:
                # Engineio would begin a session that polls.
                await send({"type": "websocket.close"})
                return
            direct = scope.get("extensions", {}).get(DIRECT)
            if direct is not None and query.get("EIO") == ["4"] and not query.keys() & {"sid", "j"}:
                self._engine.open(direct, scope)
                return
            receive = packets_only(receive)
        await self.handle_request(scope, receive, send)

    def broadcast(self, connections: list[Connection], frame: Frame) -> None:
        """Put one frame into the queue of each connection; who reads too slowly is closed."""
        self.deliveries.broadcast(self.roster.of(connections), frame)

    def is_open(self, connection: Connection) -> bool:
        return connection in self.roster.by_connection

    def _opened(self, session: Session) -> None:
        scope = session.scope
        self._arrivals.opened(session.sid, None if scope is None else address_of(scope))

    def _left(self, session_id: str, reason: str) -> None:
        self._arrivals.closed(session_id)
        self.departures.left(session_id, reason)

    async def _connect(self, session: Session, brought: str) -> None:
        try:
            auth = decode(brought) if brought else None
        except ValueError as error:
            logger.info("malformed packet", session=session.sid, reason=str(error))
            return
        if self._engine.has(session):
            await self._reception.welcome(session, auth)

    async def _handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        session: Session | None = self.eio.sockets.get(eio_sid)
        if session is None or not self._engine.has(session):
            return
        name = _known_as(namespace)
        if name in self._answers:
            await self._reception.welcome(session, data, name)
        else:
            # Of python-socketio this would be a text, in which the official client finds no message.
            self._reception.refuse(session, {"message": "Invalid namespace"}, name)

    def _engineio_server_class(self) -> type[Engine]:
        return Engine

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        self._left(eio_sid, reason)

    async def _handle_disconnect(self, eio_sid: str, namespace: str | None, reason: Any = None) -> None:
        self.departures.said_goodbye(eio_sid, _known_as(namespace))

    async def _handle_event(self, eio_sid: str, namespace: str | None, id: int | None, data: Any) -> None:
        self._incoming.event(eio_sid, _known_as(namespace), id, data)

    async def _handle_ack(self, eio_sid: str, namespace: str | None, id: int, data: Any) -> None:
        """Nothing is sent that wants an acknowledgement; a warning for each would fill the log."""

    async def _handle_eio_message(self, eio_sid: str, data: Any) -> None:
        # What waited behind a packet that needs more than being read is answered like any other.
        if isinstance(data, str) and self._incoming.take(eio_sid, data):
            return
        try:
            self._incoming.check(eio_sid, data)
            await super()._handle_eio_message(eio_sid, data)
        except ValueError as error:
            logger.info("malformed packet", session=eio_sid, reason=str(error))


def _known_as(namespace: str | None) -> str:
    """Without the query that a client may add; empty for the one that everybody has."""
    name = (namespace or EVERYBODYS).partition("?")[0]
    return "" if name == EVERYBODYS else name
