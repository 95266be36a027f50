"""The real-time transport: ``app.configure(realtime())`` serves every service over Socket.IO."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

from ...application import Application
from ...context import Connection
from ...encoding import encode
from ...service import Service
from ..arrivals import Arrivals
from ..gate import Gate
from ..origins import Origins
from ..web import PrefixRoute, web
from .calls import Calls, NamedHandler
from .client import Frame
from .incoming import Answers
from .namespace import Fail, Hear, Namespace
from .reception import NAMESPACE, Handshake
from .server import SocketServer

SWEEP_SECONDS: Final = 60.0

__all__ = ["realtime"]


def realtime(
    *,
    path: str = "/socket.io",
    origins: Sequence[str] = (),
    handshake: Handshake | None = None,
    max_message: int = 1_000_000,
    max_pending: int = 256,
    ping_interval: float = 15.0,
    ping_timeout: float = 10.0,
    max_queued: int = 1_048_576,
    drain: float = 5.0,
    connects_per_minute: int = 0,
    max_per_address: int = 0,
) -> Callable[[Application], None]:
    """Serve every service over Socket.IO and send events to the channels' connections.

    ``origins``: pages of other addresses that may connect, ``*`` for any; a page of the server's own
    host always may. ``handshake(connection, scope)`` may add keys to a connection, before it is
    authenticated. ``max_message`` in bytes, ``max_pending`` calls of one socket,
    ``max_queued`` bytes that may wait for it to read, ``drain`` the longest that closing
    them all at the server's end is spread over; times are in seconds. ``connects_per_minute`` and
    ``max_per_address`` are for the sockets of one address, 0 for any number.

    Raises ValueError for what is no origin.
    """
    known = Origins(origins)

    def configure(app: Application) -> None:
        calls = Calls(app)
        answers: dict[str, Answers] = {"": calls}
        arrivals = Arrivals(connects_per_minute, max_per_address)
        server = SocketServer(
            app,
            answers,
            arrivals=arrivals,
            handshake=handshake,
            max_message=max_message,
            max_pending=max_pending,
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
            max_queued=max_queued,
        )
        sockets = Sockets(app, calls, answers, server, arrivals, max_message=max_message, drain=drain)
        app.realtime = sockets
        app.on("publish", sockets.deliver)

        def disconnected(connection: Connection) -> None:
            app.leave_channels(connection)
            server.departures.forget(connection)

        async def lifetime(_: Any, proceed: Callable[[], Any]) -> None:
            await proceed()
            sweeper = asyncio.create_task(_sweep(server))
            sweepers.append(sweeper)

        async def stop(_: Any, proceed: Callable[[], Any]) -> None:
            while sweepers:
                sweepers.pop().cancel()
            await server.shutdown()
            await proceed()

        sweepers: list[asyncio.Task[None]] = []
        app.on("disconnect", disconnected)
        app.hooks({"around": {"setup": [lifetime], "teardown": [stop]}})
        web(app).routes.insert(0, PrefixRoute(path, Gate(server.asgi, known, arrivals)))

    return configure


class Sockets:
    """What the application and own code see of the transport (``app.realtime``)."""

    def __init__(
        self,
        app: Application,
        calls: Calls,
        answers: dict[str, Answers],
        server: SocketServer,
        arrivals: Arrivals,
        *,
        max_message: int,
        drain: float,
    ) -> None:
        self._app = app
        self._calls = calls
        self._answers = answers
        self._namespaces: dict[str, Namespace] = {}
        self.arrivals = arrivals
        self._drain = drain
        self.server = server
        self.max_message = max_message

    def send(
        self, connections: list[Connection], event: str, payload: Any, *, ephemeral: bool = False
    ) -> None:
        """Send one event to many connections, encoded once; never waits for a slow reader."""
        if self.server.roster.is_elsewhere:
            connections = self._tell_namespaces(connections, event, payload, ephemeral=ephemeral)
        if connections:
            self.server.broadcast(connections, Frame(b"2" + encode([event, payload]), ephemeral=ephemeral))

    async def drain(self) -> None:
        """Close all sockets when their calls are answered, not all at once."""
        await self.server.departures.drain(self._drain)

    def on(self, event: str, handler: NamedHandler) -> None:
        """Answer a client's event: it brings one object and is acknowledged with the handler's result."""
        self._calls.on(event, handler)

    async def ask(self, connection: Connection, event: str, data: dict[str, Any]) -> Any:
        """Answer an own event as if this client had sent it. Raises what its handler raises."""
        return await self._calls.ask(connection, event, data)

    def namespace(self, name: str, hear: Hear, fail: Fail) -> Namespace:
        """Take sockets in another namespace too, of who is logged in by the handshake. Raises ValueError."""
        if not name.startswith("/") or name == "/" or name in self._namespaces:
            raise ValueError(f"'{name}' is no new namespace")
        made = Namespace(name, self._app, self.server.roster, self.server.deliveries, hear, fail)
        self._namespaces[name] = self._answers[name] = made
        return made

    def is_open(self, connection: Connection) -> bool:
        """Whether the connection still has its socket; ask again after waiting for anything."""
        return self.server.is_open(connection)

    @property
    def open(self) -> int:
        """How many sockets there are, in whatever namespaces."""
        return len(self.server.roster.by_connection)

    @property
    def queued(self) -> tuple[int, int]:
        """How many bytes wait to be read: of all clients together, and the most of one."""
        waiting = self.server.bounds.buffered
        return sum(waiting), max(waiting, default=0)

    @property
    def dropped(self) -> int:
        """How many ephemeral events were not sent to clients that read too slowly, since the start."""
        return self.server.bounds.dropped

    @property
    def cut_off(self) -> int:
        """How many clients were disconnected for reading too slowly, since the start."""
        return self.server.bounds.cut_off

    @property
    def refused(self) -> int:
        """How many sockets were refused because their address has too many, since the start."""
        return self.arrivals.refused

    @property
    def broadcasts(self) -> int:
        """How many events were sent, since the start."""
        return self.server.deliveries.broadcasts

    @property
    def deliveries(self) -> int:
        """To how many connections they went, since the start."""
        return self.server.deliveries.sent

    def deliver(self, service: Service, event: str, payload: Any, connections: list[Connection]) -> None:
        self.send(connections, service.wire_event(event), payload)

    def _tell_namespaces(
        self, connections: list[Connection], event: str, payload: Any, *, ephemeral: bool
    ) -> list[Connection]:
        """Let each namespace tell its own; who is left are those in the one that everybody has."""
        of: dict[str, list[Connection]] = {}
        for connection in connections:
            of.setdefault(connection.get(NAMESPACE, ""), []).append(connection)
        others = of.pop("", [])
        for name, its_own in of.items():
            self._namespaces[name].hear(its_own, event, payload, ephemeral)
        return others


async def _sweep(server: SocketServer) -> None:
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        server.departures.sweep()
