"""Nodes that hear of each other through a real server of Redis' protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from bson import ObjectId

from stonechat.core.backplane.keys import Keys
from stonechat.core.backplane.link import Link
from stonechat.core.backplane.nodes import Nodes
from tests.support.redis import Redis, forget
from tests.support.waiting import until


class Heard:
    """What a node's handlers were told, in order."""

    def __init__(self, node: Nodes) -> None:
        self.node = node
        self.came: list[tuple[str, Any]] = []
        self.held: list[tuple[str, str, Any]] = []
        self.released: list[tuple[str, str, Any, bool]] = []
        self.reaped: list[tuple[str, str, Any]] = []
        self.gaps: list[str] = []
        node.on("said", lambda topic, _, body: self.came.append((topic, body["n"])))
        node.on_held(lambda topic, _, key, value: self.held.append((topic, key, value)))
        node.on_released(lambda topic, _, key, value, died: self.released.append((topic, key, value, died)))
        node.on_reaped(lambda topic, key, value: self.reaped.append((topic, key, value)))
        node.on_gap(self.gaps.append)


class Cluster:
    """Nodes of one installation, started one by one."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.name = uuid4().hex
        self.nodes: list[Nodes] = []

    async def node(self, *topics: str, lease: float = 15.0) -> Heard:
        node = Nodes(self.url, self.name, lease=lease)
        heard = Heard(node)
        self.nodes.append(node)
        await node.start()
        for topic in topics:
            node.join(topic)
            assert await node.joined(topic)
        return heard

    async def kill(self, node: Nodes) -> None:
        """As a process that ends with no chance to say anything; its lease has run out."""
        for task in node.tasks:
            task.cancel()
        await self.end_lease(node)

    async def end_lease(self, node: Nodes) -> None:
        await forget(self.url, Keys(self.name).lease(node.node))


@pytest.fixture
async def cluster(redis_url: str) -> AsyncIterator[Cluster]:
    cluster = Cluster(redis_url)
    yield cluster
    for node in cluster.nodes:
        await node.stop()


async def test_an_entry_reaches_the_others_that_have_joined_in_order_and_not_oneself(
    cluster: Cluster,
) -> None:
    one, two, three = await cluster.node("hill"), await cluster.node("hill"), await cluster.node("dale")
    for number in range(1200):
        one.node.send("hill", "said", {"n": number})
    await until(lambda: len(two.came) == 1200)
    assert two.came == [("hill", number) for number in range(1200)]
    three.node.send("hill", "said", {"n": "from outside"})
    await until(lambda: one.came and two.came[-1] == ("hill", "from outside"))
    assert (one.came, three.came) == ([("hill", "from outside")], [])
    assert [*one.gaps, *two.gaps, *three.gaps] == []


async def test_ids_and_times_arrive_as_what_they_are(cluster: Cluster) -> None:
    one, two = await cluster.node(), await cluster.node()
    said = {"id": ObjectId(), "at": datetime(2026, 3, 4, 5, 6, 7, 8000, UTC), "of": [None, {"deep": True}]}
    one.node.send("", "said", {"n": said})
    await until(lambda: two.came)
    assert two.came == [("", said)]


async def test_what_bson_can_not_hold_is_refused_at_once(cluster: Cluster) -> None:
    one = await cluster.node()
    with pytest.raises(ValueError, match="BSON"):
        one.node.send("", "said", {"n": {1, 2}})


async def test_a_topic_that_was_left_is_not_heard_any_more(cluster: Cluster) -> None:
    one, two = await cluster.node("hill"), await cluster.node("hill")
    one.node.hold("hill", "ada", {"at": 1})
    await until(lambda: two.held)
    two.node.join("hill")
    two.node.leave("hill")
    one.node.send("hill", "said", {"n": 1})
    await until(lambda: two.came)
    two.node.leave("hill")
    assert two.released == [("hill", "ada", {"at": 1}, False)]
    one.node.send("hill", "said", {"n": 2})
    one.node.send("", "said", {"n": 3})
    await until(lambda: ("", 3) in two.came)
    assert ("hill", 2) not in two.came


async def test_who_joins_learns_what_is_held_and_then_what_changes(cluster: Cluster) -> None:
    one = await cluster.node("hill")
    one.node.hold("hill", "ada", {"at": 1})
    one.node.hold("hill", "ben", {"at": 1})
    await until(lambda: not one.node.queued)
    two = await cluster.node("hill")
    assert sorted(key for _, key, _ in two.held) == ["ada", "ben"]
    one.node.hold("hill", "ada", {"at": 2})
    one.node.release("hill", "ben", {"seen": 5})
    await until(lambda: two.released)
    assert two.held[-1] == ("hill", "ada", {"at": 2})
    assert two.released == [("hill", "ben", {"seen": 5}, False)]


async def test_what_a_dead_node_held_is_released_everywhere_and_reaped_once(cluster: Cluster) -> None:
    one, two = await cluster.node("hill", lease=0.3), await cluster.node("hill", lease=0.3)
    three = await cluster.node("hill", lease=0.3)
    one.node.hold("hill", "ada", {"at": 1})
    await until(lambda: two.held and three.held)
    await cluster.kill(one.node)
    await until(lambda: two.released and three.released)
    assert two.released == three.released == [("hill", "ada", {"at": 1}, True)]
    await until(lambda: two.reaped or three.reaped)
    assert two.reaped + three.reaped == [("hill", "ada", {"at": 1})]


async def test_a_node_that_died_when_nobody_lived_is_reaped_by_the_next(cluster: Cluster) -> None:
    one = await cluster.node()
    one.node.hold("hill", "ada", {"at": 1})
    await until(lambda: not one.node.queued)
    await cluster.kill(one.node)
    two = await cluster.node("hill")
    await until(lambda: two.reaped)
    assert two.reaped == [("hill", "ada", {"at": 1})]


async def test_a_node_that_was_only_slow_takes_up_a_new_life(cluster: Cluster) -> None:
    slow, other = await cluster.node("hill", lease=0.3), await cluster.node("hill", lease=0.3)
    slow.node.hold("hill", "ada", {"at": 1})
    await until(lambda: other.held)
    link: Link = other.node.link
    await cluster.end_lease(slow.node)
    await link.reap(slow.node.node)
    await until(lambda: len(other.held) == 2)
    assert other.released == [("hill", "ada", {"at": 1}, True)]
    assert other.held == [("hill", "ada", {"at": 1})] * 2


async def test_who_drops_entries_says_so(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = await cluster.node("hill"), await cluster.node("hill")
    one.node.send("hill", "said", {"n": 0})
    await until(lambda: two.came)
    outcomes: list[bool] = []
    monkeypatch.setattr("stonechat.core.backplane.outgoing.MOST_ENTRIES", 2)
    for number in range(1, 4):
        one.node.send("hill", "said", {"n": number}, taken=outcomes.append)
    await until(lambda: len(two.came) == 3)
    assert [number for _, number in two.came] == [0, 2, 3]
    assert (two.gaps, two.node.gaps) == (["hill"], 1)
    await until(lambda: len(outcomes) == 3)
    assert outcomes == [False, True, True]


@pytest.fixture
def restartable(tmp_path: Path) -> Iterator[Redis]:
    server = Redis(tmp_path)
    yield server
    server.stop()


async def test_after_a_server_that_lost_everything_all_is_told_anew(restartable: Redis) -> None:
    restartable.start()
    cluster = Cluster(restartable.url)
    one, two = await cluster.node("hill", lease=1.0), await cluster.node("hill", lease=1.0)
    one.node.hold("hill", "ada", {"at": 1})
    await until(lambda: two.held)
    restartable.stop()
    await until(lambda: not (one.node.is_connected or two.node.is_connected))
    one.node.send("hill", "said", {"n": "meanwhile"})
    one.node.hold("hill", "ben", {"at": 2})
    restartable.start()
    await until(lambda: "hill" in one.gaps and "hill" in two.gaps)
    await until(lambda: two.came == [("hill", "meanwhile")] and len(two.held) == 2)
    assert two.released == []
    three = await cluster.node("hill")
    await until(lambda: len(three.held) == 2)
    assert not three.gaps
    for node in cluster.nodes:
        await node.stop()


async def test_without_a_server_a_node_starts_alone_and_finds_the_others_later(
    restartable: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stonechat.core.backplane.nodes.JOIN_SECONDS", 0.1)
    cluster = Cluster(restartable.url)
    one, two = await cluster.node(), await cluster.node()
    one.node.join("hill")
    assert not await one.node.joined("hill")
    restartable.start()
    await until(lambda: one.node.is_connected and two.node.is_connected and "hill" in one.gaps)
    two.node.send("hill", "said", {"n": 1})
    await until(lambda: one.came == [("hill", 1)])
    for node in cluster.nodes:
        await node.stop()
