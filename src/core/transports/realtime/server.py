"""The Socket.IO server: with ``engine`` and ``driver`` all that knows python-socketio and python-engineio.

It keeps their handshake, polling and upgrade, and replaces what they do with events: calls of one
client run in order without holding up its heartbeat, and a broadcast is encoded once and put into
each recipient's queue without a task per recipient.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, cast
from urllib.parse import parse_qs

import socketio
import structlog
from socketio.exceptions import ConnectionRefusedError  # noqa: A004 - the name it has there

from ...application import Application, Receive, Scope, Send
from ...context import Connection, Params
from ...encoding import decode, encode
from ...errors import BadRequest, TooManyRequests
from ...logs import new_request_id, request_id
from ...shapes import is_list, is_mapping
from ..calls import authenticator, public_error
from .calls import Calls
from .client import Client, Frame
from .driver import GOODBYE_SECONDS
from .engine import Engine, Json, packets_only
from .queue import Outlet, SendQueue

logger = structlog.stdlib.get_logger(__name__)

NAMESPACE: Final = "/"
EVENT: Final = "2"  # of Socket.IO
CONNECT_ERROR: Final = "4"  # of Socket.IO
BINARY_PACKETS: Final = ("5", "6")
BINARY_CALL: Final = re.compile(r"5[0-9]+-([0-9]{1,15})\[")  # that waits for an acknowledgement
MAX_ACK_DIGITS: Final = 15

Origins = Callable[[str | None, Mapping[str, Any]], bool]
Handshake = Callable[[Connection, Scope], None]


class SocketServer(socketio.AsyncServer):
    """The sockets of one application."""

    def __init__(
        self,
        app: Application,
        calls: Calls,
        *,
        origins: Origins,
        handshake: Handshake | None,
        max_message: int,
        max_pending: int,
        ping_interval: float,
        ping_timeout: float,
    ) -> None:
        super().__init__(
            async_mode="asgi",
            json=Json,
            cors_allowed_origins=origins,
            max_http_buffer_size=max_message,
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
            http_compression=False,
        )
        self._app = app
        self._calls = calls
        self._max_pending = max_pending
        self._handshake = handshake
        self.clients: dict[str, Client] = {}  # by Engine.IO session id
        self.sessions: dict[Connection, str] = {}  # the Engine.IO session id of each connection
        self._idle: set[str] = set()  # Engine.IO sessions that had no client at the last sweep
        cast("Engine", self.eio).on_message = self._take
        self.on("connect", self._connecting)
        self.on("disconnect", self._disconnected)

    async def asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        eio_sid = parse_qs(scope["query_string"].decode("latin-1")).get("sid", [""])[0]
        if eio_sid in self.eio.sockets and self.eio.sockets[eio_sid].closed:
            del self.eio.sockets[eio_sid]  # engineio answers 400 to a session that it does not know, else 500
        if scope["type"] == "websocket":
            receive = packets_only(receive)
        await self.handle_request(scope, receive, send)

    def broadcast(self, connections: list[Connection], frame: Frame) -> None:
        """Put one frame into the queue of each connection; who reads too slowly is closed."""
        for connection in connections:
            eio_sid = self.sessions.get(connection)
            if eio_sid is not None:
                self._deliver(self.clients[eio_sid], frame)

    def forget(self, connection: Connection) -> None:
        """Close the socket of ``connection`` if it has one; its client sees ``io server disconnect``."""
        eio_sid = self.sessions.pop(connection, None)
        if eio_sid is not None:
            client = self.clients.pop(eio_sid)
            client.forget()
            _ = self._app.tasks.start(self._close(eio_sid, client.sid), name="close socket")

    def is_open(self, connection: Connection) -> bool:
        return connection in self.sessions

    def sweep(self) -> None:
        """Forget clients whose Engine.IO session is gone, close sessions that have not become a client's."""
        for eio_sid, client in list(self.clients.items()):
            if eio_sid not in self.eio.sockets and client.is_open:
                self._app.emit("disconnect", client.connection)
        idle = self.eio.sockets.keys() - self.clients.keys()
        for eio_sid in idle & self._idle:
            _ = self._app.tasks.start(self._hang_up(eio_sid), name="close idle session")
        self._idle = idle

    async def _connecting(self, sid: str, environ: Mapping[str, Any], auth: Any) -> None:
        eio_sid = self.manager.eio_sid_from_sid(sid, NAMESPACE) or ""
        scope: Scope = environ["asgi.scope"]
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        address = scope["client"][0] if scope.get("client") else None
        connection = Connection(id=sid, provider="socketio", headers=headers, address=address)
        outlet = Outlet(self.eio.sockets[eio_sid])
        self.clients[eio_sid] = Client(sid, connection, outlet, self._max_pending)
        self.sessions[connection] = eio_sid
        try:
            if self._handshake is not None:
                self._handshake(connection, scope)
            await self._log_in(connection, auth, headers)
        except Exception as error:
            self._app.emit("disconnect", connection)
            public = public_error(error)
            reason = (public.message,) if public.data is None else (public.message, _plain(public.data))
            raise ConnectionRefusedError(*reason) from error
        self._app.emit("connection", connection)

    async def _log_in(self, connection: Connection, auth: Any, headers: dict[str, str]) -> None:
        service = self._app.default_authentication()
        parser = authenticator(self._app)
        if service is None or parser is None:
            return
        token = (auth.get("token") or auth.get("accessToken")) if is_mapping(auth) else None
        given = parser.parse(headers) if token is None else {"strategy": "jwt", "accessToken": token}
        if given is not None:
            await service.create(given, Params(connection, connection=connection, query={}))

    def _engineio_server_class(self) -> type[Engine]:
        return Engine

    async def _disconnected(self, sid: str, reason: str) -> None:
        eio_sid = self.manager.eio_sid_from_sid(sid, NAMESPACE)
        client = self.clients.get(eio_sid or "")
        if client is not None:
            logger.debug("socket closed", socket=sid, reason=reason)
            self._app.emit("disconnect", client.connection)

    async def _handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        if not self._is_present(eio_sid):
            return
        if (namespace or NAMESPACE) != NAMESPACE:
            # Of python-socketio this would be a text, in which the official client finds no message.
            refusal = encode({"message": "Invalid namespace"})
            packet = f"{CONNECT_ERROR}{namespace},".encode() + refusal
            Outlet(self.eio.sockets[eio_sid]).put(Frame(packet))
            return
        known = self.clients.get(eio_sid)
        await super()._handle_connect(eio_sid, namespace, data)
        client = self.clients.get(eio_sid)
        if client is None or client is known:
            return
        if self._is_present(eio_sid):
            client.open()
        else:
            # The client left while it was being authenticated: its disconnect event went unheard.
            await self._handle_disconnect(eio_sid, namespace)

    def _take(self, eio_sid: str, packet: str) -> bool:
        """Start the call of an event in the default namespace, which nearly every packet is."""
        start = packet.find("[")
        number = packet[1:start]
        client = self.clients.get(eio_sid)
        if packet[:1] != EVENT or client is None or not client.is_open:
            return False
        if number and not (number.isascii() and number.isdecimal() and len(number) <= MAX_ACK_DIGITS):
            return False
        ack = int(number) if number else None
        try:
            data = decode(packet[start:])
        except ValueError as error:
            logger.info("malformed packet", session=eio_sid, reason=str(error))
            self._acknowledge(client, ack, [BadRequest("The packet is not valid JSON").to_json()])
        else:
            self._accept(client, ack, data)
        return True

    async def _handle_event(self, eio_sid: str, namespace: str | None, id: int | None, data: Any) -> None:
        client = self.clients.get(eio_sid)
        if client is not None and client.is_open and (namespace or NAMESPACE) == NAMESPACE:
            self._accept(client, id, data)

    async def _handle_ack(self, eio_sid: str, namespace: str | None, id: int, data: Any) -> None:
        """Nothing is sent that wants an acknowledgement; a warning for each would fill the log."""

    def _accept(self, client: Client, id: int | None, data: Any) -> None:
        if not is_list(data) or not data or not isinstance(data[0], str):
            self._acknowledge(client, id, [BadRequest("An event needs a name").to_json()])
        elif not client.accept(id, data):
            waiting = TooManyRequests("Too many calls are waiting", {"limit": self._max_pending})
            self._acknowledge(client, id, [waiting.to_json()])
        else:
            client.start(self._app.tasks, self._answer)

    async def _handle_eio_message(self, eio_sid: str, data: Any) -> None:
        try:
            if not isinstance(data, str) or data[:1] in BINARY_PACKETS:
                self._refuse_binary(eio_sid, data)
                raise ValueError("only text packets are part of the protocol")  # noqa: TRY301
            await super()._handle_eio_message(eio_sid, data)
        except ValueError as error:
            logger.info("malformed packet", session=eio_sid, reason=str(error))

    def _refuse_binary(self, eio_sid: str, packet: Any) -> None:
        client = self.clients.get(eio_sid)
        call = BINARY_CALL.match(packet) if isinstance(packet, str) else None
        if client is not None and client.is_open and call is not None:
            self._acknowledge(client, int(call[1]), [BadRequest("Binary data is not accepted").to_json()])

    async def _answer(self, client: Client, ack: int | None, arguments: list[Any]) -> None:
        request_id.set(new_request_id())
        answer = await self._calls.answer(client.connection, arguments[0], arguments[1:])
        self._acknowledge(client, ack, answer)

    def _acknowledge(self, client: Client, ack: int | None, answer: list[Any]) -> None:
        if ack is None:
            return
        try:
            text = encode(answer)
        except TypeError as error:
            text = encode([public_error(error).to_json()])
        self._deliver(client, Frame(b"3%d%b" % (ack, text)))

    def _deliver(self, client: Client, frame: Frame) -> None:
        if not client.send(frame) and client.connection in self.sessions:
            logger.info("socket reads too slowly", socket=client.sid)
            self._app.emit("disconnect", client.connection)

    def _is_present(self, eio_sid: str) -> bool:
        session = self.eio.sockets.get(eio_sid)
        return session is not None and not session.closed and not session.closing

    async def _close(self, eio_sid: str, sid: str) -> None:
        await self.disconnect(sid)
        await self._hang_up(eio_sid)

    async def _hang_up(self, eio_sid: str) -> None:
        session = self.eio.sockets.get(eio_sid)
        if session is None:
            return
        if not session.upgraded and not session.closed:
            # A polling client fetches what it is told last; a closed session has nothing to fetch from.
            with suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE_SECONDS):
                    await session.queue.join()
        await session.close(wait=False, reason="server disconnect")
        cast("SendQueue", session.queue).end()


def _plain(data: Any) -> Any:
    return decode(encode(data))
