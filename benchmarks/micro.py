"""What a call of own code costs, in one process: a get from memory between hooks that do nothing."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from typing import Final

from stonechat.core.adapters.memory import MemoryService
from stonechat.core.application import Application
from stonechat.core.service import Service

from .server import nothing
from .servers import FEATHERS_FOLDER, NODE

HOOKS: Final = (0, 4, 10)
CALLS: Final = 20_000


def measure(rounds: int) -> dict[str, dict[str, float]]:
    """Microseconds of a ``get`` by number of hooks and side: the best of all rounds of each."""
    ours = asyncio.run(_measure(rounds))
    command = [NODE, str(FEATHERS_FOLDER / "micro.mjs"), str(rounds)]
    theirs = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return {
        f"{hooks} hooks": {"stonechat": ours[hooks], "feathers": float(theirs[str(hooks)])} for hooks in HOOKS
    }


async def _measure(rounds: int) -> dict[int, float]:
    variants: dict[int, Service] = {hooks: await _service(hooks) for hooks in HOOKS}
    best = dict.fromkeys(variants, float("inf"))
    for _ in range(rounds):
        for hooks, service in variants.items():
            best[hooks] = min(best[hooks], await _microseconds(service))
    return best


async def _service(hooks: int) -> Service:
    service = Application().use("messages", MemoryService(start_id=1)).service("messages")
    await service.create({"conversationId": "c1", "senderId": "u1", "text": "hello"})
    half = [nothing] * (hooks // 2)
    return service.hooks({"before": {"get": half}, "after": {"get": half}})


async def _microseconds(service: Service) -> float:
    started = time.perf_counter()
    for _ in range(CALLS):
        await service.get(1)
    return (time.perf_counter() - started) / CALLS * 1e6
