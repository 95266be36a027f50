"""The server's websocket protocol: uvicorn's until a socket is accepted, then a leaner one of our own.

An ASGI message costs a queue, two wake-ups and a pause of the transport, and a task that waits for it
costs more memory than all else of a connection. Whoever finds a ``Direct`` in the scope's extensions may
take the socket over and let the ASGI application return: a ``LiveSocket`` remains.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, Protocol, cast

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from .application import Asgi

try:
    from websockets.speedups import apply_mask
except ImportError:  # a build without the extension
    from websockets.utils import apply_mask

DIRECT: Final = "stonechat.direct"
"""The key of a websocket scope's extensions whose value is a ``Direct``."""

WHOLE_TEXT: Final = 0x81
MASKED: Final = 0x80
SHORT: Final = 125
TWO_BYTES: Final = 126
LONGEST_TWO_BYTES: Final = 0xFFFF
GOODBYE: Final = b"\x88\x02\x03\xe8"  # a close frame with 1000
RESTARTING: Final = b"\x88\x02\x03\xf4"  # and with 1012
GOODBYE_SECONDS: Final = 4.0
"""How long a client may take to read what it is told last, before it is hung up on."""


class Listener(Protocol):
    """Whose socket it is."""

    def received(self, message: str | bytes) -> None: ...

    def writable(self) -> None:
        """The client reads again."""
        ...

    def left(self) -> None:
        """The socket is gone; called once."""
        ...


class Direct(Protocol):
    """A websocket that may be had without ASGI in between, once it is accepted."""

    def take(self, listener: Listener) -> LiveSocket:
        """The listener hears at once of what has come already."""
        ...


def text_frame(text: bytes) -> bytes:
    """The frame of a message from server to client."""
    size = len(text)
    if size <= SHORT:
        return b"\x81%c%b" % (size, text)
    if size <= LONGEST_TWO_BYTES:
        return b"\x81\x7e%b%b" % (size.to_bytes(2), text)
    return b"\x81\x7f%b%b" % (size.to_bytes(8), text)


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """A ``Direct``. Gives the library whole frames only, so that the rest can be handed over."""

    _held: bytearray | None = None
    _is_taken = False

    async def run_asgi(self) -> None:
        extensions: dict[str, object] = self.scope.setdefault("extensions", {})  # type: ignore[assignment]
        extensions[DIRECT] = self
        try:
            await cast("Asgi", self.app)(self.scope, self.receive, self.send)  # type: ignore[arg-type]
        except ClientDisconnected:
            pass
        except Exception:
            self.logger.exception("Exception in ASGI application")
            if self._is_taken:
                self.transport.abort()
        if not self._is_taken:
            self.send_500_response()  # unless it was answered
            if self.close_timer is None:
                self.transport.close()

    def take(self, listener: Listener) -> LiveSocket:
        self._is_taken = True
        live = LiveSocket(self.transport, listener, self.connections, self.config.ws_max_size)
        self.connections.discard(self)
        self.transport.set_protocol(live)
        if self.read_paused:
            self.transport.resume_reading()
        early: list[Any] = []
        while not self.queue.empty():
            early.append(self.queue.get_nowait())
        live.begin(early, bytes(self._held or b""), is_lost=self.disconnected)
        return live

    def data_received(self, data: bytes) -> None:
        if not self.handshake_initiated:
            super().data_received(data)
            return
        if self._held is not None:
            data, self._held = bytes(self._held) + data, None
        at = 0
        while at < len(data) and not self.transport.is_closing():
            size, payload_at = _frame_size(data, at)
            if _must_wait(size, payload_at, len(data) - at, self.config.ws_max_size):
                self._held = bytearray(data[at:])
                return
            end = len(data) if size is None else min(at + size, len(data))
            super().data_received(data[at:end])
            at = end


class LiveSocket(asyncio.Protocol):
    """A websocket from its acceptance on, for whoever has taken it.

    Frames that are not a whole, masked, short text are left to the library, which is there only then.
    """

    __slots__ = (
        "_connections",
        "_held",
        "_is_closing",
        "_library",
        "_listener",
        "_max_size",
        "_parts",
        "_timer",
        "_transport",
        "is_paused",
    )

    def __init__(
        self, transport: asyncio.Transport, listener: Listener, connections: set[Any], max_size: int
    ) -> None:
        self.is_paused = False
        """Whether the client reads more slowly than it is written to."""
        self._transport = transport
        self._listener: Listener | None = listener
        self._connections = connections
        self._connections.add(self)
        self._max_size = max_size
        self._held: bytearray | None = (
            None  # the beginning of a frame; byte by byte it would be copied as often
        )
        self._library: ServerProtocol | None = None
        self._parts: list[bytes] = []
        self._is_closing = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def buffered(self) -> int:
        """How many bytes have been written that the system has not taken yet."""
        return 0 if self._transport.is_closing() else self._transport.get_write_buffer_size()

    def begin(self, early: list[Any], held: bytes, *, is_lost: bool) -> None:
        """Go on from where uvicorn's protocol was: what came before, by ASGI's messages and unparsed."""
        for message in early:
            received = message.get("text") or message.get("bytes")
            if received:
                self._receive(received)
        if held:
            self.data_received(held)
        if is_lost:
            self.connection_lost(None)

    def write(self, frame: bytes) -> None:
        """Write a whole frame; it is dropped where the socket is closing."""
        if not self._is_closing and not self._transport.is_closing():
            self._transport.write(frame)

    def finish(self, goodbye: bytes = GOODBYE) -> None:
        """Close, after what has been written."""
        if self._is_closing or self._transport.is_closing():
            return
        self._transport.write(goodbye)
        self._is_closing = True
        self.expire()

    def expire(self) -> None:
        """Hang up on a client that does not take what it is told last."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GOODBYE_SECONDS, self._transport.abort)

    def abort(self) -> None:
        self._transport.abort()

    def shutdown(self) -> None:
        """Called by uvicorn when the server stops."""
        self.finish(RESTARTING)
        self._transport.close()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def pause_writing(self) -> None:
        self.is_paused = True

    def resume_writing(self) -> None:
        self.is_paused = False
        if self._listener is not None:
            self._listener.writable()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._connections.discard(self)
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.left()

    def eof_received(self) -> None:
        """The transport closes itself."""

    def data_received(self, data: bytes) -> None:
        if self._held is not None:
            self._held += data
            size, payload_at = _frame_size(self._held, 0)
            if _must_wait(size, payload_at, len(self._held), self._max_size):
                return
            data, self._held = bytes(self._held), None
        at = 0
        while at < len(data) and not self._transport.is_closing():
            size, payload_at = _frame_size(data, at)
            if _must_wait(size, payload_at, len(data) - at, self._max_size):
                self._held = bytearray(data[at:])
                return
            if size is None or at + size > len(data):
                self._leave_to_library(data[at:])  # too long: refused by its header, before it has come
                return
            end = at + size
            if self._is_plain(data, at, size):
                start = at + payload_at
                self._receive_text(apply_mask(data[start:end], data[start - 4 : start]))
            else:
                self._leave_to_library(data[at:end])
            at = end

    def _is_plain(self, data: bytes, at: int, size: int) -> bool:
        return (
            data[at] == WHOLE_TEXT
            and data[at + 1] >= MASKED
            and size <= self._max_size
            # not in the midst of a message in fragments
            and (self._library is None or self._library.current_size is None)
        )

    def _leave_to_library(self, data: bytes) -> None:
        if self._library is None:
            self._library = ServerProtocol(state=State.OPEN, max_size=self._max_size)
        library = self._library
        library.receive_data(data)
        for event in library.events_received():
            if isinstance(event, Frame):
                self._take(library, event)
        answer = b"".join(library.data_to_send())
        if answer:
            self.write(answer)
        if library.parser_exc is not None or library.state is not State.OPEN:
            self._transport.close()

    def _take(self, library: ServerProtocol, frame: Frame) -> None:
        if frame.opcode in {Opcode.TEXT, Opcode.BINARY}:
            self._parts = [b"t" if frame.opcode is Opcode.TEXT else b"b"]
        if frame.opcode in {Opcode.TEXT, Opcode.BINARY, Opcode.CONT}:
            self._parts.append(bytes(frame.data))
            if frame.fin:
                (kind, *parts), self._parts = self._parts, []
                if kind == b"t":
                    self._receive_text(b"".join(parts))
                else:
                    self._receive(b"".join(parts))

    def _receive_text(self, text: bytes) -> None:
        try:
            received = text.decode()
        except UnicodeDecodeError:
            # 1007: the message is not what its type says
            self.finish(b"\x88\x02\x03\xef")
            self._transport.close()
        else:
            self._receive(received)

    def _receive(self, message: str | bytes) -> None:
        if self._listener is not None and not self._is_closing:
            self._listener.received(message)


def _must_wait(size: int | None, payload_at: int, available: int, max_size: int) -> bool:
    """Whether more of a frame has to come, and may."""
    return size is None or (size > available and size - payload_at <= max_size)


def _frame_size(data: bytes | bytearray, at: int) -> tuple[int | None, int]:
    """The size of the frame that begins at ``at``, None while that is not known, and of its header."""
    available = len(data) - at
    if available < 2:
        return None, 0
    second = data[at + 1]
    mask = 4 if second & MASKED else 0
    size = second & ~MASKED
    if size <= SHORT:
        return 2 + mask + size, 2 + mask
    wide = 2 if size == TWO_BYTES else 8
    if available < 2 + wide:
        return None, 0
    return 2 + wide + mask + int.from_bytes(data[at + 2 : at + 2 + wide]), 2 + wide + mask
