"""Waiting for what nobody signals."""

import asyncio
from collections.abc import Awaitable, Callable


async def until(condition: Callable[[], object], *, within: float = 10.0) -> None:
    """Raises TimeoutError where the condition does not come true."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 - a condition, not an event
            await asyncio.sleep(0.005)


async def until_so(condition: Callable[[], Awaitable[bool]], *, within: float = 10.0) -> None:
    """Raises TimeoutError where the answer does not become yes."""
    async with asyncio.timeout(within):
        while not await condition():  # noqa: ASYNC110 - a condition, not an event
            await asyncio.sleep(0.02)
