"""How long the event loop of our server was held up: ``GET /stalls``."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

from stonechat.core.application import Application
from stonechat.core.context import Params

EVERY_SECONDS: Final = 0.005


class Stalls:
    """A service that answers with the longest stall since it was last asked: ``{wall, cpu}`` in milliseconds.

    ``cpu`` counts only what the loop worked itself: it is late, too, where others keep it from its CPU.
    """

    def __init__(self) -> None:
        self._wall = 0.0
        self._cpu = 0.0
        self._due = 0.0
        self._worked = 0.0
        self._timer: asyncio.TimerHandle | None = None

    async def setup(self, app: Application, path: str) -> None:
        self._wait(asyncio.get_running_loop())

    async def teardown(self, app: Application, path: str) -> None:
        if self._timer is not None:
            self._timer.cancel()

    async def find(self, params: Params) -> dict[str, Any]:
        longest = {"wall": self._wall * 1000, "cpu": self._cpu * 1000}
        self._wall = self._cpu = 0.0
        return longest

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        self._worked = time.thread_time()
        self._due = loop.time() + EVERY_SECONDS
        self._timer = loop.call_later(EVERY_SECONDS, self._sample, loop)

    def _sample(self, loop: asyncio.AbstractEventLoop) -> None:
        late = loop.time() - self._due
        self._wall = max(self._wall, late)
        self._cpu = max(self._cpu, min(late, time.thread_time() - self._worked))
        self._wait(loop)
