"""Serving an application with uvicorn, set up for many sockets."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from types import FrameType

import uvicorn

from .application import Application, Realtime
from .http_protocol import HttpProtocol
from .websocket import WebSocketProtocol

# The collector stops everything while it looks: at few objects often, at those of all connections, which
# takes it 10 µs for each, once in an hour. What start-up leaves behind never changes.
GC_THRESHOLDS = (5_000, 2, 1_000_000)
FULL_COLLECTION_SECONDS = 3600.0
# Longer than proxies and clients keep an idle connection: who closes it last loses no request.
KEEP_ALIVE_SECONDS = 75
MAX_MESSAGE = 65_536  # bytes, where no transport says otherwise
# What a client does not read waits in the process, which bounds it and notices: the system takes megabytes.
MAX_UNSENT = 65_536  # bytes


class Server(uvicorn.Server):
    """Stops on ``signals`` without raising them again, so that the application is torn down in peace."""

    def __init__(self, config: uvicorn.Config, signals: Sequence[signal.Signals] = ()) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self._hurry = asyncio.Event()
        self._signals = signals

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        app: object = self.config.app
        if isinstance(app, Application):
            app.is_draining = True
            for server in self.servers:
                server.close()
            for listener in sockets or ():
                listener.close()
            app.emit("shutdown")  # streams end themselves: uvicorn waits for its responses
            if app.realtime is not None:
                await self._drain(app.realtime)
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A second signal ends the waiting, whichever it is."""
        if self.should_exit:
            self.force_exit = True
            self._hurry.set()
        else:
            super().handle_exit(sig, frame)

    async def _drain(self, realtime: Realtime) -> None:
        draining = asyncio.create_task(realtime.drain())
        hurrying = asyncio.create_task(self._hurry.wait())
        await asyncio.wait({draining, hurrying}, return_when=asyncio.FIRST_COMPLETED)
        for task in (draining, hurrying):
            _ = task.cancel()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        loop = asyncio.get_running_loop()
        for number in self._signals:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in self._signals:
                loop.remove_signal_handler(number)


def bind(host: str, port: int) -> socket.socket:
    """A listening address; port 0 takes a free one. Raises OSError where it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if sys.platform == "linux":  # where connections have it of their listener
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MAX_UNSENT)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def config(app: Application, *, trusted_proxies: Sequence[str] = (), loop: str = "uvloop") -> uvicorn.Config:
    """Uvicorn as the transports need it.

    No compression of messages: it doubles a socket's memory and halves its speed. A
    message that is too long is refused while it is read. Engine.IO has its own heartbeat.
    """
    return uvicorn.Config(
        app,
        loop=loop,
        http=HttpProtocol,
        ws=WebSocketProtocol,
        ws_max_size=app.realtime.max_message if app.realtime is not None else MAX_MESSAGE,
        ws_per_message_deflate=False,
        ws_ping_interval=None,
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=True,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        timeout_graceful_shutdown=5,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )


@asynccontextmanager
async def running(
    app: Application, listener: socket.socket, server: Server
) -> AsyncGenerator[tuple[str, asyncio.Task[None]]]:
    """Set the application up, serve it for as long as the block runs, tear it down.

    Yields the address, once calls are answered there, and the task that ends when the server does.
    Raises whatever the set-up raises.
    """
    try:
        await app.setup(server)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        listening = asyncio.create_task(server.listening.wait())
        await asyncio.wait({listening, serving}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            listening.cancel()
            await serving
            raise RuntimeError("the server stopped before it listened")
        host, port = listener.getsockname()[:2]
        try:
            yield f"http://{f'[{host}]' if ':' in host else host}:{port}", serving
        finally:
            server.should_exit = True
            await serving
    finally:
        listener.close()
        if server.force_exit:
            await app.tasks.close(grace=0)
        await app.teardown(server)


async def serve(
    app: Application,
    listener: socket.socket,
    configuration: uvicorn.Config,
    ready: Callable[[str], None],
) -> None:
    """Serve the application until a signal comes; ``ready`` is called with the address."""
    server = Server(configuration, (signal.SIGINT, signal.SIGTERM))
    async with running(app, listener, server) as (address, serving):
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        collecting = asyncio.create_task(_collect())
        ready(address)
        try:
            await serving
        finally:
            _ = collecting.cancel()


async def _collect() -> None:
    while True:
        await asyncio.sleep(FULL_COLLECTION_SECONDS)
        _ = gc.collect()
