"""Broadcasts to more clients than one turn of the loop serves, and what is sent to one of them meanwhile."""

import asyncio
from typing import cast

import pytest

from stonechat.core.encoding import decode
from stonechat.core.transports.realtime import deliveries
from stonechat.core.transports.realtime.client import Client, Frame
from stonechat.core.transports.realtime.deliveries import Deliveries
from tests.support.live import Demo
from tests.support.wire import Wire


class Reader:
    """Keeps what it is sent; one that is ``full`` takes nothing."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.full = False

    def send(self, frame: Frame) -> bool:
        self.got.append(frame.data.decode())
        return not self.full


@pytest.fixture(autouse=True)
def three_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "AT_ONCE", 3)


def crowd(size: int) -> tuple[Deliveries, list[Reader], list[Client]]:
    made = Deliveries()
    made.on_slow = lambda client: None
    readers = [Reader() for _ in range(size)]
    return made, readers, cast("list[Client]", readers)


def frame(text: str) -> Frame:
    return Frame(text.encode())


async def test_a_broadcast_goes_out_in_several_turns() -> None:
    deliver, readers, clients = crowd(8)
    deliver.broadcast(clients, frame("a"))
    for served in (3, 6, 8):
        assert [reader.got for reader in readers] == [["a"]] * served + [[]] * (8 - served)
        await asyncio.sleep(0)
    assert (deliver.broadcasts, deliver.sent) == (1, 8)


async def test_many_small_broadcasts_in_one_turn_are_as_much_as_a_large_one() -> None:
    deliver, readers, clients = crowd(2)
    for text in "abc":
        deliver.broadcast(clients, frame(text))
    assert [reader.got for reader in readers] == [["a", "b"], ["a"]]
    await deliver.settled()
    assert [reader.got for reader in readers] == [["a", "b", "c"]] * 2


async def test_nothing_overtakes_a_broadcast() -> None:
    deliver, readers, clients = crowd(7)
    deliver.broadcast(clients, frame("first"))
    deliver.send(clients[6], frame("answer"))
    deliver.broadcast(clients[5:], frame("second"))
    deliver.send(clients[0], frame("late"))
    await deliver.settled()
    assert readers[6].got == ["first", "answer", "second"]
    assert readers[5].got == ["first", "second"]
    assert readers[0].got == ["first", "late"]


async def test_what_is_sent_alone_goes_out_at_once() -> None:
    deliver, readers, clients = crowd(1)
    for text in "abcde":
        deliver.send(clients[0], frame(text))
    assert readers[0].got == list("abcde")


async def test_work_is_done_after_what_was_sent_before_it() -> None:
    deliver, readers, clients = crowd(5)
    seen: list[int] = []

    def look() -> None:
        seen.append(sum(len(reader.got) for reader in readers))

    deliver.afterwards(look)
    deliver.broadcast(clients, frame("a"))
    deliver.afterwards(look)
    deliver.broadcast(clients, frame("b"))
    await deliver.settled()
    assert seen == [0, 5]


async def test_who_sends_more_than_may_wait_waits_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "MAX_WAITING", 10)
    deliver, readers, clients = crowd(8)
    for text in "abc":
        deliver.broadcast(clients, frame(text))
    assert sum(len(reader.got) for reader in readers) == 14
    await deliver.settled()
    assert [reader.got for reader in readers] == [["a", "b", "c"]] * 8


async def test_who_cannot_take_a_frame_is_told_of_and_what_that_brings_waits_its_turn() -> None:
    deliver, readers, clients = crowd(4)
    readers[1].full = True
    slow: list[Client] = []

    def cut(client: Client) -> None:
        slow.append(client)
        deliver.broadcast(clients[2:], frame("offline"))

    deliver.on_slow = cut
    deliver.broadcast(clients, frame("a"))
    await deliver.settled()
    assert slow == [clients[1]]
    assert [reader.got for reader in readers[2:]] == [["a", "offline"]] * 2


async def test_an_answer_comes_behind_the_events_before_it_and_a_goodbye_behind_all(demo: Demo) -> None:
    assert demo.app.realtime is not None
    async with Wire.open(demo.url) as wire:
        everybody = demo.connections * 10
        for number in range(4):
            demo.app.realtime.send(everybody, "news", {"n": number})
        answer = await wire.call("get", "echo", "a")
        assert answer[0] is None
        news = [decode(packet[2:])[1]["n"] for packet in wire.packets if packet.startswith('42["news"')]
        assert news == [number for number in range(4) for _ in range(10)]
        demo.app.realtime.send(everybody, "news", {"n": 4})
        demo.app.emit("disconnect", demo.connections[0])
        demo.app.realtime.send(everybody, "news", {"n": 5})
        await wire.wait_closed()
        assert [packet[:12] for packet in wire.packets[-12:]] == ['42["news",{"'] * 10 + ["41", "1"]
        assert '"n":5' not in "".join(wire.packets)
