"""A process is killed in the middle of a job: another one does it, once."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from tests.nodes.job_worker import READY
from tests.support.waiting import until_so

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
STARTED_WITHIN = 60.0


class Process:
    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self._process: asyncio.subprocess.Process | None = None

    @property
    def id(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        self._process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.nodes.job_worker", *self._arguments),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        async with asyncio.timeout(STARTED_WITHIN):
            assert (await process.stdout.readline()).decode().strip() == READY

    async def owe(self, job: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{job}\n".encode())
        await self._process.stdin.drain()

    async def kill(self) -> None:
        """With no chance to finish anything."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def processes(count: int, *arguments: str) -> AsyncGenerator[list[Process]]:
    async with AsyncExitStack() as stack:
        started = [Process(*arguments) for _ in range(count)]
        for process in started:
            stack.push_async_callback(process.kill)
        await asyncio.gather(*(process.start() for process in started))
        yield started


class Stage:
    """What the processes have noted of their jobs."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]]) -> None:
        self.database = database

    async def traces(self, job: str, event: str) -> list[dict[str, Any]]:
        return await self.database["traces"].find({"job": job, "event": event}).sort("at").to_list()

    async def begun(self, job: str, times: int = 1) -> list[int]:
        """The processes that have begun it, once they are so many."""

        async def is_begun() -> bool:
            return len(await self.traces(job, "begun")) >= times

        await until_so(is_begun, within=20)
        return [trace["process"] for trace in await self.traces(job, "begun")]

    async def let_go_on(self, job: str) -> None:
        await self.database["gates"].insert_one({"job": job})

    async def ended(self, job: str) -> list[int]:
        """The processes that have done it, once the record says that it is done."""

        async def is_done() -> bool:
            task = await self.database["tasks"].find_one({"key": job})
            return task is not None and task["state"] == "DONE"

        await until_so(is_done, within=20)
        return [trace["process"] for trace in await self.traces(job, "done")]


@pytest.fixture
def stage(database: AsyncDatabase[dict[str, Any]]) -> Stage:
    return Stage(database)


async def test_on_one_node_what_a_killed_process_was_doing_is_done_after_its_restart(
    stage: Stage, mongodb_url: str
) -> None:
    arguments = (mongodb_url, stage.database.name)
    async with processes(1, *arguments) as (first,):
        await first.owe("alone")
        assert await stage.begun("alone") == [first.id]
        await first.kill()
    await stage.let_go_on("alone")
    assert await stage.traces("alone", "done") == []
    async with processes(1, *arguments) as (second,):
        assert await stage.ended("alone") == [second.id]
        assert await stage.begun("alone") == [first.id, second.id]


async def test_with_redis_what_a_killed_node_was_doing_is_done_by_another(
    stage: Stage, mongodb_url: str, redis_url: str
) -> None:
    async with processes(2, mongodb_url, stage.database.name, redis_url) as nodes:
        await nodes[0].owe("shared")
        (begun,) = await stage.begun("shared")
        (killed,), (left,) = (
            [node for node in nodes if (node.id == begun) == is_killed] for is_killed in (True, False)
        )
        await killed.kill()
        await stage.let_go_on("shared")
        assert await stage.ended("shared") == [left.id]
        assert await stage.begun("shared") == [killed.id, left.id]
