"""A websocket from its request on: as an ASGI application sees it, or for whoever takes it over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import MutableMapping
from typing import Any, Final, Protocol, cast
from urllib.parse import unquote

from uvicorn.config import Config
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.server import ServerState

from ..application import Asgi, Scope
from .frames import BINARY, FAILED, NORMAL, TEXT, close_frame, frame
from .handshake import Header, accept_key, acceptance, refusal
from .live import Listener, LiveSocket

DIRECT: Final = "stonechat.direct"
"""The key of a websocket scope's extensions whose value is a ``Direct``."""

DENIAL: Final = "websocket.http.response"
"""The key of a websocket scope's extensions where a refusal may have a status and a body."""

MAX_WAITING: Final = 16
"""Messages that wait for an application, until no more is read."""
GONE: Final = 1005  # for ASGI: the client did not say why
NEVER_OPENED: Final = 1006

logger = logging.getLogger("uvicorn.error")

Message = MutableMapping[str, Any]


class Direct(Protocol):
    """A websocket that may be had without ASGI in between."""

    def take(self, listener: Listener) -> LiveSocket:
        """Accepts it, unless that is done. The listener hears at once of what has come already."""
        ...


class WebSocketProtocol(asyncio.Protocol):
    """A ``Direct``. The request has been read already."""

    def __init__(self, transport: asyncio.Transport, config: Config, server: ServerState) -> None:
        self._transport = transport
        self._root_path = config.root_path
        self._key = b""
        self._app = cast("Asgi", cast("Any", config).loaded_app)
        self._max_size = config.ws_max_size
        self._server = server
        self._live: LiveSocket | None = None
        self._is_taken = False
        self._is_asked = False
        self._is_answered = False
        self._is_gone = False
        self._denial: Message | None = None
        self._early = bytearray()
        self._messages: asyncio.Queue[Message] | None = None
        self._writable: asyncio.Event | None = None

    def start(self, request: Scope, url: bytes) -> None:
        """Ask the application. Raises HandshakeError where the request is no handshake."""
        self._key = accept_key(request["method"], request["http_version"], url, request["headers"])
        self._transport.set_protocol(self)
        self._server.connections.add(cast("Any", self))
        # It is kept nowhere else, for this object is in it: cycles are work for the collector.
        scope = _websocket_scope(request, url, self._root_path)
        scope["extensions"] = {DENIAL: {}, DIRECT: self}
        task = asyncio.get_running_loop().create_task(self._run(scope), name="websocket")
        self._server.tasks.add(task)
        task.add_done_callback(self._server.tasks.discard)

    def take(self, listener: Listener) -> LiveSocket:
        self._is_taken = True
        if self._live is None:
            return self._accept(listener)
        self._live.listener = listener
        while self._messages is not None and not self._messages.empty():
            message = self._messages.get_nowait()
            received = message.get("text") or message.get("bytes")
            if received:
                listener.received(received)
        self._live.resume_reading()
        if self._is_gone:
            listener.left()
        return self._live

    async def receive(self) -> Message:
        if not self._is_asked:
            self._is_asked = True
            return {"type": "websocket.connect"}
        messages = self._queue()
        message = await messages.get()
        if self._live is not None and messages.empty():
            self._live.resume_reading()
        return message

    async def send(self, message: Message) -> None:
        if self._is_gone:
            raise ClientDisconnected
        kind = message["type"]
        if self._live is not None and kind == "websocket.send":
            await self._send(self._live, message)
        elif self._live is not None and kind == "websocket.close":
            self._live.finish(close_frame(message.get("code") or NORMAL, message.get("reason") or ""))
        elif self._live is None and not self._is_answered:
            self._answer(kind, message)
        else:
            raise RuntimeError(f"unexpected ASGI message '{kind}'")

    def shutdown(self) -> None:
        """Called by uvicorn when the server stops, while nothing is answered."""
        if not self._is_answered:
            self._refuse(503)
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Before anything is answered: a client that does not wait. After a refusal nobody listens."""
        self._early += data
        self._transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(cast("Any", self))
        self._is_gone = True
        self._queue().put_nowait({"type": "websocket.disconnect", "code": NEVER_OPENED})

    def received(self, message: str | bytes) -> None:
        messages = self._queue()
        key = "text" if isinstance(message, str) else "bytes"
        messages.put_nowait({"type": "websocket.receive", key: message})
        if self._live is not None and messages.qsize() >= MAX_WAITING:
            self._live.pause_reading()

    def writable(self) -> None:
        if self._writable is not None:
            self._writable.set()

    def left(self) -> None:
        self._is_gone = True
        self.writable()
        self._queue().put_nowait({"type": "websocket.disconnect", "code": GONE})

    async def _run(self, scope: Scope) -> None:
        try:
            await self._app(scope, self.receive, self.send)
        except ClientDisconnected:
            pass
        except Exception:
            logger.exception("Exception in ASGI application")
            if self._is_taken:
                self._transport.abort()
            elif self._live is not None:
                self._live.finish(close_frame(FAILED))
        if self._live is None:
            if not self._is_answered:
                self._refuse(500)
        elif not self._is_taken:
            self._live.finish()

    def _answer(self, kind: str, message: Message) -> None:
        headers: list[Header] = list(message.get("headers") or ())
        match kind:
            case "websocket.accept":
                subprotocol = message.get("subprotocol")
                if subprotocol:
                    headers.append((b"Sec-WebSocket-Protocol", subprotocol.encode()))
                self._accept(self, headers)
            case "websocket.close":
                self._refuse(403)
            case "websocket.http.response.start":
                self._denial = {**message, "body": b""}
            case "websocket.http.response.body" if self._denial is not None:
                self._denial["body"] += message.get("body", b"")
                if not message.get("more_body"):
                    self._refuse(self._denial["status"], self._denial["headers"], self._denial["body"])
            case _:
                raise RuntimeError(f"unexpected ASGI message '{kind}'")

    def _accept(self, listener: Listener, headers: list[Header] | None = None) -> LiveSocket:
        self._is_answered = True
        connections = cast("set[Any]", self._server.connections)
        connections.discard(self)
        self._transport.write(acceptance(self._key, [*self._server.default_headers, *(headers or ())]))
        live = self._live = LiveSocket(self._transport, listener, connections, self._max_size)
        self._transport.set_protocol(live)
        if self._early:
            live.resume_reading()
            live.data_received(bytes(self._early))
        if self._is_gone:
            live.connection_lost(None)
        return live

    def _refuse(self, status: int, headers: list[Header] | None = None, body: bytes = b"") -> None:
        self._is_answered = True
        if not self._transport.is_closing():
            self._transport.write(refusal(status, [*self._server.default_headers, *(headers or ())], body))
            self._transport.close()

    async def _send(self, live: LiveSocket, message: Message) -> None:
        while live.is_paused and not self._is_gone:
            self._writable = asyncio.Event()
            await self._writable.wait()
        text, data = message.get("text"), message.get("bytes")
        live.write(frame(BINARY, data or b"") if text is None else frame(TEXT, text.encode()))

    def _queue(self) -> asyncio.Queue[Message]:
        if self._messages is None:
            self._messages = asyncio.Queue()
        return self._messages


def _websocket_scope(scope: Scope, url: bytes, root_path: str) -> Scope:
    """Of that of the request that asks for it."""
    path, _, query = url.partition(b"?")
    headers: list[Header] = scope["headers"]
    offered = b",".join([value for name, value in headers if name == b"sec-websocket-protocol"])
    return {
        "type": "websocket",
        "asgi": {**scope["asgi"], "spec_version": "2.4"},
        "http_version": scope["http_version"],
        "scheme": "wss" if scope["scheme"] == "https" else "ws",
        "server": scope["server"],
        "client": scope["client"],
        "root_path": root_path,
        "path": root_path + unquote(path.decode("latin-1")),
        "raw_path": root_path.encode() + path,
        "query_string": query,
        "headers": headers,
        "subprotocols": [part.strip().decode("latin-1") for part in offered.split(b",")] if offered else [],
        "state": scope["state"],
    }
