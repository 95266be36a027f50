from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx2
import pytest

from stonechat.core.application import Application
from stonechat.core.context import Params
from stonechat.core.server import MAX_UNSENT, bind, config, serve
from stonechat.core.testing import serving
from stonechat.core.transports.realtime import realtime
from stonechat.core.transports.rest import rest
from tests.support.wire import Wire


class Broken:
    def __init__(self) -> None:
        self.torn_down = False

    async def setup(self, app: Application, path: str) -> None:
        raise RuntimeError("no chalk")

    async def teardown(self, app: Application, path: str) -> None:
        self.torn_down = True


class Stopping:
    """Asks the server to stop while it answers, and goes on once the address is closed for others."""

    def __init__(self, number: signal.Signals) -> None:
        self.signal = number
        self.torn_down = False

    async def get(self, id: str, params: Params) -> Any:
        os.kill(os.getpid(), self.signal)
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", int(id))
            except OSError:
                return {"stopped": True}
            writer.close()
            await writer.wait_closed()

    async def teardown(self, app: Application, path: str) -> None:
        self.torn_down = True


@pytest.fixture
def collector() -> Iterator[None]:
    """Serving tunes the garbage collector of the process."""
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


@pytest.mark.usefixtures("collector")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_server_answers_what_it_has_begun_before_it_stops(number: signal.Signals) -> None:
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    service = Stopping(number)
    app = Application().configure(rest()).use("stop", service)
    listener = bind("127.0.0.1", 0)
    server = asyncio.create_task(serve(app, listener, config(app), address.set_result))
    async with httpx2.AsyncClient(base_url=await address) as client:
        response = await client.get(f"/stop/{listener.getsockname()[1]}")
    assert response.json() == {"stopped": True}
    await server
    assert service.torn_down
    assert not app.is_set_up


class Endless:
    """Tells when it is asked, and never answers."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.was_cancelled = False

    async def find(self, params: Params) -> Any:
        self.asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise


@pytest.mark.usefixtures("collector")
@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_what_the_server_waits_for(second: signal.Signals) -> None:
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    service = Endless()
    app = Application().configure(rest()).configure(realtime()).use("endless", service)
    server = asyncio.create_task(serve(app, bind("127.0.0.1", 0), config(app), address.set_result))
    async with Wire.open(await address) as busy, Wire.open(await address) as idle:
        await busy.emit("find", "endless")
        await service.asked.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        await idle.wait_closed()
        assert not busy.closed
        os.kill(os.getpid(), second)
        async with asyncio.timeout(2):
            await server
        await busy.wait_closed()
    assert service.was_cancelled
    assert not app.is_set_up


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere connections do not have it of their listener")
async def test_the_system_keeps_little_of_what_a_client_does_not_read() -> None:
    listener = bind("127.0.0.1", 0)
    listener.listen()
    with listener, socket.create_connection(listener.getsockname()) as client:
        accepted, _ = listener.accept()
        accepted.setblocking(False)
        written = 0
        with suppress(BlockingIOError):
            while True:
                written += accepted.send(b"x" * 4096)
        accepted.close()
        buffer = client.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    assert written < buffer + 2 * MAX_UNSENT


async def test_an_application_is_set_up_before_it_is_served_and_torn_down_afterwards() -> None:
    app = Application().configure(rest())
    async with serving(app) as url:
        assert app.is_set_up
        async with httpx2.AsyncClient(base_url=url) as client:
            assert (await client.get("/nope")).status_code == 404
    assert not app.is_set_up


async def test_a_failing_set_up_is_raised_and_torn_down() -> None:
    service = Broken()
    app = Application().configure(rest()).use("broken", service)
    with pytest.raises(RuntimeError, match="no chalk"):
        async with serving(app):
            pytest.fail("it is not served")
    assert service.torn_down


async def test_a_failing_test_stops_the_server() -> None:
    app = Application().configure(rest())
    with pytest.raises(ZeroDivisionError):
        async with serving(app):
            raise ZeroDivisionError
    assert not app.is_set_up


def test_a_taken_address_is_refused() -> None:
    first = bind("127.0.0.1", 0)
    first.listen()
    with pytest.raises(OSError, match="in use"):
        bind("127.0.0.1", first.getsockname()[1])
    first.close()
