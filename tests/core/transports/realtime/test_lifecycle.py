import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from stonechat.core.authentication import AuthenticationService, authentication_of
from stonechat.core.context import HookContext, Params
from tests.support.live import Demo, serve_demo
from tests.support.waiting import until
from tests.support.wire import Polling, Wire

ADA = {"strategy": "local", "email": "ada@hill.example", "password": "correct horse"}


def service_of(demo: Demo) -> AuthenticationService:
    service = authentication_of(demo.app)
    assert service is not None
    return service


def tasks_of_sockets() -> set[asyncio.Task[Any]]:
    """Pings, readers and writers of sessions, calls."""
    names = ("AsyncSocket", "Client", "Session", "Departures")
    return {task for task in asyncio.all_tasks() if any(name in str(task.get_coro()) for name in names)}


async def test_login_and_logout_on_an_open_socket(demo: Demo) -> None:
    steps: list[tuple[str, Any]] = []

    def note(step: str) -> Callable[[dict[str, Any], Params, HookContext], None]:
        def listener(result: dict[str, Any], params: Params, context: HookContext) -> None:
            assert params.connection is not None
            steps.append((step, (params.connection.user or {}).get("name")))

        return listener

    demo.app.on("login", note("login"))
    demo.app.on("logout", note("logout"))
    async with Wire.open(demo.url) as wire:
        (error, result) = await wire.call("create", "authentication", ADA)
        assert error is None
        assert result["user"]["email"] == ADA["email"]
        assert (demo.connections[0].user or {})["name"] == "Ada"
        (_, logout) = await wire.call("remove", "authentication", None, {})
        assert logout["accessToken"] == result["accessToken"]
        assert steps == [("login", "Ada"), ("logout", None)]
        assert demo.app.channels == []
        (refusal,) = await wire.call("remove", "authentication", None, {})
        assert refusal["code"] == 401


async def test_a_wrong_password_leaves_the_socket_open(demo: Demo) -> None:
    async with Wire.open(demo.url) as wire:
        (error,) = await wire.call("create", "authentication", {**ADA, "password": "wrong"})
        assert (error["code"], error["message"]) == (401, "Invalid login")
        assert (await wire.call("create", "authentication", ADA))[0] is None


async def test_listeners_hear_of_a_connection_once_and_of_its_end_once(demo: Demo) -> None:
    async with Wire.open(demo.url) as wire:
        assert (len(demo.connections), demo.gone) == (1, [])
        await wire.send("41")
        await wire.send("41")
        await wire.wait_closed()
    await until(lambda: demo.gone)
    async with Wire.open(demo.url):
        pass
    await until(lambda: len(demo.gone) == 2)
    assert demo.gone == demo.connections


async def test_emitting_disconnect_closes_the_socket_with_a_word(demo: Demo) -> None:
    async with Wire.open(demo.url) as wire:
        demo.app.emit("disconnect", demo.connections[0])
        await wire.packet("41")
        await wire.wait_closed()
    assert demo.gone == demo.connections


async def test_a_socket_is_closed_when_its_token_runs_out(demo: Demo) -> None:
    started = time.time()
    token = await demo.token(expires_in=1)
    async with Wire.open(demo.url, auth={"token": token}) as wire:
        assert (await wire.call("find", "echo"))[0] is None
        await wire.packet("41")
        await wire.wait_closed()
        assert time.time() >= int(started) + 1
    assert demo.gone == demo.connections
    assert len(service_of(demo).logins) == 0


async def test_a_socket_is_closed_when_its_user_is_removed(demo: Demo) -> None:
    async with Wire.open(demo.url, auth={"token": await demo.token()}) as wire:
        await demo.app.service("users").remove(1)
        await wire.wait_closed()
    assert demo.gone == demo.connections


@pytest.mark.parametrize("goodbye", ["1", "41", None])
async def test_a_client_that_leaves_during_its_login_leaves_no_ghost(demo: Demo, goodbye: str | None) -> None:
    entered, go = asyncio.Event(), asyncio.Event()

    async def wait(*_: Any) -> None:
        entered.set()
        await go.wait()

    demo.app.on("login", wait)
    async with Wire.open(demo.url, login=False) as wire:
        login = asyncio.create_task(wire.connect({"token": await demo.token()}))
        await entered.wait()
        if goodbye is None:
            wire.websocket.transport.abort()
        else:
            await wire.send(goodbye)
        go.set()
        await asyncio.wait([login])
        _ = login.exception()  # noqa: LOG004 - a task, not a logger
    await until(lambda: demo.gone)
    assert demo.gone == demo.connections
    await until(lambda: not demo.server.eio.sockets)
    assert_empty(demo)


async def test_a_polling_client_that_leaves_during_its_login_leaves_no_ghost(demo: Demo) -> None:
    entered, go = asyncio.Event(), asyncio.Event()

    async def wait(*_: Any) -> None:
        entered.set()
        await go.wait()

    demo.app.on("login", wait)
    token = await demo.token()
    async with Polling.open(demo.url) as client:
        login = asyncio.create_task(client.post(f'40{{"token":"{token}"}}'))
        await entered.wait()
        await client.post("1")
        go.set()
        await login
    await until(lambda: demo.gone)
    assert demo.gone == demo.connections
    assert_empty(demo)


async def test_a_login_after_the_goodbye_leaves_no_ghost(demo: Demo) -> None:
    async with Polling.open(demo.url) as client:
        await client.post("1", "40")
    assert demo.connections == []
    assert_empty(demo)


async def test_what_a_polling_client_says_before_it_is_logged_in_is_not_done(demo: Demo) -> None:
    entered, go = asyncio.Event(), asyncio.Event()

    async def wait(*_: Any) -> None:
        entered.set()
        await go.wait()

    demo.app.on("login", wait)
    token = await demo.token()
    async with Polling.open(demo.url) as client:
        login = asyncio.create_task(client.post(f'40{{"token":"{token}"}}'))
        await entered.wait()
        await client.post("40/admin,", "40", '42["create","notes",{}]')
        assert demo.app.realtime is not None
        demo.app.realtime.send(list(demo.server.roster.by_connection), "news", {})
        go.set()
        await login
        packets = await client.get()
        assert [packet[:2] for packet in packets] == ["44", "44", "40", "42"]
        assert len(await demo.app.service("notes").find(Params(paginate=False))) == 0


def assert_empty(demo: Demo) -> None:
    server = demo.server
    assert (server.roster.clients, server.roster.by_connection) == ({}, {})
    assert (server.manager.rooms, server.manager.pending_connect, server.manager.pending_disconnect) == (
        {},
        {},
        {},
    )
    assert len(service_of(demo).logins) == 0
    assert demo.app.channels == []


async def test_nothing_is_left_of_two_hundred_clients() -> None:
    earlier = tasks_of_sockets()
    async with serve_demo(ping_interval=0.05) as demo:
        token = await demo.token()
        for _ in range(5):
            async with AsyncExitStack() as stack:
                for number in range(40):
                    auth = {"token": token if number % 4 else "nonsense"}
                    wire = await stack.enter_async_context(Wire.open(demo.url, login=False))
                    if number % 4:
                        await wire.connect(auth)
                        await wire.start("find", "echo")
                    else:
                        with pytest.raises(PermissionError):
                            await wire.connect(auth)
                    if number % 3 == 0:
                        with suppress(ConnectionClosed):  # who was refused has been hung up on
                            await wire.send("41")
                    elif number % 3 == 1:
                        wire.websocket.transport.abort()
        assert len(demo.connections) == 150
        await until(lambda: len(demo.gone) == 200 and not demo.server.eio.sockets)
        assert set(demo.connections) <= set(demo.gone)
        assert_empty(demo)
        await until(lambda: tasks_of_sockets() <= earlier)


async def test_a_heartbeat_that_is_not_answered_ends_the_socket() -> None:
    async with serve_demo(ping_interval=0.05, ping_timeout=0.2) as demo:
        async with Wire.open(demo.url, answer_pings=False) as wire:
            await wire.packet("2")
            await until(lambda: demo.gone)
            assert demo.gone == demo.connections
        await until(lambda: not demo.server.eio.sockets)
        assert_empty(demo)


async def test_pings_are_answered_while_a_call_takes_its_time() -> None:
    async with serve_demo(ping_interval=0.05, ping_timeout=0.5) as demo, Wire.open(demo.url) as wire:
        slow = await wire.start("find", "slow", {"n": 1})
        for _ in range(15):
            await wire.packet("2")
        assert demo.gone == []
        demo.slow.go.set()
        assert await wire.packet(slow) == f"{slow}null,[1]]"


async def test_calls_of_one_client_are_answered_in_their_order(demo: Demo) -> None:
    async with Wire.open(demo.url) as wire:
        slow = [await wire.start("find", "slow", {"n": number}) for number in range(3)]
        fast = await wire.start("find", "echo")
        await until(lambda: demo.slow.asked)
        assert demo.slow.asked == [0]
        async with Wire.open(demo.url) as other:
            assert (await other.call("find", "echo"))[0] is None
        assert not [packet for packet in wire.packets if packet.startswith("43")]
        demo.slow.go.set()
        await wire.packet(fast)
        acks = [packet for packet in wire.packets if packet.startswith("43")]
        assert acks == [f"{start}null,[{number}]]" for number, start in enumerate(slow)]


async def test_more_calls_than_may_wait_are_refused() -> None:
    async with serve_demo(max_pending=3) as demo, Wire.open(demo.url) as wire:
        first = await wire.start("find", "slow", {"n": 0})
        await until(lambda: demo.slow.asked)
        waiting = [await wire.start("find", "slow", {"n": number}) for number in (1, 2, 3)]
        await wire.emit("find", "slow", {"n": 4})
        (error,) = await wire.call("find", "slow", {"n": 5})
        assert (error["name"], error["code"], error["data"]) == ("TooManyRequests", 429, {"limit": 3})
        demo.slow.go.set()
        for start in (first, *waiting):
            await wire.packet(start)
        assert demo.slow.asked == [0, 1, 2, 3]
        assert (await wire.call("find", "slow", {"n": 6})) == [None, [6]]


async def test_calls_that_wait_are_dropped_when_the_client_leaves(demo: Demo) -> None:
    async with Wire.open(demo.url) as wire:
        for number in range(3):
            await wire.start("find", "slow", {"n": number})
        await until(lambda: demo.slow.asked)
        await wire.send("41")
        await wire.wait_closed()
    demo.slow.go.set()
    async with Wire.open(demo.url) as wire:
        assert (await wire.call("find", "slow", {"n": 9})) == [None, [9]]
    assert demo.slow.asked == [0, 9]


async def test_sessions_that_never_become_a_clients_are_closed_in_time(demo: Demo) -> None:
    async with Wire.open(demo.url, login=False) as idle, Wire.open(demo.url) as wire:
        demo.server.departures.sweep()
        assert len(demo.server.eio.sockets) == 2
        demo.server.departures.sweep()
        await idle.wait_closed()
        assert (await wire.call("find", "echo"))[0] is None


async def test_a_client_whose_session_is_gone_without_a_word_is_swept_away(demo: Demo) -> None:
    async with Wire.open(demo.url) as wire:
        demo.server.eio.sockets.clear()
        demo.server.departures.sweep()
        assert demo.gone == demo.connections
        wire.websocket.transport.abort()


async def test_a_client_that_is_told_to_go_during_its_login_is_in_no_channel(demo: Demo) -> None:
    async def tell_to_go(result: Any, params: Params, context: HookContext) -> None:
        demo.app.emit("disconnect", params.connection)

    demo.app.on("login", tell_to_go)
    async with Wire.open(demo.url, login=False) as wire:
        await wire.send(f'40{{"token":"{await demo.token()}"}}')
        await wire.wait_closed()
    await until(lambda: not demo.server.eio.sockets)
    assert demo.connections == []
    assert_empty(demo)


async def test_sockets_are_closed_at_the_end_when_their_calls_are_answered() -> None:
    async with AsyncExitStack() as stack, serve_demo() as demo:
        wires = [await stack.enter_async_context(Wire.open(demo.url)) for _ in range(3)]
        busy = await wires[0].start("find", "slow", {"n": 1})
        await until(lambda: demo.slow.asked)
        assert demo.app.realtime is not None
        draining = asyncio.create_task(demo.app.realtime.drain())
        await wires[1].wait_closed()
        await wires[2].wait_closed()
        assert not wires[0].closed
        demo.slow.go.set()
        assert await wires[0].packet(busy) == f"{busy}null,[1]]"
        await draining
        await wires[0].wait_closed()
        assert all("41" not in wire.packets for wire in wires)
        assert len(demo.gone) == 3
