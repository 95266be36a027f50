import asyncio
import socket

import pytest
from websockets.asyncio.client import connect

from stonechat.core.encoding import decode
from stonechat.core.transports.realtime import Sockets, departures, outlet
from stonechat.core.transports.realtime.client import Frame
from stonechat.core.transports.realtime.outlet import Bounds, Outlet
from stonechat.core.transports.realtime.queue import SendQueue
from stonechat.core.websocket import live
from tests.support.live import Demo
from tests.support.waiting import until
from tests.support.wire import Polling, Wire


class Session:
    def __init__(self) -> None:
        self.queue = SendQueue()
        self.closed = False


def outlet_of(session: Session, bounds: Bounds) -> Outlet:
    return Outlet(session, bounds)


def bounds_of(max_bytes: int, max_packets: int = 4096) -> Bounds:
    return Bounds(max_bytes, max_packets, on_stall=lambda session: None)


def test_an_outlet_takes_so_many_frames() -> None:
    session = Session()
    outlet = outlet_of(session, bounds_of(1_000_000, max_packets=10))
    frame = Frame(b"2[]")
    assert all(outlet.put(frame) for _ in range(10))
    assert not outlet.put(frame)
    session.queue.get_nowait()
    assert outlet.put(frame)


def test_an_outlet_takes_so_many_bytes() -> None:
    session = Session()
    outlet = outlet_of(session, bounds_of(100))
    frame = Frame(b"2" + b"a" * 49)
    assert outlet.put(frame)
    assert outlet.put(frame)
    assert not outlet.put(Frame(b"2[]"))
    session.queue.get_nowait()
    assert session.queue.buffered == 50
    session.queue.put_nowait(None)
    assert outlet.put(Frame(b"2[]"))


def test_what_is_ephemeral_makes_room_for_what_is_not() -> None:
    session = Session()
    bounds = bounds_of(100)
    outlet = outlet_of(session, bounds)
    ephemeral, lasting = Frame(b"2" + b"e" * 49, ephemeral=True), Frame(b"2" + b"a" * 49)
    assert outlet.put(ephemeral)
    assert outlet.put(lasting)
    assert outlet.put(ephemeral)
    assert (bounds.dropped, session.queue.qsize()) == (1, 2)
    assert outlet.put(lasting)
    assert (bounds.dropped, session.queue.qsize(), session.queue.buffered) == (2, 2, 100)
    assert not outlet.put(lasting)


def test_an_outlet_of_a_closed_session_takes_nothing() -> None:
    session = Session()
    session.closed = True
    assert not outlet_of(session, bounds_of(100)).put(Frame(b"2[]"))


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
    monkeypatch.setattr(live, "GOODBYE_SECONDS", 0.05)
    demo.server.bounds.max_packets = 100
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
    monkeypatch.setattr(departures, "GOODBYE_SECONDS", 0.05)
    demo.server.bounds.max_packets = 10
    async with Polling.open(demo.url) as client:
        await client.connect()
        assert demo.app.realtime is not None
        for number in range(11):
            demo.app.realtime.send(demo.connections, "news", {"n": number})
        assert demo.gone == demo.connections
        assert demo.server.roster.by_connection == {}
        await until(lambda: all(session.closed for session in demo.server.eio.sockets.values()))


async def test_a_client_that_reads_late_gets_everything_in_order(demo: Demo) -> None:
    async with Polling.open(demo.url) as client:
        await client.connect()
        assert demo.app.realtime is not None
        for number in range(1000):
            demo.app.realtime.send(demo.connections, "news", {"n": number})
        packets = await client.get()
        assert [decode(packet[2:])[1]["n"] for packet in packets] == list(range(1000))


async def test_who_was_cut_off_reads_last_that_it_is_to_resync_and_may_come_back(demo: Demo) -> None:
    async with Wire.open(demo.url) as wire:
        (slow,) = demo.connections
        wire.websocket.transport.pause_reading()
        assert demo.app.realtime is not None
        while slow not in demo.gone:
            demo.app.realtime.send([slow], "news", {"text": "a" * 60_000})
        assert isinstance(demo.app.realtime, Sockets)
        assert (demo.app.realtime.cut_off, demo.app.realtime.open) == (1, 0)
        wire.websocket.transport.resume_reading()
        await wire.wait_closed()
        events = [packet for packet in wire.packets if packet.startswith("42")]
        assert decode(events[-1][2:]) == ["resync", {"reason": "slow"}]
        assert "41" not in wire.packets  # upon which the official client would not come back
    async with Wire.open(demo.url) as again:
        assert (await again.call("find", "echo"))[0] is None


def test_who_stops_reading_is_gone_within_five_seconds() -> None:
    assert outlet.CHECK_SECONDS * outlet.STALLED_CHECKS < 5


async def test_who_stops_reading_is_cut_off_however_little_it_is_sent(
    demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outlet, "CHECK_SECONDS", 0.05)
    demo.server.bounds.max_bytes = 100_000_000
    async with Wire.open(demo.url) as wire:
        (slow,) = demo.connections
        wire.websocket.transport.pause_reading()
        assert isinstance(demo.app.realtime, Sockets)
        while demo.app.realtime.queued[0] < 1_000_000:
            demo.app.realtime.send([slow], "news", {"text": "a" * 60_000})
            await asyncio.sleep(0)
        await until(lambda: demo.gone == [slow])
        await until(lambda: not demo.server.eio.sockets)
        wire.websocket.transport.abort()


async def test_who_reads_slowly_but_reads_is_kept(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlet, "CHECK_SECONDS", 0.05)
    demo.server.bounds.max_bytes = 100_000_000
    async with Wire.open(demo.url) as wire:
        wire.websocket.transport.pause_reading()
        assert isinstance(demo.app.realtime, Sockets)
        number = 0
        while demo.app.realtime.queued[0] < 1_000_000:
            demo.app.realtime.send(demo.connections, "news", {"n": number, "text": "a" * 60_000})
            number += 1
            await asyncio.sleep(0)
        wire.websocket.transport.resume_reading()
        await wire.find(lambda packet: packet.startswith(f'42["news",{{"n":{number - 1},'))
        news = [decode(packet[2:])[1]["n"] for packet in wire.packets if packet.startswith('42["news"')]
        assert news == list(range(number - 1))  # the last has been asked for
        assert demo.gone == []


async def test_what_waits_is_told_as_long_as_it_does(demo: Demo) -> None:
    async with Wire.open(demo.url) as other, Wire.open(demo.url) as wire:
        sockets = demo.app.realtime
        assert isinstance(sockets, Sockets)
        assert sockets.queued == (0, 0)
        wire.websocket.transport.pause_reading()
        while not sockets.queued[0]:
            sockets.send(demo.connections, "news", {"text": "a" * 60_000})
            await asyncio.sleep(0)
            await other.event("news")
        total, most = sockets.queued
        assert total == most > 0
        wire.websocket.transport.resume_reading()
        await until(lambda: sockets.queued == (0, 0))
        assert demo.gone == []
