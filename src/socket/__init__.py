"""The school's socket layer: who is connected, who is told what. It handles ids, not documents."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ..core.application import Application
from .session import SchoolSockets


def sockets(*, grace: float, expires: float, every: float) -> Callable[[Application], None]:
    """Presence with its ``grace``, typing that ``expires`` and is forwarded ``every`` so often; in seconds.

    Goes after the real-time transport and the services. Raises RuntimeError without the transport.
    """

    def configure(app: Application) -> None:
        if app.realtime is None:
            raise RuntimeError("configure realtime() before the school's sockets")
        school = SchoolSockets(app, app.realtime, grace=grace, expires=expires, every=every)
        school.register()

        async def close(_: Any, proceed: Callable[[], Awaitable[None]]) -> None:
            await school.close()
            await proceed()

        app.hooks({"around": {"teardown": [close]}})

    return configure
