"""The frames of a websocket (RFC 6455, section 5): how the server's are written, how long a client's are."""

from __future__ import annotations

from typing import Final

TEXT: Final = 0x81  # whole: neither begins nor goes on with a message in fragments
BINARY: Final = 0x82
CLOSE: Final = 0x88
MASKED: Final = 0x80
SHORT: Final = 125
TWO_BYTES: Final = 126
LONGEST_TWO_BYTES: Final = 0xFFFF
MAX_REASON: Final = 123  # bytes, of a close frame

NORMAL: Final = 1000
RESTARTING: Final = 1012
NOT_ITS_TYPE: Final = 1007
FAILED: Final = 1011


def frame(kind: int, payload: bytes) -> bytes:
    """From server to client."""
    size = len(payload)
    if size <= SHORT:
        return b"%c%c%b" % (kind, size, payload)
    if size <= LONGEST_TWO_BYTES:
        return b"%c\x7e%b%b" % (kind, size.to_bytes(2), payload)
    return b"%c\x7f%b%b" % (kind, size.to_bytes(8), payload)


def text_frame(text: bytes) -> bytes:
    return frame(TEXT, text)


def close_frame(code: int, reason: str = "") -> bytes:
    """A reason that is too long is cut, at the end of a character."""
    told = reason.encode()[:MAX_REASON].decode(errors="ignore")
    return frame(CLOSE, code.to_bytes(2) + told.encode())


def frame_size(data: bytes | bytearray, at: int) -> tuple[int | None, int]:
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


def must_wait(size: int | None, payload_at: int, available: int, max_size: int) -> bool:
    """Whether more of a frame has to come, and may."""
    return size is None or (size > available and size - payload_at <= max_size)
