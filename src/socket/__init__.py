"""The school's socket layer: who is connected, who is told what. It handles ids, not documents."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ..core.application import Application
from .session import SchoolSockets


def sockets(
    *, grace: float, collect: float, expires: float, every: float, most: int
) -> Callable[[Application], None]:
    """Presence with its ``grace``, typing that ``expires`` and is forwarded ``every`` so often; in seconds.

    Changes of presence that follow one another within ``collect`` seconds are told together. In conversations
    of more than ``most`` members nobody is told who types.

    Goes after the real-time transport and the services. Raises RuntimeError without the transport.
    """

    def configure(app: Application) -> None:
        if app.realtime is None:
            raise RuntimeError("configure realtime() before the school's sockets")
        school = SchoolSockets(
            app, app.realtime, grace=grace, collect=collect, expires=expires, every=every, most=most
        )
        school.register()

        async def close(_: Any, proceed: Callable[[], Awaitable[None]]) -> None:
            await school.close()
            await proceed()

        app.hooks({"around": {"teardown": [close]}})

    return configure
