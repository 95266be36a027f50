"""A Socket.IO client on a websocket of its own, reduced to what a load needs: no task, no queue."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Callable
from typing import Any, Final, Self, cast

import orjson

from .address import Address
from .frames import CLOSE, PING, PONG, TEXT, FrameReader, frame

CONNECT_SECONDS: Final = 30.0
HEAD_END: Final = b"\r\n\r\n"
LONGEST_HEAD: Final = 16_384
ENGINE_PONG: Final = frame(TEXT, b"3")
GOODBYE: Final = frame(TEXT, b"41") + frame(CLOSE, (1000).to_bytes(2))
CONNECTED: Final = b'["connected"'

Answer = list[Any] | None
"""What was acknowledged, or None where the connection was lost before."""
Event = Callable[[bytes], None]
Lost = Callable[[], None]


class ConnectError(Exception):
    """The server could not be reached, or does not want this client."""


class CallError(Exception):
    """The server's error to a call; ``kind`` is its code and name."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Client(asyncio.Protocol):
    """``event`` is called with the JSON array of each event, ``lost`` once when the server closes."""

    def __init__(self, address: Address, token: str | None, event: Event, lost: Lost) -> None:
        self._address = address
        self._token = token
        self._event = event
        self._lost = lost
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None
        self._head: bytes | None = b""
        self._frames = FrameReader()
        self._answers: dict[int, Callable[[Answer], None]] = {}
        self._calls = 0
        self._leaving = False

    @classmethod
    async def open(
        cls, address: Address, token: str | None, event: Event = lambda _: None, lost: Lost = lambda: None
    ) -> Self:
        """A client that is connected, and heard by the school if it has a ``token``. Raises ConnectError."""
        client = cls(address, token, event, lost)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _ = await loop.create_connection(lambda: client, address.host, address.port, ssl=address.tls)
                await client._ready
        except TimeoutError:
            client.cut()
            raise ConnectError("no answer in time") from None
        except OSError as error:
            # Below 0 are the errors of looking up a name.
            known = None if error.errno is None or error.errno < 0 else os.strerror(error.errno)
            raise ConnectError(known or str(error)) from None
        except BaseException:
            client.cut()
            raise
        return client

    @property
    def unanswered(self) -> int:
        return len(self._answers)

    def emit(self, arguments: bytes, answered: Callable[[Answer], None]) -> None:
        """Send the JSON array of an event."""
        number, self._calls = self._calls, self._calls + 1
        self._answers[number] = answered
        self._write(frame(TEXT, b"42%d%b" % (number, arguments)))

    async def call(self, *arguments: Any) -> Any:
        """The result of a service's method. Raises CallError, ConnectError."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.emit(orjson.dumps(arguments), lambda got: None if answer.done() else answer.set_result(got))
        try:
            got = await asyncio.wait_for(answer, CONNECT_SECONDS)
        except TimeoutError:
            raise CallError("no answer", "there was no answer in time") from None
        if got is None:
            raise ConnectError("the server closed the connection")
        if (error := error_in(got)) is not None:
            raise error
        return got[1]

    def close(self) -> None:
        """Say goodbye first."""
        self._leaving = True
        self._write(GOODBYE)
        if self._transport is not None:
            self._transport.close()

    def cut(self) -> None:
        """As when a cable is pulled: the server is told nothing."""
        self._leaving = True
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        key = base64.b64encode(os.urandom(16)).decode()
        self._transport.write(
            f"GET {self._address.path} HTTP/1.1\r\nHost: {self._address.host_header}\r\n"
            f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail("the server closed the connection")
        answers, self._answers = self._answers, {}
        for answered in answers.values():
            answered(None)
        if not self._leaving:
            self._leaving = True
            self._lost()

    def data_received(self, data: bytes) -> None:
        if self._head is not None:
            rest = self._upgraded(self._head + data)
            if rest is None:
                return
            data = rest
        for opcode, payload in self._frames.feed(data):
            if opcode == TEXT:
                self._take(payload)
            elif opcode == PING:
                self._write(frame(PONG, payload))
            elif opcode == CLOSE and self._transport is not None:
                self._transport.close()

    def _upgraded(self, head: bytes) -> bytes | None:
        """What came behind the head of the answer, once that is complete."""
        end = head.find(HEAD_END)
        if end < 0 and len(head) < LONGEST_HEAD:
            self._head = head
            return None
        status = head.partition(b"\r\n")[0].decode("latin-1")
        if not status.startswith("HTTP/1.1 101"):
            self._fail(f"the upgrade was refused: {status[:80]}")
            self.cut()
            return None
        self._head = None
        return head[end + len(HEAD_END) :]

    def _take(self, packet: bytes) -> None:
        kind = packet[:2]
        if kind == b"42":
            event = packet[2:]
            if not self._ready.done() and event.startswith(CONNECTED):
                self._ready.set_result(None)
            self._event(event)
        elif kind == b"43":
            start = packet.index(b"[")
            answered = self._answers.pop(int(packet[2:start]), None)
            if answered is not None:
                answered(orjson.loads(packet[start:]))
        elif packet == b"2":
            self._write(ENGINE_PONG)
        elif packet[:1] == b"0":
            auth = b"" if self._token is None else orjson.dumps({"token": self._token})
            self._write(frame(TEXT, b"40" + auth))
        elif kind == b"40" and self._token is None and not self._ready.done():
            self._ready.set_result(None)
        elif kind == b"44":
            self._fail(f"refused: {_message_of(packet[2:])}")
            self.cut()

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _fail(self, reason: str) -> None:
        if not self._ready.done():
            self._ready.set_exception(ConnectError(reason))


def error_in(answer: list[Any]) -> CallError | None:
    """The error that a call, or one of the school's own events, was answered with."""
    first = answer[0] if answer else None
    if isinstance(first, dict):
        known = cast("dict[str, Any]", first)
        error = cast("dict[str, Any]", known.get("error", known))
        if "code" in error:
            return CallError(f"{error['code']} {error.get('name')}", str(error.get("message")))
    return None


def _message_of(packet: bytes) -> str:
    try:
        return str(orjson.loads(packet)["message"])
    except (ValueError, KeyError, TypeError):
        return packet[:80].decode(errors="replace")
