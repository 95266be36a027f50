"""Websockets of an application's own, as ASGI has them."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from stonechat.core.application import Application
from stonechat.core.testing import serving
from stonechat.core.transports.rest import rest
from stonechat.core.transports.web import web
from tests.support.waiting import until

left: list[int] = []


async def echo(websocket: WebSocket) -> None:
    await websocket.accept(subprotocol="chat", headers=[(b"x-room", b"7")])
    try:
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                left.append(message["code"])
                return
            if message.get("text") == "leave":
                await websocket.close(4001, "so be it " * 30)
                return
            if message.get("text") is not None:
                await websocket.send_text(f"{message['text']} {websocket.query_params['name']}")
            else:
                await websocket.send_bytes(message["bytes"])
    except WebSocketDisconnect:
        left.append(0)


async def deny(websocket: WebSocket) -> None:
    await websocket.send_denial_response(PlainTextResponse("too many", 429, {"Retry-After": "7"}))


async def close(websocket: WebSocket) -> None:
    await websocket.close()


async def fail(websocket: WebSocket) -> None:
    if "late" in websocket.query_params:
        await websocket.accept()
    raise ZeroDivisionError


async def ignore(websocket: WebSocket) -> None:
    """Answers nothing at all."""


async def flood(websocket: WebSocket) -> None:
    await websocket.accept()
    try:
        while True:
            await websocket.send_bytes(b"x" * 100_000)
            left.append(1)
    except WebSocketDisconnect:
        left.append(0)


@pytest.fixture(scope="module")
async def url() -> AsyncIterator[str]:
    app = Application().configure(rest())
    for endpoint in (echo, deny, close, fail, ignore, flood):
        web(app).routes.append(WebSocketRoute(f"/{endpoint.__name__}", endpoint))
    async with serving(app) as address:
        yield address.replace("http", "ws", 1)


@pytest.fixture
async def client(url: str) -> AsyncIterator[ClientConnection]:
    left.clear()
    protocols = [Subprotocol("other"), Subprotocol("chat")]
    async with connect(f"{url}/echo?name=ada%20l", proxy=None, subprotocols=protocols) as client:
        yield client


async def test_texts_and_bytes_of_any_size_go_both_ways(client: ClientConnection) -> None:
    for text in ("hello", "", "é" * 100, "a" * 60_000):
        await client.send(text)
        assert await client.recv() == f"{text} ada l"
    for data in (b"", b"\x00\xff" * 300):
        await client.send(data)
        assert await client.recv() == data


async def test_what_the_application_accepts_with_is_told(client: ClientConnection) -> None:
    assert client.subprotocol == "chat"
    assert client.response is not None
    assert client.response.headers["x-room"] == "7"


async def test_messages_may_come_faster_than_they_are_read(client: ClientConnection) -> None:
    await asyncio.gather(*[client.send(str(number)) for number in range(200)])
    assert [await client.recv() for _ in range(200)] == [f"{number} ada l" for number in range(200)]


async def test_the_application_closes_with_a_code_and_as_much_of_a_reason_as_fits(
    client: ClientConnection,
) -> None:
    await client.send("leave")
    with pytest.raises(ConnectionClosed):
        await client.recv()
    assert (client.close_code, client.close_reason) == (4001, ("so be it " * 30)[:123])


async def test_the_application_hears_that_the_client_has_left(client: ClientConnection) -> None:
    await client.close()
    await until(lambda: left == [1005])


async def test_the_application_hears_that_the_client_is_gone(client: ClientConnection) -> None:
    client.transport.abort()
    await until(lambda: left == [1005])


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [("deny", 429, b"too many"), ("close", 403, b""), ("fail", 500, b""), ("ignore", 500, b"")],
)
async def test_what_is_not_accepted_is_answered(url: str, path: str, status: int, body: bytes) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"{url}/{path}", proxy=None):
            pass
    assert (refused.value.response.status_code, refused.value.response.body) == (status, body)
    if path == "deny":
        assert refused.value.response.headers["retry-after"] == "7"


async def test_an_application_that_fails_later_ends_the_websocket(url: str) -> None:
    async with connect(f"{url}/fail?late", proxy=None) as client, asyncio.timeout(10):
        with pytest.raises(ConnectionClosed):
            await client.recv()
    assert client.close_code == 1011


async def test_an_application_waits_for_who_reads_slowly_and_hears_that_it_is_gone(url: str) -> None:
    left.clear()
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.setblocking(False)
    host, port = url.removeprefix("ws://").split(":")
    await asyncio.get_running_loop().sock_connect(raw, (host, int(port)))
    async with connect(f"{url}/flood", sock=raw, proxy=None, max_queue=1) as client:
        await client.recv()
        client.transport.pause_reading()
        sent = -1
        while sent != len(left):
            sent = len(left)
            for _ in range(50):
                await asyncio.sleep(0.002)
        assert sent < 200
        client.transport.abort()
        await until(lambda: left[-1] == 0)
