"""The server's websocket protocol: uvicorn's, with a shorter way for the messages of an accepted socket.

An ASGI message costs a queue, two wake-ups and a pause of the transport. Whoever finds a ``Direct`` in
the scope's extensions may take the socket over: texts are then handed to a function as they arrive, and
frames are written to the transport as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

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


OnText = Callable[[str], bool]
"""Whether it has taken the text."""


class Direct(Protocol):
    """A websocket without ASGI in between, once it is accepted."""

    @property
    def is_paused(self) -> bool:
        """Whether the client reads more slowly than it is written to."""
        ...

    def take(self, on_text: OnText, on_writable: Callable[[], None]) -> None:
        """Have texts offered from now on; those that are not taken go ASGI's way, as does the disconnect."""
        ...

    def write(self, frame: bytes) -> None:
        """Write a whole frame; it is dropped where the socket is closing."""
        ...

    def finish(self) -> None:
        """Have ASGI's ``receive`` say that the client has left."""
        ...

    def abort(self) -> None:
        """Hang up: a close frame would wait for ever for a client that does not read."""
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
    """A ``Direct``. Frames that are not a whole, masked, short text are left to the library, each at once."""

    _on_text: OnText | None = None
    _on_writable: Callable[[], None] | None = None
    _held: bytearray | None = None
    """The beginning of a frame, grown in place: byte by byte it would be copied as often."""

    async def run_asgi(self) -> None:
        extensions: dict[str, object] = self.scope.setdefault("extensions", {})  # type: ignore[assignment]
        extensions[DIRECT] = self
        await super().run_asgi()

    @property
    def is_paused(self) -> bool:
        return not self.writable.is_set()

    def take(self, on_text: OnText, on_writable: Callable[[], None]) -> None:
        self._on_text, self._on_writable = on_text, on_writable

    def write(self, frame: bytes) -> None:
        if not self.close_sent and not self.transport.is_closing():
            self.transport.write(frame)

    def finish(self) -> None:
        self.queue.put_nowait({"type": "websocket.disconnect", "code": 1000})

    def abort(self) -> None:
        self.transport.abort()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._on_writable is not None:
            self._on_writable()

    def data_received(self, data: bytes) -> None:
        if self._on_text is None:
            super().data_received(data)
            return
        if self._held is not None:
            self._held += data
            size, payload_at = _frame_size(self._held, 0)
            if self._must_wait(size, payload_at, len(self._held)):
                return
            data, self._held = bytes(self._held), None
        at = 0
        while at < len(data) and not self.transport.is_closing():
            size, payload_at = _frame_size(data, at)
            if self._must_wait(size, payload_at, len(data) - at):
                self._held = bytearray(data[at:])
                return
            if size is None or at + size > len(data):
                super().data_received(data[at:])  # too long: refused by its header, before it has come
                return
            end = at + size
            if self._is_plain(data, at, size):
                start = at + payload_at
                self.frames = [apply_mask(data[start:end], data[start - 4 : start])]
                self.curr_msg_data_type = "text"
                self.send_receive_event_to_app()
            else:
                super().data_received(data[at:end])
            at = end

    def send_receive_event_to_app(self) -> None:
        if self._on_text is not None and self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                text = b"".join(self.frames).decode()
            except UnicodeDecodeError:
                pass  # the library knows what to answer
            else:
                if self._on_text(text):
                    self.frames = []
                    return
        super().send_receive_event_to_app()

    def _must_wait(self, size: int | None, payload_at: int, available: int) -> bool:
        """Whether more of a frame has to come, and may."""
        return size is None or (size > available and size - payload_at <= self.config.ws_max_size)

    def _is_plain(self, data: bytes, at: int, size: int) -> bool:
        return (
            data[at] == WHOLE_TEXT
            and data[at + 1] >= MASKED
            and size <= self.config.ws_max_size
            and self.conn.current_size is None  # not in the midst of a message in fragments
        )


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
