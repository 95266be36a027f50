"""For tests of applications: serve one on a free port of this machine for as long as a block runs."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from .application import Application
from .listening import listen


@asynccontextmanager
async def serving(app: Application) -> AsyncGenerator[str]:
    """Set the application up, serve it in this event loop, tear it down; yields its address.

    Raises whatever the set-up raises.
    """
    async with await listen(app, 0, "127.0.0.1") as server:
        yield server.address
