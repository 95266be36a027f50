from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

import aiohttp
import pytest
import socketio
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from stonechat.core.adapters.memory import MemoryService
from stonechat.core.application import Application
from stonechat.core.encoding import decode
from stonechat.core.errors import TooManyRequests
from stonechat.core.server import Server, bind, config, running
from stonechat.core.transports.arrivals import RETRY_SECONDS, Arrivals
from stonechat.core.transports.realtime import Sockets, realtime
from stonechat.core.transports.rest import rest
from stonechat.settings import Settings
from tests.support.live import Demo, serve_demo
from tests.support.waiting import until
from tests.support.wire import Polling, Wire


class Refusal(NamedTuple):
    status: int
    seconds: int
    message: str


def socket_url(url: str, transport: str) -> str:
    return f"{url}/socket.io/?EIO=4&transport={transport}"


def sockets_of(demo: Demo) -> Sockets:
    assert isinstance(demo.app.realtime, Sockets)
    return demo.app.realtime


async def refused_websocket(url: str, **headers: str) -> Refusal:
    with pytest.raises(InvalidStatus) as refused:
        await connect(
            socket_url(url, "websocket").replace("http", "ws", 1), additional_headers=headers, proxy=None
        )
    answer = refused.value.response
    return Refusal(
        answer.status_code, int(answer.headers["Retry-After"]), decode(bytes(answer.body or b""))["message"]
    )


async def refused_polling(url: str) -> Refusal:
    async with aiohttp.ClientSession() as http, http.get(socket_url(url, "polling")) as answer:
        message = (await answer.json())["message"]
        return Refusal(answer.status, int(answer.headers["Retry-After"]), message)


async def test_an_address_opens_so_many_sockets_within_a_minute() -> None:
    async with serve_demo(connects_per_minute=3) as demo, Wire.open(demo.url) as other:
        async with Wire.open(demo.url):
            pass
        async with Polling.open(demo.url) as polling:
            await polling.connect()
            for refusal in (await refused_websocket(demo.url), await refused_polling(demo.url)):
                assert (refusal.status, refusal.message) == (
                    429,
                    "This address has opened too many sockets lately",
                )
                assert 50 < refusal.seconds <= 60
            assert sockets_of(demo).refused == 2
            # Who is there already is not disturbed, over either transport.
            assert await polling.post('421["create","notes",{"text":"a"}]') == 200
            assert (await other.event("notes created"))[0]["text"] == "a"
            assert any(packet.startswith("431[null") for packet in await polling.get())
            assert (await other.call("find", "notes"))[0] is None


async def test_the_upgrade_of_a_session_is_no_new_socket() -> None:
    async with serve_demo(connects_per_minute=1, max_per_address=1) as demo:
        client = socketio.AsyncClient(reconnection=False)
        await client.connect(demo.url)
        assert client.transport() == "websocket"
        assert await client.call("get", ("echo", "1")) == (None, {"id": "1", "query": {}})
        assert (await refused_websocket(demo.url)).status == 429
        await client.disconnect()


async def test_an_address_has_so_many_sockets_at_once() -> None:
    async with serve_demo(max_per_address=2) as demo, Wire.open(demo.url) as first:
        arrivals = sockets_of(demo).arrivals

        async def alone() -> None:
            await until(lambda: arrivals.open.total() == 1)

        async with Wire.open(demo.url):
            for refusal in (await refused_websocket(demo.url), await refused_polling(demo.url)):
                assert refusal == (429, RETRY_SECONDS, "Too many sockets of this address are open")
        await alone()
        async with Polling.open(demo.url) as polling:
            assert (await refused_websocket(demo.url)).status == 429
            await polling.post("1")
        await alone()
        async with Wire.open(demo.url, login=False) as refused:
            with pytest.raises(PermissionError):
                await refused.connect({"token": "nonsense"})
            await refused.wait_closed()
        await alone()
        async with Wire.open(demo.url) as lost:
            lost.websocket.transport.abort()
            await alone()
        async with Wire.open(demo.url):
            assert (await first.call("find", "notes"))[0] is None


async def test_what_is_counted_is_forgotten_with_the_sockets() -> None:
    arrivals = Arrivals(at_once=2)
    for number in range(1000):
        address = f"192.0.2.{number % 250}"
        await arrivals.admit(address)
        arrivals.opened(str(number), address)
        arrivals.opened(f"{number} b", "2001:db8::1")
        for session in (str(number), f"{number} b", "another"):
            arrivals.closed(session)
            arrivals.closed(session)
    assert arrivals.open == {}


async def test_a_client_that_comes_back_is_let_in_when_there_is_room() -> None:
    async with serve_demo(max_per_address=1) as demo:
        client = socketio.AsyncClient(reconnection_delay=0.05, reconnection_delay_max=0.1)
        async with Wire.open(demo.url):
            trying = asyncio.create_task(client.connect(demo.url, transports=["websocket"], retry=True))
            await until(lambda: sockets_of(demo).refused >= 2)
        async with asyncio.timeout(10):
            await trying
        assert await client.call("get", ("echo", "1")) == (None, {"id": "1", "query": {}})
        await client.disconnect()


async def test_the_addresses_of_a_network_of_ipv6_count_together() -> None:
    arrivals = Arrivals(per_minute=2)
    await arrivals.admit("2001:db8::1")
    await arrivals.admit("2001:db8::2")
    with pytest.raises(TooManyRequests):
        await arrivals.admit("2001:db8:0:0:ffff::3")
    await arrivals.admit("2001:db8:0:1::1")
    await arrivals.admit("::ffff:192.0.2.1")
    await arrivals.admit("192.0.2.1")
    with pytest.raises(TooManyRequests):
        await arrivals.admit("192.0.2.1")


async def test_without_an_address_or_a_limit_nobody_is_refused() -> None:
    limited, unlimited = Arrivals(per_minute=1, at_once=1), Arrivals()
    for number in range(100):
        await limited.admit(None)
        limited.opened(str(number), None)
        await unlimited.admit("192.0.2.1")
        unlimited.opened(str(number), "192.0.2.1")
    assert limited.refused == unlimited.refused == 0


async def test_a_school_of_3000_behind_one_address_comes_back_at_once() -> None:
    sockets = Settings().sockets
    arrivals = Arrivals(sockets.connects_per_minute, sockets.max_per_address)
    for number in range(3000):
        await arrivals.admit("192.0.2.1")
        arrivals.opened(str(number), "192.0.2.1")
    assert arrivals.refused == 0


@asynccontextmanager
async def behind_proxy(*trusted: str) -> AsyncGenerator[str]:
    app = Application()
    app.configure(rest()).configure(realtime(connects_per_minute=1))
    app.use("notes", MemoryService())
    async with running(
        app, bind("127.0.0.1", 0), Server(config(app, trusted_proxies=trusted, loop="asyncio"))
    ) as (url, _):
        yield url


async def test_behind_a_trusted_proxy_each_address_counts_by_itself() -> None:
    async with behind_proxy("127.0.0.1") as url, AsyncExitStack() as sockets:
        for client in ("203.0.113.1", "203.0.113.2"):
            await sockets.enter_async_context(Wire.open(url, headers={"X-Forwarded-For": client}))
        for forged in ("203.0.113.1", "203.0.113.9, 203.0.113.1"):
            assert (await refused_websocket(url, **{"X-Forwarded-For": forged})).status == 429


async def test_nobody_else_is_believed_about_addresses() -> None:
    async with behind_proxy() as url, Wire.open(url, headers={"X-Forwarded-For": "203.0.113.1"}):
        assert (await refused_websocket(url, **{"X-Forwarded-For": "203.0.113.2"})).status == 429
