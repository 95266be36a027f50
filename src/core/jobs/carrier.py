"""Taskiq carries the word that a task is due; what the word is about stays in the ledger."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import structlog

from ..application import Application

if TYPE_CHECKING:
    from taskiq import AsyncBroker

DUE: Final = "due"
"""The one task that taskiq knows: it gets the kind and the id of a task that is due."""

GROUP: Final = "workers"
STREAM_ENTRIES: Final = 10_000
BLOCK_MILLISECONDS: Final = 2000
LOCK_SECONDS: Final = 10.0
TOLD_WITHIN_SECONDS: Final = 2.0
STOPPED_WITHIN_SECONDS: Final = 2.0
PAUSE_SECONDS: Final = 2.0

logger = structlog.stdlib.get_logger(__name__)

Hear = Callable[[str, str], Awaitable[None]]
"""Gets the kind and the id; what it awaits takes up one of the places."""


class Carrier:
    """From whoever owes to whoever works: within the process or, with ``url``, between the nodes of ``name``.

    A word may be lost, and come twice: those who hear it ask the ledger.
    """

    def __init__(self, app: Application, hear: Hear, *, url: str, name: str, places: int) -> None:
        self._app = app
        self._hear = hear
        self._url = url
        self._name = name
        self._places = places
        self._broker: AsyncBroker | None = None
        self._finish = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None
        self._is_heard = True

    async def start(self) -> None:
        # It tells of every task that it begins.
        logging.getLogger("taskiq").setLevel(logging.WARNING)
        broker = self._make()
        broker.is_worker_process = True

        async def due(
            kind: str, task_id: str
        ) -> None:  # taskiq gives it another name, which a method has not
            await self._hear(kind, task_id)

        broker.register_task(due, task_name=DUE)
        self._broker = broker
        self._finish.clear()
        if self._url:
            self._listening = self._app.tasks.start(self._listen(broker), name="hear of jobs")
        else:
            await broker.startup()

    def tell(self, kind: str, task_id: str) -> None:
        """Never waits: no call depends on the word's being heard."""
        if self._broker is not None:
            _ = self._app.tasks.start(self._tell(self._broker, kind, task_id), name=f"tell of {kind}")

    async def stop(self) -> None:
        broker, self._broker = self._broker, None
        self._finish.set()
        if self._listening is not None:
            _, late = await asyncio.wait({self._listening}, timeout=STOPPED_WITHIN_SECONDS)
            for task in late:
                task.cancel()
                await asyncio.wait({task})
        if broker is not None:
            await broker.shutdown()

    def _make(self) -> AsyncBroker:
        if not self._url:
            from taskiq import InMemoryBroker  # noqa: PLC0415 - it is not for commands to wait for

            return InMemoryBroker(max_async_tasks=self._places)
        from taskiq_redis import RedisStreamBroker  # noqa: PLC0415 - an extra

        return RedisStreamBroker(
            self._url,
            queue_name=f"stonechat:{{{self._name}}}:jobs",
            consumer_group_name=GROUP,
            consumer_name=self._app.backplane.node,
            consumer_id="0",  # whoever is the first may have been told before it listens
            xread_block=BLOCK_MILLISECONDS,
            # What one node has read no other hears of.
            xread_count=self._places,
            maxlen=STREAM_ENTRIES,
            # Or a process that is killed while it holds it keeps all others from what was left.
            unacknowledged_lock_timeout=LOCK_SECONDS,
        )

    async def _tell(self, broker: AsyncBroker, kind: str, task_id: str) -> None:
        from taskiq.kicker import AsyncKicker  # noqa: PLC0415 - as above

        kicker: AsyncKicker[[str, str], Any] = AsyncKicker(DUE, broker, {})
        try:
            async with asyncio.timeout(TOLD_WITHIN_SECONDS):
                await kicker.kiq(kind, task_id)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next look finds the task
            self._lost(error)
        else:
            self._is_heard = True

    async def _listen(self, broker: AsyncBroker) -> None:
        """Hear of what all nodes tell, also after the server was away."""
        from taskiq.acks import AcknowledgeType  # noqa: PLC0415 - as above
        from taskiq.receiver import Receiver  # noqa: PLC0415 - as above

        while not self._finish.is_set():
            # Acknowledged at once: who dies over a task leaves it to the ledger's lease.
            receiver = Receiver(
                broker, max_async_tasks=self._places, run_startup=True, ack_type=AcknowledgeType.WHEN_RECEIVED
            )
            try:
                await receiver.listen(self._finish)
            except Exception as error:  # noqa: BLE001 - it comes in groups, of several libraries
                self._lost(error)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._finish.wait(), PAUSE_SECONDS)

    def _lost(self, error: Exception) -> None:
        if self._is_heard:
            logger.warning("nodes do not hear of jobs: each looks for itself", reason=repr(error))
            self._is_heard = False
