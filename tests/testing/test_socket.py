from __future__ import annotations

import asyncio

import pytest

from stonechat import errors
from stonechat.testing import RestClient, SocketClient
from tests.support.live import Demo


async def test_events_are_kept_until_they_are_asked_for(demo: Demo) -> None:
    notes = RestClient(demo.url).service("notes")
    async with SocketClient.open(demo.url) as socket:
        first, second = await notes.create([{"text": "one"}, {"text": "two"}])
        patched = await notes.patch(first["_id"], {"text": "uno"})

        assert await socket.event("notes patched") == patched
        assert await socket.event("notes created") == first
        assert await socket.event("notes created") == second


async def test_an_event_is_waited_for(demo: Demo) -> None:
    async with SocketClient.open(demo.url) as socket:
        waiting = asyncio.create_task(socket.event("notes created"))
        note = await socket.service("notes").create({"text": "Hello"})

        assert await waiting == note


async def test_what_was_heard_is_all_that_was_sent_so_far(demo: Demo) -> None:
    realtime = demo.app.realtime
    assert realtime is not None
    async with SocketClient.open(demo.url) as ada, SocketClient.open(demo.url) as ben:
        demo.app.channel("everybody").leave(demo.connections[-1])
        note = await ada.service("notes").create({"text": "Hello"})

        assert await ada.event("notes created") == note
        assert await ada.heard("notes created") == []
        assert await ben.heard("notes created") == []
        realtime.send(demo.connections[-1:], "bell", {"rings": 2})
        assert await ben.heard("bell") == [{"rings": 2}]
        assert await ben.heard("bell") == [{"rings": 2}]


async def test_an_event_of_its_own_may_be_acknowledged_or_not(demo: Demo) -> None:
    calls: list[object] = []

    async def ring(connection: object, data: object) -> object:
        calls.append(data)
        return {"rang": data}

    assert demo.app.realtime is not None
    demo.app.realtime.on("ring", ring)
    async with SocketClient.open(demo.url) as socket:
        await socket.emit("ring", {"times": 1})
        assert await socket.ask("ring", {"times": 2}) == [{"rang": {"times": 2}}]

    assert calls == [{"times": 1}, {"times": 2}]


async def test_a_token_in_the_handshake_logs_in(demo: Demo) -> None:
    async with SocketClient.open(demo.url, auth={"token": await demo.token()}):
        assert demo.connections[-1]["user"]["name"] == "Ada"
    async with SocketClient.open(demo.url, headers={"Authorization": await demo.token("ben@hill.example")}):
        assert demo.connections[-1]["user"]["name"] == "Ben"


async def test_a_refused_handshake_says_why(demo: Demo) -> None:
    with pytest.raises(ConnectionRefusedError, match="jwt malformed"):
        async with SocketClient.open(demo.url, auth={"token": "nonsense"}):
            raise AssertionError


async def test_a_server_that_hangs_up_is_noticed(demo: Demo) -> None:
    async with SocketClient.open(demo.url) as socket:
        demo.app.emit("disconnect", demo.connections[-1])
        await socket.closed()

        assert socket.is_closed
        with pytest.raises(ConnectionResetError):
            await socket.event("notes created")


async def test_a_call_that_no_service_takes_is_refused(demo: Demo) -> None:
    async with SocketClient.open(demo.url) as socket:
        with pytest.raises(errors.MethodNotAllowed):
            await socket.service("echo").call("secret", {})
