"""Redis goes and comes back with nothing, nodes are killed: clients lack nothing in the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.nodes.nodes import Cluster, serve_nodes
from tests.nodes.views import OFFLINE, folded, view_of
from tests.support.redis import Redis
from tests.support.school import Person, Socket
from tests.support.waiting import until


class Pair(NamedTuple):
    nodes: Cluster
    redis: Redis


@pytest.fixture(scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory, mongodb_url: str) -> AsyncIterator[Pair]:
    folder: Path = tmp_path_factory.mktemp("pair")
    redis = Redis(folder)
    redis.start()
    try:
        async with serve_nodes(folder, mongodb_url, "test_failing_nodes", redis.url) as nodes:
            yield Pair(nodes, redis)
    finally:
        redis.stop()


async def write(person: Person, conversation: str, content: str) -> None:
    answer = await person.rest(
        "create", "messages", data={"conversationId": conversation, "content": content}
    )
    assert answer.code == 201, answer


def has(socket: Socket, content: str) -> bool:
    return any(message["content"] == content for message in socket.seen("messages created"))


async def test_while_redis_is_away_each_node_serves_its_own_and_nothing_is_lost(pair: Pair) -> None:
    nodes, redis = pair.nodes, pair.redis
    rivera, ada = await nodes.person("rivera"), await nodes.person("ada", on=1)
    conversation = await nodes[0].school.conversation("rivera", "ada")
    async with rivera.socket() as here, ada.socket() as there:
        await write(rivera, conversation, "before")
        await until(lambda: has(here, "before") and has(there, "before"))
        redis.stop()
        await write(rivera, conversation, "meanwhile")
        await until(lambda: has(here, "meanwhile"))
        assert not has(there, "meanwhile")
        redis.start()
        assert (await there.next("resync", within=20))["reason"] == "gap"
        answer = await there.say("sync", {"conversations": {conversation: 0}})
        assert "error" not in answer, answer
        await until(lambda: has(there, "meanwhile"))
        await write(ada, conversation, "after")
        await until(lambda: has(here, "after") and has(there, "after"))


async def test_who_came_and_went_while_redis_was_away_is_known_when_it_is_back(pair: Pair) -> None:
    nodes, redis = pair.nodes, pair.redis
    north, south = nodes
    rivera, ada, ben, finn = [await nodes.person(name) for name in ("rivera", "ada", "ben", "finn")]
    async with rivera.socket() as viewer, south.at(ada).socket():
        async with south.at(ben).socket():
            await until(lambda: set(folded(viewer)) == {ada.id, ben.id})
            redis.stop()
        async with south.at(finn).socket() as newcomer:
            assert newcomer.welcome["online"] == [rivera.id]
            redis.start()
            await until(lambda: set(folded(viewer)) == {ada.id, finn.id}, within=20)
            assert folded(viewer) == view_of(await viewer.say("presence:get", {}))
            assert [told["userId"] for told in viewer.seen(OFFLINE)] == [ben.id]
        async with north.at(finn).socket() as late:
            await until(lambda: rivera.id in folded(late))


async def test_what_a_killed_node_has_stored_is_told_by_another(pair: Pair) -> None:
    nodes, redis = pair.nodes, pair.redis
    rivera, ada = await nodes.person("rivera"), await nodes.person("ada", on=1)
    conversation = await nodes[0].school.conversation("rivera", "ada")
    async with ada.socket() as there:
        redis.stop()
        await write(rivera, conversation, "last words")
        await nodes[0].server.kill()
        # Without Redis a node starts, too, and says so.
        await nodes[0].server.start()
        assert "serves alone" in nodes[0].server.log.read_text()
        redis.start()
        await until(lambda: has(there, "last words"), within=30)
        await write(rivera, conversation, "back again")
        await until(lambda: has(there, "back again"), within=30)
