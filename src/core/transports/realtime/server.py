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
from random import SystemRandom
from typing import Any, Final, cast
from urllib.parse import parse_qs

import socketio
import structlog

from ...application import Application, Receive, Scope, Send
from ...context import Connection, Params
from ...encoding import decode, encode
from ...errors import BadRequest, TooManyRequests
from ...logs import new_request_id, request_id
from ...shapes import is_list, is_mapping
from ...websocket import GOODBYE_SECONDS
from ..calls import authenticator, public_error
from .calls import Calls
from .client import Client, Frame
from .engine import Engine, Json, packets_only
from .outlet import Bounds, Outlet

logger = structlog.stdlib.get_logger(__name__)

NAMESPACE: Final = "/"
EVENT: Final = "2"  # of Socket.IO
CONNECT_ERROR: Final = "4"  # of Socket.IO
DISCONNECT: Final = b"1"  # of Socket.IO
SECONDS_PER_SOCKET: Final = 0.001
RESYNC: Final = "resync"
"""The last event of a client that has missed events: it is to fetch what it lacks."""
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
        max_queued: int,
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
        self.bounds = Bounds(max_queued)
        self._resync = Frame(EVENT.encode() + encode([RESYNC, {"reason": "slow"}]))
        self.clients: dict[str, Client] = {}  # by Engine.IO session id
        self.sessions: dict[Connection, str] = {}  # the Engine.IO session id of each connection
        self.broadcasts = 0
        self.deliveries = 0
        self._idle: set[str] = set()  # Engine.IO sessions that had no client at the last sweep
        engine = cast("Engine", self.eio)
        engine.on_message = self._take
        engine.left = self._left

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
        self.broadcasts += 1
        self.deliveries += len(connections)

    def forget(self, connection: Connection) -> None:
        """Close the socket of ``connection`` if it has one; its client sees ``io server disconnect``.

        Who reads too slowly sees ``transport close`` instead, upon which the official client comes back.
        """
        eio_sid = self.sessions.pop(connection, None)
        if eio_sid is not None:
            client = self.clients.pop(eio_sid)
            client.forget()
            if self._is_present(eio_sid):
                if client.is_slow:
                    client.outlet.cut(self._resync)
                elif client.is_open and not client.has_left:
                    self.eio.sockets[eio_sid].queue.put_nowait(Frame(DISCONNECT))
                _ = self._app.tasks.start(self._hang_up(eio_sid), name="close socket")

    def is_open(self, connection: Connection) -> bool:
        return connection in self.sessions

    async def drain(self, seconds: float) -> None:
        """Close all sockets, spread over the time so that their clients do not come back all at once.

        A socket is closed when its calls are answered. The official client sees ``transport close``.
        """
        leaving = list(self.eio.sockets)
        SystemRandom().shuffle(leaving)
        pause = min(SECONDS_PER_SOCKET, seconds / max(1, len(leaving)))
        async with asyncio.TaskGroup() as group:
            for eio_sid in leaving:
                _ = group.create_task(self._dismiss(eio_sid))
                await asyncio.sleep(pause)

    async def _dismiss(self, eio_sid: str) -> None:
        client = self.clients.get(eio_sid)
        if client is not None and client.work is not None:
            await asyncio.wait([client.work], timeout=GOODBYE_SECONDS)
        session = self.eio.sockets.get(eio_sid)
        if session is not None:
            await session.close(wait=False, abort=session.upgraded, reason="server shutdown")

    def sweep(self) -> None:
        """Forget clients whose Engine.IO session is gone, close sessions that have not become a client's."""
        for eio_sid, client in list(self.clients.items()):
            if eio_sid not in self.eio.sockets and client.is_open:
                self._app.emit("disconnect", client.connection)
        idle = self.eio.sockets.keys() - self.clients.keys()
        for eio_sid in idle & self._idle:
            _ = self._app.tasks.start(self._hang_up(eio_sid), name="close idle session")
        self._idle = idle

    async def _handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        if not self._is_present(eio_sid):
            return
        if (namespace or NAMESPACE) != NAMESPACE:
            # Of python-socketio this would be a text, in which the official client finds no message.
            self._refuse(eio_sid, f"{namespace},", {"message": "Invalid namespace"})
        elif eio_sid in self.clients:
            self._refuse(eio_sid, "", {"message": "Unable to connect"})
        else:
            await self._welcome(eio_sid, self.environ[eio_sid]["asgi.scope"], data)

    async def _welcome(self, eio_sid: str, scope: Scope, auth: Any) -> None:
        client = self._add_client(eio_sid, scope)
        connection = client.connection
        try:
            if self._handshake is not None:
                self._handshake(connection, scope)
            await self._log_in(connection, auth, connection.headers)
        except Exception as error:  # noqa: BLE001 - whatever it is, it refuses the client
            self._app.emit("disconnect", connection)
            if self._is_present(eio_sid):
                public = public_error(error)
                data = {} if public.data is None else {"data": _plain(public.data)}
                self._refuse(eio_sid, "", {"message": public.message, **data})
            return
        if connection not in self.sessions:
            # It was told to go while it was logged in: whoever has indexed it since is to hear of it.
            self._app.emit("disconnect", connection)
            return
        self._app.emit("connection", connection)
        if connection not in self.sessions:
            return
        if self._is_present(eio_sid):
            _ = self.environ.pop(eio_sid, None)
            packet = b"0" + encode({"sid": client.sid})
            client.open(Frame(packet))
        else:
            # The client left while it was being authenticated: its end went unheard.
            self._app.emit("disconnect", connection)

    def _add_client(self, eio_sid: str, scope: Scope) -> Client:
        sid: str = self.eio.generate_id()
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        address = scope["client"][0] if scope.get("client") else None
        connection = Connection(id=sid, provider="socketio", headers=headers, address=address)
        outlet = Outlet(self.eio.sockets[eio_sid], self.bounds, lambda: self._stalled(eio_sid))
        client = self.clients[eio_sid] = Client(sid, connection, outlet, self._max_pending)
        self.sessions[connection] = eio_sid
        return client

    def _refuse(self, eio_sid: str, prefix: str, reason: Mapping[str, Any]) -> None:
        packet = f"{CONNECT_ERROR}{prefix}".encode() + encode(reason)
        self.eio.sockets[eio_sid].queue.put_nowait(Frame(packet))

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

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        self._left(eio_sid, reason)

    async def _handle_disconnect(self, eio_sid: str, namespace: str | None, reason: Any = None) -> None:
        client = self.clients.get(eio_sid)
        if client is not None and (namespace or NAMESPACE) == NAMESPACE:
            client.has_left = True
            if client.is_open:
                self._app.emit("disconnect", client.connection)
            else:
                await self._hang_up(eio_sid)

    def _left(self, eio_sid: str, reason: str) -> None:
        """The Engine.IO session is at its end. A client that is being logged in is told of when it is."""
        _ = self.environ.pop(eio_sid, None)
        client = self.clients.get(eio_sid)
        if client is not None:
            client.outlet.close()
            if client.is_open:
                logger.debug("socket closed", socket=client.sid, reason=reason)
                self._app.emit("disconnect", client.connection)

    def _stalled(self, eio_sid: str) -> None:
        client = self.clients.get(eio_sid)
        if client is not None:
            session = self.eio.sockets[eio_sid]
            self._cut_off(client)
            session.hang_up()

    def _cut_off(self, client: Client) -> None:
        logger.info("socket reads too slowly", socket=client.sid)
        client.is_slow = True
        self._app.emit("disconnect", client.connection)

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
            self._cut_off(client)

    def _is_present(self, eio_sid: str) -> bool:
        session = self.eio.sockets.get(eio_sid)
        return session is not None and not session.closed and not session.closing

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
        session.queue.end()


def _plain(data: Any) -> Any:
    return decode(encode(data))
