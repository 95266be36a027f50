"""A websocket from its acceptance on."""

from __future__ import annotations

import asyncio
from typing import Any, Final, Protocol

from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from ..turns import TurnsOfLoops
from .frames import MASKED, NORMAL, NOT_ITS_TYPE, RESTARTING, TEXT, close_frame, frame_size, must_wait

try:
    from websockets.speedups import apply_mask
except ImportError:  # a build without the extension
    from websockets.utils import apply_mask

GOODBYE: Final = close_frame(NORMAL)
GOODBYE_SECONDS: Final = 4.0
"""How long a client may take to read what it is told last, before it is hung up on."""

# Thousands may leave in one turn, and whoever listens has something to do at each.
endings: Final = TurnsOfLoops(at_once=32)


class Listener(Protocol):
    """Whose socket it is."""

    def received(self, message: str | bytes) -> None: ...

    def writable(self) -> None:
        """The client reads again."""
        ...

    def left(self) -> None:
        """The socket is gone; called once."""
        ...


class LiveSocket(asyncio.Protocol):
    """Frames that are not a whole, masked, short text are left to the library, which is there only then."""

    __slots__ = (
        "_connections",
        "_held",
        "_is_closing",
        "_library",
        "_max_size",
        "_parts",
        "_timer",
        "_transport",
        "is_paused",
        "listener",
    )

    def __init__(
        self, transport: asyncio.Transport, listener: Listener, connections: set[Any], max_size: int
    ) -> None:
        self.is_paused = False
        """Whether the client reads more slowly than it is written to."""
        self.listener: Listener | None = listener
        """None once it has been told that the socket is gone."""
        self._transport = transport
        self._connections = connections
        self._connections.add(self)
        self._max_size = max_size
        # The beginning of a frame; byte by byte it would be copied as often.
        self._held: bytearray | None = None
        self._library: ServerProtocol | None = None
        self._parts: list[bytes] = []
        self._is_closing = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def buffered(self) -> int:
        """How many bytes have been written that the system has not taken yet."""
        return 0 if self._transport.is_closing() else self._transport.get_write_buffer_size()

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
        self.finish(close_frame(RESTARTING))
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
        if self.listener is not None:
            self.listener.writable()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._connections.discard(self)
        endings.of(asyncio.get_running_loop()).add(self._leave)

    def eof_received(self) -> bool:
        """The transport is closed in a turn to come, not by itself: closing costs the most of a leaving."""
        endings.of(asyncio.get_running_loop()).add(self._hang_up)
        return True

    def data_received(self, data: bytes) -> None:
        if self._held is not None:
            self._held += data
            size, payload_at = frame_size(self._held, 0)
            if must_wait(size, payload_at, len(self._held), self._max_size):
                return
            data, self._held = bytes(self._held), None
        at = 0
        while at < len(data) and not self._transport.is_closing():
            size, payload_at = frame_size(data, at)
            if must_wait(size, payload_at, len(data) - at, self._max_size):
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

    def _hang_up(self) -> None:
        """After what has been written, but the client has not for ever to read it."""
        if not self._transport.is_closing():
            self.expire()
            self._transport.close()

    def _leave(self) -> None:
        listener, self.listener = self.listener, None
        if listener is not None:
            listener.left()

    def _is_plain(self, data: bytes, at: int, size: int) -> bool:
        return (
            data[at] == TEXT
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
        # Whoever pings and reads no answers is not to fill the memory with them.
        if answer and not (self.is_paused and library.state is State.OPEN):
            self.write(answer)
        if library.parser_exc is not None or library.state is not State.OPEN:
            self._hang_up()

    def _take(self, library: ServerProtocol, frame: Frame) -> None:
        if frame.opcode in {Opcode.TEXT, Opcode.BINARY}:
            self._parts = [b"t" if frame.opcode is Opcode.TEXT else b"b"]
        if frame.opcode in {Opcode.TEXT, Opcode.BINARY, Opcode.CONT}:
            if frame.data:  # there may be any number of empty ones
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
            self.finish(close_frame(NOT_ITS_TYPE))
            self._hang_up()
        else:
            self._receive(received)

    def _receive(self, message: str | bytes) -> None:
        if self.listener is not None and not self._is_closing:
            self.listener.received(message)
