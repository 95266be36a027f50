"""What a call of own code costs, in this process: context and hooks around a method that does nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from stonechat.core.application import Application
from stonechat.core.context import Params
from stonechat.core.service import Service

from .server import nothing

HOOKS: Final = (0, 4, 10)
CALLS: Final = 10_000

Get = Callable[[Any, Params], Awaitable[Any]]


class Constant:
    """A service whose ``get`` costs as little as a method can."""

    answer: Final = {"_id": 1}

    async def get(self, id: Any, params: Params) -> dict[str, int]:
        return self.answer


def measure(rounds: int) -> dict[str, float]:
    """Microseconds of a ``get``, of the bare method and of services with hooks: the best of all rounds."""
    variants: dict[str, Get] = {"the method itself": Constant().get}
    variants |= {f"{count} hooks": _service(count).get for count in HOOKS}
    best = dict.fromkeys(variants, float("inf"))
    for _ in range(rounds):
        for name, get in variants.items():
            best[name] = min(best[name], asyncio.run(_microseconds(get)))
    return best


def _service(hooks: int) -> Service:
    before = hooks // 2
    registered = Application().use("constants", Constant()).service("constants")
    return registered.hooks(
        {"before": {"get": [nothing] * before}, "after": {"get": [nothing] * (hooks - before)}}
    )


async def _microseconds(get: Get) -> float:
    started = time.perf_counter()
    for _ in range(CALLS):
        await get(1, Params())
    return (time.perf_counter() - started) / CALLS * 1e6
