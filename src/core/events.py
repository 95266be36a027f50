"""An event emitter whose listeners may be plain functions or coroutine functions."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Self

import structlog

Listener = Callable[..., Any]

logger = structlog.stdlib.get_logger(__name__)


class Tasks:
    """Background tasks that somebody holds: a failure is logged, and closing waits for them."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any], *, name: str | None = None) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._done)
        return task

    async def close(self, grace: float = 5.0) -> None:
        """Wait up to ``grace`` seconds for what is running, then cancel the rest."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + grace
        while running := self._running - {asyncio.current_task()}:
            _, late = await asyncio.wait(running, timeout=max(0, deadline - loop.time()))
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("background task failed", task=task.get_name(), exc_info=error)


class EventEmitter:
    """``on``, ``once``, ``off`` and ``emit``; a listener that fails never fails the emitter."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self._listeners: dict[str, list[Listener]] = {}

    def on(self, event: str, listener: Listener) -> Self:
        self._listeners.setdefault(event, []).append(listener)
        return self

    def once(self, event: str, listener: Listener) -> Self:
        @wraps(listener)
        def first(*args: Any) -> Any:
            self.off(event, first)
            return listener(*args)

        return self.on(event, first)

    def off(self, event: str, listener: Listener) -> Self:
        """Stop the first of this event's listeners that is ``listener``, be it for once or for all."""
        listeners = self._listeners.get(event, [])
        for position, known in enumerate(listeners):
            if listener in (known, getattr(known, "__wrapped__", known)):
                del listeners[position]
                break
        if not listeners:
            self._listeners.pop(event, None)
        return self

    def has_listeners(self, event: str) -> bool:
        return event in self._listeners

    def emit(self, event: str, *args: Any) -> bool:
        """Call the listeners in their order; coroutines go on as held tasks. False if there is none."""
        listeners = self._listeners.get(event)
        if not listeners:
            return False
        for listener in tuple(listeners):
            try:
                outcome = listener(*args)
            except Exception:
                logger.exception("event listener failed", event_name=event)
                continue
            if inspect.iscoroutine(outcome):
                _ = self._tasks.start(outcome, name=f"on {event}")
        return True

    async def emit_async(self, event: str, *args: Any) -> None:
        """As ``emit``, but coroutines are awaited one after the other before it returns."""
        for listener in tuple(self._listeners.get(event, ())):
            try:
                outcome = listener(*args)
                if inspect.isawaitable(outcome):
                    await outcome
            except Exception:
                logger.exception("event listener failed", event_name=event)
