"""A request that does not come to its end is not read for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest

from stonechat.core import http_protocol
from stonechat.core.http_protocol import MAX_HEAD
from tests.support.live import Demo, serve_demo
from tests.support.wire import Wire

PIECE = 10_000
START = b"GET /notes HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = (
    b"POST /notes HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


@pytest.fixture(scope="module")
async def demo() -> AsyncIterator[Demo]:
    async with serve_demo() as demo:
        yield demo


@asynccontextmanager
async def raw(demo: Demo) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(demo.url.rpartition(":")[2]))
    try:
        yield reader, writer
    finally:
        writer.close()


async def is_ended(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, piece: bytes) -> bool:
    """Whether the server hangs up on who sends a hundred times as much as it takes."""
    try:
        async with asyncio.timeout(10):
            for _ in range(0, 100 * MAX_HEAD, len(piece)):
                writer.write(piece)
                await writer.drain()
            return await reader.read() == b""
    except ConnectionError:
        return True


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (START + b"X-Long: ", b"a" * PIECE),
        (START, b"X-Short: b\r\n" * (PIECE // 12)),
        (START, b"X" * PIECE),
        (b"GET /notes?", b"a" * PIECE),
        (b"", b"\r\n" * (PIECE // 2)),
        (CHUNKED + b"1\r\n{\r\n0\r\nX-Long: ", b"a" * PIECE),
        (CHUNKED + b"1\r\n{\r\n0\r\n", b"X-Short: b\r\n" * (PIECE // 12)),
        (CHUNKED + b"1;", b"a" * PIECE),
    ],
    ids=["value", "headers", "name", "address", "nothing", "trailer", "trailers", "extension"],
)
async def test_what_has_no_end_is_not_read_for_ever_and_nobody_else_feels_it(
    demo: Demo, start: bytes, piece: bytes
) -> None:
    async with Wire.open(demo.url) as other, raw(demo) as (reader, writer):
        writer.write(start)
        assert await is_ended(reader, writer, piece)
        assert (await other.call("find", "notes"))[0] is None


async def status(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(10):
        return (await reader.readline()).split()[1]


@pytest.mark.parametrize(("more", "expected"), [(-500, b"401"), (500, b"431")])
async def test_a_head_may_be_so_long(demo: Demo, more: int, expected: bytes) -> None:
    async with raw(demo) as (reader, writer):
        for piece in (START + b"X-Long: ", b"a" * (MAX_HEAD - 1000), b"a" * (1000 + more)):
            writer.write(piece)
            await writer.drain()
        if more < 0:
            writer.write(b"\r\nAccept: text/event-stream\r\n\r\n")
        assert await status(reader) == expected


async def test_many_requests_and_long_bodies_are_read_in_any_number_of_pieces(demo: Demo) -> None:
    async with raw(demo) as (reader, writer):
        for _ in range(3):
            writer.write(CHUNKED)
            writer.write(b'9\r\n{"text":"\r\n')
            for _ in range(20):
                writer.write(b"2710\r\n" + b"a" * PIECE + b"\r\n")
                await writer.drain()
            writer.write(b'2\r\n"}\r\n0\r\n\r\n')
            assert await status(reader) == b"201"
            size = 0
            while (line := await reader.readline()).strip():
                if line.lower().startswith(b"content-length:"):
                    size = int(line.split(b":")[1])
            await reader.readexactly(size)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "PATIENCE_SECONDS", 0.2)


WHOLE = b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(
    ("start", "drop", "answer"),
    [
        (b"", b"", b""),
        (START, b"", b"408"),
        (START, b"X", b"408"),
        (b"\r\n", b"\r\n", b"408"),
        (CHUNKED, b"", b""),
        (CHUNKED + b"2\r\n{", b"", b""),
        (CHUNKED + b"1\r\n{\r\n0\r\nX", b"X", b""),
    ],
    ids=["silent", "head", "slow head", "nothing", "no body", "body", "slow trailer"],
)
async def test_who_does_not_finish_a_request_is_hung_up_on(
    demo: Demo, start: bytes, drop: bytes, answer: bytes
) -> None:
    async with Wire.open(demo.url) as other, raw(demo) as (reader, writer):
        writer.write(start)

        async def trickle() -> None:
            while True:
                writer.write(drop)
                await asyncio.sleep(0.05)

        async with asyncio.timeout(10):
            trickling = asyncio.create_task(trickle())
            said = await reader.read()
            trickling.cancel()
        assert said.split()[1:2] == ([answer] if answer else [])
        assert (await other.call("find", "notes"))[0] is None


@pytest.mark.usefixtures("hurried")
async def test_who_waits_for_an_answer_is_not_hung_up_on(demo: Demo) -> None:
    async with raw(demo) as (reader, writer), raw(demo) as (silent, _):
        writer.write(WHOLE)
        async with asyncio.timeout(10):
            assert await silent.read() == b""
        demo.slow.go.set()
        assert await status(reader) == b"200"
