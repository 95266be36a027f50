"""Websocket frames as a client writes and reads them: RFC 6455, section 5."""

from __future__ import annotations

from typing import Final

CONTINUATION: Final = 0
TEXT: Final = 1
CLOSE: Final = 8
PING: Final = 9
PONG: Final = 10

FINAL: Final = 0x80
MASKED: Final = 0x80
NO_MASK: Final = bytes(4)


def frame(opcode: int, payload: bytes) -> bytes:
    """Masked as a client must, with a key of zeros, which leaves the payload as it is."""
    length = len(payload)
    if length < 126:
        head = bytes((FINAL | opcode, MASKED | length))
    elif length < 65_536:
        head = bytes((FINAL | opcode, MASKED | 126)) + length.to_bytes(2)
    else:
        head = bytes((FINAL | opcode, MASKED | 127)) + length.to_bytes(8)
    return head + NO_MASK + payload


class FrameReader:
    """Puts messages together from the bytes of a server, which masks nothing."""

    __slots__ = ("_begun", "_held", "_opcode")

    def __init__(self) -> None:
        self._held = b""
        self._begun: list[bytes] = []
        self._opcode = TEXT

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """The messages that ``data`` completes, each with its opcode."""
        if self._held:
            data = self._held + data
        messages: list[tuple[int, bytes]] = []
        at, end = 0, len(data)
        while end - at >= 2:
            head, length = 2, data[at + 1] & 127
            if length >= 126:
                head = 4 if length == 126 else 10
                if end - at < head:
                    break
                length = int.from_bytes(data[at + 2 : at + head])
            if end - at < head + length:
                break
            self._take(data[at], data[at + head : at + head + length], messages)
            at += head + length
        self._held = data[at:]
        return messages

    def _take(self, first: int, payload: bytes, messages: list[tuple[int, bytes]]) -> None:
        opcode = first & 15
        if first & FINAL and opcode != CONTINUATION:
            messages.append((opcode, payload))
            return
        if opcode != CONTINUATION:
            self._opcode = opcode
        self._begun.append(payload)
        if first & FINAL:
            messages.append((self._opcode, b"".join(self._begun)))
            self._begun.clear()
