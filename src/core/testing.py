"""For tests of applications: serve one on a free port of this machine for as long as a block runs."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from .application import Application
from .server import Server, bind, config, running


@asynccontextmanager
async def serving(app: Application, *, max_message: int = 65_536) -> AsyncGenerator[str]:
    """Set the application up, serve it in this event loop, tear it down; yields its address.

    Raises whatever the set-up raises.
    """
    server = Server(config(app, max_message=max_message))
    async with running(app, bind("127.0.0.1", 0), server) as (address, _):
        yield address
