import asyncio
from typing import Any

import socketio

from tests.support.live import Demo
from tests.support.waiting import until
from tests.support.wire import Polling


async def test_calls_and_events_work_over_polling(demo: Demo) -> None:
    async with Polling.open(demo.url) as client:
        assert (await client.connect()).startswith('40{"sid":')
        assert await client.post('421["create","notes",{"text":"a"},{}]') == 200
        packets = await client.get()
        while len(packets) < 2:
            packets += await client.get()
        assert sorted(packets) == [
            '42["notes created",{"text":"a","_id":0}]',
            '431[null,{"text":"a","_id":0}]',
        ]


async def test_a_polling_client_may_say_much_at_once(demo: Demo) -> None:
    async with Polling.open(demo.url) as client:
        await client.connect()
        calls = [f'42{number}["get","echo",{number},{{}}]' for number in range(100)]
        assert await client.post(*calls) == 200
        packets: list[str] = []
        while len(packets) < 100:
            packets += await client.get()
        assert packets == [f'43{n}[null,{{"id":{n},"query":{{}}}}]' for n in range(100)]


async def test_calls_that_come_in_one_request_do_not_overtake_each_other(demo: Demo) -> None:
    async with Polling.open(demo.url) as client:
        await client.connect()
        assert await client.post('421["find","slow",{"n":1}]', '422["get","echo",2,{}]') == 200
        await until(lambda: demo.slow.asked)
        demo.slow.go.set()
        packets = await client.get()
        while len(packets) < 2:
            packets += await client.get()
        assert [packet[:3] for packet in packets] == ["431", "432"]


async def test_a_refusal_reaches_a_polling_client_that_asks_later(demo: Demo) -> None:
    async with Polling.open(demo.url) as client:
        assert await client.post('40{"token":"nonsense"}') == 200
        await asyncio.gather(*(asyncio.sleep(0) for _ in range(100)))
        assert await client.get() == ['44{"message":"jwt malformed","data":{"name":"JsonWebTokenError"}}']


async def test_a_polling_client_is_told_that_it_is_disconnected(demo: Demo) -> None:
    async with Polling.open(demo.url) as client:
        await client.connect()
        demo.app.emit("disconnect", demo.connections[0])
        assert (await client.get())[0] == "41"
        assert await client.post("3") == 400
    assert demo.gone == demo.connections


async def test_a_request_that_cannot_be_read_leaves_the_session_alone(demo: Demo) -> None:
    async with Polling.open(demo.url) as client:
        await client.connect()
        for body in ("", "x", "\x1e\x1e", "4[1]", '4{"a":1}', "42"):
            await client.post(body)
        await client.post('421["get","echo",1]')
        assert (await client.get())[-1] == '431[null,{"id":1,"query":{}}]'


async def test_a_session_that_does_not_exist_is_refused(demo: Demo) -> None:
    async with Polling.open(demo.url) as client:
        client.location = client.location.replace("sid=", "sid=x")
        assert await client.post("40") == 400


async def test_a_client_that_upgrades_misses_nothing(demo: Demo) -> None:
    heard: list[Any] = []
    client = socketio.AsyncClient(reconnection=False)
    client.on("notes created", heard.append)
    await client.connect(demo.url, auth={"token": await demo.token()})
    assert client.transport() == "websocket"
    for number in range(20):
        assert (await client.call("create", ("notes", {"n": number})))[0] is None
    assert await client.call("get", ("echo", "1")) == (None, {"id": "1", "query": {}})
    assert heard == [{"n": number, "_id": number} for number in range(20)]
    demo.app.emit("disconnect", demo.connections[0])
    async with asyncio.timeout(10):
        await client.wait()
    assert demo.gone == demo.connections


async def test_a_client_may_stay_with_polling(demo: Demo) -> None:
    client = socketio.AsyncClient(reconnection=False)
    await client.connect(demo.url, auth={"token": await demo.token()}, transports=["polling"])
    assert client.transport() == "polling"
    answers = await asyncio.gather(*(client.call("get", ("echo", number)) for number in range(40)))
    assert answers == [(None, {"id": number, "query": {}}) for number in range(40)]
    await client.disconnect()
