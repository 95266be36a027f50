"""``app.listen``: an application that is served in this event loop until somebody closes it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Self

from .application import Application
from .server import Server, bind, config, running


class Listening:
    """The server of an application. Closes itself at the end of an ``async with``."""

    def __init__(self, address: str, serving: asyncio.Task[None], closing: AsyncExitStack) -> None:
        self.address = address
        self._serving = serving
        self._closing = closing

    async def wait(self) -> None:
        """Return when the server has been closed."""
        await asyncio.wait({self._serving})

    async def close(self) -> None:
        """Stop serving, then tear the application down. Closing again changes nothing."""
        await self._closing.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def listen(app: Application, port: int, host: str) -> Listening:
    """Set the application up and serve it. Raises OSError where the address is taken."""
    closing = AsyncExitStack()
    server = Server(config(app))
    address, serving = await closing.enter_async_context(running(app, bind(host, port), server))
    return Listening(address, serving, closing)
