"""Those who come at once: each has its turn."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator

import pytest

from stonechat.core.application import Application
from stonechat.core.http_protocol import newcomers
from stonechat.core.server import Server
from stonechat.core.testing import serving
from stonechat.core.transports.rest import rest
from tests.support.waiting import until

MANY = 100
REQUEST = b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n"


class Site:
    def __init__(self, app: Application, url: str) -> None:
        assert isinstance(app.server, Server)
        self.server = app.server
        host, port = url.removeprefix("http://").split(":")
        self.address = (host, int(port))

    def enter(self, said: bytes) -> socket.socket:
        """Without a turn of the event loop, so that all who do are there at once."""
        client = socket.create_connection(self.address)
        client.sendall(said)
        client.setblocking(False)
        return client


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    app = Application().configure(rest())
    async with serving(app) as url:
        yield Site(app, url)


async def answer(client: socket.socket) -> bytes:
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(sock=client)
        head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        return head


async def test_all_who_come_at_once_are_answered(site: Site) -> None:
    clients = [site.enter(REQUEST) for _ in range(MANY)]
    answers = await asyncio.gather(*[answer(client) for client in clients])
    assert {head[:12] for head in answers} == {b"HTTP/1.1 404"}


async def test_who_says_more_before_its_turn_is_heard_in_order(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = newcomers.of(asyncio.get_running_loop())
    monkeypatch.setattr(turns, "_at_once", 1)
    before = [site.enter(REQUEST) for _ in range(20)]
    client = site.enter(REQUEST[:10])
    await asyncio.sleep(0)
    for byte in REQUEST[10:]:
        await asyncio.get_running_loop().sock_sendall(client, bytes([byte]))
    assert (await answer(client)).startswith(b"HTTP/1.1 404")
    for other in before:
        assert (await answer(other)).startswith(b"HTTP/1.1 404")


async def test_who_leaves_before_its_turn_is_forgotten(site: Site) -> None:
    for _ in range(MANY):
        client = site.enter(REQUEST)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()  # with a reset
    last = site.enter(REQUEST)
    assert (await answer(last)).startswith(b"HTTP/1.1 404")
    await until(lambda: not site.server.server_state.connections)
