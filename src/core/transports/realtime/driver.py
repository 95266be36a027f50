"""Engine.IO's websocket, without ASGI where the server offers a shorter way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from engineio.async_drivers.asgi import WebSocket
from engineio.exceptions import EngineIOError
from engineio.packet import NOOP, Packet

from ...websocket import DIRECT, Direct

PROBE: Final = "2probe"
PROBE_ANSWER: Final = "3probe"
UPGRADE: Final = "5"
GOODBYE_SECONDS: Final = 5.0
"""How long a client may take to fetch what it is told last, before it is hung up on."""

OnPacket = Callable[[Any, str], bool]
"""Whether it has taken a packet of a session's client."""


class Driver(WebSocket):
    """What engineio makes for each websocket; ``handler`` is a method of its session.

    Packets are offered to ``on_packet`` as they arrive, and what is sent is written by the session's
    queue: no task reads, and none writes. Packets that are not taken are engineio's, one at a time.
    """

    def __init__(self, handler: Any, server: Any, on_packet: OnPacket) -> None:
        super().__init__(handler, server)
        self._on_packet = on_packet

    async def __call__(self, environ: Mapping[str, Any]) -> str:
        direct: Direct | None = environ["asgi.scope"].get("extensions", {}).get(DIRECT)
        if direct is None:
            return await super().__call__(environ)
        self.asgi_receive, self.asgi_send = environ["asgi.receive"], environ["asgi.send"]
        await self.asgi_send({"type": "websocket.accept"})
        session = self.handler.__self__
        with suppress(OSError):  # the client has left
            if not session.connected or await self._upgrade(session):
                await self._serve(session, direct)
        # Who does not read never takes the close frame, which is waited for.
        asyncio.get_running_loop().call_later(GOODBYE_SECONDS, direct.abort)
        await self.close()
        if session.upgraded:
            await session.close(wait=False, abort=True, reason=session.server.reason.TRANSPORT_CLOSE)
        return ""

    async def _upgrade(self, session: Any) -> bool:
        """Whether a polling client proves that its websocket works, and then means to use it."""
        session.upgrading = True
        try:
            if await self.wait() != PROBE:
                return False
            await self.send(PROBE_ANSWER)
            session.queue.put_nowait(Packet(NOOP))  # the answer to the poll that waits
            return await self.wait() == UPGRADE
        finally:
            session.upgrading = False

    async def _serve(self, session: Any, direct: Direct) -> None:
        session.connected = session.upgraded = True
        session.queue.attach(direct)
        direct.take(lambda text: self._on_packet(session, text), session.queue.flush)
        while not session.closed:
            text = await self.wait()
            with suppress(EngineIOError):
                await session.receive(Packet(encoded_packet=text))
