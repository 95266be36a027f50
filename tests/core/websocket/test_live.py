"""The websocket protocol by its frames: however they are cut, joined and mixed, calls are answered."""

import asyncio
import base64
import os
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

import pytest

from stonechat.core.application import Receive, Scope, Send
from stonechat.core.websocket import DIRECT, live, text_frame
from tests.support.live import Demo, serve_demo
from tests.support.waiting import until
from tests.support.wire import Polling, Wire

MASK = b"\x01\x02\x03\x04"
TEXT, CONTINUATION, BINARY, CLOSE, PING, PONG = 0x1, 0x0, 0x2, 0x8, 0x9, 0xA
MAX_MESSAGE = 65_536
LIMIT = 65_536  # of what a stream reads ahead


def frame(payload: bytes, opcode: int = TEXT, *, fin: bool = True, masked: bool = True) -> bytes:
    """As a client sends it."""
    head = bytes([opcode | (0x80 if fin else 0)])
    size, flag = len(payload), 0x80 if masked else 0
    if size < 126:
        head += bytes([size | flag])
    elif size < 65_536:
        head += bytes([126 | flag]) + size.to_bytes(2)
    else:
        head += bytes([127 | flag]) + size.to_bytes(8)
    if not masked:
        return head + payload
    return head + MASK + bytes(byte ^ MASK[at % 4] for at, byte in enumerate(payload))


class Raw:
    """A websocket whose frames are written and read by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, *, early: bytes = b"", buffers: int | None = None) -> AsyncGenerator[Self]:
        """`early` is sent together with the handshake, `buffers` is how many bytes wait to be read here."""
        host, port = url.removeprefix("http://").split(":")
        connection = socket.socket()
        if buffers is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffers)
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, (host, int(port)))
        reader, writer = await asyncio.open_connection(sock=connection, limit=buffers or LIMIT)
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write(
            f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
            + early
        )
        await reader.readuntil(b"\r\n\r\n")
        raw = cls(reader, writer)
        try:
            assert (await raw.next())[1].startswith(b"0")
            if not early:
                raw.writer.write(frame(b"40"))
            assert (await raw.text()).startswith("40")
            yield raw
        finally:
            writer.close()

    async def next(self) -> tuple[int, bytes]:
        async with asyncio.timeout(10):
            head = await self.reader.readexactly(2)
            size = head[1]
            if size == 126:
                size = int.from_bytes(await self.reader.readexactly(2))
            elif size == 127:
                size = int.from_bytes(await self.reader.readexactly(8))
            return head[0] & 0x0F, await self.reader.readexactly(size)

    async def text(self) -> str:
        while True:
            opcode, payload = await self.next()
            if opcode == TEXT and payload != b"2":
                return payload.decode()

    async def answer(self, ack: int) -> str:
        while True:
            text = await self.text()
            if text.startswith(f"43{ack}["):
                return text

    async def close_code(self) -> int:
        while True:
            opcode, payload = await self.next()
            if opcode == CLOSE:
                return int.from_bytes(payload[:2])


def get(ack: int, id: str = "a") -> bytes:
    return f'42{ack}["get","echo","{id}"]'.encode()


@pytest.fixture(scope="module")
async def demo() -> AsyncIterator[Demo]:
    async with serve_demo() as demo:
        yield demo


@pytest.fixture
async def raw(demo: Demo) -> AsyncIterator[Raw]:
    async with Raw.open(demo.url) as raw:
        yield raw


async def test_a_frame_may_arrive_byte_by_byte(raw: Raw) -> None:
    for byte in frame(get(1, "x" * 300)):
        raw.writer.write(bytes([byte]))
        await raw.writer.drain()
        await asyncio.sleep(0)
    assert '"x' in await raw.answer(1)


async def test_a_client_need_not_wait_for_the_answer_to_its_handshake(demo: Demo) -> None:
    half = frame(get(1))
    async with Raw.open(demo.url, early=frame(b"40") + half[:9]) as raw:
        raw.writer.write(half[9:])
        assert '"a"' in await raw.answer(1)


async def test_who_says_goodbye_and_reads_nothing_more_is_hung_up_on(
    demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "GOODBYE_SECONDS", 0.2)
    async with Raw.open(demo.url, buffers=4096) as raw:
        there = demo.sockets.open
        for ack in range(12):
            raw.writer.write(frame(get(ack, "x" * 60_000)))
        await raw.writer.drain()
        await until(lambda: demo.sockets.queued[1] > 100_000)
        raw.writer.write(frame((1000).to_bytes(2), CLOSE))
        await until(lambda: demo.sockets.open == there - 1)


async def test_many_frames_may_arrive_at_once(raw: Raw) -> None:
    raw.writer.write(b"".join(frame(get(number)) for number in range(50)))
    for number in range(50):
        await raw.answer(number)


@pytest.mark.parametrize("cut", [1, 2, 3, 5, 8, 13, 40])
async def test_a_frame_may_come_with_half_of_the_next(raw: Raw, cut: int) -> None:
    both = frame(get(1, "x" * 200)) + frame(get(2))
    size = len(frame(get(1, "x" * 200)))
    raw.writer.write(both[: size + cut])
    await raw.answer(1)
    raw.writer.write(both[size + cut :])
    await raw.answer(2)


async def test_a_message_may_come_in_fragments_with_a_ping_among_them(raw: Raw) -> None:
    text = get(7, "y" * 50)
    raw.writer.write(frame(text[:10], fin=False))
    raw.writer.write(frame(b"still there?", PING))
    raw.writer.write(frame(text[10:30], CONTINUATION, fin=False))
    raw.writer.write(frame(text[30:], CONTINUATION) + frame(get(8)))
    assert await raw.next() == (PONG, b"still there?")
    assert "y" * 50 in await raw.answer(7)
    await raw.answer(8)


async def test_a_text_within_a_message_in_fragments_breaks_the_protocol(raw: Raw) -> None:
    raw.writer.write(frame(b"42", fin=False) + frame(get(1)))
    assert await raw.close_code() == 1002


async def test_a_frame_that_is_not_masked_breaks_the_protocol(raw: Raw) -> None:
    raw.writer.write(frame(get(1), masked=False))
    assert await raw.close_code() == 1002


async def test_a_frame_that_says_it_is_too_long_is_refused_before_it_has_come(raw: Raw) -> None:
    raw.writer.write(frame(b"4" * (MAX_MESSAGE * 20))[:20])
    assert await raw.close_code() == 1009


async def test_text_that_is_not_utf8_is_refused(raw: Raw) -> None:
    raw.writer.write(frame(b'42["\xff\xfe"]'))
    assert await raw.close_code() == 1007


async def test_a_close_is_answered_and_nothing_behind_it_is_called(raw: Raw, demo: Demo) -> None:
    before = len(demo.slow.asked)
    raw.writer.write(frame((1000).to_bytes(2), CLOSE) + frame(b'421["find","slow",{"n":1}]'))
    assert await raw.close_code() == 1000
    await until(raw.reader.at_eof)
    assert len(demo.slow.asked) == before


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_a_frame_for_a_client_tells_its_size(size: int) -> None:
    built = text_frame(b"x" * size)
    head = built[: len(built) - size]
    expected = {2: head[1], 4: int.from_bytes(head[2:4]), 10: int.from_bytes(head[2:10])}[len(head)]
    assert (head[0], expected) == (0x81, size)


@pytest.fixture
async def plain() -> AsyncIterator[Demo]:
    """Behind a server that offers no shorter way than ASGI."""
    async with serve_demo() as demo:
        inner = demo.app.asgi
        assert inner is not None

        async def asgi(scope: Scope, receive: Receive, send: Send) -> None:
            scope.get("extensions", {}).pop(DIRECT, None)
            await inner(scope, receive, send)

        demo.app.asgi = asgi
        yield demo


async def test_any_asgi_server_will_do(plain: Demo) -> None:
    async with Wire.open(plain.url) as wire:
        assert (await wire.call("get", "echo", "a"))[1] == {"id": "a", "query": {}}
        assert await wire.call("create", "notes", {"text": "hello"}, {})
        (note,) = await wire.event("notes created")
        assert note["text"] == "hello"
    await until(lambda: len(plain.gone) == 1)


async def test_any_asgi_server_will_do_for_polling(plain: Demo) -> None:
    async with Polling.open(plain.url) as client:
        await client.connect()
        assert len(plain.server.roster.by_connection) == 1
