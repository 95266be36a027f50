from __future__ import annotations

import asyncio
import socket
import sys
import time
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from stonechat.core import throttle as module
from stonechat.core.application import Application
from stonechat.core.configuration import ConfigurationError
from stonechat.core.throttle import RecentHits, Throttle, throttle_of, throttling


@pytest.fixture(params=["memory", "redis"])
async def throttle(request: pytest.FixtureRequest) -> AsyncIterator[Throttle]:
    url = "" if request.param == "memory" else request.getfixturevalue("redis_url")
    made = Throttle(url)
    yield made
    await made.close()


@pytest.fixture
def key() -> str:
    return uuid4().hex


async def test_more_hits_than_the_limit_are_refused_until_the_wait_is_over(
    throttle: Throttle, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now)
    assert [await throttle.hit("3/hour", key) for _ in range(3)] == [None] * 3
    wait = await throttle.hit("3/hour", key)
    assert wait == pytest.approx(3600, abs=0.01)
    now += 3599
    assert await throttle.hit("3/hour", key) == pytest.approx(1, abs=0.01)
    now += 1.001
    assert await throttle.hit("3/hour", key) is None


async def test_a_refused_hit_does_not_lengthen_the_wait(throttle: Throttle, key: str) -> None:
    await throttle.hit("1/hour", key)
    waits = [await throttle.hit("1/hour", key) for _ in range(5)]
    assert waits == sorted(waits, key=lambda wait: wait or 0, reverse=True)


async def test_hits_at_once_do_not_pass_the_limit(throttle: Throttle, key: str) -> None:
    answers = await asyncio.gather(*(throttle.hit("5/hour", key) for _ in range(20)))
    assert answers.count(None) == 5


async def test_looking_does_not_count(throttle: Throttle, key: str) -> None:
    assert [await throttle.waiting("1/hour", key) for _ in range(3)] == [None] * 3
    assert await throttle.hit("1/hour", key) is None
    wait = await throttle.waiting("1/hour", key)
    assert wait is not None
    assert wait > 0


async def test_clearing_makes_room(throttle: Throttle, key: str) -> None:
    await throttle.hit("1/hour", key)
    await throttle.clear("1/hour", key)
    assert await throttle.hit("1/hour", key) is None


async def test_each_combination_of_keys_and_each_limit_counts_for_itself(
    throttle: Throttle, key: str
) -> None:
    assert await throttle.hit("1/hour", key, "a/b", "c") is None
    assert await throttle.hit("1/hour", key, "a", "b/c") is None
    assert await throttle.hit("1/minute", key, "a", "b/c") is None
    assert await throttle.hit("1/hour", key, "a/b", "c") is not None


@pytest.mark.parametrize("limit", ["", "often", "5", "5/fortnight", "1/second; 5/minute"])
async def test_what_is_not_one_limit_is_refused(throttle: Throttle, limit: str) -> None:
    with pytest.raises(ValueError, match=r"limit|granularity"):
        await throttle.hit(limit, "key")


async def test_nodes_share_the_counts_of_one_redis(redis_url: str, key: str) -> None:
    here, there = Throttle(redis_url), Throttle(redis_url)
    assert await here.hit("1/hour", key) is None
    assert await there.hit("1/hour", key) is not None
    await there.clear("1/hour", key)
    assert await here.hit("1/hour", key) is None
    await here.close()
    await there.close()


async def test_without_an_answer_from_redis_the_node_counts_for_itself(
    monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        throttle = Throttle(f"redis://127.0.0.1:{silent.getsockname()[1]}")
        assert await throttle.hit("1/hour", key) is None
        assert await throttle.hit("1/hour", key) is not None
        await throttle.close()


async def test_memory_keeps_no_key_that_has_no_recent_hit(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000_000.0
    monkeypatch.setattr("time.time", lambda: now)
    hits = RecentHits()
    for name in "abc":
        await hits.acquire_entry(name, 5, 60)
    await hits.acquire_entry("day", 5, 86_400)
    now += 60
    await hits.acquire_entry("d", 5, 60)
    assert len(hits) == 2
    assert (await hits.get_moving_window("day", 5, 86_400))[1] == 1


async def test_memory_forgets_who_was_idle_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_KEYS", 2)
    hits = RecentHits()
    for name in "abac":
        await hits.acquire_entry(name, 5, 60)
    assert [(await hits.get_moving_window(name, 5, 60))[1] for name in "abc"] == [2, 0, 1]


async def test_an_application_has_one_throttle_and_closes_the_one_it_was_given(
    redis_url: str, key: str
) -> None:
    assert throttle_of(Application()) is not throttle_of(Application())
    app = Application().configure(throttling(redis_url))
    throttle = throttle_of(app)
    assert throttle_of(app) is throttle
    await app.setup()
    assert await throttle.hit("1/hour", key) is None
    other = Throttle(redis_url)
    assert await other.hit("1/hour", key) is not None
    await other.close()
    await app.teardown()


def test_without_the_package_for_redis_the_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ConfigurationError, match=r"redis.url: needs the package redis"):
        Throttle("redis://127.0.0.1:6379")
