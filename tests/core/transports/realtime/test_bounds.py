"""What one client may make the server keep, and that nobody else feels it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.frames import Frame, Opcode

from stonechat.core.encoding import decode
from stonechat.core.transports.realtime import driver, reception
from tests.support.live import Demo, serve_demo
from tests.support.waiting import until
from tests.support.wire import Polling, Wire


@pytest.fixture(scope="module")
async def shared() -> AsyncIterator[Demo]:
    async with serve_demo() as demo:
        yield demo


@pytest.fixture
async def other(demo: Demo) -> AsyncIterator[Wire]:
    """Somebody else, who is served as ever in the end."""
    async with Wire.open(demo.url) as wire:
        demo.connections.clear()
        yield wire
        assert (await wire.call("create", "notes", {"text": "still there"}))[0] is None
        assert (await wire.event("notes created"))[0]["text"] == "still there"


def upgrade_url(polling: Polling) -> str:
    return polling.location.replace("http", "ws", 1).replace("=polling", "=websocket")


async def test_a_session_upgrades_once_at_a_time(demo: Demo, other: Wire) -> None:
    async with Polling.open(demo.url) as polling:
        await polling.connect()
        async with connect(upgrade_url(polling), proxy=None) as first:
            await first.send("2probe")
            assert await first.recv() == "3probe"
            for _ in range(3):
                async with connect(upgrade_url(polling), proxy=None) as second:
                    async with asyncio.timeout(10):
                        await second.wait_closed()
            await first.send("5")
            await first.send('421["get","echo",1]')
            # What answers the poll that is to end goes over the websocket if there is none.
            assert [await first.recv(), await first.recv()] == ["6", '431[null,{"id":1,"query":{}}]']


@pytest.mark.parametrize("said", [[], ["2probe"], ["2probe", "4"], ["5"]], ids=str)
async def test_who_does_not_finish_an_upgrade_goes_on_polling(
    demo: Demo, other: Wire, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    monkeypatch.setattr(driver, "UPGRADE_SECONDS", 0.2)
    async with Polling.open(demo.url) as polling:
        await polling.connect()
        async with connect(upgrade_url(polling), proxy=None) as websocket:
            for packet in said:
                await websocket.send(packet)
            async with asyncio.timeout(10):
                await websocket.wait_closed()
        assert await polling.post('421["get","echo",1]') == 200
        assert (await polling.get())[-1] == '431[null,{"id":1,"query":{}}]'


@pytest.mark.parametrize("packet", ["5", "40/other,", "40", "41/other,", "3"])
async def test_answers_that_a_polling_client_does_not_fetch_do_not_pile_up(
    demo: Demo, other: Wire, packet: str
) -> None:
    async with Polling.open(demo.url) as polling:
        await polling.connect()
        (session,) = [one for one in demo.server.eio.sockets.values() if not one.upgraded]
        for _ in range(3):
            assert await polling.post(*[packet] * 1000) == 200
        assert session.queue.qsize() <= reception.MAX_REFUSALS
        await polling.post('421["get","echo",1]')
        assert '431[null,{"id":1,"query":{}}]' in await polling.get()
        await polling.post("40/other,")
        assert await polling.get() == ['44/other,{"message":"Invalid namespace"}']


async def stall(demo: Demo, client: ClientConnection) -> Any:
    """Connect and stop reading, until the server has something left that it cannot write; the session."""
    opened = decode(str(await client.recv())[1:])
    await client.send("40")
    await client.recv()
    client.transport.pause_reading()
    session = demo.server.eio.sockets[opened["sid"]]
    assert demo.app.realtime is not None
    while session.queue.buffered < 100_000:
        demo.app.realtime.send(demo.connections, "news", {"text": "a" * 60_000})
        await asyncio.sleep(0)
    return session


@pytest.mark.parametrize("kind", ["pings", "namespaces"])
async def test_answers_that_a_websocket_does_not_read_do_not_pile_up(
    demo: Demo, other: Wire, kind: str
) -> None:
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.setblocking(False)
    port = int(demo.url.rpartition(":")[2])
    await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", port))
    location = f"{demo.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket"
    async with connect(location, sock=raw, proxy=None, ping_interval=None, close_timeout=0.1) as client:
        session = await stall(demo, client)
        before = session.queue.buffered
        for _ in range(2000):
            if kind == "pings":
                client.transport.write(Frame(Opcode.PING, b"a" * 125).serialize(mask=True))
            else:
                await client.send("40/" + "a" * 1000 + ",")
        await client.send('42["create","notes",{"text":"the last"}]')
        while (await other.event("notes created"))[0]["text"] != "the last":
            pass
        assert (session.queue.buffered <= before + 20_000, session.closed) == (True, False)
        client.transport.abort()


def pieces(text: str, empty: int) -> Iterator[str]:
    yield text[:5]
    for _ in range(empty):
        yield ""
    yield text[5:]


async def test_a_message_in_any_number_of_fragments_is_one(demo: Demo, other: Wire) -> None:
    async with Wire.open(demo.url) as wire:
        await wire.websocket.send(pieces('421["create","echo",{"text":"a"}]', 2000))
        assert decode((await wire.packet("431["))[3:])[1]["data"] == {"text": "a"}


async def test_a_message_in_fragments_is_no_longer_than_a_whole_one(demo: Demo, other: Wire) -> None:
    async with Wire.open(demo.url) as wire:
        await wire.websocket.send(["a" * 30_000] * 3)
        await wire.wait_closed()
        assert wire.websocket.close_code == 1009


def nested(depth: int) -> str:
    return '{"a":' * depth + "1" + "}" * depth


@pytest.mark.parametrize("depth", [100, 300, 3000])
@pytest.mark.parametrize(
    "call",
    [
        '["create","notes",%s]',
        '["wave","echo",%s]',
        '["create","echo",%s]',
        '["find","notes",%s]',
        '["x",%s]',
    ],
)
async def test_what_is_nested_deeply_is_answered_and_never_breaks(
    shared: Demo, call: str, depth: int
) -> None:
    async with Wire.open(shared.url) as wire:
        await wire.send("427" + call % nested(depth))
        answer = decode((await wire.packet("437["))[3:])
        errors = [answer[0]] if answer[0] is not None else []
        assert [error["code"] for error in errors] in ([], [400], [405])
        assert (await wire.call("get", "echo", 1))[0] is None


async def test_so_many_calls_of_a_socket_wait_and_more_are_refused() -> None:
    async with serve_demo(max_pending=3) as demo, Wire.open(demo.url) as other, Wire.open(demo.url) as wire:
        acks = [await wire.start("find", "slow", {"n": 0})]
        await until(lambda: demo.slow.asked == [0])
        acks += [await wire.start("find", "slow", {"n": number}) for number in range(1, 6)]
        for ack in acks[4:]:
            (error,) = decode((await wire.packet(ack))[3:])
            assert (error["className"], error["data"]) == ("too-many-requests", {"limit": 3})
        assert (await other.call("find", "notes"))[0] is None
        demo.slow.go.set()
        answered = [decode((await wire.packet(ack))[3:]) for ack in acks[:4]]
        assert answered == [[None, [number]] for number in range(4)]
        assert (await wire.call("find", "slow", {"n": 9})) == [None, [9]]


async def test_a_polling_session_that_is_over_is_forgotten(demo: Demo, other: Wire) -> None:
    for _ in range(3):
        async with Polling.open(demo.url) as polling:
            await polling.connect()
            assert await polling.post("1") == 200
    demo.server.departures.sweep()
    assert len(demo.server.eio.sockets) == 1
