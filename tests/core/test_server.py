from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from stonechat.core.application import Application
from stonechat.core.context import Params
from stonechat.core.server import bind, config, serve
from stonechat.core.testing import serving
from stonechat.core.transports.rest import rest


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
