"""Any ASGI server can serve an application: its lifespan sets the application up and tears it down."""

import asyncio

import uvicorn

from stonechat.core.adapters.memory import MemoryService
from stonechat.core.application import Application
from stonechat.core.server import bind
from stonechat.core.transports.realtime import realtime
from stonechat.core.transports.rest import rest
from tests.support.waiting import until
from tests.support.wire import Wire


class Notes(MemoryService):
    def __init__(self) -> None:
        super().__init__()
        self.steps: list[str] = []

    async def setup(self, app: Application, path: str) -> None:
        self.steps.append("setup")

    async def teardown(self, app: Application, path: str) -> None:
        self.steps.append("teardown")


async def test_the_lifespan_of_a_plain_server_reaches_the_services() -> None:
    notes = Notes()
    app = Application()
    app.configure(rest()).configure(realtime())
    app.use("notes", notes)
    listener = bind("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, lifespan="on", ws="websockets-sansio", log_config=None))
    with listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await until(lambda: server.started)
        assert (app.is_set_up, notes.steps) == (True, ["setup"])
        async with Wire.open(f"http://127.0.0.1:{listener.getsockname()[1]}") as wire:
            assert await wire.call("create", "notes", {"a": 1}) == [None, {"a": 1, "_id": 0}]
        server.should_exit = True
        await serving
    assert (app.is_set_up, notes.steps) == (False, ["setup", "teardown"])
