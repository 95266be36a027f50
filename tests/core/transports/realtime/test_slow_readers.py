import asyncio
import socket

import pytest
from websockets.asyncio.client import connect

from stonechat.core.encoding import decode
from stonechat.core.transports.realtime import driver, queue, server
from stonechat.core.transports.realtime.client import Frame
from stonechat.core.transports.realtime.queue import Outlet, SendQueue
from tests.support.live import Demo
from tests.support.waiting import until
from tests.support.wire import Polling, Wire


class Session:
    def __init__(self) -> None:
        self.queue = SendQueue()
        self.closed = False


def test_an_outlet_takes_so_many_frames() -> None:
    session = Session()
    outlet = Outlet(session)
    frame = Frame(b"2[]")
    assert all(outlet.put(frame) for _ in range(queue.MAX_QUEUED))
    assert not outlet.put(frame)
    session.queue.get_nowait()
    assert outlet.put(frame)


def test_an_outlet_takes_so_many_characters() -> None:
    session = Session()
    outlet = Outlet(session)
    frame = Frame(b"2" + b"a" * (queue.MAX_QUEUED_SIZE // 2 - 1))
    assert outlet.put(frame)
    assert outlet.put(frame)
    assert not outlet.put(Frame(b"2[]"))
    session.queue.get_nowait()
    assert session.queue.size == queue.MAX_QUEUED_SIZE // 2
    session.queue.put_nowait(None)
    assert outlet.put(Frame(b"2[]"))


def test_an_outlet_of_a_closed_session_takes_nothing() -> None:
    session = Session()
    session.closed = True
    assert not Outlet(session).put(Frame(b"2[]"))


async def stalled(demo: Demo) -> socket.socket:
    """A client that has connected and does not read any more."""
    loop = asyncio.get_running_loop()
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.setblocking(False)
    port = int(demo.url.rpartition(":")[2])
    await loop.sock_connect(raw, ("127.0.0.1", port))
    return raw


@pytest.mark.parametrize("what", ["events", "acknowledgements"])
async def test_a_client_that_does_not_read_is_dropped_and_nobody_else(
    demo: Demo, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(driver, "GOODBYE_SECONDS", 0.05)
    monkeypatch.setattr(queue, "MAX_QUEUED", 100)
    location = f"{demo.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket"
    raw = await stalled(demo)
    async with connect(
        location, sock=raw, proxy=None, ping_interval=None, close_timeout=0.1, max_queue=1
    ) as stalling:
        await stalling.send("40")
        await stalling.recv()
        await stalling.recv()
        stalling.transport.pause_reading()
        (slow,) = demo.connections
        async with Wire.open(demo.url) as reads:
            text = "a" * 60_000
            assert demo.app.realtime is not None
            async with asyncio.timeout(20):
                number = 0
                while slow not in demo.gone:
                    if what == "events":
                        demo.app.realtime.send(demo.connections, "news", {"text": text})
                        await reads.event("news")
                    else:
                        await stalling.send(f'42{number}["create","echo",{{"text":"{text}"}}]')
                        number += 1
                        await asyncio.sleep(0)
            assert demo.gone == [slow]
            await until(lambda: len(demo.server.eio.sockets) == 1)
            assert (await reads.call("find", "echo"))[0] is None
        stalling.transport.abort()


async def test_a_polling_client_that_does_not_ask_is_dropped(
    demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "GOODBYE_SECONDS", 0.05)
    monkeypatch.setattr(queue, "MAX_QUEUED", 10)
    async with Polling.open(demo.url) as client:
        await client.connect()
        assert demo.app.realtime is not None
        for number in range(11):
            demo.app.realtime.send(demo.connections, "news", {"n": number})
        assert demo.gone == demo.connections
        assert demo.server.sessions == {}
        await until(lambda: all(session.closed for session in demo.server.eio.sockets.values()))


async def test_a_client_that_reads_late_gets_everything_in_order(demo: Demo) -> None:
    async with Polling.open(demo.url) as client:
        await client.connect()
        assert demo.app.realtime is not None
        for number in range(1000):
            demo.app.realtime.send(demo.connections, "news", {"n": number})
        packets = await client.get()
        assert [decode(packet[2:])[1]["n"] for packet in packets] == list(range(1000))
