"""Answers that cost something, and are asked for by anybody."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Remembered(Generic[T]):
    """Asks again ``seconds`` after the last answer at the soonest; who comes meanwhile shares one.

    What ``ask`` raises is an answer too.
    """

    def __init__(self, ask: Callable[[], Awaitable[T]], *, seconds: float) -> None:
        self._ask = ask
        self._seconds = seconds
        self._asking: asyncio.Task[T] | None = None
        self._until = 0.0

    async def __call__(self) -> T:
        if self._asking is None or (self._asking.done() and asyncio.get_running_loop().time() >= self._until):
            self._asking = asyncio.create_task(self._run())
        # Whoever leaves must not take the answer from the others.
        return await asyncio.shield(self._asking)

    async def _run(self) -> T:
        try:
            return await self._ask()
        finally:
            self._until = asyncio.get_running_loop().time() + self._seconds
