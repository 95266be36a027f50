from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from stonechat.core.application import Application
from stonechat.core.context import Params
from stonechat.core.transports.realtime import realtime
from stonechat.core.transports.rest import rest
from tests.support.waiting import until
from tests.support.wire import Wire


class Notes:
    def __init__(self, name: str = "notes") -> None:
        self.name = name
        self.trace: list[str] = []

    async def find(self, params: Params) -> Any:
        return self.name

    async def create(self, data: Any, params: Params) -> Any:
        return data

    async def setup(self, app: Application, path: str) -> None:
        self.trace.append("setup")

    async def teardown(self, app: Application, path: str) -> None:
        self.trace.append("teardown")


@pytest.fixture
def app() -> Application:
    return Application().configure(rest()).configure(realtime())


async def over_http(address: str, path: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as http, http.get(f"{address}/{path}") as response:
        return response.status, await response.json()


async def test_an_application_listens_until_it_is_closed(app: Application) -> None:
    notes = Notes()
    app.use("notes", notes)
    server = await app.listen(0)
    assert server.address.startswith("http://127.0.0.1:")
    assert notes.trace == ["setup"]
    assert await over_http(server.address, "notes") == (200, "notes")
    waiting = asyncio.create_task(server.wait())
    await server.close()
    await waiting
    assert notes.trace == ["setup", "teardown"]
    with pytest.raises(aiohttp.ClientConnectorError):
        await over_http(server.address, "notes")
    await server.close()
    assert notes.trace == ["setup", "teardown"]


async def test_listening_ends_with_its_block(app: Application) -> None:
    notes = Notes()
    async with await app.use("notes", notes).listen(0, "localhost"):
        assert notes.trace == ["setup"]
    assert notes.trace == ["setup", "teardown"]


async def test_a_taken_port_is_refused(app: Application) -> None:
    async with await app.listen(0) as server:
        port = int(server.address.rpartition(":")[2])
        other = Notes()
        with pytest.raises(OSError, match="in use"):
            await Application().configure(rest()).use("notes", other).listen(port)
        assert other.trace == []


async def test_a_failing_set_up_is_raised_where_one_listens(app: Application) -> None:
    class Broken:
        def setup(self, app: Application, path: str) -> None:
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        await app.use("broken", Broken()).listen(0)


async def test_a_late_service_is_set_up_and_reached_over_both_transports(app: Application) -> None:
    app.on("connection", app.channel("everybody").join)
    app.publish(lambda item, context: app.channel("everybody"))
    async with await app.listen(0) as server, Wire.open(server.address) as wire:
        assert (await over_http(server.address, "late"))[0] == 404
        late = Notes("late")
        app.use("late", late)
        await until(lambda: late.trace == ["setup"])
        assert await over_http(server.address, "late") == (200, "late")
        assert await wire.call("find", "late") == [None, "late"]
        assert await wire.call("create", "late", {"a": 1}) == [None, {"a": 1}]
        assert await wire.event("late created") == [{"a": 1}]


async def test_a_path_can_change_its_service_under_an_open_socket(app: Application) -> None:
    app.use("notes", Notes("first"))
    async with await app.listen(0) as server, Wire.open(server.address) as wire:
        assert await wire.call("find", "notes") == [None, "first"]
        await app.unuse("notes")
        assert (await over_http(server.address, "notes"))[0] == 404
        (error,) = await wire.call("find", "notes")
        assert error["name"] in {"NotFound", "MethodNotAllowed"}
        app.use("notes", Notes("second"))
        assert await wire.call("find", "notes") == [None, "second"]
        assert await over_http(server.address, "notes") == (200, "second")
