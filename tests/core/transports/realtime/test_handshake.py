import asyncio
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import connect

from stonechat.core.application import Scope
from stonechat.core.context import Connection, HookContext, Params
from stonechat.core.encoding import decode
from stonechat.core.errors import Forbidden
from tests.support.live import Demo, serve_demo
from tests.support.wire import Wire


async def test_who_brings_no_token_is_connected_as_nobody(demo: Demo) -> None:
    async with Wire.open(demo.url) as wire:
        (connection,) = demo.connections
        assert (connection.provider, connection.user, connection.authentication) == ("socketio", None, None)
        assert (await wire.call("find", "echo"))[0] is None


async def test_a_socket_knows_its_own_id(demo: Demo) -> None:
    async with Wire.open(demo.url, login=False) as wire:
        sid = await wire.connect()
        assert [connection.id for connection in demo.connections] == [sid]


@pytest.mark.parametrize("key", ["token", "accessToken"])
async def test_a_token_in_the_handshake_logs_in(demo: Demo, key: str) -> None:
    token = await demo.token()
    logins: list[Connection | None] = []

    def listener(result: dict[str, Any], params: Params, context: HookContext) -> None:
        logins.append(params.connection)

    demo.app.on("login", listener)
    async with Wire.open(demo.url, auth={key: token}):
        (connection,) = demo.connections
        assert connection.user is not None
        assert connection.user["name"] == "Ada"
        assert connection.authentication == {"strategy": "jwt", "accessToken": token}
        assert logins == [connection]


@pytest.mark.parametrize("scheme", ["Bearer ", "JWT ", ""])
async def test_a_token_in_the_authorization_header_logs_in(demo: Demo, scheme: str) -> None:
    token = await demo.token("ben@hill.example")
    async with Wire.open(demo.url, headers={"Authorization": scheme + token}):
        (connection,) = demo.connections
        assert (connection.user or {})["name"] == "Ben"
        assert connection.headers["authorization"] == scheme + token


async def test_another_scheme_of_authorization_is_no_login(demo: Demo) -> None:
    async with Wire.open(demo.url, headers={"Authorization": "Basic abc"}):
        assert [connection.user for connection in demo.connections] == [None]


@pytest.mark.parametrize("auth", [[], ["x"], "x", 5, {}, {"token": None}, {"token": ""}, {"other": 1}])
async def test_a_handshake_that_names_no_token_is_one_without(demo: Demo, auth: Any) -> None:
    async with Wire.open(demo.url, auth=auth):
        assert [connection.user for connection in demo.connections] == [None]


async def refusal(demo: Demo, **handshake: Any) -> dict[str, Any]:
    async with Wire.open(demo.url, login=False, headers=handshake.pop("headers", None)) as wire:
        with pytest.raises(PermissionError) as refused:
            await wire.connect(handshake.get("auth"))
        await wire.wait_closed()
    answer: dict[str, Any] = refused.value.args[0]
    return answer


@pytest.mark.parametrize("token", ["nonsense", {"$ne": None}, ["a"], 5, "a" * 9000])
async def test_a_wrong_token_refuses_the_connection(demo: Demo, token: Any) -> None:
    answer = await refusal(demo, auth={"token": token})
    assert answer == {"message": "jwt malformed", "data": {"name": "JsonWebTokenError"}}
    assert demo.connections == []
    assert len(demo.server.roster.clients) == len(demo.server.roster.by_connection) == 0


async def test_a_token_that_has_run_out_refuses_the_connection(demo: Demo) -> None:
    token = await demo.token(expires_in=-5)
    answer = await refusal(demo, headers={"Authorization": f"Bearer {token}"})
    assert (answer["message"], answer["data"]["name"]) == ("jwt expired", "TokenExpiredError")
    assert answer["data"]["expiredAt"].endswith("Z")


async def test_the_token_of_somebody_who_is_gone_refuses_the_connection(demo: Demo) -> None:
    token = await demo.token()
    await demo.app.service("users").remove(1)
    assert (await refusal(demo, auth={"token": token}))["message"]
    assert demo.connections == []


async def test_a_handshake_of_the_applications_own_may_add_to_a_connection_and_refuse_it() -> None:
    def handshake(connection: Connection, scope: Scope) -> None:
        if b"x-closed" in dict(scope["headers"]):
            raise Forbidden("Closed", {"until": "monday"})
        connection["path"] = scope["path"]

    async with serve_demo(handshake=handshake) as demo:
        async with Wire.open(demo.url):
            assert [connection["path"] for connection in demo.connections] == ["/socket.io/"]
        assert await refusal(demo, headers={"X-Closed": "1"}) == {
            "message": "Closed",
            "data": {"until": "monday"},
        }


async def test_a_handshake_that_fails_inside_tells_nothing() -> None:
    def handshake(connection: Connection, scope: Scope) -> None:
        raise RuntimeError("the password is 1234")

    async with serve_demo(handshake=handshake) as demo:
        assert (await refusal(demo))["message"] == "Internal server error"


async def test_a_refused_client_may_try_again(demo: Demo) -> None:
    await refusal(demo, auth={"token": "nonsense"})
    async with Wire.open(demo.url, auth={"token": await demo.token()}) as wire:
        assert (await wire.call("find", "echo"))[0] is None


async def test_what_is_sent_during_the_login_is_answered_after_it(demo: Demo) -> None:
    entered, go = asyncio.Event(), asyncio.Event()

    async def wait(*_: Any) -> None:
        entered.set()
        await go.wait()

    demo.app.on("login", wait)
    async with Wire.open(demo.url, login=False) as wire:
        login = asyncio.create_task(wire.connect({"token": await demo.token()}))
        await entered.wait()
        wave = asyncio.create_task(wire.call("wave", "echo", {"a": 1}))
        demo.app.channel("everybody").join(*demo.server.roster.by_connection)
        await demo.app.service("notes").create({"text": "a"})
        go.set()
        await login
        assert (await wave)[0] is None
        assert await wire.event("notes created") == [{"text": "a", "_id": 0}]


async def test_a_handshake_that_is_not_json_is_passed_over(demo: Demo) -> None:
    async with Wire.open(demo.url, login=False) as wire:
        await wire.send("40{nonsense")
        await wire.connect()
        assert len(demo.connections) == 1


async def test_there_is_one_namespace(demo: Demo) -> None:
    async with Wire.open(demo.url, login=False) as wire:
        await wire.send("40/admin,")
        refusal = await wire.packet("44/admin,")
        assert decode(refusal.removeprefix("44/admin,")) == {"message": "Invalid namespace"}
        assert demo.connections == []
        await wire.connect()
        await wire.send("40/admin,")
        await wire.packet("44/admin,")
        await wire.send('42/admin,1["create","notes",{}]')
        assert (await wire.call("find", "notes"))[1]["total"] == 0


async def test_connecting_twice_on_one_session_keeps_the_first(demo: Demo) -> None:
    async with Wire.open(demo.url) as wire:
        with pytest.raises(PermissionError):
            await wire.connect()
        assert len(demo.connections) == len(demo.server.roster.clients) == 1
        assert (await wire.call("find", "echo"))[0] is None


async def test_the_address_of_a_connection_is_the_clients_own(demo: Demo) -> None:
    headers = {"X-Forwarded-For": "203.0.113.9"}
    async with Wire.open(demo.url, headers=headers) as wire:
        assert [connection["address"] for connection in demo.connections] == ["127.0.0.1"]
        (_, answer) = await wire.call("create", "echo", {})
        assert answer == {"data": {}, "address": "127.0.0.1"}


async def test_pages_of_the_servers_own_host_may_connect(demo: Demo) -> None:
    async with Wire.open(demo.url, origin=demo.url) as wire:
        assert (await wire.call("find", "echo"))[0] is None


@pytest.mark.parametrize("allowed", ["https://chat.example", "*"])
async def test_a_configured_origin_may_connect(allowed: str) -> None:
    origin = "https://chat.example"
    async with serve_demo(origins=[allowed]) as demo:
        async with Wire.open(demo.url, origin=origin) as wire:
            assert (await wire.call("find", "echo"))[0] is None
        async with aiohttp.ClientSession() as http:
            location = f"{demo.url}/socket.io/?EIO=4&transport=polling"
            async with http.get(location, headers={"Origin": origin}) as answer:
                assert answer.status == 200
                assert len(answer.headers.getall("Access-Control-Allow-Origin")) == 1


async def test_messages_are_not_compressed(demo: Demo) -> None:
    location = f"{demo.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket"
    async with connect(location, compression="deflate", proxy=None) as websocket:
        assert websocket.response is not None
        assert "Sec-WebSocket-Extensions" not in websocket.response.headers
