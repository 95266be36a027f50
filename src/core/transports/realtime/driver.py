"""Engine.IO's websocket, without ASGI where the server offers a shorter way."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final, cast

from engineio.async_drivers.asgi import WebSocket
from engineio.packet import NOOP, Packet

from ...websocket import DIRECT, Direct
from .session import Session

PROBE: Final = "2probe"
PROBE_ANSWER: Final = "3probe"
UPGRADE: Final = "5"
UPGRADE_SECONDS: Final = 10.0


class Driver(WebSocket):
    """What engineio makes for each websocket; ``handler`` is a method of its session.

    It returns once the session has taken the websocket over, so that no task waits for its end.
    """

    async def __call__(self, environ: Mapping[str, Any]) -> str:
        direct: Direct | None = environ["asgi.scope"].get("extensions", {}).get(DIRECT)
        if direct is None:
            return await super().__call__(environ)
        self.asgi_receive, self.asgi_send = environ["asgi.receive"], environ["asgi.send"]
        session = cast("Session", self.handler.__self__)
        try:
            await self.asgi_send({"type": "websocket.accept"})
            is_ready = not session.connected or await self._upgrade(session)
        except OSError:  # the client has left
            is_ready = False
        if is_ready and not session.closed:
            session.serve(direct)
        else:
            await self.close()
            if not session.connected:
                session.left()
        return ""

    async def _upgrade(self, session: Session) -> bool:
        """Whether a polling client proves, in time, that its websocket works, and then means to use it."""
        if session.upgrading:
            return False
        session.upgrading = True
        try:
            async with asyncio.timeout(UPGRADE_SECONDS):
                if await self.wait() != PROBE:
                    return False
                await self.send(PROBE_ANSWER)
                if session.queue.empty():
                    session.queue.put_nowait(Packet(NOOP))  # the answer to the poll that waits
                return await self.wait() == UPGRADE
        except TimeoutError:
            return False
        finally:
            session.upgrading = False
