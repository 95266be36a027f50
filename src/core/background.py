"""What an application does of its own accord, again and again while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

import structlog

from .application import Application

AT_ONCE: Final = 0.0
HAS_RECORDS: Final = "has_records"
"""The setting that says, when it is called, whether the records are the application's at the moment."""

Work = Callable[[], Awaitable[float | None]]
"""Does the next piece of what there is to do; in how many seconds there is more, None where nobody knows."""

logger = structlog.stdlib.get_logger(__name__)


class Background:
    """Does ``work`` at least ``every`` so many seconds, and at once when woken.

    A failure is logged, and tried again at the next turn. Nothing is done by an application whose setting
    ``background`` is false, nor while another one of the process has the records: it would do what is not its
    own. Who stops it waits ``grace`` seconds for the piece at hand, and cancels it then.
    """

    def __init__(self, app: Application, name: str, work: Work, *, every: float, grace: float = 0.0) -> None:
        self._app = app
        self._name = name
        self._work = work
        self._every = every
        self._grace = grace
        self._woken = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def attach(self) -> None:
        """Start when everything is set up, and stop before anything is torn down."""

        async def setup(_: Any, proceed: Callable[[], Awaitable[None]]) -> None:
            await proceed()
            self.start()

        async def teardown(_: Any, proceed: Callable[[], Awaitable[None]]) -> None:
            await self.stop()
            await proceed()

        self._app.hooks({"around": {"setup": [setup], "teardown": [teardown]}})

    def start(self) -> None:
        if self._app.get("background") is not False:
            self._stopping = False
            self._task = self._app.tasks.start(self._run(), name=self._name)

    async def stop(self) -> None:
        self._stopping = True
        self.wake()
        if self._task is not None:
            _, late = await asyncio.wait({self._task}, timeout=self._grace)
            for task in late:
                task.cancel()
                await asyncio.wait({task})
            self._task = None

    def wake(self, *_: object) -> None:
        """There may be something to do: do not wait any longer. Fits as a listener to any event."""
        self._woken.set()

    def _has_records(self) -> bool:
        answer: Callable[[], bool] | None = self._app.get(HAS_RECORDS)
        return answer is None or answer()

    async def _run(self) -> None:
        while not self._stopping:
            self._woken.clear()
            seconds: float | None = None
            try:
                if self._has_records():
                    seconds = await self._work()
            except Exception:
                # The database may be away; what is to be done stays so.
                logger.exception("background work has to wait", work=self._name)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every if seconds is None else min(seconds, self._every)):
                    await self._woken.wait()
