"""Numbers for Prometheus: ``app.configure(metrics())`` serves them at ``/metrics``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..application import Application
from ..transports.responses import JSON, error_response
from ..transports.web import web
from .access import LOOPBACK, by_network, by_token
from .audience import Audience
from .calls import CallTimes
from .jobs import JobNumbers
from .loop import LoopLag
from .readings import Readings
from .sockets import SocketNumbers

PATH: Final = "/metrics"
SETTING: Final = "readings"

__all__ = ["LOOPBACK", "Readings", "metrics", "readings"]


def metrics(*, token: str = "", networks: Sequence[str] = LOOPBACK) -> Callable[[Application], None]:
    """Measure every call, and what the event loop and the connections are doing.

    To be configured before what answers events of clients. With a ``token`` whoever brings it as a bearer
    may read, and nobody else; without one whoever asks from one of the ``networks``, and not through a proxy.
    """
    refusal = by_token(token) if token else by_network(networks)

    def configure(app: Application) -> None:
        # One for each application: two in a process must not count together.
        registry = CollectorRegistry()
        calls, lag, sockets, numbers = CallTimes(), LoopLag(), SocketNumbers(app), readings(app)
        _read_backplane(app, numbers)
        for collector in (calls, Audience(app), JobNumbers(app), sockets, lag, numbers):
            registry.register(collector)
        ProcessCollector(registry=registry)

        async def answer(request: Request) -> Response:
            if (error := refusal(request)) is not None:
                status, _, body = error_response(error)
                return Response(body, status, media_type=JSON[1].decode())
            await numbers.ask()
            sockets.look()
            # Thousands of lines are written: longer than the loop may stand still.
            text = await asyncio.to_thread(generate_latest, registry)
            return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST, "Cache-Control": "no-store"})

        async def setup(_: Any, proceed: Callable[[], Awaitable[None]]) -> None:
            await proceed()
            lag.start()

        async def teardown(_: Any, proceed: Callable[[], Awaitable[None]]) -> None:
            lag.stop()
            await proceed()

        app.observers.append(calls)
        app.hooks({"around": {"setup": [setup], "teardown": [teardown]}})
        web(app).routes.append(Route(PATH, answer, methods=["GET"]))

    return configure


def readings(app: Application) -> Readings:
    """Where numbers of other parts are added to the application's metrics."""
    found = app.get(SETTING)
    if not isinstance(found, Readings):
        found = Readings()
        app.set(SETTING, found)
    return found


def _read_backplane(app: Application, numbers: Readings) -> None:
    numbers.gauge(
        "backplane_lag_seconds",
        "How long the newest entry of another node waited.",
        lambda: app.backplane.lag,
    )
    numbers.gauge("backplane_queued", "Entries that wait to be sent.", lambda: app.backplane.queued)
    numbers.counter("backplane_gaps", "How often entries of others were lost.", lambda: app.backplane.gaps)
    numbers.gauge(
        "backplane_connected",
        "Whether the other nodes can be told; 1 where there are none.",
        lambda: app.backplane.is_connected,
    )
