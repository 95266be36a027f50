"""The opening handshake by its bytes: what is answered, and what is refused how."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.live import Demo, serve_demo
from tests.support.waiting import until

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # of this key, in RFC 6455
USUAL = {
    "Host": "127.0.0.1",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Version": "13",
}


def request(
    *more: str, line: str = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1", **changes: str
) -> bytes:
    """``changes`` of the usual headers, by name with ``_``; an empty one is left out."""
    headers = {**USUAL, **{name.replace("_", "-"): value for name, value in changes.items()}}
    lines = [line, *(f"{name}: {value}" for name, value in headers.items() if value), *more]
    return "\r\n".join([*lines, "", ""]).encode()


@pytest.fixture(scope="module")
async def demo() -> AsyncIterator[Demo]:
    async with serve_demo() as demo:
        yield demo


async def ask(demo: Demo, *pieces: bytes) -> tuple[bytes, bytes]:
    """Head and body of the answer, of a body until the server closes."""
    host, port = demo.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        async with asyncio.timeout(10):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            head = await reader.readuntil(b"\r\n\r\n")
            return head, b"" if head.startswith(b"HTTP/1.1 101") else await reader.read()
    finally:
        writer.close()


async def test_the_answer_proves_that_the_key_was_read(demo: Demo) -> None:
    head, _ = await ask(demo, request())
    lines = head.decode().split("\r\n")
    assert lines[0] == "HTTP/1.1 101 Switching Protocols"
    assert {"Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Accept: {ACCEPT}"} < set(lines)
    assert sum(line.lower().startswith("date: ") for line in lines) == 1
    assert not [line for line in lines if line.startswith(("Sec-WebSocket-Protocol", "Sec-WebSocket-Ext"))]


async def test_behind_a_request_that_waits_for_its_answer_there_is_no_websocket(demo: Demo) -> None:
    host, port = demo.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    async with asyncio.timeout(10):
        writer.write(b"GET /echo/a HTTP/1.1\r\nHost: localhost\r\n\r\n" + request())
        assert b" 101 " not in await reader.read()
    writer.close()


@pytest.mark.parametrize(
    "changes",
    [
        {"Upgrade": "WebSocket"},
        {"Connection": "keep-alive, upgrade"},
        {"Sec_WebSocket_Extensions": "permessage-deflate; client_max_window_bits"},
        {"Sec_WebSocket_Protocol": "chat, superchat"},
        {"Content_Length": "0"},
    ],
    ids=str,
)
async def test_what_browsers_and_others_send_besides_is_no_hindrance(
    demo: Demo, changes: dict[str, str]
) -> None:
    head, _ = await ask(demo, request(**changes))
    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"Sec-WebSocket-Extensions" not in head
    assert b"Sec-WebSocket-Protocol" not in head


async def test_a_request_may_come_in_pieces(demo: Demo) -> None:
    whole = request()
    head, _ = await ask(demo, whole[:3], whole[3:40], whole[40:41], whole[41:])
    assert head.startswith(b"HTTP/1.1 101 ")


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (request(Sec_WebSocket_Key=""), "are required"),
        (request(Sec_WebSocket_Version=""), "are required"),
        (request(Sec_WebSocket_Key="c2hvcnQ="), "not 16 bytes"),
        (request(Sec_WebSocket_Key=KEY[:-1]), "not 16 bytes"),
        (request(Sec_WebSocket_Key="*" * 24), "not 16 bytes"),
        (request(f"Sec-WebSocket-Key: {KEY}"), "only once"),
        (request("Sec-WebSocket-Version: 13"), "only once"),
        (request("Upgrade: websocket"), "only once"),
        (request("Host: other"), "only once"),
        (request("Origin: https://a.example", Origin="https://b.example"), "only once"),
        (request(line="POST /socket.io/?EIO=4&transport=websocket HTTP/1.1"), "begins with a GET"),
        (request(line="GET /socket.io/?EIO=4&transport=websocket HTTP/1.0"), "begins with a GET"),
        (request(line=f"GET /socket.io/?EIO=4&transport=websocket&a={'a' * 9000} HTTP/1.1"), "too long"),
        (request(Cookie="a" * 9000), "too long"),
        (request(*(f"X-{number}: 1" for number in range(130))), "too long"),
        (request(Content_Length="5") + b"hello", "no body"),
        (request(Transfer_Encoding="chunked") + b"0\r\n\r\n", "no body"),
    ],
    ids=str,
)
async def test_what_is_no_handshake_is_refused(demo: Demo, asked: bytes, reason: str) -> None:
    head, body = await ask(demo, asked)
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert reason in body.decode()
    assert f"Content-Length: {len(body)}".encode() in head
    await until(lambda: not demo.server.eio.sockets)


async def test_another_version_is_told_which_one_there_is(demo: Demo) -> None:
    head, _ = await ask(demo, request(Sec_WebSocket_Version="8"))
    assert head.startswith(b"HTTP/1.1 426 Upgrade Required\r\n")
    assert b"sec-websocket-version: 13\r\n" in head


@pytest.mark.parametrize(
    "asked", [b"GET / nonsense\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"]
)
async def test_what_is_no_http_is_refused(demo: Demo, asked: bytes) -> None:
    head, _ = await ask(demo, asked)
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")


@pytest.mark.parametrize(
    "query",
    ["", "EIO=3&transport=websocket", "EIO=4&transport=carrier", "EIO=4", "EIO=4&transport=websocket&sid=x"],
)
async def test_a_session_that_engine_io_would_not_begin_is_refused(demo: Demo, query: str) -> None:
    head, _ = await ask(demo, request(line=f"GET /socket.io/?{query} HTTP/1.1"))
    assert head.startswith(b"HTTP/1.1 403 ")
    assert not demo.server.eio.sockets


async def test_there_are_no_websockets_elsewhere(demo: Demo) -> None:
    head, _ = await ask(demo, request(line="GET /elsewhere HTTP/1.1"))
    assert head.startswith(b"HTTP/1.1 403 ")
