"""The word that a task is due reaches one of those who work, in one process and between nodes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from stonechat.core.application import Application
from stonechat.core.jobs import jobs
from stonechat.core.jobs.carrier import Carrier
from tests.support.redis import Redis
from tests.support.waiting import until

PLACES = 4


class Node:
    """Hears words; ``heard`` are the ids."""

    def __init__(self, url: str = "", name: str = "test_carrier") -> None:
        self.heard: list[str] = []
        self.carrier = Carrier(Application(), self._hear, url=url, name=name, places=PLACES)

    async def _hear(self, kind: str, task_id: str) -> None:
        assert kind == "post"
        self.heard.append(task_id)


@asynccontextmanager
async def nodes(count: int, url: str = "", name: str = "test_carrier") -> AsyncGenerator[list[Node]]:
    async with AsyncExitStack() as stack:
        started = [Node(url, name) for _ in range(count)]
        for node in started:
            await node.carrier.start()
            stack.push_async_callback(node.carrier.stop)
        yield started


async def test_without_redis_it_is_heard_in_the_process() -> None:
    async with nodes(1) as (node,):
        for number in range(3):
            node.carrier.tell("post", f"{number}")
        await until(lambda: sorted(node.heard) == ["0", "1", "2"])


async def test_who_has_stopped_tells_nobody() -> None:
    async with nodes(1) as (node,):
        pass
    node.carrier.tell("post", "late")
    assert node.heard == []


async def test_with_redis_each_word_is_heard_by_one_node(redis_url: str) -> None:
    async with nodes(2, redis_url) as (north, south):
        ids = [f"{number}" for number in range(20)]
        for task_id in ids:
            north.carrier.tell("post", task_id)
        await until(lambda: len(north.heard) + len(south.heard) == len(ids))
        assert sorted(north.heard + south.heard) == sorted(ids)


async def test_installations_that_share_a_redis_do_not_hear_each_other(redis_url: str) -> None:
    async with nodes(1, redis_url, "test_one") as (one,), nodes(1, redis_url, "test_other") as (other,):
        one.carrier.tell("post", "own")
        await until(lambda: one.heard == ["own"])
        assert other.heard == []


async def test_while_redis_is_away_it_is_said_once_and_afterwards_all_is_heard_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stonechat.core.jobs.carrier.PAUSE_SECONDS", 0.05)
    redis = Redis(tmp_path)
    redis.start()
    try:
        async with nodes(1, redis.url) as (node,):
            node.carrier.tell("post", "before")
            await until(lambda: node.heard == ["before"])
            with capture_logs() as logs:
                redis.stop()
                for number in range(3):
                    node.carrier.tell("post", f"lost {number}")
                await until(lambda: bool(logs))
                redis.start()

                def is_heard() -> bool:
                    node.carrier.tell("post", "after")
                    return "after" in node.heard

                await until(is_heard)
            assert len([log for log in logs if log["log_level"] == "warning"]) <= 2
    finally:
        redis.stop()


async def test_owed_work_is_done_by_the_node_that_hears_of_it(redis_url: str) -> None:
    app = Application().configure(jobs(url=redis_url, name="test_jobs"))
    done: list[str] = []

    async def do(task: object) -> None:
        done.append("done")

    app.jobs.define("post", do)
    await app.setup()
    await app.jobs.owe("post", {})
    await until(lambda: done == ["done"])
    await app.teardown()
